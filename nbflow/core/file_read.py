"""What is recorded of a file that a result rests on."""

from __future__ import annotations

from typing import NamedTuple


class FileRead(NamedTuple):
    """A file that a result rests on, as it was when the call ended.

    Attributes:
        path: as it is found from the folder that the run worked in, if it is below that or beside it in the same
            project, else absolute; of a folder whose names were listed it ends with ``/``.
        digest: 16 bytes that change with its content; empty if it was not there, or too large to be read for this.
        size: bytes; -1 if it was not there.
        time: when it was changed last, in nanoseconds since 1970; 0 where that does not tell one content from another.
    """

    path: str
    digest: bytes = b""
    size: int = -1
    time: int = 0


class Opened(NamedTuple):
    """A file as it was when it was opened, or a folder when it was listed.

    Attributes:
        size: bytes; -1 if it was not there.
        time: when it was changed last, in nanoseconds since 1970.
        is_read: whether the call has read it.
        is_written: whether the call has written it, so that a change of it was its own.
    """

    size: int
    time: int
    is_read: bool = True
    is_written: bool = False
