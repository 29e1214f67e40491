"""The chunks of bodies that go from step to step: states after each, and what its nodes did."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from nbflow.constants import BREAKPOINT, INTERRUPT, START
from nbflow.core.marks import NOWHERE, Position, Unit, bare, follow
from nbflow.core.path import caller_of, outside
from nbflow.core.record import ROOT, Asked, CallFailed, CallReturned, CallStarted, Marked, Record, RunHalted, RunStarted
from nbflow.values import PregelTask, StateSnapshot, config_at, iso
from nbflow.views import payloads
from nbflow.views.state import metadata_at
from nbflow.views.steps import tasks_of, update_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbflow.core.value import Value
    from nbflow.values import NodeUpdate


class Part(NamedTuple):
    """One thing to show of a body.

    Attributes:
        mode: of the stream.
        payload: what there is to see.
    """

    mode: str
    payload: object


class StepChunks:
    """What streams show of bodies that put down where they stand.

    Args:
        metadata: what the user wrote into the config, tags included.
        keys: one key of states whose value is wanted, or several; None for all.
    """

    def __init__(self, metadata: Mapping[str, object], keys: str | Sequence[str] | None = None) -> None:
        self._metadata = metadata
        self._keys = keys
        self._positions: dict[str, Position] = {}
        self._marks: dict[str, Marked] = {}
        self._points: list[str] = []
        self._results: dict[str, Value | None] = {}

    def note(self, record: Record) -> None:
        """Take in where a body stands, and what nodes have returned."""
        if isinstance(record, Marked):
            body = outside(record.path)
            before = NOWHERE if record.whole else self._positions.get(body, NOWHERE)
            self._positions[body] = follow(before, record.get())
            self._marks[body] = record

    def remember(self, record: CallReturned) -> None:
        """Take in a result of before, which is shown again if its step goes on."""
        self._results[record.path] = record.value

    def goes(self, body: str) -> bool:
        """Whether the body at a position goes from step to step."""
        return body in self._positions

    def state(self, body: str) -> object:
        """Return the state of a body as it is shown."""
        state = self._positions.get(body, NOWHERE).state
        return bare(state) if self._keys is None else self._wanted(state)

    def _wanted(self, found: Mapping[str, object]) -> object:
        """Return of keys and values what is wanted."""
        if isinstance(self._keys, str):
            return found.get(self._keys)
        return {name: found[name] for name in self._keys or () if name in found}

    def _update(self, update: NodeUpdate) -> object:
        """Return what is shown of an update."""
        return update.shown if self._keys is None else self._wanted(dict(update.writes)) or None

    def step(self, path: str) -> int:
        """Return the number of the checkpoint that the step which a node runs in leads to."""
        mark = self._marks.get(caller_of(path))
        return mark.step + 1 if mark is not None else 0

    def unit(self, path: str) -> Unit:
        """Return the unit of work that the call of a node is."""
        body, _, position = path.rpartition(".")
        units = self._positions.get(body, NOWHERE).units
        found = (unit for unit in units if position.isdigit() and unit.position == int(position))
        return next(found, Unit("", -1))

    def of_mark(self, record: Marked) -> Iterator[Part]:
        """Yield the state after a step, if anything was written in it."""
        body = outside(record.path)
        if self._positions[body].wrote:
            yield Part("values", self.state(body))

    def of_start(self, record: CallStarted) -> Iterator[Part]:
        """Yield that a node begins, or that its result of before stands."""
        unit = self.unit(record.path)
        args, _ = cast("tuple[tuple[object, ...], object]", record.get() or ((None,), {}))
        about = self._metadata
        payload = payloads.start(record.path, record.name, record.kind, args[0], about, unit.triggers)
        yield Part("tasks", payload)
        past = self._results.get(record.path)
        if record.replayed and past is not None:
            yield Part("updates", {record.name: self._update(update_of(past.get())), "__metadata__": {"cached": True}})

    def of_result(self, record: CallReturned) -> Iterator[Part]:
        """Yield what a node has returned."""
        update = update_of(record.get())
        origin = {"__metadata__": {"cached": True}} if record.cached else {}
        yield Part("updates", {record.name: self._update(update), **origin})
        yield Part("tasks", payloads.result(record.path, record.name, update.result))

    def of_failure(self, record: CallFailed) -> Iterator[Part]:
        """Yield how a node has failed."""
        yield Part("tasks", payloads.result(record.path, record.name, error=record.get()))

    def of_questions(self, body: str, asked: Sequence[Asked]) -> Iterator[Part]:
        """Yield the questions that the nodes of a body wait with, node by node."""
        state = self.state(body)
        for path, ones in self._by_unit(body, asked).items():
            interrupts = tuple(one.as_interrupt() for one in ones)
            yield Part("updates", {INTERRUPT: interrupts})
            yield Part("values", {**(state if isinstance(state, dict) else {}), INTERRUPT: interrupts})
            yield Part("tasks", payloads.result(path, self.unit(path).name, interrupts=interrupts))

    @staticmethod
    def _by_unit(body: str, asked: Sequence[Asked]) -> dict[str, list[Asked]]:
        found: dict[str, list[Asked]] = {}
        for one in asked:
            step = one.path[len(body) + 1 :].partition(".")[0]
            found.setdefault(f"{body}.{step}" if step else body, []).append(one)
        return found

    @staticmethod
    def of_halt(record: RunHalted) -> Iterator[Part]:
        """Yield that a run stands at a breakpoint."""
        if record.reason.startswith(BREAKPOINT):
            yield Part("updates", {INTERRUPT: ()})

    def of_checkpoint(self, started: RunStarted, at: float) -> Iterator[Part]:
        """Yield the checkpoint that the body of a run stands at."""
        snapshot = self._checkpoint(started, self._points[-1] if self._points else started.parent)
        point = str(snapshot.config["configurable"]["checkpoint_id"])
        if point not in self._points[-1:]:
            self._points.append(point)
        payload = payloads.checkpoint(snapshot)
        yield Part("checkpoints", payload)
        step = cast("int", (snapshot.metadata or {}).get("step", 0))
        yield Part("debug", payloads.debug("checkpoint", payload, step, at))

    def _checkpoint(self, started: RunStarted, parent: str | None) -> StateSnapshot:
        """Return the state at the last mark of the run's body, or at its input before the first.

        Args:
            started: the first record of the run.
            parent: checkpoint id of the one before.
        """
        mark, position = self._marks.get(ROOT), self._positions.get(ROOT, NOWHERE)
        point, at = (mark.point, mark.at) if mark is not None else (started.run_id, started.at)
        tasks: tuple[PregelTask, ...] = (PregelTask(started.run_id, START, ("__pregel_pull", START)),)
        if mark is not None:
            tasks = tasks_of([], mark, position, thread_id=started.thread_id, point=point)
        source, step = (mark.source, mark.step) if mark is not None else (started.source, started.step)
        return StateSnapshot(
            values=bare(position.state),
            next=tuple(task.name for task in tasks),
            config=config_at(started.thread_id, point),
            metadata=metadata_at(started, source, step),
            created_at=iso(at),
            parent_config=config_at(started.thread_id, parent) if parent else None,
            tasks=tasks,
            interrupts=(),
        )
