"""How runs and calls end badly."""

from __future__ import annotations

from nbflow.errors.usage import NbflowError


class RunCancelledError(NbflowError):
    """The run was cancelled before it ended; its thread can be resumed.

    Attributes:
        workflow: name of the workflow.
        thread_id: the thread; empty without a checkpointer.
    """

    def __init__(self, workflow: str, thread_id: str) -> None:
        super().__init__(workflow, thread_id)
        self.workflow = workflow
        self.thread_id = thread_id

    def __str__(self) -> str:
        rest = f" Go on with invoke(None) on thread {self.thread_id!r}." if self.thread_id else ""
        return f"the run of {self.workflow!r} was cancelled.{rest}"


class NodeCancelledError(NbflowError):
    """A body let a cancellation out that nobody had asked for, such as that of a future it had cancelled.

    Attributes:
        call: position of the call, such as ``"0.2"``.
        name: name of the task or body.
    """

    def __init__(self, call: str, name: str) -> None:
        super().__init__(call, name)
        self.call = call
        self.name = name

    def __str__(self) -> str:
        return (
            f"{self.name!r} (call {self.call}) ended with a CancelledError although nobody cancelled it; "
            "it awaited something that was cancelled. Catch asyncio.CancelledError there."
        )


class LostFailureWarning(UserWarning):
    """A task failed and nobody asked for its result."""
