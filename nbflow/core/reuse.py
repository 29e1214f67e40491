"""Results of an earlier run that a new one takes over where neither code nor arguments changed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from nbflow.core.log import Log
from nbflow.core.record import Answered, CallReturned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.call import Call
    from nbflow.core.record import Record

Key = tuple[str, str, bytes, bytes]


class Reuse:
    """The results of one run, found by what was called with what; each is handed out once.

    Calls with the same name, code and arguments are matched in the order of their positions.
    A result that a person's answer went into belongs to its run and is not handed out, nor is
    one whose code or arguments have no digest.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        answered = [record.path for record in records if isinstance(record, Answered)]
        returned = [record for record in Log(records).settled.values() if isinstance(record, CallReturned)]
        self._results: dict[Key, deque[CallReturned]] = {}
        for record in sorted(returned, key=lambda one: _order(one.path)):
            asked = any(path == record.path or path.startswith(f"{record.path}.") for path in answered)
            if record.code and record.inputs and not asked:
                key = (record.name, record.kind, record.inputs, record.code)
                self._results.setdefault(key, deque()).append(record)

    def take(self, call: Call) -> CallReturned | None:
        """Return the result that a call may take over, or None."""
        spec = call.spec
        found = self._results.get((spec.name, spec.kind, call.inputs, spec.code))
        return found.popleft() if found else None


def _order(path: str) -> list[tuple[bool, int]]:
    return [(not part.isdigit(), int(part.lstrip("b"))) for part in path.split(".")]
