"""Mistakes in how something is declared or called."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def nearest(found: object, known: Iterable[str]) -> str:
    """Return a question after a name that is nearly one of those known, to follow it in a text; empty if none is."""
    from difflib import get_close_matches  # noqa: PLC0415  # only an error needs it

    close = get_close_matches(found, list(known), n=1) if isinstance(found, str) else []
    return f" (did you mean {close[0]!r}?)" if close else ""


class NbflowError(Exception):
    """Root of the errors that a caller can put right.

    Remedy:
        Catch the kinds below; this one catches them all.
    """

    number: ClassVar[str] = "NBF-100"

    def _text(self) -> str:
        """Return what was found where, what was expected, and what to do."""
        return super().__str__()

    def __str__(self) -> str:
        return f"{self._text()} [{self.number}]"


class InvalidOptionError(NbflowError, ValueError):
    """An argument has a value that it can't have.

    Remedy:
        Pass what the text says may be given.

    Attributes:
        where: the call that was given it, such as ``"invoke()"``.
        name: the argument.
        found: what was given, as text.
        expected: what may be given, and what to do.
    """

    number: ClassVar[str] = "NBF-105"

    def __init__(self, where: str, name: str, found: str, expected: str) -> None:
        super().__init__(where, name, found, expected)
        self.where = where
        self.name = name
        self.found = found
        self.expected = expected

    def _text(self) -> str:
        return f"{self.where}: {self.name} is {self.found}, but {self.expected}"


class InvalidUpdateError(NbflowError):
    """A thread can't be updated as asked. Nothing was written.

    Remedy:
        Look at the thread with `get_state(config)`, and update what is there.

    Attributes:
        workflow: name of the workflow.
        problem: what is wrong, and what to do.
    """

    number: ClassVar[str] = "NBF-110"

    def __init__(self, workflow: str, problem: str) -> None:
        super().__init__(workflow, problem)
        self.workflow = workflow
        self.problem = problem

    def _text(self) -> str:
        return f"update of a thread of {self.workflow!r}: {self.problem}. Nothing was written."


class UnknownOptionError(NbflowError, TypeError):
    """A keyword that the call does not know.

    Remedy:
        Use one of the keywords that the text lists; it is often a word mistyped.

    Attributes:
        where: the call that was given it, such as ``"invoke()"``.
        name: the keyword.
        known: the keywords that it knows.
        hint: what was meant, perhaps; empty if that can't be told.
    """

    number: ClassVar[str] = "NBF-115"

    def __init__(self, where: str, name: str, known: Sequence[str], hint: str = "") -> None:
        super().__init__(where, name, tuple(known), hint)
        self.where = where
        self.name = name
        self.known = tuple(known)
        self.hint = hint

    def _text(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.where} has no option {self.name!r}; it knows {', '.join(self.known)}{hint}"


class NotKeptAsCheckpointsError(NbflowError, NotImplementedError):
    """A method that writes checkpoints was called on a saver, which keeps logs.

    Remedy:
        Write a state with `update_state(config, values)`, copy a thread with `saver.copy_thread(source, target)`.

    Attributes:
        method: the method.
    """

    number: ClassVar[str] = "NBF-120"

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.method = method

    def _text(self) -> str:
        return (
            f"{self.method}() can't be done: a saver keeps each run as a log of records, and checkpoints are views of "
            "it. To write a state by hand, call workflow.update_state(config, values); to copy a thread, "
            "saver.copy_thread(source, target)."
        )


class ForeignObjectError(NbflowError, TypeError):
    """An object of LangGraph's was passed where one of nbflow's is meant.

    Remedy:
        Replace `langgraph` by `nbflow` in the import line of that object.

    Attributes:
        where: the call that was given it, such as ``"invoke()"``.
        what: the argument.
        module: where its class comes from.
        name: of its class.
    """

    number: ClassVar[str] = "NBF-125"

    def __init__(self, where: str, what: str, module: str, name: str) -> None:
        super().__init__(where, what, module, name)
        self.where = where
        self.what = what
        self.module = module
        self.name = name

    def _text(self) -> str:
        own = self.module.replace("langgraph", "nbflow", 1)
        return (
            f"{self.where}: {self.what} is {self.name} of {self.module}. Import it from nbflow instead of langgraph: "
            f"from {own} import {self.name.partition('.')[0]}"
        )


class DecorationError(NbflowError, TypeError):
    """A function that can't be an entrypoint or a task as it stands.

    Remedy:
        Change the function, or the decorator, as the text says.

    Attributes:
        decorator: ``"@entrypoint"`` or ``"@task"``.
        function: name or repr of what was decorated.
        problem: what is wrong with it, and what to do.
    """

    number: ClassVar[str] = "NBF-130"

    def __init__(self, decorator: str, function: str, problem: str) -> None:
        super().__init__(decorator, function, problem)
        self.decorator = decorator
        self.function = function
        self.problem = problem

    def _text(self) -> str:
        return f"{self.decorator} on {self.function}: {self.problem}"


class CalledOutsideBodyError(NbflowError, RuntimeError):
    """Code that belongs to no body, such as a predicate of a retry policy, called a task, ran a workflow or asked.

    Remedy:
        Call tasks and ask in the body or task itself, and let that code decide by what they gave.

    Attributes:
        what: what it used, such as ``"task 'fetch'"``.
        where: that code, such as ``"retry_on of task 'send'"``.
    """

    number: ClassVar[str] = "NBF-135"

    def __init__(self, what: str, where: str) -> None:
        super().__init__(what, where)
        self.what = what
        self.where = where

    def _text(self) -> str:
        return (
            f"{self.what} was used by {self.where}, which belongs to no body: on replay it would not run again, or not "
            "at the same place. Call tasks and ask in the body or the task itself, and decide by what they gave."
        )


class CannotPauseError(NbflowError, RuntimeError):
    """A call that must not happen twice asked a person, or what it called did.

    Remedy:
        Ask in the caller, before the call, and pass the answer to it.

    Example:
        @task(at_most_once=True)
        def pay(amount):
            interrupt("sure?")  # ask before pay(amount) is called

    Attributes:
        name: of the task with ``at_most_once``.
        path: position of the call.
    """

    number: ClassVar[str] = "NBF-140"

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name, path)
        self.name = name
        self.path = path

    def _text(self) -> str:
        return (
            f"interrupt() was called in call {self.path} of {self.name!r}, which must not happen twice "
            "(at_most_once=True): to go on after a pause, its function would have to run again. Ask in its caller, "
            "before it, and pass the answer to it."
        )


class CalledOutsideRunError(NbflowError, RuntimeError):
    """Something that only works inside a run was used outside of one.

    Remedy:
        Use it in the body of an `@entrypoint`, in a `@task` or in a node, and start that with `invoke()`, `stream()`
        or `start()`. Run threads of your own in `contextvars.copy_context().run(...)`.

    Attributes:
        what: the thing that was used, such as ``"task 'fetch'"``.
    """

    number: ClassVar[str] = "NBF-145"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def _text(self) -> str:
        return (
            f"{self.what} was used outside of a run. Use it in the body of an @entrypoint, in a @task or in a "
            "graph node, and start that with invoke(), stream() or start(). In a thread of your own, run the "
            "code in contextvars.copy_context().run(...)."
        )


class MissingThreadIdError(NbflowError, ValueError):
    """A workflow with a checkpointer was used without saying which thread; ``found`` is what was given, as text.

    Remedy:
        Name the thread in the config.

    Example:
        flow.invoke(1)  # of a workflow with a checkpointer
        flow.invoke(1, {"configurable": {"thread_id": "demo"}})  # as it is meant
    """

    number: ClassVar[str] = "NBF-150"

    def __init__(self, workflow: str, found: str) -> None:
        super().__init__(workflow, found)
        self.workflow = workflow
        self.found = found

    def _text(self) -> str:
        return (
            f"{self.workflow!r} keeps its runs in a checkpointer and needs a thread to keep them under, but "
            f"thread_id is {self.found}. Pass config={{'configurable': {{'thread_id': 'some-name'}}}}."
        )


class NoCheckpointerError(NbflowError, ValueError):
    """Something that needs saved runs was asked of a workflow that saves none.

    Remedy:
        Declare the workflow with `@entrypoint(checkpointer=SqliteSaver('runs.db'))`, or with an `InMemorySaver()` to
        try.

    Attributes:
        workflow: name of the workflow.
        what: what was asked, such as ``"get_state()"``.
    """

    number: ClassVar[str] = "NBF-155"

    def __init__(self, workflow: str, what: str) -> None:
        super().__init__(workflow, what)
        self.workflow = workflow
        self.what = what

    def _text(self) -> str:
        return (
            f"{self.what} needs saved runs, but {self.workflow!r} has no checkpointer. Declare it with "
            "@entrypoint(checkpointer=InMemorySaver()) or SqliteSaver('runs.db')."
        )


class NoCacheError(NbflowError, ValueError):
    """Something that needs a cache was asked of a workflow that has none.

    Remedy:
        Declare the workflow with `@entrypoint(cache=InMemoryCache())`.
    """

    number: ClassVar[str] = "NBF-160"

    def __init__(self, workflow: str) -> None:
        super().__init__(workflow)
        self.workflow = workflow

    def _text(self) -> str:
        return f"{self.workflow!r} has no cache. Declare it with @entrypoint(cache=InMemoryCache())."


class UnreadFutureError(NbflowError, TypeError, AttributeError):
    """A future was used as if it were the result of its call.

    Remedy:
        Ask the future for the result of its call: `future.result()`, in async code `await future`.

    Example:
        total = price(1) + price(2)  # two futures
        total = price(1).result() + price(2).result()  # as it is meant

    Attributes:
        where: the call whose future it is.
        used: what wanted the result, such as an operator or the name of an attribute.
        remedy: how the result is asked for.
    """

    number: ClassVar[str] = "NBF-165"

    def __init__(self, where: str, used: str, remedy: str) -> None:
        super().__init__(where, used, remedy)
        self.where = where
        self.used = used
        self.remedy = remedy

    def _text(self) -> str:
        return f"{self.used} was used on the future of {self.where}, not on its result: write {self.remedy}"


class UnreadFutureWarning(UserWarning):
    """A future stood where the result of its call was meant.

    Remedy:
        Ask the future for its result where the text points: `future.result()`, in async code `await future`.
    """

    number: ClassVar[str] = "NBF-175"


class WouldBlockError(NbflowError, RuntimeError):
    """The result of a call was asked for on an event loop, which would stand still.

    Remedy:
        In async code, await: `await future`, `await flow.ainvoke(...)`, `await asleep(...)`.

    Example:
        @entrypoint()
        async def flow(n):
            return fetch(n).result()  # `await fetch(n)` is meant
    """

    number: ClassVar[str] = "NBF-170"

    def __init__(self, call: str, task: str) -> None:
        super().__init__(call, task)
        self.call = call
        self.task = task

    def _text(self) -> str:
        return (
            f"call {self.call} of {self.task!r} is not done, and waiting for it here would stop the event loop: "
            "in async code write `await future` instead of `future.result()`, `await ainvoke(...)` instead of "
            "`invoke(...)`, `astream` instead of `stream`, and `await asleep(...)` instead of `sleep(...)`."
        )
