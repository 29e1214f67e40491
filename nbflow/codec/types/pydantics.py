"""pydantic's URLs and time zones, which are written in Rust; what Python puts around them is a record with one field.

A secret is stored as it is: whoever may read the file may read it. ``EncryptedSaver`` keeps both from others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.exact import exactly
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


def _pack_zone(value: Any) -> object:
    return [int(value.utcoffset(None).total_seconds())]


def _unpack_zone(parts: list[Any]) -> object:
    (seconds,) = parts
    return optional("pydantic_core").TzInfo(exactly(int, seconds))


def find(kind: type) -> Plan | None:
    """Return the plan of a URL or a time zone of pydantic's core."""
    core = sys.modules.get("pydantic_core")
    if core is not None and getattr(core, "TzInfo", None) is kind:
        return Plan(codes.PYDANTIC_ZONE, _pack_zone)
    for name in _NAMES:
        if core is not None and getattr(core, name, None) is kind:
            return Plan(codes.PYDANTIC_URL, _packer(name))
    return None


UNPACK: Final = {codes.PYDANTIC_URL: _unpack, codes.PYDANTIC_ZONE: _unpack_zone}
