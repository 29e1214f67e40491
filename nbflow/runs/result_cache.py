"""Results that calls may take from a cache: their keys, and who computes which at this moment.

A key covers the function's code and all that it closes over, its partial arguments and the
object it is bound to, and the arguments by meaning: ``f(1)`` and ``f(x=1)`` are the same. What
can't be told apart by content is never cached, and a warning says so.
"""

from __future__ import annotations

import functools
import inspect
import threading
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, cast

from nbflow import codec
from nbflow._support.signature import plain
from nbflow._support.warnings import warn
from nbflow.cache.resting import RestingResult
from nbflow.core.beside import no_body
from nbflow.core.call import Spec
from nbflow.core.files import is_watched, other_versions
from nbflow.core.record import Value
from nbflow.errors import InvalidOptionError, NotCachedWarning, UnserializableError
from nbflow.fingerprint.looks import has_parts, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nbflow.cache.base import BaseCache, FullKey
    from nbflow.core.call import Call
    from nbflow.core.file_read import FileRead
    from nbflow.drivers.future import CallFuture

Flight = tuple[int, "FullKey"]
_lock = threading.Lock()
_computing: dict[Flight, CallFuture] = {}


class Caches:
    """The cache of one run, as its calls use it.

    Attributes:
        cache: where results are; None if the workflow has none.
    """

    def __init__(
        self,
        cache: BaseCache | None,
        surroundings: Callable[[Call], object],
        still_holds: Callable[[Sequence[FileRead]], bool],
    ) -> None:
        """Serve one run.

        Args:
            cache: where results are; None if the workflow has none.
            surroundings: of a body, beside its input: the previous value and the context.
            still_holds: whether files are as they were when a result was made of them.
        """
        self.cache = cache
        self._surroundings = surroundings
        self._still_holds = still_holds
        self._keys: dict[str, FullKey] = {}

    @property
    def quick(self) -> bool:
        """Whether the cache never waits for others."""
        return self.cache is None or bool(getattr(self.cache, "quick", False))

    def find(self, call: Call) -> Value | CallFuture | None:
        """Return a result, or who computes it; None lets the call compute it, until it lands."""
        if self.cache is None:
            _warn(call.spec, "the workflow has no cache; declare it with @entrypoint(cache=InMemoryCache())")
            return None
        key = self._key(call)
        if key is None:
            return None
        flight = (id(self.cache), key)
        mine = cast("CallFuture", call.promise)
        with _lock:
            other = _computing.setdefault(flight, mine)
            if other is not mine and other.call.outcome is None and not _is_above(other.call, call):
                return other
            _computing[flight] = mine
        self._keys[call.path] = key
        try:
            found = self.cache.get([key])
        except Exception as error:  # noqa: BLE001  # a cache that fails is none, and the run goes on
            _warn(call.spec, f"{self.cache!r} failed: {error!r}")
            return None
        if key not in found:
            return None
        value = self._standing(call, found[key])
        if value is not None:
            self.land(mine)
        return value

    def _standing(self, call: Call, kept: object) -> Value | None:
        """Return a result that was kept for a call; None if a file that it rests on is another one now."""
        if not isinstance(kept, RestingResult):
            return Value(kept)
        if kept.files and is_watched(call) and not self._still_holds(kept.files):
            return None
        call.files, call.made_with = kept.files, other_versions(kept.packages, call.spec.packages)
        return Value(kept.result)

    def keep(self, call: Call, result: object) -> None:
        """Put a result in."""
        key, policy = self._keys.get(call.path), call.spec.cache
        if key is None or policy is None or self.cache is None or key != self._key(call):
            return  # an argument was changed in place: the result is not that of the arguments as they are now
        if call.files or call.spec.packages:
            result = RestingResult(result, call.files, dict(call.spec.packages))
        try:
            self.cache.set({key: (result, policy.ttl)})
        except Exception as error:  # noqa: BLE001  # as in find
            unfit = isinstance(error, UnserializableError)
            _warn(call.spec, str(error) if unfit else f"{self.cache!r} failed: {error!r}")

    def land(self, future: CallFuture) -> None:
        """Note that a call has ended, so that who asks next need not wait for it."""
        key = self._keys.pop(future.call.path, None)
        if key is None:
            return
        with _lock:
            if _computing.get((id(self.cache), key)) is future:
                del _computing[id(self.cache), key]

    def _key(self, call: Call) -> FullKey | None:
        spec, policy = call.spec, call.spec.cache
        if policy is None:
            return None
        if not spec.code:
            _warn(spec, "its code can't be read; give it a version")
            return None
        try:
            parts = [_arguments(call), _bound(getattr(spec.fn, "__nbflow_inner__", spec.fn))]  # less its tracing
            if call.caller is None or spec.stateful:
                parts.append(_exact(self._surroundings(call)))
            if policy.key_func is None:
                parts.append(_beside(call))
        except UnserializableError as error:
            _warn(spec, str(error))
            return None
        hasher = blake2b(spec.code, digest_size=16)
        for part in parts:
            hasher.update(len(part).to_bytes(8, "big") + part)
        return namespace_of(spec), hasher.hexdigest()


