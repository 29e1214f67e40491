"""How the nodes of a graph that is being described lead to each other: edges, joins and branches."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Self

from nbflow._support.warnings import warn
from nbflow.constants import END, START
from nbflow.errors import InvalidGraphError
from nbflow.errors.usage import nearest
from nbflow.graph.described import Description, branch_of
from nbflow.graph.schemas import first_parameter, has_fields


class Edges(Description):
    """A graph that is being described, as far as its edges go."""

    def add_edge(self, start_key: str | Iterable[str], end_key: str) -> Self:
        """Add an edge: when ``start_key`` has finished, ``end_key`` runs; of several, when all of them have.

        Args:
            start_key: a node, START, or a list of nodes.
            end_key: a node, or END.

        Raises:
            InvalidGraphError: for an edge from END or to START, or from nodes that were not added.
        """
        self.note_change()
        end = text_of(end_key)
        if end == START:
            raise InvalidGraphError("START can't be the end of an edge")
        if isinstance(start_key, str):
            start = text_of(start_key)
            if start == END:
                raise InvalidGraphError("END can't be the start of an edge")
            self.edges[start, end] = None
            return self
        if not isinstance(start_key, Iterable):
            raise InvalidGraphError(
                f"{start_key!r} is no name of a node, and no list of names; edges lead from name to name"
            )
        sources = tuple(text_of(one) for one in start_key)
        if not sources:
            raise InvalidGraphError(f"the edge to {end!r} comes from no node; name one at least")
        for one in sources:
            if one not in self.nodes:
                hint = nearest(one, self.nodes)
                raise InvalidGraphError(
                    f"the edge from {list(sources)} to {end!r} needs a node {one!r}; add it first{hint}"
                )
        self.waiting_edges[tuple(dict.fromkeys(sources)), end] = None
        return self

    def add_conditional_edges(
        self,
        source: str,
        path: Callable[..., object] | Any,  # noqa: ANN401  # or a Runnable
        path_map: Mapping[Hashable, str] | Sequence[str] | None = None,
    ) -> Self:
        """Add a branch: after ``source``, the graph goes where ``path(state)`` says.

        Args:
            source: a node, or START.
            path: returns the name of a node, END, a ``Send``, or several in a list; sync or async.
            path_map: by answer, the node that it leads to; a list names the nodes that answers may name. By default
                read from ``path``'s return annotation ``Literal["a", "b"]``; without one, any node.

        Raises:
            InvalidGraphError: if ``path_map`` is neither a dict nor a list, or ``source`` has a branch of that name.
        """
        self.note_change()
        start = text_of(source)
        if start == END:
            raise InvalidGraphError("END can't be the start of a branch")
        there = self.branches.setdefault(start, {})
        branch = branch_of(start, path, path_map, taken=there)
        schema = first_parameter(path)
        if has_fields(schema):
            branch.schema = self.schema(schema, f"the parameter of {branch.where}")
        there[branch.name] = branch
        return self

    def note_change(self) -> None:
        """Warn if the graph was compiled: what was does not change with it."""
        if self.compiled:
            warn(
                "a graph was changed after compile(): what was compiled does not change; compile it again", UserWarning
            )


def text_of(key: object) -> str:
    """Return the name of a node, which a str Enum may give."""
    if not isinstance(key, str):
        raise InvalidGraphError(f"{key!r:.60} is no name of a node; edges lead from name to name")
    return str(key.value) if isinstance(key, Enum) else str.__str__(key)
