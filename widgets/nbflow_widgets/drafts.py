"""What was typed into forms and not sent, kept in a file beside the threads: a killed kernel takes no text with it."""

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
"""Drafts that are kept; above, the oldest go."""
LONG = 200_000
"""How long a draft may be that is kept in the file, in characters of JSON."""


class Drafts(MutableMapping[str, object]):
    """Drafts by question id, of this kernel and of those before it.

    Several kernels may use one file: each writes its own changes into what is there. A file that can't be read or
    written loses drafts and nothing else.

    Args:
        file: returns the path of the file; nothing is written as long as its folder is not there.
    """

    def __init__(self, file: Callable[[], Path]) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, object] | None = None
        self._changes: dict[str, object] = {}  # None: taken away
        self._timer: threading.Timer | None = None

    def __getitem__(self, key: str) -> object:
        with self._lock:
            return self._loaded()[key]

    def __setitem__(self, key: str, draft: object) -> None:
        with self._lock:
            self._loaded()[key] = draft
            self._note(key, draft)

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
            kept = dict([(key, one) for key, one in kept.items() if one is not None][-MANY:])
            with suppress(OSError, TypeError, ValueError):
                _write(path, json.dumps(kept))

    def _loaded(self) -> dict[str, object]:
        if self._known is None:
            self._known = _read(self._file())
        return self._known

    def _note(self, key: str, draft: object) -> None:
        try:
            fits = draft is None or len(json.dumps(draft)) <= LONG
        except (TypeError, ValueError):
            fits = False
        self._changes.pop(key, None)
        self._changes[key] = draft if fits else None
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
