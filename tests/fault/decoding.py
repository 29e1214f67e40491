"""Hands random and damaged bytes to the decoder; run as a script.

Run as ``python -m tests.fault.decoding INPUTS [SEED]``. Inputs are what ``dumps`` wrote, with bytes changed,
removed, inserted, repeated and exchanged with those of other values, and extensions put together at random from the
table of codes. Each has to give a value or a ``CorruptValueError``, and to take no memory to speak of. Prints one line
of JSON.
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import warnings
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import msgspec
from msgspec.msgpack import Ext

from nbflow.checkpoint.base import Row
from nbflow.checkpoint.rows import _MARK, from_row, to_row
from nbflow.codec import Unloadable, codes, dumps, loads
from nbflow.codec.unloadable import met
from nbflow.core.record import CallReturned, RunPaused, RunStarted, Value
from nbflow.errors import NbflowError
from tests.unit.codec_kit import Colour, Point

resource: Any = importlib.import_module("resource") if importlib.util.find_spec("resource") else None  # not on Windows

ROOM = 64  # MiB that a few bytes may take
LIMIT = 4 << 30  # bytes: what goes wrong is to be told, not to take the machine along
CODES = [code for code in codes.NAMES if code < 100]
ATOMS: list[Any] = [
    None,
    True,
    0,
    1,
    -1,
    7,
    2**31,
    2**63 - 1,
    2**64 - 1,
    0.5,
    float("nan"),
    "",
    "a",
    "<f8",
    "|O",
    "O",
    "|V2000000000",
    "M8[ns]",
    "C",
    "numpy",
    "range",
    "table",
    "datetime",
    "string",
    "masked",
    "tests.unit.codec_kit:Point",
    "tests.unit.codec_kit:Colour",
    "builtins:ValueError",
    "dict",
    b"",
    b"\0" * 8,
    b"\xff" * 40,
    [],
    {},
    [3, 4],
    [10**9],
    [2**40, 2**20],
    {"x": 1},
    {"args": [1]},
]


def samples() -> list[bytes]:
    """Return encoded values of many types."""
    values: list[Any] = [
        [1, "two", 3.0, None, b"four"],
        {"a": [1, 2], "b": {"c": (1, 2)}},
        {1: 2, (3, 4): "x"},
        {1, 2, 3},
        frozenset("ab"),
        bytearray(b"abc"),
        memoryview(b"abcd"),
        1j,
        range(5),
        slice(1, 2),
        ...,
        OrderedDict(a=1),
        Counter("aab"),
        deque([1, 2], 5),
        datetime(2024, 1, 2, 3, tzinfo=UTC),
        date(2024, 1, 2),
        time(1, 2),
        timedelta(1),
        Decimal("1.50"),
        Fraction(1, 3),
        UUID(int=5),
        PurePosixPath("/a/b"),
        10**40,
        "\ud800",
        Colour.RED,
        Point(1, 2),
        ValueError("boom", 3),
        KeyError("k"),
        ExceptionGroup("g", [OSError(2, "no")]),
        [[[[[]]]]] * 3,
        "x" * 200,
    ]
    try:
        import numpy as np
        import pandas as pd
        import pyarrow as pa
    except ImportError:
        pass
    else:
        frame = pd.DataFrame({"n": [1, 2], "t": pd.to_datetime(["2024", "2025"]), "c": pd.Categorical(["a", "b"])})
        values += [
            np.arange(6.0).reshape(2, 3),
            np.float32(1),
            np.dtype("i4"),
            np.array([None, "a"], object),
            frame,
            frame["t"],
            frame.index,
            pd.Timestamp("2024"),
            pd.NaT,
            pd.Interval(0, 1),
            pd.period_range("2024", periods=2, freq="M"),
            pa.table({"a": [1, 2]}),
            pa.array(["x", None]),
        ]
    return [dumps(value) for value in values]


def mutated(chance: random.Random, known: list[bytes]) -> bytes:
    """Return the bytes of a value, damaged."""
    data = bytearray(chance.choice(known))
    for _ in range(chance.randint(1, 4)):
        at, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        what = chance.randrange(6)
        if what == 0 and data:
            data[min(at, len(data) - 1)] = chance.randrange(256)
        elif what == 1:
            del data[at : min(end, at + 4)]
        elif what == 2:
            data[at:at] = chance.randbytes(chance.randint(1, 4))
        elif what == 3:
            data[at:at] = data[at:end]
        elif what == 4:
            other = chance.choice(known)
            data[at:end] = other[: chance.randrange(len(other) + 1)]
        elif data:
            data[min(at, len(data) - 1)] ^= 1 << chance.randrange(8)
    return bytes(data[:20_000])


def made_up(chance: random.Random, depth: int = 0) -> Any:
    """Return plain data with extensions of all codes, put together at random."""
    what = chance.randrange(5 if depth < 4 else 1)
    if what == 0:
        return chance.choice(ATOMS)
    if what == 1:
        return [made_up(chance, depth + 1) for _ in range(chance.randint(0, 5))]
    if what == 2:
        return {
            chance.choice(["x", "y", "args", "state", "set", "extra"]): made_up(chance, depth + 1) for _ in range(2)
        }
    payload = made_up(chance, depth + 1)
    code = chance.choice(CODES)
    return Ext(code, payload if isinstance(payload, bytes) and what == 3 else msgspec.msgpack.encode(payload))


def rows() -> list[Row]:
    """Return stored records."""
    started = RunStarted(run_id="r", thread_id="t", workflow="w", metadata={"a": 1}, value=Value(1))
    returned = CallReturned(path="0.1", name="task", value=Value([1, 2]))
    found = []
    for number, record in enumerate([started, returned, RunPaused(ids=("a", "b"))]):
        if record.value is not None:
            record.value.raw = dumps(record.value.get())
        found.append(to_row(record, number))
    return found


def damaged(chance: random.Random, known: list[Row]) -> Row:
    """Return a row whose head is damaged, with and without a checksum that would tell."""
    row = chance.choice(known)
    head = mutated(chance, [row.head[5:] if chance.randrange(2) else row.head])
    return row._replace(head=head if chance.randrange(2) else head.lstrip(_MARK), kind=chance.choice(known).kind)


def tried(fates: Counter[str], work: Callable[[], object]) -> str | None:
    """Count what becomes of some work; return what it raised if that is not one of our errors."""
    lost: list[Unloadable] = []
    before = met.set(lost)
    said = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            work()
        fates["value"] += 1
    except NbflowError as error:
        fates[type(error).__name__] += 1
        said = str(error)
    except BaseException as error:
        return repr(error)
    finally:
        met.reset(before)
    return next((text for text in (said, *(one.reason for one in lost)) if "MemoryError" in text), None)


def main(inputs: int, seed: int = 1) -> dict[str, Any]:
    chance = random.Random(seed)
    known, stored = samples(), rows()
    fates: Counter[str] = Counter()
    wrong: list[str] = []
    for data in known:
        loads(data)
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    most = peak()
    for number in range(inputs):
        kind = number % 4
        if kind == 3:
            row = damaged(chance, stored)
            problem, data = tried(fates, lambda: from_row(row)), row.head  # noqa: B023  # called at once
        else:
            data = mutated(chance, known) if kind < 2 else msgspec.msgpack.encode(made_up(chance))
            problem = tried(fates, lambda: loads(data))  # noqa: B023  # as above
        if problem is None and (more := peak() - most) > ROOM:
            problem = f"took {more} MiB"
        most = max(most, peak())
        if problem is not None:
            wrong.append(f"{data[:2000].hex()}: {problem}")
    return {"inputs": inputs, "fates": fates, "wrong": wrong[:20], "peak_mib": most}


def peak() -> int:
    """Return how many MiB this process has had at most; 0 where that can't be asked."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 if resource is not None else 0


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*(int(one) for one in sys.argv[1:]))))
