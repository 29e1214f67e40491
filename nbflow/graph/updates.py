"""Changes of a graph's thread from outside: ``update_state`` as if a node had returned something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nbflow.checkpoint import points
from nbflow.checkpoint.rows import encode_value
from nbflow.checkpoint.upkeep import leased
from nbflow.config import merge, thread_of
from nbflow.constants import END, START
from nbflow.core.call import Spec
from nbflow.core.checkpoints import checkpoints
from nbflow.core.fork import copied
from nbflow.core.record import Record, RunHalted, RunPaused, RunReturned, RunStarted, Value
from nbflow.core.resuming import pending_questions
from nbflow.errors import GraphUpdateError, InvalidOptionError, InvalidUpdateError, UnserializableError
from nbflow.errors.usage import nearest
from nbflow.graph.models import validated
from nbflow.graph.nodes import drive, routed
from nbflow.graph.program import read_input
from nbflow.graph.threads import Change, Step, changed, dropped
from nbflow.runs.forks import asking, copied_mark, going_on
from nbflow.runs.positions import Stand, stand_at, stand_of
from nbflow.runs.request import started_at
from nbflow.runs.updates import COPY, INPUT, stored
from nbflow.values import NodeUpdate, StateUpdate, config_at
from nbflow.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.checkpoint.points import Point
    from nbflow.core.marks import Position
    from nbflow.graph.blueprint import Blueprint
    from nbflow.values import Config, RunnableConfig

WAITS = "an update waits to be gone on from"


class Updating:
    """Writes updates of one thread: each is a segment that goes on where the one before it stands."""

    def __init__(self, workflow: Workflow, graph: Blueprint, where: str, config: Config) -> None:
        self._workflow = workflow
        self._graph = graph
        self._where = where
        self._config = merge(where, workflow.config, cast("dict[str, object] | None", config))
        self._thread_id = thread_of(self._config, workflow.name)
        ns = self._config["configurable"].get("checkpoint_ns")
        if ns:
            expected = "a graph inside another run is changed by that run alone; leave it out to change the run's state"
            raise InvalidOptionError(where, "checkpoint_ns", repr(ns), expected)
        self._saver = workflow.saver(where)

    def write(self, supersteps: Sequence[Sequence[StateUpdate]]) -> RunnableConfig:
        """Write one checkpoint for each list of updates, all of them or none; return the config of the last."""
        steps = _checked(self._where, supersteps)
        with leased(self._saver, self._where, self._thread_id) as owner:
            named = self._config["configurable"].get("checkpoint_id")
            point = (
                points.newest_point(self._saver, self._thread_id)
                if named is None
                else points.point_of(self._saver, self._thread_id, str(named))
            )
            segments: list[list[Record]] = []
            for updates in steps:
                records = self._segment(updates, point, segments)
                for record in records:
                    try:
                        encode_value(record)
                    except UnserializableError as error:
                        names = ", ".join(repr(one.as_node) for one in updates if one.as_node) or "that led here"
                        error.add_note(f"in {self._where} of graph {self._workflow.name!r}, as node {names}")
                        raise
                segments.append(records)
                point = _point_of(records)
            self._saver.append_all([stored(records) for records in segments], owner)
        assert point is not None, "there is at least one update"
        return config_at(self._thread_id, point.id)

    def _segment(
        self, updates: Sequence[StateUpdate], point: Point | None, unsaved: Sequence[Sequence[Record]]
    ) -> list[Record]:
        started = started_at(self._workflow, self._thread_id, self._config, point)
        stand = self._stand(point, unsaved)
        first = updates[0]
        if any(one.as_node in {END, COPY, INPUT} for one in updates) and len(updates) > 1:
            raise self._error(f"as_node={first.as_node!r} stands alone in its step")
        if first.as_node == INPUT:
            self._read(START, first.values, stand.position.state if stand is not None and stand.mark else None)
            started.value = Value(first.values)
            return [started, RunHalted(at=started.at, reason="the input waits to be run")]
        if stand is None or stand.mark is None:
            return self._first(started, updates, stand)
        if first.as_node == COPY:
            return self._copy(started, first, stand, cast("Point", point))
        started.source = "update"
        step = Step(self._graph, stand.records)
        position = self._position(step, updates)
        of = cast("RunStarted", stand.records[0])
        started.origin = of.origin or of.run_id
        mark = step.moved(position, point=started.run_id, step=started.step, source="update", whole=True)
        return self._ended(started, mark, position, stand)

    def _stand(self, point: Point | None, unsaved: Sequence[Sequence[Record]]) -> Stand | None:
        if point is None:
            return None
        own = [records for records in unsaved if cast("RunStarted", records[0]).run_id == point.head.started.run_id]
        if own:
            return stand_of(own[0], checkpoints(own[0])[0])
        return stand_at(self._saver, point)

    def _first(self, started: RunStarted, updates: Sequence[StateUpdate], stand: Stand | None) -> list[Record]:
        """Return the first step of a thread: the update counts as its input."""
        graph = self._graph
        one = updates[0]
        if one.as_node in {END, COPY}:
            raise self._error(f"the thread stands at no step, so there is nothing for as_node={one.as_node!r}")
        started.source, started.step = "update", max(started.step, 0)
        step = Step(graph, [started])
        step.position = step.position._replace(state=dict(graph.start))
        changes = [self._change(step, each, default=START) for each in updates]
        position = changed(step, changes)
        mark = step.first_mark(position, point=started.run_id, step=started.step)
        return self._ended(started, mark, position, stand)

    def _position(self, step: Step, updates: Sequence[StateUpdate]) -> Position:
        if updates[0].as_node == END:
            if updates[0].values is not None:
                raise self._error(f"as_node={END!r} takes None, not {updates[0].values!r}")
            return dropped(step)
        if len(updates) == 1 and updates[0].as_node is None and updates[0].values is None:
            return step.position
        default = step.position.after[0] if len(step.position.after) == 1 else None
        return changed(step, [self._change(step, one, default=default) for one in updates])

    def _change(self, step: Step, one: StateUpdate, *, default: str | None) -> Change:
        """Return what a node is taken to have returned, and where its branches lead after it."""
        graph, name = self._graph, one.as_node
        if name is None and one.task_id is not None:
            name = next((unit.name for unit in step.position.units if f"0.{unit.position}" == one.task_id), None)
            if name is None:
                raise self._error(f"task_id={one.task_id!r} is not of this checkpoint")
        name = name if name is not None else default
        if name is None:
            known = ", ".join(map(repr, step.position.after or graph.nodes))
            raise self._error(f"several nodes led to this checkpoint; as_node says which one returned it: {known}")
        if name not in graph.nodes and name != START:
            known = ", ".join(map(repr, graph.nodes))
            raise self._error(f"node {name!r} does not exist{nearest(name, graph.nodes)}; nodes are {known}")
        update = self._read(name, one.values, step.position.state)
        try:
            writes = validated(graph, update.writes, step.position.state)
        except ValueError as error:  # pydantic's
            raise self._error(f"the update as node {name!r} does not fit the state: {error}") from error
        update = NodeUpdate(tuple(writes), update.goto, update.parent)
        routed = routed_update(self._workflow, graph, name, step.position.state, update)
        return Change(name, routed, self._unit(step, one, name) if one.as_node or one.task_id else None)

    def _read(self, name: str, values: object, state: Mapping[str, object] | None) -> NodeUpdate:
        """Return an update as a node's, or an input's."""
        try:
            if name == START:
                return read_input(self._graph, state, values)
            return self._graph.reader.read(values, f"the update as node {name!r}", state or {})
        except GraphUpdateError as error:
            raise self._error(error.problem) from error

    def _unit(self, step: Step, one: StateUpdate, name: str) -> int | None:
        """Return the position of the task of a step that an update finishes; None if the node is not in the step."""
        units = [unit for unit in step.position.units if unit.name == name]
        if one.task_id is not None:
            units = [unit for unit in units if f"0.{unit.position}" == one.task_id]
            if not units:
                raise self._error(f"task_id={one.task_id!r} is no task of node {name!r} at this checkpoint")
        left = [unit for unit in units if step.result_of(unit) is None]
        if units and not left:
            raise self._error(f"node {name!r} has finished in this step, and what it returned counts once all have")
        if len(left) > 1:
            ids = ", ".join(repr(f"0.{unit.position}") for unit in left)
            raise self._error(f"node {name!r} has several tasks in this step; task_id says which one: {ids}")
        return left[0].position if left else None

    def _copy(self, started: RunStarted, one: StateUpdate, stand: Stand, point: Point) -> list[Record]:
        """Return a sibling of a checkpoint, with the same tasks; a list of updates is then made to it."""
        of = point.head.started
        started.source, started.parent, started.origin = "fork", _parent_of(stand, point), of.origin or of.run_id
        started.step = point.step
        if one.values is not None:
            raise self._error(f"as_node={COPY!r} takes None, not {one.values!r}")
        return self._ended(started, copied_mark(started, stand), stand.position, stand)

    def _ended(self, started: RunStarted, mark: Record, position: Position, stand: Stand | None) -> list[Record]:
        """Return a segment: where the graph stands, what has begun of that step, and how that waits."""
        if not position.units:
            output = Value(self._graph.output(position.state))
            returned = RunReturned(at=started.at, point=started.run_id, value=output, step=started.step)
            return [started, mark, returned]
        begun = going_on(stand) if stand is not None and stand.mark is not None else []
        left = {f"0.{unit.position}" for unit in position.units if not unit.result}
        begun = [one for one in begun if _unit_of(one.path) in left]
        asked = []
        if stand is not None:
            asked = [one for one in pending_questions(asking(stand)).values() if _unit_of(one.path) in left]
        end: Record = RunHalted(at=started.at, reason=WAITS)
        if asked:
            end = RunPaused(at=started.at, ids=tuple(one.id for one in asked), point=started.run_id)
        return [started, mark, *begun, *map(copied, asked), end]

    def _error(self, problem: str) -> InvalidUpdateError:
        return InvalidUpdateError(self._workflow.name, problem)


def routed_update(
    workflow: Workflow, graph: Blueprint, name: str, state: Mapping[str, object], update: NodeUpdate
) -> NodeUpdate:
    """Return what a node is taken to have returned, with where its branches lead after that.

    Args:
        workflow: the graph as a workflow, whose store the branches may read.
        graph: what it is made of.
        name: of the node.
        state: before the update.
        update: without what branches say.
    """
    branches = tuple(graph.branches.get(name, ()))
    if not branches:
        return update

    def ask(_: object) -> Any:  # noqa: ANN401  # an update, or a coroutine of one
        return drive(routed(graph, branches, state, update))

    asked: Workflow = Workflow(Spec("update_state", ask, kind="entrypoint"), store=workflow.store)
    answered = asked.invoke(0, {"configurable": {"thread_id": "update_state"}})
    if not isinstance(answered, NodeUpdate):
        problem = f"a branch of node {name!r} asks a question, which nobody can answer here; give as_node another node"
        raise InvalidUpdateError(workflow.name, problem)
    return answered


def _unit_of(path: str) -> str:
    """Return the position of the node of the body that a position is in."""
    return ".".join(path.split(".")[:2])


def _parent_of(stand: Stand, point: Point) -> str | None:
    found = next((one for one in checkpoints(stand.records) if one.id == point.id), None)
    return found.parent if found is not None else None


def _point_of(records: list[Record]) -> Point:
    """Return the checkpoint that a segment is, before it is stored."""
    started, end = cast("RunStarted", records[0]), records[-1]
    returned = end if isinstance(end, RunReturned) else None
    head = points.Head(started, returned, returned.value if returned is not None else None, started.run_id)
    newest = checkpoints(records)[0]
    last = head if returned is not None else None
    return points.Point(newest.id, head, is_result=returned is not None, is_newest=True, last=last, mark=newest.mark)


def _checked(where: str, supersteps: Sequence[Sequence[StateUpdate]]) -> list[list[StateUpdate]]:
    is_list = isinstance(supersteps, (list, tuple)) and all(isinstance(one, (list, tuple)) for one in supersteps)
    steps = [list(updates) for updates in supersteps] if is_list else []
    if not steps or not all(steps):
        raise InvalidOptionError(
            where, "supersteps", repr(supersteps), "it is a list of lists of StateUpdate, none empty"
        )
    for one in (one for updates in steps for one in updates):
        if not isinstance(one, StateUpdate):
            raise InvalidOptionError(where, "supersteps", repr(one), "each update is a StateUpdate(values, as_node)")
    return steps
