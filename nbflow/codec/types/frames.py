"""pandas frames, series, indexes and scalars: exact in dtypes, index, names and attrs.

Written column by column, the same way whether or not pyarrow is installed, so that a value is
readable where it is not. pandas is never imported to write; to read, it is imported if installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.classes import mro
from nbflow.codec.optional import optional
from nbflow.codec.types import columns
from nbflow.codec.wire import Plan


def _pack_timestamp(value: Any) -> object:
    return [int(value.asm8.view("i8")), value.unit, value.tz]


def _unpack_timestamp(parts: list[Any]) -> object:
    np = optional("numpy")
    pd = optional("pandas")
    count, unit, zone = parts
    naive = pd.Timestamp(np.datetime64(count, unit))
    return naive if zone is None else naive.tz_localize("UTC").tz_convert(zone)


def _pack_timedelta(value: Any) -> object:
    return [int(value.asm8.view("i8")), value.unit]


def _unpack_timedelta(parts: list[Any]) -> object:
    np = optional("numpy")
    pd = optional("pandas")
    count, unit = parts
    return pd.Timedelta(np.timedelta64(count, unit))


def _pack_period(value: Any) -> object:
    return [value.ordinal, value.freqstr]


def _unpack_period(parts: list[Any]) -> object:
    pd = optional("pandas")
    ordinal, frequency = parts
    return pd.Period(ordinal=ordinal, freq=frequency)


def _pack_interval(value: Any) -> object:
    return [value.left, value.right, value.closed]


def _unpack_interval(parts: list[Any]) -> object:
    pd = optional("pandas")
    return pd.Interval(*parts)


def _unpack_column(parts: list[Any]) -> object:
    values: Any = columns.unpack(parts)
    pd = optional("pandas")
    return values if isinstance(values, pd.api.extensions.ExtensionArray) else pd.arrays.NumpyExtensionArray(values)


def _pack_index(index: Any) -> object:
    kind = type(index).__name__
    if kind == "RangeIndex":
        return ["range", index.start, index.stop, index.step, index.name]
    if kind == "MultiIndex":
        levels = [level.rename(None) for level in index.levels]
        return ["multi", levels, list(index.codes), list(index.names)]
    return ["array", columns.pack(index.array), index.name, getattr(index, "freqstr", None)]


def _unpack_index(parts: list[Any]) -> object:
    pd = optional("pandas")
    kind, *rest = parts
    if kind == "range":
        return pd.RangeIndex(*rest[:3], name=rest[3])
    if kind == "multi":
        levels, positions, names = rest
        return pd.MultiIndex(levels, positions, names=names, verify_integrity=True)
    packed, name, frequency = rest
    values: Any = columns.unpack(packed)
    index: Any = pd.Index(values, dtype=values.dtype, name=name, copy=False)
    if frequency is not None and not isinstance(index, pd.PeriodIndex):
        index.freq = frequency
    return index


def _pack_series(series: Any) -> object:
    attrs, unique = dict(series.attrs), series.flags.allows_duplicate_labels
    return [columns.pack(series.array), series.index, series.name, attrs, unique]


def _series_of(packed: list[Any], index: Any) -> Any:
    pd = optional("pandas")
    values: Any = columns.unpack(packed)
    if len(values) != len(index):
        raise ValueError(f"{len(values)} values are no column of {len(index)} rows")
    return pd.Series(values, index=index, dtype=values.dtype, copy=False)


def _unpack_series(parts: list[Any]) -> object:
    packed, index, name, attrs, duplicates = parts
    series = _series_of(packed, index)
    series.name = name
    return _finish(series, attrs, duplicates)


def _pack_frame(frame: Any) -> object:
    packed = [columns.pack(frame.iloc[:, at].array) for at in range(frame.shape[1])]
    attrs, duplicates = dict(frame.attrs), frame.flags.allows_duplicate_labels
    return [packed, frame.columns, frame.index, attrs, duplicates]


def _unpack_frame(parts: list[Any]) -> object:
    pd = optional("pandas")
    packed, labels, index, attrs, duplicates = parts
    made = {at: _series_of(column, index) for at, column in enumerate(packed)}
    frame = pd.DataFrame(made, index=index, copy=False)
    frame.columns = labels
    return _finish(frame, attrs, duplicates)


def _finish(made: Any, attrs: dict[object, object], duplicates: bool) -> object:
    made.attrs.update(attrs)
    if not duplicates:
        made.flags.allows_duplicate_labels = False
    return made


PACK: Final[dict[str, Plan]] = {
    "Timestamp": Plan(codes.PANDAS_TIMESTAMP, _pack_timestamp),
    "Timedelta": Plan(codes.PANDAS_TIMEDELTA, _pack_timedelta),
    "Period": Plan(codes.PANDAS_PERIOD, _pack_period),
    "Interval": Plan(codes.PANDAS_INTERVAL, _pack_interval),
    "Series": Plan(codes.PANDAS_SERIES, _pack_series),
    "DataFrame": Plan(codes.PANDAS_FRAME, _pack_frame),
}
INDEXES: Final = (
    *("Index", "RangeIndex", "MultiIndex", "DatetimeIndex"),
    *("TimedeltaIndex", "PeriodIndex", "IntervalIndex", "CategoricalIndex"),
)

UNPACK: Final[dict[int, Callable[[Any], object]]] = {
    codes.PANDAS_TIMESTAMP: _unpack_timestamp,
    codes.PANDAS_TIMEDELTA: _unpack_timedelta,
    codes.PANDAS_PERIOD: _unpack_period,
    codes.PANDAS_INTERVAL: _unpack_interval,
    codes.PANDAS_COLUMN: _unpack_column,
    codes.PANDAS_INDEX: _unpack_index,
    codes.PANDAS_SERIES: _unpack_series,
    codes.PANDAS_FRAME: _unpack_frame,
}


def find(kind: type) -> Plan | None:
    """Return the plan of a pandas type."""
    pd: Any = sys.modules.get("pandas")
    if pd is None or kind.__module__.partition(".")[0] != "pandas":
        return None
    name = kind.__name__
    if kind is type(pd.NaT):
        return Plan(codes.CONSTANT, lambda _: "pandas.NaT")
    if kind is type(pd.NA):
        return Plan(codes.CONSTANT, lambda _: "pandas.NA")
    if getattr(pd, name, None) is kind and (name in PACK or name in INDEXES):
        return PACK.get(name) or Plan(codes.PANDAS_INDEX, _pack_index)
    if pd.api.extensions.ExtensionArray in mro(kind):
        return Plan(codes.PANDAS_COLUMN, columns.pack)
    return None
