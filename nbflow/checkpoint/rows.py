"""Records as the rows that a saver keeps, and back."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import msgspec

from nbflow import codec
from nbflow.checkpoint.base import Row, RunKey
from nbflow.core.record import KINDS, Record, Value

if TYPE_CHECKING:
    from nbflow.checkpoint.base import BaseCheckpointSaver

_encode = msgspec.msgpack.Encoder(enc_hook=lambda _value: None).encode
_decode = msgspec.msgpack.Decoder(reduce(or_, KINDS.values())).decode


def to_row(record: Record, seq: int) -> Row:
    """Return a record as it is stored; its value must be encoded already."""
    value = record.value
    return Row(seq, type(record).__name__, record.path, _encode(record), value.raw if value is not None else None)


def encode_value(record: Record) -> None:
    """Encode the value of a record, once.

    Raises:
        UnserializableError: if it can't be encoded; names the path inside the value.
    """
    value = record.value
    if value is not None and value.raw is None:
        value.raw = codec.dumps(value.get())


def from_row(row: Row) -> Record:
    """Return a stored record; its value is decoded when asked for."""
    record: Record = _decode(row.head)
    if row.value is not None:
        record.value = Value.stored(row.value, codec.loads)
    return record


def load(saver: BaseCheckpointSaver, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Record]:
    """Return the records of a stored run: all, the first few or the last few."""
    return [from_row(row) for row in saver.rows(run, first=first, last=last)]
