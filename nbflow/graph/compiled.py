"""A compiled graph: a workflow whose body goes from step to step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, is_typeddict

from nbflow.constants import INTERRUPT, START
from nbflow.core.call import Spec
from nbflow.core.marks import marks_of, position_at
from nbflow.core.record import Value
from nbflow.errors import InvalidOptionError
from nbflow.errors.usage import nearest
from nbflow.graph.body import GraphBody
from nbflow.graph.drawing import drawn
from nbflow.graph.program import read_input
from nbflow.graph.replacing import replacement
from nbflow.graph.threads import steered
from nbflow.graph.updates import Updating
from nbflow.runs.positions import state_at
from nbflow.runs.result_cache import namespace_of
from nbflow.schemas.describe import inline
from nbflow.values import Command, StateUpdate
from nbflow.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbflow.cache.base import BaseCache
    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.checkpoint.points import Point
    from nbflow.core.record import Record
    from nbflow.graph.blueprint import Blueprint
    from nbflow.graph.described import Description
    from nbflow.store.base import BaseStore
    from nbflow.values import Config, Interrupt, RunnableConfig
    from nbflow.views.drawing import DrawnGraph


class CompiledStateGraph(Workflow):
    """A graph that runs durably: ``invoke`` it, ``stream`` it, ``start`` it, ask for its state, change its threads.

    Attributes:
        builder: what it was compiled from.
        blueprint: what it is made of.
    """

    def __init__(
        self,
        builder: Description,
        blueprint: Blueprint,
        *,
        checkpointer: BaseCheckpointSaver | bool | None = None,
        store: BaseStore | None = None,
        cache: BaseCache | None = None,
        context_schema: type | None = None,
        debug: bool = False,
        config: RunnableConfig | None = None,
    ) -> None:
        on_loop = any(node.spec.is_async for node in blueprint.nodes.values())
        spec = Spec(blueprint.name, GraphBody(blueprint, on_loop=on_loop), kind="graph", is_async=on_loop)
        spec.stateful = checkpointer is True
        super().__init__(
            spec, checkpointer=checkpointer, store=store, cache=cache, context_schema=context_schema, config=config
        )
        self.builder = builder
        self.blueprint = blueprint
        self.debug = debug

    def __repr__(self) -> str:
        return f"<graph {self.name} of {', '.join(self.blueprint.nodes)}>"

    def _copy(self, **changes: Any) -> Workflow:  # noqa: ANN401  # arguments of the class
        names = ("checkpointer", "store", "cache", "context_schema", "config", "debug")
        given = {**{name: getattr(self, name) for name in names}, **changes}
        made = CompiledStateGraph(self.builder, self.blueprint, **given)
        made.name = self.name
        return made

    def check_options(self, where: str, given: Mapping[str, str | Sequence[str] | None]) -> None:
        """Check that breakpoints name nodes of the graph, and wanted keys those of its state.

        Raises:
            InvalidOptionError: if one does not.
        """
        for name, value in given.items():
            is_keys = name == "output_keys"
            if value is None or (value == "*" and not is_keys):
                continue
            if isinstance(value, str) and not is_keys:
                raise InvalidOptionError(where, name, repr(value), "it is a list of names of nodes, or '*'")
            known = list(self.blueprint.keys if is_keys else self.blueprint.nodes)
            for one in [value] if isinstance(value, str) else value:
                if one not in known:
                    listed = ", ".join(map(repr, known))
                    raise InvalidOptionError(where, name, repr(one), f"there are {listed}{nearest(one, known)}")

    def check_input(self, value: object, kept: Value | None) -> None:
        """Check an input against the input schema.

        Raises:
            GraphUpdateError: if it is no input of this graph.
            pydantic.ValidationError: if it does not fit its model.
        """
        base: Any = kept.get() if kept is not None else None
        read_input(self.blueprint, base, value)

    def kept_at(self, saver: BaseCheckpointSaver, point: Point | None) -> Value | None:
        """Return the state at a checkpoint, which a run that begins there goes on with."""
        state = state_at(saver, point) if point is not None else None
        return Value(state) if state is not None else None

    def steered(self, past: Sequence[Record], command: Command, where: str) -> list[Record]:  # noqa: ARG002  # as declared
        """Return where an unfinished run goes on by a command with an update or routes."""
        return list(steered(self.blueprint, past, command))

    def replaced(self, records: Sequence[Record], at: str, value: object) -> object:
        """Return what a node of this graph, or of one inside it, is to have returned, as an update with its routes.

        Raises:
            GraphUpdateError: if it is no update.
        """
        return replacement(self, self.blueprint, records, at, value)

    def typed(self, values: object, ns: Sequence[str] = (), *, is_output: bool = False) -> object:
        """Return a state as an instance of its schema, if that is a dataclass or a pydantic model."""
        graph = self.blueprint
        for one in ns:
            node = graph.nodes.get(one.partition(":")[0])
            if node is None or node.graph is None:
                return values
            graph = node.graph.blueprint
        return (graph.output_schema if is_output else graph.schema).instance(values)

    def paused(
        self, records: Sequence[Record], interrupts: Sequence[Interrupt], state: Mapping[str, object] | None = None
    ) -> object:
        """Return the state at the last step of a run that waits, with its questions; read from its records if None."""
        given = self.blueprint.output(position_at(marks_of(records)).state if state is None else state)
        if not interrupts:
            return given
        return {**(given if isinstance(given, dict) else {}), INTERRUPT: list(interrupts)}

    def update_state(
        self, config: Config, values: object, as_node: str | None = None, task_id: str | None = None
    ) -> RunnableConfig:
        """Write a checkpoint as if a node had returned ``values``, and return its config; the thread goes on from it.

        Args:
            config: names the thread, and with a ``checkpoint_id`` where the new checkpoint belongs.
            values: what the node is to have returned.
            as_node: the node; None takes the one that led to the checkpoint. If it is one of those that wait in the
                step, that one counts as finished and the others wait on. ``"__start__"``: as an input. ``"__end__"``,
                with None: what is unfinished is given up. ``"__copy__"``, with None: the same checkpoint once more.
            task_id: which of several tasks of the node in the step, ``tasks[i].id`` of a snapshot.

        Raises:
            InvalidUpdateError: if there is no such node, task or key; nothing was written.
            ThreadBusyError: if somebody works on the thread.
        """
        updating = Updating(self, self.blueprint, "update_state()", config)
        return updating.write([[StateUpdate(values, as_node, task_id)]])

    def bulk_update_state(self, config: Config, supersteps: Sequence[Sequence[StateUpdate]]) -> RunnableConfig:
        """Write a checkpoint for each list of updates, one after the other, all or none; return the last one's config.

        Args:
            config: as for ``update_state``.
            supersteps: lists of updates; those of one list are of one step.
        """
        return Updating(self, self.blueprint, "bulk_update_state()", config).write(supersteps)

    def clear_cache(self, nodes: Sequence[str] | None = None) -> None:
        """Forget the results of nodes that the graph's cache holds, and of the nodes inside those that are graphs.

        Args:
            nodes: names of nodes; None for all.

        Raises:
            NoCacheError: if the graph has no cache.
            InvalidOptionError: if there is no such node.
        """
        self._cache().clear(self._cached_as("clear_cache()", nodes))

    async def aclear_cache(self, nodes: Sequence[str] | None = None) -> None:
        """As ``clear_cache``, awaited."""
        await self._cache().aclear(self._cached_as("aclear_cache()", nodes))

    def _cached_as(self, where: str, nodes: Sequence[str] | None) -> list[tuple[str, ...]]:
        """Return what the results of nodes are kept under."""
        known = self.blueprint.nodes
        if isinstance(nodes, str):
            raise InvalidOptionError(where, "nodes", repr(nodes), "it is a list of names of nodes, or None for all")
        for name in nodes or ():
            if name not in known:
                expected = f"nodes are {', '.join(map(repr, known))}{nearest(name, known)}"
                raise InvalidOptionError(where, "nodes", repr(name), expected)
        found = []
        for node in known.values() if nodes is None else [known[name] for name in nodes]:
            found.append(namespace_of(node.spec))
            found += node.graph._cached_as(where, None) if node.graph is not None else []  # noqa: SLF001  # of this class
        return found

    @property
    def InputType(self) -> Any:  # noqa: ANN401, N802  # a type; LangGraph's name
        """The input schema."""
        return self.blueprint.input_schema.type

    @property
    def OutputType(self) -> Any:  # noqa: ANN401, N802  # a type; LangGraph's name
        """The output schema."""
        return self.blueprint.output_schema.type

    def get_input_jsonschema(self) -> dict[str, Any]:
        """Return the JSON schema of the input."""
        return _titled(self.InputType, super().get_input_jsonschema())

    def get_output_jsonschema(self) -> dict[str, Any]:
        """Return the JSON schema of the result."""
        return _titled(self.OutputType, super().get_output_jsonschema())

    @property
    def nodes(self) -> dict[str, Any]:
        """The nodes by name, with START first."""
        return {START: None, **self.blueprint.nodes}

    @property
    def channels(self) -> dict[str, Any]:
        """The keys of the state by name."""
        return dict(self.blueprint.keys)

    def get_graph(self, config: Config | None = None, *, xray: bool | int = False) -> DrawnGraph:  # noqa: ARG002  # LangGraph's
        """Return the graph to be drawn: its nodes and where they may lead.

        Args:
            config: not looked at.
            xray: whether graphs that are nodes are drawn with their nodes; a number for so many levels.
        """
        return drawn(self.blueprint, xray=xray)

    def get_subgraphs(
        self, namespace: str | None = None, *, recurse: bool = False
    ) -> Iterator[tuple[str, CompiledStateGraph]]:
        """Yield the graphs that are nodes, by name; with ``recurse`` those inside them too, as ``"a|b"``."""
        for name, node in self.blueprint.nodes.items():
            if not isinstance(node.graph, CompiledStateGraph):
                continue
            first, _, rest = (namespace or "").partition("|")
            if not namespace or namespace == name:
                yield name, node.graph
            if (recurse and not namespace) or (rest and first == name):
                for inner, graph in node.graph.get_subgraphs(rest or None, recurse=recurse):
                    yield f"{name}|{inner}", graph


def _titled(kind: object, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without a reference at its top; that of a TypedDict under the name of the class."""
    found = inline(schema)
    return {**found, "title": kind.__name__} if is_typeddict(kind) and isinstance(kind, type) else found
