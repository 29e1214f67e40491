"""How a run begins: what the input means for the thread, then everything a run is made of."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from nbflow import codec, runtime
from nbflow._support import clock
from nbflow._support.foreign import check_own
from nbflow.checkpoint import points
from nbflow.checkpoint.base import Owner
from nbflow.checkpoint.rows import load
from nbflow.config import merge, thread_of
from nbflow.core.call import Call, check_body, current_frame
from nbflow.core.log import Log
from nbflow.core.record import BEGUN, ROOT, Record
from nbflow.core.run_program import execute, halt
from nbflow.core.scheduler import Scheduler
from nbflow.core.summary import summary_of_call
from nbflow.drivers import printing
from nbflow.drivers.bodies import aside
from nbflow.drivers.dispatch import Dispatch
from nbflow.errors import InvalidOptionError, NoCheckpointerError, ParentCommand
from nbflow.fingerprint import Editions
from nbflow.runs.journal import JOURNALS, Journal
from nbflow.runs.kept_code import KeptCode
from nbflow.runs.opening import open_thread
from nbflow.runs.request import Opening, Request
from nbflow.runs.result_cache import Caches
from nbflow.runs.run import Run
from nbflow.runs.stored_input import given
from nbflow.session.lineage import Lineages
from nbflow.session.session import Session
from nbflow.values import NO_ANSWER, Command, Final, NodeUpdate, RunControl

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.core.call import Spec
    from nbflow.drivers.future import CallFuture
    from nbflow.values import Durability, RunnableConfig
    from nbflow.workflow.definition import Definition


def launch(
    workflow: Definition,
    request: Request,
    *,
    inline: bool = False,
    loop: AbstractEventLoop | None = None,
    listener: Callable[[Record], None] | None = None,
    first: Callable[[Session, Opening], None] | None = None,
) -> Run:
    """Begin a run.

    Args:
        workflow: what to run.
        request: how.
        inline: whether the thread that waits for the result runs a sync body itself.
        loop: the event loop that async functions run on; None for the runtime's own.
        listener: told of each new record from the start.
        first: told what the run begins with, before anything happens.
    """
    config = merge(request.where, workflow.config, request.config)
    saver = _saver(workflow, request)
    _check_options(workflow, request, saver)
    _check_point(workflow, request, saver, config)
    thread_id = thread_of(config, workflow.name) if saver is not None else ""
    request = request._replace(context=_context(workflow, request.context), rest_after=_seconds(request))
    owner = Owner(f"run {clock.new_id()} in process {os.getpid()}")
    try:
        if saver is not None:
            saver.lease(thread_id, owner)
        opening = open_thread(workflow, request, saver, thread_id, config)
        session = Session(
            config=_for_bodies(config),
            thread_id=thread_id,
            run_id=opening.key.run_id,
            origin=(started := opening.started).origin or started.run_id,
            store=workflow.store,
            context=opening.context,
            kept=opening.kept,
            lineages=Lineages(saver, started),
            control=request.control,
            editions=_traced(Editions(workflow.spec, kept=saver is not None)),
            of_graph=request.of_graph,
        )
        if first is not None:
            first(session, opening)
        if opening.finished:
            if saver is not None:
                _journal(saver, opening, owner, None, {}).save(opening.records)
                _give_back(saver, thread_id, owner)
            return _handle(workflow, session, opening.past)
        return _begin(workflow, request, session, opening, saver, owner, inline=inline, loop=loop, listener=listener)
    except BaseException:
        if saver is not None:
            _give_back(saver, thread_id, owner)
        raise


def _give_back(saver: BaseCheckpointSaver, thread_id: str, owner: Owner) -> None:
    """End a lease; it is over in this process even if the storage can't be written or this is interrupted."""
    owner.ended = True
    saver.release(thread_id, owner)


def _traced(editions: Mapping[Spec, Spec]) -> Mapping[Spec, Spec]:
    """Return the functions of a run so that LangChain hears of them, where it is loaded."""
    if "langchain_core.runnables.config" not in sys.modules:
        return editions
    from nbflow.langchain.tracing import Traced  # noqa: PLC0415  # see above

    return Traced(editions)


