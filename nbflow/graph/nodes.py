"""Runs one node: its function, what it returned as an update, and its branches, all inside one call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Generator
from contextvars import ContextVar
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from nbflow._support.signature import is_async, parameters_of
from nbflow._support.warnings import warn
from nbflow.config import here
from nbflow.errors import ChangedArgumentWarning, InvalidGraphError, NodeError, ParentCommand
from nbflow.graph.handed import Handed, own
from nbflow.graph.models import validated
from nbflow.runtime import provide
from nbflow.values import NodeUpdate, Unstored
from nbflow.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
    from contextvars import Context

    from nbflow.core.call import Frame
    from nbflow.graph.blueprint import Blueprint, Branch
    from nbflow.session.session import Session

Work = Generator[Any, Any, NodeUpdate]


class StepHere(NamedTuple):
    """The step of a graph that the code which asks is a part of.

    Attributes:
        state: as it was when the step began.
        managed: values that the runtime computes for it.
        number: of the checkpoint that it leads to.
        pushed: what the node has written while it runs.
    """

    state: Mapping[str, object]
    managed: Mapping[str, object]
    number: int


step_here: ContextVar[StepHere] = ContextVar("nbflow_step")
listened_here: ContextVar[Handed | None] = ContextVar("nbflow_listened", default=None)  # what who listens was handed
pushed_here: ContextVar[list[tuple[str, object]] | None] = ContextVar("nbflow_pushed", default=None)


class Runner:
    """The function that the calls of a node run.

    Attributes:
        name: of the node.
        action: what the user gave.
        graph: that the node belongs to; set when the graph is compiled.
        branches: the functions that decide where the graph goes after it.
    """

    graph: Blueprint

    def __init__(self, name: str, action: Callable[..., object], branches: tuple[Branch, ...] = ()) -> None:
        self.name = name
        self.action = action
        self.branches = branches
        self.__wrapped__ = action  # whose code it is, for digests
        self.__name__ = name

    def __call__(self, view: object, **injected: Any) -> Any:  # noqa: ANN401  # an update, or a coroutine of one
        """Run the node once; gives a coroutine where something in it has to be awaited."""
        pushed_here.set([])
        return drive(self._work(view, injected))

    @property
    def where(self) -> str:
        """What it is called in errors."""
        return f"node {self.name!r}"

    def code_parts(self) -> Iterator[tuple[str, object]]:
        """Yield by name what its code is made of beside the user's function: its branches."""
        for branch in self.branches:
            yield from branch.code_parts()

    def beside(self, context: Context) -> object:
        """Return what a call depends on beside its arguments: what its branches see of the state; None for nothing.

        Args:
            context: that the call runs in.
        """
        if not self.branches:
            return None
        seen = {key for one in self.branches for key in (one.schema or self.graph).keys} - self.graph.unstored
        return {key: value for key, value in context[step_here].state.items() if key in seen}

    def _work(self, view: object, injected: dict[str, Any]) -> Work:
        """Yield what the user's code gives, which may have to be awaited; return the update."""
        state, handed = step_here.get().state, Handed()
        view = handed.view(view)
        try:
            result = yield self.action(view, **injected)
            if isinstance(result, GeneratorType):
                result = Parts(_parts(result))
            elif isinstance(result, AsyncGeneratorType):
                result = Parts((yield _all(result)))
        except ParentCommand as parent:  # of a graph that the node called: this is the graph around that
            commands = cast("NodeUpdate", parent.command).parent
            result = joined([adopted(self.graph, one, self.where) for one in commands])
        update = self._read(result, state, view, handed)
        if handed.others:
            self._tell_changes(handed)
        return (yield from routed(self.graph, self.branches, state, update))

    def _tell_changes(self, handed: Handed) -> None:
        """Warn, once, of objects in the state that are no copies and were changed in place."""
        spec = here(self.where)[1].call.spec
        for key, value in handed.changed():
            if "changed" not in spec.warned:
                spec.warned.add("changed")
                what = f"key {key!r} of the state" if key else "what it was given"
                text = (
                    f"{self.where} changed {what} in place: a {type(value).__name__} is handed out as it is, not as a "
                    "copy, so that other nodes of the step and the state before it may show the change. Change a copy, "
                    "and return that"
                )
                warn(text, ChangedArgumentWarning)

    def _read(self, result: Any, state: Mapping[str, object], view: object, handed: Handed) -> NodeUpdate:  # noqa: ANN401  # whatever a node returned
        graph = self.graph
        if handed.has_objects and type(result) is not dict:
            state = handed.given(view, state)
        if type(result) is Parts:
            parts = [graph.reader.read(part, self.where, state, view) for part in result]
            update = joined(parts)
        else:
            update = graph.reader.read(result, self.where, state, view)
        pushed = pushed_here.get()
        if not (pushed or graph.schema.is_model or graph.unstored or handed.has_objects):
            return update
        writes = (*(pushed or ()), *((key, _taken_back(value, handed)) for key, value in update.writes))
        valid: Iterable[tuple[str, object]] = writes
        if graph.schema.is_model:
            valid = validated(graph, writes, state)
        if graph.unstored:
            valid = [(key, Unstored(value) if key in graph.unstored else value) for key, value in valid]
        return NodeUpdate(tuple(valid), update.goto, update.parent)


