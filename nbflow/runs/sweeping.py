"""One call replaced by several values: what had come before it is copied, and the rest runs side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow import codec
from nbflow.core.summary import summary
from nbflow.errors import InvalidOptionError, NoCheckpointerError
from nbflow.views.progress import run_of, worked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.runs.run import Run

_WHERE = "sweep()"


class Swept(NamedTuple):
    """What came of one value.

    Attributes:
        value: what the call was to have returned.
        thread_id: the thread of the run.
        status: as of ``Run.status``.
        result: what the run returned; None while it has not.
        error: what it raised; None if it did not.
        seconds: how long it worked, without what was copied.
        is_same: whether the result is that of the run which was forked; None where one of them has none.
    """

    value: object
    thread_id: str
    status: str
    result: object
    error: BaseException | None
    seconds: float
    is_same: bool | None


@dataclass(frozen=True, slots=True)
class Sweep:
    """Forks of one run, one for each value; they work side by side, each on a thread of its own.

    Attributes:
        at: position of the call.
        values: what it was to have returned, in order.
        runs: handles of the forks, likewise.
        expected: result of the run that was forked; None if it has none.
        has_expected: whether it has one.
    """

    at: str
    values: tuple[object, ...]
    runs: tuple[Run[Any], ...]
    expected: object = None
    has_expected: bool = False

    def __repr__(self) -> str:
        done = sum(run.done() for run in self.runs)
        return f"<sweep at {self.at} over {len(self.values)} values: {done} have ended>"

    def rows(self, timeout: float | None = None) -> list[Swept]:
        """Wait for the forks, and return what came of each, in the order of the values.

        Args:
            timeout: seconds to wait for each; None waits for ever. What has not ended then is ``running``.
        """
        return [self._row(value, run, timeout) for value, run in zip(self.values, self.runs, strict=True)]

    def _row(self, value: object, run: Run[Any], timeout: float | None) -> Swept:
        result, error = None, None
        try:
            result = run.result(timeout)
        except Exception as raised:  # noqa: BLE001  # of the run; it stands in its row
            error = raised if run.done() else None
        status = run.status
        if status != "done":
            result = None
        progress = run_of(run.log, live=status == "running").progress
        seconds = worked(progress, progress.ended) if progress.ended is not None else 0.0
        same = has_same_content(result, self.expected) if status == "done" and self.has_expected else None
        return Swept(value, run.thread_id, status, result, error, seconds, same)

    def __iter__(self) -> Iterator[Swept]:
        return iter(self.rows())

    def __len__(self) -> int:
        return len(self.runs)


def sweep(
    saver: BaseCheckpointSaver | None,
    workflow: str,
    source: Run[Any] | None,
    at: str,
    values: Sequence[object],
    fork: Callable[[str, object], Run[Any]],
) -> Sweep:
    """Fork a run once for each value.

    Args:
        saver: keeps the threads.
        workflow: its name, for errors.
        source: the run.
        at: position of the call.
        values: what it is to have returned.
        fork: forks the copy of the run on a thread, with a value.

    Raises:
        InvalidOptionError: if there is no such run or call, or no value; no thread was made then.
        NoCheckpointerError: if the workflow keeps no runs.
    """
    if saver is None:
        raise NoCheckpointerError(workflow, _WHERE)
    if source is None:
        raise InvalidOptionError(_WHERE, "config", "its thread", "the thread has no run")
    if not values:
        raise InvalidOptionError(_WHERE, "values", repr(values), "it has one value at least")
    if at not in {row.path for row in source.calls}:
        known = ", ".join(f"{row.path} ({row.name})" for row in source.calls if row.parent)
        raise InvalidOptionError(_WHERE, "at", repr(at), f"the run has calls at {known or 'no position'}")
    made: list[str] = []
    runs: list[Run[Any]] = []
    taken = set(saver.thread_ids())
    try:
        for value in values:
            thread_id = _free(source.thread_id, at, value, taken)
            taken.add(thread_id)
            saver.copy_thread(source.thread_id, thread_id)  # type: ignore[attr-defined]  # all of nbflow's have it
            made.append(thread_id)
            runs.append(fork(thread_id, value))
    except BaseException:
        for run in runs:
            run.cancel("another fork of the sweep could not begin")
        for thread_id in made[len(runs) :]:
            saver.delete_thread(thread_id)  # type: ignore[attr-defined]  # as above
        raise
    has_result = source.status == "done"
    return Sweep(at, tuple(values), tuple(runs), source.result() if has_result else None, has_result)


def _free(thread_id: str, at: str, value: object, taken: set[str]) -> str:
    """Return a name for the thread of a fork that says what was replaced by what."""
    name = f"{thread_id}/{at}={summary(value)[:40]}"
    if name not in taken:
        return name
    return next(found for number in range(2, len(taken) + 3) if (found := f"{name} ({number})") not in taken)


def has_same_content(one: object, other: object) -> bool:
    """Whether two values are the same by content; by identity where that can't be told."""
    try:
        return codec.digest(one) == codec.digest(other)
    except Exception:  # noqa: BLE001  # of whatever class they are
        return one is other
