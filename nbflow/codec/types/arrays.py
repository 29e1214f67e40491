"""numpy arrays, scalars and dtypes: exact in dtype, shape, memory order and writability.

numpy is never imported to write; to read, it is imported if it is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import prod
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.classes import mro
from nbflow.codec.exact import raw
from nbflow.codec.optional import optional
from nbflow.codec.wire import Plan, Refusal


def _describe(dtype: Any) -> object:
    """Return a dtype as plain data.

    Raises:
        Refusal: if its values are not bytes alone.
    """
    if dtype.names is None and dtype.subdtype is None:
        if dtype.kind == "T" and dtype != type(dtype)():
            raise Refusal("its string dtype has options; return array.astype(object)")
        return dtype.kind if dtype.kind in "OT" else dtype.str
    if dtype.hasobject:
        raise Refusal("its structured dtype holds objects; return one array per field")
    return optional("numpy.lib.format").dtype_to_descr(dtype)


def _dtype(description: Any) -> Any:
    np = optional("numpy")
    if description == "T":
        return np.dtypes.StringDType()
    if isinstance(description, str):
        return np.dtype(description)
    return optional("numpy.lib.format").descr_to_dtype(description)


def _pack_array(array: Any) -> object:
    described, shape, writable = _describe(array.dtype), list(array.shape), array.flags.writeable
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    order = "F" if fortran else "C"
    if described in ("O", "T"):  # a structured dtype is a list, which a set could not look up
        return [described, shape, order, writable, array.ravel(order).tolist()]
    return [described, shape, order, writable, array.tobytes(order)]


def _unpack_array(parts: list[Any]) -> object:
    np = optional("numpy")
    described, shape, order, writable, data = parts
    dtype = _dtype(described)
    if isinstance(data, list):
        if dtype.kind not in "OT":
            raise ValueError(f"{dtype} is written as bytes, not as a list")
        array = _fill(np.empty(len(data), dtype), data).reshape(shape, order=order)
    elif dtype.hasobject:
        raise ValueError("bytes can't be objects")  # they would be taken for addresses
    elif len(raw(data)) != dtype.itemsize * prod(shape):
        raise ValueError(f"{len(data)} bytes are no array of {dtype} and shape {shape}")
    elif not data:
        array = np.zeros(shape, dtype, order=order)
    else:
        view = np.frombuffer(data, dtype, prod(shape)).reshape(shape, order=order)
        array = view.copy(order="K") if writable else view
    array.flags.writeable = writable
    return array


def _fill(array: Any, items: list[object]) -> Any:
    for at, item in enumerate(items):  # one by one: numpy would take a list of lists for a matrix
        array[at] = item
    return array


def _pack_scalar(value: Any) -> object:
    return [_describe(value.dtype), value.tobytes()]


def _unpack_scalar(parts: list[Any]) -> object:
    np = optional("numpy")
    described, data = parts
    dtype = _dtype(described)
    if dtype.hasobject:
        raise ValueError("bytes can't be objects")
    return np.frombuffer(data, dtype, 1)[0] if dtype.itemsize else dtype.type()


def _refuse(what: str) -> Callable[[Any], object]:
    def pack(_: object) -> object:
        raise Refusal(what)

    return pack


def find(kind: type) -> Plan | None:
    """Return the plan of a numpy type."""
    np: Any = sys.modules.get("numpy")
    if np is None or not hasattr(np, "ndarray"):
        return None
    if kind is np.ndarray:
        return Plan(codes.NUMPY_ARRAY, _pack_array)
    if np.ndarray in mro(kind):
        return Plan(codes.NUMPY_ARRAY, _refuse("it is a special kind of array; return numpy.asarray(...) of it"))
    if np.generic in mro(kind) and kind.__module__ == "numpy":
        return Plan(codes.NUMPY_SCALAR, _pack_scalar)
    if np.dtype in mro(kind):
        return Plan(codes.NUMPY_DTYPE, _describe)
    return None


UNPACK: Final[dict[int, Callable[[Any], object]]] = {
    codes.NUMPY_ARRAY: _unpack_array,
    codes.NUMPY_SCALAR: _unpack_scalar,
    codes.NUMPY_DTYPE: _dtype,
}
