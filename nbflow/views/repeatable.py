"""Tasks that are not repeatable: the same code on the same arguments and files gave another result in another call."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.record import CallReturned, RunStarted
from nbflow.core.states import BODIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbflow.core.record import Record, Value


class Place(NamedTuple):
    """A call in a stored run.

    Attributes:
        thread_id, run_id: the run.
        path: position of the call.
        at: when it returned, in seconds since 1970.
        value: what it returned.
    """

    thread_id: str
    run_id: str
    path: str
    at: float
    value: Value | None


class Varied(NamedTuple):
    """A task that gave several results for the same code and arguments.

    Attributes:
        name: of the task.
        shown: the arguments as short text.
        calls: how many calls there were.
        results: how many results.
        first: the first call.
        other: the first one with another result.
    """

    name: str
    shown: str
    calls: int
    results: int
    first: Place
    other: Place


class _Seen:
    def __init__(self, record: CallReturned, place: Place) -> None:
        self.name, self.shown = record.name, record.shown
        self.calls = 0
        self.places = [place]  # one for each result

    def add(self, place: Place) -> None:
        if not any(_is_same(place.value, known.value) for known in self.places):
            self.places.append(place)


def not_repeatable(runs: Iterable[Sequence[Record]]) -> list[Varied]:
    """Return the tasks of which calls with the same code and arguments, and the same files, gave different results.

    Results that were taken over, from a cache, another run or a fork, do not count, nor do those that can't be told
    apart from others by code and arguments.

    Args:
        runs: the records of each run.

    Returns:
        The one that differed in most calls first.
    """
    seen: dict[tuple[object, ...], _Seen] = {}
    for records in runs:
        started = records[0] if records else None
        where = (started.thread_id, started.run_id) if isinstance(started, RunStarted) else ("", "")
        for record in records:
            if not isinstance(record, CallReturned) or record.copied or record.reused or record.cached:
                continue
            if record.kind in BODIES or not (record.inputs and record.code) or record.value is None:
                continue
            place = Place(*where, record.path, record.at, record.value)
            files = tuple((file.path, file.digest, file.size) for file in record.files)
            found = seen.setdefault((record.name, record.inputs, record.code, files), _Seen(record, place))
            found.calls += 1
            found.add(place)
    varied = [
        Varied(one.name, one.shown, one.calls, len(one.places), one.places[0], one.places[1])
        for one in seen.values()
        if len(one.places) > 1
    ]
    return sorted(varied, key=lambda one: (-one.results, -one.calls, one.name))


def _is_same(one: Value | None, other: Value | None) -> bool:
    """Whether two results are the same: as they are stored, else by comparison."""
    if one is None or other is None:
        return one is other
    if one.raw is not None and one.raw == other.raw:
        return True
    try:
        return bool(one.get() == other.get())
    except Exception:  # noqa: BLE001  # of arrays, tables and classes that don't compare: they differ as they are stored
        return False


__all__ = ["Place", "Varied", "not_repeatable"]
