"""Records as the rows that a saver keeps, and back."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, TypeVar, cast
from zlib import crc32

import msgspec

from nbflow import codec
from nbflow.checkpoint.base import Row, RunKey
from nbflow.core.record import FORMAT, KINDS, Record, RunStarted
from nbflow.core.value import STORED, Value
from nbflow.errors import CorruptValueError, NewerFormatError, UnserializableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.core.record import AnsweredBefore, Asked

AnyRecord = TypeVar("AnyRecord", bound=Record)
_MARK = b"\xc1"  # a byte that MessagePack never begins with: a checksum follows
_SUM_SIZE = 4
_as_row = tuple.__new__  # what ``Row(...)`` calls, without a step between: there is a row for each call
_HOT = frozenset({"CallReturned"})  # kinds that are not read again as they are written: there is one for each call


def _in_head(value: object) -> object:
    """Return what stands in a record's head for something that MessagePack lacks."""
    if isinstance(value, Value):  # it is beside the record
        return None
    for plain in (str, int, float):  # a subclass, such as a member of an enum
        if isinstance(value, plain):
            return plain.__call__(value) if plain is not str else str.__str__(value)
    raise TypeError(f"a {type(value).__name__} can't stand there")


_encode = msgspec.msgpack.Encoder(enc_hook=_in_head).encode
_decode = msgspec.msgpack.Decoder(reduce(or_, KINDS.values())).decode


def to_row(record: Record, seq: int) -> Row:
    """Return a record as it is stored; its value must be encoded already.

    Raises:
        UnserializableError: if a part of it is none that can be stored and read back.
    """
    raw = record.value.raw if record.value is not None else None
    try:
        head = _encode(record)
    except UnicodeEncodeError as error:
        what = f"{error.object[max(0, error.start - 10) : error.end]!r}"
        hint = (
            f"half a character (a lone surrogate) can't stand in names, metadata and messages, as in {what}; replace it"
        )
        raise UnserializableError("", f"nbflow's {type(record).__name__}", hint) from None
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _unfit(record, error) from error
    if type(record).__name__ not in _HOT:
        try:
            _decode(head)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _unfit(record, error) from error
    checksum = crc32(raw or b"", crc32(head)).to_bytes(_SUM_SIZE, "big")
    return _as_row(Row, (seq, type(record).__name__, record.path, _MARK + checksum + head, raw))


def _unfit(record: Record, error: Exception) -> UnserializableError:
    """Return the error of a record that could not be read back."""
    hint = f"its names and texts are text, its metadata and schemas plain JSON values ({error})"
    return UnserializableError("", f"nbflow's {type(record).__name__}", hint)


def encode_value(record: Record) -> None:
    """Encode the value of a record, once.

    Raises:
        UnserializableError: if it can't be encoded; names the path inside the value, and of a graph's the key.
    """
    value = record.value
    if value is not None and value.raw is None:
        try:
            value.raw = codec.dumps(value.live)
        except UnserializableError as error:
            from nbflow.checkpoint.unstorable import named  # noqa: PLC0415  # after a failure alone

            raise named(record, error) from error.__cause__


def from_row(row: Row) -> Record:
    """Return a stored record; its value is decoded when asked for.

    Raises:
        CorruptValueError: if it is not what was written.
        NewerFormatError: if a later nbflow wrote it.
    """
    head = row.head
    if head.startswith(_MARK):  # rows of the first versions have no checksum
        head = head[1 + _SUM_SIZE :]
        if row.head[1 : 1 + _SUM_SIZE] != crc32(row.value or b"", crc32(head)).to_bytes(_SUM_SIZE, "big"):
            raise CorruptValueError("its checksum is wrong")
    kind = KINDS.get(row.kind)
    if kind is None:
        raise NewerFormatError(f"a record of kind {row.kind!r}", FORMAT + 1, FORMAT)
    try:
        record: Record = _decode(head)
    except Exception as error:  # of bytes that are no record: a DecodeError mostly
        raise CorruptValueError(f"it is no record ({error})") from error
    if type(record) is not kind:
        raise CorruptValueError(f"it is a {type(record).__name__}, not a {row.kind}")
    if kind is RunStarted and isinstance(record, RunStarted) and record.format > FORMAT:
        raise NewerFormatError(f"run {record.run_id}", record.format, FORMAT)
    if row.value is not None:
        record.value = Value(STORED, row.value, codec.loads, codec.loads_whole)
    return record


def load(saver: BaseCheckpointSaver, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Record]:
    """Return the records of a stored run: all, the first few or the last few.

    Raises:
        CorruptValueError: if one is not what was written.
        NewerFormatError: if a later nbflow wrote one.
    """
    found = _loaded(run, saver.rows(run, first=first, last=last))
    if found and last is None and not isinstance(found[0], RunStarted):
        raise CorruptValueError(f"run {run.run_id} on thread {run.thread_id!r} does not begin with a RunStarted")
    return found


def load_from(
    saver: BaseCheckpointSaver, run: RunKey, is_enough: Callable[[Record], bool]
) -> tuple[list[Record], bool]:
    """Return the first record of a stored run and those from the last one on that is enough, and whether that is all.

    Args:
        saver: where the run is.
        run: names it.
        is_enough: whether nothing before a record is wanted.

    Raises:
        CorruptValueError: as of ``load``.
        NewerFormatError: as of ``load``.
    """
    size = _FIRST_LOOK
    while True:
        rows = saver.rows(run, last=size)
        for index in range(len(rows) - 1, -1, -1):
            if rows[index].kind == "Marked" and is_enough(_loaded(run, rows[index : index + 1])[0]):
                return [*load(saver, run, first=1), *_loaded(run, rows[index:])], False
        if len(rows) < size:
            return load(saver, run), True
        size *= _FIRST_LOOK


_FIRST_LOOK = 16  # rows


def load_kind(saver: BaseCheckpointSaver, run: RunKey, kind: type[AnyRecord]) -> list[AnyRecord]:
    """Return the records of one kind of a stored run; errors as of ``load``, of these alone."""
    found = _loaded(run, [row for row in saver.rows(run) if row.kind == kind.__name__])
    return [record for record in found if isinstance(record, kind)]


def _loaded(run: RunKey, rows: Sequence[Row]) -> list[Record]:
    found: list[Record] = []
    earlier: dict[str, Value | None] = {}  # by question, what stands in a record before it
    for row in rows:
        try:
            found.append(from_row(row))
        except CorruptValueError as error:
            where = f"record {row.seq} ({row.kind}, call {row.path}) of run {run.run_id} on thread {run.thread_id!r}"
            raise CorruptValueError(f"{where}: {error.reason}") from error
        if row.kind == "AnsweredBefore":
            earlier[cast("AnsweredBefore", found[-1]).id] = found[-1].value
        elif earlier and row.kind == "Asked":
            asked = cast("Asked", found[-1])
            asked.earlier = earlier.get(asked.id)
    return found
