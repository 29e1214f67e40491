"""Small things that are kept in a file beside the threads, such as drafts: what was typed into forms and not sent.

A killed kernel takes none of it with it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

SECONDS = 0.5
MANY = 200
"""Entries that are kept; above, the oldest go."""
LONG = 200_000
"""How long an entry may be that is kept in the file, in characters of JSON."""


class KeptFile(MutableMapping[str, object]):
    """Values of JSON's types by key, of this kernel and of those before it.

    Several kernels may use one file: each writes its own changes into what is there. A file that can't be read or
    written loses what it keeps and nothing else.

    Args:
        file: returns the path of the file; nothing is written as long as its folder is not there.
        many: entries that are kept; above, the oldest go.
    """

    def __init__(self, file: Callable[[], Path], many: int = MANY) -> None:
        self._file = file
        self._many = many
        self._read_at: object = None
        self._lock = threading.Lock()
        self._known: dict[str, object] | None = None
        self._changes: dict[str, object] = {}  # None: taken away
        self._timer: threading.Timer | None = None

    def __getitem__(self, key: str) -> object:
        with self._lock:
            return self._loaded()[key]

    def __setitem__(self, key: str, value: object) -> None:
        with self._lock:
            self._loaded()[key] = value
            self._note(key, value)

    def __delitem__(self, key: str) -> None:
        with self._lock:
            del self._loaded()[key]
            self._note(key, None)

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter([*self._loaded()])

    def __len__(self) -> int:
        with self._lock:
            return len(self._loaded())

    def flush(self) -> None:
        """Write what has changed since the last time; called by itself soon after each change."""
        with self._lock:
            self._timer = None
            changes, self._changes = self._changes, {}
            path = self._file()
            if not changes or not path.parent.is_dir():
                return
            kept = {**_read(path), **changes}
            kept = dict([(key, one) for key, one in kept.items() if one is not None][-self._many :])
            with suppress(OSError, TypeError, ValueError):
                _write(path, json.dumps(kept))

    def refresh(self) -> bool:
        """Take in what other kernels have written; return whether the file has changed since it was read last."""
        with self._lock:
            try:
                found = self._file().stat()
            except OSError:
                return False
            stamp = found.st_mtime_ns, found.st_ino, found.st_size
            if stamp == self._read_at:
                return False
            self._read_at = stamp
            self._known = _read(self._file())
            for key, value in self._changes.items():
                self._known.pop(key, None)
                if value is not None:
                    self._known[key] = value
            return True

    def _loaded(self) -> dict[str, object]:
        if self._known is None:
            self._known = _read(self._file())
        return self._known

    def _note(self, key: str, value: object) -> None:
        try:
            fits = value is None or len(json.dumps(value)) <= LONG
        except (TypeError, ValueError):
            fits = False
        self._changes.pop(key, None)
        self._changes[key] = value if fits else None
        if self._timer is None:
            self._timer = threading.Timer(SECONDS, self.flush)
            self._timer.daemon = True
            self._timer.start()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole; others than its owner can't read it."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
