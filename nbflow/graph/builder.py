"""``StateGraph``: describe a graph node by node and edge by edge, then compile it into a workflow."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from nbflow.constants import END, START
from nbflow.errors import InvalidGraphError, UnknownOptionError
from nbflow.graph.checks import validate
from nbflow.graph.compiled import CompiledStateGraph
from nbflow.graph.compiling import blueprint
from nbflow.graph.described import (
    NodeDescription,
    destinations_of,
    name_of_node,
    options_of,
)
from nbflow.graph.edges import Edges, text_of
from nbflow.graph.nodes import action_of
from nbflow.graph.schemas import first_parameter, has_fields
from nbflow.workflow.checkpointer import check_checkpointer

if TYPE_CHECKING:
    from datetime import timedelta

    from nbflow.cache.base import BaseCache
    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.store.base import BaseStore
    from nbflow.values.policies import CachePolicy, RetryPolicy, TimeoutPolicy

StateT = TypeVar("StateT")
RESERVED = (":", "|")


class StateGraph(Edges, Generic[StateT]):
    """A graph of nodes over one state, described step by step and then compiled.

    A node gets the state and returns an update of it. All nodes that edges lead to run at the same time, on the state
    as it was; when all have finished, their updates are brought together and the next nodes run.

    Args:
        state_schema: type of the state: a TypedDict, dataclass, pydantic model or class with annotations, whose
            fields are its keys; or another type, whose values are the whole state. ``Annotated[T, reducer]`` says how
            a key takes several updates.
        context_schema: type of what callers pass as ``context``.
        input_schema: type of the input; that of the state by default.
        output_schema: type of the result; that of the state by default.
        **deprecated: ``input``, ``output`` and ``config_schema`` are accepted, with a warning.
    """

    def __init__(
        self,
        state_schema: type[StateT],
        context_schema: type | None = None,
        *,
        input_schema: type | None = None,
        output_schema: type | None = None,
        **deprecated: Any,  # noqa: ANN401  # older spellings
    ) -> None:
        input_schema = _older(deprecated, "input", "input_schema", input_schema)
        output_schema = _older(deprecated, "output", "output_schema", output_schema)
        context_schema = _older(deprecated, "config_schema", "context_schema", context_schema)
        if deprecated:
            known = ("state_schema", "context_schema", "input_schema", "output_schema")
            raise UnknownOptionError("StateGraph()", next(iter(deprecated)), known)
        super().__init__(state_schema, input_schema, output_schema, context_schema)
        for given, where in (
            (state_schema, "state_schema"),
            (self.input_schema, "input_schema"),
            (self.output_schema, "output_schema"),
        ):
            found = self.schema(given, where)
            if found.managed and given is not state_schema:
                name = next(iter(found.managed))
                raise InvalidGraphError(
                    f"{where} has {name!r}, which the runtime computes: it is no input and no result"
                )

    def __repr__(self) -> str:
        return f"<graph of {len(self.nodes)} nodes over {getattr(self.state_schema, '__name__', self.state_schema)}>"

    def add_node(  # noqa: PLR0913  # LangGraph's signature
        self,
        node: str | Callable[..., object] | Any,  # noqa: ANN401  # a function, graph, workflow or Runnable
        action: Any = None,  # noqa: ANN401  # as above
        *,
        defer: bool = False,
        metadata: dict[str, Any] | None = None,
        input_schema: type | None = None,
        retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
        cache_policy: CachePolicy | None = None,
        error_handler: Callable[..., object] | None = None,
        destinations: Mapping[str, str] | Sequence[str] | None = None,
        timeout: float | timedelta | TimeoutPolicy | None = None,
        **deprecated: Any,  # noqa: ANN401  # older spellings
    ) -> Self:
        """Add a node, and return the graph.

        Args:
            node: its name, or what runs, named as that is.
            action: what runs: a function of the state, sync or async, a compiled graph, a workflow, or a Runnable.
            defer: whether it waits for all nodes that can still lead to it.
            metadata: goes into the node's config and drawings.
            input_schema: type of what it sees of the state; by default the annotation of its first parameter, if that
                is a class with fields, else all of it.
            retry_policy: when it is tried again.
            cache_policy: when a result may be taken from an earlier run; needs ``compile(cache=...)``.
            error_handler: runs in its place when it has failed: ``handler(state, error: NodeError)``. The graph then
                goes where the handler's Command leads, and without one along the node's edges.
            destinations: nodes that its Commands lead to, with labels in a dict; by default read from its return
                annotation ``Command[Literal["a", "b"]]``.
            timeout: seconds that one attempt may take, or a ``TimeoutPolicy``.
            **deprecated: ``retry`` and ``input`` are accepted, with a warning.

        Raises:
            InvalidGraphError: if the name is taken or reserved, or nothing that can run is given.
        """
        retry_policy = _older(deprecated, "retry", "retry_policy", retry_policy)
        input_schema = _older(deprecated, "input", "input_schema", input_schema)
        deprecated.pop("trace_policy", None)
        if deprecated:
            known = (
                "defer", "metadata", "input_schema", "retry_policy", "cache_policy", "error_handler", "destinations",
                "timeout",
            )  # fmt: skip
            raise UnknownOptionError("add_node()", next(iter(deprecated)), known)
        name, given = self._named(node, action)
        self.note_change()
        options = options_of(f"node {name!r}", retry_policy, cache_policy, error_handler=error_handler, timeout=timeout)
        declared = input_schema or first_parameter(given)
        is_declared = input_schema is not None or has_fields(declared)
        is_graph = isinstance(given, CompiledStateGraph)
        self.nodes[name] = NodeDescription(
            name,
            given if is_graph else action_of(given, f"node {name!r}"),
            self.schema(
                declared if is_declared and not is_graph else self.state_schema, f"input_schema of node {name!r}"
            ),
            is_declared=is_declared and not is_graph,
            options=options,
            defer=defer,
            metadata=metadata,
            destinations=destinations_of(given, destinations, name),
        )
        return self

    def _named(self, node: Any, action: Any) -> tuple[str, Any]:  # noqa: ANN401  # as for add_node
        if isinstance(node, str):
            name = node.value if isinstance(node, Enum) else str.__str__(node)
            if action is None:
                raise InvalidGraphError(f"node {name!r} has nothing to run; add_node(name, function)")
        else:
            if action is not None:
                raise InvalidGraphError(f"add_node() takes a name and then what runs, not {node!r:.60} first")
            name, action = name_of_node(node), node
        if name in self.nodes:
            raise InvalidGraphError(f"there is a node {name!r} already; give this one a name: add_node(name, function)")
        if name in {START, END}:
            raise InvalidGraphError(f"the name {name!r} is reserved; give the node another one")
        if not name:
            raise InvalidGraphError("the name '' is empty; give the node another one")
        found = next((one for one in RESERVED if one in name), None)
        if found is not None:
            raise InvalidGraphError(f"the name {name!r} is reserved for its {found!r}; give the node another one")
        return name, action

    def add_sequence(self, nodes: Iterable[Any]) -> Self:
        """Add nodes, each a function or ``(name, function)``, with an edge from each to the next."""
        given = list(nodes)
        if not given:
            raise InvalidGraphError("add_sequence() was given no nodes")
        before: str | None = None
        for one in given:
            name, action = one if isinstance(one, tuple) else (name_of_node(one), one)
            if name in self.nodes:
                raise InvalidGraphError(f"there is a node {name!r} already; give this one a name: (name, function)")
            self.add_node(name, action)
            if before is not None:
                self.add_edge(before, name)
            before = name
        return self

    def set_entry_point(self, key: str) -> Self:
        """Add an edge from START."""
        return self.add_edge(START, key)

    def set_conditional_entry_point(
        self, path: Callable[..., object], path_map: Mapping[Hashable, str] | Sequence[str] | None = None
    ) -> Self:
        """Add a branch at START."""
        return self.add_conditional_edges(START, path, path_map)

    def set_finish_point(self, key: str) -> Self:
        """Add an edge to END."""
        return self.add_edge(key, END)

    def set_node_defaults(
        self,
        *,
        retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
        cache_policy: CachePolicy | None = None,
        error_handler: Callable[..., object] | None = None,
        timeout: float | timedelta | TimeoutPolicy | None = None,
    ) -> Self:
        """Set what holds for nodes that were not given one of their own; graphs as nodes keep theirs inside."""
        self.note_change()
        self.defaults = options_of(
            "set_node_defaults()", retry_policy, cache_policy, error_handler=error_handler, timeout=timeout
        )
        return self

    def validate(self, interrupt: Sequence[str] | None = None) -> Self:
        """Check that the graph can be compiled; ``interrupt`` names nodes that it would stop at.

        Raises:
            InvalidGraphError: if not.
        """
        validate(self, interrupt or ())
        return self

    def compile(
        self,
        checkpointer: BaseCheckpointSaver | bool | None = None,  # noqa: FBT001  # LangGraph's signature
        *,
        cache: BaseCache | None = None,
        store: BaseStore | None = None,
        interrupt_before: Sequence[str] | str | None = None,
        interrupt_after: Sequence[str] | str | None = None,
        debug: bool = False,
        name: str | None = None,
    ) -> CompiledStateGraph:
        """Return the graph as a workflow.

        Args:
            checkpointer: keeps runs, so that they can pause and go on; None keeps nothing. A graph inside another run
                is kept by that one; ``True`` has it go on there with the state of its last run, False begins anew.
            cache: where results of nodes with a cache policy are taken from and put.
            store: long-term memory for the nodes.
            interrupt_before: nodes that runs stop before; ``"*"`` for all.
            interrupt_after: nodes that runs stop after; ``"*"`` for all.
            debug: whether to print the updates and values of every run.
            name: of the workflow; ``"graph"`` by default.

        Raises:
            InvalidGraphError: if something leads to a node that is not there, or nothing leaves START.
        """
        check_checkpointer(checkpointer, "compile()")
        stops = [_stops(interrupt_before, "interrupt_before"), _stops(interrupt_after, "interrupt_after")]
        self.validate([one for given in stops if given != "*" for one in given])
        self.compiled = True
        before, after = (frozenset(self.nodes) if given == "*" else frozenset(given) for given in stops)
        graph = blueprint(self, before, after, name=name or "graph")
        return CompiledStateGraph(
            self,
            graph,
            checkpointer=checkpointer,
            store=store,
            cache=cache,
            context_schema=self.context_schema,
            debug=debug,
        )


def _older(given: dict[str, Any], old: str, new: str, value: Any) -> Any:  # noqa: ANN401  # any option
    """Return an option, taken from its older spelling if that is given alone."""
    if old not in given:
        return value
    found = given.pop(old)
    warnings.warn(f"{old}= is called {new}= now", DeprecationWarning, stacklevel=3)
    return value if value is not None else found


def _stops(given: Sequence[str] | str | None, name: str) -> Sequence[str]:
    if given is None:
        return ()
    if isinstance(given, str) and given != "*":
        raise InvalidGraphError(f"{name} is {given!r}; it is a list of names of nodes, or '*'")
    return given if given == "*" else [text_of(one) for one in given]
