"""What a value that can't be stored is to its author: which key of a graph's state, or what is sent to which node.

Looked for only after a failure: the parts of what nbflow stores are encoded one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow import codec
from nbflow.constants import START
from nbflow.core.record import CallReturned, Marked, Record, RunStarted
from nbflow.errors import UnserializableError
from nbflow.values import ROOT_KEY, Command, Final, NodeUpdate, Send, Unstored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STATE = "the state"
INPUT = "the input"
INSTEAD = "or pass it as context=, which nodes read from runtime.context"
KEY = "or annotate the key with UntrackedValue if it need not be stored"
SENT = "or send what the node finds it by, such as an id"


def named(record: Record, error: UnserializableError) -> UnserializableError:
    """Return the error of a record whose value can't be stored, in the words of its author if it belongs to a graph.

    Args:
        record: with the value as it is.
        error: names the path inside what is stored.
    """
    live = record.value.live if record.value is not None else None
    for what, value, remedy in _parts(record, live):
        if isinstance(value, Unstored):
            continue
        try:
            codec.dumps(value)
        except UnserializableError as found:
            return UnserializableError(found.path, found.type_name, f"{found.hint}, {remedy}", what)
    return error


def _parts(record: Record, live: object) -> Iterator[tuple[str, object, str]]:
    """Yield what a value is made of that its author knows: what it is, the part, and what else helps there."""
    update = live.value if isinstance(live, Final) else live
    if isinstance(record, CallReturned) and isinstance(update, NodeUpdate):
        yield from _of_update(update)
        yield from _of_keys(live.save) if isinstance(live, Final) else ()
    elif isinstance(record, Marked) and isinstance(live, dict):
        yield from _of_mark(live)
    elif isinstance(record, RunStarted) and record.kind == "graph":
        if isinstance(live, Command):
            yield from _of_keys(live.update, INPUT, INSTEAD)
            yield from _of_goto(live.goto if isinstance(live.goto, (list, tuple)) else (live.goto,))
        else:
            yield from _of_keys(live, INPUT, INSTEAD)


def _of_update(update: NodeUpdate) -> Iterator[tuple[str, object, str]]:
    yield from ((_key(key), value, KEY) for key, value in update.writes)
    yield from _of_goto(update.goto)
    for one in update.parent:
        yield from _of_update(one)


def _of_mark(told: dict[str, object]) -> Iterator[tuple[str, object, str]]:
    """Yield what has changed in a state at a mark, and what its units of work are given."""
    after = told.get("after")
    names = ", ".join(INPUT if name == START else f"node {name!r}" for name in after or ())  # type: ignore[attr-defined]  # a list
    state = f"the state after {names}" if names else STATE
    yield from _of_keys(told.get("set"), state)
    spliced = told.get("splice")
    for key, (_, _, items) in spliced.items() if isinstance(spliced, dict) else ():
        yield _key(key, state), items, KEY
    units = told.get("units")
    for name, _, _, *more in units if isinstance(units, list) else ():
        payload = more[0] if more else ()
        if payload:
            yield _sent(name), payload[0], SENT
        for result in more[1] if len(more) > 1 else ():
            if isinstance(result, NodeUpdate):
                yield from _of_update(result)


def _of_keys(given: object, state: str = STATE, remedy: str = KEY) -> Iterator[tuple[str, object, str]]:
    if isinstance(given, dict):
        yield from ((_key(key, state), value, remedy) for key, value in given.items())


def _of_goto(goto: Iterable[object]) -> Iterator[tuple[str, object, str]]:
    yield from ((_sent(one.node), one.arg, SENT) for one in goto if isinstance(one, Send))


def _key(key: object, state: str = STATE) -> str:
    return state if key == ROOT_KEY else f"key {key!r} of {state}"


def _sent(name: object) -> str:
    return f"the argument of the Send to node {name!r}"
