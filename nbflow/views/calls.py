"""The calls of a run as rows: what was called by whom, when, how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.checkpoints import is_mark
from nbflow.core.marks import bare, marks_of, position_at
from nbflow.core.path import around, caller_of, comes_from, is_below, item_of, order_of
from nbflow.core.record import (
    ENDS,
    ROOT,
    Asked,
    CallBegan,
    CallEntered,
    Caller,
    CallRecord,
    CallRetried,
    CallReturned,
    CallSettled,
    CallSleeps,
    CallStarted,
    Discarded,
    MapReturned,
    Marked,
    Output,
    Parts,
    Record,
    Reopened,
    RunResumed,
    RunReturned,
    RunStarted,
    Value,
)
from nbflow.core.states import FINISHED, OPEN, state_after
from nbflow.errors import NotNeededError

if TYPE_CHECKING:
    from collections.abc import Iterable


class CallRow(NamedTuple):
    """One call of a run.

    Attributes:
        path: position, such as ``"0.2"``; ``"0"`` is the body.
        parent: position of the caller; empty for the body.
        name: name of the task or body.
        kind: ``"task"``, ``"entrypoint"``, ``"graph"`` or ``"node"``.
        state: ``waiting``, ``running``, ``retrying``, ``done``, ``replayed``, ``reused``, ``cached``, ``failed``,
            ``asking`` or ``stopped``; ``discarded`` when the call no longer counts and has left the rows.
        attempt: number of the attempt, from 1.
        started, ended: seconds since 1970; ``ended`` is None while it runs.
        shown: the arguments as short text.
        edges: positions of the calls whose futures were arguments.
        value: what it returned or raised; None until it has.
        requested: seconds since 1970 when it was called; 0.0 if only its end is known, and no limit kept it waiting.
        changed: names of arguments that were changed in place while it worked.
    """

    path: str
    parent: str
    name: str
    kind: str
    state: str
    attempt: int
    started: float
    ended: float | None
    shown: str = ""
    edges: tuple[str, ...] = ()
    value: Value | None = None
    requested: float = 0.0
    changed: tuple[str, ...] = ()

    @property
    def result(self) -> object:
        """What it returned, decoded anew each time; None while it has not."""
        return self.value.get() if self.value is not None and self.state in FINISHED else None

    @property
    def error(self) -> BaseException | None:
        """What it raised, if that was its end."""
        error = self.value.get() if self.value is not None and self.state == "failed" else None
        return error if isinstance(error, BaseException) else None


class CallsView:
    """The calls of one run, kept up to date record by record.

    Attributes:
        rows: by path.
        printed: positions of the calls of which an output is kept.
    """

    def __init__(self) -> None:
        self.rows: dict[str, CallRow] = {}
        self.printed: set[str] = set()
        self._open: dict[str, None] = {}
        self._callers: set[str] = set()
        self._marks: list[Marked] = []  # of the run's body

    def fold(self, record: Record) -> list[CallRow]:
        """Take a record in; return the rows that it changed."""
        if isinstance(record, Discarded):
            is_gone = record.path.__eq__ if record.alone else lambda path: comes_from(path, record.path)
            return self._discard([path for path in self.rows if is_gone(path)])
        if isinstance(record, Reopened):
            return self._discard([path for path in record.dropped if path in self.rows])
        if isinstance(record, (Asked, CallSleeps)):
            return self._asked(record) if isinstance(record, Asked) else self._slept(record)
        if isinstance(record, Output):
            self.printed.add(record.path)
            return [self.rows[record.path]] if record.path in self.rows else []
        changed = self._changed(record)
        if changed is None:
            return []
        rows = [changed]
        if changed.state == "replayed" and changed.path in self._callers:
            rows += self._replay_below(changed.path)
        if isinstance(record, ENDS):
            rows += self._leave_open(record.at, state_after(record))
        for row in rows:
            self._keep(row)
        return rows

    def close(self, at: float) -> list[CallRow]:
        """Take in that no more records come: what still runs died with its process at ``at``."""
        rows = [self.rows[path]._replace(state="stopped", ended=at) for path in self._open]
        for row in rows:
            self._keep(row)
        return rows

    def _keep(self, row: CallRow) -> None:
        self.rows[row.path] = row
        self._callers.add(row.parent)
        if row.state in OPEN:
            self._open[row.path] = None
        else:
            self._open.pop(row.path, None)

    def _changed(self, record: Record) -> CallRow | None:
        if isinstance(record, RunStarted):
            return CallRow(ROOT, "", record.workflow, record.kind, "running", 1, record.at, None, requested=record.at)
        if isinstance(record, Marked):
            if is_mark(record):
                self._marks.append(record)
            return None
        if isinstance(record, CallSettled):
            return self._settled(record)
        if isinstance(record, CallRecord):
            return self._begun(record)
        row = self.rows.get(record.path)
        if isinstance(record, RunReturned) and self._marks and row is not None:
            state = position_at(marks_of(self._marks)).state
            return row._replace(state="done", ended=record.at, value=Value(bare(state)))
        return _paused_or_resumed(row, record) if row is not None else None

    def _asked(self, record: Asked) -> list[CallRow]:
        """Return the calls that wait with a question: the one that asked, and those of which nothing is known yet."""
        if record.copied:
            return []
        rows = [
            CallRow(one.path, caller_of(one.path), one.name, one.kind, "asking", 1, one.started, record.at, one.shown)
            for one in record.callers
            if one.path not in self.rows
        ]
        if record.path in self.rows:
            rows.append(self.rows[record.path]._replace(state="asking", ended=record.at))
        for row in rows:
            self._keep(row)
        return rows

    def _slept(self, record: CallSleeps) -> list[CallRow]:
        """Return a call that sleeps, and those around it, of which nothing is known yet."""
        if record.copied:
            return []
        around_it = [*record.callers, Caller(record.path, record.name, record.kind, started=record.at)]
        rows = [
            CallRow(one.path, caller_of(one.path), one.name, one.kind, "running", 1, one.started, None, one.shown)
            for one in around_it
            if one.path not in self.rows
        ]
        for row in rows:
            self._keep(row)
        return rows

    def _begun(self, record: CallRecord) -> CallRow | None:
        before = self.rows.get(record.path)
        if isinstance(record, CallStarted):
            if record.replayed and before is not None:
                return before._replace(state="replayed" if before.state == "done" else before.state)
            return CallRow(
                record.path, caller_of(record.path), record.name, record.kind,
                "replayed" if record.replayed else "waiting", 1, record.at, None, record.shown, requested=record.at,
            )  # fmt: skip
        if isinstance(record, CallEntered) and before is None and not record.copied:
            parent = caller_of(record.path)
            return CallRow(record.path, parent, record.name, record.kind, "running", 1, record.at, None)
        if before is None or isinstance(record, CallEntered):
            return None
        if isinstance(record, CallRetried):
            return before._replace(state="retrying", attempt=record.attempt)
        assert isinstance(record, CallBegan), "the other records of a call say how it ended"
        started = record.at if record.attempt == 1 and record.path != ROOT else before.started
        return before._replace(state="running", attempt=record.attempt, started=started, ended=None)

    def _settled(self, record: CallSettled) -> CallRow:
        state = "failed"
        if isinstance(record, CallReturned):
            state = (
                "replayed" if record.copied else "reused" if record.reused else "cached" if record.cached else "done"
            )
        before = self.rows.get(record.path)
        value = self._gathered(record) if isinstance(record, MapReturned) and record.value is None else record.value
        return CallRow(
            record.path, caller_of(record.path), record.name, record.kind, state, record.attempt,
            record.started, record.at, record.shown or (before.shown if before is not None else ""),
            record.edges, value, record.requested or (before.requested if before is not None else 0.0),
            record.changed if isinstance(record, CallReturned) else (),
        )  # fmt: skip

    def _gathered(self, record: MapReturned) -> Value:
        """Return the result of a map, made of those of its items."""
        parts: list[Value | None] = []
        for index in range(record.count if record.keeps_errors else record.begun):
            path = item_of(record.path, index)
            item = self.rows.get(path)
            if item is not None and item.state in FINISHED:
                parts.append(item.value)
            elif record.keeps_errors:
                parts.append(item.value if item is not None and item.value is not None else Value(NotNeededError(path)))
        return Parts(parts)

    def _leave_open(self, at: float, state: str | None) -> list[CallRow]:
        """Return what is left of open calls when the run ends: those that wait as it does, for what is below them."""
        wait = [
            row for row in self.rows.values() if row.state == "asking" or (row.kind == "sleep" and row.state in OPEN)
        ]
        around_it = {one for row in wait for one in around(row.path)} if state in _WAITING else ()
        return [
            self.rows[path]._replace(state=state if state is not None and path in around_it else "stopped", ended=at)
            for path in self._open
            if path != ROOT
        ]

    def _replay_below(self, path: str) -> list[CallRow]:
        """Return what a replayed call had called: it is not called again, its results still count."""
        below = [row for row in self.rows.values() if row.state == "done" and is_below(row.path, path)]
        return [row._replace(state="replayed") for row in below]

    def _discard(self, gone: list[str]) -> list[CallRow]:
        self.printed.difference_update(gone)
        for other in gone:
            self._open.pop(other, None)
        return [self.rows.pop(other)._replace(state="discarded") for other in gone]


_WAITING = frozenset({"asking", "sleeping"})
_ASLEEP = frozenset(("sleep", state) for state in OPEN)


def calls_of(records: Iterable[Record]) -> list[CallRow]:
    """Return the calls of a run, in the order of their positions."""
    view = CallsView()
    for record in records:
        view.fold(record)
    return in_order(view.rows.values())


def in_order(rows: Iterable[CallRow]) -> list[CallRow]:
    """Return rows in the order of their positions: a caller, then what it called."""
    return sorted(rows, key=lambda row: order_of(row.path))


def _paused_or_resumed(row: CallRow, record: Record) -> CallRow | None:
    if isinstance(record, RunResumed):
        return row._replace(state="running", ended=None, value=None)
    state = state_after(record)
    return row._replace(state=state, ended=record.at, value=record.value) if state is not None else None


__all__ = ["CallRow", "CallsView", "Record", "calls_of", "in_order"]
