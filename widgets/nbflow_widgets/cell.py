"""What an ``%%entrypoint`` cell does: makes a workflow, starts or continues a run, waits, shows.

The rewritten cell calls ``entrypoint`` first and ``end`` last. What the user's lines raise in
between goes its usual way; ``closed`` tidies up after every cell.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from IPython.core.error import UsageError

from nbflow import InMemoryCache, Run, Workflow, entrypoint, task
from nbflow_widgets.alarm import rest_after
from nbflow_widgets.answers import answers_for, answers_from, check_unanswered
from nbflow_widgets.around import Around
from nbflow_widgets.called import how_to_call
from nbflow_widgets.cell_run import CellRun
from nbflow_widgets.display import Mode, bundle_of, has_person, here, mode, show_once
from nbflow_widgets.echo import Echo
from nbflow_widgets.elsewhere import PROGRAM, begun_by_a_card
from nbflow_widgets.failure import Stopped, prepared, release
from nbflow_widgets.kept_cells import keep_cells, note_failure
from nbflow_widgets.markup import note
from nbflow_widgets.options import Options, evaluated, parse_entrypoint, parse_watch
from nbflow_widgets.plan_view import show_plan
from nbflow_widgets.rewrite import BODY, DOOR
from nbflow_widgets.toolkit import Toolkit, new_thread_id, with_saver
from nbflow_widgets.watch import Watch

if TYPE_CHECKING:
    from nbflow import RunnableConfig
    from nbflow.types import BaseCache, BaseCheckpointSaver, OnBusy

NOTHING = object()
FINISHED = "This run had finished; here it is again, and nothing ran. `--fresh` starts over."
TAKE_OVER = "`--reuse` takes over what has not changed."
AT_WORK = f"This run is at work in another cell, or in {PROGRAM}: it runs once, and its end comes here too."


class Opening(NamedTuple):
    """How a run begins.

    Attributes:
        run: started, or found paused or finished.
        past: how many of its records are older than the cell.
        note: what to tell of the thread; empty for nothing.
    """

    run: Run
    past: int = 0
    note: str = ""


class Cells:
    """What rewritten cells call.

    Attributes:
        cell_run: of the last cell that ran a workflow; None before.
    """

    def __init__(self, kit: Toolkit, default_display: Callable[[], str] = lambda: "auto") -> None:
        self.cell_run: CellRun | None = None
        self._kit = kit
        self._default_display = default_display
        self._begun: tuple[Options, object] | None = None
        self._raised: BaseException | None = None
        self._watch: Watch | None = None
        self._around = Around(kit.shell)

    def around(self, magic: str, line: str) -> None:
        """Do what a magic of IPython's does that stands above ours."""
        self._around.open(magic, line)

    async def entrypoint(self, line: str) -> None:
        """Read the options of a cell; the cell's own lines come next."""
        _show_magic(sys._getframe(1).f_code.co_filename, f"%%entrypoint {line}")  # noqa: SLF001  # the cell
        options = parse_entrypoint(line)
        if options.reuse and not options.thread:
            msg = "%%entrypoint: --reuse takes results over from a thread's last run; name it with --thread"
            raise UsageError(msg)
        value = self._value("--input", options.input) if options.input is not None else NOTHING
        self._begun = options, value

    async def end(self, fn: object, advice: str = "", why: str = "") -> object:
        """Make a workflow of the cell and run it, if there is an input; return the result.

        Args:
            fn: the cell's last function, or its lines as one.
            advice: on its lines.
            why: the cell does not end with a def, though it looks so.
        """
        assert self._begun is not None, "a cell begins before it ends"
        (options, value), self._begun = self._begun, None
        try:
            workflow, is_body = self._workflow(fn, options, why)
            if value is NOTHING and not is_body:
                self._defined(workflow, advice, options)
                return None
            given = {} if value is NOTHING else value
            if options.plan:
                show_plan(workflow, given, options, times=self._shown(options) == "live")
                return None
            return await self._run(workflow, given, options, advice)
        except UsageError:
            raise
        except BaseException as error:
            self._raised = prepared(error)
            raise

    def _shown(self, options: Options) -> Mode:
        shown = mode(options.display if options.display != "auto" else self._default_display())
        return "static" if shown == "live" and self._around.captures else shown

    def _defined(self, workflow: Workflow, advice: str, options: Options) -> None:
        """Say that a cell has made a workflow, and has not run it."""
        name = _bound_name(workflow)
        asked = options.of_runs()
        if asked:
            msg = f"%%entrypoint: {asked[0]} is for a run, and without --input none begins; {name!r} is defined"
            raise UsageError(msg)
        if self._shown(options) == "off":
            return
        text = advice or f"`{name}` is defined, and nothing ran: add `--input EXPR`, or call `{name}.invoke(...)`."
        show_once(bundle_of(note(text, "warning" if advice else "info"), text.replace("`", "")))

    def _workflow(self, fn: object, options: Options, why: str) -> tuple[Workflow, bool]:
        """Return the cell's workflow, bound under its name, and whether the whole cell is its body."""
        saver = self._value("--saver", options.saver) if options.saver is not None else self._kit.default_saver()
        cache = self._kit.default_cache() if options.saver is None else InMemoryCache()
        name = options.name
        if isinstance(fn, FunctionType) and fn.__name__ == BODY:
            if name is None:
                msg = f"%%entrypoint: this cell does not end with a def{f' ({why})' if why else ''}; "
                msg += "as a body it wants a name: %%entrypoint NAME"
                raise UsageError(msg)
            self._kit.names.pop(BODY, None)
            return self._bound(_body_workflow(fn, name, saver, cache)), True
        if isinstance(fn, Workflow):
            workflow = fn if fn.checkpointer and options.saver is None else with_saver(fn, saver)
        elif callable(fn) and not hasattr(fn, "spec"):
            workflow = entrypoint(checkpointer=saver, cache=cache, name=name)(fn)
        else:
            msg = f"%%entrypoint: the cell ends with {fn!r}, but it wants a plain function; use %%task for tasks"
            raise UsageError(msg)
        return self._bound(workflow), False

    def _bound(self, workflow: Workflow) -> Workflow:
        self._kit.has_bound = True
        self._kit.names[_bound_name(workflow)] = workflow
        return workflow

    async def _run(self, workflow: Workflow, value: object, options: Options, advice: str) -> object:
        if options.out is not None:  # a later cell must not take an older result for this run's
            if options.out == _bound_name(workflow):
                msg = f"%%entrypoint: --out {options.out} is the name of the workflow; give the result another one"
                raise UsageError(msg)
            self._kit.names.pop(options.out, None)
        thread = options.thread or new_thread_id(workflow.name)
        config: RunnableConfig = {"configurable": {"thread_id": thread}}
        saver = workflow.saver("%%entrypoint")
        keep_cells(self._kit.shell, workflow, _bound_name(workflow), self._kit.failed)
        begun = self._kit.running_cell(saver)
        if any(begun):
            config["metadata"] = {**begun.as_metadata()}
        key = (id(saver), thread)
        shown = self._shown(options)
        echo = Echo(options.output, in_order=shown == "static")
        with begun_by_a_card(), echo.leads():
            opening = self._open(
                workflow, value, config, key, fresh=options.fresh or options.reuse, reuse=options.reuse,
                rest_after=rest_after(shown),
            )  # fmt: skip
        answers = answers_from(self._value("--answers", options.answers) if options.answers is not None else None)
        cell_run = self.cell_run = CellRun(
            self._kit,
            workflow,
            config,
            mode=shown,
            echo=echo,
            named=options.thread is not None,
            on_return=lambda result: self._kit.returned(key, result),
        )
        cell_run.out = options.out or ""
        self._kit.cell_runs[key] = cell_run
        self._kit.awaited.pop(key, None)
        if options.out is not None:
            self._kit.awaited[key] = options.out
        cell_run.open(opening.run, past=opening.past)
        for text in (opening.note, advice):
            if text:
                cell_run.run_display.say(text, "warning")
        if options.background:
            cell_run.watch()
            return None
        return await self._see_through(cell_run, answers)

    async def _see_through(self, cell_run: CellRun, answers: object) -> object:
        """Wait for a run, answering what can be answered; return its result, None for a pause."""
        await cell_run.settled()
        while cell_run.run.status == "asking" and (found := answers_for(cell_run.run, answers)):
            cell_run.answer(found)
            await cell_run.settled()
        cell_run.conclude()
        if cell_run.run.status == "sleeping":
            return None
        if cell_run.run.status == "asking":
            if not has_person():
                check_unanswered(cell_run.run)
            return None
        cell_run.run_display.has_raised = cell_run.run.status != "done"
        if cell_run.run.status == "stopped":
            raise Stopped(cell_run.run.workflow.name)
        result = cell_run.run.result()
        cell_run.returned(result)
        return result

    def _open(
        self,
        workflow: Workflow,
        value: object,
        config: RunnableConfig,
        key: tuple[int, str],
        *,
        fresh: bool,
        reuse: bool,
        rest_after: float | None,
    ) -> Opening:
        """Start a run, or come back to the thread's last one if it has the same input.

        An unfinished one goes on, or is joined at work. A finished one is shown again while its code, and the files
        that it has read, are as they were.
        """
        shown = self._kit.cell_runs.pop(key, None)
        if shown is not None:
            shown.leave(here())
            if not shown.run.done():
                if not fresh and shown.run.began_with(value):
                    return Opening(shown.run, len(shown.run.log))
                shown.run.cancel("started over in the notebook")
        text = ""
        last = None if fresh else workflow.last_run(config)
        if last is not None:
            same = _name_of(last) == workflow.name and (value is None or last.began_with(value))
            if last.status == "done":
                if same and last.is_current and not last.changed_files:
                    return Opening(last, 0, FINISHED)
            elif same:
                if last.status == "asking" and last.is_current:
                    return Opening(last, len(last.log))
                again = workflow.start(None, config, on_divergence="rerun", rest_after=rest_after, on_busy="join")
                return Opening(again, len(last.log), AT_WORK if again.is_joined else "")
            text = _what_is_new(workflow, last, same=same)
        return _begun(workflow, value, config, fresh=fresh, reuse=reuse, rest_after=rest_after, text=text)

    def _value(self, option: str, expression: str) -> Any:  # noqa: ANN401  # whatever the user wrote
        return evaluated(self._kit.shell, expression, f"%%entrypoint: {option}")

    def task(self, line: str) -> None:
        """Begin a cell whose last function becomes a task."""
        if line:
            msg = f"%%task takes nothing on its line, but got {line!r}; for options, write @task(...) above the def"
            raise UsageError(msg)

    @staticmethod
    def no_task(why: str) -> None:
        """Refuse a cell without a function at its end."""
        msg = f"%%task: the cell does not end with a def{f' ({why})' if why else ''}; that def becomes the task"
        raise UsageError(msg)

    @staticmethod
    def as_task(fn: object) -> object:
        """Make a task of a function; what is one already stays as it is."""
        return task(fn) if isinstance(fn, FunctionType) else fn

    def watch(self, line: str) -> None:
        """Begin a cell whose runs are shown."""
        options = parse_watch(line)
        shown = mode(options if options != "auto" else self._default_display())
        self._watch = Watch(self._kit, shown) if shown != "off" else None

    def closed(self, result: Any = None) -> None:  # noqa: ANN401  # untyped package
        """Tidy up after a cell, however it ended."""
        self._begun = None
        self._around.close()
        note_failure(self._kit, result)
        error = getattr(result, "error_in_exec", None)
        self._say_what_is_awaited(error)
        if text := how_to_call(error, self._kit.names):
            show_once(bundle_of(note(text, "warning"), text.replace("`", "")))
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()
        release(self._raised)
        self._raised = None

    def _say_what_is_awaited(self, error: object) -> None:
        """Say why a name is not there, if it waits for a run."""
        if not isinstance(error, NameError):
            return
        for key, name in self._kit.awaited.items():
            cell_run = self._kit.cell_runs.get(key)
            if name == error.name and cell_run is not None:
                text = f"`{name}` is bound when {_stands(cell_run.run)}."
                show_once(bundle_of(note(text, "warning"), text.replace("`", "")))


