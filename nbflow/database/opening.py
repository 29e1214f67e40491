"""Opening a database file, and telling in plain words why it can't be used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nbflow.errors import (
    CorruptFileError,
    DiskFullError,
    NetworkFileError,
    ReadOnlyFileError,
    StorageError,
)

BUSY_SECONDS = 30.0
MEMORY = ":memory:"
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afs", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs",
     "fuse.glusterfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "davfs", "beegfs"}
)  # fmt: skip
_KINDS: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_ERROR: (
        CorruptFileError,
        "its tables are not as nbflow makes them ({}); restore a copy, or move it away to begin anew",
    ),
    sqlite3.SQLITE_CONSTRAINT: (CorruptFileError, "what is in it contradicts itself ({}); restore a copy"),
    sqlite3.SQLITE_MISMATCH: (CorruptFileError, "what is in it contradicts itself ({}); restore a copy"),
    sqlite3.SQLITE_INTERRUPT: (CorruptFileError, "it is put together so that reading it would not end ({})"),
    sqlite3.SQLITE_TOOBIG: (StorageError, "a value is larger than SQLite stores, 1 GB ({}); store its path instead"),
    sqlite3.SQLITE_NOMEM: (StorageError, "there is not enough memory for what is to be read or written ({})"),
    sqlite3.SQLITE_CORRUPT: (CorruptFileError, "it is damaged ({}); restore a copy, or move it away to begin anew"),
    sqlite3.SQLITE_NOTADB: (CorruptFileError, "it is no SQLite database ({}); choose another file"),
    sqlite3.SQLITE_FULL: (
        DiskFullError,
        "the disk is full ({}); make room, then go on with the thread",
    ),
    sqlite3.SQLITE_READONLY: (ReadOnlyFileError, "it can only be read ({}); check its permissions and its folder's"),
    sqlite3.SQLITE_CANTOPEN: (StorageError, "it can't be opened ({}); check that the folder exists and may be written"),
    sqlite3.SQLITE_BUSY: (StorageError, "another process has held it for too long ({}); is something stuck there?"),
    sqlite3.SQLITE_IOERR: (StorageError, "the disk does not do what it should ({}); check the disk and its mount"),
}


def connect(path: str, *, read_only: bool, network: bool) -> sqlite3.Connection:
    """Return a connection that any thread may use.

    Args:
        path: the file, or ``":memory:"``.
        read_only: whether it is only looked at; it has to exist then.
        network: whether a file system of the network will do.

    Raises:
        NetworkFileError: if it is on a file system of the network, and that will not do.
    """
    if path == MEMORY:
        return sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    file = Path(path)
    if read_only:
        return _look_at(file)
    try:
        _make_folder(file.parent)
    except OSError as error:
        raise StorageError(path, f"its folder can't be made ({error}); choose another place") from error
    kind = file_system_of(file.parent)
    if kind in _NETWORK and not network:
        raise NetworkFileError(
            path,
            f"it would be on a network file system ({kind}), where two machines could damage it. Put it on a local "
            "disk, or say network=True and use it from one machine at a time",
        )
    with suppress(OSError):  # nobody else's to read, its log too; what is wrong with it, SQLite tells
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    return sqlite3.connect(str(file), timeout=BUSY_SECONDS, check_same_thread=False)


def absolute(path: str) -> str:
    """Return where a file is, whatever folder the process goes to; ``":memory:"`` stays what it is."""
    return path if path == MEMORY else str(Path(path).expanduser().absolute())


def place_of(file: str) -> tuple[int, int] | None:
    """Return what tells a file from another one at its place; None if there is none, or that can't be told."""
    if file == MEMORY or os.name == "nt":  # where an open file is neither moved nor deleted
        return None
    try:
        found = os.stat(file)  # noqa: PTH116  # asked at each commit
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_busy(error: object) -> bool:
    """Whether an error says that somebody else holds the file."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _make_folder(folder: Path) -> None:
    """Make a folder that nobody else looks into; one that is there stays as it is."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _look_at(file: Path) -> sqlite3.Connection:
    if not file.is_file():
        raise StorageError(str(file), "there is no such file to read")
    # Readers of a write-ahead log share memory through a file beside it; where none can be made, nobody writes.
    alone = not os.access(file.parent, os.W_OK) and not Path(f"{file}-wal").exists()
    query = "mode=ro&immutable=1" if alone else "mode=ro"
    return sqlite3.connect(
        f"{file.resolve().as_uri()}?{query}", uri=True, timeout=BUSY_SECONDS, check_same_thread=False
    )


def file_system_of(folder: Path) -> str:
    """Return the kind of file system that a folder is on, as Linux names it; empty where that can't be told."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    where, best = str(folder.resolve()), ("", "")
    for line in mounts:
        _, mounted, kind, *_ = line.split(" ")
        mounted = mounted.replace("\\040", " ")
        if (where == mounted or where.startswith(mounted.rstrip("/") + "/")) and len(mounted) >= len(best[0]):
            best = (mounted, kind)
    return best[1]


@contextmanager
def in_plain_words(path: str) -> Iterator[None]:
    """Turn SQLite's errors about a file into ours; those about a statement are left as they are."""
    try:
        yield
    except (sqlite3.Error, UnicodeError) as error:
        raise plain(path, error) from error


def plain(path: str, error: sqlite3.Error | UnicodeError) -> Exception:
    """Return what an error of SQLite means for the file, or the error itself if it is about something else."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, UnicodeEncodeError):
        return StorageError(path, f"it can't hold text with half a character, a lone surrogate ({error})")
    if isinstance(error, UnicodeError):  # of a text in the file, or of one in SQLite's own message about it
        return CorruptFileError(path, f"it holds bytes where text should be ({error})")
    if code is None:  # it comes from Python's side: text in the file that is none, or a mistake of ours
        unreadable = isinstance(error, sqlite3.OperationalError) and "decode" in str(error)
        return CorruptFileError(path, f"it holds bytes where text should be ({error})") if unreadable else error
    kind, text = _KINDS.get(code & 0xFF, (None, ""))  # the lower byte: sqlite.org/rescode.html
    return kind(path, text.format(error)) if kind is not None else error
