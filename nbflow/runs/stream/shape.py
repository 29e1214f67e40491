"""How a caller wants chunks: which modes, in what form, and which of them printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from nbflow.constants import INTERRUPT
from nbflow.errors import InvalidOptionError
from nbflow.views.stream import MODES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbflow.views.stream import Chunk

VERSIONS = ("v1", "v2")


class Typed(Protocol):
    """Gives values the type that their workflow declares for them."""

    def __call__(self, values: object, ns: Sequence[str] = (), *, is_output: bool = False) -> object:
        """Return values as ``Definition.typed`` does."""
        ...


class Shape(NamedTuple):
    """What a stream's reader gets.

    Attributes:
        modes: what it yields.
        printed: what it prints.
        paired: whether chunks say their mode.
        subgraphs: whether chunks of nested runs come too, and chunks say their run.
        version: ``"v1"``: payloads, in a tuple with what else a chunk says; ``"v2"``: dicts.
        typed: gives the values of a ``"v2"`` reader, of a nested run that is named, their type; None leaves them.
    """

    modes: frozenset[str]
    printed: frozenset[str]
    paired: bool
    subgraphs: bool
    version: str
    typed: Typed | None = None

    @property
    def wanted(self) -> frozenset[str]:
        """All modes that somebody sees."""
        return self.modes | self.printed

    def give(self, chunk: Chunk) -> Iterator[object]:
        """Print a chunk if that is wanted, and yield it in its form if that is."""
        self.show(chunk)
        if chunk.mode in self.modes:
            yield self._part(chunk) if self.version == "v2" else self._payload(chunk)

    def show(self, chunk: Chunk) -> None:
        """Print a chunk, if that is wanted."""
        if chunk.mode in self.printed:
            print(f"[{chunk.mode}] {chunk.payload}")  # noqa: T201  # what print_mode is for

    def _payload(self, chunk: Chunk) -> object:
        parts = (*([chunk.ns] if self.subgraphs else []), *([chunk.mode] if self.paired else []), chunk.payload)
        return parts if len(parts) > 1 else chunk.payload

    def _part(self, chunk: Chunk) -> dict[str, object]:
        part: dict[str, object] = {"type": chunk.mode, "ns": chunk.ns, "data": chunk.payload}
        if chunk.mode == "values":
            data = chunk.payload
            part["interrupts"] = ()
            if isinstance(data, dict) and INTERRUPT in data:
                part["interrupts"] = data[INTERRUPT]
                part["data"] = {name: value for name, value in data.items() if name != INTERRUPT}
            if self.typed is not None:
                part["data"] = self.typed(part["data"], chunk.ns)
        return part


def shape_of(
    where: str,
    stream_mode: str | Sequence[str],
    print_mode: str | Sequence[str] = (),
    *,
    subgraphs: bool = False,
    debug: bool | None = None,
    version: str = "v1",
    typed: Typed | None = None,
) -> Shape:
    """Return the form that a caller asked for, in the words of ``stream``.

    Raises:
        InvalidOptionError: for modes and versions that do not exist.
    """
    if version not in VERSIONS:
        raise InvalidOptionError(where, "version", repr(version), "it is 'v1' or 'v2'")
    printed: frozenset[str] = _modes(where, "print_mode", print_mode) if print_mode != () else frozenset()
    return Shape(
        modes=_modes(where, "stream_mode", stream_mode),
        printed=printed | {"updates", "values"} if debug else printed,
        paired=not isinstance(stream_mode, str),
        subgraphs=subgraphs,
        version=version,
        typed=typed,
    )


def _modes(where: str, name: str, given: object) -> frozenset[str]:
    """Return the modes that were named, by one string or by several in any collection."""
    if not isinstance(given, (str, list, tuple, set, frozenset)):
        raise InvalidOptionError(where, name, repr(given), _EXPECTED)
    modes = (given,) if isinstance(given, str) else tuple(given)
    for one in modes:
        if one not in MODES:
            raise InvalidOptionError(where, name, repr(one), _EXPECTED)
    return frozenset(modes)


_EXPECTED = f"it is one or several of {', '.join(MODES)}"
