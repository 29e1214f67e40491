"""What a run begins with: what its input means for the thread, and what of the past it takes along.

Nothing here writes; ``launch`` does, once all of this has been checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from nbflow import clock, codec, history
from nbflow.checkpoint.base import RunKey
from nbflow.config import COORDINATES
from nbflow.core.opening import answers_for, check_workflow, expired_answers, status_of
from nbflow.core.record import ContextGiven, Record, RunResumed, RunReturned, RunStarted, Value
from nbflow.core.reuse import Reuse
from nbflow.errors import EmptyInputError, MissingContextError, NothingToResumeError, UnserializableError
from nbflow.journal import load
from nbflow.values import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.definition import Definition
    from nbflow.values import Durability, OnDivergence, RunControl, RunnableConfig


class Request(NamedTuple):
    """What a caller asked for.

    Attributes:
        where: the method, for errors.
        input: an input, None or a Command.
        config: as given.
        context: as given.
        on_divergence: as given.
        durability: as given.
        control: as given.
        reuse: as given.
    """

    where: str
    input: object
    config: RunnableConfig | dict[str, Any] | None
    context: object = None
    on_divergence: OnDivergence = "error"
    durability: Durability | None = None
    control: RunControl | None = None
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
        context: of the body and its tasks.
    """

    past: list[Record]
    records: list[Record]
    key: RunKey
    input: object
    kept: Value | None = None
    result: Value | None = None
    finished: bool = False
    reuse: Reuse | None = None
    context: object = None


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
    """
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
    kept, result = (last.kept, last.returned) if last is not None else (None, None)
    shown = result.value if result is not None else None
    records = [started, *_given(saver, request.context, started.at)]
    key, context = RunKey(thread_id, started.run_id), request.context
    return Opening([], records, key, request.input, kept, shown, reuse=_reuse(saver, started), context=context)


def _given(saver: BaseCheckpointSaver | None, context: object, at: float) -> list[Record]:
    """Return the record of a context, if there is one to keep."""
    if saver is None or context is None:
        return []
    value = Value(context)
    try:
        value.raw = codec.dumps(context)
    except UnserializableError as error:
        return [ContextGiven(at=at, missing=str(error))]
    return [ContextGiven(at=at, value=value)]


def _context(workflow: Definition, request: Request, past: Sequence[Record], thread_id: str) -> object:
    """Return the context that a run goes on with: as given now, else as it was.

    Raises:
        MissingContextError: if none is given, and that of the run could not be saved.
    """
    if request.context is not None:
        return request.context
    given = next((record for record in reversed(past) if isinstance(record, ContextGiven)), None)
    if given is not None and given.missing:
        raise MissingContextError(workflow.name, thread_id, given.missing)
    return given.value.get() if given is not None and given.value is not None else None


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
    else:
        records += expired_answers(past, at)
    context = _context(workflow, request, past, key.thread_id)
    records += _given(saver, request.context, at)
    last = history.read_head(saver, RunKey(key.thread_id, started.prior)) if started.prior is not None else None
    kept, result = (last.kept, last.returned) if last is not None else (None, None)
    value = started.value.get() if started.value is not None else None
    shown = result.value if result is not None else None
    return Opening(past, records, key, value, kept, shown, reuse=_reuse(saver, started, past), context=context)


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