class HandlerRunner(Runner):
    """The function that the calls of an error handler run; it is given the failure."""

    def _work(self, view: object, injected: dict[str, Any]) -> Work:
        error = injected.pop("error")
        if any(parameter.name == "error" for parameter in parameters_of(self.action)):
            injected["error"] = NodeError(self.name, error)
        return super()._work(view, injected)


def _taken_back(value: object, handed: Handed) -> object:
    """Return a written value with the state's own objects in it, where it holds unchanged copies of them."""
    listened, found = listened_here.get(), handed.taken_back(value)
    return listened.taken_back(found) if listened is not None else found


def routed(graph: Blueprint, branches: tuple[Branch, ...], state: Mapping[str, object], update: NodeUpdate) -> Work:
    """Yield what branches answer, which may have to be awaited; return an update with where they lead.

    A branch sees the state with this update in it, and not what other nodes of the step write.
    """
    if not branches or update.parent:
        return update
    after, _ = graph.merged(state, [("", update)])
    goto = list(update.goto)
    for branch in branches:
        schema = branch.schema or graph.schema
        view = schema.view(after, step_managed())
        if schema is graph.schema and not schema.is_root and not schema.is_instance:
            view = {**after, **view}  # type: ignore[dict-item]  # a dict: private keys too
        if not (getattr(branch.path, "__module__", None) or "").startswith("nbflow."):  # ours change nothing
            view = own(view)
        injected = provide(*_place(branch)) if branch.inject else {}
        answer = yield branch.path(view, **injected)
        goto += branch.targets(answer, graph.reader)
    return NodeUpdate(update.writes, tuple(goto), update.parent)


def _place(branch: Branch) -> tuple[Session, Branch, Frame]:
    session, frame = here(branch.where)
    return session, branch, frame


def step_managed() -> Mapping[str, object]:
    """Return the values that the runtime computes for the step that runs here; none outside of one."""
    step = step_here.get(None)
    return step.managed if step is not None else {}


def adopted(graph: Blueprint, update: NodeUpdate, where: str) -> NodeUpdate:
    """Return an update that another graph sent to this one, its keys and routes known here.

    Raises:
        GraphUpdateError: if one of them is not.
    """
    what = f"the Command.PARENT that came through {where}"
    writes = [pair for one in update.writes for pair in graph.schema.read(_one(one, graph), what, graph.keys)]
    return NodeUpdate(tuple(writes), graph.reader.routes(update.goto, what))


def _one(pair: tuple[str, object], graph: Blueprint) -> object:
    return pair[1] if graph.schema.is_root else {pair[0]: pair[1]}


def joined(parts: list[NodeUpdate]) -> NodeUpdate:
    """Return several updates as one."""
    return NodeUpdate(
        tuple(write for part in parts for write in part.writes),
        tuple(target for part in parts for target in part.goto),
        tuple(one for part in parts for one in part.parent),
    )