def namespace_of(spec: Spec) -> tuple[str, ...]:
    """Return what a function's results are kept under: its module and qualified name; of a node its name too."""
    fn = plain(spec.fn)
    home = "nbflow", getattr(fn, "__module__", None) or "", getattr(fn, "__qualname__", spec.name)
    return (*home, spec.name) if spec.kind == "node" else home


def _arguments(call: Call) -> bytes:
    policy = call.spec.cache
    if policy is not None and policy.key_func is not None:
        with no_body(f"key_func of task {call.spec.name!r}"):
            key = policy.key_func(*call.args, **call.kwargs)
        if not isinstance(key, (str, bytes)):
            raise InvalidOptionError("CachePolicy()", "the key of key_func", repr(key), "it is text or bytes")
        return key.encode() if isinstance(key, str) else key
    try:
        bound = inspect.signature(call.spec.fn).bind_partial(*call.args, **call.kwargs)
        bound.apply_defaults()
    except (TypeError, ValueError):  # no signature to read, or arguments that the call itself will refuse
        return _exact((call.args, call.kwargs))
    filled = {parameter.name for parameter in call.spec.inject}
    return _exact({name: value for name, value in bound.arguments.items() if name not in filled})


def _beside(call: Call) -> bytes:
    """Return a digest of what a call depends on beside its arguments, which its function alone knows."""
    beside = getattr(getattr(call.spec.fn, "__nbflow_inner__", call.spec.fn), "beside", None)  # less its tracing
    return b"" if beside is None or call.spec.kind != "node" else _exact(beside(call.context))


def _bound(fn: Callable[..., object]) -> bytes:
    return _exact(_brought(fn, set()))


def _brought(fn: object, seen: set[int]) -> list[object]:
    """Return what a function brings along: partial arguments, the object it is a method of, what it closes over."""
    parts: list[object] = []
    while isinstance(fn, functools.partial):
        parts.append((fn.args, fn.keywords))
        fn = fn.func
    parts.append(getattr(fn, "__self__", None))
    code = plain(fn)
    if id(code) in seen:
        return parts
    seen.add(id(code))
    for inside in (*_closed_over(code), *(part for _, part in parts_of(fn))):
        spec = getattr(inside, "spec", None)
        inner = spec.fn if isinstance(spec, Spec) else inside
        if isinstance(inner, (FunctionType, MethodType, functools.partial)) or has_parts(inner):
            parts.append(_brought(inner, seen))  # its code counts already
        elif not isinstance(inner, (type, BuiltinFunctionType, ModuleType)):
            parts.append(inner)
    return parts


def _closed_over(code: object) -> Iterator[object]:
    """Yield what a function closes over, but for what it rebinds or changes in place: that is its memory."""
    if not isinstance(code, FunctionType):
        return
    from nbflow.fingerprint.names import names_of  # noqa: PLC0415  # only who caches results needs it

    names = names_of(code.__code__)
    state = names.rebound | names.changed
    for name, cell in zip(code.__code__.co_freevars, code.__closure__ or (), strict=True):
        if name not in state:
            try:
                yield cell.cell_contents
            except ValueError:  # a variable that is not bound yet
                continue


def _exact(value: object) -> bytes:
    """Return a digest of a value that can be told from others by its content.

    Raises:
        UnserializableError: if it can't.
    """
    codec.dumps(value)
    return codec.digest(value)


def _is_above(one: Call, other: Call) -> bool:
    """Whether a call asks, through calls of its own, for the other one: then it must not wait for itself."""
    frame = other.caller
    while frame is not None:
        if frame.call is one:
            return True
        frame = frame.call.caller
    return False


def _warn(spec: Spec, why: str) -> None:
    warn(f"{spec.kind} {spec.name!r} was not cached: {why}", NotCachedWarning)
