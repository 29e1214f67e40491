"""Opening a database file, and telling in plain words why it can't be used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
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
    file = Path(path).expanduser()
    if read_only:
        return _look_at(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    kind = file_system_of(file.parent)
    if kind in _NETWORK and not network:
        raise NetworkFileError(
            path,
            f"it would be on a network file system ({kind}), where two machines could damage it. Put it on a local "
            "disk, or say network=True and use it from one machine at a time",
        )
    return sqlite3.connect(str(file), timeout=BUSY_SECONDS, check_same_thread=False)


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
    except sqlite3.Error as error:
        raise plain(path, error) from error


def plain(path: str, error: sqlite3.Error) -> Exception:
    """Return what an error of SQLite means for the file, or the error itself if it is about something else."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # it comes from Python's side: text in the file that is none, or a mistake of ours
        unreadable = isinstance(error, sqlite3.OperationalError) and "decode" in str(error)
        return CorruptFileError(path, f"it holds bytes where text should be ({error})") if unreadable else error
    kind, text = _KINDS.get(code & 0xFF, (None, ""))  # the lower byte: sqlite.org/rescode.html
    return kind(path, text.format(error)) if kind is not None else error
