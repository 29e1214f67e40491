"""numpy, pandas and pyarrow data: exact in dtypes, shape, order, indexes and names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal

from nbflow.codec import dumps, loads
from tests.unit.codec_kit import Point, again, same

DAYS = pd.date_range("2024-03-30", periods=3, freq="D", tz="Europe/Berlin")
FRAME = pd.DataFrame(
    {
        "int": np.array([1, 2, 3], "i2"),
        "float": [1.5, float("nan"), -0.0],
        "text": ["x", None, "z"],
        "object": pd.Series([(1,), None, {"k"}], dtype=object).to_numpy(),
        "category": pd.Categorical(["a", "b", "a"], categories=["b", "a", "c"], ordered=True),
        "Int": pd.array([1, None, 3], dtype="Int64"),
        "Float": pd.array([1.5, None, 3], dtype="Float32"),
        "Bool": pd.array([True, None, False], dtype="boolean"),
        "zoned": DAYS,
        "naive": pd.to_datetime(["2020", "2021", None]),
        "seconds": pd.to_datetime(["2020", "2021", None]).as_unit("s"),
        "delta": pd.to_timedelta([1, 2, None], unit="s"),
        "period": pd.period_range("2020", periods=3, freq="M"),
        "interval": pd.interval_range(0, 3, closed="left"),
        "string": pd.array(["a", None, "b"], dtype="string"),
        "python string": pd.array(["a", None, "b"], dtype=pd.StringDtype("python")),
        "arrow": pd.array([[1], [2], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        ("tuple", 1): [True, False, True],
    },
).set_axis(DAYS)

INDEXES = [
    pd.RangeIndex(2, 9, 3, name="r"),
    pd.Index([1, "a", None], dtype=object, name=("t", 1)),
    pd.Index(["a", "b"], name="text"),
    pd.Index([1, 2], dtype="i1"),
    pd.Index([1, None], dtype="Int64"),
    pd.Index([], dtype="float64"),
    pd.CategoricalIndex(list("aba"), ordered=True),
    pd.interval_range(0, 3),
    pd.period_range("2020", periods=2, freq="D"),
    pd.timedelta_range("1s", periods=3, freq="2s"),
    DAYS,
    DAYS[[0, 2]],
    pd.MultiIndex.from_product([["x", "y"], [1, 2]], names=["k", None]),
    pd.MultiIndex.from_tuples([], names=["a", "b"]),
]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(10)[::2],
        np.array(5),
        np.zeros((0, 3)),
        np.array(["a", "bé"]),
        np.array([b"a", b"bc"]),
        np.array([], "U"),
        np.array([1 + 2j]),
        np.array([1, 2], ">i4"),
        np.array(["2020", "NaT"], "M8[D]"),
        np.array([1], "m8[ms]"),
        np.array([(1, 2.0, (1, 2))], [("a", "i4"), ("b", "f8"), ("c", "u1", 2)]),
        np.array(["x", "yy"], "T"),
        np.array([[1, "a"], [None, (1, [2])]], object),
        np.array([None], object),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_is_exact_and_writable(array: np.ndarray[Any, Any]) -> None:
    loaded = again(array)
    assert loaded.flags.writeable
    assert loaded.flags.f_contiguous == (array.flags.f_contiguous or array.ndim == 1)
    array = array.copy()
    array.flags.writeable = False
    assert not again(array).flags.writeable


def test_an_object_array_keeps_lists_as_items() -> None:
    array = np.empty(2, object)
    array[0], array[1] = [1, 2], [3, 4]
    assert again(array).shape == (2,)
    array[1] = Point(1)
    assert type(again(array)[1]) is Point


@pytest.mark.parametrize(
    "scalar",
    [
        np.float64(1.5),
        np.float16(1),
        np.int8(-1),
        np.bool_(True),
        np.str_("é"),
        np.str_(""),
        np.bytes_(b"a"),
        np.complex64(1j),
    ],
    ids=repr,
)
def test_a_scalar_keeps_its_type(scalar: np.generic) -> None:
    again(scalar)
    again({"x": [scalar]})


@pytest.mark.parametrize("scalar", [np.datetime64("2020-01-01"), np.timedelta64(5, "s"), np.datetime64("NaT", "ms")])
def test_a_moment_keeps_its_unit(scalar: Any) -> None:
    loaded: Any = loads(dumps(scalar))
    assert loaded.dtype == scalar.dtype
    assert str(loaded) == str(scalar)


@pytest.mark.parametrize("dtype", ["f4", ">i8", "U5", "M8[s]", "O", [("a", "i4"), ("b", "f8")]])
def test_a_dtype_comes_back(dtype: Any) -> None:
    assert loads(dumps(np.dtype(dtype))) == np.dtype(dtype)


def test_a_frame_is_exact() -> None:
    FRAME.attrs["source"] = ("db", 1)
    loaded: Any = loads(dumps(FRAME))
    assert_frame_equal(loaded, FRAME, check_freq=True, check_exact=True)
    assert loaded.dtypes.tolist() == FRAME.dtypes.tolist()
    assert loaded.index.freq == FRAME.index.freq
    assert loaded.attrs == {"source": ("db", 1)}
    assert same(loaded["object"].tolist(), FRAME["object"].tolist())
    loaded.loc[DAYS[0], "int"] = 9
    assert loaded["int"].iloc[0] == 9


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=[1, 2]),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame([[1, 2]], columns=["same", "same"]),
        pd.DataFrame({("a", 1): [1.0], ("b", 2): [2]}),
        pd.DataFrame({1: [1]}, index=pd.MultiIndex.from_tuples([("x", 1)], names=["k", None])),
    ],
)
def test_a_frame_of_an_odd_shape_is_exact(frame: pd.DataFrame) -> None:
    assert_frame_equal(loads(dumps(frame)), frame)


def test_a_frame_that_allows_no_duplicates_stays_so() -> None:
    frame = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    assert not loads(dumps(frame)).flags.allows_duplicate_labels  # type: ignore[attr-defined]  # a frame


@pytest.mark.parametrize("column", list(FRAME.columns), ids=str)
def test_a_series_is_exact(column: Any) -> None:
    series = FRAME[column]
    series.attrs["unit"] = "m"
    loaded: Any = loads(dumps(series))
    assert_series_equal(loaded, series, check_exact=True)
    assert loaded.attrs == series.attrs
    assert type(loads(dumps(series.array))) is type(series.array)


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: type(index).__name__)
def test_an_index_is_exact(index: Any) -> None:
    loaded: Any = loads(dumps(index))
    assert_index_equal(loaded, index, exact=True)
    assert list(loaded.names) == list(index.names)
    assert getattr(loaded, "freq", None) == getattr(index, "freq", None)


@pytest.mark.parametrize(
    "scalar",
    [
        pd.Timestamp("2020-01-01"),
        pd.Timestamp("2024-10-27 00:30", tz="UTC").tz_convert("Europe/Berlin"),
        pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert("Europe/Berlin"),
        pd.Timestamp("2020").as_unit("s"),
        pd.Timedelta("1D"),
        pd.Timedelta("1D").as_unit("ns"),
        pd.Period("2020-01", "M"),
        pd.Interval(0, 1.5, "left"),
    ],
    ids=repr,
)
def test_a_pandas_scalar_is_exact(scalar: Any) -> None:
    assert getattr(again(scalar), "unit", None) == getattr(scalar, "unit", None)


def test_missing_values_are_the_same_objects() -> None:
    assert loads(dumps(pd.NaT)) is pd.NaT
    assert loads(dumps(pd.NA)) is pd.NA


@pytest.mark.parametrize(
    "data",
    [
        pa.table({"a": [1, 2], "b": ["x", None]}),
        pa.table({"a": pa.chunked_array([[1], [2]])}),
        pa.table({"a": pa.array([], pa.int8())}),
        pa.array([1, None]),
        pa.array([], pa.int8()),
        pa.array(["a", "a"]).dictionary_encode(),
        pa.chunked_array([[1], [2]]),
        pa.record_batch([pa.array([1])], names=["z"]),
        pa.record_batch([pa.array([], pa.int8())], names=["z"]),
        pa.schema([("a", pa.int8())], metadata={"k": "v"}),
    ],
    ids=lambda data: type(data).__name__,
)
def test_arrow_data_is_exact(data: Any) -> None:
    loaded: Any = loads(dumps(data))
    assert type(loaded) is type(data)
    assert loaded.equals(data)
