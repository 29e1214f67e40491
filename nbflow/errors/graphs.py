"""Errors of graphs: how they are built, what their nodes return, how far they run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from nbflow.errors.signals import GraphBubbleUp
from nbflow.errors.usage import InvalidUpdateError, NbflowError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class InvalidGraphError(NbflowError, ValueError):
    """A graph can't be built as it is described.

    Remedy:
        Change the graph as the text says.

    Attributes:
        problem: what is wrong where, and what to do.
    """

    number: ClassVar[str] = "NBF-500"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class GraphUpdateError(InvalidUpdateError):
    """What a node returned, or what the nodes of a step returned together, can't become the state of a graph.

    Remedy:
        Return a dict of keys of the state, or a `Command`; give a key that several nodes write in one step a reducer.

    Attributes:
        problem: what is wrong with what, and what to do.
    """

    number: ClassVar[str] = "NBF-505"

    def __init__(self, problem: str) -> None:
        super().__init__("", problem)

    def _text(self) -> str:
        return self.problem

    def __reduce__(self) -> tuple[type[GraphUpdateError], tuple[str], dict[str, object]]:
        return type(self), (self.problem,), self.__dict__


class UnknownNodeError(GraphUpdateError, ValueError):
    """A route leads to a node that the graph does not have.

    Remedy:
        Add the node, or lead to one that there is; the text lists them.

    Attributes:
        where: what leads there, such as ``"branch 'route' of node 'a'"``.
        found: where to.
        known: the nodes that there are.
    """

    number: ClassVar[str] = "NBF-510"

    def __init__(self, where: str, found: object, known: Iterable[str]) -> None:
        self.where = where
        self.found = found
        self.known = tuple(known)
        listed = ", ".join(map(repr, self.known))
        super().__init__(
            f"{where} leads to {found!r}, which is no node{nearest(found, self.known)}; nodes are {listed}"
        )

    def __reduce__(self) -> tuple[type[UnknownNodeError], tuple[str, object, tuple[str, ...]], dict[str, object]]:  # type: ignore[override]  # as it was made
        return UnknownNodeError, (self.where, self.found, self.known), self.__dict__


class GraphRecursionError(NbflowError, RecursionError):
    """A graph took as many steps as it may, and has more to run; ``invoke(None, config)`` goes on.

    Remedy:
        If so many steps are right, raise the limit, `config={'recursion_limit': ...}`, and go on with `invoke(None,
        config)`.

    Attributes:
        limit: number of steps.
        last: names of the nodes of the last steps, oldest first.
    """

    number: ClassVar[str] = "NBF-515"

    def __init__(self, limit: int = 0, last: Sequence[str] = ()) -> None:
        super().__init__(limit, tuple(last))
        self.limit = limit
        self.last = tuple(last)

    def _text(self) -> str:
        cycle = f" It went through {' -> '.join(self.last)}." if self.last else ""
        return (
            f"the graph took {self.limit} steps and has more to run.{cycle} If that is right, raise the limit: "
            "config={'recursion_limit': ...}; invoke(None, config) goes on from here."
        )


class UnfilledJoinWarning(UserWarning):
    """A graph has ended while a node still waited for others that did not run.

    Remedy:
        Lead to each of those that the node waits for, or give it edges of its own.
    """

    number: ClassVar[str] = "NBF-535"


class EmptyChannelError(NbflowError):
    """A name for ``except`` clauses; a key without a value is absent here, so nothing raises this.

    Remedy:
        None is needed.
    """

    number: ClassVar[str] = "NBF-520"


class TaskNotFound(NbflowError):  # noqa: N818  # LangGraph's name
    """A name for ``except`` clauses; nothing raises this.

    Remedy:
        None is needed.
    """

    number: ClassVar[str] = "NBF-525"


class ParentCommand(GraphBubbleUp):
    """A command for the graph around this one, on its way there.

    Attributes:
        command: the update that it carries.
    """

    def __init__(self, command: object = None) -> None:
        super().__init__(command)
        self.command = command


class NoParentGraphError(GraphUpdateError):
    """A node sent a command to the graph around its own, and there is none.

    Remedy:
        Send `Command(graph=Command.PARENT)` only from a graph that is a node of another one.
    """

    number: ClassVar[str] = "NBF-530"


class Breakpoint(GraphBubbleUp):  # as its siblings
    """The run stands at a static breakpoint; ``invoke(None, config)`` goes on.

    Attributes:
        reason: which one.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class NodeError:
    """What the error handler of a node receives.

    Attributes:
        node: name of the node that failed.
        error: what it raised.
    """

    node: str
    error: BaseException


class ErrorCode(Enum):
    """Words by which LangGraph's pages explain errors; errors here explain themselves."""

    GRAPH_RECURSION_LIMIT = "GRAPH_RECURSION_LIMIT"
    INVALID_CONCURRENT_GRAPH_UPDATE = "INVALID_CONCURRENT_GRAPH_UPDATE"
    INVALID_GRAPH_NODE_RETURN_VALUE = "INVALID_GRAPH_NODE_RETURN_VALUE"
    MULTIPLE_SUBGRAPHS = "MULTIPLE_SUBGRAPHS"
    INVALID_CHAT_HISTORY = "INVALID_CHAT_HISTORY"
