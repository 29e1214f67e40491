"""The subcommands of ``%nbflow``, each a function that may be called without the magic too.

Every one looks at the default saver of the notebook unless it is given another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

import nbflow
from nbflow import Command, Run, SqliteSaver, list_runs
from nbflow.errors.usage import nearest
from nbflow.views.callgraph import WAYS
from nbflow.views.calls import Record
from nbflow.views.diff import diff_of
from nbflow.views.progress import run_of
from nbflow.views.timing import timing_of
from nbflow.views.trace import FORMAT, trace_of
from nbflow_widgets.answers import record_answers as write_answers
from nbflow_widgets.callgraph import callgraph as draw_callgraph
from nbflow_widgets.display import bundle_of, mode, show_once
from nbflow_widgets.echo import Echo
from nbflow_widgets.elsewhere import begun_by_a_card
from nbflow_widgets.files import Written, plain, write
from nbflow_widgets.graphs import GraphPicture
from nbflow_widgets.graphs import graph as draw_graph
from nbflow_widgets.inbox import Inbox
from nbflow_widgets.inbox_entries import config_of, inbox_of, stage
from nbflow_widgets.markup import note, plural, preformatted, visible
from nbflow_widgets.naming import records_of, unknown_thread
from nbflow_widgets.nest import nest as apply_nest
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline
from nbflow_widgets.timing import timing_text
from nbflow_widgets.toolkit import Toolkit, probe, toolkit_of

if TYPE_CHECKING:
    from nbflow import Workflow
    from nbflow.types import BaseCheckpointSaver
    from nbflow_widgets.explorer import Explorer
    from nbflow_widgets.frames import RunFrame
    from nbflow_widgets.side_by_side import Diff


class Shown:
    """Something to look at: HTML, and text for those who read text."""

    def __init__(self, html: str, text: str) -> None:
        self.html = html
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_options: object) -> dict[str, object]:
        return bundle_of(self.html, self.text)


def threads(saver: BaseCheckpointSaver | None = None) -> Any:  # noqa: ANN401  # pandas is untyped here
    """Return a table of all threads."""
    from nbflow_widgets import tables  # noqa: PLC0415  # pandas: half a second that only tables cost

    return tables.threads(_saver(saver))


def history(thread: str, saver: BaseCheckpointSaver | None = None) -> Any:  # noqa: ANN401  # as above
    """Return a table of a thread's checkpoints."""
    from nbflow_widgets import tables  # noqa: PLC0415  # as above

    keeper = _saver(saver)
    found = tables.history(keeper, thread)
    if found.empty:
        raise LookupError(unknown_thread(thread, keeper))
    return found


def calls(thread: str | Run, saver: BaseCheckpointSaver | None = None) -> Any:  # noqa: ANN401  # as above
    """Return a table of the calls of a run: one at hand, or a thread's newest."""
    from nbflow_widgets import tables  # noqa: PLC0415  # as above

    return tables.calls(_run_of(thread, saver))


def timing(thread: str | Run, saver: BaseCheckpointSaver | None = None) -> Shown:
    """Return where the time of a run went, at hand or a thread's newest: in a few words, and by task."""
    from nbflow_widgets import tables  # noqa: PLC0415  # as above

    run = _run_of(thread, saver)
    view = run_of(run.log, live=not run.done())
    times = timing_of(view)
    text, found = timing_text(view.progress, times), tables.tasks_of(times)
    return Shown(f"{note(text)}{found._repr_html_()}", f"{text.replace('`', '')}\n{found!r}")


def timeline(thread: str | Run, saver: BaseCheckpointSaver | None = None) -> Shown:
    """Return the timeline, as it stands, of a run at hand or a thread's newest."""
    drawn = Timeline(RunFeed(_run_of(thread, saver)))
    live = mode() == "live"
    return Shown(drawn.html(times=live, script=live and drawn.feed.done()), drawn.text())


