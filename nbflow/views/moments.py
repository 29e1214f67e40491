"""What each checkpoint of a run holds, and what has changed since the one before it.

Values are told by name and stay as they are stored; nobody pays for one that is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.checkpoints import Checkpoint, checkpoints
from nbflow.core.marks import marks_below, positions
from nbflow.core.record import (
    ENDS,
    ROOT,
    Answered,
    Asked,
    CallSettled,
    Marked,
    Record,
    RunFailed,
    RunPaused,
    RunReturned,
    RunStarted,
    Saved,
    Value,
)
from nbflow.core.states import ended_as
from nbflow.views.diff import SMALL, same_value
from nbflow.views.rows import PointRow, points_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.core.marks import Position

Key = tuple[str, str]
NEW, CHANGED, EQUAL, GONE, COPIED = "new", "changed", "equal", "gone", "copied"


class Held(NamedTuple):
    """One value at a checkpoint.

    Attributes:
        kind: ``input``, ``question``, ``answer``, ``result``, ``saved`` (what the next run receives as ``previous``),
            ``state`` (a key of a graph's), ``error``, or ``call``: what a call returned or raised.
        name: of a state its key, of a question and its answer who asked, of a call its name; else empty.
        value: the value; of one that is gone, as it was.
        change: since the checkpoint before: ``new``, ``changed``, ``equal``, ``gone``; ``copied`` of a call that was
            taken over from another run.
        before: what was there at the checkpoint before; None unless it has changed.
        path: position of a call; else empty.
        shown: the arguments of a call as short text.
    """

    kind: str
    name: str
    value: Value
    change: str
    before: Value | None = None
    path: str = ""
    shown: str = ""


class Moment(NamedTuple):
    """A checkpoint, or what has come after the last one.

    Attributes:
        kind: ``input``, ``question`` (a pause), ``step`` (of a graph), ``result``, ``update`` (written by hand),
            ``fork`` (a copy of a state); ``since`` of what came after the last one.
        point: the checkpoint; None of what came after the last one and belongs to none yet.
        values: those it holds, then those that are gone since the one before.
        calls: those that ended since the one before, in their order.
    """

    kind: str
    point: PointRow | None
    values: Sequence[Held]
    calls: Sequence[Held]

    @property
    def changes(self) -> Sequence[Held]:
        """What is not as it was at the checkpoint before."""
        return [one for one in self.values if one.change != EQUAL]


_KINDS: dict[type[Record], str] = {RunStarted: "input", RunPaused: "question", RunReturned: "result"}


class _Kept(NamedTuple):
    kind: str
    name: str
    value: Value


def moments_of(records: Sequence[Record], before: Sequence[Record] = (), *, running: bool = False) -> list[Moment]:
    """Return the checkpoints of a run, newest first, each with what it holds.

    Args:
        records: of the run.
        before: those of the run that it began from: its first checkpoint is compared with what that one left.
        running: whether somebody works on it.
    """
    if not records or not isinstance(records[0], RunStarted):
        return []
    stood = _left(before)
    found: list[Moment] = []
    points = list(reversed(checkpoints(records)))
    rows = reversed(points_of(records, running=running, values=False))
    marks = positions(marks_below(records, ROOT))
    places = {id(record): place for place, record in enumerate(records)}
    last = 0
    for point, row in zip(points, rows, strict=True):
        place = places[id(point.end)] if point.end is not records[0] or point.mark is None else places[id(point.mark)]
        since = records[last : place + 1]
        held = _holds(stood, point, since, marks)
        found.append(Moment(_kind(point, row), row, _compared(stood, held), _calls(since)))
        stood, last = held, place + 1
    rest = records[last:]
    calls = _calls(rest)
    if calls or isinstance(rest[-1] if rest else None, RunFailed):
        found.append(Moment("since", None, [*_failures(rest)], calls))
    return found[::-1]


def _kind(point: Checkpoint, row: PointRow) -> str:
    if row.source == "update" or (row.source == "fork" and not isinstance(point.end, RunStarted)):
        return row.source
    return next((name for kind, name in _KINDS.items() if isinstance(point.end, kind)), "step")


def _left(before: Sequence[Record]) -> Mapping[Key, _Kept]:
    """Return what a run has left for the one that begins from it."""
    if not before or not isinstance(before[0], RunStarted):
        return {}
    newest, *others = checkpoints(before)
    marks = positions(marks_below(before, ROOT))
    begun = _holds({}, others[-1], (), marks) if others else {}
    return _holds(begun, newest, before, marks)


def _holds(
    stood: Mapping[Key, _Kept], point: Checkpoint, since: Iterable[Record], marks: Mapping[str, Position]
) -> dict[Key, _Kept]:
    """Return what a checkpoint holds, by what the one before held and the records since."""
    end = point.end
    if isinstance(end, RunStarted):
        held = {key: one for key, one in stood.items() if one.kind == "state"}
        held["input", ""] = _Kept("input", "", end.value or Value(None))
    else:
        held = {key: one for key, one in stood.items() if one.kind != "question"}
        held |= _of_people(since, end)
    if point.mark is not None and point.mark.point in marks:
        held = {key: one for key, one in held.items() if one.kind != "state"}
        state = marks[point.mark.point].state
        held |= {("state", name): _Kept("state", name, Value(value)) for name, value in state.items()}
    for record in since:
        if isinstance(record, Saved):
            held["saved", ""] = _Kept("saved", "", record.value or Value(None))
    if isinstance(end, RunReturned) and point.mark is None:  # that of a graph is its state
        held["result", ""] = _Kept("result", "", end.value or Value(None))
    return held


def _of_people(since: Iterable[Record], end: Record) -> dict[Key, _Kept]:
    """Return the questions that are open at the end of some records, and the answers among them."""
    asked: dict[str, str] = {}
    found: dict[Key, _Kept] = {}
    is_open = set(end.ids) if isinstance(end, RunPaused) else set()
    for record in since:
        if isinstance(record, Asked):
            asked[record.id] = record.name
            if record.id in is_open:
                found["question", record.id] = _Kept("question", record.name, record.value or Value(None))
        elif isinstance(record, Answered):
            found["answer", record.id] = _Kept("answer", asked.get(record.id, ""), record.value or Value(None))
    return found


def _compared(stood: Mapping[Key, _Kept], held: Mapping[Key, _Kept]) -> list[Held]:
    found = []
    for key, one in held.items():
        old = stood.get(key)
        change = NEW if old is None else EQUAL if same_value(old.value, one.value) else CHANGED
        before = old.value if old is not None and change == CHANGED else None
        found.append(Held(one.kind, one.name, one.value, change, before))
    gone = [one for key, one in stood.items() if key not in held]
    return [*found, *(Held(one.kind, one.name, one.value, GONE) for one in gone)]


def _calls(since: Iterable[Record]) -> list[Held]:
    return [
        Held(
            "call",
            record.name,
            record.value or Value(None),
            COPIED if record.copied else NEW,
            path=record.path,
            shown=record.shown,
        )
        for record in since
        if isinstance(record, CallSettled) and not isinstance(record, Marked)
    ]


def _failures(records: Sequence[Record]) -> Iterable[Held]:
    if ended_as(records) == "failed":
        end = next(record for record in reversed(records) if isinstance(record, ENDS))
        yield Held("error", "", end.value or Value(None), NEW)


def is_large(value: Value) -> bool:
    """Whether a value takes more than a million bytes where it is stored, so that it is loaded only if asked for."""
    return size_of(value) > SMALL


def size_of(value: Value) -> int:
    """Return how many bytes a value takes, encoded; 0 where that is not known."""
    return len(value.raw or b"")


__all__ = ["CHANGED", "COPIED", "EQUAL", "GONE", "NEW", "Held", "Moment", "is_large", "moments_of", "size_of"]
