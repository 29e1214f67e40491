"""Hears which files the code of calls opens for reading, and which folders it lists: by an audit hook of Python.

The context of the code tells which call it belongs to, as of what it prints (``printing``); threads that a task starts
by itself count where they are given its context, other processes never. Python takes no hook back, so there is one,
set when the first run begins that wants it. It hears what is opened by Python's own means, which most libraries use;
what a library opens by its own, as pyarrow does, is known where the call is given its name (``core.files.named_by``).
"""

from __future__ import annotations

import os
import sys
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nbflow.core.call import current_frame
from nbflow.core.file_read import Opened
from nbflow.core.files import is_watched
from nbflow.fingerprint.files import opened, project_of
from nbflow.fingerprint.project import is_own_path

if TYPE_CHECKING:
    from nbflow.core.call import Call

_LISTS = frozenset({"os.listdir", "os.scandir"})
# Modules that open files to load or show code, which counts by itself, and nbflow's own.
_OTHERS = frozenset({
    "importlib", "zipimport", "pkgutil", "runpy", "linecache", "tokenize", "inspect", "traceback", "warnings",
    "nbflow", "nbflow_widgets", "IPython", "pkg_resources",
})  # fmt: skip
_lock = threading.Lock()
is_heard = False


def begin() -> None:
    """Hear what is opened from now on."""
    global is_heard  # noqa: PLW0603  # of the process, as the hook is
    with _lock:
        if not is_heard:
            is_heard = True
            sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    try:
        if event != "open" and event not in _LISTS:
            return
        frame = current_frame.get()
        if frame is not None and not frame.closed:
            _take_in(frame.call, event, arguments)
    except Exception:  # noqa: BLE001  # what is raised here would keep the user's code from its file; so at Python's end
        return


def _take_in(call: Call, event: str, arguments: tuple[Any, ...]) -> None:
    given = arguments[0]
    if isinstance(given, int) or (given is None and event == "open"):  # a file that is open already
        return
    opener = sys._getframe(2).f_globals.get("__name__", "")  # noqa: SLF001  # whose code has opened it
    if str(opener).partition(".")[0] in _OTHERS or not is_watched(call):
        return
    path = os.path.abspath(os.fsdecode(given) if given is not None else ".")
    if _counts(path, os.getcwd()):
        _note(call, path, arguments[2]) if event == "open" else _note(call, f"{path.rstrip('/')}/", os.O_RDONLY)


def _note(call: Call, path: str, flags: int) -> None:
    """Note that a call opens a file, with flags as of ``os.open``."""
    is_read = not flags & (os.O_WRONLY | os.O_TRUNC)
    is_written = bool(flags & (os.O_WRONLY | os.O_RDWR))
    with _lock:
        if call.reads is None:
            call.reads = {}
        known = call.reads.get(path)
        if not isinstance(known, Opened) or (is_read and not known.is_read):
            before = known if isinstance(known, Opened) else None
            known = opened(path)._replace(is_read=is_read, is_written=before is not None and before.is_written)
        call.reads[path] = known._replace(is_written=known.is_written or is_written)


def _counts(path: str, folder: str) -> bool:
    """Whether a file is the user's: in the folder of the process or in its project, neither installed nor hidden."""
    for root in (folder, project_of(folder)):
        if path == root or path.startswith(f"{root}{os.sep}"):
            inside = path[len(root) + 1 :].split(os.sep)[:-1]
            return (
                not any(_is_aside(name) for name in inside) and is_own_path(path) and not path.startswith(_installed())
            )
    return False


def _is_aside(folder: str) -> bool:
    return folder.startswith(".") or folder in {"__pycache__", "node_modules"}


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    """Return the folders that Python is installed in, unless that is all there is."""
    return tuple(f"{prefix}{os.sep}" for prefix in {sys.prefix, sys.base_prefix} if os.path.dirname(prefix) != prefix)
