"""The calls of a run as rows: what was called by whom, when, how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.record import (
    ROOT,
    Asked,
    CallRecord,
    CallRetried,
    CallReturned,
    CallSettled,
    CallStarted,
    Record,
    RunFailed,
    RunHalted,
    RunPaused,
    RunResumed,
    RunReturned,
    RunStarted,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ENDED = {RunReturned: "done", RunFailed: "failed", RunPaused: "asking", RunHalted: "stopped"}


class CallRow(NamedTuple):
    """One call of a run.

    Attributes:
        path: position, such as ``"0.2"``; ``"0"`` is the body.
        parent: position of the caller; empty for the body.
        name: name of the task or body.
        kind: ``"task"``, ``"entrypoint"`` or ``"node"``.
        state: ``running``, ``done``, ``replayed``, ``failed``, ``retrying``, ``asking`` or ``stopped``.
        attempt: number of the attempt, from 1.
        started, ended: seconds since 1970; ``ended`` is None while it runs.
        shown: the arguments as short text.
        edges: positions of the calls whose futures were arguments.
        value: what it returned or raised; None until it has.
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


class CallsView:
    """The calls of one run, kept up to date record by record.

    Attributes:
        rows: by path.
    """

    def __init__(self) -> None:
        self.rows: dict[str, CallRow] = {}

    def fold(self, record: Record) -> CallRow | None:
        """Take a record in; return the row that it changed, if any."""
        row = self._changed(record)
        if row is not None:
            self.rows[row.path] = row
        return row

    def _changed(self, record: Record) -> CallRow | None:
        if isinstance(record, RunStarted):
            return CallRow(ROOT, "", record.workflow, "entrypoint", "running", 1, record.at, None)
        if isinstance(record, CallSettled):
            return self._settled(record)
        if isinstance(record, CallRecord):
            return self._begun(record)
        row = self.rows.get(record.path)
        if row is None:
            return None
        return _moved(row, record)

    def _begun(self, record: CallRecord) -> CallRow | None:
        before = self.rows.get(record.path)
        if isinstance(record, CallRetried):
            return before._replace(state="retrying", attempt=record.attempt + 1) if before else None
        assert isinstance(record, CallStarted), "the other records of a call say how it ended"
        if record.replayed and before is not None:
            return before._replace(state="replayed" if before.state == "done" else before.state)
        return CallRow(
            record.path, parent_of(record.path), record.name, record.kind,
            "running", 1, record.at, None, record.shown,
        )  # fmt: skip

    def _settled(self, record: CallSettled) -> CallRow:
        state = "done" if isinstance(record, CallReturned) else "failed"
        return CallRow(
            record.path, parent_of(record.path), record.name, record.kind, state, record.attempt,
            record.started, record.at, record.shown, record.edges, record.value,
        )  # fmt: skip


def _moved(row: CallRow, record: Record) -> CallRow | None:
    if isinstance(record, RunResumed):
        return row._replace(state="running", ended=None)
    if isinstance(record, Asked):
        return row._replace(state="asking", ended=record.at)
    state = ENDED.get(type(record))
    return row._replace(state=state, ended=record.at, value=record.value) if state is not None else None


def calls_of(records: Iterable[Record]) -> list[CallRow]:
    """Return the calls of a run, in the order of their positions."""
    view = CallsView()
    for record in records:
        view.fold(record)
    return sorted(view.rows.values(), key=lambda row: position(row.path))


def parent_of(path: str) -> str:
    """Return the position of the caller; branches of its body belong to it."""
    parts = path.split(".")[:-1]
    while parts and not parts[-1].isdigit():
        parts.pop()
    return ".".join(parts)


def position(path: str) -> tuple[tuple[bool, int], ...]:
    """Return what sorts paths as a reader expects: ``0.2`` before ``0.10``, calls before branches."""
    return tuple((not part.isdigit(), int(part.lstrip("b"))) for part in path.split("."))


__all__ = ["ENDED", "CallRow", "CallsView", "calls_of", "parent_of", "position"]
