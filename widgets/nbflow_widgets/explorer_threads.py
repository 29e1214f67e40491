"""The threads of a file, for the explorer: read piece by piece, and again only if they have moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from nbflow import list_threads, read_run
from nbflow.views.rows import ThreadRow, thread_row
from nbflow_widgets.waiting import ENDED, mark_of

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver

TAIL = 16  # records; what workers brought in after the end of a run may stand behind it
ALL, ARCHIVED = "all", "archived"
RETURNED = "RunReturned"  # a failed run may be gone on with


class Known(NamedTuple):
    """A thread as it was last seen.

    Attributes:
        row: its newest run.
        mark: how far it had come.
        is_over: whether that run has returned, so that only another one moves the thread.
    """

    row: ThreadRow
    mark: str
    is_over: bool


class Threads:
    """The threads of a saver.

    Args:
        saver: keeps them.
        only: the one thread that is looked at; None for all.

    Attributes:
        known: by id, the one with the newest event first.
        count: how many there are; more than are known while they are read for the first time.
    """

    def __init__(self, saver: BaseCheckpointSaver, only: str | None = None) -> None:
        self._only = only
        self.known: dict[str, Known] = {}
        self.count = 0
        self._saver = saver

    def look(self) -> Iterator[None]:
        """Read what has moved, one thread at each step; what was read is there from the next step on."""
        saver = self._saver
        names = list_threads(saver) if self._only is None else [self._only]
        newest: dict[str, str] = {}
        for name in names:
            newest[name] = next(iter(saver.runs(name, limit=1)), "")
            yield
        self.count = sum(map(bool, newest.values()))
        for name in [name for name in self.known if not newest.get(name)]:
            del self.known[name]
        moved = False
        for name in sorted(names, key=newest.__getitem__, reverse=True):  # ids of runs begin with the time
            known = self.known.get(name)
            if newest[name] and not (known is not None and known.is_over and known.row.run_id == newest[name]):
                moved |= self._read(name, newest[name], known)
                yield
        if moved:
            self.known = dict(sorted(self.known.items(), key=lambda item: -item[1].row.updated))

    def _read(self, name: str, run_id: str, known: Known | None) -> bool:
        """Read a thread, if it has moved; return whether it has."""
        mark, last = mark_of(self._saver, name, run_id)
        kind = type(last).__name__ if last is not None else ""
        running = kind not in ENDED and self._saver.holder(name) is not None
        if known is not None and known.mark == mark and (known.row.state == "running") == running:
            return False
        first = read_run(self._saver, name, run_id, first=1)
        row = thread_row(first, read_run(self._saver, name, run_id, last=TAIL), running=running) if first else None
        if row is None:  # somebody was quicker to delete it
            self.known.pop(name, None)
            return known is not None
        self.known[name] = Known(row, mark, kind == RETURNED)
        return True

    def fitting(self, text: str, state: str, archived: Mapping[str, object], *, only: str | None = None) -> list[Known]:
        """Return the threads that hold all words of a text and are in a state.

        Args:
            text: words, of ids and names of workflows.
            state: a state, ``all`` or ``archived``.
            archived: marks of the runs that were put aside; those threads are shown for ``archived`` alone.
            only: one thread that is shown whatever else is asked for.
        """
        if only is not None:
            return [*self.known.values()]
        words = text.casefold().split()
        found = []
        for one in tuple(self.known.values()):
            aside = archived.get(one.row.run_id) == one.mark
            if aside is not (state == ARCHIVED) or state not in {ALL, ARCHIVED, one.row.state}:
                continue
            told = f"{one.row.thread_id} {one.row.workflow}".casefold()
            if all(word in told for word in words):
                found.append(one)
        return found
