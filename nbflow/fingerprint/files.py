"""What is in the files that results rest on: looked at when a call ends, and again before its result is taken over.

Size and time of change are compared first, and the content only where they differ: a copy of a project, or a file that
was written anew with the same content, changes no result.
"""

from __future__ import annotations

import os
import stat
import time
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from nbflow.core.file_read import FileRead, Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

LARGE = 1 << 30
"""Bytes above which a file counts by its size and its time of change: it is not read for this."""
QUICK = 1 << 20
"""Bytes of several files that are read at once, without a thread of their own."""
_SETTLED = 2_000_000_000  # nanoseconds after which another change of a file has another time, on all file systems
_SLACK = 0.02  # seconds that the clock of a file system may be behind
_STEP = 1 << 20
_GONE = Opened(-1, 0)
_MOST = 4096  # digests that are remembered

_known: dict[tuple[str, int, int], bytes] = {}


def opened(path: str) -> Opened:
    """Return a file or folder as it is now, without looking into it."""
    now = _stat(path)
    return Opened(now.st_size, _time(now)) if now is not None else _GONE


def working_folder() -> str:
    """Return the folder that the process works in; the top one if it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return os.sep


def _time(found: os.stat_result) -> int:
    """Return when a file was changed last, by whatever: content, name, a copy that was put in its place."""
    return max(found.st_mtime_ns, found.st_ctime_ns)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def read_by(
    reads: Mapping[str, Opened | FileRead], named: Iterable[object], folder: str
) -> tuple[FileRead, ...] | Callable[[], tuple[FileRead, ...]]:
    """Return the files that a call has read as they are now, sorted; or what finds that out where it takes long.

    A file that was there when the call opened it, and is gone, was for a moment only and does not count; one that was
    not there when it was looked for does, as one that is not there.

    Args:
        reads: by absolute path, what it has opened, with ``/`` at the end of folders; or what results that it was
            given rest on.
        named: which of its arguments may be names of files; those that are no names of files don't count.
        folder: that the run works in.
    """
    found: dict[str, FileRead] = {file.path: file for file in reads.values() if isinstance(file, FileRead)}
    paths = {path: one for path, one in reads.items() if isinstance(one, Opened)}
    for name in named:
        given = _path_of(name, folder)
        now = _stat(given) if given else None
        if now is not None and stat.S_ISREG(now.st_mode):
            paths.setdefault(os.path.abspath(given), Opened(now.st_size, _time(now)))
    left: list[str] = []
    room = QUICK
    for path, before in paths.items():
        now = _stat(path)
        is_folder = path[-1] == "/"
        if not before.is_read or (before.size >= 0 if now is None else not is_folder and not stat.S_ISREG(now.st_mode)):
            continue  # or it is gone, or neither file nor folder
        if now is None or is_folder or before.is_written or (now.st_size, _time(now)) == before[:2]:
            size = 0 if now is None or is_folder else _bytes_to_read(path, now)
            if size > room:
                left.append(path)
                continue
            room -= size
            file = file_at(path, folder)
        else:  # somebody else has changed it since
            file = FileRead(shown(path, folder), b"", *before[:2])
        found[file.path] = file
    if not left:
        return tuple(found[path] for path in sorted(found))

    def rest() -> tuple[FileRead, ...]:
        found.update((file.path, file) for file in (file_at(path, folder) for path in left))
        return tuple(found[path] for path in sorted(found))

    return rest


def _path_of(name: object, folder: str) -> str:
    """Return the path that a text or an object names; empty if that can't be told."""
    try:
        path = os.fspath(name)  # type: ignore[call-overload]  # it raises
    except Exception:  # noqa: BLE001  # of a class of the user's
        return ""
    return os.path.join(folder, os.path.expanduser(path)) if isinstance(path, str) else ""


def still_holds(files: Iterable[FileRead], folder: str) -> bool:
    """Whether files are as they were when a result was made of them."""
    return all(is_same(file, folder) for file in files)


