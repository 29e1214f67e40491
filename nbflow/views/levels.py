"""Which run a call belongs to: the root's, or one that is nested in it.

A nested run is named by what called it, outermost first: ``("body:0", "task:0.0")`` is what a workflow called by
``task``, called by the root's ``body``, runs as. A second one of the same caller has a number too: ``("body:0", "1")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.path import caller_of, is_below
from nbflow.core.record import ROOT, CallSettled, CallStarted
from nbflow.core.states import BODIES

if TYPE_CHECKING:
    from nbflow.core.record import Record

Namespace = tuple[str, ...]


class NestedRun(NamedTuple):
    """A nested run under way.

    Attributes:
        path: of its body.
        name: of its workflow.
        ns: names it in chunks.
    """

    path: str
    name: str
    ns: Namespace


class Levels:
    """The runs of a log, told from each other.

    Args:
        root: path of the body that counts as the outermost one.
        name: of its workflow.
        is_graph: whether that is a graph: what it calls is called by its nodes.
    """

    def __init__(self, root: str = ROOT, name: str = "", *, is_graph: bool = False) -> None:
        self._root = root
        self._chains: dict[str, Namespace] = {root: () if is_graph else (f"{name}:{root}",)}
        self._begun: dict[str, int] = {}  # by caller, how many nested runs
        self._runs: dict[str, Namespace] = {root: ()}
        self._open: dict[str, NestedRun] = {}
        self._ended: set[str] = set()
        self._nodes: dict[str, str] = {}  # by position, names of nodes, which may be graphs

    def fold(self, record: Record) -> None:
        """Take a record in: calls that begin, nested runs that end."""
        if isinstance(record, CallStarted) and record.path != self._root and self.covers(record.path):
            caller = caller_of(record.path)
            around = self._chains.get(caller, ())
            self._runs[record.path] = self._runs.get(caller, ())
            if record.kind == "node" and caller in self._nodes:
                self._enter(caller)
                self._runs[record.path] = around
            if record.kind == "node":
                self._nodes[record.path] = record.name
            if record.kind in BODIES and record.path not in self._chains:
                count = self._begun.get(caller, 0)
                self._begun[caller] = count + 1
                around = self._runs[record.path] = (*around, str(count)) if count else around
                if not record.replayed:
                    self._open[record.path] = NestedRun(record.path, record.name, around)
            own = () if record.kind == "graph" else (f"{record.name}:{record.path}",)  # its nodes call, not itself
            self._chains[record.path] = (*around, *own)
        elif isinstance(record, CallSettled) and self._open.pop(record.path, None) is not None:
            self._ended.add(record.path)

    def _enter(self, node: str) -> None:
        """Note that a node is a graph: a nested run, though its call belongs to the run around it."""
        if node not in self._open and node not in self._ended:
            self._open[node] = NestedRun(node, self._nodes[node], self._chains[node])

    def inside(self, body: str) -> Namespace:
        """Return the name of the run that a body is: of a node that is a graph, that of the graph."""
        return self._chains.get(body, ()) if body in self._nodes else self.ns(body)

    def covers(self, path: str) -> bool:
        """Whether a path is the root's, or below it."""
        return path == self._root or is_below(path, self._root)

    def ns(self, path: str) -> Namespace:
        """Return the name of the run that a call belongs to; a body belongs to its own."""
        return self._runs.get(path, ())

    def open_runs(self) -> list[NestedRun]:
        """Return the nested runs that have not ended, the innermost first."""
        return sorted(self._open.values(), key=lambda run: -len(run.ns))
