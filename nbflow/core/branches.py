"""Numbers of the concurrent branches of a body: the same in a run and in its replay.

Asyncio tasks are numbered in the order of their creation, which is that of a set where tasks are made
of a set of coroutines. So each branch has a key, a digest of the coroutine's name and arguments; a
recorded branch is found again by its key, and two branches with the same key do the same.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from nbflow.core.path import caller_of
from nbflow.core.record import Asked, CallSettled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.core.record import Record


class Branches:
    """Numbers the branches of one frame.

    Args:
        recorded: numbers of the branches in the log, by key.
    """

    __slots__ = ("_free", "_next", "_reserved")

    def __init__(self, recorded: Mapping[str, Sequence[int]]) -> None:
        self._free = {key: deque(numbers) for key, numbers in recorded.items()}
        self._reserved = {number for numbers in recorded.values() for number in numbers}
        self._next = 0

    def number(self, key: str) -> int:
        """Return the number of a new branch."""
        recorded = self._free.get(key)
        if recorded:
            return recorded.popleft()
        while self._next in self._reserved:
            self._next += 1
        self._next += 1
        return self._next - 1


def recorded_branches(records: Iterable[Record]) -> dict[str, dict[str, list[int]]]:
    """Return the numbers of recorded branches, by the position of their frame and by key."""
    found: dict[str, dict[str, set[int]]] = {}
    for record in records:
        if not isinstance(record, (CallSettled, Asked)) or not record.branch:
            continue
        prefix = record.path if isinstance(record, Asked) else caller_of(record.path)
        for named in record.branch.split("."):
            branch, _, key = named.partition("=")
            found.setdefault(prefix, {}).setdefault(key, set()).add(int(branch[1:]))
            prefix = f"{prefix}.{branch}"
    return {prefix: {key: sorted(numbers) for key, numbers in keys.items()} for prefix, keys in found.items()}
