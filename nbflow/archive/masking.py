"""Secrets taken out of records before they are written to a file that is handed on.

By names and patterns, values are masked as they are stored, part by part, so no class of theirs has to be at hand;
by a function, as they are loaded. What can't be looked into and holds a secret is masked as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec.msgpack import Ext

from nbflow import codec
from nbflow.archive.secrets import MASK, Secrets
from nbflow.checkpoint.rows import from_row, to_row
from nbflow.codec.codes import CLASS_CODES, EXCEPTION, MAPPING, NUMPY_ARRAY, PANDAS_FRAME, TEXT
from nbflow.codec.wire import UNPACK, UNPACK_RAW
from nbflow.core.record import CallFailed, CallSettled, CodeKept, Marked, Output, Record, RunFailed, Value
from nbflow.core.value import STORED
from nbflow.errors import CorruptValueError, InvalidOptionError

if TYPE_CHECKING:
    from nbflow.checkpoint.base import Row

Redact = Callable[[Any], object] | str | re.Pattern[str] | Iterable[str | re.Pattern[str]]

TEXTS = frozenset({"missing", "reason", "shown", "problem", "by", "comment", "place", "why"})
"""Fields of records that hold texts which come from the user's values; the tests hold the list to all kinds."""
PARTS = frozenset({"metadata", "schema", "callers", "files"})
"""Fields of records that hold such texts further inside."""
_decode = msgspec.msgpack.Decoder().decode
_encode = msgspec.msgpack.Encoder().encode


class Mask(Protocol):
    """Takes secrets out of rows."""

    def learn(self, row: Row) -> None:
        """Look at a row of what is to be written, before any is masked."""
        ...

    def masked(self, row: Row) -> Row:
        """Return a row without secrets."""
        ...


def mask_of(redact: Redact) -> Mask:
    """Return what a caller asked for.

    Raises:
        InvalidOptionError: if it is neither a function nor names and patterns.
    """
    if callable(redact):
        return ByFunction(redact)
    given = [redact] if isinstance(redact, (str, re.Pattern)) else list(redact) if _is_many(redact) else [None]
    names = [one for one in given if isinstance(one, str) and one]
    patterns = [one for one in given if isinstance(one, re.Pattern) and isinstance(one.pattern, str)]
    if not given or len(names) + len(patterns) < len(given):
        expected = "it is a function, or names of keys such as 'api_key' and '*token*', and patterns of re.compile()"
        raise InvalidOptionError("export_run()", "redact", repr(redact), expected)
    return ByNames(Secrets(names, patterns))


def _is_many(redact: object) -> bool:
    return isinstance(redact, Iterable) and not isinstance(redact, (bytes, Mapping))


def _rewritten(row: Row, value: Callable[[Record], bytes | None], text: Callable[[str], str], part: _Part) -> Row:
    """Return a row with another value and other texts, and without the digest of its arguments."""
    record = from_row(row)
    changes: dict[str, Any] = {}
    for name in record.__struct_fields__:
        found = getattr(record, name)
        if name in TEXTS and isinstance(found, str):  # of an error, its place is a number
            changes[name] = text(found) if found else found
        elif name in PARTS and found:
            changes[name] = part(name, found)
    if isinstance(record, CallSettled):
        changes["inputs"] = b""
    raw = value(record) if row.value is not None else None
    changes["value"] = Value(STORED, raw) if raw is not None else None
    return to_row(msgspec.structs.replace(record, **changes), row.seq)


class _Part(Protocol):
    def __call__(self, name: str, found: Any) -> object:  # noqa: ANN401  # of a field of PARTS
        """Return what stands in a field instead."""
        ...


