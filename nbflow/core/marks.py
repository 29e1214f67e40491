"""Where a body stands that puts itself down: its state, and the units of work that it goes on with.

A mark holds what has changed since the one before it, as plain data, so that the state at any mark is a fold of
records that needs no code of the user's. A list that only grew is told by what was added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from nbflow.core.checkpoints import is_mark
from nbflow.core.path import outside
from nbflow.core.record import Marked
from nbflow.values import ROOT_KEY, Unstored

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from nbflow.core.record import Record


class Unit(NamedTuple):
    """One piece of work that a body goes on with at a mark.

    Attributes:
        name: of what runs.
        position: of its call among those of the body.
        triggers: what set it in motion.
        payload: an input of its own, in a list; empty if its input is the state.
        result: what it is taken to have returned without having been called, in a list; empty if it is to run.
    """

    name: str
    position: int
    triggers: Sequence[str] = ()
    payload: Sequence[object] = ()
    result: Sequence[object] = ()


class Position(NamedTuple):
    """Where a body stands at a mark.

    Attributes:
        state: by key.
        units: what it goes on with, in the order in which their results count.
        kept: what else it has to remember.
        wrote: whether anything was written to the state since the mark before.
        after: names of what had finished, and led here.
    """

    state: Mapping[str, object] = {}
    units: tuple[Unit, ...] = ()
    kept: Mapping[str, object] = {}
    wrote: bool = False
    after: Sequence[str] = ()


NOWHERE = Position()


def change(before: Mapping[str, object] | None, after: Position, unstored: Collection[str] = ()) -> dict[str, object]:
    """Return what a mark holds.

    Args:
        before: the state at the mark before it; None if all of it is to be told.
        after: the position.
        unstored: keys whose values are not stored.
    """
    told: dict[str, object] = {}
    state, old = after.state, before or {}
    new = {name: value for name, value in state.items() if name not in old or old[name] is not value}
    for name in unstored:
        if name in new:
            new[name] = Unstored(new[name])
    spliced: dict[str, list[object]] = {}
    for name in tuple(new):
        value, past = new[name], old.get(name)
        if type(value) is list and type(past) is list:
            spliced[name] = _splice(past, value)
            del new[name]
    gone = [name for name in old if name not in state]
    parts = {"set": new, "splice": spliced, "gone": gone, "units": [_told(unit) for unit in after.units]}
    told.update((name, part) for name, part in parts.items() if part)
    if after.kept:
        told["kept"] = dict(after.kept)
    if after.wrote:
        told["wrote"] = True
    if after.after:
        told["after"] = list(after.after)
    return told


def _told(unit: Unit) -> list[object]:
    """Return a unit as plain data, without what it does not have."""
    told: list[object] = [unit.name, unit.position, list(unit.triggers)]
    if unit.payload or unit.result:
        told.append(list(unit.payload))
    if unit.result:
        told.append(list(unit.result))
    return told


def _splice(old: list[object], new: list[object]) -> list[object]:
    """Return what turns one list into another: from where to where the old items go, and what comes there."""
    same, most = 0, min(len(old), len(new))
    if old == new[: len(old)] if most and old[0] is new[0] else not old:
        return [len(old), len(old), new[len(old) :]]
    while same < most and old[same] is new[same]:
        same += 1
    end = 0
    while end < most - same and old[-1 - end] is new[-1 - end]:
        end += 1
    return [same, len(old) - end, new[same : len(new) - end]]


def follow(before: Position, told: object) -> Position:
    """Return the position at a mark, by the one before it and what the mark holds."""
    if not isinstance(told, dict):
        return before
    state = dict(before.state)
    for name in told.get("gone", ()):
        state.pop(name, None)
    for name, value in told.get("set", {}).items():
        if not isinstance(value, Unstored):
            state[name] = value
        elif value.is_there:
            state[name] = value.value
        else:
            state.pop(name, None)
    for name, (first, last, items) in told.get("splice", {}).items():
        old = cast("list[object]", state.get(name, []))
        state[name] = [*old[:first], *items, *old[last:]]
    units = tuple(Unit(*unit) for unit in told.get("units", ()))
    return Position(state, units, told.get("kept", {}), bool(told.get("wrote")), told.get("after", ()))


def position_at(marks: Iterable[Marked]) -> Position:
    """Return where a body stands after its marks, in order."""
    position = NOWHERE
    for mark in marks:
        position = follow(NOWHERE if mark.whole else position, mark.get())
    return position


def positions(marks: Iterable[Marked]) -> dict[str, Position]:
    """Return where a body stood at each of its marks, by their checkpoint ids."""
    position, found = NOWHERE, dict[str, Position]()
    for mark in marks:
        position = follow(NOWHERE if mark.whole else position, mark.get())
        found[mark.point] = position
    return found


def bare(state: Mapping[str, object]) -> object:
    """Return a state as it is shown: its keys, or the value that is all of it."""
    return state[ROOT_KEY] if list(state) == [ROOT_KEY] else dict(state)


def marks_below(records: Sequence[Record], body: str) -> list[Marked]:
    """Return all marks of the body at a position, in order."""
    return [record for record in records if isinstance(record, Marked) and outside(record.path) == body]


def marks_of(records: Sequence[Record]) -> list[Marked]:
    """Return the marks of the body of a run, from the last whole one on."""
    found: list[Marked] = []
    for record in records:
        if is_mark(record):
            if record.whole:
                found.clear()
            found.append(record)
    return found


def path_of(mark: Marked, unit: Unit) -> str:
    """Return the path of the call that a unit of work is, by a mark of its body."""
    return f"{outside(mark.path)}.{unit.position}"
