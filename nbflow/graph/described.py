"""Nodes and branches as a builder notes them: what was given, read once."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nbflow._support.foreign import check_own
from nbflow._support.signature import name_of
from nbflow.constants import START
from nbflow.errors import InvalidGraphError, InvalidOptionError
from nbflow.graph.nodes import action_of
from nbflow.graph.schemas import Schema, hints_of, schema_of, united
from nbflow.values import Command
from nbflow.values.policies import CachePolicy, RetryPolicy, TimeoutPolicy, check_retry_on

if TYPE_CHECKING:
    from datetime import timedelta


class NodeOptions(NamedTuple):
    """How the calls of a node are carried out; None for what was not said."""

    retry: tuple[RetryPolicy, ...] | None = None
    cache: CachePolicy | None = None
    handler: Callable[..., object] | None = None
    timeout: TimeoutPolicy | None = None

    def over(self, defaults: NodeOptions) -> NodeOptions:
        """Return these, with defaults for what was not said."""
        return self._replace(**{name: one for name, one in defaults._asdict().items() if getattr(self, name) is None})


@dataclass(eq=False)
class NodeDescription:
    """A node as it was added.

    Attributes:
        name: of the node.
        action: what runs.
        schema: what it sees of the state.
        is_declared: whether the node said so itself.
        options: how its calls are carried out.
        defer: whether it waits for all that can still lead to it.
        metadata: of the user's.
        destinations: where its Commands may lead, with labels.
    """

    name: str
    action: Any
    schema: Schema
    is_declared: bool
    options: NodeOptions
    defer: bool = False
    metadata: dict[str, Any] | None = None
    destinations: dict[str, str] = field(default_factory=dict)

    @property
    def ends(self) -> dict[str, str] | tuple[str, ...]:
        """Where its Commands may lead."""
        return self.destinations

    @property
    def input_schema(self) -> Any:  # noqa: ANN401  # a type
        """Type of what it sees of the state."""
        return self.schema.type


@dataclass(eq=False)
class BranchDescription:
    """A branch as it was added.

    Attributes:
        source: node that it belongs to, or START.
        name: of the branch.
        path: the function.
        ends: by answer, where it leads; None if answers are names of nodes.
        schema: what the function sees of the state; None for all of it.
    """

    source: str
    name: str
    path: Callable[..., object]
    ends: dict[Hashable, str] | None = None
    schema: Schema | None = None

    @property
    def where(self) -> str:
        """What it is called in errors."""
        return f"branch {self.name!r} of node {self.source!r}"


class Description:
    """A graph as it is described so far.

    Attributes:
        state_schema, input_schema, output_schema, context_schema: types, as given.
        nodes: by name, what was added.
        edges: pairs of names.
        waiting_edges: sources and the node that runs once all of them have finished.
        branches: by source and name.
        defaults: for nodes that were not given an option.
        schemas: by type, what it says of the state.
        compiled: whether it was compiled.
    """

    def __init__(self, state_schema: Any, input_schema: Any, output_schema: Any, context_schema: type | None) -> None:  # noqa: ANN401  # any types
        self.state_schema = state_schema
        self.input_schema = input_schema or state_schema
        self.output_schema = output_schema or state_schema
        self.context_schema = context_schema
        self.nodes: dict[str, NodeDescription] = {}
        self.edges: dict[tuple[str, str], None] = {}
        self.waiting_edges: dict[tuple[tuple[str, ...], str], None] = {}
        self.branches: dict[str, dict[str, BranchDescription]] = {}
        self.defaults = NodeOptions()
        self.schemas: dict[object, Schema] = {}
        self.compiled = False

    def schema(self, given: Any, where: str) -> Schema:  # noqa: ANN401  # any type
        """Return what a type says of the state, and add its keys to the state.

        Raises:
            InvalidGraphError: if it is no type, or gives a key another rule than it has.
        """
        if given not in self.schemas:
            found = schema_of(given, where)
            united([*self.schemas.values(), found])
            self.schemas[given] = found
        return self.schemas[given]


def options_of(
    where: str,
    retry: object,
    cache: object,
    *,
    error_handler: object,
    timeout: float | timedelta | TimeoutPolicy | None,
) -> NodeOptions:
    """Return how calls are carried out, as it was given.

    Raises:
        InvalidOptionError: if something of it is no policy.
        InvalidGraphError: if the error handler can't be called.
    """
    policies = None
    if retry is not None:
        several = retry if isinstance(retry, (list, tuple)) and not hasattr(retry, "_fields") else [retry]
        for policy in several:
            check_own(where, "retry_policy", policy)
            if not isinstance(policy, RetryPolicy):
                raise InvalidOptionError(where, "retry_policy", repr(policy), "it is a RetryPolicy or several")
            check_retry_on(where, policy.retry_on)
        policies = tuple(several)
    check_own(where, "cache_policy", cache)
    if cache is not None and not isinstance(cache, CachePolicy):
        raise InvalidOptionError(where, "cache_policy", repr(cache), "it is a CachePolicy, or None")
    handler = action_of(error_handler, f"the error handler of {where}") if error_handler is not None else None
    return NodeOptions(policies, cache, handler, TimeoutPolicy.coerce(timeout))


def name_of_node(node: Any) -> str:  # noqa: ANN401  # whatever runs
    """Return what a node is named after: a function, a graph, a workflow, a Runnable, an object with a call.

    Raises:
        InvalidGraphError: if that has no name.
    """
    if hasattr(node, "get_name") and hasattr(node, "invoke"):
        return str(node.get_name())
    if isinstance(getattr(node, "name", None), str) and hasattr(node, "invoke"):
        return str(node.name)
    if isinstance(node, functools.partial) and not hasattr(node, "__name__"):
        return name_of(node)
    if not callable(node) or isinstance(node, (dict, type)):
        raise InvalidGraphError(f"{node!r:.60} has no name; add_node(name, {{...}}) gives it one")
    return name_of(node)


def destinations_of(action: object, given: Mapping[str, str] | Sequence[str] | None, name: str) -> dict[str, str]:
    """Return where the Commands of a node may lead: as given, else as its return annotation says."""
    if given is not None:
        if isinstance(given, str):
            raise InvalidGraphError(
                f"destinations of node {name!r} is {given!r}; it is a list of names, or a dict with labels"
            )
        return dict(given) if isinstance(given, Mapping) else {str(one): "" for one in given}
    return {str(one): "" for one in _literals(hints_of(action).get("return"), Command)}


def _literals(annotation: object, inside: object = None) -> list[Hashable]:
    """Return the values of the ``Literal`` types in an annotation; ``inside`` of a generic class, if one is named."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return [] if inside is not None else list(args)
    if inside is not None and origin is inside:
        return [one for arg in args for one in _literals(arg)]
    if inside is not None or origin is not None:
        return [one for arg in args for one in _literals(arg, inside)]
    return []


