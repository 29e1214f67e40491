"""How a run begins in the past of a thread: travel to an older checkpoint, and forks at a call.

Both begin a new run, whose first records hold copies of what it takes over; the run that it comes
from stays as it was. Nothing here writes; ``launch`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nbflow.checkpoint import points
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import encode_value, load
from nbflow.core.checkpoints import checkpoints
from nbflow.core.fork import at_pause, before, begun_again, code_of, copied, first_pause, handed_in, names, places
from nbflow.core.marks import change, path_of
from nbflow.core.path import around, outside
from nbflow.core.record import ROOT, Answered, Marked, Record, RunPaused, RunReturned, RunStarted, Saved, Value
from nbflow.core.resuming import answers_for, check_workflow, pending_questions
from nbflow.errors import InvalidOptionError, NothingToResumeError
from nbflow.runs.positions import Stand, stand_at
from nbflow.runs.request import (
    AS_IT_WAS,
    Opening,
    Request,
    context_given,
    context_of,
    last_context,
    refusal,
    started_at,
)
from nbflow.values import NO_ANSWER, Command, NodeUpdate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.values import RunnableConfig
    from nbflow.workflow.definition import Definition

_LISTED = 20


def travel(
    workflow: Definition, request: Request, saver: BaseCheckpointSaver, point: points.Point, config: RunnableConfig
) -> Opening:
    """Return how a thread goes on at an older checkpoint, with None or an answer.

    At a result, that is a copy of the result. At a pause, the run goes on as it could have then: with the
    answers and results that it had. At an input, it is repeated as it was begun: finished calls are replayed, but
    for what answers have led to since, and the questions of its first pause are open again.

    Raises:
        NothingToResumeError: if there is an answer, and no question to give it to.
        ReplayMismatchError: if the run was that of another workflow.
    """
    source: Sequence[Record] = load(saver, RunKey(point.head.started.thread_id, point.head.started.run_id))
    check_workflow(source, workflow.spec.name, workflow.name)
    if point.head.is_marked and not (point.is_result and request.input is None):
        return _travel_to_mark(workflow, request, saver, point, config)
    if point.is_result:
        return _copy_of_result(workflow, request, saver, point, config)
    started = started_at(workflow, point.head.started.thread_id, config, point)
    if point.is_pause:
        source = _until(source, point)
        taken = [*at_pause(source), *_answers(workflow, request, source, started)]
    else:
        taken = [*begun_again(source), *_answers(workflow, request, first_pause(source), started)]
    return _repeat(workflow, request, saver, source, started, taken)


def fork(
    workflow: Definition, request: Request, saver: BaseCheckpointSaver, thread_id: str, config: RunnableConfig
) -> Opening:
    """Return how a run is repeated from one of its calls.

    Raises:
        InvalidOptionError: if there is no such call, or nothing that could be forked.
        UnserializableError: if what the call is to have returned can't be stored.
    """
    assert request.fork is not None, "asked for by a request for a fork"
    _check(request, is_graph=workflow.spec.kind == "graph")
    at, value = request.fork
    source = _source(request, saver, thread_id, config)
    check_workflow(source, workflow.spec.name, workflow.name)
    started = started_at(workflow, thread_id, config, _input_of(saver, source))
    if at != ROOT and at not in places(source):
        raise InvalidOptionError(request.where, "at", repr(at), _known_places(source))
    taken = before(source, at)
    if value is not AS_IT_WAS:
        update = workflow.replaced(source, at, value)
        record = handed_in(source, at, update, started.at)
        if record is not None and record.kind == "node" and not isinstance(update, NodeUpdate):
            expected = (
                f"call {at} is a node of a graph that the run calls, and that graph alone can read what it is to have "
                f"returned; replace the result of that call, {outside(at)}, or fork without replace="
            )
            raise InvalidOptionError(request.where, "replace", repr(value), expected)
        if record is None:
            raise InvalidOptionError(
                request.where, "replace", repr(value), f"call {at} left no trace but that of calls inside it"
            )
        encode_value(record)  # what can't be stored is told now, not as the end of a run
        taken.append(record)
    return _repeat(workflow, request, saver, source, started, taken)


def _repeat(
    workflow: Definition,
    request: Request,
    saver: BaseCheckpointSaver,
    source: Sequence[Record],
    started: RunStarted,
    taken: Sequence[Record],
) -> Opening:
    """Return how a run begins that repeats another one."""
    of = cast("RunStarted", source[0])
    thread_id = started.thread_id
    started.source, started.origin, started.value = "fork", of.origin or of.run_id, of.value
    if request.fork is not None and request.input is not AS_IT_WAS:
        started.value = Value(request.input)
    context = context_of(workflow, request, source, thread_id)
    before_it = last_context(source)
    kept_context = [copied(before_it)] if before_it is not None and request.context is None else []
    last = points.prior(saver, of)
    kept = last.kept if last is not None else None
    if of.kind == "graph":
        kept = workflow.kept_at(saver, points.point_of(saver, thread_id, of.run_id))
    return Opening(
        [],
        [started, *context_given(request.context, started.at), *kept_context, *code_of(source, taken), *taken],
        RunKey(thread_id, started.run_id),
        kept,
        last.result if last is not None else None,
        context=context,
    )


def _copy_of_result(
    workflow: Definition, request: Request, saver: BaseCheckpointSaver, point: points.Point, config: RunnableConfig
) -> Opening:
    of, head = point.head.started, point.head
    if isinstance(request.input, Command):
        raise NothingToResumeError(workflow.name, of.thread_id, "done")
    started = started_at(workflow, of.thread_id, config, point)
    started.source = "fork"
    records = [started, *whole(started, head.result, head.kept if head.saved else None)]
    if point.mark is not None:
        records[1:1] = [copied_mark(started, stand_at(saver, point))]
    key = RunKey(of.thread_id, started.run_id)
    return Opening(records, records, key, head.kept, head.result, finished=True)


def _travel_to_mark(
    workflow: Definition, request: Request, saver: BaseCheckpointSaver, point: points.Point, config: RunnableConfig
) -> Opening:
    """Return how a run goes on at an older mark of its body.

    With None all that came after it runs anew, and asks anew. With an answer, what had ended at that moment stands.
    """
    of = point.head.started
    started, stand = started_at(workflow, of.thread_id, config, point), stand_at(saver, point)
    started.source = "fork"
    if stand.mark is None and isinstance(request.input, Command):
        if request.input.resume is not NO_ANSWER:
            raise NothingToResumeError(workflow.name, of.thread_id, "done")
        expected = "at the input of a run it has no state to be steered in; pass another input, or name a later step"
        raise InvalidOptionError(request.where, "input", repr(request.input), expected)
    if stand.mark is None:  # the input of a run: it begins again
        return _repeat(workflow, request, saver, stand.records, started, [])
    mark, taken = copied_mark(started, stand), list[Record]()
    if isinstance(request.input, Command):
        taken = going_on(stand)
        if request.input.resume is not NO_ANSWER:
            if not pending_questions(asking(stand)):
                raise NothingToResumeError(workflow.name, of.thread_id, "done")
            taken += _answers(workflow, request, asking(stand), started)
        taken += workflow.steered([started, mark, *taken], request.input, request.where)
    opening = _repeat(workflow, request, saver, stand.records, started, [mark, *taken])
    if request.input is None:
        started.origin = None  # it asks anew
    return opening


def copied_mark(started: RunStarted, stand: Stand) -> Marked:
    """Return the mark that a run begins with which goes on where another one stood: all of it, at the same place."""
    assert stand.mark is not None, "there is a mark to go on from"
    return Marked(
        path=stand.mark.path, at=started.at, name=stand.mark.name, kind=stand.mark.kind, point=started.run_id,
        step=started.step, whole=True, source=started.source, copied=True, value=Value(change(None, stand.position)),
    )  # fmt: skip


def going_on(stand: Stand) -> list[Record]:
    """Return what had ended of the step that a body stands at, for a run that goes on there."""
    assert stand.mark is not None, "there is a mark to go on from"
    paths = {path_of(stand.mark, unit) for unit in stand.position.units}
    return [one for one in at_pause(stand.records) if not paths.isdisjoint(around(one.path))]


def asking(stand: Stand) -> Sequence[Record]:
    """Return the records of a run up to the last pause in the step where a body stands; the first one without any."""
    first = max((index for index, one in enumerate(stand.records) if one is stand.mark), default=0)
    pauses = [index for index, one in enumerate(stand.records) if isinstance(one, RunPaused) and index > first]
    return stand.records[: pauses[-1] + 1] if pauses else stand.records[:1]


def whole(started: RunStarted, result: Value | None, saved: Value | None) -> list[Record]:
    """Return the end of a segment that no body wrote: what was returned, and what was saved if that differs."""
    returned = RunReturned(at=started.at, point=started.run_id, value=result, saved=saved is not None)
    return [returned] if saved is None else [Saved(at=started.at, value=saved), returned]


def _answers(workflow: Definition, request: Request, source: Sequence[Record], started: RunStarted) -> list[Record]:
    """Return the answers of a command, each after its question; they go to the questions that the run waits with."""
    if not isinstance(request.input, Command):
        return []
    asked = pending_questions(source)
    found: list[Record] = []
    for record in answers_for(source, request.input, workflow.name, started.thread_id, started.at, refusal):
        if isinstance(record, Answered) and record.expired:  # its time begins anew
            continue
        if isinstance(record, Answered) and record.id in asked:
            found.append(copied(asked[record.id]))
        found.append(record)
    return found


def _until(source: Sequence[Record], point: points.Point) -> Sequence[Record]:
    """Return the records of a run as it was at a checkpoint."""
    length = next(one.length for one in checkpoints(source) if one.id == point.id)
    return source[:length]


def _check(request: Request, *, is_graph: bool) -> None:
    assert request.fork is not None, "asked for by a request for a fork"
    at, value = request.fork
    if request.reuse:
        raise InvalidOptionError(request.where, "reuse", "True", "a fork takes over what came before `at` anyway")
    if isinstance(request.input, Command):
        raise InvalidOptionError(request.where, "input", repr(request.input), "it is an input for the body")
    if not isinstance(at, str):
        raise InvalidOptionError(request.where, "at", repr(at), "it is the position of a call, such as '0.2'")
    if at != ROOT and request.input is not AS_IT_WAS and is_graph:
        expected = "the state at that node is given; at='0' begins with another input, update_state() changes the state"
        raise InvalidOptionError(request.where, "input", repr(request.input), expected)
    if at == ROOT and value is not AS_IT_WAS:
        raise InvalidOptionError(
            request.where, "replace", repr(value), "at='0' is the body itself; give it another input with input="
        )


def _source(request: Request, saver: BaseCheckpointSaver, thread_id: str, config: RunnableConfig) -> Sequence[Record]:
    """Return the records of the run that is to be forked: the one that the config names, else the newest."""
    named = config["configurable"].get("checkpoint_id")
    newest = points.newest(saver, thread_id)
    if newest is None:
        raise InvalidOptionError(request.where, "thread_id", repr(thread_id), "that thread has no run to fork")
    point = points.point_of(saver, thread_id, None if named is None else str(named))
    run_id: str | None = point.head.started.run_id
    if point.head.is_whole:
        run_id = points.executed(saver, point.head) if named is None else None
    if run_id is None:
        raise InvalidOptionError(
            request.where, "checkpoint_id", repr(point.id), "nothing ran there; name a checkpoint of a run"
        )
    source = load(saver, RunKey(thread_id, run_id))
    return _until(source, point) if point.is_pause else source


def _input_of(saver: BaseCheckpointSaver, source: Sequence[Record]) -> points.Point:
    started = cast("RunStarted", source[0])
    return points.point_of(saver, started.thread_id, started.run_id)


def _known_places(source: Sequence[Record]) -> str:
    known, called = list(places(source)), names(source)
    listed = [f"{path} ({called[path]})" if path in called else path for path in known[:_LISTED]]
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f"the run has calls at {', '.join(listed)}{more}; '0' runs all again" if known else "the run made no calls"