def callgraph(
    thread: str | Run,
    by: str = "task",
    saver: BaseCheckpointSaver | None = None,
    *,
    whole: bool = False,
    dot: bool = False,
) -> object:
    """Return the call graph of a run at hand or a thread's newest.

    Args:
        thread: a thread's id, or a run.
        by: ``"task"`` for a node per task, ``"level"`` for one per task and how deep its calls stand, ``"call"`` for
            one per call.
        saver: where the thread is kept; None for the default.
        whole: whether it is folded above 300 nodes, not above 40.
        dot: whether it is returned as a text in Graphviz's language.
    """
    if by not in WAYS:
        msg = f"by is {' or '.join(WAYS)}, not {by!r}{nearest(by, WAYS)}"
        raise LookupError(msg)
    live = mode() == "live"
    drawn = draw_callgraph(_run_of(thread, saver), by=by, times=live, whole=whole, script=live)
    return _as_code(drawn.dot) if dot else drawn


def _as_code(text: str) -> Shown:
    return Shown(preformatted(text), visible(text))


def diff(thread: str | Run, other: str | Run | None = None, saver: BaseCheckpointSaver | None = None) -> Diff:
    """Return two runs side by side: calls, results, times, and the code that changed.

    Args:
        thread: the first run: a run at hand, or as text ``THREAD`` for a thread's newest one, ``THREAD@previous`` for
            the one before it, ``THREAD@ID`` with the id of a run or checkpoint.
        other: the second one, likewise; None compares the previous run of the thread with its newest.
        saver: where the threads are kept; None for the default.
    """
    from nbflow_widgets.side_by_side import Diff  # noqa: PLC0415  # as above

    first, second = thread, other
    if second is None:
        name = thread.thread_id if isinstance(thread, Run) else thread
        first, second = f"{name}@previous", thread if isinstance(thread, Run) else f"{name}@last"
    return Diff(diff_of(_records(first, saver), _records(second, saver)))


def report(
    thread: str | Run, path: str, saver: BaseCheckpointSaver | None = None, *, overwrite: bool = False
) -> Written:
    """Write a run, at hand or a thread's newest, as one HTML file that needs no kernel and no network.

    Args:
        thread: a run, or a thread's id; ``THREAD@previous`` and ``THREAD@ID`` as for ``diff``.
        path: of the file; an earlier report there is replaced.
        saver: where the thread is kept; None for the default.
        overwrite: whether a file that is no report is replaced too.
    """
    from nbflow_widgets.report_page import HEAD, report_html  # noqa: PLC0415  # as above

    records = _records(thread, saver)
    text = report_html(records)
    written = write(path, text, is_ours=lambda head: head.startswith(HEAD.encode()), overwrite=overwrite)
    return Written(written, f"report of {thread if isinstance(thread, Run) else repr(thread)}")


def trace(
    thread: str | Run, path: str, saver: BaseCheckpointSaver | None = None, *, overwrite: bool = False
) -> Written:
    """Write a run, at hand or a thread's newest, as a trace that ui.perfetto.dev and chrome://tracing open.

    Args:
        thread: as for ``report``.
        path: of the JSON file; an earlier trace there is replaced.
        saver: where the thread is kept; None for the default.
        overwrite: whether a file that is no trace of nbflow's is replaced too.
    """
    text = json.dumps(plain(trace_of(_records(thread, saver))), ensure_ascii=False, separators=(",", ":"))
    ours = f'"format":"{FORMAT}"'.encode()
    written = write(path, text, is_ours=lambda head: ours in head, overwrite=overwrite)
    return Written(written, f"trace of {thread if isinstance(thread, Run) else repr(thread)}")


def export_run(
    thread: str | Run,
    path: str,
    saver: BaseCheckpointSaver | None = None,
    *,
    redact: Any = None,  # noqa: ANN401  # as of the function
    overwrite: bool = False,
) -> Written:
    """Write a thread's runs, whole, to one file that `%nbflow import` reads in another place.

    Args:
        thread: the thread; or a run, which is written with what it needs to go on.
        path: of the file, such as ``run.nbf``.
        saver: where the thread is kept; None for the default.
        redact: what takes secrets out: names such as ``["api_key", "*token*"]``, patterns or a function.
        overwrite: whether a file that is there is replaced.
    """
    name, run_id = (thread.thread_id, thread.run_id) if isinstance(thread, Run) else (thread, None)
    written = nbflow.export_run(_saver(saver), name, path, run_id=run_id, redact=redact, overwrite=overwrite)
    masked = "masked " if redact is not None else ""
    return Written(written, f"{masked}{'run' if run_id else 'runs'} of thread {name!r}")