def branch_of(
    source: str,
    path: Any,  # noqa: ANN401  # a function
    path_map: object,
    *,
    taken: Mapping[str, BranchDescription],
) -> BranchDescription:
    """Return a branch as it was given.

    Raises:
        InvalidGraphError: if it can't be taken.
    """
    fn = action_of(path, f"the branch of node {source!r}" if source != START else "the branch of START")
    own = getattr(path, "__name__", None) or (path.get_name() if hasattr(path, "get_name") else None)
    name = own if isinstance(own, str) and own != "<lambda>" else "condition"
    if own in {None, "<lambda>"}:
        numbers = (f"condition_{number}" for number in range(2, len(taken) + 3))
        name = name if name not in taken else next(one for one in numbers if one not in taken)
    elif name in taken:
        raise InvalidGraphError(f"node {source!r} has a branch {name!r} already; give the function another name")
    if path_map is None:
        found = _literals(hints_of(path).get("return"))
        ends = {one: str(one) for one in found} or None
    elif isinstance(path_map, Mapping):
        ends = {answer: str(end) for answer, end in path_map.items()}
    elif isinstance(path_map, (list, tuple)):
        ends = {one: str(one) for one in path_map}
    else:
        raise InvalidGraphError(
            f"the path_map of branch {name!r} is {path_map!r:.60}; it is a dict of answers, or a list of nodes"
        )
    return BranchDescription(source, name, fn, ends)
