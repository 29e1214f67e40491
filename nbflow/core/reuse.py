"""Results of an earlier run that a new one takes over where neither code nor arguments changed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from nbflow.core.earlier_answers import EarlierAnswers
from nbflow.core.files import other_versions
from nbflow.core.log import Log
from nbflow.core.path import around, order_of
from nbflow.core.record import Answered, CallReturned, CodeKept, MapReturned, of_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbflow.core.call import Call, Spec
    from nbflow.core.record import Record

Key = tuple[str, str, bytes, bytes]


class Reuse:
    """The results of one run, found by what was called with what; each is handed out once.

    Calls with the same name, code and arguments are matched in the order of their positions.
    A result that a person's answer went into belongs to its run and is not handed out, nor is one that a
    stateful nested workflow had a part in, nor one whose code or arguments have no digest.

    Attributes:
        answers: what people answered in that run, to be told where they are asked the same again.
    """

    def __init__(self, records: Sequence[Record], past: Sequence[Record], digest: Callable[[object], bytes]) -> None:
        """Gather the results of ``records``, less those that ``past``, of the new run, has taken already."""
        log = Log(records)
        self.answers = EarlierAnswers(records, log, past, digest)
        ties = [record for record in records if isinstance(record, Answered) or _has_lineage(record)]
        tied = {path for record in ties for path in around(record.path)}
        returned = [record for record in log.settled.values() if isinstance(record, CallReturned)]
        self._code = {(record.name, record.code): record for record in of_kind(records, CodeKept)}
        self._packages: dict[tuple[str, bytes], Mapping[str, str]] = {}
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

    def other_versions(self, taken: CallReturned, spec: Spec) -> dict[str, str]:
        """Return by package the versions that a result was made with, where they are not those that code has now."""
        key = taken.name, taken.code
        if key not in self._packages:
            kept = self._code.get(key)
            self._packages[key] = packages_in(kept) if kept is not None else {}
        return other_versions({**self._packages[key], **taken.made_with}, spec.packages)

    def _take(self, key: Key) -> CallReturned | None:
        found = self._results.get(key)
        return found.popleft() if found else None


def _key(record: CallReturned) -> Key:
    return record.name, record.kind, record.inputs, record.code


def _has_lineage(record: Record) -> bool:
    return isinstance(record, CallReturned) and bool(record.lineage)


def packages_in(record: CodeKept) -> Mapping[str, str]:
    """Return the versions of packages that code was kept with; none where an earlier nbflow kept it."""
    try:
        value = record.get()
    except Exception:  # noqa: BLE001  # a file that somebody has changed, and this is only told
        return {}
    found = value.get("packages") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}
