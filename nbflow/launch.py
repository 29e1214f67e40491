"""How a run begins: what the input means for the thread, then everything a run is made of."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from nbflow import clock, codec, history, runtime
from nbflow.checkpoint.base import RunKey
from nbflow.config import COORDINATES, merge, thread_of
from nbflow.core.brief import brief_call
from nbflow.core.call import Call, current_frame
from nbflow.core.execution import execute
from nbflow.core.log import Log
from nbflow.core.opening import answers_for, check_workflow, status_of
from nbflow.core.record import ROOT, Record, RunResumed, RunReturned, RunStarted, Value
from nbflow.core.reuse import Reuse
from nbflow.core.scheduler import Scheduler
from nbflow.drivers.dispatch import Dispatch
from nbflow.drivers.future import running_loop
from nbflow.errors import EmptyInputError, InvalidOptionError, NoCheckpointerError, NothingToResumeError
from nbflow.journal import Journal, load
from nbflow.run import Run
from nbflow.session import Session
from nbflow.values import NO_ANSWER, Command, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.definition import Definition
    from nbflow.drivers.future import CallFuture
    from nbflow.values import RunnableConfig


class Request(NamedTuple):
    """What a caller asked for.

    Attributes:
        where: the method, for errors.
        input: an input, None or a Command.
        config: as given.
        context: as given.
        on_divergence: as given.
        reuse: as given.
    """

    where: str
    input: object
    config: RunnableConfig | dict[str, Any] | None
    context: object = None
    on_divergence: str = "error"
    reuse: bool = False


class Opening(NamedTuple):
    """What a run begins with.

    Attributes:
        past: records of the run that goes on; empty for a new one.
        records: to be written before the first line of the body.
        key: names the run.
        input: for the body.
        kept: what the last finished run saved.
        result: what the last finished run returned.
        finished: whether there is nothing left to do.
        reuse: results of the thread's last run that the new one may take over.
    """

    past: list[Record]
    records: list[Record]
    key: RunKey
    input: object
    kept: Value | None = None
    result: Value | None = None
    finished: bool = False
    reuse: Reuse | None = None


def launch(
    workflow: Definition,
    request: Request,
    *,
    inline: bool = False,
    here: bool = False,
    listener: Callable[[Record], None] | None = None,
    first: Callable[[Session, Opening], None] | None = None,
) -> Run:
    """Begin a run.

    Args:
        workflow: what to run.
        request: how.
        inline: whether the thread that waits for the result runs a sync body itself.
        here: whether async functions run on the event loop of the caller.
        listener: told of each new record from the start.
        first: told what the run begins with, before anything happens.
    """
    config = merge(request.where, workflow.config, request.config)
    if request.on_divergence not in {"error", "rerun"}:
        raise InvalidOptionError(
            request.where, "on_divergence", repr(request.on_divergence), "it is 'error' or 'rerun'"
        )
    _check_command(workflow, request)
    saver = _saver(workflow, request)
    thread_id = thread_of(config, workflow.name) if saver is not None else ""
    context = _context(workflow, request.context)
    owner = f"run {clock.new_id()} in process {os.getpid()}"
    if saver is not None:
        saver.lease(thread_id, owner)
    try:
        opening = _open(workflow, request, saver, thread_id, config)
        session = Session(
            config=config,
            thread_id=thread_id,
            run_id=opening.key.run_id,
            store=workflow.store,
            context=context,
            kept=opening.kept,
        )
        if first is not None:
            first(session, opening)
    except BaseException:
        if saver is not None:
            saver.release(thread_id, owner)
        raise
    if opening.finished:
        cast("BaseCheckpointSaver", saver).release(thread_id, owner)
        return _handle(workflow, session, opening.past)
    return _begin(workflow, request, session, opening, saver, owner, inline=inline, here=here, listener=listener)


def _begin(  # noqa: PLR0913  # everything that a run is made of
    workflow: Definition,
    request: Request,
    session: Session,
    opening: Opening,
    saver: BaseCheckpointSaver | None,
    owner: str,
    *,
    inline: bool,
    here: bool,
    listener: Callable[[Record], None] | None,
) -> Run:
    log = Log(opening.past)
    if listener is not None:
        log.listeners.append(listener)
    scheduler = Scheduler(
        log,
        now=clock.now,
        keep=codec.digest if saver is not None else None,
        show=brief_call,
        rerun_changed=request.on_divergence == "rerun",
        reuse=opening.reuse,
    )
    scheduler.host = session
    loop = running_loop() if here else None
    dispatch = session.dispatch = Dispatch(
        scheduler,
        provide=partial(runtime.provide, session),
        save=_journal(saver, opening, owner).save if saver is not None else None,
        loop=loop,
        max_concurrency=session.config.get("max_concurrency"),
    )
    if saver is not None:
        dispatch.on_end.append(lambda _: saver.release(session.thread_id, owner))
    body = Call(ROOT, workflow.spec, (opening.input,), {})
    run = _handle(workflow, session, log.records)
    run.attach(dispatch.begin(body, execute(scheduler, body, opening.records, clock.new_id()), inline=inline))
    return run


def _journal(saver: BaseCheckpointSaver, opening: Opening, owner: str) -> Journal:
    first = saver.rows(opening.key, last=1)[0].seq + 1 if opening.past else 0
    return Journal(saver, opening.key, owner, first)


def _open(
    workflow: Definition, request: Request, saver: BaseCheckpointSaver | None, thread_id: str, config: RunnableConfig
) -> Opening:
    """Decide what the input means; writes nothing."""
    newest = history.newest(saver, thread_id) if saver is not None else None
    if saver is not None and newest is not None:
        if request.input is None or isinstance(request.input, Command):
            return _go_on(workflow, request, saver, newest)
    elif request.input is None:
        raise EmptyInputError(workflow.name, thread_id)
    elif isinstance(request.input, Command):
        raise NothingToResumeError(workflow.name, thread_id, "unknown")
    head = history.read_head(saver, newest) if saver is not None and newest is not None else None
    last = history.last_result(saver, head) if saver is not None and head is not None else None
    started = RunStarted(
        at=clock.now(),
        run_id=clock.new_id(),
        thread_id=thread_id,
        workflow=workflow.name,
        prior=last.started.run_id if last is not None else None,
        parent=_newest_point(head),
        step=_next_step(head),
        metadata=_metadata(config),
        code=workflow.spec.code if saver is not None else b"",
        reuses=newest.run_id if request.reuse and newest is not None else None,
        value=Value(request.input),
    )
    key = RunKey(thread_id, started.run_id)
    reuse = _reuse(saver, started)
    kept, result = (last.kept, last.returned) if last is not None else (None, None)
    return Opening([], [started], key, request.input, kept, result.value if result is not None else None, reuse=reuse)


def _reuse(saver: BaseCheckpointSaver | None, started: RunStarted, past: Sequence[Record] = ()) -> Reuse | None:
    """Return the results that a run takes over, as its first record says; None for none."""
    if saver is None or started.reuses is None:
        return None
    return Reuse(load(saver, RunKey(started.thread_id, started.reuses)), past)


def _go_on(workflow: Definition, request: Request, saver: BaseCheckpointSaver, key: RunKey) -> Opening:
    """Return how the newest run of a thread goes on."""
    past = load(saver, key)
    check_workflow(past, workflow.name)
    at = clock.now()
    started = cast("RunStarted", past[0])
    records: list[Record] = [RunResumed(at=at)]
    if isinstance(request.input, Command):
        records += answers_for(past, request.input, workflow.name, key.thread_id, at)
    elif status_of(past) == "finished":
        ended = next(record for record in reversed(past) if isinstance(record, RunReturned))
        return Opening(past, [], key, None, result=ended.value, finished=True)
    last = history.read_head(saver, RunKey(key.thread_id, started.prior)) if started.prior is not None else None
    kept, result = (last.kept, last.returned) if last is not None else (None, None)
    value = started.value.get() if started.value is not None else None
    shown = result.value if result is not None else None
    return Opening(past, records, key, value, kept, shown, reuse=_reuse(saver, started, past))


def _check_command(workflow: Definition, request: Request) -> None:
    command = request.input
    if request.reuse and (command is None or isinstance(command, Command)):
        raise InvalidOptionError(request.where, "reuse", "True", "that is for a new run; pass its input")
    if not isinstance(command, Command):
        return
    if command.resume is NO_ANSWER or command.update is not None or command.goto or command.graph is not None:
        raise InvalidOptionError(
            request.where,
            "input",
            repr(command),
            "an entrypoint takes Command(resume=answer) alone; update and goto are for graphs",
        )
    if workflow.checkpointer is None:
        raise NoCheckpointerError(workflow.name, "Command(resume=...)")


def _saver(workflow: Definition, request: Request) -> BaseCheckpointSaver | None:
    given = workflow.checkpointer
    if given is True:
        raise InvalidOptionError(
            request.where, "checkpointer", "True", "that is for nested workflows; give this one a saver"
        )
    return given or None


def _newest_point(head: history.Head | None) -> str | None:
    if head is None:
        return None
    return head.returned.point if head.returned is not None else head.started.run_id


def _next_step(head: history.Head | None) -> int:
    if head is None:
        return -1
    return head.started.step + (2 if head.returned is not None else 1)


def _metadata(config: RunnableConfig) -> dict[str, object]:
    """Return what is stored of a config: plain values of ``metadata`` and ``configurable``."""
    both = {**config["configurable"], **config["metadata"]}
    return {
        name: value
        for name, value in both.items()
        if isinstance(value, (str, int, float, bool)) and not name.startswith("__") and name not in COORDINATES
    }


def _context(workflow: Definition, context: object) -> object:
    """Return the context as its schema has it: a dict becomes a dataclass or pydantic model."""
    schema: Any = workflow.context_schema
    if isinstance(context, dict) and schema is not None:
        if hasattr(schema, "model_validate"):
            return schema.model_validate(context)
        if hasattr(schema, "__dataclass_fields__"):
            return schema(**context)
    return context


def nest(workflow: Definition, value: object) -> CallFuture:
    """Run a workflow as a call of the body that runs here: one log, one path tree."""
    frame = current_frame.get()
    assert frame is not None, "only a body nests a run"
    return cast("CallFuture", frame.host.submit(frame, workflow.spec, (value,), {}))


def plain(result: object) -> object:
    """Return what the caller of a nested run gets of its result."""
    return result.value if isinstance(result, Final) else result


def attach(workflow: Definition, config: RunnableConfig) -> Run | None:
    """Return the newest run of a thread, as it is stored."""
    saver = workflow.saver("last_run()")
    thread_id = thread_of(config, workflow.name)
    newest = history.newest(saver, thread_id)
    if newest is None:
        return None
    session = Session(config=config, thread_id=thread_id, run_id=newest.run_id, store=workflow.store)
    return _handle(workflow, session, load(saver, newest))


def _handle(workflow: Definition, session: Session, records: list[Record]) -> Run:
    """Return a handle whose ``resume`` launches the run that goes on."""

    def go_on(answer: object) -> Run:
        return launch(workflow, Request("resume()", Command(resume=answer), session.config, session.context))

    return Run(workflow, session, records, go_on)
