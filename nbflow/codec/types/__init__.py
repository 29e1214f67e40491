"""How values of each family are written and rebuilt; one file a family.

A new family is a new file with ``find``, which says how values of a class are written if they are its own,
and ``UNPACK``, which rebuilds them by their codes (``nbflow/codec/codes.py``); and its name in the list here.
"""

from __future__ import annotations

from typing import Final

from nbflow.codec.types import (
    arrays,
    arrow,
    exceptions,
    families,
    frames,
    generics,
    images,
    pydantics,
    records,
    standard,
    subclasses,
)

# The first that knows a class writes it: the exact ones before those that take many.
FAMILIES: Final = (
    standard,
    arrays,
    frames,
    arrow,
    pydantics,
    images,
    generics,
    exceptions,
    families,
    records,
    subclasses,
)
