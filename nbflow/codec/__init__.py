"""Values to bytes and back, exactly: the codec of everything that nbflow stores."""

from __future__ import annotations

from typing import Any

from nbflow.codec.assembly import dumps, is_storable, loads, loads_whole
from nbflow.codec.classes import register_type
from nbflow.codec.digests import digest
from nbflow.codec.types.exceptions import unkept
from nbflow.codec.unloadable import NotWholeError, Unloadable
from nbflow.values import NO_ANSWER, Command, Interrupt, NodeUpdate, PartlyStored, Unstored

__all__ = [
    "NotWholeError",
    "Unloadable",
    "digest",
    "dumps",
    "is_storable",
    "loads",
    "loads_whole",
    "register_type",
    "unkept",
]

register_type(Interrupt, name="nbflow:Interrupt")  # a body may return what a paused run of another thread returned
register_type(  # and what would steer a graph: an answer that was not given has no value of its own
    Command,
    name="nbflow:Command",
    encode=lambda command: {name: item for name, item in vars(command).items() if item is not NO_ANSWER},
    decode=lambda given: Command(**given),
)


def _lowered(update: NodeUpdate) -> list[object]:
    """Return an update as a list without what it lacks; its writes as a dict, which names the keys in errors."""
    found: object = dict(update.writes)
    if len(dict(update.writes)) < len(update.writes):  # a key comes twice
        found = update.writes
    if update.parent:
        return [found, list(update.goto), list(update.parent)]
    return [found, list(update.goto)] if update.goto else [found]


def _raised(given: list[Any]) -> NodeUpdate:
    writes, *others = given
    pairs = writes.items() if isinstance(writes, dict) else writes
    return NodeUpdate(tuple(pairs), *map(tuple, others))


register_type(
    NodeUpdate,
    name="nbflow:NodeUpdate",
    encode=_lowered,
    decode=_raised,
)
register_type(Unstored, name="nbflow:Unstored", encode=lambda _: None, decode=lambda _: Unstored(is_there=False))
register_type(
    PartlyStored,
    name="nbflow:PartlyStored",
    encode=lambda given: {name: value for name, value in given.items() if name not in given.hidden},
    decode=PartlyStored,
)
