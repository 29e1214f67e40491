"""The program of a graph: step after step, from an input or the last mark to the result.

It never waits and runs no code of the user's but reducers: it yields what is to be done, and a driver (``body.py``)
does it, in threads or on an event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.constants import START
from nbflow.core.marks import Position, Unit
from nbflow.errors import Breakpoint, GraphRecursionError, GraphUpdateError, UnknownNodeError
from nbflow.graph.handed import own
from nbflow.graph.keys import ABSENT, ReducedKey, is_overwrite
from nbflow.graph.models import validated
from nbflow.graph.planning import Finished, plan
from nbflow.graph.schemas import is_same
from nbflow.values import Command, Final, NodeUpdate, Overwrite

if TYPE_CHECKING:
    from nbflow.core.outcome import Outcome
    from nbflow.graph.blueprint import Blueprint


class PutDown(NamedTuple):
    """Make a position durable: it is a checkpoint.

    Attributes:
        position: where the graph stands.
        step: number of the checkpoint.
        mark: position among the calls of the body.
    """

    position: Position
    step: int
    mark: int


class Work(NamedTuple):
    """Run nodes, all at the same time; the reply is the list of their outcomes.

    Attributes:
        units: what to run.
        state: as it is before the step.
        remaining: number of steps that may be taken, this one included.
        step: number of the checkpoint that the step leads to.
    """

    units: Sequence[Unit]
    state: Mapping[str, object]
    remaining: int
    step: int


class Handle(NamedTuple):
    """Run the error handlers of nodes that have failed; the reply is the list of their outcomes.

    Attributes:
        units: of the nodes.
        errors: what they raised.
        work: as the nodes were run.
        position: of the first handler's call.
    """

    units: Sequence[Unit]
    errors: Sequence[BaseException]
    work: Work
    position: int


class Route(NamedTuple):
    """Ask the branches of START; the reply is where they lead.

    Attributes:
        state: with the input.
    """

    state: Mapping[str, object]


class Fail(NamedTuple):
    """Take the results of a step back: they can't be brought together.

    Attributes:
        units: whose results.
        error: why.
    """

    units: Sequence[Unit]
    error: Exception


Effect = PutDown | Work | Handle | Route | Fail
Program = Generator[Effect, Any, object]


class Limits(NamedTuple):
    """Where a run of a graph stops by itself.

    Attributes:
        steps: number of steps that it may take.
        before, after: nodes that it stops before and after.
    """

    steps: int
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


class Exit(NamedTuple):
    """How a graph ended.

    Attributes:
        state: what its keys hold.
        handed: what its nodes wrote, in order.
        parent: updates for the graph around it, if it ended by those.
        kept: what joins still wait for.
    """

    state: Mapping[str, object]
    handed: Sequence[tuple[str, object]]
    parent: Sequence[NodeUpdate] = ()
    kept: Mapping[str, Any] = {}


def read_input(graph: Blueprint, base: Mapping[str, object] | None, given: object) -> NodeUpdate:
    """Return an input as an update; of a Command its update, and where it leads.

    Args:
        graph: the graph.
        base: the state of the thread; None if it has none.
        given: the input.

    Raises:
        GraphUpdateError: if it can't be taken.
        pydantic.ValidationError: if it does not fit the model that the input's schema is.
    """
    if isinstance(given, NodeUpdate):
        return given
    if isinstance(given, Command):
        update = graph.reader.command(given, "the Command")
        if update.parent:
            raise GraphUpdateError("the Command is for Command.PARENT, and there is no graph around this run")
        return update
    schema = graph.input_schema
    known = {*schema.keys, *schema.managed}
    writes = [pair for pair in schema.read(given, "the input", known) if pair[0] in graph.keys]
    return NodeUpdate(tuple(validated(graph, writes, base, schema)))


class Steps:
    """One run of a graph's program.

    Args:
        graph: the graph.
        limits: where it stops by itself.
        step: number of the checkpoint of its input, or of the mark that it goes on from.
        hands_up: whether what its nodes write is wanted by a graph around it.
    """

    def __init__(self, graph: Blueprint, limits: Limits, step: int, *, hands_up: bool) -> None:
        self.graph = graph
        self.limits = limits
        self.step = step
        self.position = Position()
        self.mark = -1  # position of the call that the last mark is
        self.hands_up = hands_up
        self.handed: list[tuple[str, object]] = []
        self._last: deque[list[str]] = deque(maxlen=6)

    def begin(self, base: Mapping[str, object] | None, given: object) -> Program:
        """Carry a new run of the graph to its end; yields, returns and raises as ``run``.

        Args:
            base: the state of the thread; None if it has none.
            given: the input. A Command on a thread with a state leads where its routes lead, and nowhere else.
        """
        graph = self.graph
        state = {
            name: own(value) for name, value in (graph.start if base is None else base).items() if name in graph.keys
        }
        update = read_input(graph, base, given)
        after, wrote = graph.merged(state, [("the input", update)])
        goto: Sequence[object] = update.goto
        name = START if base is None or not isinstance(given, Command) else ""
        if name and graph.branches.get(START):
            goto = [*goto, *(yield Route(after))]
        self._go(after, [Finished(name, goto)], 0, wrote=wrote)
        yield PutDown(self.position, self.step, self.mark)
        self._stop(())
        return (yield from self.run())

    def go_on(
        self, position: Position, mark: int, handed: Sequence[tuple[str, object]], *, has_stood: bool = True
    ) -> Program:
        """Carry a run on from a mark; yields, returns and raises as ``run``.

        Args:
            position: that was put down.
            mark: its position among the calls of the body.
            handed: what the nodes have written before.
            has_stood: whether the run has stood there before, so that it passes a breakpoint.

        Raises:
            Breakpoint: where it is to stop.
        """
        missing = [unit.name for unit in position.units if unit.name not in self.graph.nodes]
        if missing:
            raise UnknownNodeError("the unfinished step", missing[0], self.graph.nodes)
        self.position, self.mark, self.handed = position, mark, list(handed)
        if not has_stood:
            self._stop(position.after)
        return self.run()

    def run(self) -> Program:
        """Carry the graph to its end.

        Yields:
            ``Work`` for each step, ``Handle`` and ``Fail`` for what failed in it, and ``PutDown`` after it.

        Returns:
            An ``Exit``.

        Raises:
            GraphRecursionError: if there is more to run than it may.
            Breakpoint: where it is to stop.
        """
        taken = 0
        while self.position.units:
            if taken == self.limits.steps:
                raise GraphRecursionError(taken, [_names(names, " + ") for names in self._last])
            work = Work(self.position.units, self.position.state, self.limits.steps - taken, self.step + 1)
            updates = yield from self._step(work)
            taken += 1
            self.step += 1
            names = [unit.name for unit in work.units]
            self._last.append(names)
            for _, update in updates:
                if update.parent:
                    parent = [one for _, each in updates for one in each.parent]
                    return Exit(self.position.state, self.handed, parent)
            yield PutDown(self.position, self.step, self.mark)
            if self.limits.after or self.limits.before:
                self._stop(names)
        return Exit(self.position.state, self.handed, (), self.position.kept)

    def _stop(self, finished: Sequence[str]) -> None:
        """Stop where that is wanted."""
        after = [name for name in finished if name in self.limits.after]
        if after:
            raise Breakpoint(f"breakpoint after {_quoted(after)}")
        before = [unit.name for unit in self.position.units if unit.name in self.limits.before]
        if before:
            raise Breakpoint(f"breakpoint before {_quoted(before)}")

    def _go(self, state: Mapping[str, object], finished: Sequence[Finished], mark: int, *, wrote: bool) -> None:
        """Go to where a step leads; ``mark`` is the position of the mark that this will be."""
        planned = plan(self.graph, finished, self.position.kept, (), mark + 1)
        names = tuple(dict.fromkeys([one.name for one in finished if one.name]))
        self.position = Position(state, tuple(planned.units), planned.kept, wrote, names)
        self.mark = mark

    def _step(self, work: Work) -> Generator[Effect, Any, list[tuple[Unit, NodeUpdate]]]:
        """Run a step, and go where it leads."""
        outcomes: Sequence[Outcome] = yield work
        units = work.units
        free = max([self.mark, *[unit.position for unit in units]]) + 1
        if [outcome for outcome in outcomes if outcome.error is not None]:
            failed = dict(self._handled(work, outcomes))
            if failed:
                found = yield Handle([units[index] for index in failed], list(failed.values()), work, free)
                free += len(failed)
                replaced = dict(zip(failed, found, strict=True))
                outcomes = [replaced.get(index, outcome) for index, outcome in enumerate(outcomes)]
            _raise(outcomes)
        updates = [(unit, _update(outcome.value)) for unit, outcome in zip(units, outcomes, strict=True)]
        try:
            state, wrote = self.graph.merged(work.state, [(f"node {unit.name!r}", one) for unit, one in updates])
        except Exception as error:
            yield Fail(units, error)
            raise
        self._go(state, [Finished(unit.name, one.goto) for unit, one in updates], free, wrote=wrote)
        if self.hands_up:
            self.handed += [pair for _, update in updates for pair in update.writes]
        return updates

    def _handled(self, work: Work, outcomes: Sequence[Outcome]) -> Iterator[tuple[int, Exception]]:
        """Yield the failures that a handler takes, each with which of the units it is."""
        for index, (unit, outcome) in enumerate(zip(work.units, outcomes, strict=True)):
            if isinstance(outcome.error, Exception) and self.graph.nodes[unit.name].handler is not None:
                yield index, outcome.error


def _raise(outcomes: Sequence[Outcome]) -> None:
    """Raise how a step ended, if it did not end well: a failure before a pause."""
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    for error in errors:
        if isinstance(error, Exception):
            raise error
    if errors:
        raise errors[0]


def _names(names: Sequence[str], between: str) -> str:
    return between.join(dict.fromkeys(names))


def _quoted(names: Sequence[str]) -> str:
    return _names([repr(name) for name in names], ", ")


def _update(value: object) -> NodeUpdate:
    return value.value if type(value) is Final else value  # type: ignore[return-value]  # of a node


def handed_up(
    graph: Blueprint, given: Mapping[str, object], done: Exit, keys: Mapping[str, object]
) -> list[tuple[str, object]]:
    """Return what a graph that ran as a node hands to the graph around it: what it has added and changed.

    Args:
        graph: that ran.
        given: the values that it was given, by key.
        done: how it ended.
        keys: those of the graph around it.
    """
    writes: list[tuple[str, object]] = []
    written = {key for key, _ in done.handed}
    for name, key in graph.output_schema.keys.items():
        if name not in keys or name not in done.state:
            continue
        if isinstance(graph.keys[name], ReducedKey) and isinstance(keys[name], ReducedKey):
            own_writes = [pair for pair in done.handed if pair[0] == name]
            over = any(is_overwrite(value) for _, value in own_writes)
            writes += [(name, Overwrite(done.state[name]))] if over else own_writes
        elif name in written and not is_same(given.get(name, ABSENT), done.state[name]):
            writes.append((key.name, done.state[name]))
    return writes


__all__ = ["Exit", "Fail", "GraphUpdateError", "Handle", "Limits", "PutDown", "Route", "Steps", "Work", "handed_up"]
