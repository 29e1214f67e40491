"""pydantic's URLs, which are written in Rust; what Python puts around them is a record with one field.

A secret is stored as it is: whoever may read the file may read it. ``EncryptedSaver`` keeps both from others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.optional import optional
from nbflow.codec.wire import Plan

_NAMES: Final = ("Url", "MultiHostUrl")


def _packer(name: str) -> Callable[[Any], object]:
    return lambda value: [name, str(value)]


def _unpack(parts: list[Any]) -> object:
    name, text = parts
    if name not in _NAMES:
        raise ValueError(f"{name!r} is no kind of URL")
    return getattr(optional("pydantic_core"), name)(text)


def find(kind: type) -> Plan | None:
    """Return the plan of a URL of pydantic's core."""
    core = sys.modules.get("pydantic_core")
    for name in _NAMES:
        if core is not None and getattr(core, name, None) is kind:
            return Plan(codes.PYDANTIC_URL, _packer(name))
    return None


UNPACK: Final = {codes.PYDANTIC_URL: _unpack}
