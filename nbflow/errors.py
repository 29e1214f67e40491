"""Every error and signal of nbflow, in one place.

Two roots: ``NbflowError`` for what a caller can put right, and ``Signal`` for what steers a
run. Signals derive from ``BaseException`` so that an ``except Exception`` in a workflow cannot
mistake a pause for a failure. Raw fields go to ``super().__init__`` and the text is made in
``__str__``: pickle rebuilds an exception from its arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class NbflowError(Exception):
    """Root of the errors that a caller can put right."""


class InvalidOptionError(NbflowError, ValueError):
    """An argument has a value that it can't have.

    Attributes:
        where: the call that was given it, such as ``"invoke()"``.
        name: the argument.
        found: what was given, as text.
        expected: what may be given, and what to do.
    """

    def __init__(self, where: str, name: str, found: str, expected: str) -> None:
        super().__init__(where, name, found, expected)
        self.where = where
        self.name = name
        self.found = found
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.where}: {self.name} is {self.found}, but {self.expected}"


class UnknownOptionError(NbflowError, TypeError):
    """A keyword that the call does not know.

    Attributes:
        where: the call that was given it, such as ``"invoke()"``.
        name: the keyword.
        known: the keywords that it knows.
    """

    def __init__(self, where: str, name: str, known: Sequence[str]) -> None:
        super().__init__(where, name, tuple(known))
        self.where = where
        self.name = name
        self.known = tuple(known)

    def __str__(self) -> str:
        return f"{self.where} has no option {self.name!r}; it knows {', '.join(self.known)}"


class DecorationError(NbflowError, TypeError):
    """A function that can't be an entrypoint or a task as it stands.

    Attributes:
        decorator: ``"@entrypoint"`` or ``"@task"``.
        function: name or repr of what was decorated.
        problem: what is wrong with it, and what to do.
    """

    def __init__(self, decorator: str, function: str, problem: str) -> None:
        super().__init__(decorator, function, problem)
        self.decorator = decorator
        self.function = function
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.decorator} on {self.function}: {self.problem}"


class CalledOutsideRunError(NbflowError, RuntimeError):
    """Something that only works inside a run was used outside of one.

    Attributes:
        what: the thing that was used, such as ``"task 'fetch'"``.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return (
            f"{self.what} was used outside of a run. Use it in the body of an @entrypoint, in a @task or in a "
            "graph node, and start that with invoke(), stream() or start(). In a thread of your own, run the "
            "code in contextvars.copy_context().run(...)."
        )


class MissingThreadIdError(NbflowError, ValueError):
    """A workflow with a checkpointer was used without saying which thread; ``found`` is what was given, as text."""

    def __init__(self, workflow: str, found: str) -> None:
        super().__init__(workflow, found)
        self.workflow = workflow
        self.found = found

    def __str__(self) -> str:
        return (
            f"{self.workflow!r} keeps its runs in a checkpointer and needs a thread to keep them under, but "
            f"thread_id is {self.found}. Pass config={{'configurable': {{'thread_id': 'some-name'}}}}."
        )


class NoCheckpointerError(NbflowError, ValueError):
    """Something that needs saved runs was asked of a workflow that saves none.

    Attributes:
        workflow: name of the workflow.
        what: what was asked, such as ``"get_state()"``.
    """

    def __init__(self, workflow: str, what: str) -> None:
        super().__init__(workflow, what)
        self.workflow = workflow
        self.what = what

    def __str__(self) -> str:
        return (
            f"{self.what} needs saved runs, but {self.workflow!r} has no checkpointer. Declare it with "
            "@entrypoint(checkpointer=InMemorySaver()) or SqliteSaver('runs.db')."
        )


