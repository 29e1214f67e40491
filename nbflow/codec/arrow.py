"""pyarrow tables, record batches, arrays and schemas, as Arrow IPC streams."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.classes import mro
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
    """Return the table of an Arrow IPC stream."""
    pa = optional("pyarrow")
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


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
        return pa.ipc.read_schema(pa.py_buffer(data))
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
