"""How a run stands as a whole: its state, how many calls are in which state, when it worked.

Reads no clock: a run that nothing was heard of since is as it was.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.record import ENDS, ROOT, Answered, Asked, Record, Reopened, RunPaused, RunResumed, RunStarted
from nbflow.core.states import CALL_STATES, FINISHED, OPEN, RUN_STATES, URGENT
from nbflow.views.calls import CallRow, CallsView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Progress(NamedTuple):
    """A run at a glance; the body itself is not counted among its calls.

    Attributes:
        name: the workflow.
        thread_id: the thread; empty without a checkpointer.
        run_id: names the run.
        state: ``running``, ``done``, ``failed``, ``asking``, ``stopped`` or ``crashed``; empty before it began.
        total: how many calls there are.
        counts: how many of them are in which state; states without a call are left out.
        retried: how many calls took more than one attempt.
        questions: how many questions are open.
        started: seconds since 1970.
        ended: seconds since 1970; None while it runs.
        gaps: from when to when it did not run, in seconds since 1970, in order.
    """

    name: str = ""
    thread_id: str = ""
    run_id: str = ""
    state: str = ""
    total: int = 0
    counts: Mapping[str, int] = {}
    retried: int = 0
    questions: int = 0
    started: float = 0.0
    ended: float | None = None
    gaps: tuple[tuple[float, float], ...] = ()


class RunView:
    """One run: its calls and its progress, kept up to date record by record.

    Attributes:
        calls: its calls.
        pauses: of the times when it did not run, those in which it waited for people, as ``Progress.gaps``.
    """

    def __init__(self) -> None:
        self.calls = CallsView()
        self.pauses: list[tuple[float, float]] = []
        self._begun: RunStarted | None = None
        self._before: dict[str, tuple[str, bool]] = {}
        self._counts: Counter[str] = Counter()
        self._retried = 0
        self._last = 0.0
        self._gaps: list[tuple[float, float]] = []
        self._open: set[str] = set()
        self._crashed = False

    def fold(self, record: Record) -> list[CallRow]:
        """Take a record in; return the rows of calls that it changed."""
        if isinstance(record, RunStarted):
            self._begun = record
        elif isinstance(record, RunResumed):
            self._gaps.append((self._ended_at(), record.at))
            root = self.calls.rows.get(ROOT)
            if root is not None and root.state == "asking":
                self.pauses.append(self._gaps[-1])
            self._crashed = False
        elif isinstance(record, (Asked, Reopened)):
            self._open.add(record.id)
        elif isinstance(record, Answered):
            self._open.discard(record.id)
        elif isinstance(record, ENDS):
            self._open = set(record.ids) if isinstance(record, RunPaused) else set()
        rows = self.calls.fold(record)
        self._last = max(self._last, record.at)
        return self._count(rows)

    def close(self) -> list[CallRow]:
        """Take in that no more records come; return the rows that this changed.

        A run without an end crashed: its process died.
        """
        root = self.calls.rows.get(ROOT)
        if root is None or root.ended is not None:
            return []
        self._crashed = True
        return self._count(self.calls.close(self._last))

    @property
    def progress(self) -> Progress:
        """How the run stands."""
        begun, root = self._begun, self.calls.rows.get(ROOT)
        if begun is None or root is None:
            return Progress()
        return Progress(
            name=begun.workflow,
            thread_id=begun.thread_id,
            run_id=begun.run_id,
            state="crashed" if self._crashed else root.state,
            total=len(self.calls.rows) - 1,
            counts={state: self._counts[state] for state in CALL_STATES if self._counts[state]},
            retried=self._retried,
            questions=len(self._open),
            started=begun.at,
            ended=root.ended,
            gaps=tuple(self._gaps),
        )

    def _ended_at(self) -> float:
        root = self.calls.rows.get(ROOT)
        return self._last if root is None or root.ended is None else root.ended

    def _count(self, rows: list[CallRow]) -> list[CallRow]:
        for row in rows:
            if row.path == ROOT:
                continue
            state, was_retried = self._before.pop(row.path, ("", False))
            self._counts[state] -= 1
            self._retried -= was_retried
            if row.state != "discarded":
                self._counts[row.state] += 1
                self._retried += row.attempt > 1
                self._before[row.path] = (row.state, row.attempt > 1)
        return rows


def run_of(records: Iterable[Record], *, live: bool = False) -> RunView:
    """Return a run by its records; unless it is ``live``, no more are to come."""
    view = RunView()
    for record in tuple(records):
        view.fold(record)
    if not live:
        view.close()
    return view


def worked(progress: Progress, until: float) -> float:
    """Return for how many seconds the run has worked at a time, the gaps left out."""
    return time_in_run(progress, until if progress.ended is None else min(until, progress.ended))


def time_in_run(progress: Progress, at: float) -> float:
    """Return a time as seconds since the run began, the gaps left out."""
    idle = sum(max(0.0, min(at, end) - begin) for begin, end in progress.gaps if begin < at)
    return max(0.0, at - progress.started - idle)


def times_of(row: CallRow, progress: Progress) -> tuple[float | None, float | None]:
    """Return for how many seconds a call worked, and for how many its run stood still meanwhile, for people above all.

    None where that is not known, or nothing stood still.
    """
    if not row.started or row.ended is None:
        return None, None
    whole = row.ended - row.started
    if row.started < progress.started:  # in the run that it was taken over from
        return whole, None
    at_work = time_in_run(progress, row.ended) - time_in_run(progress, row.started)
    return at_work, (whole - at_work if whole - at_work > _LEAST else None)


_LEAST = 1e-6  # seconds; less is the rounding of times since 1970

__all__ = [
    "CALL_STATES",
    "FINISHED",
    "OPEN",
    "RUN_STATES",
    "URGENT",
    "Progress",
    "RunView",
    "run_of",
    "time_in_run",
    "times_of",
    "worked",
]
