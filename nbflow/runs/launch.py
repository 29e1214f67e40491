"""How a run begins: what the input means for the thread, then everything a run is made of."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, cast

from nbflow._support import clock
from nbflow.checkpoint import points
from nbflow.checkpoint.base import Owner
from nbflow.checkpoint.rows import load
from nbflow.config import thread_of
from nbflow.core.beside import check_body
from nbflow.core.call import Call, current_frame
from nbflow.core.log import Log
from nbflow.core.record import ROOT, Record
from nbflow.core.run_program import execute, halt
from nbflow.drivers import printing
from nbflow.drivers.bodies import aside
from nbflow.drivers.dispatch import Dispatch
from nbflow.errors import ParentCommand, ThreadBusyError
from nbflow.runs.assembly import LANGCHAIN, Prepared, assembled, for_bodies, prepared, session_of, told_of_pauses
from nbflow.runs.joining import Joining, join
from nbflow.runs.journal import JOURNALS, Journal
from nbflow.runs.kept_code import KeptCode
from nbflow.runs.opening import open_thread
from nbflow.runs.request import Opening, Request
from nbflow.runs.run import Run
from nbflow.runs.stored_input import given
from nbflow.session.session import Session
from nbflow.values import Command, Final, NodeUpdate

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
    asked = prepared(workflow, request)
    request, config, saver, thread_id = asked
    owner = Owner(f"run {clock.new_id()} in process {os.getpid()}")
    try:
        if saver is not None:
            try:
                saver.lease(thread_id, owner)
            except ThreadBusyError as busy:
                return _joined(workflow, asked, busy, loop, listener, first)
        opening = open_thread(workflow, request, saver, thread_id, config)
        session = session_of(workflow, asked, opening)
        if first is not None:
            first(session, opening)
        if opening.finished:
            if saver is not None:
                _journal(saver, opening, owner, None, {}).save(opening.records)
                _give_back(saver, thread_id, owner)
            return _handle(workflow, session, opening.past)
        return _begin(workflow, asked, session, opening, owner, inline=inline, loop=loop, listener=listener)
    except BaseException:
        if saver is not None:
            _give_back(saver, thread_id, owner)
        raise


def _joined(
    workflow: Definition,
    asked: Prepared,
    busy: ThreadBusyError,
    loop: AbstractEventLoop | None,
    listener: Callable[[Record], None] | None,
    first: Callable[[Session, Opening], None] | None,
) -> Run:
    """Return the handle of the run that somebody else works on, if that was asked for."""
    config, context = for_bodies(asked.config), asked.request.context
    session = Session(config=config, thread_id=asked.thread_id, store=workflow.store, context=context)
    joining = Joining(workflow, asked, busy, partial(launch, workflow, loop=loop))
    return join(joining, session, partial(_go_on, workflow, session), listener, first)


def _give_back(saver: BaseCheckpointSaver, thread_id: str, owner: Owner) -> None:
    """End a lease; it is over in this process even if the storage can't be written or this is interrupted."""
    owner.ended = True
    saver.release(thread_id, owner)


async def on_this_loop(workflow: Definition, start: Callable[[], Run]) -> Run:
    """Begin a run by ``start``, in a worker thread where that may have to wait for the storage."""
    saver = workflow.checkpointer
    is_quick = not saver or isinstance(saver, bool) or saver.quick
    return start() if is_quick else await aside()(start)


def _begin(
    workflow: Definition,
    asked: Prepared,
    session: Session,
    opening: Opening,
    owner: Owner,
    *,
    inline: bool,
    loop: AbstractEventLoop | None,
    listener: Callable[[Record], None] | None,
) -> Run:
    request, saver = asked.request, asked.saver
    value, records = given(opening, workflow.spec, rerun=request.on_divergence == "rerun")
    log = Log(opening.past)
    log.listeners += [listener] if listener is not None else []
    if LANGCHAIN in sys.modules and (told := told_of_pauses(session.config, log.records)) is not None:
        log.listeners.append(told)
    journal = _journal(saver, opening, owner, request.durability, session.editions) if saver is not None else None
    dispatch = assembled(workflow, asked, session, opening, log, journal=journal, loop=loop)
    if saver is not None:
        dispatch.on_end.append(session.settle)
        dispatch.on_end.append(lambda _: _give_back(saver, session.thread_id, owner))
    session.early = _early(saver, opening)
    run = _handle(workflow, session, log.records, session.early)
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
    return Run(workflow, session, records, partial(_go_on, workflow, session), early)


def _go_on(workflow: Definition, session: Session, answer: object) -> Run:
    return launch(workflow, Request("resume()", Command(resume=answer), session.config, session.context))