async def on_this_loop(workflow: Definition, start: Callable[[], Run]) -> Run:
    """Begin a run by ``start``, in a worker thread where that may have to wait for the storage."""
    saver = workflow.checkpointer
    is_quick = not saver or isinstance(saver, bool) or saver.quick
    return start() if is_quick else await aside()(start)


def _for_bodies(config: RunnableConfig) -> RunnableConfig:
    """Return a config without what is for the beginning of a run alone.

    It names no checkpoint: an answer to the run means the end of its thread. It does not say which cell began the run:
    as an argument of a task, that would make another call of the same one in another cell.
    """
    if BEGUN in config["metadata"]:
        metadata = {name: value for name, value in config["metadata"].items() if name != BEGUN}
        config = {**config, "metadata": metadata}
    if "checkpoint_id" not in config["configurable"]:
        return config
    configurable = {name: value for name, value in config["configurable"].items() if name != "checkpoint_id"}
    return {**config, "configurable": configurable}


def _begin(  # noqa: PLR0913  # everything that a run is made of
    workflow: Definition,
    request: Request,
    session: Session,
    opening: Opening,
    saver: BaseCheckpointSaver | None,
    owner: Owner,
    *,
    inline: bool,
    loop: AbstractEventLoop | None,
    listener: Callable[[Record], None] | None,
) -> Run:
    value, records = given(opening, workflow.spec, rerun=request.on_divergence == "rerun")
    log, control = Log(opening.past), request.control
    log.listeners += [listener] if listener is not None else []
    journal = _journal(saver, opening, owner, request.durability, session.editions) if saver is not None else None
    scheduler = Scheduler(
        log,
        now=clock.now,
        keep=codec.digest if saver is not None else None,
        show=summary_of_call,
        rerun_changed=request.on_divergence == "rerun",
        reuse=opening.reuse,
        draining=(lambda: control.drain_reason) if control is not None else None,
        rows=journal,
        rest_after=_seconds(request),
    )
    scheduler.host = session
    dispatch = Dispatch(
        scheduler,
        provide=partial(runtime.provide, session),
        journal=journal,
        loop=loop,
        max_concurrency=session.config.get("max_concurrency"),
        result_cache=Caches(workflow.cache, session.surroundings),
        editions=session.editions,
    )
    session.attach(dispatch)
    if saver is not None:
        dispatch.on_end.append(lambda _: _give_back(saver, session.thread_id, owner))
    run = _handle(workflow, session, log.records, _early(saver, opening))
    _start(run, dispatch, Call(ROOT, session.editions[workflow.spec], (value,), {}), records, inline)
    return run


def _start(run: Run, dispatch: Dispatch, body: Call, records: list[Record], inline: bool) -> None:  # noqa: FBT001  # as for launch
    """Start a run; if that fails, who is told so has no handle of it, and it must not go on without one."""
    scheduler, journal = dispatch.scheduler, dispatch.journal
    records = journal.code.opened(records, body.spec) if journal is not None else records
    dispatch.on_end.append(partial(printing.end, dispatch))
    try:
        printing.begin(dispatch)
        run.attach(dispatch.begin(body, execute(scheduler, body, records, clock.new_id()), inline=inline))
    except BaseException as error:
        dispatch.stop(halt(scheduler, type(error).__name__))
        printing.end(dispatch)
        raise


def _journal(
    saver: BaseCheckpointSaver,
    opening: Opening,
    owner: str,
    durability: Durability | None,
    editions: Mapping[Spec, Spec],
) -> Journal:
    there = saver.rows(opening.key, last=1) if opening.past else ()
    first = there[0].seq + 1 if there else 0
    return JOURNALS[durability or "sync"](saver, opening.key, owner, first, KeptCode(editions, opening.past))


_CHOICES = {"on_divergence": ("error", "rerun"), "durability": (None, "sync", "async", "exit")}