class ByNames:
    """Masks what stands under names, and what patterns find.

    Args:
        secrets: those names and patterns, and the secrets that they lead to.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def learn(self, row: Row) -> None:
        """Take in which texts stand under the names, to find them elsewhere too."""
        if row.value is not None:
            try:
                self._walked(_decode(row.value), is_secret=False, learns=True)
            except (msgspec.DecodeError, RecursionError):
                return  # it is masked as a whole
        record = from_row(row)
        for name in (*TEXTS, *PARTS):
            if found := getattr(record, name, None):
                self._walked(msgspec.to_builtins(found), is_secret=False, learns=True)

    def masked(self, row: Row) -> Row:
        """Return a row without secrets."""
        return _rewritten(row, lambda record: self._value(row.value or b"", record), self._secrets.text, self._part)

    def _value(self, raw: bytes, record: Record) -> bytes:
        try:
            found = _decode(raw)
            if isinstance(record, CodeKept) and isinstance(found, dict):
                found.pop("module", None)  # statements that ran nothing, of whatever kind
            return _encode(self._walked(found, is_secret=False))
        except (msgspec.DecodeError, RecursionError):
            return codec.dumps(RuntimeError(MASK) if isinstance(record, (CallFailed, RunFailed)) else MASK)

    def _part(self, name: str, found: Any) -> object:  # noqa: ANN401  # of a field of PARTS
        return self._walked(found, is_secret=False) if name == "metadata" else _part_of(name, found, self._secrets.text)

    def _walked(self, found: Any, *, is_secret: bool, learns: bool = False) -> Any:  # noqa: ANN401  # any part of a value
        """Return a part of a stored value without secrets.

        Args:
            found: the part, as MessagePack has it.
            is_secret: whether it stands under one of the names.
            learns: whether it is only looked at.
        """
        if is_secret and not learns:
            return MASK
        if isinstance(found, str):
            if learns:
                self._secrets.learn(found, is_secret=is_secret)
            return found if learns else self._secrets.text(found)
        if isinstance(found, dict):
            return dict(self._pair(key, item, is_secret, learns) for key, item in found.items())
        if isinstance(found, (list, tuple)):
            return [self._walked(item, is_secret=is_secret, learns=learns) for item in found]
        if isinstance(found, Ext):
            return self._extension(found, is_secret, learns)
        if is_secret and type(found) in {int, float}:
            self._secrets.learn(str(found), is_secret=True)
        return MASK.encode() if isinstance(found, bytes) and not learns and self._secrets.in_bytes(found) else found

    def _pair(self, key: Any, item: Any, is_secret: bool, learns: bool) -> tuple[Any, Any]:  # noqa: ANN401, FBT001  # as above
        named = isinstance(key, str) and self._secrets.is_named(key)
        return self._walked(key, is_secret=False, learns=learns), self._walked(
            item, is_secret=is_secret or named, learns=learns
        )

    def _extension(self, found: Ext, is_secret: bool, learns: bool) -> Any:  # noqa: ANN401, FBT001  # as above
        """Return a part whose type MessagePack lacks; ``codes`` says what it is made of."""
        code, data = found.code, bytes(found.data)
        if code == TEXT:
            text = self._walked(data.decode("utf-8", "replace"), is_secret=is_secret, learns=learns)
            return found if text == data.decode("utf-8", "replace") else text
        if code in UNPACK_RAW and code not in UNPACK:
            return found if learns or not self._secrets.in_bytes(data) else MASK
        if code >= NUMPY_ARRAY:
            return self._table(found, learns)
        payload = _decode(data)
        if code == MAPPING:
            couples = zip(payload[::2], payload[1::2], strict=True)
            pairs = [self._pair(key, item, is_secret, learns) for key, item in couples]
            walked: object = [part for pair in pairs for part in pair]
        elif code in CLASS_CODES and isinstance(payload, list) and payload:
            walked = [payload[0], *(self._walked(one, is_secret=is_secret, learns=learns) for one in payload[1:])]
        else:
            walked = self._walked(payload, is_secret=is_secret, learns=learns)
        return found if learns or walked == payload else Ext(code, _encode(walked))

    def _table(self, found: Ext, learns: bool) -> Any:  # noqa: ANN401, FBT001  # as above
        """Return arrays, tables and images; of a DataFrame the columns are masked that have one of the names."""
        data = bytes(found.data)
        named = self._secrets.names_in(data)
        value: Any = codec.loads(_encode(found)) if named else None
        if found.code == PANDAS_FRAME and hasattr(value, "columns"):
            columns = [column for column in value.columns if self._secrets.is_named(str(column))]
            if learns:
                for cell in [cell for column in columns for cell in value[[column]].to_numpy().ravel()]:
                    self._secrets.learn(str(cell), is_secret=True)
                return found
            if columns:
                found = _decode(codec.dumps(value.assign(**dict.fromkeys(columns, MASK))))
            named = False
        if learns:
            return found
        return MASK if named or self._secrets.in_bytes(bytes(found.data)) else found


class ByFunction:
    """Masks by a function of the user's, which is given values and texts and returns what is to be written.

    Args:
        redact: the function.
    """

    def __init__(self, redact: Callable[[Any], object]) -> None:
        self._redact = redact

    def learn(self, row: Row) -> None:
        """Do nothing: the function knows."""

    def masked(self, row: Row) -> Row:
        """Return a row with what the function made of it."""
        return _rewritten(row, self._value, self._text, self._part)

    def _text(self, text: str) -> str:
        return str(self._redact(text))

    def _value(self, record: Record) -> bytes:
        assert record.value is not None, "it is asked for values alone"
        raw = record.value.raw or b""
        if isinstance(record, (CallFailed, RunFailed)):
            return _encode(self._error(_decode(raw)))
        try:
            found: Any = record.value.get()
        except CorruptValueError:
            return codec.dumps(MASK)
        if isinstance(record, Marked):
            return codec.dumps(self._mark(found))
        if isinstance(record, CodeKept) and isinstance(found, dict):
            found.pop("module", None)
            return codec.dumps(_each_text(found, self._text))
        if isinstance(record, Output):
            return codec.dumps([[*said[:-1], self._redact(said[-1])] for said in found])
        return codec.dumps(self._redact(found))

    def _error(self, found: Any) -> Any:  # noqa: ANN401  # any part of a value
        """Return an error as it is stored, with what the function made of each of its texts."""
        if isinstance(found, Ext) and found.code == EXCEPTION:
            name, parts = _decode(found.data)
            return Ext(EXCEPTION, _encode([name, {key: self._fact(key, part) for key, part in parts.items()}]))
        return _decode(codec.dumps(self._redact(codec.loads(_encode(found)))))

    def _fact(self, key: str, part: Any) -> Any:  # noqa: ANN401  # as above
        if key in _OF_CLASS:
            return part
        if key in {"cause", "context"} and part is not None:
            return self._error(part)
        return _each_text(part, self._text)

    def _mark(self, told: Any) -> Any:  # noqa: ANN401  # as ``core/marks`` has it
        """Return a mark of a graph: the values of its keys, and what nodes are given and gave."""
        if not isinstance(told, dict):
            return self._redact(told)
        redact, new = self._redact, dict(told)
        if "set" in told:
            new["set"] = {key: redact(value) for key, value in told["set"].items()}
        if "splice" in told:
            new["splice"] = {key: [*ends, [*map(redact, items)]] for key, (*ends, items) in told["splice"].items()}
        if "units" in told:
            new["units"] = [[*unit[:3], *([*map(redact, some)] for some in unit[3:])] for unit in told["units"]]
        return new

    def _part(self, name: str, found: Any) -> object:  # noqa: ANN401  # of a field of PARTS
        if name == "metadata":
            return {key: self._redact(value) for key, value in found.items()}
        return _part_of(name, found, self._text)


_OF_CLASS = frozenset({"type", "bases", "own", "made", "lost", "suppress"})  # parts of a stored error: what it is


def _part_of(name: str, found: Any, text: Callable[[str], str]) -> object:  # noqa: ANN401  # of a field of PARTS
    """Return a field of PARTS, other than the user's metadata, with other texts."""
    if name == "callers":
        return tuple(msgspec.structs.replace(one, shown=text(one.shown)) for one in found)
    if name == "files":
        return tuple(file._replace(path=text(file.path)) for file in found)
    return _each_text(found, text)  # a schema, whose keys are names of parts, which are no secrets


def _each_text(found: Any, text: Callable[[str], str]) -> Any:  # noqa: ANN401  # any part of a value
    """Return a part of a value with other texts; names of keys and of classes stay."""
    if isinstance(found, str):
        return text(found)
    if isinstance(found, dict):
        return {key: _each_text(item, text) for key, item in found.items()}
    if isinstance(found, (list, tuple)):
        return [_each_text(item, text) for item in found]
    if isinstance(found, Ext) and found.code not in UNPACK_RAW:
        payload = _decode(found.data)
        keep = 1 if found.code in CLASS_CODES and isinstance(payload, list) else 0
        walked = [*payload[:keep], *_each_text(payload[keep:], text)] if keep else _each_text(payload, text)
        return Ext(found.code, _encode(walked))
    return found
