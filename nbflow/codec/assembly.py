"""Puts the codec together, and is its front: values to bytes, bytes to values."""

from __future__ import annotations

from nbflow.codec import classes, codes, wire
from nbflow.codec.diagnostics import explain, first_lost
from nbflow.codec.types import FAMILIES, standard
from nbflow.codec.unloadable import NotWholeError, Unloadable, met
from nbflow.codec.wire import PLAIN, Refusal, decode, encode, from_bytes, to_bytes

QUIET = (Refusal, RecursionError)  # the error that explains them says it all

wire.FINDERS += [classes.find_custom, *(family.find for family in FAMILIES)]
wire.UNPACK_RAW.update(standard.UNPACK_RAW)
for family in FAMILIES:
    wire.UNPACK.update(family.UNPACK)
wire.UNPACK[codes.CUSTOM] = classes.unpack_custom


def dumps(value: object) -> bytes:
    """Encode a value so that ``loads`` gives back an equal one of the same types.

    A value that is held in two places comes back as two.

    Args:
        value: anything that is or contains builtin and standard types, dataclass-like objects,
            enum members, exceptions, numpy, pandas and pyarrow data and registered types.

    Raises:
        UnserializableError: if a part of it can't be stored; says which part and what to do.
    """
    if type(value) in PLAIN:
        try:
            return encode(value)
        except (OverflowError, UnicodeEncodeError):
            pass
    try:
        return to_bytes(value)
    except Exception as error:
        raise explain(value, error) from None if isinstance(error, QUIET) else error


def is_storable(value: object) -> bool:
    """Whether ``dumps`` can encode a value; no reason is looked for.

    Raises:
        RecursionError: if it contains itself, or is nested too deeply.
    """
    try:
        to_bytes(value)
    except RecursionError:
        raise
    except Exception:  # a registered encode may raise anything
        return False
    return True


def loads(data: bytes) -> object:
    """Decode a value that ``dumps`` encoded.

    Imports no module that the data names, and makes instances only of dataclass-like classes,
    enums, exceptions and subclasses of builtins that are already imported, and of registered
    types. Anything else becomes an ``Unloadable`` in its place.

    Instances are filled without their constructors and hooks. Of the classes' own code this much runs:
    ``__hash__`` and ``__eq__`` of members of sets and keys of dicts, the ``default_factory`` of a field
    that a class has gained since, the constructor of a msgspec struct (which has no ``__post_init__``,
    unless it is registered), and the ``decode`` of a registered type.

    No more memory is taken than what the bytes are worth: sizes that they name are compared with them first.

    Args:
        data: what ``dumps`` returned, here or in another process.

    Raises:
        CorruptValueError: if the bytes are damaged.
    """
    return from_bytes(data)


def loads_whole(data: bytes) -> object:
    """Decode a value, all of it or nothing: for who must not meet a stand-in.

    Args:
        data: what ``dumps`` returned, here or in another process.

    Raises:
        CorruptValueError: if the bytes are damaged.
        NotWholeError: if a part of the value would be an ``Unloadable``; names the first one, where it is and why.
    """
    lost: list[Unloadable] = []
    before = met.set(lost)
    try:
        value = decode(data)
    except Exception:  # of bytes that are damaged, mostly
        value = from_bytes(data)  # which says what is wrong
    finally:
        met.reset(before)
    if lost:
        path, part = first_lost(value, lost)
        where = f", at {path}" if path else ""
        raise NotWholeError(f"a {part.type_name} can't be rebuilt here{where}: {part.reason}", value)
    return value
