"""Results of an earlier run that a new one takes over where neither code nor arguments changed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from nbflow.core.earlier_answers import EarlierAnswers
from nbflow.core.files import other_versions
from nbflow.core.log import Log
from nbflow.core.path import order_of
from nbflow.core.record import CallReturned, CodeKept, of_kind
from nbflow.core.reusable import Key, key_of, reusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbflow.core.call import Call, Spec
    from nbflow.core.record import Record


class Reuse:
    """The results of one run, found by what was called with what; each is handed out once.

    Calls with the same name, code and arguments are matched in the order of their positions. Which results may be
    taken over: ``reusable``.

    Attributes:
        answers: what people answered in that run, to be told where they are asked the same again.
    """

    def __init__(self, records: Sequence[Record], past: Sequence[Record], digest: Callable[[object], bytes]) -> None:
        """Gather the results of ``records``, less those that ``past``, of the new run, has taken already."""
        log = Log(records)
        self.answers = EarlierAnswers(records, log, past, digest)
        self._code = {(record.name, record.code): record for record in of_kind(records, CodeKept)}
        self._packages: dict[tuple[str, bytes], Mapping[str, str]] = {}
        self._results: dict[Key, deque[CallReturned]] = {}
        for record in sorted(reusable(records, log.settled.values()), key=lambda one: order_of(one.path)):
            self._results.setdefault(key_of(record), deque()).append(record)
        for taken in past:
            if isinstance(taken, CallReturned) and taken.reused:
                self._take(key_of(taken))

    def take(self, call: Call) -> CallReturned | None:
        """Return the result that a call may take over, or None."""
        spec = call.spec
        return self._take((spec.name, spec.kind, call.inputs, spec.code))

    def other_versions(self, taken: CallReturned, spec: Spec) -> dict[str, str]:
        """Return by package the versions that a result was made with, where they are not those that code has now."""
        key = taken.name, taken.code
        if key not in self._packages:
            kept = self._code.get(key)
            found = kept.contents().get("packages") if kept is not None else None
            self._packages[key] = found if isinstance(found, dict) else {}
        return other_versions({**self._packages[key], **taken.made_with}, spec.packages)

    def _take(self, key: Key) -> CallReturned | None:
        found = self._results.get(key)
        return found.popleft() if found else None
