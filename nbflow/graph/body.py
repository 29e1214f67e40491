"""The body of a graph's run: does what the program asks for, in threads or on an event loop."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from nbflow._support import clock
from nbflow._support.warnings import warn
from nbflow.config import here
from nbflow.constants import START
from nbflow.core.checkpoints import is_mark
from nbflow.core.marks import change, position_at
from nbflow.core.outcome import Outcome
from nbflow.core.record import Answered, Marked, Record, RunHalted, RunPaused, RunResumed, RunStarted, Value
from nbflow.drivers.future import CallFuture
from nbflow.errors import NoParentGraphError, UnfilledJoinWarning
from nbflow.graph.handed import Handed
from nbflow.graph.models import validated
from nbflow.graph.nodes import Runner, StepHere, adopted, drive, joined, listened_here, routed, step_here
from nbflow.graph.planning import unfilled
from nbflow.graph.program import Exit, Handle, Limits, PutDown, Route, Steps, Work, handed_up
from nbflow.session.session import node_here
from nbflow.values import Final, NodeUpdate

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from nbflow.core.call import Call, Frame, Spec
    from nbflow.core.marks import Unit
    from nbflow.graph.blueprint import Blueprint, Branch
    from nbflow.graph.program import Program
    from nbflow.session.session import Session

SMALL = 512  # bytes of a state that each mark holds all of
WHOLE = 4  # a mark holds all again once those after the last such one have taken so many times as much
STEPS = 10_007  # how many a run may take unless its config says otherwise, as LangGraph's


class Standing:
    """One execution of a graph's body, and what it asks of the run.

    Attributes:
        graph: that runs.
        session, frame: of the run.
        program: what it does.
        done: how it ended.
    """

    done: Exit

    def __init__(self, graph: Blueprint, given: object) -> None:
        self.graph = graph
        self.session, self.frame = here("a graph")
        self._given = given
        self._told: Mapping[str, object] | None = None  # the state of the last mark; None before the first
        self._calls: dict[int, Call] = {}
        self._step = 0
        self._left: float = math.inf
        self._waits = not self.frame.call.spec.is_async  # in this thread, on a loop too
        self.program = self._begun()

    def _begun(self) -> Program:
        session, frame = self.session, self.frame
        limits, hands_up = self._limits(), frame.call.caller is not None
        marks = session.stand(frame)
        if not marks:
            steps = Steps(self.graph, limits, self._first_step(), hands_up=hands_up)
            return steps.begin(base_of(session, frame.call), self._given)
        last, position = marks[-1], position_at(marks)
        self._told = position.state
        handed = _handed(session, frame, last) if hands_up else ()
        steps, number = Steps(self.graph, limits, last.step, hands_up=hands_up), int(last.path.rpartition(".")[2])
        return steps.go_on(position, number, handed, has_stood=_has_stood(session.dispatch.scheduler.log.records, last))

    def _limits(self) -> Limits:
        graph, session = self.graph, self.session
        given = session.of_graph if self.frame.call.caller is None else {}
        before, after = given.get("interrupt_before"), given.get("interrupt_after")
        return Limits(
            session.config.get("recursion_limit") or STEPS,
            graph.before if before is None else _stops(before, graph),
            graph.after if after is None else _stops(after, graph),
        )

    def _first_step(self) -> int:
        """Return the number of the first mark; of a graph inside another it is 0."""
        started = self.session.dispatch.scheduler.log.records[0]
        return started.step + 1 if isinstance(started, RunStarted) and self.frame.call.caller is None else 0

    def work(self) -> Generator[Marked | CallFuture | Awaitable[Any], Any, object]:
        """Yield marks to be made durable, calls to be waited for, and what else must be awaited; return the result."""
        program: Any = self.program
        reply: Any = None
        while True:
            try:
                asked = program.send(reply)
            except StopIteration as end:
                self.done = end.value
                return self._end(self.done)
            reply = None
            if isinstance(asked, PutDown):
                mark = self._mark(asked)
                if mark is not None:
                    yield mark
                    self._weigh(mark)
            elif isinstance(asked, (Work, Handle)):
                reply = []
                for one in self._begin(asked):
                    reply.append((yield one) if isinstance(one, CallFuture) else one)
            elif isinstance(asked, Route):
                goto = drive(routed(self.graph, tuple(self.graph.branches[START]), asked.state, NodeUpdate()))
                reply = ((yield goto) if hasattr(type(goto), "__await__") else goto).goto
            else:
                self.session.take_back([self._calls[unit.position] for unit in asked.units], asked.error)

    def _mark(self, asked: PutDown) -> Marked | None:
        """Return the record of a position; None if nobody would learn of it."""
        self.frame.calls = asked.mark
        if self.frame.call.caller is None:
            self.session.state = asked.position.state
        if not self.session.wants_marks:
            self.frame.calls += 1
            self._told = None
            return None
        whole = self._told is None or self._left <= 0
        told = change(None if whole else self._told, asked.position, self.graph.unstored)
        self._told = asked.position.state
        alone = whole and self.session.context is None and self.frame.call.caller is None
        return Marked(
            name="step",
            kind="mark",
            point=clock.new_id(),
            step=asked.step,
            whole=whole,
            alone=alone,
            value=Value(told),
        )

    def _weigh(self, mark: Marked) -> None:
        """Note how much may be stored before a mark holds all again, so that a resumed run need not read far back."""
        raw = mark.value.raw if mark.value is not None else None
        if raw is None or self.frame.call.caller is not None:
            self._left = math.inf
        elif mark.whole:
            self._left = WHOLE * len(raw) if len(raw) > SMALL else 0
        else:
            self._left -= len(raw)

    def _begin(self, asked: Work | Handle) -> list[CallFuture | Outcome]:
        """Start the nodes of a step, or their error handlers."""
        work = asked if isinstance(asked, Work) else asked.work
        managed = {"is_last": work.remaining == 1, "remaining": work.remaining}
        self._step = work.step
        # Ids that reducers make for this step are its own, wherever the body was gone on from.
        self.frame.drawn = max((unit.position for unit in work.units), default=0) << 20
        token = step_here.set(StepHere(work.state, managed, work.step))
        try:
            if isinstance(asked, Handle):
                return [self._handler(asked, index, managed) for index in range(len(asked.units))]
            alone = len(work.units) == 1
            return [self._node(unit, work.state, managed, alone=alone) for unit in work.units]
        finally:
            step_here.reset(token)

    def _node(
        self, unit: Unit, state: Mapping[str, object], managed: Mapping[str, object], *, alone: bool
    ) -> CallFuture | Outcome:
        if unit.result:
            return Outcome(unit.result[0])
        node = self.graph.nodes[unit.name]
        spec = node.spec
        if unit.payload and unit.payload[1] is not None:
            spec = node.limited(cast("float", unit.payload[1]))
        node_here.set((self._step, unit.triggers, node.metadata))
        future = self._submit(spec, unit.position, (self._view(unit, state, managed),), alone=alone and self._waits)
        future.call.joins = alone and self.graph.merges_simply and self.session.wants_marks
        self._calls[unit.position] = future.call
        return future

    def _view(self, unit: Unit, state: Mapping[str, object], managed: Mapping[str, object]) -> object:
        """Return what a node is given: its part of the state, or what a ``Send`` brings; its runner makes a copy."""
        node = self.graph.nodes[unit.name]
        given = node.built(unit.payload[0]) if unit.payload else node.schema.view(state, managed)
        listened = Handed(looks=False) if self.session.dispatch.scheduler.log.listeners else None
        listened_here.set(listened)
        return listened.view(given) if listened is not None else given  # who listens may change it too

    def _handler(self, asked: Handle, index: int, managed: Mapping[str, object]) -> CallFuture:
        unit = asked.units[index]
        handler = self.graph.nodes[unit.name].handler
        assert handler is not None, "only nodes with a handler are handled"
        view = self._view(unit, asked.work.state, managed)
        return self._submit(handler, asked.position + index, (view,), {"error": asked.errors[index]})

    def _submit(
        self,
        spec: Spec,
        position: int,
        args: tuple[object, ...],
        kwargs: dict[str, object] | None = None,
        *,
        alone: bool = False,
    ) -> CallFuture:
        """Start a call; one that stands ``alone`` is waited for at once, in this thread."""
        self.frame.calls = position
        waits = alone or (self._waits and self.session.dispatch.is_on_loop())
        return self.session.submit(self.frame, spec, args, kwargs or {}, waits=waits)  # type: ignore[return-value]  # what it gives

    def _end(self, done: Exit) -> object:
        """Return what the run returns.

        Raises:
            NoParentGraphError: if a node sent a command to a graph around this one, and there is none.
        """
        if done.parent:
            if not _has_parent(self.frame.call):
                raise NoParentGraphError(
                    f"a node of graph {self.graph.name!r} returned a Command for Command.PARENT, and there is no graph "
                    "around this one; it may run as a node, or be called in one"
                )
            return NodeUpdate(parent=tuple(done.parent))
        for text in unfilled(self.graph, done.kept):
            warn(f"graph {self.graph.name!r} has ended, and {text}, which did not run", UnfilledJoinWarning)
        keys = self.session.of_graph.get("output_keys") if self.frame.call.caller is None else None
        output = self.graph.output(done.state, keys)
        if self.frame.call.spec.stateful:
            stored = {name: value for name, value in done.state.items() if name not in self.graph.unstored}
            return Final(value=output, save=stored)
        return output


Wait = Callable[[Standing, Any], Awaitable[Any]]


async def arun(body: Standing, wait: Wait | None = None) -> object:
    """Run a graph on an event loop, and return what it returns; ``wait`` is how what it asks is waited for."""
    work, wait = body.work(), wait or _on_loop
    reply: Any = None
    while True:
        try:
            asked = work.send(reply)
        except StopIteration as end:
            return end.value
        reply = await wait(body, asked)


def run(body: Standing) -> object:
    """Run a graph in this thread, and return what it returns: nothing is awaited that is not there already."""
    running = arun(body, _in_thread)
    try:
        running.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("sync code waits in its thread, so nothing is left to be awaited")


async def _in_thread(body: Standing, asked: Any) -> object:  # noqa: ANN401  # what ``work`` yields
    if isinstance(asked, Marked):
        body.session.put_down(body.frame, asked)
        return None
    if isinstance(asked, CallFuture):
        return body.session.told(asked, asked.wait())
    return body.session.resolved(asked)


async def _on_loop(body: Standing, asked: Any) -> object:  # noqa: ANN401  # as above
    if isinstance(asked, Marked):
        await body.session.aput_down(body.frame, asked)
        return None
    if not isinstance(asked, CallFuture):
        return await asked
    try:
        return Outcome(await asked)
    except BaseException as error:
        if asked.outcome is None or asked.outcome.error is None:  # this body is cancelled, not the node
            raise
        return Outcome(None, error)


def _stops(given: str | Sequence[str], graph: Blueprint) -> frozenset[str]:
    return frozenset(graph.nodes) if given == "*" else frozenset(given)


def base_of(session: Session, call: Call) -> Mapping[str, object] | None:
    """Return the state that a graph goes on from in a new run; None if there is none."""
    if call.caller is not None and not call.spec.stateful:
        return None
    return cast("Mapping[str, object] | None", session.saved_for(call))


def _has_parent(call: Call) -> bool:
    """Whether a graph runs inside a node of another one."""
    frame = call.caller
    while frame is not None:
        if frame.call.spec.kind in {"node", "graph"}:
            return True
        frame = frame.call.caller
    return call.spec.kind == "node"


def _has_stood(records: Sequence[Record], mark: Marked) -> bool:
    """Whether a run was brought to a halt at a mark of it and told to go on, so that the breakpoint there is passed.

    An answer goes to its question alone: beside one, what stands at a breakpoint goes on once it is gone on without
    an answer. A run that died or failed after the mark has not stood there.
    """
    if is_mark(mark) and (mark.copied or mark.source != "loop"):
        return True
    start = next(index for index in range(len(records) - 1, -1, -1) if records[index] is mark)
    stopped: Record | None = None
    is_passed = is_first = False
    for record in records[start + 1 :]:
        if isinstance(record, (RunHalted, RunPaused)):
            stopped = record
        elif isinstance(record, RunResumed) and stopped is not None:
            is_passed, is_first = True, not is_passed
        elif isinstance(record, Answered) and not record.expired and isinstance(stopped, RunPaused) and is_first:
            is_passed = False
    return is_passed


def _handed(session: Session, frame: Frame, last: Marked) -> list[tuple[str, object]]:
    """Return what the nodes of a graph that goes on have written before its last mark."""
    end = int(last.path.rpartition(".")[2])
    settled = session.dispatch.scheduler.log.settled
    found: list[tuple[str, object]] = []
    for position in range(end):
        past = settled.get(f"{frame.prefix}.{position}")
        if past is not None and past.kind == "node":
            update = past.value.whole() if past.value is not None else None
            update = update.value if isinstance(update, Final) else update
            found += update.writes if isinstance(update, NodeUpdate) else ()
    return found


class GraphBody:
    """The function of a compiled graph as a workflow; on an event loop, calling it gives a coroutine."""

    def __init__(self, graph: Blueprint, *, on_loop: bool) -> None:
        self.graph = graph
        self.run = arun if on_loop else run
        self.__name__ = graph.name

    def code_parts(self) -> Iterator[tuple[str, object]]:
        """Yield by name what the graph is made of."""
        return self.graph.code_parts()

    def __call__(self, given: object) -> object:
        """Run the graph."""
        return self.run(Standing(self.graph, given))


class GraphRunner(Runner):
    """The function that the calls of a node run which is a graph: its steps are calls of that call."""

    def __init__(self, name: str, inner: Blueprint, branches: tuple[Branch, ...] = (), *, is_async: bool) -> None:
        self.body = GraphBody(inner, on_loop=is_async)
        super().__init__(name, self.body, branches)
        self.inner = inner

    def _work(self, view: Any, injected: dict[str, Any]) -> Any:  # noqa: ARG002, ANN401  # nothing is injected
        state, body = step_here.get().state, Standing(self.inner, view)
        result: Any = self.body.run(body)
        if hasattr(type(result), "__await__"):
            result = yield result
        commands = [adopted(self.graph, one, self.where) for one in body.done.parent]
        handed = handed_up(self.inner, view if isinstance(view, dict) else {}, body.done, self.graph.keys)
        update = joined([NodeUpdate(tuple(validated(self.graph, handed, state))), *commands])
        update = yield from routed(self.graph, self.branches, state, update)
        return Final(value=update, save=result.save) if isinstance(result, Final) else update
