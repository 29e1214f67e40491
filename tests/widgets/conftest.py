"""A shell of each test's own, with the toolkit loaded, in a folder of its own."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import nbflow_widgets
from nbflow_widgets.toolkit import Toolkit, toolkit_of


class Shell:
    """An IPython shell as a notebook's author sees it.

    Attributes:
        ip: the shell itself.
        names: the user's namespace.
    """

    def __init__(self, ip: Any) -> None:
        self.ip = ip
        self.names: dict[str, Any] = ip.user_ns
        self.outputs: list[Any] = []
        self.text = ""

    @property
    def kit(self) -> Toolkit:
        found = toolkit_of(self.ip)
        assert found is not None
        return found

    def run(self, cell: str) -> Any:
        """Run a cell that must work; return its value."""
        return self.execute(cell).result

    def execute(self, cell: str, *, fails: bool = False) -> Any:
        """Run a cell; return IPython's result, and keep what it showed."""
        with capture_output() as captured:
            result = self.ip.run_cell(cell, store_history=True)
        self.outputs = list(captured.outputs)
        self.text = captured.stdout + captured.stderr
        assert result.success is not fails, self.text
        return result

    def fail(self, cell: str) -> BaseException:
        """Run a cell that must not work; return its error."""
        result = self.execute(cell, fails=True)
        error: BaseException = result.error_in_exec or result.error_before_exec
        return error

    def shown(self) -> list[str]:
        """Return the text form of each output of the last cell."""
        return [str(output.data["text/plain"]) for output in self.outputs]


@pytest.fixture
def bare(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Return a shell that has not loaded the toolkit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
    for name in ("NBFLOW_DISPLAY", "NBFLOW_ANSWERS"):
        monkeypatch.delenv(name, raising=False)
    InteractiveShell.clear_instance()
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "nocolor"
    ip = InteractiveShell.instance(config=settings)
    yield Shell(ip)
    nbflow_widgets.unload_ipython_extension(ip)
    InteractiveShell.clear_instance()
    atexit.unregister(ip.atexit_operations)  # with hundreds of shells, each of which collects garbage, minutes at exit


@pytest.fixture
def shell(bare: Shell) -> Shell:
    """Return a shell with the toolkit loaded."""
    bare.run("%load_ext nbflow")
    return bare
