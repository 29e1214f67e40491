"""The states of runs nested in a run: each is a call in the same log, and its state a view of its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from nbflow.core.marks import bare, marks_below, positions
from nbflow.core.path import around, caller_of, outside
from nbflow.core.record import ROOT, Asked, Marked, Record, RunStarted
from nbflow.core.states import BODIES, FINISHED
from nbflow.errors import UnknownCheckpointError
from nbflow.values import Final, PregelTask, RunnableConfig, StateSnapshot, iso
from nbflow.views.calls import CallRow, calls_of
from nbflow.views.state import metadata_at
from nbflow.views.steps import tasks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T")


class NestedRuns:
    """The runs nested in one run.

    Attributes:
        rows: their calls, by position.
    """

    def __init__(self, records: Sequence[Record], state: StateSnapshot) -> None:
        """Find them in the records of the run around them; ``state`` is that run's."""
        self._started = cast("RunStarted", records[0])
        named = state.config["configurable"]["checkpoint_id"] if state.next else self._started.run_id
        self._where = {"thread_id": self._started.thread_id, "checkpoint_id": named}
        self._calls = calls_of(records)
        self._records = records
        self._marked = {outside(record.path) for record in records if isinstance(record, Marked)} - {ROOT}
        bodies = BODIES | ({"node"} if self._marked else set())
        self.rows = {
            row.path: row
            for row in self._calls
            if row.path != ROOT and row.kind in bodies and (row.kind != "node" or row.path in self._marked)
        }
        self._nodes = {row.path for row in self._calls if row.kind == "node"}
        asked = {record.id: record.path for record in records if isinstance(record, Asked)}
        self._interrupts = _by_place((asked[one.id], one) for one in state.interrupts)
        self._below = _by_place((row.parent, row) for row in self._calls if row.path != ROOT)
        self._inside: dict[str, list[CallRow]] = {}
        for row in self.rows.values():
            self._inside.setdefault(self._home(row.path), []).append(row)

    def around(self, path: str) -> str:
        """Return the innermost run that a position is in, itself included; ``"0"`` for the outermost one."""
        while path and path not in self.rows and path not in self._marked:
            path = caller_of(path)
        return path or ROOT

    def _home(self, path: str) -> str:
        """Return what a nested run is shown in: the node that it was called in, else the run around it."""
        for outer in around(outside(path)):
            if outer in self.rows or (outer in self._nodes and outer != path):
                return outer
        return ROOT

    def shown_in(self, state: StateSnapshot) -> StateSnapshot:
        """Return the state of the run around them, with theirs in that of its body, or of its nodes."""
        if not state.tasks:
            return state
        if self._started.kind == "graph":
            return state._replace(tasks=self._with_states(state.tasks))
        body, *others = state.tasks
        return state._replace(tasks=(body._replace(state=self._units(ROOT)), *others))

    def history(self, path: str) -> Iterator[StateSnapshot]:
        """Yield the states of one of them, newest first: of its steps, or its result and its input."""
        if path in self._marked:
            yield from (self._step_state(path, mark.point) for mark in reversed(marks_below(self._records, path)))
            return
        yield self.state(path)
        if self.rows[path].state in FINISHED:
            yield self._at(path, has_returned=False)

    def state(self, path: str, point: str | None = None) -> StateSnapshot:
        """Return the state of one of them; of one that goes from step to step at ``point``, None for its last step.

        Raises:
            UnknownCheckpointError: if it has no such step.
        """
        if path in self._marked:
            return self._step_state(path, point)
        return self._at(path, has_returned=self.rows[path].state in FINISHED)

    def _at(self, path: str, *, has_returned: bool) -> StateSnapshot:
        """Return the state of one whose body is a function: at its result, or at its input."""
        row, started = self.rows[path], self._started
        is_past = not has_returned and row.state in FINISHED
        step = started.step + has_returned
        metadata = metadata_at(started, "loop" if has_returned else "input", step)
        body = self._unit(row, self._units(path))
        return StateSnapshot(
            values=None if is_past else body.result,
            next=() if has_returned else (row.name,),
            config={"configurable": {**self._where, "checkpoint_ns": path}},
            metadata={**metadata, "parents": {"": started.run_id}},
            created_at=iso(row.started if is_past else row.ended or row.started),
            parent_config=None,
            tasks=() if has_returned else (body,),
            interrupts=body.interrupts,
            calls=tuple(self._below.get(path, ())),
        )

    def _step_state(self, path: str, point: str | None = None) -> StateSnapshot:
        """Return the state of one that goes from step to step: at a mark of it, None for its last one."""
        started = self._started
        marks = marks_below(self._records, path)
        named = [index for index, one in enumerate(marks) if point is None or one.point == point]
        if not named:
            raise UnknownCheckpointError(started.thread_id, f"{point} of the nested run at {path}")
        mark, before = marks[named[-1]], marks[named[-1] - 1] if named[-1] else None
        position = positions(marks)[mark.point]
        tasks = tasks_of(
            self._records, mark, position, thread_id=started.thread_id, point=str(self._where["checkpoint_id"])
        )
        tasks = self._with_states(tasks)
        return StateSnapshot(
            values=bare(position.state),
            next=tuple(task.name for task in tasks if mark is not marks[-1] or task.result is None),
            config=self._step_config(path, mark),
            metadata={
                **metadata_at(started, mark.source, mark.step),
                "parents": {"": str(self._where["checkpoint_id"])},
            },
            created_at=iso(mark.at),
            parent_config=self._step_config(path, before) if before is not None else None,
            tasks=tasks,
            interrupts=tuple(one for task in tasks for one in task.interrupts),
            calls=tuple(self._below.get(path, ())),
        )

    def _step_config(self, path: str, mark: Marked) -> RunnableConfig:
        """Return what names a step of one of them: where it is, in which run, and which of its steps."""
        named = {"": self._where["checkpoint_id"], path: mark.point}
        return {"configurable": {**self._where, "checkpoint_ns": path, "checkpoint_map": named}}

    def _with_states(self, tasks: Iterable[PregelTask]) -> tuple[PregelTask, ...]:
        """Return nodes with the states of the runs that they are, or that they called."""
        return tuple(
            task._replace(state=self.state(task.id) if task.id in self._marked else self._units(task.id) or task.state)
            for task in tasks
        )

    def _units(self, around: str) -> tuple[PregelTask, ...] | None:
        """Return those in one run that are in no other one inside it, each with its state; None for none."""
        return tuple(self._unit(row, self.state(row.path)) for row in self._inside.get(around, ())) or None

    def _unit(self, row: CallRow, state: object) -> PregelTask:
        result = row.result
        return PregelTask(
            id=row.path,
            name=row.name,
            path=tuple(row.path.split(".")),
            error=repr(row.error) if row.error is not None else None,
            interrupts=tuple(self._interrupts.get(row.path, ())),
            state=state,
            result=result.value if isinstance(result, Final) else result,
        )


def _by_place(found: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """Return things by the positions that they stand at or below, in the order given."""
    places: dict[str, list[T]] = {}
    for path, one in found:
        for place in around(path):
            places.setdefault(place, []).append(one)
    return places


__all__ = ["NestedRuns"]