def _check_options(workflow: Definition, request: Request, saver: BaseCheckpointSaver | None) -> None:
    for name, choices in _CHOICES.items():
        given = getattr(request, name)
        if given not in choices:
            known = " or ".join(repr(choice) for choice in choices if choice is not None)
            raise InvalidOptionError(request.where, name, repr(given), f"it is {known}")
    control: object = request.control
    if control is not None and not isinstance(control, RunControl):
        check_own(request.where, "control", control)
        raise InvalidOptionError(request.where, "control", repr(request.control), "it is a RunControl()")
    if request.durability is not None and saver is None:
        raise NoCheckpointerError(workflow.name, f"durability={request.durability!r}")
    command = request.input
    if request.reuse and (command is None or isinstance(command, Command)):
        raise InvalidOptionError(request.where, "reuse", "True", "that is for a new run; pass its input")
    workflow.check_options(request.where, request.of_graph)
    if not isinstance(command, Command):
        return
    if command.resume is NO_ANSWER and workflow.spec.kind != "graph":
        expected = "an entrypoint takes Command(resume=answer) alone; update and goto are for graphs"
        raise InvalidOptionError(request.where, "input", repr(command), expected)
    if workflow.checkpointer is None and command.resume is not NO_ANSWER:
        raise NoCheckpointerError(workflow.name, "Command(resume=...)")


def _seconds(request: Request) -> float | None:
    """Return from which length on a sleep is a rest; None for never."""
    given: object = request.rest_after
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise InvalidOptionError(
            request.where, "rest_after", repr(given), "it is a number of seconds from 0, a timedelta, or None"
        )
    return float(seconds)


def _check_point(
    workflow: Definition, request: Request, saver: BaseCheckpointSaver | None, config: RunnableConfig
) -> None:
    if saver is None:
        if request.fork is not None:
            raise NoCheckpointerError(workflow.name, request.where)
        if config["configurable"].get("checkpoint_id") is not None:
            raise NoCheckpointerError(workflow.name, "checkpoint_id")


def _saver(workflow: Definition, request: Request) -> BaseCheckpointSaver | None:
    given = workflow.checkpointer
    if given is True:
        raise InvalidOptionError(
            request.where, "checkpointer", "True", "that is for nested workflows; give this one a saver"
        )
    return given or None


def _context(workflow: Definition, context: object) -> object:
    """Return the context as its schema has it: a dict becomes a dataclass or pydantic model."""
    schema: Any = workflow.context_schema
    if isinstance(context, dict) and schema is not None:
        if hasattr(schema, "model_validate"):
            return schema.model_validate(context)
        if hasattr(schema, "__dataclass_fields__"):
            return schema(**context)
    return context


def nest(workflow: Definition, value: object, *, waits: bool = False) -> CallFuture:
    """Run a workflow as a call of the body that runs here: one log, one path tree.

    Args:
        workflow: what to run.
        value: its input.
        waits: whether this thread waits for it at once, event loop or not.
    """
    frame = current_frame.get()
    assert frame is not None, "only a body nests a run"
    check_body(f"workflow {workflow.spec.name!r}")
    return cast("CallFuture", frame.host.submit(frame, workflow.spec, (value,), {}, waits=waits))


def plain(result: object) -> object:
    """Return what the caller of a nested run gets of its result.

    Raises:
        ParentCommand: if that is a command for the graph around the nested one.
    """
    if isinstance(result, NodeUpdate):
        raise ParentCommand(result)
    return result.value if isinstance(result, Final) else result


def attach(workflow: Definition, config: RunnableConfig) -> Run | None:
    """Return the newest run of a thread, as it is stored."""
    saver = workflow.saver("last_run()")
    thread_id = thread_of(config, workflow.name)
    newest = points.newest(saver, thread_id)
    if newest is None:
        return None
    session = Session(config=config, thread_id=thread_id, run_id=newest.run_id, store=workflow.store)
    return _handle(workflow, session, load(saver, newest))


def _early(saver: BaseCheckpointSaver | None, opening: Opening) -> Callable[[], list[Record]] | None:
    """Return what reads the records of a run up to those that it goes on from; None if it goes on from all."""
    if saver is None or opening.is_all:
        return None
    count = saver.rows(opening.key, last=1)[0].seq + 1 - (len(opening.past) - 1)
    return partial(load, saver, opening.key, first=count)


def _handle(
    workflow: Definition, session: Session, records: list[Record], early: Callable[[], list[Record]] | None = None
) -> Run:
    """Return a handle whose ``resume`` launches the run that goes on."""

    def go_on(answer: object) -> Run:
        return launch(workflow, Request("resume()", Command(resume=answer), session.config, session.context))

    return Run(workflow, session, records, go_on, early)
