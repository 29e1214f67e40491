"""A digest of a function's code, to tell whether a stored result still belongs to it.

It covers the normalised source (comments and layout do not count) and, recursively, the functions,
tasks, classes and plain values that the source names, as they are when a run asks for it, through the
user's own modules. What the function rebinds or changes in place is state, and left out.
What stands behind attributes of objects of installed packages is not followed.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from operator import is_
from typing import NamedTuple

from nbflow import codec
from nbflow.core.call import Spec
from nbflow.errors import UnreadCodeWarning
from nbflow.fingerprint.sources import source_of
from nbflow.fingerprint.walk import MISSING, Changes, Trace, Walk, inside, items_of, merged
from nbflow.told import warn

__all__ = ["Editions", "digest_of", "edition_of", "source_of"]

_told: set[tuple[str, str, str]] = set()


class Found(NamedTuple):
    """The digest of a function's code.

    Attributes:
        edition: the function with it.
        trace: what it was found from; None if nothing can change it.
        around: what the code around it was known to change.
        changes: what all of this code changes.
    """

    edition: Spec
    trace: Trace | None
    around: Changes | None
    changes: Changes | None


def digest_of(spec: Spec) -> bytes:
    """Return 16 bytes that change when the code of a function does; empty for callables without code."""
    return edition_of(spec).code


def edition_of(spec: Spec, around: Changes | None = None) -> Spec:
    """Return a function as it is now, with the digest of its code; the same object while nothing changes.

    Args:
        spec: the function.
        around: what the code that calls it changes, which is state for this function too.
    """
    return _found(spec, around).edition


class Editions(dict[Spec, Spec]):
    """The functions of one run, each with the digest that its code had when the run first came to it."""

    def __init__(self, body: Spec, *, kept: bool) -> None:
        """Begin a run of a body; unless its results are ``kept``, only functions with a cache policy need digests."""
        super().__init__()
        self._body = body
        self._kept = kept

    def __missing__(self, spec: Spec) -> Spec:
        if not self._kept and spec.cache is None:
            return self.setdefault(spec, spec)
        around = _found(self._body, None).changes if spec is not self._body else None
        return self.setdefault(spec, edition_of(spec, around))


def _found(spec: Spec, around: Changes | None) -> Found:
    kept: Found | None = spec.kept
    if kept is not None and kept.around == around and _stands(kept.trace):
        return kept
    if spec.version is not None:
        code = blake2b(spec.version.encode(), digest_size=16, person=b"version").digest()
        trace = changes = None
    else:
        code, trace, changes = _walked(spec, around)
    same = kept.edition if kept is not None and kept.edition.code == code else None
    found = spec.kept = Found(same or replace(spec, code=code, kept=None), trace, around, changes)
    return found


def _walked(spec: Spec, around: Changes | None) -> tuple[bytes, Trace, Changes]:
    """Return the digest of a function, found in two walks: one to see what is state, one that leaves it out."""
    first = Walk(around)
    for _ in first.parts(spec.fn, spec.source):
        pass
    walk = Walk(first.found if around is None else merged(around, first.found))
    hasher = blake2b(digest_size=16)
    for part in walk.parts(spec.fn, spec.source):
        hasher.update(part.encode("utf-8", "surrogatepass"))
        hasher.update(b"\0")
    for name, kind in walk.unread.items():
        _tell(spec, name, kind)
    return hasher.digest() if walk.has_code else b"", walk.trace, first.found


def _stands(trace: Trace | None) -> bool:
    """Whether nothing that a digest was found from has changed."""
    if trace is None:
        return True
    for space, name, value in trace.names:
        if space.get(name, MISSING) is not value:
            return False
    for fn, code, defaults in trace.codes:
        if fn.__code__ is not code or fn.__defaults__ is not defaults:
            return False
    for cell, value in trace.cells:
        if inside(cell) is not value:
            return False
    for container, items in trace.items:
        now = items_of(container)
        if len(now) != len(items) or not all(map(is_, now, items)):
            return False
    for value, data in trace.data:
        if codec.digest(value) != data:
            return False
    return True


def _tell(spec: Spec, name: str, kind: str) -> None:
    """Warn, once, of something that a function names and that counts by its type alone."""
    told = (getattr(spec.fn, "__module__", "") or "", spec.name, name)
    if told not in _told:
        _told.add(told)
        warn(
            f"{spec.kind} {spec.name!r} names {name!r}, a {kind} whose content can't be told: results are kept although "
            "it may have changed. Pass it as an argument, or give the task a version.",
            UnreadCodeWarning,
        )
