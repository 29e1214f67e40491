"""What becomes of a graph's threads: where new runs begin, and what commands and updates from outside do there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from nbflow._support import clock
from nbflow.core.marks import NOWHERE, Position, Unit, change, marks_of, path_of, position_at
from nbflow.core.path import is_below
from nbflow.core.record import CallFailed, CallReturned, Marked, Value
from nbflow.errors import GraphUpdateError
from nbflow.graph.planning import Finished, plan
from nbflow.values import Final, NodeUpdate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.record import Record
    from nbflow.graph.blueprint import Blueprint
    from nbflow.values import Command


class Step:
    """The step that a graph's body stands at, by the records of its run, to be changed from outside.

    Attributes:
        graph: the graph.
        records: of the run, from its last whole mark on at least.
        mark: the last mark.
        position: at it.
    """

    def __init__(self, graph: Blueprint, records: Sequence[Record]) -> None:
        marks = marks_of(records)
        self.graph = graph
        self.records = records
        self.mark = marks[-1] if marks else None
        self.position = position_at(marks) if marks else NOWHERE

    @property
    def free(self) -> int:
        """The next position among the calls of the body that nothing has stood at."""
        own = [record.path.split(".") for record in self.records]
        stood = [int(parts[1]) for parts in own if len(parts) > 1 and parts[1].isdigit()]
        return max([*stood, *(unit.position for unit in self.position.units)], default=-1) + 1

    def result_of(self, unit: Unit) -> NodeUpdate | None:
        """Return what a node of the step has returned; None if it has not."""
        if unit.result:
            return cast("NodeUpdate", unit.result[0])
        if self.mark is None:
            return None
        path, found = path_of(self.mark, unit), None
        for record in self.records:
            if record.path == path and isinstance(record, CallReturned):
                value = record.get()
                found = cast("NodeUpdate", value.value if isinstance(value, Final) else value)
            elif record.path == path and isinstance(record, CallFailed):
                found = None
        return found

    def has_begun(self, unit: Unit) -> bool:
        """Whether anything has happened in a node of the step."""
        if unit.result or self.mark is None:
            return bool(unit.result)
        path = path_of(self.mark, unit)
        return any(record.path == path or is_below(record.path, path) for record in self.records)

    def moved(self, position: Position, *, point: str, step: int, source: str, whole: bool = False) -> Marked:
        """Return the mark of another position."""
        assert self.mark is not None, "a body that stands nowhere is not moved"
        at = self.free
        fresh = [unit for unit in position.units if unit.position < 0]
        numbers = iter(range(at + 1, at + 1 + len(fresh)))
        units = tuple(unit if unit.position >= 0 else unit._replace(position=next(numbers)) for unit in position.units)
        told = change(None if whole else self.position.state, position._replace(units=units), self.graph.unstored)
        return Marked(
            path=f"0.{at}", at=clock.now(), name="step", kind="mark", point=point, step=step, whole=whole,
            source=source, value=Value(told),
        )  # fmt: skip

    def first_mark(self, position: Position, *, point: str, step: int) -> Marked:
        """Return the first mark of a run that no body has begun."""
        units = tuple(unit._replace(position=1 + index) for index, unit in enumerate(position.units))
        told = change(None, position._replace(units=units), self.graph.unstored)
        return Marked(
            path="0.0", at=clock.now(), name="step", kind="mark", point=point, step=step, whole=True, source="update",
            value=Value(told),
        )  # fmt: skip


def steered(graph: Blueprint, records: Sequence[Record], command: Command) -> list[Record]:
    """Return the mark of an unfinished run that a command steers: with its update, and where it leads beside the rest.

    Raises:
        GraphUpdateError: if the command says nothing that the graph can do.
    """
    if command.update is None and not command.goto and command.graph is None:
        return []
    update = graph.reader.command(command, "the Command")
    if update.parent:
        raise GraphUpdateError("the Command is for Command.PARENT, and there is no graph around this run")
    step = Step(graph, records)
    if step.mark is None:  # it crashed before its input became a part of the state
        raise GraphUpdateError("the run has not taken in its input yet; invoke(None, config) first")
    state, wrote = graph.merged(step.position.state, [("the Command", update)])
    planned = plan(graph, [Finished("", update.goto)], step.position.kept, step.position.units)
    there = {unit.name for unit in step.position.units if not unit.payload}
    units = [unit for unit in planned.units if unit.payload or unit.name not in there]
    position = Position(state, (*step.position.units, *units), planned.kept, wrote=wrote)
    return [step.moved(position, point=clock.new_id(), step=step.mark.step + 1, source="update")]


class Change(NamedTuple):
    """What a node is taken to have returned.

    Attributes:
        name: of the node, or START.
        update: what it returned, with where its branches lead.
        unit: which of the units of the step it is, by position; None if it is not in the step.
    """

    name: str
    update: NodeUpdate
    unit: int | None = None


def changed(step: Step, changes: Sequence[Change]) -> Position:
    """Return where a graph stands after nodes were taken to have returned something.

    Of the step that it stands at, the named units count as finished, and what has begun is still to come. Once all of
    a step has finished, the graph goes where that leads. What has not begun gives way to where another node leads.
    """
    graph, position = step.graph, step.position
    inside = {one.unit: one.update for one in changes if one.unit is not None}
    others = [one for one in changes if one.unit is None]
    state, wrote = position.state, False
    if others:
        state, wrote = graph.merged(state, [(f"the update as node {one.name!r}", one.update) for one in others])
    units = [
        unit._replace(result=[inside[unit.position]]) if unit.position in inside else unit
        for unit in position.units
        if not others or unit.position in inside or step.has_begun(unit)
    ]
    results = [step.result_of(unit) for unit in units]
    finished = [Finished(one.name, one.update.goto) for one in others]
    if units and all(result is not None for result in results):
        done = [(unit, cast("NodeUpdate", result)) for unit, result in zip(units, results, strict=True)]
        state, more = graph.merged(state, [(f"node {unit.name!r}", update) for unit, update in done])
        finished += [Finished(unit.name, update.goto) for unit, update in done]
        units, wrote = [], wrote or more
    if not finished:
        return position._replace(state=state, units=tuple(units))
    planned = plan(graph, finished, position.kept, units)
    there = {unit.name for unit in units if not unit.payload}
    new = [unit for unit in planned.units if unit.payload or unit.name not in there]
    return Position(state, (*units, *new), planned.kept, wrote=wrote, after=tuple(one.name for one in finished))


def dropped(step: Step) -> Position:
    """Return where a graph stands once what is unfinished of its step is given up: where the rest of it leads."""
    done = [unit for unit in step.position.units if step.result_of(unit) is not None]
    reduced = step.position._replace(units=tuple(done))
    step.position = reduced
    return changed(step, []) if done else reduced
