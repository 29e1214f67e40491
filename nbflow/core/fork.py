"""What a run that is forked from another one takes over of it, decided from the other's records alone.

What is taken over is copied: the fork needs nothing of the run that it came from.
"""

from __future__ import annotations

import math
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

import msgspec

from nbflow.core.log import Log, forget_from
from nbflow.core.path import around, order_of
from nbflow.core.record import (
    ROOT,
    Answered,
    AnsweredBefore,
    Asked,
    CallEntered,
    CallReturned,
    CallSettled,
    CallSleeps,
    CallStarted,
    CodeKept,
    Discarded,
    Fallback,
    MapReturned,
    Observed,
    Patched,
    Record,
    Reopened,
    RunPaused,
    RunResumed,
    Told,
    Value,
    of_kind,
)

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

AnyRecord = TypeVar("AnyRecord", bound=Record)


def copied(record: AnyRecord) -> AnyRecord:
    """Return a record as the fork holds it."""
    return msgspec.structs.replace(record, copied=True)


def begun_again(records: Sequence[Record]) -> list[Record]:
    """Return what a run that repeats another one begins with: the answers which that began with, and what came of them.

    That is the outcomes of calls that no later answer can have changed. An answer reaches the call that
    asked and those around it. So neither their results are taken over, nor what their bodies called
    after they had been given it. Other branches are not touched.
    """
    settled = _settled(records)
    answered = _Steering()
    first = _given_at_first(records)
    taken: list[Record] = []
    for record in records:
        if id(record) in first:
            taken += map(copied, first[id(record)])
        elif isinstance(record, Answered):
            answered.add(record.path)
        elif (id(record) in settled or isinstance(record, (CallEntered, Patched))) and not answered.reaches(
            _place(record)
        ):
            taken.append(copied(record))
    return taken + _told_of(records, taken)


def _place(record: Record) -> str:
    """Return the position that says what came before a record: of a decision, that of the call after it."""
    return record.next if isinstance(record, Patched) else record.path


def _given_at_first(records: Sequence[Record]) -> dict[int, list[Record]]:
    """Return the answers that a run was begun with, by identity, each with its question before it."""
    resumed = (index for index, record in enumerate(records) if isinstance(record, RunResumed))
    log = Log(records[: next(resumed, len(records))])
    return {
        id(answer): [one for one in (log.asked.get(key), answer) if one is not None]
        for key, answer in log.answers.items()
    }


def at_pause(records: Sequence[Record]) -> list[Record]:
    """Return all that had happened in a run by a pause, but for what still waited for an answer then.

    Args:
        records: of the run, up to that pause.
    """
    log = Log(records)
    settled = {id(record) for record in log.settled.values()}
    reopened = {record.id: index for index, record in enumerate(records) if isinstance(record, Reopened)}
    taken: list[Record] = []
    for index, record in enumerate(records):
        if isinstance(record, (Asked, AnsweredBefore, Fallback)):
            is_wanted = record.id in log.answers or index < reopened.get(record.id, 0)
        else:
            is_wanted = id(record) in settled or isinstance(record, _KEPT)
        if is_wanted:
            taken.append(copied(record))
    return taken


def steered(records: Sequence[Record], answered: Answered) -> tuple[str, ...]:
    """Return the positions of the calls whose outcomes an answer may have changed."""
    settled, steering, found = _settled(records), _Steering(), []
    for record in records:
        if record is answered:
            steering.add(record.path)
        elif id(record) in settled and steering.reaches(record.path):
            found.append(record.path)
    return tuple(found)


def before(records: Sequence[Record], at: str) -> list[Record]:
    """Return what was settled before the call at a position: outcomes of calls, and answers.

    Of the branch that the call is in, and of those around it, that is what was called before it; of
    other branches, what had ended before it did, of other items of a map all, and those calls that had
    begun and must not happen twice, however they ended. For the body of the run it is nothing.
    """
    if at == ROOT:
        return []
    settled, end = _settled(records), places(records)[at]
    asked = {record.id: record for record in reversed(records) if isinstance(record, Asked)}
    reopened = {record.id: index for index, record in enumerate(records) if isinstance(record, Reopened)}
    taken: list[Record] = []
    begun: set[str] = set()
    maps = {record.path for record in of_kind(records, MapReturned)}
    for index, record in enumerate(records):
        if isinstance(record, Answered) and reopened.get(record.id, -1) < index < end:
            question = asked.get(record.id)
            taken += [copied(one) for one in (question, record) if one is not None]
        elif isinstance(record, CallEntered) and _is_before(record.path, at, maps, ended=index < end):
            begun.add(record.path)
            taken.append(copied(record))
        elif (id(record) in settled or isinstance(record, Patched)) and (
            record.path in begun or _is_before(_place(record), at, maps, ended=index < end)
        ):
            taken.append(copied(record))
    return taken + _told_of(records, taken)


def _told_of(records: Sequence[Record], taken: Sequence[Record]) -> list[Record]:
    """Return what bodies were given of streams, up to the first that tells of a call which is not taken over."""
    kept = {record.path for record in taken if isinstance(record, CallSettled)}
    begun = {path for one in kept for path in around(one)}
    found: list[Record] = []
    for told in Log(records).told.values():
        found += map(copied, takewhile(lambda one: one.source in (begun if one.kind == _STARTED else kept), told))
    return found


