"""The functions of a run with the digests of their code: found when a run first comes to one, kept while they stand."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from operator import is_
from typing import TYPE_CHECKING, NamedTuple

from nbflow._support.warnings import warn
from nbflow.core.call import Spec
from nbflow.errors import UnreadCodeWarning
from nbflow.fingerprint.content import cells_run, digest_of_data, part_of, settle
from nbflow.fingerprint.looks import MISSING, inside, items_of
from nbflow.fingerprint.packages import versions_of
from nbflow.fingerprint.sources import MOST, file_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.fingerprint.trace import Changes, Trace

_told: set[tuple[str, str, str]] = set()
_LABEL = 120  # characters of what stands for a part without a name


class Found:
    """The digest of a function's code.

    Attributes:
        edition: the function with it.
        trace: what it was found from; None if nothing can change it.
        around: what the code around it was known to change.
        changes: what all of this code changes.
    """

    __slots__ = ("around", "changes", "edition", "trace")

    def __init__(self, edition: Spec, trace: Trace | None, around: Changes | None, changes: Changes | None) -> None:
        self.edition = edition
        self.trace = trace
        self.around = around
        self.changes = changes


def digest_of(spec: Spec) -> bytes:
    """Return 16 bytes that change when the code of a function does; empty for callables without code."""
    return _found(spec).edition.code


class Editions(dict[Spec, Spec]):
    """The functions of one run, each with the digest that its code had when the run first came to it."""

    def __init__(self, body: Spec, *, kept: bool) -> None:
        """Begin a run of a body; unless its results are ``kept``, only functions with a cache policy need digests."""
        super().__init__()
        self._body = body
        self._kept = kept
        self._cells = cells_run() if kept else 0

    def settle(self, _outcome: object = None) -> None:
        """Take what the run has changed in place for its state; not if other cells ran meanwhile, which may edit."""
        changeable: list[Trace] = []
        for spec in self:  # a plain loop: this is what each run pays
            trace = spec.kept.trace if spec.kept is not None else None
            if trace is not None and (trace.data or trace.parts):
                changeable.append(trace)
        if changeable and cells_run() == self._cells:
            settle(changeable)

    def __missing__(self, spec: Spec) -> Spec:
        if not self._kept and spec.cache is None:
            return self.setdefault(spec, spec)
        around = _found(self._body).changes if spec is not self._body else None
        return self.setdefault(spec, _found(spec, around).edition)


def _found(spec: Spec, around: Changes | None = None) -> Found:
    kept: Found | None = spec.kept
    if kept is not None and kept.around == around and _stands(kept.trace):
        return kept
    if spec.version is not None:
        code = blake2b(spec.version.encode(), digest_size=16, person=b"version").digest()
        trace = changes = None
        parts, packages = {"version": spec.version}, dict[str, str]()
    else:
        code, trace, changes, parts, packages = _walked(spec, around)
    same = kept.edition if kept is not None and kept.edition.code == code else None
    edition = same or replace(spec, code=code, parts=parts, packages=packages, kept=None)
    found = spec.kept = Found(edition, trace, around, changes)
    return found


class _Walked(NamedTuple):
    """What a walk over a function has found; the fields as of ``Found`` and ``Spec``."""

    code: bytes
    trace: Trace
    changes: Changes
    parts: dict[str, str]
    packages: dict[str, str]


def _walked(spec: Spec, around: Changes | None) -> _Walked:
    """Return the digest of a function, found in two walks: one to see what is state, one that leaves it out."""
    from nbflow.fingerprint.trace import merged  # noqa: PLC0415  # only who keeps results needs digests
    from nbflow.fingerprint.walk import Walk  # noqa: PLC0415  # as above

    first = Walk(around)
    for _ in first.parts(spec):
        pass
    walk = Walk(first.found if around is None else merged(around, first.found))
    hasher = blake2b(digest_size=16)
    seen = [*walk.parts(spec)]
    for part in seen:
        hasher.update(part.encode("utf-8", "surrogatepass"))
        hasher.update(b"\0")
    for unread in walk.unread - _told:
        _told.add(unread)
        owner, name, kind = unread
        warn(
            f"{owner} names {name!r}, a {kind} whose content can't be told: a change of it is not noticed. Pass it as "
            "an argument, or give the task a version.",
            UnreadCodeWarning,
        )
    code = hasher.digest() if walk.has_code else b""
    return _Walked(code, walk.trace, first.found, _by_name(seen), versions_of(walk.used))


def _by_name(parts: Sequence[str]) -> dict[str, str]:
    """Return the parts of a walk by what they stand for: a source by its function, a digest by its value."""
    found: dict[str, str] = {}
    name = ""
    for part in parts:
        if part.endswith(":") and "\n" not in part:
            name = part[:-1]
            continue
        label, _, rest = part.partition("=")
        if name not in found:
            found[name] = part[:MOST]
        elif label.isprintable() and " " not in label and rest:
            found[label] = rest[:MOST]
        else:
            found[part[:_LABEL]] = ""
        name = ""
    return found


def _stands(trace: Trace | None) -> bool:
    """Whether nothing that a digest was found from has changed."""
    if trace is None:
        return True
    for space, name, value in trace.names:  # plain loops: this is what every run without changes pays
        if space.get(name, MISSING) is not value:
            return False
    for fn, code, defaults in trace.codes:
        if fn.__code__ is not code or fn.__defaults__ is not defaults:
            return False
    return not (trace.parts or trace.cells or trace.items or trace.data or trace.files) or _stands_inside(trace)


def _stands_inside(trace: Trace) -> bool:
    """Whether nothing has changed in objects, closures, containers, data and files."""
    return (
        all(part_of(space, name) is value for space, name, value in trace.parts)
        and all(inside(cell) is value for cell, value in trace.cells)
        and all(_holds(container, items) for container, items in trace.items)
        and all(digest_of_data(value) == data for value, data in trace.data)
        and all(file_text(path) == text for path, text in trace.files)
    )


def _holds(container: object, items: list[object]) -> bool:
    now = items_of(container)
    return len(now) == len(items) and all(map(is_, now, items))
