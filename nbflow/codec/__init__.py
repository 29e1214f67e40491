"""Values to bytes and back, exactly: the codec of everything that nbflow stores."""

from __future__ import annotations

from nbflow.codec.assembly import dumps, loads, loads_whole
from nbflow.codec.classes import register_type
from nbflow.codec.digests import digest
from nbflow.codec.exceptions import traceback_text, unkept
from nbflow.codec.unloadable import Unloadable
from nbflow.values import Interrupt

__all__ = ["Unloadable", "digest", "dumps", "loads", "loads_whole", "register_type", "traceback_text", "unkept"]

register_type(Interrupt, name="nbflow:Interrupt")  # a body may return what a paused run of another thread returned
