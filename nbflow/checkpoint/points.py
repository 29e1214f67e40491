"""The checkpoints of a thread: what their runs are, in outline, and what was saved last at each.

A checkpoint is the input of a run, one of its pauses, its result, or a segment that was written whole by an update
or the fork of a result. Runs may have been pruned: what refers to them finds nothing, and goes on.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, cast

from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import load, load_kind
from nbflow.core.checkpoints import checkpoints, is_mark, standing_pause
from nbflow.core.record import Marked, RunPaused, RunReturned, RunStarted, Saved, Value
from nbflow.errors import UnknownCheckpointError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow.checkpoint.base import BaseCheckpointSaver


class Head(NamedTuple):
    """A run, read without its calls.

    Attributes:
        started: its first record.
        returned: its last record, if it is finished.
        kept: what it saved for the next run, if it is finished.
        stands: checkpoint id of the pause, or of the mark of its body, that it stands at; None if it stands at none.
    """

    started: RunStarted
    returned: RunReturned | None
    kept: Value | None
    stands: str | None = None

    @property
    def result(self) -> Value | None:
        """What it returned; None while it has not."""
        return self.returned.value if self.returned is not None else None

    @property
    def saved(self) -> bool:
        """Whether what it saved is not what it returned."""
        return self.returned is not None and self.returned.saved

    @property
    def is_whole(self) -> bool:
        """Whether it was written whole, without a body: it is one checkpoint then, not two."""
        return self.returned is not None and self.returned.point == self.started.run_id and not self.is_marked

    @property
    def is_marked(self) -> bool:
        """Whether its body puts down where it stands: its checkpoints are those marks then."""
        return self.started.kind == "graph"

    def has(self, point: str) -> bool:
        """Whether a checkpoint is the run's input, its result, or where it stands."""
        result = self.returned.point if self.returned is not None else None
        return point in {self.started.run_id, result, self.stands}


class Point(NamedTuple):
    """A checkpoint.

    Attributes:
        id: names it.
        head: the run that it belongs to.
        is_result: whether it is the run's result, not its input.
        is_newest: whether the thread goes on from it; so it does from the input of its newest run until that ends.
        last: the last finished run at that moment on that branch; None if there was none.
        mark: where the body had put itself down then; None if it does not, or had not.
    """

    id: str
    head: Head
    is_result: bool
    is_newest: bool
    last: Head | None
    mark: Marked | None = None

    @property
    def is_pause(self) -> bool:
        """Whether it is a pause of the run."""
        return not self.is_result and self.id != self.head.started.run_id

    @property
    def step(self) -> int:
        """Number of the checkpoint in its branch, from -1; a pause has that of its run's input."""
        if self.mark is not None:
            return self.mark.step
        return self.head.started.step + (self.is_result and not self.head.is_whole)


def read_head(saver: BaseCheckpointSaver, run: RunKey) -> Head | None:
    """Return the outline of a run; None if there is no such run."""
    first = load(saver, run, first=1)
    if not first:
        return None
    tail = load(saver, run, last=2)
    returned = tail[-1] if isinstance(tail[-1], RunReturned) else None
    kept = None
    if returned is not None:
        kept = tail[0].value if returned.saved and isinstance(tail[0], Saved) else returned.value
        return Head(cast("RunStarted", first[0]), returned, kept)
    started = cast("RunStarted", first[0])
    paused = standing_pause(load(saver, run, last=_TAIL))
    stands = (paused.point or None) if paused is not None else None
    if stands is None and started.kind == "graph":
        stands = next((mark.point for mark in reversed(_marks(saver, run))), None)
    return Head(started, returned, kept, stands)


def _marks(saver: BaseCheckpointSaver, run: RunKey) -> list[Marked]:
    """Return the marks of the body of a run, in order."""
    return [mark for mark in load_kind(saver, run, Marked) if is_mark(mark)]


_TAIL = 16  # records; what workers brought in after a pause may stand behind it


