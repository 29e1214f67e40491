"""What an input means for a thread: a new run, the newest one going on, or travel to an older checkpoint.

Nothing here writes; ``launch`` does, once all of this has been checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nbflow import codec
from nbflow._support import clock
from nbflow.checkpoint import points
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import load, load_from
from nbflow.constants import BREAKPOINT
from nbflow.core.checkpoints import is_mark
from nbflow.core.record import Record, RunHalted, RunResumed, RunReturned, RunStarted, Value
from nbflow.core.resuming import answers_for, check_workflow, expired_answers, status_of
from nbflow.core.reuse import Reuse
from nbflow.errors import EmptyInputError, NothingToResumeError, UnknownCheckpointError
from nbflow.runs import forks
from nbflow.runs.request import Opening, Request, context_given, context_of, refusal, started_at
from nbflow.values import NO_ANSWER, Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.values import RunnableConfig
    from nbflow.workflow.definition import Definition


def open_thread(
    workflow: Definition, request: Request, saver: BaseCheckpointSaver | None, thread_id: str, config: RunnableConfig
) -> Opening:
    """Decide what the input means; writes nothing.

    Args:
        workflow: what to run.
        request: how; its context as the schema has it.
        saver: keeps the thread; None without a checkpointer.
        thread_id: the thread.
        config: merged and complete.

    Raises:
        UnknownCheckpointError: if the config names a checkpoint that the thread does not have.
    """
    goes_on = request.input is None or isinstance(request.input, Command)
    newest = points.newest(saver, thread_id) if saver is not None else None
    if saver is not None and request.fork is not None:
        return forks.fork(workflow, request, saver, thread_id, config)
    point = _point(saver, newest, config, goes_on=goes_on)
    if saver is not None and newest is not None and goes_on:
        if point is not None and not point.is_newest:
            return forks.travel(workflow, request, saver, point, config)
        if not _begins_anew(request.input, saver, newest):
            return _go_on(workflow, request, saver, newest)
        point = points.point_of(saver, thread_id, None)
    elif request.input is None:
        raise EmptyInputError(workflow.name, thread_id)
    elif isinstance(request.input, Command) and request.input.resume is not NO_ANSWER:
        raise NothingToResumeError(workflow.name, thread_id, "unknown")
    return _begin(workflow, request, saver, point, thread_id, config)


def _begins_anew(given: object, saver: BaseCheckpointSaver, newest: RunKey) -> bool:
    """Whether a command begins a new run: it steers a graph whose last run has nothing left to do."""
    if not isinstance(given, Command) or given.resume is not NO_ANSWER:
        return False
    return status_of(load(saver, newest, last=_TAIL)) == "done"


_TAIL = 16  # records; what workers brought in after the end of a run, and printed, may stand behind it


def _point(
    saver: BaseCheckpointSaver | None,
    newest: RunKey | None,
    config: RunnableConfig,
    *,
    goes_on: bool,
) -> points.Point | None:
    """Return the checkpoint that the run begins from: the one that the config names, else the newest."""
    named = config["configurable"].get("checkpoint_id")
    if saver is None or (named is None and (newest is None or goes_on)):
        return None
    if newest is None:
        raise UnknownCheckpointError(str(config["configurable"].get("thread_id")), str(named))
    return points.point_of(saver, newest.thread_id, None if named is None else str(named))


def _begin(
    workflow: Definition,
    request: Request,
    saver: BaseCheckpointSaver | None,
    point: points.Point | None,
    thread_id: str,
    config: RunnableConfig,
) -> Opening:
    """Return how a new run begins."""
    started = started_at(workflow, thread_id, config, point)
    started.value = Value(request.input)
    kept = workflow.kept_at(saver, point) if saver is not None else None
    workflow.check_input(request.input, kept)
    if request.reuse and saver is not None and point is not None:
        started.reuses = points.executed(saver, point.head)
    records = [started, *(context_given(request.context, started.at) if saver is not None else ())]
    last = point.last if point is not None else None
    return Opening(
        [],
        records,
        RunKey(thread_id, started.run_id),
        kept,
        last.result if last is not None else None,
        reuse=_reuse(saver, started),
        context=request.context,
    )


def _reuse(saver: BaseCheckpointSaver | None, started: RunStarted, past: Sequence[Record] = ()) -> Reuse | None:
    """Return the results that a run takes over, as its first record says; None for none."""
    if saver is None or started.reuses is None:
        return None
    return Reuse(load(saver, RunKey(started.thread_id, started.reuses)), past, codec.digest)


def _go_on(workflow: Definition, request: Request, saver: BaseCheckpointSaver, key: RunKey) -> Opening:
    """Return how the newest run of a thread goes on."""
    is_graph = workflow.spec.kind == "graph"
    past, is_all = load_from(saver, key, _stands_alone) if is_graph else (load(saver, key), True)
    check_workflow(past, workflow.spec.name, workflow.name)
    at = clock.now()
    started = cast("RunStarted", past[0])
    records: list[Record] = [RunResumed(at=at)]
    if isinstance(request.input, Command):
        if not _is_plain_start(request.input, past):
            records += answers_for(past, request.input, workflow.name, key.thread_id, at, refusal)
        records += workflow.steered([*past, *records], request.input, request.where)
    elif status_of(past) == "done":
        ended = next(record for record in reversed(past) if isinstance(record, RunReturned))
        return Opening(past, [], key, result=ended.value, finished=True)
    else:
        records += expired_answers(past, at)
    context = context_of(workflow, request, past, key.thread_id)
    records += context_given(request.context, at)
    last = points.prior(saver, started)
    kept, result = (last.kept, last.result) if last is not None else (None, None)
    if started.kind == "graph" and not any(map(is_mark, past)):
        kept = workflow.kept_at(saver, points.point_of(saver, key.thread_id, started.run_id))
    return Opening(past, records, key, kept, result, reuse=_reuse(saver, started, past), context=context, is_all=is_all)


def _is_plain_start(command: Command, past: Sequence[Record]) -> bool:
    """Whether a command has no answer to give: none is in it, or the run stands at a breakpoint and asks nothing."""
    if command.resume is NO_ANSWER:
        return True
    last = past[-1]
    return isinstance(last, RunHalted) and last.reason.startswith(BREAKPOINT)


def _stands_alone(record: Record) -> bool:
    """Whether a run goes on from a record, and needs nothing before it but its first one."""
    return is_mark(record) and record.alone
