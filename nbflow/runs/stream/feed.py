"""Feeds who reads the stream of a nested run: what its body was given before the run went on, then what is new.

What a body sees, replay shows it again. So each chunk that a body is given becomes a ``Told`` record, durable with
whatever the body does next: a chunk made of a result names that result, others, such as what was written by a
stream writer, hold what was shown. On replay these come first. What the log holds beyond them follows, where the
nested run comes by it again, and then what is new. A task that runs again because it had not ended writes again
what it had written; as many values as the body was given of it are passed over.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec import structs

from nbflow import codec
from nbflow._support.warnings import warn
from nbflow.core.path import comes_from, is_below, order_of, outside
from nbflow.core.rebuilt import run_of, whole
from nbflow.core.record import CallReturned, CallSettled, CallStarted, Discarded, Emitted, Marked, Told, Value
from nbflow.errors import CorruptValueError, UnkeptStreamWarning, UnloadableValueError
from nbflow.views.messages import ShownMessages
from nbflow.views.stream import Chunk, StreamView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nbflow.core.call import Call, Spec
    from nbflow.core.deliveries import Deliveries
    from nbflow.core.log import Log
    from nbflow.core.record import Record
    from nbflow.runs.stream.shape import Shape
    from nbflow.session.session import Session

_DURABLE = {CallReturned.__name__, Marked.__name__}
_INSTEAD = "register the class with nbflow.register_type, or start over on a new thread"


class _Key(NamedTuple):
    """What tells records of a nested run apart, but for what tasks write."""

    kind: str
    path: str


class Feed:
    """Turns the records of one nested run into chunks.

    Args:
        session: of the run around it.
        shape: how the reader wants chunks.
        spec: of the nested workflow.
        put: takes the chunks.
        metadata: what the user wrote into the config.
        keeps: whether a body reads them, and is to be given them again.
    """

    def __init__(
        self,
        session: Session,
        shape: Shape,
        spec: Spec,
        put: Callable[[Chunk], None],
        metadata: Mapping[str, object],
        *,
        keeps: bool,
    ) -> None:
        self._session = session
        self._shape = shape
        self._spec = spec
        self._name = spec.name
        self._put = put
        self._metadata = metadata
        self._keeps = keeps
        self._early: list[Record] = []  # what came while it was not known yet which call it is
        self._view: StreamView | None = None
        self._call: Call | None = None
        self._past = len(self._log.records)  # what came later may be there already when it is known which call it is
        self._shown = ShownMessages()
        self._told: set[_Key] = set()
        self._left: dict[str, CallSettled] = {}  # by position, outcomes in the log that the body was told nothing of
        self._again: Counter[str] = Counter()  # by position of a call that runs again, values of it still to pass over

    @property
    def _log(self) -> Log:
        return self._session.dispatch.scheduler.log

    def begin(self) -> None:
        """Begin to listen."""
        with self._session.dispatch.lock:
            self._log.listeners.append(self.listen)
            self._log.feeds += self._keeps

    def end(self) -> None:
        """Listen no more."""
        with self._session.dispatch.lock:
            if self.listen in self._log.listeners:
                self._log.listeners.remove(self.listen)
                self._log.feeds -= self._keeps

    def listen(self, record: Record) -> None:
        """Take in a record of the run around it."""
        if self._view is None:
            self._early.append(record)
        else:
            self._take(self._view, record)

    def open(self, call: Call) -> None:
        """Take in which call the nested run is; what was given before comes now. Nobody is told of news meanwhile.

        Raises:
            UnloadableValueError: if a part of that can't be rebuilt.
        """
        root, log = call.path, self._log
        view = StreamView(
            self._shape.wanted,
            name=self._name,
            subgraphs=self._shape.subgraphs,
            root=root,
            kind=self._spec.kind,
            shown=self._shown,
            metadata=self._metadata,
        )
        view.recall(log.records[:1])
        self._call = call
        self._give_all_again(view, log.told.get(root, ()) if self._keeps else ())
        self._view = view
        for record in self._early:
            self._take(view, record)

    def _give_all_again(self, view: StreamView, given: Iterable[Told]) -> None:
        """Give what was given before, as far as it counts."""
        for told in tuple(given):
            if not self._give_again(view, told):
                break
        for record in self._log.records[: self._past] if self._again else ():
            if isinstance(record, CallSettled) and self._log.settled.get(record.path) is record:
                self._again.pop(record.path, None)  # it does not run again
        root = self._call.path if self._call is not None else ""
        for path, past in self._log.settled.items() if self._keeps else ():
            if (path == root or is_below(path, root)) and _Key(type(past).__name__, path) not in self._told:
                self._left[path] = past
        for body, marks in self._log.marks.items():
            if self._keeps and (body == root or is_below(body, root)):
                seen = [mark.path not in self._left for mark in marks]
                count = len(marks) - seen[::-1].index(True) if True in seen else 0
                view.recall(marks[:count])
                for mark in marks[:count]:
                    self._left.pop(mark.path, None)

    def _give_again(self, view: StreamView, told: Told) -> bool:
        """Give what was given before; False if what it was made of does not count any more, nor what came after."""
        record = self._log.settled.get(told.source)
        if record is None and told.kind in _DURABLE:
            return False
        if told.value is None and record is not None:
            chunks = [chunk._replace(ns=told.ns) for chunk in self._stored(view, record)]
        else:
            chunks = [Chunk(told.ns, mode, payload) for mode, payload in self._kept(told)]
            for chunk in chunks:
                if chunk.mode == "messages" and isinstance(chunk.payload, tuple):
                    self._shown.note(chunk.payload[0])
        if told.kind != Emitted.__name__:
            self._told.add(_Key(told.kind, told.source))
        else:
            self._again[told.source] += len(cast("Sequence[object]", told.get()))
        for chunk in chunks:
            self._put(chunk)
        return True

    def _stored(self, view: StreamView, record: CallSettled) -> list[Chunk]:
        """Return the chunks of a record that was stored."""
        what = f"a chunk of the stream of {self._name!r}, from call {record.path} of {run_of(self._log.records)}"
        whole(record.value, what, _INSTEAD)
        return list(view.fold(structs.replace(record, copied=False)))

    def _kept(self, told: Told) -> list[tuple[str, object]]:
        """Return the modes and payloads that a record holds, without those that could not be kept."""
        held = cast("list[bytes | tuple[str, object]]", whole(told.value, "the chunks of a stream", _INSTEAD))
        try:
            return [
                cast("tuple[str, object]", codec.loads_whole(one)) if isinstance(one, bytes) else one
                for one in held
                if one
            ]
        except CorruptValueError as error:
            what = f"a chunk of the stream of {self._name!r}, from call {told.source} of {run_of(self._log.records)}"
            raise UnloadableValueError(what, error.reason, _INSTEAD) from None

    def _take(self, view: StreamView, record: Record) -> None:
        key = _Key(type(record).__name__, record.path)
        if self._left and isinstance(record, CallStarted):
            self._catch_up_marks(view, record.path)
        if isinstance(record, Discarded):
            self._told = {one for one in self._told if not comes_from(one.path, record.path)}
        chunks = list(view.fold(record))
        if key not in self._told:
            self._give(record, chunks)
        if self._left and isinstance(record, CallStarted) and record.replayed:
            self._catch_up(view, record.path)

    def _catch_up(self, view: StreamView, path: str) -> None:
        """Give what is left of a call that has its outcome already, and of those in it."""
        left = [one for one in self._left if one == path or is_below(one, path)]
        if left:
            inside = {one: past for one, past in self._log.settled.items() if is_below(one, path)}
            begun = (inside[one] for one in sorted(inside, key=order_of))
            view.recall(_as_started(past) for past in begun if not isinstance(past, Marked))
        for one in left:
            past = self._left.pop(one)
            self._give(past, self._stored(view, past))

    def _catch_up_marks(self, view: StreamView, path: str) -> None:
        """Give what is left of the marks that a body has put down before it made a call."""
        body = outside(path)
        for one in [one for one, past in self._left.items() if isinstance(past, Marked) and outside(one) == body]:
            if order_of(one) < order_of(path):
                past = self._left.pop(one)
                self._give(past, self._stored(view, past))

    def _give(self, record: Record, chunks: Sequence[Chunk]) -> None:
        """Give chunks of a record for the first time."""
        if not chunks:
            return
        if isinstance(record, Emitted):
            if self._again[record.path] > 0:
                self._again[record.path] -= 1
                return
        else:
            self._told.add(_Key(type(record).__name__, record.path))
        if self._keeps:
            self._keep(record, chunks)
        for chunk in chunks:
            self._put(chunk)

    def _keep(self, record: Record, chunks: Sequence[Chunk]) -> None:
        """Have chunks become durable with what the body does next."""
        call, kind = self._call, type(record).__name__
        if call is None or call.caller is None or call.deliveries is None:
            return
        is_told = isinstance(record, CallReturned) and record.kind not in {"node", "graph"}
        held = None if is_told else [self._encoded(record, chunk) for chunk in chunks]
        told = Told(
            path=call.deliveries.body,
            at=record.at,
            call=call.path,
            source=record.path,
            kind=kind,
            ns=chunks[0].ns,
            value=Value(held) if held is not None else None,
        )
        with self._session.dispatch.lock:
            if not call.caller.closed:
                _add(call.deliveries, told)

    def _encoded(self, record: Record, chunk: Chunk) -> object:
        """Return the mode and the payload of a chunk, as they are now; nothing if they can't be stored."""
        if self._session.dispatch.journal is None:
            return chunk.mode, chunk.payload
        try:
            return codec.dumps((chunk.mode, chunk.payload))
        except Exception as error:  # noqa: BLE001  # code of the user's classes; whatever it is, the chunk is not kept
            text = (
                f"a {chunk.mode!r} chunk of the stream of {self._name!r}, from call {record.path}, can't be kept "
                f"({error}). The body that reads the stream is not given it again when the run goes on after a "
                "pause, so it may come to another end. Write plain data to streams that bodies read."
            )
            warn(text, UnkeptStreamWarning)
            return b""


def _add(body: Deliveries, told: Told) -> None:
    """Have a body keep what it was told, together with what the same call wrote just before."""
    last = body.unsaved[-1] if body.unsaved else None
    if isinstance(last, Told) and last.kind == told.kind == Emitted.__name__ and last.source == told.source:
        before, more = last.value, told.value
        if last.call == told.call and before is not None and before.raw is None and more is not None:
            cast("list[object]", before.live).extend(cast("list[object]", more.live))
            return
    body.note(told)


def _as_started(past: CallSettled) -> CallStarted:
    return CallStarted(path=past.path, at=past.started, name=past.name, kind=past.kind, replayed=True)
