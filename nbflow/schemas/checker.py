"""The package ``jsonschema``, loaded with the first schema that must be checked, and without what few schemas need.

Where ``rfc3987_syntax`` is installed, as it is beside JupyterLab, ``jsonschema`` loads it for the formats ``iri``
and ``iri-reference``. That takes seconds, for it makes a parser of a grammar. Here it is loaded when one is checked.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

_SLOW = "rfc3987_syntax"
_lock = threading.Lock()


def jsonschema() -> Any:  # noqa: ANN401  # a module that is loaded late
    """Return the package ``jsonschema``; from any thread."""
    with _lock:
        if "jsonschema" in sys.modules or _SLOW in sys.modules or not _is_installed():
            return import_module("jsonschema")
        stand_in = sys.modules[_SLOW] = _StandIn(_SLOW)
        try:
            return import_module("jsonschema")
        finally:
            if sys.modules.get(_SLOW) is stand_in:
                del sys.modules[_SLOW]


def _is_installed() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415  # only when a schema is checked

    return find_spec(_SLOW) is not None


class _StandIn(ModuleType):
    """A module whose functions load the true one when they are called."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        if name.startswith("__"):
            raise AttributeError(name)

        def called(*args: object, **options: object) -> object:
            found: object = getattr(import_module(_SLOW), name)(*args, **options)
            return found

        return called
