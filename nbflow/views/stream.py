"""Stream chunks as a fold of records, in LangGraph's shapes and order.

Of the runs nested in the one that is shown, only ``custom`` comes through, unless every level is
asked for. A call whose result is replayed shows that it was asked for, no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from nbflow.constants import INTERRUPT
from nbflow.core.path import around, caller_of, outside
from nbflow.core.record import (
    ROOT,
    Asked,
    CallFailed,
    CallReturned,
    CallStarted,
    Emitted,
    Marked,
    Record,
    RunFailed,
    RunHalted,
    RunPaused,
    RunResumed,
    RunReturned,
    RunStarted,
    Value,
)
from nbflow.values import Final, whereabouts
from nbflow.views import payloads
from nbflow.views.levels import Levels, Namespace
from nbflow.views.messages import ShownMessages
from nbflow.views.state import result_state, unfinished_state
from nbflow.views.step_chunks import StepChunks
from nbflow.views.steps import update_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from nbflow.values import Interrupt, StateSnapshot
    from nbflow.views.step_chunks import Part

MODES = ("values", "updates", "custom", "messages", "tasks", "checkpoints", "debug")
FORWARDED = frozenset({"custom"})
_OUTLINE = (RunStarted, RunResumed, RunPaused, RunFailed, RunReturned, RunHalted, Asked)


class Chunk(NamedTuple):
    """One thing to show.

    Attributes:
        ns: names the run that it belongs to; ``()`` is the one that is streamed.
        mode: of ``MODES``.
        payload: what there is to see.
    """

    ns: Namespace
    mode: str
    payload: object


class StreamView:
    """Turns the records of one run into chunks.

    Args:
        modes: what to show, of ``MODES``.
        name: name of the body to show.
        subgraphs: whether nested runs are shown as the root is.
        root: path of that body; the call's own for the stream of a nested workflow.
        kind: of that body: ``"entrypoint"`` or ``"graph"``.
        metadata: what the user wrote into the config, tags included.
        keys: of a graph's state that are wanted, one or several; None for all.
        shown: messages that were shown or given before.
    """

    def __init__(
        self,
        modes: Collection[str],
        *,
        name: str,
        subgraphs: bool = False,
        root: str = ROOT,
        kind: str = "entrypoint",
        metadata: Mapping[str, object] | None = None,
        keys: str | Sequence[str] | None = None,
        shown: ShownMessages | None = None,
    ) -> None:
        self._modes = frozenset(modes)
        self._name = name
        self._root = root
        self._is_graph = kind == "graph"
        self._deep = subgraphs
        self._metadata = dict(metadata or {})
        self._levels = Levels(root, name, is_graph=kind == "graph")
        self._outline: list[Record] = []
        self._result: Value | None = None
        self._shown = shown or ShownMessages()
        self._steps = StepChunks(self._metadata, keys)

    def begin(self, past: Sequence[Record], result: Value | None) -> Iterator[Chunk]:
        """Yield what a stream shows before anything happens: where the thread stands, if its run goes on.

        Args:
            past: records of the run; empty for a new one.
            result: what the last finished run of the thread returned.
        """
        self._result = result
        self.recall(past)
        if not past:
            return
        finished = isinstance(past[-1], RunReturned)
        if self._is_graph:
            if self._steps.goes(ROOT) and not finished:
                yield from self._wanted((Chunk((), "values", self._steps.state(ROOT)),))
                yield from self._wanted(self._step_checkpoint(past[-1].at))
            return
        if "values" in self._modes:
            yield Chunk((), "values", _get(result))
        yield from self._wanted(self._checkpoint(result_state if finished else self._unfinished_state, past[-1].at))

    def recall(self, past: Iterable[Record]) -> None:
        """Take in what happened before, and show none of it."""
        for record in past:
            self._note(record)
            if isinstance(record, CallReturned) and record.kind == "node":
                self._steps.remember(record)
            if "messages" in self._modes and isinstance(record, CallReturned):
                self._shown.note(_get(record.value))

    def fold(self, record: Record) -> Iterator[Chunk]:
        """Yield the chunks that a record gives."""
        self._note(record)
        if (record.copied and not isinstance(record, Marked)) or getattr(record, "kind", "") == "map":  # as its items
            return
        if self._levels.covers(record.path):
            yield from self._wanted(self._chunks(record))

    def _wanted(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        for chunk in chunks:
            if chunk.mode in self._modes and (self._deep or not chunk.ns or chunk.mode in FORWARDED):
                yield chunk

    def _chunks(self, record: Record) -> Iterator[Chunk]:
        match record:
            case RunStarted() | RunResumed():
                yield from self._run_began(record)
            case Marked():
                yield from self._marked(record)
            case CallStarted():
                yield from self._call_began(record)
            case Emitted():
                yield from self._emitted(record)
            case CallReturned():
                yield from self._call_returned(record)
            case CallFailed() | RunFailed():
                yield from self._failed(record)
            case RunPaused():
                yield from self._paused(record)
            case RunHalted():
                yield from self._parts(ROOT, self._steps.of_halt(record), record.at)
            case RunReturned() if not self._is_graph:  # which was shown by its last step
                yield from self._body_returned(record, self._name, _get(record.value))
                yield from self._checkpoint(result_state, record.at)

    def _note(self, record: Record) -> None:
        self._levels.fold(record)
        self._steps.note(record)
        if isinstance(record, _OUTLINE):
            self._outline.append(record)

    def _marked(self, record: Marked) -> Iterator[Chunk]:
        body = outside(record.path)
        yield from self._parts(body, self._steps.of_mark(record), record.at)
        if body == ROOT:
            yield from self._step_checkpoint(record.at)

    def _step_checkpoint(self, at: float) -> Iterator[Chunk]:
        """Yield the checkpoint that the body of the run stands at; a run that is not kept has none."""
        if self._started.thread_id and self._modes & {"checkpoints", "debug"}:
            yield from (Chunk((), *part) for part in self._steps.of_checkpoint(self._started, at))

    def _parts(self, body: str, parts: Iterable[Part], at: float, path: str = "") -> Iterator[Chunk]:
        """Yield what there is to see of a body that goes from step to step."""
        ns = self._levels.inside(body)
        for mode, payload in parts:
            yield Chunk(ns, mode, payload)
            if mode == "tasks" and "debug" in self._modes and isinstance(payload, dict):
                kind = "task" if "input" in payload else "task_result"
                yield Chunk(ns, "debug", payloads.debug(kind, payload, self._steps.step(path), at))

    def _run_began(self, record: Record) -> Iterator[Chunk]:
        if self._is_graph:
            if isinstance(record, RunStarted):
                yield from self._step_checkpoint(record.at)
            return
        if isinstance(record, RunStarted):
            yield from self._checkpoint(self._unfinished_state, record.at)
        value = _get(self._started.value)
        if "messages" in self._modes:
            self._shown.note(value)
        payload = payloads.start(ROOT, self._name, "entrypoint", value, self._metadata)
        yield from self._task((), payload, record.at, "task")

    def _call_began(self, record: CallStarted) -> Iterator[Chunk]:
        if "messages" in self._modes:
            self._shown.note(_get(record.value))
        if record.kind in {"node", "graph"}:
            if record.kind == "node":
                yield from self._parts(caller_of(record.path), self._steps.of_start(record), record.at, record.path)
            return
        payload = payloads.call_start(record, self._metadata)
        yield from self._task(self._levels.ns(record.path), payload, record.at, "task")

    def _emitted(self, record: Emitted) -> Iterator[Chunk]:
        value, ns = _get(record.value), self._levels.ns(record.path)
        if record.mode == "messages" and isinstance(value, tuple) and (self._deep or not ns):
            self._shown.note(value[0])
        yield Chunk(ns, record.mode, value)

    def _call_returned(self, record: CallReturned) -> Iterator[Chunk]:
        value = _get(record.value)
        if record.kind == "node":
            yield from self._messages(
                self._levels.ns(record.path), record, record.name, "node", update_of(value).result
            )
            yield from self._parts(caller_of(record.path), self._steps.of_result(record), record.at, record.path)
            return
        if record.kind == "graph":
            return
        if record.kind == "entrypoint":
            yield from self._body_returned(record, record.name, value.value if isinstance(value, Final) else value)
            return
        ns = self._levels.ns(record.path)
        yield from self._messages(ns, record, record.name, record.kind, value)
        yield Chunk(ns, "updates", {record.name: value, **_origin(record)})
        payload = payloads.result(record.path, record.name, {"__return__": value})
        yield from self._task(ns, payload, record.at, "task_result")

    def _body_returned(self, record: Record, name: str, value: object) -> Iterator[Chunk]:
        ns = self._levels.ns(record.path)
        yield from self._messages(ns, record, name, "entrypoint", value)
        yield Chunk(ns, "updates", {name: value, **_origin(record)})
        payload = payloads.result(record.path, name, {"__end__": value})
        yield from self._task(ns, payload, record.at, "task_result")
        yield Chunk(ns, "values", value)

    def _failed(self, record: CallFailed | RunFailed) -> Iterator[Chunk]:
        if isinstance(record, CallFailed) and record.kind == "node":
            yield from self._parts(caller_of(record.path), self._steps.of_failure(record), record.at, record.path)
            return
        if isinstance(record, RunFailed) and self._is_graph:
            return
        name = record.name if isinstance(record, CallFailed) else self._name
        payload = payloads.result(record.path, name, error=_get(record.value))
        yield from self._task(self._levels.ns(record.path), payload, record.at, "task_result")

    def _paused(self, record: RunPaused) -> Iterator[Chunk]:
        asked = {one.id: one for one in self._outline if isinstance(one, Asked)}
        waiting = [asked[key] for key in record.ids if key in asked]
        places: dict[str, list[Asked]] = {}
        for one in waiting:
            for place in around(one.path):
                places.setdefault(place, []).append(one)
        for run in self._levels.open_runs():
            below = places.get(run.path)
            if below and self._steps.goes(run.path):
                yield from self._parts(run.path, self._steps.of_questions(run.path, below), record.at)
            elif below:
                yield from self._questions(run.ns, run.path, run.name, below, record.at)
        if self._is_graph:
            here = places.get(self._root, waiting)
            yield from self._parts(self._root, self._steps.of_questions(self._root, here), record.at)
            return
        yield from self._questions((), ROOT, self._name, waiting, record.at)
        if record.point:
            yield from self._checkpoint(self._unfinished_state, record.at)

    def _questions(self, ns: Namespace, path: str, name: str, asked: Iterable[Asked], at: float) -> Iterator[Chunk]:
        interrupts: tuple[Interrupt, ...] = tuple(one.as_interrupt() for one in asked)
        yield Chunk(ns, "updates", {INTERRUPT: interrupts})
        yield Chunk(ns, "values", {INTERRUPT: interrupts})
        yield from self._task(ns, payloads.result(path, name, interrupts=interrupts), at, "task_result")

    def _messages(self, ns: Namespace, record: Record, name: str, kind: str, value: object) -> Iterator[Chunk]:
        """Yield the messages in a result that nobody has seen; those of a nested run where its result is returned."""
        if "messages" not in self._modes or (ns and not self._deep):
            return
        for message in self._shown.unseen(value):
            yield Chunk(ns, "messages", (message, self._metadata_of(name, kind, record.path)))

    def _metadata_of(self, name: str, kind: str, path: str) -> dict[str, object]:
        metadata = {**self._metadata, **whereabouts(name, kind, path, self._step)}
        if self._started.thread_id:
            metadata["thread_id"] = self._started.thread_id
        return metadata

    def _task(self, ns: Namespace, payload: payloads.Payload, at: float, kind: str) -> Iterator[Chunk]:
        yield Chunk(ns, "tasks", payload)
        if "debug" in self._modes:
            yield Chunk(ns, "debug", payloads.debug(kind, payload, self._step, at))

    def _checkpoint(self, state: Callable[[Sequence[Record]], StateSnapshot | None], at: float) -> Iterator[Chunk]:
        """Yield a checkpoint; a run that is not kept has none."""
        if not self._started.thread_id or not self._modes & {"checkpoints", "debug"}:
            return
        snapshot = state(self._outline)
        if snapshot is not None:
            payload = payloads.checkpoint(snapshot)
            yield Chunk((), "checkpoints", payload)
            step = self._step if snapshot.next == () else self._step - 1
            yield Chunk((), "debug", payloads.debug("checkpoint", payload, step, at))

    def _unfinished_state(self, records: Sequence[Record]) -> StateSnapshot:
        return unfinished_state(records, _get(self._result))

    @property
    def _started(self) -> RunStarted:
        return cast("RunStarted", self._outline[0])

    @property
    def _step(self) -> int:
        return self._started.step + 1


def _get(value: Value | None) -> object:
    return value.get() if value is not None else None


def _origin(record: Record) -> dict[str, object]:
    """Return what an update says of a result that was not computed now."""
    if isinstance(record, CallReturned) and (record.cached or record.reused):
        return {"__metadata__": {"cached": True} if record.cached else {"reused": True}}
    return {}
