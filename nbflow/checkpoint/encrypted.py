"""Runs kept encrypted, in any other checkpointer.

Every record is encrypted whole: names, arguments, metadata, inputs, results, errors, questions and
answers. In clear stay what the backend finds rows by: thread id, run id, number, kind and path of a
record. Those are bound to it: a row that was moved or exchanged is refused.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nbflow.checkpoint.base import Row, RunKey, Segment
from nbflow.checkpoint.shared import SharedMethods
from nbflow.errors import CorruptValueError, InvalidOptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver

KEY_VARIABLE = "NBFLOW_AES_KEY"
_KEY_SIZES = (16, 24, 32)
_NONCE_SIZE = 12  # NIST SP 800-38D section 5.2.1.1 recommends 96 bits


class Cipher(Protocol):
    """What encrypts bytes."""

    def encrypt(self, plain: bytes, bound: bytes) -> bytes:
        """Return encrypted bytes that can be decrypted only with the same ``bound`` ones."""
        ...

    def decrypt(self, data: bytes, bound: bytes) -> bytes:
        """Return the bytes that were encrypted.

        Raises:
            CorruptValueError: if they were changed since, or belong elsewhere, or the key is another one.
        """
        ...


class AesCipher:
    """AES in Galois/Counter mode (NIST SP 800-38D), by the package ``cryptography``.

    Args:
        key: 16, 24 or 32 bytes; None takes the text of the variable ``NBFLOW_AES_KEY``.
    """

    def __init__(self, key: bytes | None = None) -> None:
        found: object = key if key is not None else os.environ.get(KEY_VARIABLE, "").encode()
        if not isinstance(found, bytes) or len(found) not in _KEY_SIZES:
            given = f"{len(found)} bytes" if isinstance(found, bytes) else f"a {type(found).__name__}"
            raise InvalidOptionError(
                "AesCipher()", "key", given, f"it is 16, 24 or 32 bytes, such as os.urandom(32), or in {KEY_VARIABLE}"
            )
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # an optional extra
        except ImportError:
            raise ImportError("AesCipher needs cryptography: pip install 'nbflow[encryption]'") from None
        self._aead = AESGCM(found)

    def __repr__(self) -> str:
        return "AesCipher(...)"

    def encrypt(self, plain: bytes, bound: bytes) -> bytes:
        """Return nonce, encrypted bytes and tag."""
        nonce = os.urandom(_NONCE_SIZE)
        return nonce + self._aead.encrypt(nonce, plain, bound)

    def decrypt(self, data: bytes, bound: bytes) -> bytes:
        """Return the bytes that were encrypted."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # an optional extra

        try:
            return self._aead.decrypt(data[:_NONCE_SIZE], data[_NONCE_SIZE:], bound)
        except (InvalidTag, ValueError):
            raise CorruptValueError("it can't be decrypted: another key, or changed or moved since") from None


class EncryptedSaver(SharedMethods):
    """A checkpointer that encrypts what another one keeps.

    Args:
        saver: keeps the rows.
        cipher: encrypts them; None for ``AesCipher()`` with the key of ``NBFLOW_AES_KEY``.
    """

    def __init__(self, saver: BaseCheckpointSaver, cipher: Cipher | None = None) -> None:
        self._saver = saver
        self._cipher = cipher if cipher is not None else AesCipher()

    def __repr__(self) -> str:
        return f"EncryptedSaver({self._saver!r})"

    @property
    def file(self) -> Path | None:
        """The file of what keeps the rows; None if it has none."""
        found = getattr(self._saver, "file", None)
        return found if isinstance(found, Path) else None

    def close(self) -> None:
        """Close what keeps the rows, if that can be closed."""
        close = getattr(self._saver, "close", None)
        if close is not None:
            close()

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store rows; see ``BaseCheckpointSaver``."""
        self._saver.append(run, [self._hidden(run, row) for row in rows], owner)

    def append_last(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store the last rows of a run and give its thread back."""
        self._saver.append_last(run, [self._hidden(run, row) for row in rows], owner)

    def append_all(self, segments: Sequence[Segment], owner: str) -> None:
        """Store rows of several runs, all or none."""
        hidden = [Segment(run, [self._hidden(run, row) for row in rows]) for run, rows in segments]
        self._saver.append_all(hidden, owner)

    @property
    def quick(self) -> bool:
        """Whether the other checkpointer is."""
        return self._saver.quick

    def try_append(self, run: RunKey, rows: Sequence[Row], owner: str) -> bool:
        """As ``append``, if the other checkpointer need not wait for others."""
        return self._saver.try_append(run, [self._hidden(run, row) for row in rows], owner)

    def _hidden(self, run: RunKey, row: Row) -> Row:
        encrypt, bound = self._cipher.encrypt, _bound(run, row)
        value = encrypt(row.value, bound + b"value") if row.value is not None else None
        return row._replace(head=encrypt(row.head, bound + b"head"), value=value)

    def rows(self, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Row]:
        """Return the rows of a run, in order."""
        return [self._shown(run, row) for row in self._saver.rows(run, first=first, last=last)]

    def _shown(self, run: RunKey, row: Row) -> Row:
        decrypt, bound = self._cipher.decrypt, _bound(run, row)
        value = decrypt(row.value, bound + b"value") if row.value is not None else None
        return row._replace(head=decrypt(row.head, bound + b"head"), value=value)

    def runs(self, thread_id: str, *, before: str | None = None, limit: int | None = None) -> list[str]:
        """Return ids of a thread's runs, newest first."""
        return self._saver.runs(thread_id, before=before, limit=limit)

    def nearest(self, thread_id: str, point: str) -> str | None:
        """Return the id of a thread's run that is the greatest, as a text, not above ``point``."""
        return self._saver.nearest(thread_id, point)

    def thread_ids(self) -> list[str]:
        """Return the threads that have runs, sorted."""
        return self._saver.thread_ids()

    def sizes(self, thread_id: str) -> dict[str, int]:
        """Return how many bytes the rows of each run of a thread take, by run."""
        return self._saver.sizes(thread_id)

    def remove(self, thread_id: str, run_ids: Sequence[str], owner: str) -> None:
        """Forget runs of a thread; see ``BaseCheckpointSaver``."""
        self._saver.remove(thread_id, run_ids, owner)

    def vacuum(self) -> None:
        """Give the space of what was removed back."""
        self._saver.vacuum()

    def holder(self, thread_id: str) -> str | None:
        """Return who works on a thread, or None."""
        return self._saver.holder(thread_id)

    def lease(self, thread_id: str, owner: str) -> int:
        """Reserve a thread for one runner."""
        return self._saver.lease(thread_id, owner)

    def take_away(self, thread_id: str) -> None:
        """Free a thread from whoever holds it."""
        self._saver.take_away(thread_id)

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back."""
        self._saver.release(thread_id, owner)


def _bound(run: RunKey, row: Row) -> bytes:
    """Return what says where a row belongs."""
    return "\0".join((run.thread_id, run.run_id, str(row.seq), row.kind, row.path, "")).encode("utf-8", "surrogatepass")
