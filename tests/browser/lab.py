"""One notebook open in JupyterLab, driven as a person would, and read as a test wants it.

Commands go through ``window.jupyterapp``; clicks and typing go through the page. Waits are
Playwright's: a plain sleep would stop its events.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.server import LabServer

SHOTS = Path(__file__).with_name("shots")
DRAWS = os.environ.get("NBFLOW_SHOTS") == "1"
"""Whether pictures are wanted; each takes about as long as the click before it."""
SECONDS = 30.0

# Runs of cells that the page has been asked for and that have not ended, counted in the page itself.
_HELPERS = """isLab => { window.lab = {
  pending: 0, isLab,
  panel: () => window.jupyterapp.shell.currentWidget,
  kernel: () => window.lab.panel()?.sessionContext?.session?.kernel,
  run: (command) => {
    window.lab.pending += 1;
    window.jupyterapp.commands.execute(command).catch(() => {}).finally(() => { window.lab.pending -= 1; });
  },
}; }"""
_READY = "() => window.lab.panel()?.sessionContext?.isReady && window.lab.panel().content?.widgets.length > 0"
_IDLE = "() => window.lab.pending === 0 && window.lab.kernel()?.status === 'idle'"
_SELECT = "i => { const nb = lab.panel().content; nb.deselectAll(); nb.activeCellIndex = i; }"

# What a test before has left: its notebooks, nothing of which is kept, and the boxes that ask about them.
_CLOSE_ALL = """() => {
  for (const widget of [...window.jupyterapp.shell.widgets('main')]) {
    if (widget.context) widget.context.model.dirty = false;
    widget.close();
  }
  document.querySelectorAll('.jp-Dialog').forEach(dialog => dialog.remove());
  window.lab.pending = 0;
}"""
_ALONE = "() => [...window.jupyterapp.shell.widgets('main')].filter(widget => widget.context).length === 0"
_THEME = "isLight => (document.body.dataset.jpThemeLight === 'true') === isLight"
_OPEN = "path => { window.jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' }); }"

_workspaces, _notebooks = itertools.count(), itertools.count()


class Lab:
    """A page with one notebook.

    Attributes:
        page: Playwright's page, for what has no method here.
        problems: console errors, page errors and failed requests so far, one text each.
    """

    def __init__(self, page: Page, server: LabServer) -> None:
        self.page = page
        self.problems: list[str] = []
        self.server = server
        self._path, self._app = "", "lab"
        self._ears: dict[str, Callable[[Any], None]] = {
            "console": lambda message: self._note("console", message.text, when=message.type == "error"),
            "pageerror": lambda error: self._note("page", str(error)),
            "requestfailed": lambda request: self._note("request", f"{request.url}: {request.failure}"),
        }
        for event, hear in self._ears.items():
            page.on(event, hear)  # type: ignore[call-overload]  # names of events

    def leave(self) -> bool:
        """Close all notebooks, listen no more, and return whether another test may use the page."""
        is_lab = bool(self.page.evaluate("() => !!window.lab && !!window.jupyterapp?.shell.widgets && !!lab.isLab"))
        if is_lab:
            self.page.evaluate(_CLOSE_ALL)
            self._wait_for(_ALONE)
            if not self.page.evaluate(_THEME, arg=True):
                self.set_theme("Light")
        for event, hear in self._ears.items():
            self.page.remove_listener(event, hear)
        return is_lab

    def write(self, path: str, cells: Sequence[str]) -> None:
        """Write a notebook of code cells where the server finds it as ``path``."""
        target = self.server.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(notebook(cells)), encoding="utf-8")

    def open(self, path: str, app: str = "lab") -> None:
        """Open a notebook below the server's root in ``lab`` or ``notebook`` and wait until its kernel is idle."""
        self._path, self._app = path, app
        self.page.bring_to_front()  # else it is a tab behind the one that was opened last, which Lab lets rest
        if app == "lab" and self.page.evaluate("() => !!window.lab?.isLab"):
            self.page.evaluate(_OPEN, path)
            self._wait_for("path => lab.panel()?.context?.path === path", arg=path)
            self._settle()
            return
        self._load()

    def _load(self) -> None:
        """Load the page with the notebook alone."""
        workspace = f"test-{next(_workspaces)}"  # the default one would bring the last test's tabs back
        where = f"lab/workspaces/{workspace}/tree" if self._app == "lab" else "notebooks"
        self.page.goto(f"{self.server.url}/{where}/{self._path}?token={self.server.token}")
        self._settle()

    def reopen(self) -> None:
        """Shut the kernel down and open the notebook anew, as it is on disk, with another kernel."""
        self.shut_down_kernel()
        self._load()

    def open_cells(self, *cells: str, path: str = "", app: str = "lab") -> None:
        """Write a notebook of these code cells, of a name of its own unless one is given, and open it."""
        path = path or f"notebook-{next(_notebooks)}.ipynb"  # the page may still hold on to an earlier one
        self.write(path, cells)
        self.open(path, app)

    def reload(self) -> None:
        """Reload the page; the kernel goes on."""
        self.page.reload()
        self._settle(idle=False)

    def run_all(self, timeout: float = SECONDS, *, wait: bool = True) -> None:
        """Run all cells; with ``wait``, until the kernel is idle again."""
        self._run("notebook:run-all-cells", timeout, wait=wait)

    def run_cell(self, index: int, timeout: float = SECONDS, *, wait: bool = True) -> None:
        """Run one cell; with ``wait``, until the kernel is idle again."""
        # At once: what takes the focus in between would choose another cell.
        self.page.evaluate(f"i => {{ ({_SELECT})(i); window.lab.run('notebook:run-cell'); }}", index)
        if wait:
            self.wait_idle(timeout)

    def set_source(self, index: int, text: str) -> None:
        """Replace the text of a cell."""
        script = "([i, text]) => lab.panel().content.widgets[i].model.sharedModel.setSource(text)"
        self.page.evaluate(script, [index, text])

    def wait_idle(self, timeout: float = SECONDS) -> None:
        """Wait until no cell waits or runs and the kernel is idle, ``timeout`` seconds at most."""
        self._wait_for(_IDLE, timeout)

    def wait_busy(self, timeout: float = SECONDS) -> None:
        """Wait until the kernel runs something."""
        self._wait_for("() => window.lab.kernel()?.status === 'busy'", timeout)

    def wait(self, seconds: float) -> None:
        """Let time pass in the page."""
        self.page.wait_for_timeout(seconds * 1000)

    def wait_until(self, holds: Callable[[], bool], timeout: float = SECONDS) -> None:
        """Wait for a condition outside the page, such as a file.

        Raises:
            TimeoutError: if it does not hold after ``timeout`` seconds.
        """
        for _ in range(int(timeout / 0.05)):
            if holds():
                return
            self.wait(0.05)
        msg = f"{holds} did not hold within {timeout} s"
        raise TimeoutError(msg)

    def interrupt(self) -> None:
        """Press the kernel's stop button."""
        self.page.evaluate("() => window.lab.kernel().interrupt()")

    def restart_kernel(self, timeout: float = SECONDS) -> None:
        """Restart the kernel in an orderly way and wait until the new one is idle."""
        self.page.evaluate("() => window.lab.kernel().restart()")
        self.wait_idle(timeout)

    def shut_down_kernel(self) -> None:
        """End the kernel in an orderly way; there is none then."""
        self.page.evaluate("() => window.lab.panel().context.sessionContext.shutdown()")

    def kill_kernel(self, timeout: float = SECONDS) -> None:
        """End the kernel's process by SIGKILL and wait until the server's new one is idle."""
        process = self.server.kernel_process(self.kernel_id())
        process.send_signal(signal.SIGKILL)
        self.page.get_by_role("dialog").get_by_role("button", name="Ok").click(timeout=timeout * 1000)
        self.wait_idle(timeout)
        # The page may still believe what it heard of the old one; what it sends before it is connected again is lost.
        self.page.evaluate("() => window.lab.kernel().requestKernelInfo().then(() => 0)")
        self.wait_idle(timeout)

    def kernel_id(self) -> str:
        """Return the server's id of the kernel; a restart keeps it."""
        return str(self.page.evaluate("() => window.lab.kernel().id"))

    def kernel_pid(self) -> int:
        """Return the process id of the kernel; a restart changes it."""
        return int(self.server.kernel_process(self.kernel_id()).pid)

    def cell(self, index: int) -> Locator:
        """Return a cell, its input included; the first is 0."""
        return self.page.locator(".jp-Notebook:visible .jp-Cell").nth(index)

    def cell_output(self, index: int) -> Locator:
        """Return the element with all outputs of a cell."""
        return self.cell(index).locator(".jp-Cell-outputWrapper")

    def cell_text(self, index: int) -> str:
        """Return the outputs of a cell as text, as a reader sees them."""
        areas = self.cell_output(index).locator(".jp-OutputArea-output:visible")
        return "\n".join(text.strip() for text in areas.all_inner_texts())

    def expect_text(self, index: int, text: str, timeout: float = SECONDS) -> None:
        """Wait until the outputs of a cell contain a text that a reader sees."""
        expect(self.cell_output(index)).to_contain_text(text, timeout=timeout * 1000, use_inner_text=True)

    def click(self, text: str, cell: int | None = None) -> None:
        """Click the button with this text, else the element with it, in the outputs (of one cell)."""
        scope = self._outputs(cell)
        scope.get_by_role("button", name=text, exact=True).or_(scope.get_by_text(text, exact=True)).first.click()

    def fill(self, label: str, text: str, cell: int | None = None) -> None:
        """Type into the field with this label or placeholder, in the outputs (of one cell)."""
        scope = self._outputs(cell)
        field = scope.get_by_label(label, exact=True).or_(scope.get_by_placeholder(label, exact=True)).first
        field.fill(text)
        field.press("Tab")

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate("() => window.lab.panel().context.save()")

    def saved(self) -> dict[str, object]:
        """Return the notebook as it is on disk."""
        found: dict[str, object] = json.loads((self.server.root / self._path).read_text(encoding="utf-8"))
        return found

    def set_theme(self, theme: str) -> None:
        """Change to the ``"Light"`` or the ``"Dark"`` theme, and wait until it is there."""
        change = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
        self.page.evaluate(change, f"JupyterLab {theme}")
        self._wait_for(_THEME, arg=theme == "Light")

    def screenshot(self, name: str, cell: int | None = None) -> None:
        """Draw the page, or one cell of it, if pictures are wanted."""
        if DRAWS:
            self.draw(name, cell)

    def screenshots(self, name: str, cell: int | None = None) -> None:
        """Draw the page around a cell wide and narrow, light and dark, if pictures are wanted."""
        for theme in ("Dark", "Light") if DRAWS else ():
            self.set_theme(theme)
            for width in (1300, 640):
                self.page.set_viewport_size({"width": width, "height": 1000})
                if cell is not None:
                    self.cell(cell).scroll_into_view_if_needed()
                self.wait(0.5)
                self.draw(f"{name}-{width}-{theme.lower()}")
        self.page.set_viewport_size({"width": 1280, "height": 1000})

    def draw(self, name: str, cell: int | None = None) -> Path:
        """Draw the page, or one cell of it, to ``shots/NAME.png`` and return the file."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.png"
        (self.page if cell is None else self.cell(cell)).screenshot(path=path)
        return path

    def _wait_for(self, script: str, timeout: float = SECONDS, arg: object = None) -> None:
        """Wait until a script of the page returns something true; asked ten times a second, not with every frame."""
        self.page.wait_for_function(script, arg=arg, timeout=timeout * 1000, polling=100)

    def _settle(self, *, idle: bool = True) -> None:
        self._wait_for("() => window.jupyterapp")
        self.page.evaluate(_HELPERS, self._app == "lab")
        self._wait_for(_READY)
        if idle:
            self.wait_idle()

    def _run(self, command: str, timeout: float, *, wait: bool) -> None:
        self.page.evaluate("command => window.lab.run(command)", command)
        if wait:
            self.wait_idle(timeout)

    def _outputs(self, cell: int | None) -> Locator:
        return self.page.locator(".jp-Cell-outputWrapper:visible") if cell is None else self.cell_output(cell)

    def _note(self, kind: str, text: str, *, when: bool = True) -> None:
        if when:
            self.problems.append(f"{kind}: {text}")


def notebook(cells: Sequence[str]) -> dict[str, object]:
    """Return an nbformat 4 notebook of these code cells."""
    code: list[dict[str, object]] = [
        {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
        for i, text in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