class EmptyInputError(NbflowError, ValueError):
    """``None`` was given as the input, and there is nothing to continue.

    Attributes:
        workflow: name of the workflow.
        thread_id: the thread that was looked up; empty without a checkpointer.
    """

    def __init__(self, workflow: str, thread_id: str) -> None:
        super().__init__(workflow, thread_id)
        self.workflow = workflow
        self.thread_id = thread_id

    def __str__(self) -> str:
        where = f"thread {self.thread_id!r} has no run" if self.thread_id else "no run is saved"
        return (
            f"{self.workflow!r} was given None, which means: go on with the unfinished run, but {where}. "
            "Pass an input, or check the thread_id."
        )


class NothingToResumeError(NbflowError, RuntimeError):
    """``Command(resume=...)`` found no question to answer. Nothing was written.

    Attributes:
        workflow: name of the workflow.
        thread_id: the thread that was looked up.
        status: what was found there, such as ``"finished"`` or ``"unknown"``.
    """

    def __init__(self, workflow: str, thread_id: str, status: str) -> None:
        super().__init__(workflow, thread_id, status)
        self.workflow = workflow
        self.thread_id = thread_id
        self.status = status

    def __str__(self) -> str:
        found = {
            "unknown": "has no run at all (check the thread_id)",
            "finished": "has finished its last run, so no question is open; an answer may have been sent twice",
        }.get(self.status, f"has a last run that is {self.status} and asks nothing; go on with invoke(None, config)")
        return f"Command(resume=...) for {self.workflow!r}: thread {self.thread_id!r} {found}. Nothing was written."


class AmbiguousResumeError(NbflowError, RuntimeError):
    """A plain answer was given while several questions are open. Nothing was written.

    Attributes:
        thread_id: the thread.
        pending: ``{id: question}`` of the open questions, questions as short text.
    """

    def __init__(self, thread_id: str, pending: dict[str, str]) -> None:
        super().__init__(thread_id, pending)
        self.thread_id = thread_id
        self.pending = pending

    def __str__(self) -> str:
        asked = "; ".join(f"{key}: {question}" for key, question in self.pending.items())
        return (
            f"thread {self.thread_id!r} asks {len(self.pending)} questions, so one plain answer can't be matched. "
            f"Pass Command(resume={{id: answer}}) for any of them. Open: {asked}"
        )


class UnknownInterruptError(NbflowError, RuntimeError):
    """An answer names a question that is not open. Nothing was written.

    Attributes:
        thread_id: the thread.
        unknown: ids that were answered and are not open.
        pending: ids of the open questions.
    """

    def __init__(self, thread_id: str, unknown: Sequence[str], pending: Sequence[str]) -> None:
        super().__init__(thread_id, tuple(unknown), tuple(pending))
        self.thread_id = thread_id
        self.unknown = tuple(unknown)
        self.pending = tuple(pending)

    def __str__(self) -> str:
        return (
            f"thread {self.thread_id!r} has no open question {', '.join(self.unknown)}; open are "
            f"{', '.join(self.pending) or 'none'}. Nothing was written."
        )


class InvalidAnswerError(NbflowError, ValueError):
    """An answer does not fit the question's schema. Nothing was written, and the question stays.

    Attributes:
        interrupt_id: the question.
        problem: what does not fit.
    """

    def __init__(self, interrupt_id: str, problem: str) -> None:
        super().__init__(interrupt_id, problem)
        self.interrupt_id = interrupt_id
        self.problem = problem

    def __str__(self) -> str:
        return f"question {self.interrupt_id}: {self.problem}. The question is still open."


class ReplayMismatchError(NbflowError):
    """A resumed body asked for another call than the log holds at this position.

    Attributes:
        call: position of the call, such as ``"0.2"``.
        recorded: what the log holds there, such as ``"task 'a'"``.
        asked: what the body asked for now.
    """

    def __init__(self, call: str, recorded: str, asked: str) -> None:
        super().__init__(call, recorded, asked)
        self.call = call
        self.recorded = recorded
        self.asked = asked

    def __str__(self) -> str:
        return (
            f"call {self.call}: the log holds {self.recorded} here, but the body now asks for {self.asked}. A "
            "resumed body must make the same calls in the same order: put clocks, random numbers and I/O into "
            "tasks. To run changed calls again, pass on_divergence='rerun'; to start over, use a new thread_id."
        )


