"""What results rest on beside code and arguments, in words: files that were read, versions of packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.record import CallReturned, of_kind
from nbflow.views.code import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.core.record import FileRead, Record

LISTED = 20
"""Files of a call that are listed."""


def changed_in_words(before: FileRead, now: FileRead) -> str:
    """Return what became of a file that a result rests on."""
    if before.path.endswith("/"):
        return f"the names in its folder {before.path} have changed"
    if now.size < 0:
        return f"its file {before.path} is gone"
    return f"its file {before.path} {'is there now' if before.size < 0 else 'has changed'}"


def changed_between(before: Sequence[FileRead], after: Sequence[FileRead]) -> str:
    """Return in words the first file that a call read and that was another one for a later call; empty if none was."""
    now = {file.path: file for file in after}
    for file in before:
        other = now.get(file.path)
        if other is not None and (file.digest, file.size) != (other.digest, other.size):
            return changed_in_words(file, other)
    return ""


def files_in_words(files: Sequence[FileRead]) -> str:
    """Return the files that a result rests on, one in a line."""
    lines = [f"{file.path}{_size(file)}" for file in files[:LISTED]]
    return "\n".join([*lines, *([f"… {len(files) - LISTED:,} more"] if len(files) > LISTED else [])])


def _size(file: FileRead) -> str:
    if file.path.endswith("/"):
        return " (the names in it)"
    return f" ({file.size:,} bytes)" if file.size >= 0 else " (was not there)"


def versions_in_words(made_with: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the versions that a result was made with, and those of now as far as they are given."""
    return "; ".join(
        f"{name} {version}{f', now {now[name]}' if name in now else ''}" for name, version in sorted(made_with.items())
    )


def versions_of_taken(records: Sequence[Record]) -> str:
    """Return in words with which other versions results of a run were made that it took over; empty if with none."""
    taken = [record for record in of_kind(records, CallReturned) if record.made_with]
    code = code_of(records) if taken else None
    before: dict[str, str] = {}
    now: dict[str, str] = {}
    for record in taken:
        before.update(record.made_with)
        kept = code.kept.get((record.name, record.code)) if code is not None else None
        now.update(kept.packages if kept is not None else ())
    return versions_in_words(before, now)


__all__ = ["changed_between", "changed_in_words", "files_in_words", "versions_in_words", "versions_of_taken"]
