"""An entrypoint as a picture to be drawn: what its body called in a run, or the tasks that its code names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.checkpoint import points
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import load
from nbflow.config import merge
from nbflow.constants import END, START
from nbflow.fingerprint.called import called_by
from nbflow.views.calls import calls_of
from nbflow.views.drawing import DrawnEdge, DrawnGraph, DrawnNode
from nbflow.views.flow import flow_of
from nbflow.workflow.definition import Definition

if TYPE_CHECKING:
    from nbflow.core.record import Record
    from nbflow.values import Config


class Drawn(Definition):
    """A workflow as what can be drawn."""

    def get_graph(self, config: Config | None = None, *, xray: bool | int = False) -> DrawnGraph:
        """Return the workflow to be drawn: ``draw_mermaid()``, ``to_dot()``, ``to_json()``.

        With a thread that has a run: the tasks that its body called. An arrow leads from a call to one that was given
        its future, a dashed one, ``then``, from calls that had ended to the next that began and was given none. Else:
        the body, with dashed arrows to the tasks and workflows that its code names.

        Args:
            config: names the thread, for its newest run, and with a ``checkpoint_id`` another run; None draws the code.
            xray: whether tasks and workflows that call others are drawn with those; a number for so many levels.

        Raises:
            UnknownCheckpointError: if the thread has no checkpoint as named.
        """
        records = self._run_to_draw(config)
        calls = [] if records is None else calls_of(records)
        return flow_of(calls, xray=xray) if len(calls) > 1 else self._code_drawn(xray=xray)

    def _run_to_draw(self, config: Config | None) -> list[Record] | None:
        """Return the records of the run that a config names; None for none."""
        named = merge("get_graph()", self.config, config)["configurable"]
        thread_id, point = named.get("thread_id"), named.get("checkpoint_id")
        saver = self.checkpointer
        if thread_id is None or saver is None or isinstance(saver, bool):
            return None
        if point is None:
            run = points.newest(saver, str(thread_id))
            return load(saver, run) if run is not None else None
        head = points.point_of(saver, str(thread_id), str(point)).head
        return load(saver, RunKey(str(thread_id), head.started.run_id))

    def _code_drawn(self, *, xray: bool | int) -> DrawnGraph:
        """Return the body and what its code names; with ``xray`` also what the code of that names."""
        found = DrawnGraph({START: DrawnNode(START, START), self.name: DrawnNode(self.name, self.name, self)})
        edges = {(START, self.name): DrawnEdge(START, self.name), (self.name, END): DrawnEdge(self.name, END)}
        graphs: dict[str, Any] = {}
        waiting: list[tuple[str, Any, int | bool]] = [(self.name, self, xray)]
        while waiting:
            caller, one, levels = waiting.pop(0)
            deeper = levels if levels is True else levels - 1
            for called in called_by(one.spec.fn):
                name = called.spec.name
                is_new = name not in found.nodes
                found.nodes.setdefault(name, DrawnNode(name, name, called))
                edges.setdefault((caller, name), DrawnEdge(caller, name, None, conditional=True))
                if levels and is_new and called.spec.kind == "graph":
                    graphs[name] = called.get_graph(xray=deeper)
                elif levels and is_new:
                    waiting.append((name, called, deeper))
        found.nodes[END] = DrawnNode(END, END)
        found.edges = [edges[key] for key in sorted(edges)]
        for name, graph in graphs.items():
            found.open(name, graph)
        return found


__all__ = ["Drawn"]
