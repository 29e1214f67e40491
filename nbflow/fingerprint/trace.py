"""What a digest was found from, and what the code that it covers changes."""

from __future__ import annotations

from collections.abc import Mapping
from types import CellType, CodeType, FunctionType
from typing import Any, NamedTuple


class Trace(NamedTuple):
    """What a digest was found from, so that it can be told whether it still stands.

    Attributes:
        names: namespace, name and value of each name that was looked up.
        parts: attributes that objects keep, with their names and values.
        cells: closure cells and what was in them.
        codes: functions and their code, which a reload replaces in place.
        items: containers of code, and what was in them.
        data: values that may change in place, and their digests.
        files: of modules that are imported later, and what stands for their content.
    """

    names: list[tuple[Mapping[str, object], str, object]]
    parts: list[tuple[Mapping[str, object], str, object]]
    cells: list[tuple[CellType, object]]
    codes: list[tuple[FunctionType, CodeType, object]]
    items: list[tuple[Any, list[object]]]
    data: list[tuple[object, bytes]]
    files: list[tuple[str, str]]


class Changes(NamedTuple):
    """What some code rebinds or changes in place while it runs: it is state, and does not count.

    Attributes:
        names: where names that are bound anew stand: the id of a namespace or cell, and the name.
        objects: values that are changed in place, by id.
        attributes: names of attributes that are set, or whose values are changed in place.
    """

    names: set[tuple[int, str]]
    objects: dict[int, object]
    attributes: set[str]


def merged(*several: Changes) -> Changes:
    """Return all of several changes as one."""
    return Changes(
        {name for one in several for name in one.names},
        {key: value for one in several for key, value in one.objects.items()},
        {name for one in several for name in one.attributes},
    )
