"""Paths to the texts of a value: which parts of an item are embedded.

``a.b`` goes into dicts, ``a[0]`` and ``a[-1]`` into lists, ``*`` and ``[*]`` into all parts,
``{a,b}`` along several ways; ``$`` is the whole value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from nbflow.errors import InvalidOptionError

_STEP = re.compile(
    r"""
    (?P<dot>\.)? (?:
        (?P<name>[^.,\[\]{}]+)
        | (?P<ways>\{)
    )
    | \[ (?P<index>-?\d+|\*) \]
    """,
    re.VERBOSE,
)


class _Every(Enum):
    PART = "*"


class _Ways(NamedTuple):
    paths: tuple[Path, ...]


Step = str | int | _Every | _Ways
Path = tuple[Step, ...]


def parsed(text: object, where: str) -> Path:
    """Return the steps of a path.

    Args:
        text: the path, such as ``"notes[*].text"``.
        where: the call that was given it, for the error.

    Raises:
        InvalidOptionError: if it can't be read.
    """
    if isinstance(text, str) and text:
        steps, end = _steps(text, 0)
        if steps is not None and end == len(text):
            return steps[1:] if steps[0] == "$" else steps
    raise InvalidOptionError(where, "index", f"with the path {text!r}", "paths look like $, a.b, a[0], a[*].b or {a,b}")


def _steps(text: str, at: int) -> tuple[Path | None, int]:
    """Return the steps from a position on, None if there are none, and where they end."""
    steps: list[Step] = []
    while (match := _STEP.match(text, at)) and (match["index"] is not None or bool(match["dot"]) == bool(steps)):
        at = match.end()
        if match["ways"]:
            ways, at = _ways(text, at)
            if ways is None:
                return None, at
            steps.append(ways)
        elif match["index"] is not None:
            steps.append(_Every.PART if match["index"] == "*" else int(match["index"]))
        else:
            name = match["name"].strip()
            steps.append(_Every.PART if name == "*" else name)
    return tuple(steps) or None, at


def _ways(text: str, at: int) -> tuple[_Ways | None, int]:
    """Return what stands between braces, None if it is no list of paths, and where it ends."""
    paths = []
    while True:
        path, at = _steps(text, at)
        if path is None or text[at : at + 1] not in {",", "}"}:
            return None, at
        paths.append(path)
        at += 1
        if text[at - 1] == "}":
            return _Ways(tuple(paths)), at


def texts(value: object, paths: tuple[Path, ...]) -> list[str]:
    """Return what stands at some paths of a value, as texts; what is missing, None or blank is left out."""
    found = (_text(part) for path in paths for part in _parts(value, path))
    return list(dict.fromkeys(text for text in found if text.strip()))


def _parts(value: object, path: Path) -> Iterator[object]:
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if isinstance(step, _Ways):
        for way in step.paths:
            yield from _parts(value, way + rest)
    elif step is _Every.PART:
        for part in _children(value):
            yield from _parts(part, rest)
    elif isinstance(step, int):
        if isinstance(value, list | tuple) and -len(value) <= step < len(value):
            yield from _parts(value[step], rest)
    elif isinstance(value, dict) and step in value:
        yield from _parts(value[step], rest)


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _text(part: object) -> str:
    if part is None:
        return ""
    if isinstance(part, str):
        return part
    import json  # noqa: PLC0415  # most stores embed texts alone

    try:
        return json.dumps(part, ensure_ascii=False, sort_keys=True, default=str)
    except (TypeError, ValueError):  # keys of several types, or a value that holds itself
        return str(part)
