"""pyarrow tables, record batches, arrays and schemas, as Arrow IPC streams."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.classes import mro
from nbflow.codec.exact import raw
from nbflow.codec.optional import optional
from nbflow.codec.wire import Plan

COLUMN: Final = "column"  # name of the only column when an array is written as a table


def stream_of(table: Any) -> bytes:
    """Return a table or record batch as an Arrow IPC stream."""
    pa = optional("pyarrow")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def table_of(data: bytes) -> Any:
    """Return the table of an Arrow IPC stream.

    Raises:
        ValueError: if it is compressed, as nbflow writes none: a few bytes could take any amount of memory.
    """
    pa = optional("pyarrow")
    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(raw(data))):
        if _is_compressed(message.metadata.to_pybytes()):
            raise ValueError("the stream is compressed")
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


_HEADER_TYPE, _HEADER = 1, 2  # fields of Message, format/Message.fbs of Apache Arrow
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # its kinds that have buffers
_DATA, _COMPRESSION = 1, 3  # fields of DictionaryBatch and RecordBatch


def _is_compressed(metadata: bytes) -> bool:
    """Tell whether the buffers of an IPC message are compressed, from its head, a flatbuffer."""
    message = _number("<I", metadata, 0)
    kind = _field(metadata, message, _HEADER_TYPE)
    header = _field(metadata, message, _HEADER)
    if kind is None or header is None:
        return False
    found = metadata[kind]
    batch: int | None = header + _number("<I", metadata, header)
    if found == _DICTIONARY_BATCH:
        data = _field(metadata, header + _number("<I", metadata, header), _DATA)
        batch = None if data is None else data + _number("<I", metadata, data)
    elif found != _RECORD_BATCH:
        return False
    return batch is not None and _field(metadata, batch, _COMPRESSION) is not None


def _field(data: bytes, table: int, number: int) -> int | None:
    """Return where a field of a flatbuffer's table is; None if it is left out."""
    fields = table - _number("<i", data, table)
    size = _number("<H", data, fields)
    at = 4 + 2 * number
    offset = _number("<H", data, fields + at) if at + 2 <= size else 0
    return table + offset if offset else None


def _number(form: str, data: bytes, at: int) -> int:
    if at < 0:
        raise ValueError("the stream is damaged")
    number: int = struct.unpack_from(form, data, at)[0]
    return number


def _pack_schema(schema: Any) -> object:
    return ["schema", schema.serialize().to_pybytes()]


def _pack_table(table: Any) -> object:
    return ["table", stream_of(table)]


def _pack_batch(batch: Any) -> object:
    return ["batch", stream_of(batch)]


def _pack_array(array: Any) -> object:
    pa = optional("pyarrow")
    return ["array", stream_of(pa.record_batch([array], names=[COLUMN]))]


def _pack_chunked(array: Any) -> object:
    pa = optional("pyarrow")
    return ["chunked", stream_of(pa.table([array], names=[COLUMN]))]


def _unpack(parts: list[Any]) -> object:
    kind, data = parts
    if kind == "schema":
        pa = optional("pyarrow")
        return pa.ipc.read_schema(pa.py_buffer(raw(data)))
    table = table_of(data)
    if kind == "table":
        return table
    if kind == "batch":
        return table.combine_chunks().to_batches()[0] if table.num_rows else _empty_batch(table)
    column = table.column(COLUMN)
    return column if kind == "chunked" else _one_array(column)


def _empty_batch(table: Any) -> object:
    pa = optional("pyarrow")
    return pa.RecordBatch.from_arrays([_one_array(column) for column in table.columns], schema=table.schema)


def _one_array(column: Any) -> object:
    pa = optional("pyarrow")
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def find(kind: type) -> Plan | None:
    """Return the plan of a pyarrow type."""
    pa: Any = sys.modules.get("pyarrow")
    if pa is None or not hasattr(pa, "Table"):
        return None
    packs = {
        pa.Table: _pack_table,
        pa.RecordBatch: _pack_batch,
        pa.ChunkedArray: _pack_chunked,
        pa.Schema: _pack_schema,
    }
    if kind in packs:
        return Plan(codes.ARROW, packs[kind])
    return Plan(codes.ARROW, _pack_array) if pa.Array in mro(kind) else None


UNPACK: Final[dict[int, Callable[[Any], object]]] = {codes.ARROW: _unpack}
