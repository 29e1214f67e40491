"""Results of an earlier run that a new one takes over where neither code nor arguments changed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from nbflow.core.log import Log
from nbflow.core.path import around, order_of
from nbflow.core.record import Answered, CallReturned, MapReturned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.call import Call
    from nbflow.core.record import Record

Key = tuple[str, str, bytes, bytes]


class Reuse:
    """The results of one run, found by what was called with what; each is handed out once.

    Calls with the same name, code and arguments are matched in the order of their positions.
    A result that a person's answer went into belongs to its run and is not handed out, nor is one that a
    stateful nested workflow had a part in, nor one whose code or arguments have no digest.
    """

    def __init__(self, records: Sequence[Record], past: Sequence[Record] = ()) -> None:
        """Gather the results of ``records``, less those that ``past``, of the new run, has taken already."""
        ties = [record for record in records if isinstance(record, Answered) or _has_lineage(record)]
        tied = {path for record in ties for path in around(record.path)}
        returned = [record for record in Log(records).settled.values() if isinstance(record, CallReturned)]
        self._results: dict[Key, deque[CallReturned]] = {}
        for record in sorted(returned, key=lambda one: order_of(one.path)):
            is_whole = not isinstance(record, MapReturned)  # of which the calls of the items are taken over
            if record.code and record.inputs and record.path not in tied and is_whole:
                self._results.setdefault(_key(record), deque()).append(record)
        for taken in past:
            if isinstance(taken, CallReturned) and taken.reused:
                self._take(_key(taken))

    def take(self, call: Call) -> CallReturned | None:
        """Return the result that a call may take over, or None."""
        spec = call.spec
        return self._take((spec.name, spec.kind, call.inputs, spec.code))

    def _take(self, key: Key) -> CallReturned | None:
        found = self._results.get(key)
        return found.popleft() if found else None


def _key(record: CallReturned) -> Key:
    return record.name, record.kind, record.inputs, record.code


def _has_lineage(record: Record) -> bool:
    return isinstance(record, CallReturned) and bool(record.lineage)
