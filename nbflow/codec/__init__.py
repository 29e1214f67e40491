"""Values to bytes and back, exactly: the codec of everything that nbflow stores."""

from __future__ import annotations

from nbflow.codec.assembly import dumps, is_storable, loads, loads_whole
from nbflow.codec.classes import register_type
from nbflow.codec.digests import digest
from nbflow.codec.types.exceptions import traceback_text, unkept
from nbflow.codec.unloadable import NotWholeError, Unloadable
from nbflow.values import NO_ANSWER, Command, Interrupt, NodeUpdate, Unstored

__all__ = [
    "NotWholeError",
    "Unloadable",
    "digest",
    "dumps",
    "is_storable",
    "loads",
    "loads_whole",
    "register_type",
    "traceback_text",
    "unkept",
]

register_type(Interrupt, name="nbflow:Interrupt")  # a body may return what a paused run of another thread returned
register_type(  # and what would steer a graph: an answer that was not given has no value of its own
    Command,
    name="nbflow:Command",
    encode=lambda command: {name: item for name, item in vars(command).items() if item is not NO_ANSWER},
    decode=lambda given: Command(**given),
)
register_type(
    NodeUpdate,
    name="nbflow:NodeUpdate",
    encode=lambda update: [update.writes, update.goto, update.parent],
    decode=lambda given: NodeUpdate(*given),
)
register_type(
    Unstored, name="nbflow:Unstored", encode=lambda _: None, decode=lambda _: Unstored(is_there=False)
)
