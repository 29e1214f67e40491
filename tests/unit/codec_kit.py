"""What the codec tests share: classes to store, and a comparison that is strict about types."""

from __future__ import annotations

import collections
import enum
import math
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import msgspec
import numpy as np
import pydantic

from nbflow.codec import dumps, loads

T = TypeVar("T")


def again(value: T) -> T:
    """Store and load a value; hold it to be the same in every part."""
    loaded = loads(dumps(value))
    assert same(value, loaded), f"{value!r} came back as {loaded!r}"
    return loaded  # type: ignore[return-value]  # same type, see above


def same(one: Any, other: Any) -> bool:
    """Compare two values and the exact types of all their parts; nan is nan, -0.0 is not 0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (one == other and repr(one) == repr(other))
    if isinstance(one, Decimal):
        return repr(one) == repr(other)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, defaultdict) and one.default_factory is not other.default_factory:
        return False
    if isinstance(one, deque) and one.maxlen != other.maxlen:
        return False
    if isinstance(one, dict):
        return same([*dict.items(one)], [*dict.items(other)])
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    if isinstance(one, BaseException):
        return same(one.args, other.args) and str(one) == str(other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and same(one.tolist(), other.tolist())
    if hasattr(type(one), "__dataclass_fields__"):
        fields = one.__dataclass_fields__
        mine, others = ([getattr(value, name, None) for name in fields] for value in (one, other))
        return same(mine, others) and same(getattr(one, "__dict__", {}), getattr(other, "__dict__", {}))
    return bool(one == other) and (isinstance(one, memoryview) or repr(one) == repr(other))


@dataclass
class Point:
    x: int
    y: object = None


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    tags: tuple[str, ...] = ()


@dataclass
class Late:
    """Has a field that its constructor does not set, and one that it computes."""

    given: int
    doubled: int = field(init=False)
    never: int = field(init=False, repr=False, compare=False)
    shared: int = field(init=False, default=7)

    def __post_init__(self) -> None:
        self.doubled = self.given * 2
        self.aside = [self.given]

    @cached_property
    def costly(self) -> int:
        return self.given + 1


@dataclass
class Box(Generic[T]):
    item: T


class Pair(NamedTuple):
    left: object
    right: object = 0


OldPair = collections.namedtuple("OldPair", "a b")


class Shape(msgspec.Struct, frozen=True):
    sides: int
    name: str = ""


class Checked(msgspec.Struct):
    value: int

    def __post_init__(self) -> None:
        TRACE.append("Checked.__post_init__")


@attrs.define
class Slotted:
    x: int
    _hidden: object = attrs.field(factory=list)


@attrs.frozen(cache_hash=True)
class Hashed:
    word: str


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    name: str
    point: Point | None = None
    tags: set[str] = pydantic.Field(default_factory=set)
    _cache: dict[str, int] = pydantic.PrivateAttr(default_factory=dict)


class Roots(pydantic.RootModel[list[int]]):
    pass


class Colour(enum.Enum):
    RED = (1, 2)
    ALSO_RED = (1, 2)
    BLUE = "blue"


class Holder:
    class Inner(enum.IntEnum):
        ONE = 1


class Right(enum.Flag):
    READ = 1
    WRITE = 2
    RUN = 4


class Word(str):
    pass


class Count(int):
    pass


class Rows(list[object]):
    label = "class"


class Table(dict[object, object]):
    pass


class Ordered(OrderedDict[object, object]):
    pass


class Groups(defaultdict[object, object]):
    pass


class Tally(collections.Counter[object]):
    pass


class Failure(Exception):
    """Has a constructor that its arguments alone can't call."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass
class DataFailure(Exception):
    code: int


TRACE: list[str] = []  # what the traps below have run


class Trap:
    """Every way to run code when an instance is made."""

    def __new__(cls, *_: object, **__: object) -> Any:
        TRACE.append("__new__")
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        TRACE.append("__init__")

    def __setstate__(self, _: object) -> None:
        TRACE.append("__setstate__")

    def __setattr__(self, name: str, value: object) -> None:
        TRACE.append("__setattr__")
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> object:
        TRACE.append(f"__getattr__ {name}")
        raise AttributeError(name)


class TrapMeta(type):
    def __call__(cls, *_: object, **__: object) -> Any:
        TRACE.append("metaclass __call__")
        return None

    def __getattribute__(cls, name: str) -> Any:
        if name not in ("__flags__", "__dataclass_fields__"):
            TRACE.append(f"metaclass {name}")
        return type.__getattribute__(cls, name)

    def __instancecheck__(cls, _: object) -> bool:
        TRACE.append("metaclass __instancecheck__")
        return True


@dataclass(init=False)
class TrapRecord(Trap):
    x: int = 0

    def __post_init__(self) -> None:
        TRACE.append("__post_init__")


class TrapError(Trap, Exception):
    pass


class TrapDict(dict[object, object]):
    def __setitem__(self, key: object, value: object) -> None:
        TRACE.append("__setitem__")

    def update(self, *_: object, **__: object) -> None:
        TRACE.append("update")


class TrapEnum(enum.Enum):
    A = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        TRACE.append("_missing_")
        return cls.A


class TrapFlag(enum.Flag):
    A = 1
    B = 2

    @classmethod
    def _missing_(cls, value: object) -> Any:
        TRACE.append("_missing_")
        return cls.A


class Odd(metaclass=TrapMeta):
    pass
