"""Positions of calls as text: ``"0"`` is the body of the run, ``"0.2"`` its third call, ``"0.b1.0"`` of a branch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def outside(path: str) -> str:
    """Return what a position stands in, a call or a branch of one; empty for the body of the run."""
    return path.rpartition(".")[0]


def item_of(path: str, index: int) -> str:
    """Return the position of the call for an item of the map at ``path``: each stands in a branch of its own."""
    return f"{path}.b{index}.0"


def frames_of(paths: Iterable[str]) -> list[str]:
    """Return what each of many positions stands in, as ``outside`` does."""
    return [path.rpartition(".")[0] for path in paths]


def caller_of(path: str) -> str:
    """Return the position of the call whose body made the call at ``path``; empty for the body of the run."""
    prefix = outside(path)
    while prefix.rpartition(".")[2][:1] == "b":
        prefix = outside(prefix)
    return prefix


def around(path: str) -> Iterator[str]:
    """Yield a position and those around it, innermost first."""
    while path:
        yield path
        path = outside(path)


def is_below(path: str, other: str) -> bool:
    """Whether a position is inside another one."""
    return path.startswith(f"{other}.")


def comes_from(path: str, first: str) -> bool:
    """Whether a position is ``first``, after it in its branch, or inside one that is."""
    prefix = outside(first)
    if not is_below(path, prefix):
        return False
    step = path[len(prefix) + 1 :].partition(".")[0]
    return step.isdigit() and int(step) >= int(first.rpartition(".")[2])


def comes_before(path: str, last: str) -> bool:
    """Whether a position is ``last``, before it in its branch, or inside one that is."""
    prefix = outside(last)
    if not is_below(path, prefix):
        return False
    step = path[len(prefix) + 1 :].partition(".")[0]
    return step.isdigit() and int(step) <= int(last.rpartition(".")[2])


def order_of(path: str) -> tuple[tuple[bool, int], ...]:
    """Return what sorts positions as a reader expects: ``0.2`` before ``0.10``, calls before branches."""
    return tuple((not part.isdigit(), int(part.lstrip("b"))) for part in path.split("."))