def _begun(
    workflow: Workflow,
    value: object,
    config: RunnableConfig,
    *,
    fresh: bool,
    reuse: bool,
    rest_after: float | None,
    text: str,
) -> Opening:
    """Start a run, or join it where it is worked on, unless it is to start over."""
    on_busy: OnBusy = "error" if fresh else "join"
    run = workflow.start(value, config, on_divergence="rerun", rest_after=rest_after, reuse=reuse, on_busy=on_busy)
    return Opening(run, 0, AT_WORK if run.is_joined else text)


def _stands(run: Run) -> str:
    """Return what has to come before a run returns, for a text."""
    if run.status == "sleeping":
        return f"the run on thread `{run.thread_id}` has returned; it sleeps, and goes on by itself"
    if run.status == "asking":
        return f"the question that waits above is answered: in its form, or by `%nbflow resume {run.thread_id} ANSWER`"
    return f"the run on thread `{run.thread_id}` has returned; it is {run.status}"


def _show_magic(filename: str, magic: str) -> None:
    """Have tracebacks show the magic, not what it was rewritten to."""
    entry: tuple[Any, ...] = linecache.cache.get(filename, ())
    lines = entry[2] if len(entry) > _LINES else None
    if isinstance(lines, list) and lines and DOOR in lines[0]:
        lines[0] = f"# {magic.rstrip()}\n"


