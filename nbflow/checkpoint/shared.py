"""What all savers offer besides their port, made of it; a backend gets it by deriving from ``SharedMethods``."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from nbflow.checkpoint import tuples, upkeep
from nbflow.errors import NotKeptAsCheckpointsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from nbflow.checkpoint.base import BaseCheckpointSaver, CheckpointTuple, Row, RunKey
    from nbflow.checkpoint.upkeep import Pruned

Own = TypeVar("Own")
Args = ParamSpec("Args")
Result = TypeVar("Result")


def awaited(
    method: Callable[Concatenate[Own, Args], Result],
) -> Callable[Concatenate[Own, Args], Coroutine[Any, Any, Result]]:
    """Return the same method, to be awaited."""

    async def twin(own: Own, /, *args: Args.args, **kwargs: Args.kwargs) -> Result:
        return method(own, *args, **kwargs)

    twin.__name__, twin.__doc__ = f"a{method.__name__}", f"As ``{method.__name__}``, awaited."
    twin.__signature__ = signature(method)  # type: ignore[attr-defined]  # inspect's hook
    return twin


class SharedMethods:
    """Upkeep of threads, and checkpoints in the shape of LangGraph's savers; each also with an ``a``, to be awaited."""

    def append_last(self: BaseCheckpointSaver, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store the last rows of a run, then give its thread back; see ``BaseCheckpointSaver``."""
        self.append(run, rows, owner)
        self.release(run.thread_id, owner)

    def delete_thread(self: BaseCheckpointSaver, thread_id: str) -> None:
        """Forget all runs of a thread; an unknown one is no error.

        Raises:
            ThreadBusyError: if somebody works on it.
        """
        with upkeep.leased(self, "delete_thread()", thread_id) as owner:
            self.remove(thread_id, self.runs(thread_id), owner)

    def copy_thread(self: BaseCheckpointSaver, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all runs of a thread to another one, which goes its own way from there.

        Args:
            source_thread_id: the thread; an unknown one gives nothing.
            target_thread_id: a thread that has no run.

        Raises:
            InvalidOptionError: if the other one has runs.
            ThreadBusyError: if somebody works on one of them.
        """
        upkeep.copy_thread(self, source_thread_id, target_thread_id)

    def prune(
        self: BaseCheckpointSaver,
        thread_ids: Iterable[str],
        *,
        strategy: str = "keep_latest",
        older_than: timedelta | datetime | None = None,
        max_bytes: int | None = None,
        dry_run: bool = False,
    ) -> Pruned:
        """Drop runs that threads do not need to go on; a thread that somebody works on is left alone.

        Args:
            thread_ids: the threads, in a list; unknown ones are no error.
            strategy: ``"keep_latest"`` keeps the newest run of each, and the finished run that its ``previous``
                comes from. ``"delete"`` drops all.
            older_than: an age, or a moment: only runs that nothing has happened in since then; with ``"delete"``,
                only threads. None for all.
            max_bytes: drop the oldest runs only until the thread takes no more than this. None for no limit.
            dry_run: whether to say only what would be dropped.

        Raises:
            InvalidOptionError: for arguments that can't be.
        """
        policy = upkeep.policy_of(strategy, older_than, max_bytes)
        return upkeep.prune(self, thread_ids, policy, dry_run=dry_run)

    def delete_for_runs(self: BaseCheckpointSaver, run_ids: Iterable[str]) -> None:
        """Forget runs by their ids, in whatever thread; unknown ones are no error.

        Raises:
            ThreadBusyError: if somebody works on one of the threads; nothing was deleted.
        """
        upkeep.delete_for_runs(self, run_ids)

    def size(self: BaseCheckpointSaver, thread_id: str | None = None) -> int:
        """Return the bytes that the records and values of a thread take; of all threads for None."""
        threads = self.thread_ids() if thread_id is None else [thread_id]
        return sum(sum(self.sizes(one).values()) for one in threads)

    def get_tuple(self: BaseCheckpointSaver, config: Mapping[str, object]) -> CheckpointTuple | None:
        """Return the checkpoint that a config names, or the newest of its thread; None if there is none."""
        return tuples.find(self, config)

    def get(self: BaseCheckpointSaver, config: Mapping[str, object]) -> dict[str, Any] | None:
        """As ``get_tuple``, without what belongs to the checkpoint."""
        found = tuples.find(self, config)
        return found.checkpoint if found is not None else None

    def list(
        self: BaseCheckpointSaver,
        config: Mapping[str, object] | None,
        *,
        filter: Mapping[str, object] | None = None,
        before: Mapping[str, object] | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Return checkpoints, newest first, read as they are asked for.

        Args:
            config: names the thread, or one checkpoint of it; None stands for all threads.
            filter: what the metadata of those that are wanted hold.
            before: a config with a ``checkpoint_id``; only older ones are returned.
            limit: how many at most; None for all.
        """
        return tuples.listed(self, config, filter, before, limit)

    async def alist(
        self: BaseCheckpointSaver,
        config: Mapping[str, object] | None,
        *,
        filter: Mapping[str, object] | None = None,
        before: Mapping[str, object] | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """As ``list``, for ``async for``."""
        for one in tuples.listed(self, config, filter, before, limit):
            yield one

    def put(self: BaseCheckpointSaver, /, *_: object, **__: object) -> Any:  # noqa: ANN401  # LangGraph's: a config
        """Refuse: checkpoints are not written, but seen.

        Raises:
            NotKeptAsCheckpointsError: always; it says what to do instead.
        """
        raise NotKeptAsCheckpointsError("put")

    def put_writes(self: BaseCheckpointSaver, /, *_: object, **__: object) -> None:
        """As ``put``."""
        raise NotKeptAsCheckpointsError("put_writes")

    aput = awaited(put)
    aput_writes = awaited(put_writes)
    adelete_thread = awaited(delete_thread)
    acopy_thread = awaited(copy_thread)
    aprune = awaited(prune)
    adelete_for_runs = awaited(delete_for_runs)
    aget_tuple = awaited(get_tuple)
    aget = awaited(get)
