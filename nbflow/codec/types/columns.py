"""The arrays of values inside pandas objects: written by their parts, so that dtypes stay exact.

Kinds: ``numpy``, ``datetime``, ``timedelta``, ``period``, ``interval``, ``categorical``,
``masked``, ``string``, ``arrow``. A value of each kind is ``[kind, part, ...]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nbflow.codec.exact import exactly
from nbflow.codec.optional import optional
from nbflow.codec.types.arrow import COLUMN, stream_of, table_of
from nbflow.codec.wire import Refusal

MOST: Final = 1_000_000  # rows of a range that stands for values: it takes a few bytes, and they take eight each


def _pack_numpy(array: Any) -> list[object]:
    return ["numpy", array.to_numpy(copy=False)]


def _unpack_numpy(values: Any) -> object:
    np = optional("numpy")
    return exactly(np.ndarray, values)


def _pack_datetime(array: Any) -> list[object]:
    return ["datetime", array.asi8, array.unit, array.tz]


def _unpack_datetime(values: Any, unit: str, zone: Any) -> object:
    pd = optional("pandas")
    naive = values.view(f"M8[{unit}]")
    if zone is None:
        return pd.array(naive, dtype=naive.dtype)
    return pd.array(naive, dtype=naive.dtype).tz_localize("UTC").tz_convert(zone)


def _pack_timedelta(array: Any) -> list[object]:
    return ["timedelta", array.asi8, array.unit]


def _unpack_timedelta(values: Any, unit: str) -> object:
    pd = optional("pandas")
    return pd.array(values.view(f"m8[{unit}]"), dtype=f"m8[{unit}]")


def _pack_period(array: Any) -> list[object]:
    return ["period", array.asi8, array.freqstr]


def _unpack_period(values: Any, frequency: str) -> object:
    pd = optional("pandas")
    return pd.arrays.PeriodArray(values, dtype=pd.PeriodDtype(frequency))


def _pack_interval(array: Any) -> list[object]:
    return ["interval", array.left, array.right, array.closed]


def _unpack_interval(left: Any, right: Any, closed: Any) -> object:
    pd = optional("pandas")
    return pd.arrays.IntervalArray.from_arrays(left, right, closed)


def _pack_categorical(array: Any) -> list[object]:
    return ["categorical", array.codes, array.categories, array.ordered]


def _unpack_categorical(values: Any, categories: Any, ordered: bool) -> object:
    pd = optional("pandas")
    return pd.Categorical.from_codes(values, dtype=pd.CategoricalDtype(categories, ordered))


def _pack_masked(array: Any) -> list[object]:
    return ["masked", str(array.dtype), array._data, array._mask]  # noqa: SLF001  # no public name for exact parts


def _unpack_masked(dtype: str, values: Any, mask: Any) -> object:
    pd = optional("pandas")
    kinds = {"b": pd.arrays.BooleanArray, "f": pd.arrays.FloatingArray}
    array: Any = kinds.get(values.dtype.kind, pd.arrays.IntegerArray)(values, mask)
    if str(array.dtype) != dtype:
        raise ValueError(f"{values.dtype} is no {dtype}")
    return array


def _pack_string(array: Any) -> list[object]:
    pd = optional("pandas")
    missing = "NA" if array.dtype.na_value is pd.NA else "nan"
    texts = array.to_numpy(object)
    return ["string", array.dtype.storage, missing, [text if type(text) is str else None for text in texts.tolist()]]


def _unpack_string(storage: str, missing: str, texts: list[str | None]) -> object:
    pd = optional("pandas")
    dtype = pd.StringDtype(storage, na_value=pd.NA if missing == "NA" else float("nan"))
    return pd.array(texts, dtype=dtype)


def _pack_arrow(array: Any) -> list[object]:
    pa = optional("pyarrow")
    return ["arrow", stream_of(pa.table([array.__arrow_array__()], names=[COLUMN]))]


def _unpack_arrow(data: bytes) -> object:
    pd = optional("pandas")
    return pd.arrays.ArrowExtensionArray(table_of(data).column(COLUMN))


PACK: Final[dict[str, Callable[[Any], list[object]]]] = {
    "NumpyExtensionArray": _pack_numpy,
    "DatetimeArray": _pack_datetime,
    "TimedeltaArray": _pack_timedelta,
    "PeriodArray": _pack_period,
    "IntervalArray": _pack_interval,
    "Categorical": _pack_categorical,
    "IntegerArray": _pack_masked,
    "FloatingArray": _pack_masked,
    "BooleanArray": _pack_masked,
    "StringArray": _pack_string,
    "ArrowStringArray": _pack_string,
    "ArrowExtensionArray": _pack_arrow,
}

READ: Final[dict[str, Callable[..., object]]] = {
    "numpy": _unpack_numpy,
    "datetime": _unpack_datetime,
    "timedelta": _unpack_timedelta,
    "period": _unpack_period,
    "interval": _unpack_interval,
    "categorical": _unpack_categorical,
    "masked": _unpack_masked,
    "string": _unpack_string,
    "arrow": _unpack_arrow,
}


def pack(array: Any) -> list[object]:
    """Return the parts of a pandas array.

    Raises:
        Refusal: if nbflow does not know its kind.
    """
    for base in type(array).__mro__:
        if base.__module__.partition(".")[0] == "pandas" and base.__name__ in PACK:
            return PACK[base.__name__](array)
    raise Refusal(f"its dtype {array.dtype!s} is not known; use .astype(...) to a common dtype")


def unpack(parts: list[Any]) -> object:
    """Return the pandas or numpy array of its parts."""
    kind, *rest = parts
    for part in rest:
        if type(part) is range or (type(part).__name__ == "RangeIndex" and len(part) > MOST):
            raise ValueError("a column is written value by value, not as a range")
    return READ[kind](*rest)