_LINES = 2
"""Where an entry of ``linecache`` holds the lines."""


def _bound_name(workflow: Workflow) -> str:
    """Return the variable that a cell binds its workflow to."""
    return str(getattr(workflow.__wrapped__, "__name__", workflow.name))


def _what_is_new(workflow: Workflow, last: Run, *, same: bool) -> str:
    """Return why a cell begins a new run though its thread has one, for a text; empty where that is no wonder.

    Args:
        workflow: of the cell.
        last: the thread's last run.
        same: whether that one was of this workflow, with this input.
    """
    is_done, name = last.status == "done", _name_of(last)
    if name != workflow.name:
        text = f"The last run of this thread was one of `{name}`: this is a new one, of `{workflow.name}`."
        return text if is_done else f"{text} That one was not finished, and is left behind."
    if not is_done:
        return "The thread's unfinished run had another input and was left behind; this is a new run."
    changed = [f"`{one}`" for one in last.changed] if same else []
    files = [f"`{one}`" for one in last.changed_files] if same else []
    told = [f"the code of {', '.join(changed)}"] if changed else []
    told += [f"the {'file' if len(files) == 1 else 'files'} {', '.join(files)}"] if files else []
    if not told:
        return ""
    what = " and ".join(told)
    verb = "has" if len(told) == 1 and (changed or len(files) == 1) else "have"
    return f"{what[0].upper()}{what[1:]} {verb} changed since the last run: this is a new one. {TAKE_OVER}"


def _name_of(run: Run) -> str:
    return str(getattr(run.log[0], "workflow", ""))


def _body_workflow(fn: FunctionType, name: str, saver: BaseCheckpointSaver, cache: BaseCache) -> Workflow:
    """Return the workflow of a cell that is a body."""
    fn.__name__ = fn.__qualname__ = name
    code = fn.__code__.replace(co_name="<module>", co_qualname="<module>")  # so that tracebacks show the cell's lines
    # Its def stands in no line: without a file its code is digested, not the one line that inspect would find.
    fn.__code__ = code.replace(co_filename=f"<{name}>")
    workflow = entrypoint(checkpointer=saver, cache=cache)(fn)
    fn.__code__ = code
    return workflow
