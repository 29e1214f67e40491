"""Where inside a value the part is that can't be stored, or was not rebuilt: looked for only after a failure."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec.msgpack import Ext

from nbflow.codec import codes
from nbflow.codec.unloadable import Unloadable
from nbflow.codec.wire import PLAIN, PLANS, Refusal, plan_for, remedy, to_bytes
from nbflow.errors import UnserializableError

SHOWN: Final = 60  # characters of a dict key in a path
MOST_PARTS: Final = 100_000  # of a loaded value that are looked at
MAX_STEPS: Final = 100  # no path of this length helps anyone, and each step costs
ADVICE: Final[tuple[tuple[Callable[[object], bool], str], ...]] = (
    (lambda value: isinstance(value, type), "store the class's name instead"),
    (lambda value: isinstance(value, types.ModuleType), "store the module's name instead"),
    (lambda value: isinstance(value, types.CoroutineType), "await it first"),
    (lambda value: hasattr(type(value), "__await__"), "await it first, or ask for its result()"),
    (lambda value: isinstance(value, types.GeneratorType | types.AsyncGeneratorType), "return list(...) of it"),
    (lambda value: hasattr(value, "__next__"), "an iterator can be read once only; return list(...) of it"),
    (callable, "store a function's name and its arguments, and look it up where it is needed"),
)


def explain(value: object, error: Exception) -> UnserializableError:
    """Name the part of a value that made ``to_bytes`` fail.

    Args:
        value: what was to be stored.
        error: what ``to_bytes`` raised.
    """
    if isinstance(error, RecursionError):
        return _too_deep(value, error)
    path, above = "", [value]
    while True:
        step = next(_failing(value), None)
        if step is None:
            return UnserializableError(path, type_name(value), _hint(value, error))
        text, value, error = step
        path += text
        if any(value is outer for outer in above):
            return UnserializableError(path, type_name(value), "it contains itself; store ids or copies instead")
        above.append(value)
        if len(above) > MAX_STEPS:
            return UnserializableError(path, type_name(value), _hint(value, error))


def _too_deep(value: object, error: Exception) -> UnserializableError:
    """Name the part of a value that contains itself, or else the value, which is nested too deeply: in one walk."""
    above: dict[int, tuple[object, str]] = {id(value): (value, "")}
    waiting = [(id(value), _parts(value))]
    done: dict[int, object] = {}  # kept, so that no other object gets the same id
    while waiting and len(done) < MOST_PARTS:
        key, parts = waiting[-1]
        step, part = next(parts, (None, None))
        if step is None:
            waiting.pop()
            done[key] = above.pop(key)
            continue
        if id(part) in above:
            path = "".join([text for _, text in above.values()] + [step])
            return UnserializableError(path, type_name(part), "it contains itself; store ids or copies instead")
        if type(part) not in PLAIN and id(part) not in done:
            above[id(part)] = (part, step)
            waiting.append((id(part), _parts(part)))
    return UnserializableError("", type_name(value), _hint(value, error))


def first_lost(value: object, lost: Sequence[Unloadable]) -> tuple[str, Unloadable]:
    """Return which part of a value that was loaded is a stand-in, with the path to it.

    Args:
        value: what was loaded.
        lost: the stand-ins that were made while it was loaded. One that a walk through the value does not come to,
            such as a cell of a table, has an empty path.
    """
    wanted, left = set(map(id, lost)), MOST_PARTS
    level: list[tuple[str, object]] = [("", value)]
    for _ in range(MAX_STEPS):
        for path, part in level:
            if isinstance(part, Unloadable) and id(part) in wanted:
                return path, part
        level = [
            (path + step, inner) for path, part in level for step, inner in _parts(part) if type(inner) not in PLAIN
        ]
        left -= len(level)
        if left < 0 or not level:
            break
    return "", lost[-1]


def _failing(value: object) -> Iterator[tuple[str, object, Exception]]:
    for step, part in _parts(value):
        if type(part) in PLAIN and type(part) is not str:
            continue
        try:
            to_bytes(part)
        except Exception as error:  # a registered encode may raise anything
            yield step, part, error


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if type(value) is list or type(value) is tuple:
        yield from ((f"[{at}]", item) for at, item in enumerate(value))
    elif type(value) is dict:
        yield from _dict_parts(value)
    elif isinstance(value, set | frozenset):
        yield from ((f"{{{_shown(item)}}}", item) for item in value)
    else:
        yield from _packed_parts(value)


def _dict_parts(items: dict[object, object]) -> Iterator[tuple[str, object]]:
    for key, item in items.items():
        yield f"[{_shown(key)}]", item
        yield f" key {_shown(key)}", key


def _packed_parts(value: object) -> Iterator[tuple[str, object]]:
    """Yield the parts of what a plan makes of a value, under the names the user knows."""
    try:
        code, pack = PLANS.get(type(value)) or plan_for(type(value))
        payload = pack(value)
    except Exception:  # then it is this value that fails, not a part of it
        return
    if type(payload) is bytes or type(payload) is Ext:
        return
    if code not in codes.CLASS_CODES or not isinstance(payload, list):
        yield from _container_parts(payload)
        return
    parts = payload[1:]
    if code in {codes.MODEL, codes.GENERIC_MODEL}:
        fields, rest = parts[:2]
        parts = [fields, rest["extra"], rest["private"]]
    for part in parts:
        if code != codes.CUSTOM and isinstance(part, dict):
            yield from ((f".{key}", item) for key, item in part.items())
        else:
            yield "", part


def _container_parts(payload: object) -> Iterator[tuple[str, object]]:
    """Yield the items of a deque, a dict subclass or an array; their payloads end in a container."""
    if isinstance(payload, list) and payload and isinstance(payload[-1], list | dict):
        yield from _parts(payload[-1])
        yield from (("", part) for part in payload[:-1])
    elif isinstance(payload, list | dict):
        yield from _parts(payload)


def _shown(key: object) -> str:
    text = msgspec.json.encode(key).decode() if type(key) is str and key.isprintable() else repr(key)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def type_name(value: object) -> str:
    """Return module and qualified name of a value's type; the name alone for builtins."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _hint(value: object, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply; store a flat list instead"
    if not isinstance(error, Refusal):
        return f"writing it raised {type(error).__name__}: {error}"
    told = getattr(type(value), "why_unstorable", None)  # of a class of ours that knows better
    if told is not None:
        return str(told(value))
    for fits, advice in ADVICE:
        if fits(value):
            return f"{advice}, or call {remedy(type(value))} first"
    return error.hint
