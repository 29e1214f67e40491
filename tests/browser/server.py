"""A JupyterLab server of the tests' own: free port, token, and no file outside its folder.

Knows no browser. Kernels end with the server.
"""

from __future__ import annotations

import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.house.sources import ROOT, environment

START_SECONDS = 60.0
STOP_SECONDS = 10.0

# Off-screen cells are drawn, nothing is saved or fetched unasked.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none", "scrollPastEnd": False},
    "docmanager-extension/plugin": {"autosave": False},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
}

# What no test looks at, but each load of a page pays for, and each notebook that is opened.
UNUSED = (
    *("completer", "console", "csvviewer", "debugger", "extensionmanager", "htmlviewer", "hub", "imageviewer"),
    *("inspector", "launcher", "logconsole", "lsp", "mermaid", "pdf", "pluginmanager", "running", "settingeditor"),
    *("terminal", "toc", "tooltip", "vega5"),
)
NEEDS_UNUSED = (
    *("fileeditor-extension:language-server", "notebook-extension:language-server", "notebook-extension:toc"),
    "workspaces-extension:sidebar",
)
PAGE = {
    "buildCheck": False,
    "disabledExtensions": {
        f"@jupyterlab/{name}": True for name in (*(f"{name}-extension" for name in UNUSED), *NEEDS_UNUSED)
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabServer:
    """A running server.

    Attributes:
        url: where it listens, without a slash at the end.
        token: what a request must show.
        root: the folder whose notebooks it serves.
        process: the server itself; its children are the kernels.
    """

    url: str
    token: str
    root: Path
    process: subprocess.Popen[bytes]

    def request(self, path: str, method: str = "GET") -> object:
        """Return the JSON answer of the server's API, None where it has no body."""
        headers = {"Authorization": f"token {self.token}"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers, method=method)) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def kernel_process(self, kernel_id: str) -> psutil.Process:
        """Return the process of a kernel.

        Raises:
            LookupError: if no child of the server runs this kernel.
        """
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if any(kernel_id in part for part in child.cmdline()):
                return child
        msg = f"no kernel process {kernel_id!r} under server {self.process.pid}"
        raise LookupError(msg)

    def stop_kernels(self) -> None:
        """End every session, so that the next test starts with an idle machine."""
        sessions = self.request("/api/sessions")
        assert isinstance(sessions, list), "the API lists sessions"
        for session in sessions:
            self.request(f"/api/sessions/{session['id']}", method="DELETE")

    def stop(self) -> None:
        """End the server and, with it, its kernels."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_server(home: Path) -> LabServer:
    """Start JupyterLab with all its folders below ``home`` and wait until it answers.

    Raises:
        RuntimeError: if it ended or did not answer in time; the text holds the end of its log.
    """
    root = home / "notebooks"
    root.mkdir(parents=True)
    _write_settings(home / "settings")
    _write_page(home / "config" / "labconfig")
    port, token, log = _free_port(), secrets.token_hex(16), home / "server.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            _command(root, port, token), cwd=root, env=_environment(home), stdout=sink, stderr=subprocess.STDOUT
        )
    server = LabServer(url=f"http://127.0.0.1:{port}", token=token, root=root, process=process)
    deadline = time.monotonic() + START_SECONDS
    while not _answers(server):
        if process.poll() is not None or time.monotonic() > deadline:
            server.stop()
            msg = f"JupyterLab did not start on port {port}:\n{log.read_text(errors='replace')[-4000:]}"
            raise RuntimeError(msg)
        time.sleep(0.1)
    return server


def _command(root: Path, port: int, token: str) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": root,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
        "JupyterNotebookApp.expose_app_in_browser": True,
        "LabApp.extension_manager": "readonly",
    }
    return [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]


def _environment(home: Path) -> dict[str, str]:
    folders = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    # A kernel that believes it runs under pytest would take itself for a headless one.
    kept = {name: value for name, value in environment(ROOT).items() if not name.startswith(("PYTEST_", "NBFLOW_"))}
    return kept | {name: str(home / folder) for name, folder in folders.items()} | {"JUPYTER_PREFER_ENV_PATH": "1"}


def _write_settings(folder: Path) -> None:
    for name, settings in SETTINGS.items():
        path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))


def _write_page(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "page_config.json").write_text(json.dumps(PAGE))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _answers(server: LabServer) -> bool:
    try:
        server.request("/api/status")
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True