def is_same(file: FileRead, folder: str) -> bool:
    """Whether a file is as it was, by size and time of change, else by its content."""
    path = os.path.join(folder, file.path)
    now = opened(path)
    if file.size < 0 or now.size < 0:
        return file.size == now.size
    if file.time and file.time == now.time and file.size == now.size:
        return True
    return bool(file.digest) and file_at(path, folder).digest == file.digest


def changed(files: Sequence[FileRead]) -> tuple[FileRead, FileRead] | None:
    """Return the first file that is not as it was, before and now, as seen from the working folder; None if all are."""
    folder = working_folder()
    for file in files:
        if not is_same(file, folder):
            return file, file_at(os.path.join(folder, file.path), folder)
    return None


def changed_since(files: Iterable[FileRead], began: float, ended: float) -> list[str]:
    """Return the files that are not as they were, as they are recorded; not those that changed while a run worked.

    Args:
        files: that results of the run rest on.
        began: when the run did, in seconds since 1970.
        ended: when the run did, likewise.
    """
    found, folder = [], working_folder()
    for path, file in {one.path: one for one in files}.items():
        if not is_same(file, folder):
            at = opened(os.path.join(folder, path)).time / 1e9
            if not began - _SLACK <= at <= ended + _SLACK:
                found.append(path)
    return found


def file_at(path: str, folder: str) -> FileRead:
    """Return a file, or the names in a folder, as they are now."""
    name = shown(path, folder)
    now = _stat(path)
    if now is None:
        return FileRead(name)
    at = _time(now)
    is_settled = time.time_ns() - at > _SETTLED
    try:
        if path.endswith("/"):
            return FileRead(name, _digest_of_names(path), 0)
        if now.st_size > LARGE or not stat.S_ISREG(now.st_mode):
            return FileRead(name, b"", now.st_size, at)
        digest = _known.get((path, at, now.st_size)) if is_settled else None
        if digest is None:
            digest = _digest_of_file(path, now)
    except OSError:  # it may not be read
        return FileRead(name, b"", 0 if path.endswith("/") else now.st_size, at)
    if is_settled and digest:
        if len(_known) >= _MOST:
            _known.clear()
        _known[path, at, now.st_size] = digest
    return FileRead(name, digest, now.st_size, at if is_settled else 0)


def shown(path: str, folder: str) -> str:
    """Return how a path is recorded: from the folder of the run if it is in that, or in the same project."""
    if path.startswith(f"{folder}{os.sep}"):
        path = path[len(folder) + 1 :].replace(os.sep, "/") or "./"
    elif path.startswith(f"{project_of(folder)}{os.sep}"):
        end = "/" if path.endswith("/") else ""
        path = os.path.relpath(path, folder).replace(os.sep, "/") + end
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


@lru_cache(maxsize=64)
def project_of(folder: str) -> str:
    """Return the folder of the project that a folder is in: where its history or its settings are; else itself."""
    here, home = folder, os.path.expanduser("~")
    while here != home and os.path.dirname(here) != here:
        if any(os.path.exists(os.path.join(here, name)) for name in (".git", ".hg", "pyproject.toml")):
            return here
        here = os.path.dirname(here)
    return folder


def _bytes_to_read(path: str, now: os.stat_result) -> int:
    """Return how many bytes are read to tell what is in a file."""
    is_known = now.st_size > LARGE or (path, _time(now), now.st_size) in _known
    return 0 if is_known else now.st_size


def _digest_of_file(path: str, before: os.stat_result) -> bytes:
    """Return a digest of a file's content; empty if that changes meanwhile."""
    hasher = blake2b(digest_size=16)
    with open(path, "rb", buffering=0) as file:
        while part := file.read(_STEP):
            hasher.update(part)
        now = os.fstat(file.fileno())
    return hasher.digest() if (_time(now), now.st_size) == (_time(before), before.st_size) else b""


def _digest_of_names(path: str) -> bytes:
    """Return a digest of the names in a folder, but for those that are hidden."""
    names = sorted(name for name in os.listdir(path) if not name.startswith((".", "__pycache__")))
    return blake2b("\0".join(names).encode("utf-8", "surrogateescape"), digest_size=16, person=b"names").digest()
