"""What a compiled graph is made of: its keys, nodes, edges and branches, fixed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbflow.constants import END, START
from nbflow.errors import GraphUpdateError, UnknownNodeError
from nbflow.errors.usage import nearest
from nbflow.graph.keys import ABSENT, Key
from nbflow.graph.schemas import start_values
from nbflow.values import PartlyStored, Send, Unstored
from nbflow.values.policies import TimeoutPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nbflow.core.call import Injected, Spec
    from nbflow.graph.results import Reader
    from nbflow.graph.schemas import Schema
    from nbflow.values import NodeUpdate


@dataclass(frozen=True, eq=False)
class Branch:
    """A function that decides where the graph goes after a node.

    Attributes:
        source: name of the node; START for the input.
        name: of the branch.
        path: the function.
        ends: by answer, the node that it leads to; None if answers are names of nodes.
        schema: what the function sees of the state; None for all of it.
        inject: its parameters that the runtime fills.
    """

    source: str
    name: str
    path: Callable[..., object]
    ends: Mapping[Hashable, str] | None = None
    schema: Schema | None = None
    inject: tuple[Injected, ...] = ()

    @property
    def where(self) -> str:
        """What it is called in errors."""
        return f"branch {self.name!r} of node {self.source!r}"

    def targets(self, answer: object, reader: Reader) -> tuple[object, ...]:
        """Return where an answer leads.

        Raises:
            UnknownNodeError: if it leads to no node.
        """
        if type(answer) is str:  # as most are
            end = answer if self.ends is None else self.ends.get(answer, "")
            if end in reader.nodes or end == END:
                return () if end == END else (end,)
        answers = answer if isinstance(answer, (list, tuple)) else [answer]
        return tuple(target for one in answers for target in reader.routes(self._mapped(one, reader), self.where))

    def code_parts(self) -> Iterator[tuple[str, object]]:
        """Yield by name what its code is made of: the function, and where its answers lead."""
        yield f"branch {self.name}", self.path
        yield f"ends of {self.name}", repr(self.ends)

    def _mapped(self, answer: Any, reader: Reader) -> object:  # noqa: ANN401  # whatever a function returned
        if isinstance(answer, Send):
            return answer
        if self.ends is not None:
            try:
                return self.ends[answer]
            except (KeyError, TypeError):
                known = ", ".join(map(repr, self.ends))
                hint = nearest(answer, [one for one in self.ends if isinstance(one, str)])
                raise GraphUpdateError(f"{self.where} answered {answer!r}, and its answers are {known}{hint}") from None
        if not isinstance(answer, str):
            raise UnknownNodeError(self.where, answer, reader.nodes)
        return answer


@dataclass(frozen=True, eq=False)
class Node:
    """A node of a compiled graph.

    Attributes:
        name: of the node.
        spec: what runs.
        schema: what it sees of the state.
        builds_payload: whether a dict that a ``Send`` brings is made an instance of its schema.
        handler: what runs in its place when it has failed; None if that fails the run.
        defer: whether it waits for all that can still lead to it.
        metadata: of the user's.
        destinations: where its commands may lead, as far as that is declared, with labels.
        graph: the graph that it runs; None for another function.
        may_lead_anywhere: whether it may return commands, and no declaration says where those lead.
    """

    name: str
    spec: Spec
    schema: Schema
    builds_payload: bool = False
    handler: Spec | None = None
    defer: bool = False
    metadata: Mapping[str, object] | None = None
    destinations: Mapping[str, str] = field(default_factory=dict)
    graph: Any = None
    may_lead_anywhere: bool = False

    def limited(self, timeout: float) -> Spec:
        """Return what runs, with a time limit of its own."""
        return replace(self.spec, timeout=TimeoutPolicy.coerce(timeout))

    def built(self, payload: object) -> object:
        """Return what a ``Send`` brings as the node declares it: a dict becomes an instance of its class."""
        if not self.builds_payload or not isinstance(payload, dict):
            return payload
        kind = self.schema.type
        return kind.model_validate(payload) if self.schema.is_model else kind(**payload)


@dataclass(frozen=True, eq=False)
class Blueprint:
    """What a compiled graph is made of.

    Attributes:
        name: of the graph.
        schema: of its state.
        input_schema: of its input.
        output_schema: of its result.
        keys: all keys of its state, private ones included.
        nodes: by name, in the order in which they were added.
        edges: by node or START, where it leads.
        joins: sources and the node that runs once all of them have finished.
        branches: by node or START.
        before, after: nodes that runs stop before and after.
        reader: reads what nodes return.
    """

    name: str
    schema: Schema
    input_schema: Schema
    output_schema: Schema
    keys: Mapping[str, Key]
    nodes: Mapping[str, Node]
    edges: Mapping[str, Sequence[str]]
    joins: Sequence[tuple[tuple[str, ...], str]]
    branches: Mapping[str, Sequence[Branch]]
    before: frozenset[str]
    after: frozenset[str]
    reader: Reader

    def code_parts(self) -> Iterator[tuple[str, object]]:
        """Yield by name what its code is made of: nodes, branches, reducers, a model, and how they belong together."""
        yield "edges", repr([(source, *ends) for source, ends in sorted(self.edges.items())])
        yield "joins", repr([*sorted(self.joins), sorted(self.before), sorted(self.after)])
        for name, node in self.nodes.items():
            yield name, node
            yield f"about {name}", repr((node.defer, sorted(node.schema.keys), node.schema.is_instance))
            if node.handler is not None:
                yield f"handler of {name}", node.handler.fn.__wrapped__  # type: ignore[attr-defined]  # as it is made
        for branch in self.branches.get(START, ()):  # those of nodes are a part of these
            yield from branch.code_parts()
        for name, key in self.keys.items():
            yield f"key {name}", getattr(key, "reducer", type(key).__name__)
        if self.schema.is_model:
            yield "schema", self.schema.type

    @cached_property
    def start(self) -> Mapping[str, object]:
        """What the keys hold before anything is written."""
        return start_values(self.keys)

    @cached_property
    def unstored(self) -> frozenset[str]:
        """The keys whose values are not stored."""
        return frozenset(name for name, key in self.keys.items() if not key.is_stored)

    @cached_property
    def is_plain(self) -> bool:
        """Whether no node waits for others: there are no joins and no deferred nodes."""
        return not self.joins and not any(node.defer for node in self.nodes.values())

    @cached_property
    def merges_simply(self) -> bool:
        """Whether the writes of a step become the state without any code of the user's."""
        return all(key.merges_simply for key in self.keys.values())

    @cached_property
    def fleeting(self) -> tuple[Key, ...]:
        """The keys that change in a step without a write."""
        return tuple(key for key in self.keys.values() if type(key).idle is not Key.idle)

    @cached_property
    def reaches(self) -> Mapping[str, frozenset[str]]:
        """By node, all nodes that may come after it, as far as is declared."""
        direct = {name: self._direct(name) for name in self.nodes}
        found: dict[str, frozenset[str]] = {}
        for name in self.nodes:
            seen: set[str] = set()
            waiting = [*direct[name]]
            while waiting:
                one = waiting.pop()
                if one not in seen:
                    seen.add(one)
                    waiting += direct[one]
            found[name] = frozenset(seen)
        return found

    def _direct(self, name: str) -> set[str]:
        """Return the nodes that may run right after one: any, if a branch of it or a command may lead anywhere."""
        found = {target for target in self.edges.get(name, ()) if target != END}
        found.update(end for sources, end in self.joins if name in sources and end != END)
        found.update(target for target in self.nodes[name].destinations if target != END)
        for branch in self.branches.get(name, ()):
            if branch.ends is None:
                return set(self.nodes)
            found.update(target for target in branch.ends.values() if target != END)
        return found

    def merged(
        self, state: Mapping[str, object], updates: Iterable[tuple[str, NodeUpdate]]
    ) -> tuple[dict[str, object], bool]:
        """Return the state after the updates of one step, and whether any key was written.

        Args:
            state: before the step.
            updates: who wrote, for errors, and what, in the order in which they count.

        Raises:
            GraphUpdateError: if two of them write what takes one value.
            Exception: what a reducer raises, with a note.
        """
        writes: dict[str, list[tuple[str, object]]] = {}
        hidden = self.unstored
        for who, update in updates:
            for name, value in update.writes:
                if not hidden or not isinstance(value, Unstored):
                    writes.setdefault(name, []).append((who, value))
                elif value.is_there:
                    writes.setdefault(name, []).append((who, value.value))
        after = dict(state)
        for key in self.fleeting:
            if key.name not in writes:
                self._put(after, key, key.idle(after.get(key.name, ABSENT)))
        for name, found in writes.items():
            after[name] = self.keys[name].merge(after.get(name, ABSENT), found)
        return after, bool(writes)

    @staticmethod
    def _put(state: dict[str, object], key: Key, value: object) -> None:
        if value is ABSENT:
            state.pop(key.name, None)
        else:
            state[key.name] = value

    def output(self, state: Mapping[str, object], keys: str | Sequence[str] | None = None) -> object:
        """Return what a run returns of a state; None for nothing.

        Args:
            state: at the end.
            keys: one key whose value is wanted, or several; None for those of the output schema.
        """
        if isinstance(keys, str):
            return state.get(keys)
        if keys is not None:
            return {name: state[name] for name in keys if name in state} or None
        if self.output_schema.is_root:
            return next((state[name] for name in self.output_schema.keys if name in state), None)
        found = {name: state[name] for name in self.output_schema.keys if name in state}
        if not self.unstored.isdisjoint(found):
            found = PartlyStored(found)
            found.hidden = self.unstored
        return found or None


__all__ = ["END", "START", "Blueprint", "Branch", "Node"]
