"""Values to bytes and back, exactly: the codec of everything that nbflow stores."""

from __future__ import annotations

from nbflow.codec.assembly import dumps, loads, loads_whole
from nbflow.codec.classes import register_type
from nbflow.codec.digests import digest
from nbflow.codec.exceptions import traceback_text
from nbflow.codec.unloadable import Unloadable

__all__ = ["Unloadable", "digest", "dumps", "loads", "loads_whole", "register_type", "traceback_text"]
