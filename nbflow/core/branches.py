"""Numbers of the concurrent branches of a body: the same in a run and in its replay.

Asyncio tasks are numbered in the order of their creation. Within a batch, those made without an await
in between, that may be the order of a set, which differs from one process to the next. So each branch
has a key, a digest of its coroutine's name and arguments: a recorded branch is found again by its
batch and its key, and two branches of a batch with the same key do the same.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from nbflow.core.path import caller_of, frames_of
from nbflow.core.record import Asked, CallSettled

if TYPE_CHECKING:
    from collections.abc import Mapping


Recorded = dict[int, tuple[int, str]]


class Branches:
    """Numbers the branches of one frame.

    Args:
        recorded: by number, the batch and the key of the branches in the log.

    Attributes:
        batch: names the batch that is being made, by how many branches there were before; None between two.
        is_to_end: whether the batch has begun and nobody has seen to it yet that it ends, at the next await.
    """

    __slots__ = ("_count", "_free", "_next", "_reserved", "batch", "is_to_end")

    def __init__(self, recorded: Recorded) -> None:
        self._free: dict[tuple[int, str], list[int]] = {}
        for number in sorted(recorded, reverse=True):
            self._free.setdefault(recorded[number], []).append(number)
        self._reserved = set(recorded)
        self._count = self._next = 0
        self.batch: int | None = None
        self.is_to_end = False

    def end_batch(self) -> None:
        """Let the next branch begin a batch of its own."""
        self.batch = None

    def number(self, key: str) -> tuple[int, int]:
        """Return the number of a new branch, and its batch."""
        if self.batch is None:
            self.batch = self._next = self._count
            self.is_to_end = True
        self._count += 1
        recorded = self._free.get((self.batch, key))
        if recorded:
            return recorded.pop(), self.batch
        while self._next in self._reserved:
            self._next += 1
        self._next += 1
        return self._next - 1, self.batch


def name_of(number: int, batch: int, key: str) -> str:
    """Return what a record says of the branch that it stands in."""
    return f"b{number}@{batch}={key}"


def _frame_of(record: Asked) -> str:
    """Return the position of the frame that a question was asked in."""
    return ".".join([record.path, *(named.partition("@")[0] for named in record.branch.split(".") if named)])


def steps_of(settled: Mapping[str, CallSettled], asked: Mapping[str, Asked]) -> Mapping[str, int]:
    """Return how many calls and questions each frame of a log has behind it, by the position of the frame."""
    steps = Counter(frames_of(settled))
    steps.update(map(_frame_of, asked.values()))
    return steps


def recorded_branches(settled: Mapping[str, CallSettled], asked: Mapping[str, Asked]) -> Mapping[str, Recorded]:
    """Return what the log tells of branches: by the position of their frame and their number, batch and key."""
    found: dict[str, Recorded] = {}
    records: list[CallSettled | Asked] = [one for one in settled.values() if one.branch]
    for record in [*records, *asked.values()]:
        prefix = record.path if isinstance(record, Asked) else caller_of(record.path)
        for named in record.branch.split(".") if record.branch else ():
            branch, _, key = named.partition("=")
            number, _, batch = branch[1:].partition("@")
            found.setdefault(prefix, {})[int(number)] = (int(batch), key)
            prefix = f"{prefix}.b{number}"
    return found
