"""What a workflow does for people who change their minds: plan a run, try one call, fork over several results."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, cast

from nbflow.config import merge
from nbflow.core.call import Spec
from nbflow.errors import InvalidOptionError
from nbflow.runs.planning import plan_of
from nbflow.runs.request import AS_IT_WAS, Fork
from nbflow.runs.sweeping import Sweep, sweep
from nbflow.runs.trying import try_call
from nbflow.values import Output_co
from nbflow.values.by_name import by_name
from nbflow.workflow.options import request_of, spelled_out
from nbflow.workflow.threads import Threaded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from nbflow.runs.run import Run
    from nbflow.runs.trying import Tried
    from nbflow.values import Config, RunnableConfig, RunOptions
    from nbflow.views.plan import Plan


class Trials(Threaded[Output_co], Generic[Output_co]):
    """A workflow whose runs are planned, tried and swept."""

    @by_name
    @spelled_out
    def plan(
        self,
        input: object,  # as in `invoke`
        config: Config,
        **options: Unpack[RunOptions],
    ) -> Plan:
        """Return what ``invoke`` with the same arguments would do: which calls run, and why; it runs none of them.

        The body is replayed with the code of now, on the results that are recorded; where it needs the result of a
        call that would run, the plan ends, and says so. What a body writes to a store goes nowhere.

        Args:
            input: as of ``invoke``: an input for a new run, None for the unfinished one.
            config: names the thread.
            **options: as for ``invoke``; with ``reuse=True`` it says what would be taken over.

        Raises:
            NoCheckpointerError: if the workflow keeps no runs.

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
            >>> plan = flow.plan(["ant", "bear"], config, reuse=True)
            >>> [(call.path, call.action) for call in plan.calls]
            [('0.0', 'reused'), ('0.1', 'runs')]
        """
        return plan_of(self, request_of("plan()", input, config, options))

    @by_name
    def sweep(self, config: Config, at: str, values: Iterable[object], **options: Unpack[RunOptions]) -> Sweep:
        """Fork a run once for each of several results that one call is to have had, side by side, in the background.

        Each fork is a run on a thread of its own, a copy of this one, named after it, the call and the value; what
        had come before the call is copied and does not run.

        Args:
            config: names the thread, and with a ``checkpoint_id`` the run; else it is the newest one.
            at: position of the call, such as ``"0.2"``.
            values: what it is to have returned, one for each fork.
            **options: as for ``invoke``.

        Returns:
            The forks; ``rows()`` waits for them and gives result, time and difference of each.

        Raises:
            InvalidOptionError: if there is no such run or call, or no value; nothing was written then.

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
            >>> [row.result for row in flow.sweep(config, "0.1", [0, 10]).rows()]
            [[3, 0], [3, 10]]
        """
        merged = merge("sweep()", self.config, config)
        saver = self.checkpointer if not isinstance(self.checkpointer, bool) else None

        def fork(thread_id: str, value: object) -> Run[Any]:
            there = {**merged["configurable"], "thread_id": thread_id}
            return self.fork(cast("RunnableConfig", {**merged, "configurable": there}), at, value, **options)

        source = self.last_run(config) if saver is not None else None
        return sweep(saver, self.name, source, at, list(values), fork)

    def try_call(self, config: Config, path: str, task: object = None) -> Tried:
        """Run one recorded call alone, with the code of now on the arguments that it was given; nothing is written.

        The body is replayed up to the call for its arguments, so it must be one that a body makes: a call that a
        task made is reached by trying that task.

        Args:
            config: names the thread, and with a ``checkpoint_id`` the run; else it is the newest one.
            path: position of the call, such as ``"0.2"``.
            task: a task to run in its place, such as one that was just edited; None for the one that the body calls.

        Returns:
            Both results, how long they took, and what differs; ``fork()`` runs again from there with the new one.

        Raises:
            InvalidOptionError: if there is no such call, or its arguments can't be had.

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
            >>> @task
            ... def weigh_better(name: str) -> int:
            ...     return 10 * len(name)
            >>> tried = flow.try_call(config, "0.1", weigh_better)
            >>> tried.before, tried.after
            (4, 40)
        """
        spec = getattr(task, "spec", None)
        if task is not None and not (isinstance(spec, Spec) and spec.kind == "task"):
            raise InvalidOptionError("try_call()", "task", repr(task), "it is a task, made by @task, or None")
        request = request_of("try_call()", AS_IT_WAS, config, {"on_divergence": "rerun"})
        fork = partial(self.fork, config, path)
        return try_call(self, request._replace(fork=Fork(path)), spec, lambda value: fork(value, on_divergence="rerun"))