def import_run(path: str, thread: str | None = None, saver: BaseCheckpointSaver | None = None) -> Shown:
    """Read a file that `%nbflow export` wrote; its thread is looked at and gone on with like any other.

    Args:
        path: of the file.
        thread: what the thread is to be called; None for what it was called.
        saver: what is to keep it; None for the default.
    """
    keeper = _saver(saver)
    name = nbflow.import_run(keeper, path, thread_id=thread)
    run = newest_run(name, keeper)
    runs = plural(len(list_runs(keeper, name)), "run")
    text = f"Thread `{name}` has {runs} of {path}; the newest, of {run.log[0].workflow}, is {run.status}. "  # type: ignore[attr-defined]  # a RunStarted
    text = visible(f"{text}`%nbflow timeline {name}` shows it.")
    return Shown(note(text), text.replace("`", ""))


def _records(given: str | Run, saver: BaseCheckpointSaver | None) -> Sequence[Record]:
    """Return the records of a run at hand, or of one that is named as ``diff`` says."""
    return tuple(given.log) if isinstance(given, Run) else records_of(given, _saver(saver))


def graph(
    app: Any,  # noqa: ANN401  # a compiled graph
    thread: str | Run | None = None,
    saver: BaseCheckpointSaver | None = None,
    *,
    at: str = "0",
    xray: bool | int = False,
    dot: bool = False,
) -> GraphPicture | Shown:
    """Return a compiled graph as a picture, with what a run has done laid over if one is given.

    Args:
        app: the graph.
        thread: a thread's id, for its newest run, or a run; None shows the graph alone.
        saver: where the thread is kept; None for the graph's own checkpointer, or the default.
        at: position of the graph in that run: ``"0"`` if it is the run's own, ``"0.2"`` as the third call of a body.
        xray: whether graphs that are nodes are drawn with their nodes; a number for so many levels.
        dot: whether it is returned as a text in Graphviz's language.
    """
    run = None if isinstance(thread, str) else thread
    if isinstance(thread, str):
        own = getattr(app, "checkpointer", None)
        run = _run_of(thread, saver if saver is not None else own if own and not isinstance(own, bool) else None)
    drawn = draw_graph(app, run, at=at, xray=xray, script=mode() == "live")
    return _as_code(drawn.dot) if dot else drawn


def repeatable(thread: str | None = None, saver: BaseCheckpointSaver | None = None) -> RunFrame:
    """Return the tasks that gave different results for the same code and arguments, with both; none is good news.

    Args:
        thread: the thread whose runs are looked at; None takes all threads.
        saver: where the threads are kept; None for the default.
    """
    from nbflow_widgets import tables  # noqa: PLC0415  # pandas comes with it

    return tables.repeatable(_saver(saver), thread)


def whatif(
    thread: str | Run,
    saver: BaseCheckpointSaver | None = None,
    *,
    workers: int | None = None,
    faster: Mapping[str, float] | None = None,
) -> RunFrame:
    """Return how long a run would have taken: without people, with more workers, with a task twice as fast.

    Args:
        thread: a thread's id, or a run.
        saver: where the thread is kept; None for the default.
        workers: how many calls work at a time, of those that had to wait for their turn.
        faster: by name of a task, how many times faster it works, such as ``{"embed": 3}``.
    """
    from nbflow_widgets import tables  # noqa: PLC0415  # as above

    return tables.what_if(_run_of(thread, saver), workers=workers, faster=faster)


def resume(thread: str, answer: object, saver: BaseCheckpointSaver | None = None) -> object:
    """Answer a thread's question and go on; several are answered by ``{id: answer}``.

    Live, this returns at once and the run is shown here; else it waits, and returns the result.
    """
    keeper = _saver(saver)
    run = newest_run(thread, keeper)
    kit, workflow = defined_for(thread, keeper)
    shown = mode()
    echo = Echo(in_order=shown == "static")
    with begun_by_a_card(), echo.leads():
        started = workflow.start(Command(resume=answer), config_of(thread), on_divergence="rerun")
    cell_run = stage(kit, workflow, thread) if shown == "live" else None
    if cell_run is None:
        try:
            result = started.result()
        finally:
            echo.tell()
        if started.status == "done":
            kit.returned((id(keeper), thread), result)
        return result
    cell_run.open(started, past=len(run.log))
    cell_run.watch()
    return None


