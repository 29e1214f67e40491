"""What a workflow does with its threads besides running them: look at them, fork their runs, change them."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Generic, cast

from nbflow._support import clock
from nbflow.checkpoint import points
from nbflow.config import merge, thread_of
from nbflow.core.record import ROOT
from nbflow.errors import InvalidOptionError, ThreadBusyError
from nbflow.runs import history
from nbflow.runs.launch import attach, launch
from nbflow.runs.request import AS_IT_WAS, Fork
from nbflow.runs.updates import update
from nbflow.values import Output_co, StateUpdate
from nbflow.values.by_name import by_name
from nbflow.views.state import empty_state
from nbflow.workflow.definition import Definition
from nbflow.workflow.options import request_of, spelled_out
from nbflow.workflow.reading import threads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from typing import Unpack

    from nbflow.runs.run import Run
    from nbflow.values import Config, RunnableConfig, RunOptions, StateSnapshot


class Threaded(Definition, Generic[Output_co]):
    """A workflow as the owner of threads."""

    @by_name
    @spelled_out
    def fork(
        self,
        config: Config,
        at: str = "0",
        replace: object = AS_IT_WAS,
        *,
        input: object = AS_IT_WAS,  # as in `invoke`
        **options: Unpack[RunOptions],
    ) -> Run[Output_co]:
        """Run again from one call of a run, in the background, as a new run of its thread; return its handle at once.

        What was called before that call in its branch, and what had ended before it in other
        branches, is replayed, with the answers that had been given by then; the rest runs.

        Args:
            config: names the thread, and with a ``checkpoint_id`` the run; else it is the newest one.
            at: position of the call, such as ``"0.2"``; ``"0"`` runs all again, and asks all again.
            replace: what the call is to have returned; it does not run then.
            input: another input for the body.
            **options: as for ``invoke``.

        Raises:
            InvalidOptionError: if there is no such run or call; nothing was written then.
            UnserializableError: if ``replace`` can't be stored; nothing was written either.

        Example:
            >>> from nbflow import InMemorySaver, entrypoint, task
            >>> @task
            ... def weigh(name: str) -> int:
            ...     return len(name)
            >>> @entrypoint(checkpointer=InMemorySaver())
            ... def flow(names: list[str]) -> list[int]:
            ...     futures = [weigh(name) for name in names]
            ...     return [future.result() for future in futures]
            >>> config = {"configurable": {"thread_id": "one"}}
            >>> flow.invoke(["ant", "wolf"], config)
            [3, 4]
            >>> flow.fork(config, at="0.1", replace=40).result()
            [3, 40]
        """
        request = request_of("fork()", input, config, options)
        return launch(self, request._replace(fork=Fork(at, replace)))

    @spelled_out
    def go_on(self, config: Config | None = None, **options: Unpack[RunOptions]) -> list[Run[Output_co]]:
        """Go on, in the background, with the runs of this workflow that wait for nothing but that.

        Those are runs whose questions were answered by ``record_answer``, and runs that sleep and whose time has come.

        Args:
            config: names one thread; without one all threads of the checkpointer are looked at.
            **options: as for ``invoke``.

        Returns:
            The runs that go on, those that have waited longest first; a thread that somebody else goes on with is
            left to them.
        """
        saver = self.saver("go_on()")
        merged = merge("go_on()", self.config, config)
        named = merged["configurable"].get("thread_id")
        own = {self.name, self.spec.name}
        begun: list[Run[Output_co]] = []
        for one in reversed(threads(saver)):
            is_due = one.status == "answered" or (one.until is not None and one.until <= clock.now())
            if not is_due or one.workflow not in own or named not in {None, one.thread_id}:
                continue
            there = {**merged, "configurable": {**merged["configurable"], "thread_id": one.thread_id}}
            with suppress(ThreadBusyError):
                begun.append(launch(self, request_of("go_on()", None, cast("RunnableConfig", there), options)))
        return begun

    def last_run(self, config: Config) -> Run[Output_co] | None:
        """Return the newest run of a thread as it stands in the checkpointer; None if there is none.

        Raises:
            NoCheckpointerError: if the workflow keeps no runs.
        """
        return attach(self, merge("last_run()", self.config, config))

    @by_name
    def get_state(self, config: Config, *, subgraphs: bool = False) -> StateSnapshot:
        """Return where a thread stands: now, or at the ``checkpoint_id`` of the config.

        Args:
            config: names the thread; a ``checkpoint_ns`` in it names a run nested in that one, by its position, and
                a ``checkpoint_map`` one of its steps, as ``config`` of a state of it does.
            subgraphs: whether ``tasks[0].state`` shows the states of nested runs.

        Raises:
            NoCheckpointerError: if the workflow keeps no runs.
            UnknownCheckpointError: if the thread has no such checkpoint.
        """
        merged, thread_id = self._address("get_state()", config)
        ns, step = _nested(merged, "get_state()")
        found = history.state_of(
            self.saver("get_state()"), thread_id, _point(merged), ns=ns, step=step, subgraphs=subgraphs
        )
        return found or empty_state(merged)

    async def aget_state(self, config: Config, *, subgraphs: bool = False) -> StateSnapshot:
        """As ``get_state``, awaited."""
        return self.get_state(config, subgraphs=subgraphs)

    @by_name
    def get_state_history(
        self,
        config: Config,
        *,
        filter: Mapping[str, object] | None = None,
        before: Config | None = None,
        limit: int | None = None,
    ) -> Iterator[StateSnapshot]:
        """Return the states of a thread, newest first, over all its branches: for each run its result, then its input.

        Args:
            config: names the thread; a ``checkpoint_id`` in it leaves that one only. With a ``checkpoint_ns`` the
                states of that nested run are shown, as far as it had come at that checkpoint, or now.
            filter: what the metadata of those that are wanted hold.
            before: a config with a ``checkpoint_id``; only older states are shown.
            limit: how many at most; None for all.

        Raises:
            UnknownCheckpointError: if the thread has no checkpoint as named.
        """
        merged, thread_id = self._address("get_state_history()", config)
        saver, point = self.saver("get_state_history()"), _point(merged)
        if limit is not None and limit < 0:
            raise InvalidOptionError(
                "get_state_history()", "limit", repr(limit), "it is a whole number from 0, or None"
            )
        wanted = limit
        if point is not None:
            points.point_of(saver, thread_id, point)
            limit = 1 if limit is None else min(limit, 1)
        below = _point(merge("get_state_history()", before)) if before is not None else None
        ns, step = _nested(merged, "get_state_history()")
        if ns:
            older = _nested(merge("get_state_history()", before), "get_state_history()")[1] if before else None
            states = history.nested_history_of(saver, thread_id, point, ns, before=older, step=step, metadata=filter)
            return islice(states, wanted)
        if before is not None and below is None:
            raise InvalidOptionError("get_state_history()", "before", repr(before), "it has a checkpoint_id")
        found = history.history_of(saver, thread_id, before=below, upto=point, metadata=filter)
        return islice(found, limit)

    async def aget_state_history(
        self,
        config: Config,
        *,
        filter: Mapping[str, object] | None = None,
        before: Config | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[StateSnapshot]:
        """As ``get_state_history``, for ``async for``."""
        for snapshot in self.get_state_history(config, filter=filter, before=before, limit=limit):
            yield snapshot

    def update_state(
        self, config: Config, values: object, as_node: str | None = None, task_id: str | None = None
    ) -> RunnableConfig:
        """Write a checkpoint by hand, and return its config; the thread goes on from it.

        Nothing runs: a run that was unfinished, or asked, is left behind as it was. To have it go
        on with another result of one of its calls, use ``fork(replace=...)``; to answer it, resume it.

        Args:
            config: names the thread, and with a ``checkpoint_id`` where the new checkpoint belongs.
            values: what the body is to have returned; an ``entrypoint.final`` says what is saved for the next run.
            as_node: None or the workflow's name: ``values`` is its result. ``"__input__"``: ``values`` is an input,
                which ``invoke(None, config)`` runs. ``"__end__"``, with None: what was unfinished is given up, and the
                last result stands. ``"__copy__"``, with None: the same checkpoint once more, beside it.
            task_id: the unit of work that it stands for, ``tasks[0].id`` of a snapshot; None for the one that is there.

        Raises:
            InvalidUpdateError: if there is no such node or unit of work; nothing was written.
            ThreadBusyError: if somebody works on the thread.
        """
        return update(self, "update_state()", config, [[StateUpdate(values, as_node, task_id)]])

    async def aupdate_state(
        self, config: Config, values: object, as_node: str | None = None, task_id: str | None = None
    ) -> RunnableConfig:
        """As ``update_state``, awaited."""
        return self.update_state(config, values, as_node, task_id)

    def bulk_update_state(self, config: Config, supersteps: Sequence[Sequence[StateUpdate]]) -> RunnableConfig:
        """Write a checkpoint for each list of updates, one after the other, all or none; return the last one's config.

        Args:
            config: as for ``update_state``.
            supersteps: lists of one ``StateUpdate`` each.

        Raises:
            InvalidOptionError: if a list is empty.
            InvalidUpdateError: as for ``update_state``.
        """
        return update(self, "bulk_update_state()", config, supersteps)

    async def abulk_update_state(self, config: Config, supersteps: Sequence[Sequence[StateUpdate]]) -> RunnableConfig:
        """As ``bulk_update_state``, awaited."""
        return self.bulk_update_state(config, supersteps)

    def _address(self, where: str, config: Config) -> tuple[RunnableConfig, str]:
        self.saver(where)
        merged = merge(where, self.config, config)
        return merged, thread_of(merged, self.name)


_POSITION = re.compile(r"0(\.b?\d+)*")


def _nested(config: RunnableConfig, where: str) -> tuple[str, str | None]:
    """Return which nested run a config names, empty for none, and which of its steps; None for none."""
    given = config["configurable"]
    ns, steps = str(given.get("checkpoint_ns") or ""), given.get("checkpoint_map")
    if ns and not _POSITION.fullmatch(ns):
        raise InvalidOptionError(
            where,
            "checkpoint_ns",
            repr(ns),
            "it is the position of a nested run, such as '0.2', tasks[0].id of a state",
        )
    step = steps.get(ns) if isinstance(steps, dict) and ns else None
    return "" if ns == ROOT else ns, None if step is None else str(step)


def _point(config: RunnableConfig) -> str | None:
    point = config["configurable"].get("checkpoint_id")
    return None if point is None else str(point)
