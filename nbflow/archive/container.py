"""The file of a run: a zip archive that any tool opens, with a checksum for each part.

``mimetype`` says what it is; ``manifest.json`` which runs are in it; ``runs/1.msgpack`` has the rows of the first of
them, each ``[seq, kind, path, head, value, name of a large value]`` in MessagePack; ``values/DIGEST`` are the values
above a page, each once. Knows nothing of what rows mean.
"""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from uuid import uuid4

import msgspec

from nbflow.checkpoint.base import Row
from nbflow.errors import CorruptFileError, DiskFullError, NewerFormatError, ReadOnlyFileError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FORMAT = 1
MIME = b"application/vnd.nbflow.run+zip"
_LARGE = 4096  # bytes, from which on a value is a part of its own, which runs share
_MOST = 1100  # times: DEFLATE makes nothing smaller than 1 to 1032, RFC 1951
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BARRED = (errno.EACCES, errno.EPERM, errno.EROFS)


class Told(TypedDict):
    """What the manifest says of a run, to who opens the archive by hand.

    Attributes:
        run_id: names it.
        workflow: what ran.
        status: how it stood when it was written.
        rows: how many records it has.
    """

    run_id: str
    workflow: str
    status: str
    rows: int


class Contents(NamedTuple):
    """What the file holds.

    Attributes:
        thread_id: the thread that the runs are of.
        runs: what is said of each, in the order in which they began.
        rows: of each run.
        masked: whether values were masked.
    """

    thread_id: str
    runs: Sequence[Told]
    rows: Sequence[Sequence[Row]]
    masked: bool = False


def write(path: str | os.PathLike[str], contents: Contents, *, may_replace: Callable[[], bool]) -> Path:
    """Write the file: all of it or nothing.

    Args:
        path: where; its folder has to be there.
        contents: what.
        may_replace: asked, when all is written beside it, whether a file that is there may be replaced.

    Raises:
        FileExistsError: if it may not.
        StorageError: if it can't be written; its kinds say why.
    """
    target = Path(path).expanduser()
    beside = target.with_name(f".{target.name[:100]}.{uuid4().hex}")
    try:
        _store(beside, _packed(contents))
        try:
            _put(beside, target, may_replace)
        except BaseException:
            _drop(beside)
            raise
    except FileExistsError:
        raise
    except OSError as error:
        raise _refused(str(target), error) from error
    return target


def _store(path: Path, data: bytes) -> None:
    """Write a new file that its owner alone may read, down to the disk; nothing is left if that fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  # by its number, so that it is private from the start
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        _drop(path)
        raise


def _put(beside: Path, target: Path, may_replace: Callable[[], bool]) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if target.exists() and not may_replace():
        raise FileExistsError(str(target))
    beside.replace(target)


def _drop(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _refused(path: str, error: OSError) -> StorageError:
    """Return in our words why a file can't be written or read."""
    said = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return DiskFullError(path, f"there is no room for it ({said}); nothing was written")
    if error.errno in _BARRED:
        return ReadOnlyFileError(path, f"it may not be used here ({said}); name a file in a folder of your own")
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return StorageError(path, f"there is no such file or folder ({said}); check the name, or make the folder first")
    if error.errno == errno.EISDIR:
        return StorageError(path, "it is a folder; name a file in it, such as run.nbf")
    return StorageError(path, f"it can't be used ({said})")


def _packed(contents: Contents) -> bytes:
    parts: dict[str, bytes] = {}
    for number, rows in enumerate(contents.rows, 1):
        parts[f"runs/{number}.msgpack"] = msgspec.msgpack.encode([_lean(row, parts) for row in rows])
    manifest = {
        "format": FORMAT,
        "thread_id": contents.thread_id,
        "masked": contents.masked,
        "runs": contents.runs,
        "sha256": {name: sha256(data).hexdigest() for name, data in parts.items()},
    }
    told = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), MIME, zipfile.ZIP_STORED)  # first and plain: tools look for it
        for name, data in {"manifest.json": told, **parts}.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _lean(row: Row, parts: dict[str, bytes]) -> tuple[object, ...]:
    """Return a row whose value, if it is large, is among the parts."""
    if row.value is None or len(row.value) < _LARGE:
        return (*row, None)
    name = sha256(row.value).hexdigest()
    parts[f"values/{name}"] = row.value
    return (*row[:-1], None, name)


class _Run(msgspec.Struct):
    run_id: str
    workflow: str
    status: str
    rows: int


class _Manifest(msgspec.Struct):
    format: int
    thread_id: str
    masked: bool
    runs: list[_Run]
    sha256: dict[str, str]


_Stored = list[tuple[int, str, str, bytes, bytes | None, str | None]]


def read(path: str | os.PathLike[str]) -> Contents:
    """Read the file; nothing of it is believed that its checksums do not bear out.

    Raises:
        StorageError: if it can't be read.
        CorruptFileError: if it is damaged, cut off or something else.
        NewerFormatError: if a later nbflow wrote it.
    """
    place = Path(path).expanduser()
    try:
        with place.open("rb") as file:
            data = file.read()
    except OSError as error:
        raise _refused(str(place), error) from error
    if not data.startswith(b"PK") or MIME not in data[:128]:
        raise CorruptFileError(str(place), _foreign(data))
    try:
        return _unpacked(str(place), data)
    except (StorageError, NewerFormatError):
        raise
    except Exception as error:  # whatever zipfile and zlib raise of bytes that are no archive
        raise CorruptFileError(str(place), f"it is damaged or cut off ({error}); get another copy of it") from error


def _foreign(data: bytes) -> str:
    if data.startswith(b"SQLite format 3\0"):
        return "it is a database, no exported run; SqliteSaver(path) opens it"
    if not data:
        return "it is empty"
    return "it is no file that export_run() wrote"


def _unpacked(path: str, data: bytes) -> Contents:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        told = _part(archive, "manifest.json")
        _check_format(path, told)
        manifest = msgspec.json.decode(told, type=_Manifest)
        parts = {name: _part(archive, name, digest) for name, digest in manifest.sha256.items()}
    rows: list[list[Row]] = []
    for number, run in enumerate(manifest.runs, 1):
        stored = msgspec.msgpack.decode(parts[f"runs/{number}.msgpack"], type=_Stored)
        rows.append([_whole(one, parts) for one in stored])
        if len(stored) != run.rows or not stored or [one[0] for one in stored] != [*range(len(stored))]:
            raise ValueError(f"records of run {run.run_id} are missing")
    if not rows:
        raise ValueError("it holds no run")
    listed = [Told(run_id=one.run_id, workflow=one.workflow, status=one.status, rows=one.rows) for one in manifest.runs]
    return Contents(manifest.thread_id, listed, rows, manifest.masked)


def _check_format(path: str, manifest: bytes) -> None:
    found = msgspec.json.decode(manifest)
    given = found.get("format") if isinstance(found, dict) else None
    if type(given) is not int:
        raise ValueError("its manifest names no format")
    if given > FORMAT:
        raise NewerFormatError(path, given, FORMAT)


def _part(archive: zipfile.ZipFile, name: str, digest: str | None = None) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > info.compress_size * _MOST:
        raise ValueError(f"{name} can't be as large as it says")
    data = archive.read(info)
    if digest is not None and sha256(data).hexdigest() != digest:
        raise ValueError(f"{name} is not what was written")
    return data


def _whole(stored: tuple[int, str, str, bytes, bytes | None, str | None], parts: dict[str, bytes]) -> Row:
    seq, kind, path, head, value, name = stored
    return Row(seq, kind, path, head, value if name is None else parts[f"values/{name}"])
