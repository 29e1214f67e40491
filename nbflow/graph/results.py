"""What nodes and branches return, read as writes to the state and as where the graph goes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.constants import END, START
from nbflow.errors import GraphUpdateError, UnknownNodeError
from nbflow.values import ROOT_KEY, Command, NodeUpdate, Send

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbflow.graph.schemas import Schema


class Reader:
    """Reads what the nodes of one graph return.

    Args:
        schema: of the graph's state.
        keys: all keys that may be written.
        nodes: names of the nodes.
    """

    def __init__(self, schema: Schema, keys: Iterable[str], nodes: Iterable[str]) -> None:
        self._schema = schema
        self.keys = dict.fromkeys(keys)
        self.nodes = tuple(nodes)

    def read(self, result: Any, where: str, given: Mapping[str, object], view: object = None) -> NodeUpdate:  # noqa: ANN401  # whatever a node returned
        """Return what a node returned as an update.

        Args:
            result: a dict, an instance of a state class, a Command, a Send, None, or several in a list.
            where: who returned it, for errors.
            given: the state that it was given.
            view: what of it was handed out.

        Raises:
            GraphUpdateError: if it is nothing that can be taken.
        """
        if type(result) is dict and not self._schema.is_root:  # as most are
            return NodeUpdate(tuple(self._schema.read(result, where, self.keys, given)))
        if isinstance(result, NodeUpdate):
            return result
        if isinstance(result, Command):
            return self.command(result, where)
        if isinstance(result, Send):
            return NodeUpdate((), self.routes(result, where))
        if isinstance(result, (list, tuple)) and not self._is_whole(result):
            return self._several(result, where, given, view)
        return NodeUpdate(tuple(self._schema.read(result, where, self.keys, given, view)))

    def _is_whole(self, result: object) -> bool:
        """Whether a list or tuple is one update, not several."""
        if hasattr(result, "_fields"):
            return True
        return self._schema.is_root and not any(isinstance(one, (Command, Send)) for one in result)  # type: ignore[attr-defined]  # a sequence

    def _several(self, results: Iterable[Any], where: str, given: Mapping[str, object], view: object) -> NodeUpdate:
        results = list(results)
        if not any(isinstance(one, (Command, Send)) for one in results):
            raise GraphUpdateError(
                f"{where} returned {results!r:.80}, a list without a Command or a Send; return a dict of the keys"
            )
        parts = [self.read(one, where, given, view) for one in results if one is not None]
        return NodeUpdate(
            tuple(write for part in parts for write in part.writes),
            tuple(target for part in parts for target in part.goto),
            tuple(one for part in parts for one in part.parent),
        )

    def command(self, command: Command, where: str) -> NodeUpdate:
        """Return what a command says as an update.

        Raises:
            GraphUpdateError: if it says nothing that a graph can do.
        """
        if command.graph == Command.PARENT:
            # Names and keys are those of the graph around this one, which alone knows them.
            return NodeUpdate(parent=(NodeUpdate(tuple(_pairs(command.update)), _listed(command.goto, where)),))
        if command.graph is not None:
            raise GraphUpdateError(
                f"{where} sent a Command to the graph {command.graph!r}; graph is None or Command.PARENT"
            )
        return NodeUpdate(tuple(self.written(command.update, where)), self.routes(command.goto, where))

    def written(self, update: object, where: str) -> list[tuple[str, object]]:
        """Return the keys and values of the update of a command."""
        if isinstance(update, (list, tuple)) and not hasattr(update, "_fields") and not self._schema.is_root:
            pairs = _pairs(update)
            return [pair for one in pairs for pair in self._schema.read(dict([one]), where, self.keys)]
        return self._schema.read(update, where, self.keys)

    def routes(self, goto: object, where: str) -> tuple[object, ...]:
        """Return where a command or a branch leads, all of it known; END leads nowhere.

        Raises:
            UnknownNodeError: if something of it is no node.
        """
        found = []
        for target in _listed(goto, where):
            name = target.node if isinstance(target, Send) else target
            name = str.__str__(name) if isinstance(name, str) else name
            if name not in self.nodes and (name != END or isinstance(target, Send)):
                raise UnknownNodeError(where, name, self.nodes)
            if name != END:
                found.append(target if isinstance(target, Send) else name)
        return tuple(found)


def _listed(goto: object, where: str) -> tuple[object, ...]:
    if isinstance(goto, (str, Send)):
        return (goto,)
    if not isinstance(goto, (list, tuple)):
        raise GraphUpdateError(
            f"{where} goes to {goto!r}; that is the name of a node, a Send, or a list of them (START is {START!r})"
        )
    return tuple(goto)


def _pairs(update: Any) -> list[tuple[str, object]]:  # noqa: ANN401  # whatever was given
    """Return an update for a graph that is not known here as keys and values."""
    if update is None:
        return []
    if isinstance(update, dict):
        return list(update.items())
    is_list = isinstance(update, (list, tuple)) and not hasattr(update, "_fields")
    if is_list and all(isinstance(one, (list, tuple)) and len(one) == 2 for one in update):  # noqa: PLR2004  # a pair
        return [(key, value) for key, value in update]
    if hasattr(type(update), "model_fields") or hasattr(type(update), "__dataclass_fields__"):
        names = getattr(type(update), "model_fields", None) or type(update).__dataclass_fields__
        return [(name, getattr(update, name)) for name in names]
    return [(ROOT_KEY, update)]
