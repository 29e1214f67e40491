"""A run again from one of its calls, as a person asks for in a timeline: a new run, shown below.

Its result goes to the variable of the cell's ``--out`` only if that person says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from nbflow_widgets.display import Cell
from nbflow_widgets.elsewhere import Shows, begun_by_a_card
from nbflow_widgets.loop_calls import LoopCalls
from nbflow_widgets.run_display import RunDisplay

if TYPE_CHECKING:
    from nbflow import Run, RunnableConfig, Workflow
    from nbflow_widgets.timeline import Wish
    from nbflow_widgets.toolkit import Toolkit

BELOW = "a new run, below"


class Place(NamedTuple):
    """Where runs again are shown, and what takes their results.

    Attributes:
        root: the first run that is shown there; theirs stand below it.
        cell: its cell.
        out: the variable that may take a result; empty for none.
    """

    root: RunDisplay
    cell: Cell
    out: str


class ShowsAgain(Shows, Protocol):
    """What shows a run of the thread, over pauses and answers: a ``CellRun``."""

    run_display: RunDisplay

    def open(self, run: Run, *, past: int, changed: Callable[[], None], place: Place) -> None:
        """Begin to show a run."""
        ...

    def watch(self) -> None:
        """Show it until it ends."""
        ...


class Again:
    """Lets a run be repeated from its calls.

    Args:
        kit: the shell's toolkit.
        workflow: what runs.
        config: names the thread.
        of: gives the newest handle of the run.
        show: returns what is to show a run, given what takes its result; called in the cell.
        calls: leads to the kernel's loop.
    """

    def __init__(
        self,
        kit: Toolkit,
        workflow: Workflow,
        config: RunnableConfig,
        *,
        of: Callable[[], Run],
        show: Callable[[Callable[[object], None], str], ShowsAgain],
        calls: LoopCalls,
    ) -> None:
        self._kit, self._workflow, self._config = kit, workflow, config
        self._of, self._show, self._calls = of, show, calls

    def ask(self, place: Place, wish: Wish) -> None:
        """Begin what somebody wishes, on the kernel's loop, or tell the wish what is in the way; from any thread."""

        def begin() -> None:
            try:
                run, words = self._begin(wish)
            except Exception as error:  # noqa: BLE001  # of the expression, of the thread, of the file
                wish.answer(f"Nothing was run: {type(error).__name__}: {error}")
                return
            wish.answer("")
            self._shown(place, wish, run, words)

        self._calls.post(begin)

    def can_bind(self, out: str) -> dict[str, object]:
        """Return what the page is to know: the variable that may take a result, and whether it waits for one."""
        return {"out": out, "awaited": out != "" and self._kit.awaited.get(self._key) == out}

    @property
    def _key(self) -> tuple[int, str]:
        return id(self._workflow.checkpointer), self._of().thread_id

    def _begin(self, wish: Wish) -> tuple[Run, str]:
        """Begin the run; return it, and how it came to be."""
        of = self._of()
        if not of.done():
            msg = "the run works; stop it first, or wait for its end"
            raise RuntimeError(msg)
        instead: dict[str, Any] = {}
        words = "Run again" if wish.path == "0" else f"Run again from call `{wish.path}`"
        if wish.value is not None:
            instead["replace"] = self._kit.shell.ev(wish.value)
            words += f" with another result, `{wish.value}`"
        named = {**self._config.get("configurable", {}), "checkpoint_id": of.run_id}
        config: Any = {**self._config, "configurable": named}
        with begun_by_a_card():
            run = self._workflow.fork(config, at=wish.path, on_divergence="rerun", **instead)
        return run, words

    def _shown(self, place: Place, wish: Wish, run: Run, words: str) -> None:
        key = (id(self._workflow.checkpointer), run.thread_id)
        before = self._kit.cell_runs.pop(key, None)
        if before is not None:
            before.leave(BELOW)
        self._kit.awaited.pop(key, None)
        if wish.bind and place.out:
            self._kit.awaited[key] = place.out
        cell_run = place.cell.run(self._show, lambda result: self._kit.returned(key, result), place.out)
        self._kit.cell_runs[key] = cell_run
        cell_run.open(run, past=len(run.log), changed=place.root.arrange, place=place)
        place.root.add_below(words, cell_run.run_display)
        cell_run.watch()