def inbox(saver: BaseCheckpointSaver | None = None, *, archived: bool = False) -> Inbox:
    """Show what waits for a person: open questions with their forms, and runs that did not end.

    Args:
        saver: where the threads are kept; None for the default.
        archived: whether what was put out of the inbox is shown too.
    """
    kit, keeper = kit_here(), _saver(saver)
    found = inbox_of(kit, keeper, archived=archived)
    found.show(mode())
    return found


def explore(thread_or_file: str | None = None, saver: BaseCheckpointSaver | None = None) -> Explorer:
    """Show threads, their runs, checkpoints and values as a tree, with what can be done with each.

    Args:
        thread_or_file: a thread's id, whose newest run is opened, or a file of threads; None for all threads.
        saver: where the threads are kept; None for the default.
    """
    from nbflow_widgets.explorer import AT_ONCE, Explorer  # noqa: PLC0415  # only who explores needs it

    kit, keeper, thread = kit_here(), saver, thread_or_file
    if thread is not None and keeper is None and _is_file(thread) and not list_runs(_saver(None), thread, limit=1):
        keeper, thread = SqliteSaver(thread), None
    keeper = _saver(keeper)
    if thread is not None and not list_runs(keeper, thread, limit=1):
        raise LookupError(unknown_thread(thread, keeper))
    found, shown = Explorer(kit, keeper, thread), mode()
    found.look(AT_ONCE if shown == "live" else None)
    if thread is not None:
        found.open_newest()
    found.show(shown)
    return found


def record_answers(path: str, saver: BaseCheckpointSaver | None = None) -> Shown:
    """Write the answers that people gave in this notebook to a file that `NBFLOW_ANSWERS` takes."""
    found = write_answers(path, _saver(saver))
    text = f"{path} has the answers under {plural(len(found), 'key')}; `NBFLOW_ANSWERS={path}` gives them again."
    return Shown(note(text), text.replace("`", ""))


def nest() -> str:
    """Allow ``asyncio.run`` and ``run_until_complete`` in cells; return the package that did it."""
    return apply_nest()


def greet(kit: Toolkit) -> None:
    """Show a person in a line what waits in the default file, if anything does; a notebook by itself looks the same."""
    if mode() == "static":
        return
    found = inbox_of(kit, kit.default_saver())
    if len(found):
        found.show(mode(), folded=True)


def introduce() -> None:
    """Tell a person in a folder without threads, in a line, what to try; a notebook by itself looks the same."""
    if mode() == "live":
        show_once(bundle_of(note(_FIRST), _FIRST.replace("`", "")))


_FIRST = "`%%entrypoint --input 1` above a def runs it as a durable workflow; `%nbflow` lists what else there is."


def _is_file(name: str) -> bool:
    with suppress(OSError, ValueError):  # of a name that can't be one
        return Path(name).expanduser().is_file()
    return False


def _run_of(given: str | Run, saver: BaseCheckpointSaver | None) -> Run:
    return given if isinstance(given, Run) else newest_run(given, _saver(saver))


def newest_run(thread: str, saver: BaseCheckpointSaver) -> Run:
    """Return the newest run of a thread.

    Raises:
        LookupError: if the thread has none; names some that have.
    """
    run = probe(saver).last_run(config_of(thread))
    if run is None:
        raise LookupError(unknown_thread(thread, saver))
    return run


def defined_for(thread: str, saver: BaseCheckpointSaver | None) -> tuple[Toolkit, Workflow]:
    """Return the toolkit, and the workflow of a thread's newest run as it is defined in this kernel.

    Raises:
        LookupError: if the thread has no run, or its workflow is not defined here.
    """
    kit, keeper = kit_here(), _saver(saver)
    name = str(getattr(newest_run(thread, keeper).log[0], "workflow", ""))
    workflow = kit.workflow_named(name, keeper)
    if workflow is None:
        msg = f"Workflow {name!r} is not defined in this kernel: run the cell that defines it, then do this again."
        raise LookupError(msg)
    return kit, workflow


def kit_here() -> Toolkit:
    """Return the toolkit of the shell that runs here; a RuntimeError if it is not loaded."""
    kit = toolkit_of(get_ipython())
    if kit is None:
        msg = "the notebook toolkit is not loaded: run %load_ext nbflow"
        raise RuntimeError(msg)
    return kit


def _saver(given: BaseCheckpointSaver | None) -> BaseCheckpointSaver:
    return given if given is not None else kit_here().default_saver()
