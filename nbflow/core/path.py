"""Positions of calls as text: ``"0"`` is the body of the run, ``"0.2"`` its third call, ``"0.b1.0"`` of a branch."""

from __future__ import annotations


def caller_of(path: str) -> str:
    """Return the position of the call whose body made the call at ``path``; empty for the body of the run."""
    prefix = path.rpartition(".")[0]
    while prefix.rpartition(".")[2][:1] == "b":
        prefix = prefix.rpartition(".")[0]
    return prefix
