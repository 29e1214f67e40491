"""A cached result with what it rests on beside its key."""

from __future__ import annotations

from typing import NamedTuple

from nbflow.core.file_read import FileRead


class RestingResult(NamedTuple):
    """A result that rests on files, or was made with installed packages; others are kept as they are.

    Attributes:
        result: of the call.
        files: that it read; it holds as long as they are as they were.
        packages: that its code uses, by name, in the versions that made it.
    """

    result: object
    files: tuple[FileRead, ...]
    packages: dict[str, str]
