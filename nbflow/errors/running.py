"""How runs and calls end badly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from nbflow.errors.usage import NbflowError


class RunCancelledError(NbflowError):
    """The run was cancelled before it ended; its thread can be resumed.

    Remedy:
        Go on with `invoke(None, config)`; what was finished does not run again.

    Attributes:
        workflow: name of the workflow.
        thread_id: the thread; empty without a checkpointer.
    """

    number: ClassVar[str] = "NBF-300"

    def __init__(self, workflow: str, thread_id: str) -> None:
        super().__init__(workflow, thread_id)
        self.workflow = workflow
        self.thread_id = thread_id

    def _text(self) -> str:
        rest = f" Go on with invoke(None) on thread {self.thread_id!r}." if self.thread_id else ""
        return f"the run of {self.workflow!r} was cancelled.{rest}"


class NodeCancelledError(NbflowError):
    """A body let a cancellation out that nobody had asked for, such as that of a future it had cancelled.

    Remedy:
        Catch `asyncio.CancelledError` where the body awaits what it has cancelled.

    Attributes:
        call: position of the call, such as ``"0.2"``.
        name: name of the task or body.
    """

    number: ClassVar[str] = "NBF-305"

    def __init__(self, call: str, name: str) -> None:
        super().__init__(call, name)
        self.call = call
        self.name = name

    def _text(self) -> str:
        return (
            f"{self.name!r} (call {self.call}) ended with a CancelledError although nobody cancelled it; "
            "it awaited something that was cancelled. Catch asyncio.CancelledError there."
        )


class NodeTimeoutError(NbflowError):
    """An attempt of a task or body took longer than its policy allows.

    No ``TimeoutError``, so that the default retry policy tries again.

    Remedy:
        Give the task a longer `timeout`, or a `retry_policy`; for an idle limit, call `runtime.heartbeat()` while it
        works.

    Attributes:
        node: name of the task or body.
        kind: ``"run"`` if it took too long in all, ``"idle"`` if it showed no progress.
        timeout: seconds of the limit that was reached.
        run_timeout, idle_timeout: seconds as declared; None for no limit.
        elapsed: seconds since the attempt began.
    """

    number: ClassVar[str] = "NBF-310"

    def __init__(
        self, node: str, kind: str, elapsed: float, run_timeout: float | None = None, idle_timeout: float | None = None
    ) -> None:
        super().__init__(node, kind, elapsed, run_timeout, idle_timeout)
        self.node = node
        self.kind = kind
        self.elapsed = elapsed
        self.run_timeout = run_timeout
        self.idle_timeout = idle_timeout
        self.timeout = run_timeout if kind == "run" else idle_timeout

    def _text(self) -> str:
        what = "took longer than" if self.kind == "run" else "showed no progress for"
        return f"{self.node!r} {what} {self.timeout:g} s (it ran for {self.elapsed:.3g} s)"


class CallInterruptedError(NbflowError, RuntimeError):
    """A call that must not happen twice had begun when its process died or its run was stopped: it may have happened.

    It is never run again. A body may catch this and ask a person; or it is told how the call ended, from outside.

    Remedy:
        Find out whether it happened; then `fork(config, at=path, replace=result)`, or `fork(config, at=path)` to run
        it once more.

    Attributes:
        name: of the task.
        path: position of the call.
        began: when it began, in seconds since 1970.
    """

    number: ClassVar[str] = "NBF-315"

    def __init__(self, name: str, path: str, began: float) -> None:
        super().__init__(name, path, began)
        self.name = name
        self.path = path
        self.began = began

    def _text(self) -> str:
        began = datetime.fromtimestamp(self.began, UTC).isoformat(" ", "seconds")
        return (
            f"call {self.path} of {self.name!r} began at {began} and was cut off, so nobody knows whether it happened; "
            "it must not happen twice, so it was not run again. Find out, then fork(config, at="
            f"{self.path!r}, replace=<what it did return>), or fork(config, at={self.path!r}) to run it once more."
        )


class MapError(NbflowError, RuntimeError):
    """Too many items of a map failed; the calls of the others were cancelled.

    Remedy:
        Look at `errors`, mend what failed and go on with `invoke(None, config)`: items that returned don't run again.
        To live with some failures, pass `tolerate` or `return_exceptions=True`.

    Attributes:
        name: of the task.
        count: number of the items.
        succeeded: how many had returned by then.
        allowed: failures that would have been tolerated.
        errors: by number of the item, from 0, what it failed with.
    """

    number: ClassVar[str] = "NBF-320"

    _LISTED = 5

    def __init__(self, name: str, count: int, succeeded: int, allowed: int, errors: dict[int, Exception]) -> None:
        super().__init__(name, count, succeeded, allowed, errors)
        self.name = name
        self.count = count
        self.succeeded = succeeded
        self.allowed = allowed
        self.errors = errors

    def _text(self) -> str:
        listed = [f"item {index}: {error!r}" for index, error in [*self.errors.items()][: self._LISTED]]
        more = len(self.errors) - len(listed)
        text = "; ".join(listed) + (f"; and {more} more" if more else "")
        left = self.count - self.succeeded - len(self.errors)
        return (
            f"{len(self.errors)} of {self.count} items of {self.name!r} failed, {self.allowed} may: {text}. "
            f"{self.succeeded} returned, and don't run again when the run goes on; {left} were cancelled or not begun."
        )


class NotNeededError(NbflowError):
    """Stands in the result of a map for an item whose call was cancelled or not begun: enough others had succeeded.

    Remedy:
        None: it stands for a result that nobody needs.

    Attributes:
        path: position of its call.
    """

    number: ClassVar[str] = "NBF-325"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def _text(self) -> str:
        return f"call {self.path} was not needed: enough other items had succeeded."


class NotCachedWarning(UserWarning):
    """A function has a cache policy, and a call of it was carried out without the cache.

    Remedy:
        Return what can be stored, and pass arguments that have a digest; or leave the policy out.
    """

    number: ClassVar[str] = "NBF-330"


class UnreachedCallsWarning(UserWarning):
    """A resumed body ended without making calls that the log holds results of: it takes another way now.

    Remedy:
        See why the body takes another way now; if the change is meant, nothing is to be done.
    """

    number: ClassVar[str] = "NBF-335"


class UnreadCodeWarning(UserWarning):
    """A function depends on something whose content can't be told, so that a change of it is not noticed.

    Remedy:
        Pass what it depends on as an argument, or give the task a `version=`.
    """

    number: ClassVar[str] = "NBF-340"


class LostFailureWarning(UserWarning):
    """A task failed and nobody asked for its result.

    Remedy:
        Ask each future for its result, or catch the failure in the task.
    """

    number: ClassVar[str] = "NBF-345"


class ChangedArgumentWarning(UserWarning):
    """An argument of a call was changed in place while the call worked on it.

    Remedy:
        Have the task change a copy and return it.
    """

    number: ClassVar[str] = "NBF-350"


class UnkeptFailureWarning(UserWarning):
    """A failure that a body survived will not be the same when it is replayed.

    Remedy:
        Raise exceptions of storable parts, and catch what should lead elsewhere inside the task.
    """

    number: ClassVar[str] = "NBF-355"


class UnkeptStreamWarning(UserWarning):
    """A body reads chunks of a nested run's stream that can't be kept: after a pause it is not given them again.

    Remedy:
        Write plain data to streams that bodies read.
    """

    number: ClassVar[str] = "NBF-360"


class StandstillWarning(RuntimeWarning):
    """A run was paused whose body waits, in the thread that called ``invoke()``, for a thread of its own that asked.

    Remedy:
        Ask in the body itself, or start it with `start()`.
    """

    number: ClassVar[str] = "NBF-365"


class NeverCalledWarning(UserWarning):
    """A class of the user's overrides a method of LangGraph's that nbflow does not call.

    Remedy:
        Override the method that the text names instead.
    """

    number: ClassVar[str] = "NBF-370"