def code_of(records: Sequence[Record], taken: Sequence[Record]) -> list[Record]:
    """Return what keeps the code of the calls that are taken over."""
    named = {(record.name, record.code) for record in taken if isinstance(record, CallSettled) and record.code}
    return [copied(record) for record in of_kind(records, CodeKept) if (record.name, record.code) in named]


_STARTED = CallStarted.__name__
_KEPT = (Answered, CallEntered, CallSleeps, Reopened, Observed, Told, Patched, Discarded)  # at a pause, beside outcomes


def places(records: Sequence[Record]) -> dict[str, int]:
    """Return the positions of a run's calls, each with where in the log it ended; if it has not, the log's length."""
    found: dict[str, int] = {}
    for index, record in enumerate(records):
        if isinstance(record, CallSettled):
            found[record.path] = index
        elif isinstance(record, Discarded) and not record.alone:
            forget_from(found, record.path)
        elif isinstance(record, Reopened):
            for path in record.dropped:
                found.pop(path, None)
        elif isinstance(record, (Asked, CallEntered)) and record.path != ROOT:
            found[record.path] = len(records)
    for path in tuple(found):
        for caller in _callers(path):
            found.setdefault(caller, len(records))
    return dict(sorted(found.items(), key=lambda one: order_of(one[0])))


def handed_in(records: Sequence[Record], at: str, value: object, now: float) -> CallReturned | None:
    """Return a result for the call at a position, to be found there instead of running it.

    It has no digests, so it stands for whatever the body asks for there by that name. None if the
    log does not tell the name.
    """
    kinds = (CallSettled, CallEntered, Asked)
    found = [record for record in records if record.path == at and isinstance(record, kinds)]
    if not found:
        return None
    past = found[-1]
    record = CallReturned(path=at, at=now, name=past.name, started=now, value=Value(value), copied=True)
    if isinstance(past, CallSettled):
        record.kind, record.shown, record.edges = past.kind, past.shown, past.edges
    elif isinstance(past, CallEntered):
        record.kind = past.kind
    else:
        record.kind = next((one.kind for one in past.callers if one.path == at), record.kind)
    return record


def first_pause(records: Sequence[Record]) -> Sequence[Record]:
    """Return the records up to a run's first pause; all, if it never paused."""
    for index, record in enumerate(records):
        if isinstance(record, RunPaused):
            return records[: index + 1]
    return records


def names(records: Sequence[Record]) -> dict[str, str]:
    """Return the names of calls by position, as far as the log tells them."""
    return {record.path: record.name for record in records if isinstance(record, (CallSettled, CallEntered, Asked))}


def _settled(records: Sequence[Record]) -> set[int]:
    return {id(record) for record in Log(records).settled.values()}


class _Steering:
    """Which calls that end later may have been changed by answers that were given to the calls at some positions.

    A tree of the positions, so that looking one up takes no longer the more answers there are.

    Attributes:
        answered: whether the call here was given an answer.
        inner: what is below, by step.
        first: the first call among the inner ones.
        is_branched: whether a concurrent branch is among them.
    """

    __slots__ = ("answered", "first", "inner", "is_branched")

    def __init__(self) -> None:
        self.answered = False
        self.inner: dict[str, _Steering] = {}
        self.first: float = math.inf
        self.is_branched = False

    def add(self, path: str) -> None:
        """Take in that the call at a position was given an answer."""
        node = self
        for step in path.split("."):
            if step.isdigit():
                node.first = min(node.first, int(step))
            else:
                node.is_branched = True
            node = node.inner.setdefault(step, _Steering())
        node.answered = True

    def reaches(self, path: str) -> bool:
        """Whether an answer may have changed the call: one inside or around it, or given before it was called."""
        node: _Steering | None = self
        for step in path.split("."):
            if node is None or node.answered:
                break
            if step.isdigit() and (node.is_branched or node.first < int(step)):
                return True
            node = node.inner.get(step)
        return node is not None and (node.answered or bool(node.inner))


def _is_before(path: str, at: str, maps: Container[str], *, ended: bool) -> bool:
    """Whether a call counts as called before the one at a position; items of a map know nothing of each other."""
    one, other, shared = _parted(at, path)
    if shared in {len(one), len(other)}:
        return False
    mine, its = one[shared], other[shared]
    if mine.isdigit() and its.isdigit():
        return int(its) < int(mine)
    return ended or ".".join(one[:shared]) in maps


def _parted(one: str, other: str) -> tuple[list[str], list[str], int]:
    """Return the parts of two paths, and how many of them are the same from the start."""
    mine, its = one.split("."), other.split(".")
    same = 0
    for left, right in zip(mine, its, strict=False):
        if left != right:
            break
        same += 1
    return mine, its, same


def _callers(path: str) -> list[str]:
    """Return the positions of the calls around one, without the body of the run."""
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(2, len(parts)) if parts[end - 1].isdigit()]
