"""Makes the records of one run durable: encodes them where they were made, then appends rows.

A value is encoded before the call that made it resolves, so nothing can change it afterwards,
and a value that can't be encoded is the failure of that call and of no other.
"""

from __future__ import annotations

import itertools
import queue
import threading
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from nbflow import codec
from nbflow.checkpoint.base import Row, RunKey
from nbflow.core.record import ENDS, FORMAT, KINDS, Record, RunStarted, Value
from nbflow.errors import CorruptValueError, NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver

_MARK = b"\xc1"  # a byte that MessagePack never begins with: a checksum follows
_SUM_SIZE = 4
_encode = msgspec.msgpack.Encoder(enc_hook=lambda _value: None).encode
_decode = msgspec.msgpack.Decoder(reduce(or_, KINDS.values())).decode


def to_row(record: Record, seq: int) -> Row:
    """Return a record as it is stored; its value must be encoded already."""
    raw = record.value.raw if record.value is not None else None
    head = _encode(record)
    return Row(seq, type(record).__name__, record.path, _MARK + _sum(head, raw) + head, raw)


def _sum(head: bytes, value: bytes | None) -> bytes:
    return crc32(value or b"", crc32(head)).to_bytes(_SUM_SIZE, "big")


def encode_value(record: Record) -> None:
    """Encode the value of a record, once.

    Raises:
        UnserializableError: if it can't be encoded; names the path inside the value.
    """
    value = record.value
    if value is not None and value.raw is None:
        value.raw = codec.dumps(value.get())


def from_row(row: Row) -> Record:
    """Return a stored record; its value is decoded when asked for.

    Raises:
        CorruptValueError: if it is not what was written.
        NewerFormatError: if a later nbflow wrote it.
    """
    head = row.head
    if head.startswith(_MARK):  # rows of the first versions have no checksum
        head = head[1 + _SUM_SIZE :]
        if row.head[1 : 1 + _SUM_SIZE] != _sum(head, row.value):
            raise CorruptValueError("its checksum is wrong")
    if row.kind not in KINDS:
        raise NewerFormatError(f"a record of kind {row.kind!r}", FORMAT + 1, FORMAT)
    try:
        record: Record = _decode(head)
    except msgspec.DecodeError as error:
        raise CorruptValueError(str(error)) from error
    if isinstance(record, RunStarted) and record.format > FORMAT:
        raise NewerFormatError(f"run {record.run_id}", record.format, FORMAT)
    if row.value is not None:
        record.value = Value.stored(row.value, codec.loads)
    return record


class Journal:
    """Saves the records of one run before anything goes on: durability ``sync``.

    Attributes:
        run: names the run.
    """

    def __init__(self, saver: BaseCheckpointSaver, run: RunKey, owner: str, first: int = 0) -> None:
        self._saver = saver
        self._owner = owner
        self.run = run
        self._numbers = itertools.count(first)

    def save(self, records: Sequence[Record]) -> None:
        """Store records durably; on return they survive the death of the process.

        Raises:
            UnserializableError: if a value can't be encoded; then nothing was stored.
        """
        for record in records:
            encode_value(record)
        rows = [to_row(record, next(self._numbers)) for record in records]
        if rows:
            self._keep(rows, last=isinstance(records[-1], ENDS))

    def _keep(self, rows: list[Row], *, last: bool) -> None:  # noqa: ARG002  # whether the run ends with them
        self._saver.append(self.run, rows, self._owner)


class QueuedJournal(Journal):
    """Saves the records of one run soon, in order, while it goes on: durability ``async``.

    The end of the run waits until all is stored. When something could not be stored, the next
    save raises that error, and the run fails.
    """

    LIMIT = 1000  # batches of rows that wait; whoever makes more waits too

    def __init__(self, saver: BaseCheckpointSaver, run: RunKey, owner: str, first: int = 0) -> None:
        super().__init__(saver, run, owner, first)
        self._queue: queue.Queue[list[Row] | None] = queue.Queue(self.LIMIT)
        self._error: BaseException | None = None
        self._begun = False

    def _keep(self, rows: list[Row], *, last: bool) -> None:
        if self._error is not None:
            raise self._error
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._work, name="nbflow-journal", daemon=True).start()
        self._queue.put(rows)
        if last:
            self._queue.join()
            self._begun = False
            self._queue.put(None)
            if self._error is not None:
                raise self._error

    def _work(self) -> None:
        while (rows := self._queue.get()) is not None:
            try:
                if self._error is None:
                    self._saver.append(self.run, rows, self._owner)
            except BaseException as error:  # noqa: BLE001  # the next save tells it
                self._error = error
            finally:
                self._queue.task_done()
        self._queue.task_done()


class LateJournal(Journal):
    """Saves the records of one run when it ends or pauses: durability ``exit``.

    What was not saved when the process dies is lost, the run's input included.
    """

    def __init__(self, saver: BaseCheckpointSaver, run: RunKey, owner: str, first: int = 0) -> None:
        super().__init__(saver, run, owner, first)
        self._rows: list[Row] = []
        self._over = False

    def _keep(self, rows: list[Row], *, last: bool) -> None:
        self._rows += rows
        if last or self._over:
            self._over = True
            held, self._rows = sorted(self._rows), []
            super()._keep(held, last=True)


JOURNALS: dict[str, type[Journal]] = {"sync": Journal, "async": QueuedJournal, "exit": LateJournal}


def load(saver: BaseCheckpointSaver, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Record]:
    """Return the records of a stored run: all, the first few or the last few.

    Raises:
        CorruptValueError: if one is not what was written.
        NewerFormatError: if a later nbflow wrote one.
    """
    return [_loaded(run, row) for row in saver.rows(run, first=first, last=last)]


def _loaded(run: RunKey, row: Row) -> Record:
    try:
        return from_row(row)
    except CorruptValueError as error:
        where = f"record {row.seq} ({row.kind}, call {row.path}) of run {run.run_id} on thread {run.thread_id!r}"
        raise CorruptValueError(f"{where}: {error.reason}") from error