class ThreadBusyError(NbflowError, RuntimeError):
    """Another run works on the thread at this moment.

    Attributes:
        thread_id: the thread.
        owner: who holds it.
    """

    def __init__(self, thread_id: str, owner: str) -> None:
        super().__init__(thread_id, owner)
        self.thread_id = thread_id
        self.owner = owner

    def __str__(self) -> str:
        return (
            f"thread {self.thread_id!r} is being worked on by {self.owner}; two runs on one thread would do the "
            "same work twice. Wait for it or cancel it, or use another thread_id."
        )


class WouldBlockError(NbflowError, RuntimeError):
    """The result of a call was asked for on an event loop, which would stand still."""

    def __init__(self, call: str, task: str) -> None:
        super().__init__(call, task)
        self.call = call
        self.task = task

    def __str__(self) -> str:
        return (
            f"call {self.call} of {self.task!r} is not done, and waiting for it here would stop the event loop: "
            "write `await future` instead of `future.result()` in async code."
        )


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


class UnknownCheckpointError(NbflowError, ValueError):
    """A checkpoint id that the thread does not have.

    Attributes:
        thread_id: the thread.
        checkpoint_id: what was asked for.
    """

    def __init__(self, thread_id: str, checkpoint_id: str) -> None:
        super().__init__(thread_id, checkpoint_id)
        self.thread_id = thread_id
        self.checkpoint_id = checkpoint_id

    def __str__(self) -> str:
        return (
            f"thread {self.thread_id!r} has no checkpoint {self.checkpoint_id!r}; "
            "get_state_history() lists the ones it has."
        )


class NewerFormatError(NbflowError):
    """A file was written by a later nbflow. It was not touched.

    Attributes:
        path: the file.
        found: its format.
        known: the newest format that this version reads.
    """

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path = path
        self.found = found
        self.known = known

    def __str__(self) -> str:
        return f"{self.path}: format {self.found}, but this nbflow reads up to {self.known}; upgrade nbflow."


class UnserializableError(NbflowError):
    """A value can't be stored.

    Attributes:
        path: where inside the value, such as ``'["rows"][3].client'``; empty for the value itself.
        type_name: module and name of the type that was found there.
        hint: why it can't be stored and what to do.
    """

    def __init__(self, path: str, type_name: str, hint: str) -> None:
        super().__init__(path, type_name, hint)
        self.path = path
        self.type_name = type_name
        self.hint = hint

    def __str__(self) -> str:
        return f"value{self.path} of type {self.type_name} can't be stored: {self.hint}"


class CorruptValueError(NbflowError):
    """Stored bytes are no encoded value.

    Attributes:
        reason: what is wrong with them.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"these bytes were not written by nbflow, or were damaged since: {self.reason}"


class RemoteError(NbflowError):
    """Stands for a stored exception whose own type can't be rebuilt here.

    Attributes:
        type_name: module and name of the original type.
        message: what the original said of itself.
        traceback_text: frames of the original's traceback, or an empty string.
        reason: why the original type was not rebuilt.
    """

    def __init__(self, type_name: str, message: str, traceback_text: str, reason: str) -> None:
        super().__init__(type_name, message, traceback_text, reason)
        self.type_name = type_name
        self.message = message
        self.traceback_text = traceback_text
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message} (shown by a stand-in: {self.reason})"


class LostFailureWarning(UserWarning):
    """A task failed and nobody asked for its result."""


class Signal(BaseException):
    """Root of what steers a run; never an error, so ``except Exception`` lets it pass."""


class GraphBubbleUp(Signal):
    """Root of the signals that leave a body on their way to the run."""


class GraphInterrupt(GraphBubbleUp):
    """The body waits for answers to ``interrupts``."""

    def __init__(self, interrupts: Sequence[object] = ()) -> None:
        super().__init__(tuple(interrupts))
        self.interrupts = tuple(interrupts)


class RunStopped(GraphBubbleUp):
    """The run was told to stop; raised in its body at the next call or result."""