def drive(work: Work) -> Any:  # noqa: ANN401  # an update, or a coroutine of one
    """Carry out what a node does: at once, or as a coroutine from where something has to be awaited."""
    step: Any = None
    while True:
        try:
            given = work.send(step)
        except StopIteration as end:
            return end.value
        if hasattr(type(given), "__await__"):
            return _awaited(work, given)
        step = given


async def _awaited(work: Work, given: Any) -> NodeUpdate:  # noqa: ANN401  # whatever the user's code gave
    while True:
        try:
            if hasattr(type(given), "__await__"):
                step = await given
            else:
                step = given
        except BaseException as error:  # noqa: BLE001  # the node's own code may catch it
            try:
                given = work.throw(error)
            except StopIteration as end:
                return cast("NodeUpdate", end.value)
            continue
        try:
            given = work.send(step)
        except StopIteration as end:
            return cast("NodeUpdate", end.value)


class Parts(list[object]):
    """What a node yielded, each part an update; last what it returned, if that is something."""


def _parts(generator: Generator[object, Any, object]) -> Iterator[object]:
    """Yield what a generator yields, and after that what it returns, if that is something."""
    returned = yield from generator
    if returned is not None:
        yield returned


async def _all(parts: AsyncIterator[object]) -> list[object]:
    return [part async for part in parts]


def action_of(given: Any, where: str) -> Callable[..., object]:  # noqa: ANN401  # whatever was given as a node
    """Return what stands for a node as a function of the state.

    Raises:
        InvalidGraphError: if it can't be called with a state.
    """
    if isinstance(given, dict):
        parts = {name: action_of(one, where) for name, one in given.items()}
        return functools.partial(_parallel, parts)
    if isinstance(given, Workflow):
        return _nested(given)
    if _is_runnable(given):
        return functools.partial(_invoked, given.ainvoke if _wants_await(given) else given.invoke)
    if not callable(given) or isinstance(given, type):
        raise InvalidGraphError(
            f"{where} is {given!r:.80}; a node is a function of the state, a compiled graph, a workflow, or a Runnable"
        )
    parameters = parameters_of(given)
    if not parameters and _shows_signature(given):
        raise InvalidGraphError(f"{where} takes no argument; give it one, the state")
    return cast("Callable[..., object]", given)


def _shows_signature(fn: Callable[..., object]) -> bool:
    try:
        inspect.signature(fn)
    except (TypeError, ValueError):
        return False
    return True


def _is_runnable(given: object) -> bool:
    return any(kind.__module__.startswith("langchain_core.") for kind in type(given).__mro__) and hasattr(
        given, "invoke"
    )


def _wants_await(given: Any) -> bool:  # noqa: ANN401  # a Runnable
    return getattr(given, "func", None) is None and getattr(given, "afunc", None) is not None


def _nested(workflow: Workflow) -> Callable[..., object]:
    """Return a workflow as the function of a node."""
    if workflow.spec.is_async:

        async def run_nested(state: Any) -> object:  # noqa: ANN401  # what the workflow takes
            return await workflow.ainvoke(state)

        return run_nested

    def run(state: Any) -> object:  # noqa: ANN401  # as above
        return workflow.invoke(state)

    return run


def _invoked(invoke: Callable[..., object], state: object) -> object:
    """Invoke a Runnable, with the config of the node."""
    session, frame = here("a node")
    return invoke(state, session.config_of(frame))


def _parallel(parts: Mapping[str, Callable[..., object]], state: object) -> dict[str, object]:
    return {name: part(state) for name, part in parts.items()}


def needs_loop(action: Callable[..., object], branches: tuple[Branch, ...]) -> bool:
    """Whether a node runs on an event loop: its function or one of its branches does."""
    return is_async(action) or any(is_async(branch.path) for branch in branches)


class OnLoop:
    """A node's function for an event loop: calling it always gives a coroutine.

    Attributes:
        runner: the function.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.code_parts, self.beside = runner.code_parts, runner.beside
        self.__wrapped__ = runner.action
        self.__name__ = runner.name

    async def __call__(self, view: object, **injected: Any) -> NodeUpdate:  # noqa: ANN401  # what the runtime fills in
        """Run the node once."""
        found = self.runner(view, **injected)
        return cast("NodeUpdate", await found if hasattr(type(found), "__await__") else found)
