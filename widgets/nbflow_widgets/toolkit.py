"""What one shell's toolkit keeps between cells: savers, cell_runs, drafts, and a hand for clicks."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow import InMemoryCache, SqliteCache, SqliteSaver, Workflow, entrypoint
from nbflow.errors import NetworkFileError
from nbflow_widgets.elsewhere import Lookout, Shows
from nbflow_widgets.kept_file import KeptFile
from nbflow_widgets.notebook import OWN_FOLDER, cell_here, folder_of, notebook_of

if TYPE_CHECKING:
    from nbflow.types import BaseCache, BaseCheckpointSaver
    from nbflow.views.begun import Begun

DEFAULT_FILE = f"{OWN_FOLDER}/threads.db"
ARCHIVED = 5000
"""Runs that are kept as archived; above, the oldest come back."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Toolkit:
    """The state of the toolkit in one shell.

    Attributes:
        shell: IPython's.
        cell_runs: the runs that are shown and not finished, by saver and thread.
        lookout: has cards say that their run goes on elsewhere.
        drafts: what was typed into forms, by question id.
        archived: how far runs had come when a person put them out of the inbox, by run id.
        awaited: the variables that take a result, by saver and thread, whatever brings it.
        failed: the lines in which cells failed, by the numbers of the cells; 0 if nothing of a cell ran.
        has_bound: whether all lines of the running cell were run, and its workflow is bound.
    """

    def __init__(self, shell: Any, file: Callable[[], str] = lambda: DEFAULT_FILE) -> None:  # noqa: ANN401  # untyped package
        self.shell = shell
        self._folder = Path.cwd()
        self._file = file
        self.cell_runs: dict[tuple[int, str], Shows] = {}
        self.lookout = Lookout(self.cell_runs, self.returned)
        self.drafts = KeptFile(lambda: self.file.with_name("drafts.json"))
        self.archived = KeptFile(lambda: self.file.with_name("archived.json"), ARCHIVED)
        self.awaited: dict[tuple[int, str], str] = {}
        self.failed: dict[int, int] = {}
        self.has_bound = False
        self._saver: BaseCheckpointSaver | None = None
        self._cache: BaseCache | None = None
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="nbflow-answers")

    @property
    def file(self) -> Path:
        """The default file, beside the notebook."""
        return self._folder / self._file()

    def notebook(self, saver: object) -> str:
        """Return the notebook's file, relative to the folder of a saver's threads; empty where it is not known."""
        return notebook_of(self.names, folder_of(saver, self._folder))

    def running_cell(self, saver: object) -> Begun:
        """Return the cell that runs now, as the threads of a saver name it, as far as somebody looks at it."""
        return cell_here(self.names, folder_of(saver, self._folder))

    @property
    def names(self) -> MutableMapping[str, Any]:
        """The user's namespace."""
        names: MutableMapping[str, Any] = self.shell.user_ns
        return names

    def _prepare_folder(self) -> None:
        """Make the folder of the default file, if it is one of ours, private and unknown to version control."""
        folder = self.file.parent
        if folder.name != OWN_FOLDER:
            return
        with suppress(OSError):  # what is wrong with the folder, opening the file tells
            folder.mkdir(mode=0o700, exist_ok=True)
            with (folder / ".gitignore").open("x", encoding="utf-8") as file:
                file.write("*\n")

    def default_saver(self) -> BaseCheckpointSaver:
        """Return the checkpointer of the default file; made when first needed, one for the kernel."""
        if self._saver is None:
            self._prepare_folder()
            try:
                self._saver = SqliteSaver(self.file)
            except NetworkFileError:  # a home folder on a server: slower, and of one kernel's machine at a time
                self._saver = SqliteSaver(self.file, network=True)
        return self._saver

    def default_cache(self) -> BaseCache:
        """Return the cache of the default file; made when first needed, one for the kernel."""
        if self._cache is None:
            self._prepare_folder()
            try:
                self._cache = SqliteCache(self.file)
            except NetworkFileError:
                self._cache = InMemoryCache()
        return self._cache

    def post(self, job: Callable[[], None]) -> None:
        """Do a job soon, on a worker thread, one after the other."""
        self._hand.submit(job)

    def returned(self, key: tuple[int, str], result: object) -> None:
        """Take in that the run on a thread has returned: the variable that waits for its result is bound."""
        self.cell_runs.pop(key, None)
        out = self.awaited.pop(key, None)
        if out is not None:
            self.names[out] = result

    def close(self) -> None:
        """Let go of what is shown; runs go on, and workflows keep their checkpointer."""
        for cell_run in tuple(self.cell_runs.values()):
            cell_run.leave("the background")
        self.cell_runs.clear()
        self.lookout.close()
        self.drafts.flush()
        self.archived.flush()
        self._hand.shutdown(wait=False)

    def workflows(self) -> Iterator[Workflow]:
        """Yield the workflows in the user's namespace, those named last first, then those of old outputs."""
        names = reversed(list(self.names.items()))
        own_first = sorted(names, key=lambda item: item[0].startswith("_"))
        yield from (value for _, value in own_first if isinstance(value, Workflow))

    def option_for(self, saver: object) -> str:
        """Return how ``%nbflow`` is told of a saver; empty for that of the default file, and if no name leads to it."""
        if saver is self._saver:
            return ""
        named = [(name, value) for name, value in reversed(list(self.names.items())) if not name.startswith("_")]
        leading = [name for name, value in named if value is saver]
        leading += [
            f"{name}.checkpointer"
            for name, value in named
            if isinstance(value, Workflow) and value.checkpointer is saver
        ]
        return f" --saver {leading[0]}" if leading else ""

    def workflow_named(self, name: str, saver: BaseCheckpointSaver) -> Workflow | None:
        """Return the workflow of this name in the user's namespace, kept in ``saver``; None if there is none."""
        found = next((workflow for workflow in self.workflows() if workflow.name == name), None)
        return None if found is None else with_saver(found, saver)


def with_saver(workflow: Workflow, saver: BaseCheckpointSaver) -> Workflow:
    """Return a workflow that keeps its runs in ``saver``."""
    return workflow if workflow.checkpointer is saver else workflow.with_checkpointer(saver)


def probe(saver: BaseCheckpointSaver) -> Workflow:
    """Return a workflow that can look at any thread of a saver; it runs nothing."""
    return entrypoint(checkpointer=saver)(_nothing)


def _nothing(_inputs: object) -> None:
    """Stand for a body that is not known here."""


_count = itertools.count()


def new_thread_id(workflow: str) -> str:
    """Return a thread id that sorts by time among those of its workflow."""
    number, text = time.time_ns() // 1_000_000 * 36 + next(_count) % 36, ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return f"{workflow}-{text}"


def toolkit_of(shell: Any) -> Toolkit | None:  # noqa: ANN401  # untyped package
    """Return the toolkit that a shell has loaded, if it has."""
    registry = shell.magics_manager.registry if shell is not None else {}
    found = getattr(registry.get("NbflowMagics"), "kit", None)
    return found if isinstance(found, Toolkit) else None
