"""What a run would do: its body is replayed with the code of now, and no task runs. Nothing is written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from nbflow.checkpoint import points
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import load
from nbflow.core.call import Call
from nbflow.core.log import Log
from nbflow.core.planning import Dry
from nbflow.core.record import ROOT, CallReturned, of_kind
from nbflow.core.run_program import execute
from nbflow.core.summary import summary_of_call
from nbflow.drivers import printing
from nbflow.errors import GraphBubbleUp, NoCheckpointerError, UnknownResult
from nbflow.fingerprint import Editions
from nbflow.fingerprint.files import changed
from nbflow.fingerprint.packages import version_of
from nbflow.runs.assembly import assembled, prepared, session_of
from nbflow.runs.looked_at import LookedAt
from nbflow.runs.opening import open_thread
from nbflow.runs.stored_input import given
from nbflow.views.calls import calls_of
from nbflow.views.plan import Plan, Planning, Wanted
from nbflow.views.rests import changed_in_words, versions_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.outcome import Outcome
    from nbflow.core.record import Record
    from nbflow.core.scheduler import Scheduler
    from nbflow.runs.assembly import Prepared
    from nbflow.runs.request import Opening, Request
    from nbflow.views.calls import CallRow
    from nbflow.workflow.definition import Definition


def plan_of(workflow: Definition, request: Request) -> Plan:
    """Return what a run would do.

    Args:
        workflow: what would run.
        request: how.

    Raises:
        NoCheckpointerError: if the workflow keeps no runs.
    """
    asked = prepared(workflow, request)
    if asked.saver is None:
        raise NoCheckpointerError(workflow.name, request.where)
    opening = open_thread(workflow, asked.request, asked.saver, asked.thread_id, asked.config)
    source = _source(asked, opening)
    planning = Planning(source, reuse=opening.reuse is not None, is_same=bool(opening.past), look=changed)
    if opening.finished:
        return planning.plan(workflow.name, [row for row in calls_of(opening.past) if row.path != ROOT], (), (), "")
    run = replayed_dry(workflow, asked, opening)
    error = run.outcome.error
    found = planning.plan(
        workflow.name,
        _there(run.scheduler),
        [_wanted(call) for call in run.dry.calls],
        run.scheduler.questions.pending.values(),
        _unknown(run.dry, error),
        _notes(run.scheduler),
    )
    edited = planning.changed(_wanted(run.body)) if opening.past else ""
    return found._replace(error=error if not isinstance(error, GraphBubbleUp) else None, changed=edited)


class DryRun(NamedTuple):
    """A run that was only planned.

    Attributes:
        dry: what it would do.
        body: the call of its body, with the code of now.
        scheduler: its state at the end.
        outcome: what its body came to.
    """

    dry: Dry
    body: Call
    scheduler: Scheduler
    outcome: Outcome


def replayed_dry(workflow: Definition, asked: Prepared, opening: Opening) -> DryRun:
    """Replay the body of a run with the code of now, and run nothing.

    Args:
        workflow: whose body.
        asked: how.
        opening: from where it begins.
    """
    dry, log = Dry(), Log(opening.past)
    store = LookedAt(workflow.store) if workflow.store is not None else None
    session = session_of(
        workflow, asked, opening, store=store, led=(_silent, False), editions=Editions(workflow.spec, kept=True)
    )
    dispatch = assembled(workflow, asked, session, opening, log, dry=dry)
    scheduler = dispatch.scheduler
    value, records = given(opening, workflow.spec, rerun=asked.request.on_divergence == "rerun")
    body = Call(ROOT, session.editions[workflow.spec], (value,), {})
    dispatch.on_end.append(partial(printing.end, dispatch))
    printing.begin(dispatch)
    outcome = dispatch.begin(body, execute(scheduler, body, records, opening.key.run_id), inline=True).wait()
    return DryRun(dry, body, scheduler, outcome)


def _silent(_place: object, _show: Callable[[], object]) -> None:
    """Show nothing of what a body prints: it is not the run."""


def _source(asked: Prepared, opening: Opening) -> Sequence[Record]:
    """Return the records of the run that results are taken from, or that is compared with."""
    if opening.past:
        return opening.past
    saver, thread_id = asked.saver, asked.thread_id
    run_id = opening.started.reuses
    if run_id is None and saver is not None:
        newest = points.newest(saver, thread_id)
        run_id = newest.run_id if newest is not None else None
    return load(saver, RunKey(thread_id, run_id)) if saver is not None and run_id is not None else []


def _there(scheduler: Scheduler) -> list[CallRow]:
    """Return the calls of bodies whose results are there: replayed, or taken over since the run began."""
    replayed = set(scheduler.replayed)
    new = scheduler.log.records[scheduler.replay.began_with :]
    taken = {one.path for one in new if isinstance(one, CallReturned) and (one.reused or one.cached)}
    return [row for row in calls_of(scheduler.log.records) if row.path in replayed or row.path in taken]


def _notes(scheduler: Scheduler) -> dict[str, str]:
    """Return by position what is to be known of results that are there: other files now, other versions then."""
    notes: dict[str, str] = {}
    for record in of_kind(scheduler.log.records, CallReturned):
        if record.made_with:
            now = {name: version_of(name) for name in record.made_with}
            notes[record.path] = f"made with {versions_in_words(record.made_with, now)}"
        elif record.files and (file := changed(record.files)) is not None:
            notes[record.path] = f"{changed_in_words(*file)}; what this run has done stands"
    return notes


def _wanted(call: Call) -> Wanted:
    spec = call.spec
    shown = call.shown or summary_of_call(call.args, call.kwargs)
    return Wanted(call.path, spec.name, spec.kind, shown, call.inputs, spec.code, spec.text, spec.parts)


def _unknown(dry: Dry, error: BaseException | None) -> str:
    """Return the position of a call whose result a body needed; empty if none kept it from its end."""
    if isinstance(error, UnknownResult):
        return error.path
    return dry.calls[0].path if dry.calls and isinstance(error, BaseExceptionGroup) else ""
