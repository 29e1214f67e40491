"""Classes of stored exceptions, and what stands for one that is not found: a class made of the bases that are.

What catches an exception is its class, so a replayed failure must be of the class that an ``except`` clause names. One
that was made in a function is found among the living subclasses of its base, where the function has just made it
again. Making a class of others runs no code of theirs.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterator
from typing import Any, Final, cast

from nbflow.codec.classes import class_dict, find_class, mro
from nbflow.errors import asides

QUALNAME: Final = type.__dict__["__qualname__"]
SUBCLASSES: Final = type.__subclasses__
COMMON: Final = frozenset({object, BaseException, Exception})


class StandIn:
    """The first base of every class made here: says what the original said, and lets no hook run."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Run no hook of other bases."""

    def __str__(self) -> str:
        """Return what the original said."""
        return asides.get(cast("BaseException", self), asides.TEXT) or ""


def names_of_bases(cls: type) -> list[str]:
    """Return the names of the classes that one derives from, most derived first, less those that all have."""
    return [
        f"{base.__module__}:{base.__qualname__}" for base in mro(cls)[1:] if base not in COMMON and base is not StandIn
    ]


def classes_of(name: str, bases: list[str]) -> tuple[list[type], int]:
    """Return the exception classes of these names that exist, and how many at their head bear the first.

    Args:
        name: of the class.
        bases: of those that it derived from when it was stored, most derived first.
    """
    found: list[type] = []
    here: list[type] = []
    for one in (*reversed(bases), name):
        cls = find_class(one)
        here = [cls] if cls is not None else list(_living(one, [*found, Exception, BaseException]))
        found = [*(cls for cls in here if cls not in found), *found]
    return found, len(here)


def _living(name: str, bases: list[type]) -> Iterator[type]:
    """Yield the classes of a name that were made in functions, the newest first."""
    module, _, qualname = name.partition(":")
    for base in dict.fromkeys(bases) if "<locals>" in name else ():
        cls: type
        for cls in reversed(SUBCLASSES(base)):
            same = QUALNAME.__get__(cls) == qualname and class_dict(cls).get("__module__") == module
            if same and StandIn not in mro(cls):
                yield cls


def derived(name: str, bases: list[type]) -> type:
    """Return a class of a name that derives from others.

    Raises:
        TypeError: if they can't be combined, or one has a metaclass that would run.
    """
    for base in bases:
        if type(base) not in (type, ABCMeta):
            raise TypeError(f"{base!r} has a metaclass of its own")
    module, _, qualname = name.rpartition(":")
    if not any(BaseException in mro(base) for base in bases):
        bases = [*bases, Exception]
    least = [one for one in bases if not any(one is not other and one in mro(other) for other in bases)]
    space: dict[str, Any] = {"__module__": module, "__qualname__": qualname}
    return type(qualname.rpartition(".")[2], (StandIn, *dict.fromkeys(least)), space)