def newest(saver: BaseCheckpointSaver, thread_id: str) -> RunKey | None:
    """Return the newest run of a thread, or None."""
    found = saver.runs(thread_id, limit=1)
    return RunKey(thread_id, found[0]) if found else None


def back_from(saver: BaseCheckpointSaver, thread_id: str, run_id: str | None = None) -> Iterator[RunKey]:
    """Yield the runs of a thread, the one that was begun last first: all, or from one of them on."""
    if run_id is None:
        found = saver.runs(thread_id, limit=1)  # often only this one is wanted
        if not found:
            return
        run_id = found[0]
    yield RunKey(thread_id, run_id)
    for older in saver.runs(thread_id, before=run_id):
        yield RunKey(thread_id, older)


def run_with(saver: BaseCheckpointSaver, thread_id: str, point: str) -> Head | None:
    """Return the run that a checkpoint belongs to; None if the thread has no such checkpoint.

    The id of a result is made after that of its run and before that of the next one, as long as no clock
    goes wrong; so there is one run to look at first.
    """
    near = saver.nearest(thread_id, point)
    first = [RunKey(thread_id, near)] if near is not None else []
    for run in chain(first, back_from(saver, thread_id)):
        head = read_head(saver, run)
        if head is not None and (head.has(point) or _was_at(saver, run, head, point)):
            return head
    return None


def _was_at(saver: BaseCheckpointSaver, run: RunKey, head: Head, point: str) -> bool:
    """Whether a checkpoint is a mark, or a pause, that the run has gone on from."""
    if head.is_marked and any(mark.point == point for mark in _marks(saver, run)):
        return True
    paused = load_kind(saver, run, RunPaused) if not head.is_whole else []
    return any(record.point == point for record in paused)


def prior(saver: BaseCheckpointSaver, started: RunStarted) -> Head | None:
    """Return the last finished run before one; None if there was none, or it was pruned."""
    return read_head(saver, RunKey(started.thread_id, started.prior)) if started.prior is not None else None


def executed(saver: BaseCheckpointSaver, head: Head | None) -> str | None:
    """Return the id of a run, or of the newest one before it in the thread that executed a body; None if none did."""
    while head is not None and head.is_whole:
        thread_id = head.started.thread_id
        earlier = saver.runs(thread_id, before=head.started.run_id, limit=1)
        head = read_head(saver, RunKey(thread_id, earlier[0])) if earlier else None
    return head.started.run_id if head is not None else None


def newest_point(saver: BaseCheckpointSaver, thread_id: str) -> Point | None:
    """Return the checkpoint that a thread goes on from; None if it has no run."""
    return point_of(saver, thread_id, None) if saver.runs(thread_id, limit=1) else None


def point_of(saver: BaseCheckpointSaver, thread_id: str, point: str | None) -> Point:
    """Return a checkpoint of a thread; None takes the newest.

    Raises:
        UnknownCheckpointError: if the thread has no such checkpoint.
    """
    top = newest(saver, thread_id)
    head = (
        run_with(saver, thread_id, point) if point is not None else read_head(saver, top) if top is not None else None
    )
    if head is None:
        raise UnknownCheckpointError(thread_id, str(point))
    result = head.returned.point if head.returned is not None else None
    newest_id = result or head.stands or head.started.run_id
    chosen = newest_id if point is None else point
    is_result = chosen == result
    goes_on = {newest_id} if result is not None or head.is_marked else {newest_id, head.started.run_id}
    return Point(
        id=chosen,
        head=head,
        is_result=is_result,
        is_newest=top is not None and head.started.run_id == top.run_id and chosen in goes_on,
        last=head if is_result else prior(saver, head.started),
        mark=_mark_at(saver, head, chosen) if head.is_marked else None,
    )


def _mark_at(saver: BaseCheckpointSaver, head: Head, point: str) -> Marked | None:
    """Return the mark that a checkpoint is, or stands at: a pause of its own comes after a mark."""
    records = load(saver, RunKey(head.started.thread_id, head.started.run_id))
    return next((one.mark for one in checkpoints(records) if one.id == point), None)
