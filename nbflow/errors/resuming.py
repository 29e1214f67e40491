"""What a thread has to go on with is not what the caller took it for; nothing was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nbflow.errors.usage import NbflowError

if TYPE_CHECKING:
    from collections.abc import Sequence


class EmptyInputError(NbflowError, ValueError):
    """``None`` was given as the input, and there is nothing to continue.

    Remedy:
        Pass an input, or check the thread_id.

    Attributes:
        workflow: name of the workflow.
        thread_id: the thread that was looked up; empty without a checkpointer.
    """

    number: ClassVar[str] = "NBF-200"

    def __init__(self, workflow: str, thread_id: str) -> None:
        super().__init__(workflow, thread_id)
        self.workflow = workflow
        self.thread_id = thread_id

    def _text(self) -> str:
        where = f"thread {self.thread_id!r} has no run" if self.thread_id else "no run is saved"
        return (
            f"{self.workflow!r} was given None, which means: go on with the unfinished run, but {where}. "
            "Pass an input, or check the thread_id."
        )


class NothingToResumeError(NbflowError, RuntimeError):
    """``Command(resume=...)`` found no question to answer. Nothing was written.

    Remedy:
        Look at `get_state(config)`: an answer may have been sent twice, or to another thread. A run that asks nothing
        goes on with `invoke(None, config)`.

    Attributes:
        workflow: name of the workflow.
        thread_id: the thread that was looked up.
        status: what was found there, such as ``"done"`` or ``"unknown"``.
    """

    number: ClassVar[str] = "NBF-205"

    def __init__(self, workflow: str, thread_id: str, status: str) -> None:
        super().__init__(workflow, thread_id, status)
        self.workflow = workflow
        self.thread_id = thread_id
        self.status = status

    def _text(self) -> str:
        found = {
            "unknown": "has no run at all (check the thread_id)",
            "answered": "has all its questions answered already; go on with invoke(None, config)",
            "done": "has finished its last run, so no question is open; an answer may have been sent twice",
        }.get(self.status, f"has a last run that is {self.status} and asks nothing; go on with invoke(None, config)")
        return f"Command(resume=...) for {self.workflow!r}: thread {self.thread_id!r} {found}. Nothing was written."


class UnfinishedRunError(NbflowError, RuntimeError):
    """The result of a run was asked for that has none yet, by a handle that does not wait for it.

    Remedy:
        Go on with `invoke(None, config)`, or ask the handle of whoever runs it.

    Attributes:
        workflow: name of the workflow.
        thread_id: the thread.
        status: how the run stands, such as ``"crashed"`` or ``"answered"``; ``"crashed"`` too while another handle,
            or another process, works on it.
    """

    number: ClassVar[str] = "NBF-210"

    def __init__(self, workflow: str, thread_id: str, status: str) -> None:
        super().__init__(workflow, thread_id, status)
        self.workflow = workflow
        self.thread_id = thread_id
        self.status = status

    def _text(self) -> str:
        found = "has not ended, or its process died" if self.status == "crashed" else f"is {self.status}"
        return (
            f"the last run of {self.workflow!r} on thread {self.thread_id!r} {found}, so it has no result. Go on with "
            "invoke(None, config), or ask the handle of whoever runs it; last_run() only reads what is stored."
        )


class AmbiguousResumeError(NbflowError, RuntimeError):
    """A plain answer was given while several questions are open. Nothing was written.

    Remedy:
        Name the question: `Command(resume={id: answer})`, for one or several.

    Example:
        asked = flow.invoke(1, config)["__interrupt__"]  # two questions
        flow.invoke(Command(resume={one.id: "yes" for one in asked}), config)

    Attributes:
        thread_id: the thread.
        pending: ``{id: question}`` of the open questions, questions as short text.
    """

    number: ClassVar[str] = "NBF-215"

    def __init__(self, thread_id: str, pending: dict[str, str]) -> None:
        super().__init__(thread_id, pending)
        self.thread_id = thread_id
        self.pending = pending

    def _text(self) -> str:
        asked = "; ".join(f"{question} ({key})" for key, question in self.pending.items())
        return (
            f"thread {self.thread_id!r} asks {len(self.pending)} questions, so one plain answer can't be matched. "
            f"Pass Command(resume={{id: answer}}) for any of them. Open: {asked}"
        )


class UnknownInterruptError(NbflowError, RuntimeError):
    """An answer names a question that is not open. Nothing was written.

    Remedy:
        Take the ids from `run.interrupts` or from what `invoke` returned.

    Attributes:
        thread_id: the thread.
        unknown: ids that were answered and are not open.
        pending: ids of the open questions.
        questions: the same questions as short text; empty if that is not known.
    """

    number: ClassVar[str] = "NBF-220"

    def __init__(
        self, thread_id: str, unknown: Sequence[str], pending: Sequence[str], questions: Sequence[str] = ()
    ) -> None:
        super().__init__(thread_id, tuple(unknown), tuple(pending), tuple(questions))
        self.thread_id = thread_id
        self.unknown = tuple(unknown)
        self.pending = tuple(pending)
        self.questions = tuple(questions)

    def _text(self) -> str:
        texts = self.questions or [""] * len(self.pending)
        shown = [f"{text} ({key})" if text else key for key, text in zip(self.pending, texts, strict=True)]
        return (
            f"thread {self.thread_id!r} has no open question {', '.join(self.unknown)}; open are "
            f"{', '.join(shown) or 'none'}. Nothing was written."
        )


class InvalidAnswerError(NbflowError, ValueError):
    """An answer does not fit the question's schema. Nothing was written, and the question stays.

    Remedy:
        Send an answer that fits; the question is still open.

    Attributes:
        interrupt_id: the question.
        problem: what does not fit.
        question: the question as short text; empty if that is not known.
    """

    number: ClassVar[str] = "NBF-225"

    def __init__(self, interrupt_id: str, problem: str, question: str = "") -> None:
        super().__init__(interrupt_id, problem, question)
        self.interrupt_id = interrupt_id
        self.problem = problem
        self.question = question

    def _text(self) -> str:
        return f"question {self.question or self.interrupt_id}: {self.problem}. The question is still open."


def is_invalid_resume(error: BaseException) -> bool:
    """Whether an error says that an answer was refused and its question is still open."""
    return isinstance(error, (InvalidAnswerError, UnknownInterruptError, AmbiguousResumeError, NothingToResumeError))


class InterruptRejectedError(NbflowError):
    """A person refused to answer a question; raised by ``interrupt()``.

    Remedy:
        Catch it in the body where a rejection is an answer like others.

    Attributes:
        interrupt_id: the question.
        reason: why, as it was given; may be empty.
        question: the question as short text; empty if that is not known.
    """

    number: ClassVar[str] = "NBF-230"

    def __init__(self, interrupt_id: str, reason: str, question: str = "") -> None:
        super().__init__(interrupt_id, reason, question)
        self.interrupt_id = interrupt_id
        self.reason = reason
        self.question = question

    def _text(self) -> str:
        asked = self.question or self.interrupt_id
        return f"question {asked} was rejected{f': {self.reason}' if self.reason else ''}"


class InterruptExpiredError(NbflowError):
    """Nobody answered a question in time, and it has no default; raised by ``interrupt()``.

    Remedy:
        Give `interrupt()` a `default`, or catch it in the body.

    Attributes:
        interrupt_id: the question.
        question: the question as short text; empty if that is not known.
    """

    number: ClassVar[str] = "NBF-235"

    def __init__(self, interrupt_id: str, question: str = "") -> None:
        super().__init__(interrupt_id, question)
        self.interrupt_id = interrupt_id
        self.question = question

    def _text(self) -> str:
        asked = self.question or self.interrupt_id
        return f"question {asked} was not answered in time, and interrupt() was given no default"


class MissingContextError(NbflowError, ValueError):
    """A run goes on without the context that it began with. Nothing was written.

    Remedy:
        Pass the context again: `invoke(None, config, context=...)`. Contexts of storable parts are kept.

    Attributes:
        workflow: name of the workflow.
        thread_id: the thread.
        problem: why the context was not saved.
    """

    number: ClassVar[str] = "NBF-240"

    def __init__(self, workflow: str, thread_id: str, problem: str) -> None:
        super().__init__(workflow, thread_id, problem)
        self.workflow = workflow
        self.thread_id = thread_id
        self.problem = problem

    def _text(self) -> str:
        return (
            f"{self.workflow!r} on thread {self.thread_id!r} began with a context that could not be saved "
            f"({self.problem}); pass it again: invoke(..., context=...)."
        )


_PATCH = 'put the new code under `if nbflow.patch("changed-at-%s"):` and what was there before under its `else:`.'


class ReplayMismatchError(NbflowError):
    """A resumed body asked for another call than the log holds at this position.

    Remedy:
        Put clocks, random numbers and I/O into tasks. Where the code was changed on purpose, keep the old way for
        runs that began before, or run what follows again with `on_divergence='rerun'`, or take a new thread_id.

    Example:
        @entrypoint(checkpointer=saver)
        def flow(n):
            if time.time() % 2 < 1:  # another call after a restart
                fetch(n).result()
            if nbflow.patch("send-first"):  # a change that runs which wait don't see
                send(n).result()
            return interrupt("go on?")

    Attributes:
        call: position of the call, such as ``"0.2"``.
        recorded: what the log holds there, such as ``"task 'a'"``.
        asked: what the body asked for now.
    """

    number: ClassVar[str] = "NBF-245"

    def __init__(self, call: str, recorded: str, asked: str) -> None:
        super().__init__(call, recorded, asked)
        self.call = call
        self.recorded = recorded
        self.asked = asked

    def _text(self) -> str:
        patch = f" To let runs that began before go on as they began, {_PATCH % self.call}" if self.call != "0" else ""
        return (
            f"call {self.call}: the log holds {self.recorded} here, but the body now asks for {self.asked}. A "
            "resumed body must make the same calls in the same order: put clocks, random numbers and I/O into "
            f"tasks.{patch} To run changed calls again, pass on_divergence='rerun'; to start over, use a new thread_id."
        )


class ThreadBusyError(NbflowError, RuntimeError):
    """Another run works on the thread at this moment.

    Remedy:
        Wait for that run, join it with `on_busy='join'`, cancel it, or use another thread_id. If you know that its
        worker is stuck, `saver.take_away(thread_id)` frees the thread.

    Example:
        first = flow.start(1, config)
        second = flow.start(1, config)  # NBF-250
        second = flow.start(1, config, on_busy="join")  # waits for the first one, and returns what that returns

    Attributes:
        thread_id: the thread.
        owner: who holds it, or had it last.
        gone: whether that one has given it back, so that the thread is free, but not for the runner that had it before.
        unlike: why the run there could not be joined, with ``on_busy="join"``; empty if that was not asked for.
    """

    number: ClassVar[str] = "NBF-250"

    def __init__(self, thread_id: str, owner: str, *, gone: bool = False, unlike: str = "") -> None:
        super().__init__(thread_id, owner)
        self.thread_id = thread_id
        self.owner = owner
        self.gone = gone
        self.unlike = unlike

    def _text(self) -> str:
        if self.gone:
            return (
                f"thread {self.thread_id!r} was taken over by {self.owner}, which has worked on it and gone; what this "
                "run would still write was not stored. Begin a new run to go on with the thread."
            )
        unlike = f" It was not joined: {self.unlike}." if self.unlike else ""
        return (
            f"thread {self.thread_id!r} is being worked on by {self.owner}; two runs on one thread would do the "
            "same work twice. Wait for it or cancel it, or use another thread_id. One whose process is gone is taken "
            "over by itself; if you know that it is stuck, saver.take_away(thread_id) frees the thread."
            f"{unlike}"
        )


class UnknownCheckpointError(NbflowError, ValueError):
    """A checkpoint id that the thread does not have.

    Remedy:
        Take the id from `get_state_history(config)`.

    Attributes:
        thread_id: the thread.
        checkpoint_id: what was asked for.
    """

    number: ClassVar[str] = "NBF-255"

    def __init__(self, thread_id: str, checkpoint_id: str) -> None:
        super().__init__(thread_id, checkpoint_id)
        self.thread_id = thread_id
        self.checkpoint_id = checkpoint_id

    def _text(self) -> str:
        return (
            f"thread {self.thread_id!r} has no checkpoint {self.checkpoint_id!r}; "
            "get_state_history() lists the ones it has."
        )


class UnloadableValueError(NbflowError, RuntimeError):
    """A stored value that code of a run is to be given can't be rebuilt here, so the code does not get it.

    What the run begins with (its input, its context, the answers to its questions, a ``previous`` that its body
    takes) is looked at before it begins, so nothing was written. What is met on the way ends the run, whatever its
    bodies make of this error; the run can go on later.

    Remedy:
        Define or import the class as it was, or register it with `nbflow.register_type`, and go on.

    Attributes:
        what: the value, in words: with the call, question or item, the run and the thread.
        reason: which part can't be rebuilt, where in the value that is, and why.
        instead: what to do if it can't be rebuilt any more, in words; empty if there is nothing.
    """

    number: ClassVar[str] = "NBF-260"

    def __init__(self, what: str, reason: str, instead: str = "") -> None:
        super().__init__(what, reason, instead)
        self.what = what
        self.reason = reason
        self.instead = instead

    def _text(self) -> str:
        instead = f"; or {self.instead}" if self.instead else ""
        return f"{self.what}, was stored, but {self.reason}. Define or import the class as it was and go on{instead}."
