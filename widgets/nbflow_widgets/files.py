"""Files that are written for people: whole or not at all, and never over one of somebody else's."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from nbflow_widgets.display import bundle_of
from nbflow_widgets.markup import note, visible

_HEAD = 512  # bytes of a file in which its kind is looked for
_UNITS = ("bytes", "kB", "MB", "GB")
_STEP = 1000


class Written:
    """A file that was written.

    Attributes:
        path: where it is.
        what: what it is, such as ``"report of thread 'demo'"``.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return visible(f"Wrote the {self.what} to {self.path} ({_size(self.path)}).")

    def _repr_mimebundle_(self, **_options: object) -> dict[str, object]:
        return bundle_of(note(repr(self)), repr(self))


def write(path: str | os.PathLike[str], text: str, *, is_ours: Callable[[bytes], bool], overwrite: bool) -> Path:
    """Write a text file; whoever opens it meanwhile finds the old one, or all of the new one.

    Args:
        path: where; its folder has to be there.
        text: what, in UTF-8.
        is_ours: whether a file that begins with these bytes is of the same kind, and may be replaced.
        overwrite: whether any file may be.

    Returns:
        The path.

    Raises:
        FileExistsError: if there is a file of another kind.
    """
    given = Path(path).expanduser()
    target = given.resolve()  # what a link leads to is replaced, not the link
    if target.exists() and not overwrite:
        with target.open("rb") as file:
            if not is_ours(file.read(_HEAD)):
                raise FileExistsError(
                    f"{given} is there, and nbflow did not write it; name another file, or pass overwrite=True"
                )
    beside = target.with_name(f".{target.name[:100]}.{uuid4().hex}")
    try:
        with beside.open("x", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    return given


def plain(value: object) -> object:
    """Return what is made of JSON's types with texts that hide nothing from who reads them."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return visible(value) if isinstance(value, str) else value


def _size(path: Path) -> str:
    try:
        return size_text(path.stat().st_size)
    except OSError:
        return "gone since"


def size_text(size: float) -> str:
    """Return a number of bytes as people say it: ``12.3 kB``."""
    for unit in _UNITS[:-1]:
        if size < _STEP:
            return f"{size:.3g} {unit}"
        size /= _STEP
    return f"{size:.3g} {_UNITS[-1]}"
