"""From a description to what runs: the functions of nodes with their branches, and the options of their calls."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import TYPE_CHECKING

from nbflow import fingerprint
from nbflow._support.signature import injected, is_async
from nbflow.constants import HANDLER
from nbflow.core.call import Spec
from nbflow.graph.blueprint import Blueprint, Branch, Node
from nbflow.graph.body import GraphRunner
from nbflow.graph.compiled import CompiledStateGraph
from nbflow.graph.nodes import HandlerRunner, OnLoop, Runner, needs_loop
from nbflow.graph.results import Reader
from nbflow.graph.returned import may_route
from nbflow.graph.schemas import Schema, united

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.call import Injected
    from nbflow.graph.described import Description, NodeDescription, NodeOptions


def blueprint(described: Description, before: frozenset[str], after: frozenset[str], *, name: str) -> Blueprint:
    """Return what a described graph is made of.

    Args:
        described: the graph, checked.
        before: nodes that runs stop before.
        after: nodes that runs stop after.
        name: of the graph.
    """
    keys = united(described.schemas.values())
    state = described.schemas[described.state_schema]
    branches = {
        source: tuple(
            Branch(source, one.name, one.path, one.ends, one.schema, _injected(one.path)) for one in found.values()
        )
        for source, found in described.branches.items()
    }
    runners: list[Runner] = []
    nodes = {
        one.name: _node(one, one.options.over(described.defaults), branches.get(one.name, ()), state, runners)
        for one in described.nodes.values()
    }
    edges: dict[str, list[str]] = {}
    for start, end in described.edges:
        edges.setdefault(start, []).append(end)
    made = Blueprint(
        name=name,
        schema=Schema(state.type, {**state.keys}, {**state.managed}),
        input_schema=described.schemas[described.input_schema],
        output_schema=described.schemas[described.output_schema],
        keys=keys,
        nodes=nodes,
        edges=edges,
        joins=tuple(described.waiting_edges),
        branches=branches,
        before=before,
        after=after,
        reader=Reader(state, keys, described.nodes),
    )
    for runner in runners:
        runner.graph = made
    return made


def _node(
    described: NodeDescription, options: NodeOptions, branches: tuple[Branch, ...], state: Schema, runners: list[Runner]
) -> Node:
    """Return a node; what its calls run is added to ``runners``."""
    name, action = described.name, described.action
    inner = action if isinstance(action, CompiledStateGraph) else None
    schema = described.schema
    runner: Runner
    if inner is not None:
        on_loop = inner.spec.is_async or any(is_async(branch.path) for branch in branches)
        runner = GraphRunner(name, inner.blueprint, branches, is_async=inner.spec.is_async)
        schema = _shared(state, inner.blueprint.input_schema)
    else:
        on_loop = needs_loop(action, branches)
        runner = Runner(name, action, branches)
    runners.append(runner)
    spec = _spec(runner, options, on_loop=on_loop, action=action)
    spec.stateful = inner is not None and inner.checkpointer is True
    handler = None
    if options.handler is not None:
        handling = HandlerRunner(name, options.handler)
        runners.append(handling)
        plain = options._replace(cache=None, handler=None)
        handler = _spec(handling, plain, on_loop=is_async(options.handler), action=options.handler)
        handler.name = f"{HANDLER}{name}"
    return Node(
        name,
        spec,
        schema,
        builds_payload=described.is_declared and (schema.is_model or is_dataclass(schema.type)),
        handler=handler,
        defer=described.defer,
        metadata=described.metadata,
        destinations=described.destinations,
        graph=inner,
        may_lead_anywhere=not described.destinations and (options.handler is not None or may_route(action)),
    )


def _spec(runner: Runner, options: NodeOptions, *, on_loop: bool, action: Callable[..., object]) -> Spec:
    source = fingerprint.source_of(action) if not isinstance(runner, GraphRunner) else fingerprint.Source()
    return Spec(
        runner.name,
        OnLoop(runner) if on_loop else runner,
        kind="node",
        is_async=on_loop,
        retry=options.retry or (),
        inject=() if isinstance(runner, GraphRunner) else _injected(action),
        cache=options.cache,
        timeout=options.timeout,
        source=source.normal,
        text=source.text,
        place=source.place,
        derived=True,
    )


def _injected(fn: Callable[..., object]) -> tuple[Injected, ...]:
    return injected(fn, first=1)


def _shared(outer: Schema, inner: Schema) -> Schema:
    """Return what a graph that is a node sees of the state around it: the keys that are an input of its own."""
    if outer.is_root or inner.is_root:
        return outer
    return Schema(dict, {name: key for name, key in outer.keys.items() if name in inner.keys}, {})
