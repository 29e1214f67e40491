"""Runs that go on elsewhere than in the card that shows them: in this kernel, or in another program.

What begins in this kernel is heard of at once; a file that others write is looked at every other second.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from nbflow import Run, list_runs, read_run
from nbflow.types import BaseCheckpointSaver
from nbflow.views.kinds import Answered, Reopened
from nbflow_widgets.display import here
from nbflow_widgets.ticker import ticker

if TYPE_CHECKING:
    from nbflow import RunnableConfig, Workflow

    Key = tuple[int, str]

SECONDS = 2.0
PROGRAM = "another kernel or program"
DISCARDED = "discarded"
"""What stands for a place where nothing goes on: the thread was deleted."""
_by_card: ContextVar[bool] = ContextVar("nbflow_by_card", default=False)


class Shows(Protocol):
    """What shows a run in some cell."""

    run: Run

    def leave(self, where: str) -> None:
        """Show no more of it, and say where it goes on."""
        ...

    def has_moved(self) -> bool:
        """Whether the thread has changed since the run that is shown paused or ended."""
        ...

    def take_up(self) -> bool:
        """Go on here with what was answered elsewhere; return False if there is nothing like it."""
        ...


@contextmanager
def begun_by_a_card() -> Iterator[None]:
    """Tell, while it lasts, that what begins is shown by the card that begins it."""
    token = _by_card.set(True)
    try:
        yield
    finally:
        _by_card.reset(token)


def is_by_a_card() -> bool:
    """Whether a run that begins now is shown by the card that begins it."""
    return _by_card.get()


class Trace:
    """How far a thread had come when it was last looked at."""

    def __init__(self) -> None:
        self._mark: tuple[object, ...] = ()

    def leads_on(self, workflow: Workflow, config: RunnableConfig, run: Run) -> bool:
        """Whether the thread has come further than ``run``; reads one record if nothing has changed since."""
        try:
            saver = workflow.saver("a card")
            newest = next(iter(list_runs(saver, run.thread_id, limit=1)), "")
            last = read_run(saver, run.thread_id, newest, last=1) if newest else []
            mark = (newest, *((type(record), record.at) for record in last))
            if mark == self._mark:
                return False
            found = workflow.last_run(config) if newest else None
        except Exception:  # noqa: BLE001  # a file that can't be read just now is read the next time
            return False
        self._mark = mark
        return not newest or (found is not None and _stand(found) != _stand(run))


def is_gone(run: Run) -> bool:
    """Whether the thread of a run was deleted."""
    saver = run.workflow.checkpointer
    return isinstance(saver, BaseCheckpointSaver) and not list_runs(saver, run.thread_id, limit=1)


def goes_on_in(where: str) -> str:
    """Return where a run goes on, as a sentence."""
    return "The thread was discarded." if where == DISCARDED else f"The run goes on in {where}."


def went_on_in(where: str) -> str:
    """Return where a question went, as a remark."""
    return "was discarded" if where == DISCARDED else f"went on in {where}"


def _stand(run: Run) -> tuple[object, ...]:
    turns = sum(isinstance(record, (Answered, Reopened)) for record in run.log)
    return run.run_id, run.status, tuple(asked.id for asked in run.interrupts), turns


class Lookout:
    """Has cards say that their run goes on elsewhere.

    Args:
        shown: what is shown, by saver and thread; what goes on elsewhere is taken out.
        returned: takes the result of a run that goes on in this kernel and is shown by no card.
    """

    def __init__(
        self, shown: MutableMapping[Key, Shows], returned: Callable[[Key, object], None] = lambda _key, _result: None
    ) -> None:
        self._shown = shown
        self._returned = returned
        self._due = 0.0
        Run.watchers.append(self._begun)

    def close(self) -> None:
        """Look no more."""
        with suppress(ValueError):
            Run.watchers.remove(self._begun)
        ticker.remove(self)

    def watch(self) -> None:
        """Look at what waits, from now on."""
        ticker.add(self)

    def flush(self) -> bool:
        """Look, if it is time to; return whether anything waits."""
        waiting = {key: card for key, card in tuple(self._shown.items()) if card.run.done()}
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + SECONDS
            for key, card in waiting.items():
                if card.has_moved() and not card.take_up():
                    self._leave(key, card, DISCARDED if is_gone(card.run) else PROGRAM)
        return bool(waiting)

    def _begun(self, run: Run) -> None:
        key = (id(run.workflow.checkpointer), run.thread_id)
        if is_by_a_card():
            return
        card = self._shown.get(key)
        if card is not None:
            goes_on = card.run.run_id == run.run_id
            self._leave(key, card, here())
            if goes_on:
                run.on_done(lambda: self._returned(key, run.result()) if run.status == "done" else None)

    def _leave(self, key: Key, card: Shows, where: str) -> None:
        if self._shown.get(key) is card:
            self._shown.pop(key, None)
            try:
                card.leave(where)
            except Exception:  # noqa: BLE001  # a run must not fail because another cell showed its thread
                traceback.print_exc()
