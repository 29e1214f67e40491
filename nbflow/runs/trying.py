"""One recorded call run alone, with the code of now on the arguments that it was given; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import unified_diff
from typing import TYPE_CHECKING, Any, cast

from nbflow._support import clock
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import load
from nbflow.core.call import Call, Spec, current_frame
from nbflow.core.log import Log
from nbflow.core.path import around
from nbflow.core.rebuilt import recall
from nbflow.core.record import ROOT, CallFailed, CallSettled, Value
from nbflow.core.run_program import execute
from nbflow.errors import GraphInterrupt, InvalidOptionError, NoCheckpointerError
from nbflow.runs.assembly import assembled, prepared, session_of
from nbflow.runs.opening import open_thread
from nbflow.runs.planning import replayed_dry
from nbflow.runs.request import Opening, Request, started_at
from nbflow.runs.sweeping import has_same_content
from nbflow.views.details import text_of_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbflow.core.outcome import Outcome
    from nbflow.core.record import Record
    from nbflow.runs.assembly import Prepared
    from nbflow.runs.run import Run
    from nbflow.workflow.definition import Definition

_LINES = 60
_WHERE = "try_call()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of running one recorded call again, beside what came of it then.

    Attributes:
        path: position of the call.
        name: of the task.
        shown: the arguments as short text.
        before: what it returned when it was recorded; None if it failed.
        error_before: what it raised then; None if it returned.
        seconds_before: how long it took then.
        after: what it returns now; None if it fails.
        error: what it raises now, also that it asks a person; None if it returned.
        seconds: how long it took now.
        is_changed: whether that is another result, by content.
    """

    path: str
    name: str
    shown: str
    before: object
    error_before: BaseException | None
    seconds_before: float
    after: object
    error: BaseException | None
    seconds: float
    is_changed: bool
    _fork: Callable[[object], Run[Any]] = field(repr=False)

    def fork(self) -> Run[Any]:
        """Run again from the call, in the background, with the new result in the place of the old one.

        Raises:
            InvalidOptionError: if the call failed now, so there is no result.
        """
        if self.error is not None:
            expected = f"it has no result: it raised {self.error!r}"
            raise InvalidOptionError("fork()", "the tried call", self.path, expected)
        return self._fork(self.after)

    def difference(self) -> list[str]:
        """Return what differs between the two results as lines of ``diff -u``; empty if nothing does."""
        before, after = self.texts()
        lines = [*unified_diff(before.splitlines(), after.splitlines(), "recorded", "now", lineterm="", n=2)]
        return lines if len(lines) <= _LINES else [*lines[:_LINES], f"… {len(lines) - _LINES} more lines"]

    def texts(self) -> tuple[str, str]:
        """Return what it came to then, and what it comes to now, as text."""
        return text_of(self.before, self.error_before), text_of(self.after, self.error)

    def __str__(self) -> str:
        what = "another result" if self.is_changed else "the same result"
        if self.error is not None:
            what = f"fails: {self.error!r}"
        lines = [f"{self.name} ({self.path}) with {self.shown or 'no arguments'}: {what}"]
        before, after = self.texts()
        lines += [f"  recorded: {_line(before)}", f"  now:      {_line(after)}"]
        return "\n".join(lines)


def try_call(workflow: Definition, request: Request, spec: Spec | None, fork: Callable[[object], Run[Any]]) -> Tried:
    """Run one call of a recorded run alone.

    Args:
        workflow: that recorded it.
        request: a fork at the position of the call.
        spec: the task to run in its place; None for the one that the body calls now.
        fork: forks the run at the call with what it is to have returned.

    Raises:
        InvalidOptionError: if there is no such call, or its arguments can't be had without running another task.
        NoCheckpointerError: if the workflow keeps no runs.
    """
    asked = prepared(workflow, request)
    if asked.saver is None:
        raise NoCheckpointerError(workflow.name, _WHERE)
    assert request.fork is not None, "it is asked for as a fork"
    at = request.fork.at
    records = _records(asked)
    settled = Log(records).settled
    past = _past(records, settled, at)
    opening = open_thread(workflow, asked.request, asked.saver, asked.thread_id, asked.config)
    dry = replayed_dry(workflow, asked, opening).dry
    call = next((one for one in dry.calls if one.path == at), None)
    if call is None:
        raise InvalidOptionError(_WHERE, "path", repr(at), _why_not(at, [one.path for one in dry.calls]))
    began = clock.now()
    outcome, log = _run(workflow, asked, call, spec or call.spec, opening.context)
    took = next((one.at - one.started for one in log if one.path == f"{ROOT}.0" and isinstance(one, CallSettled)), None)
    error = outcome.error
    before = recall(past, settled).outcome
    is_changed = (error is None) is not (before.error is None) or (
        error is None and not has_same_content(before.value, outcome.value)
    )
    return Tried(
        path=at,
        name=(spec or call.spec).name,
        shown=past.shown,
        before=before.value,
        error_before=before.error,
        seconds_before=max(0.0, past.at - past.started),
        after=outcome.value,
        error=error,
        seconds=took if took is not None else clock.now() - began,
        is_changed=is_changed,
        _fork=fork,
    )


def _records(asked: Prepared) -> Sequence[Record]:
    saver, config = asked.saver, asked.config
    assert saver is not None, "checked by the one who asks"
    named = config["configurable"].get("checkpoint_id")
    run_id = str(named) if named is not None else next(iter(saver.runs(asked.thread_id, limit=1)), "")
    return load(saver, RunKey(asked.thread_id, run_id))


def _past(records: Sequence[Record], settled: Mapping[str, CallSettled], at: str) -> CallSettled:
    """Return the record of a call's end."""
    past = settled.get(at)
    if past is None:  # failures that ended the run are no outcomes, and are recorded all the same
        ends = [one for one in records if one.path == at and isinstance(one, CallFailed)]
        past = ends[-1] if ends else None
    if past is None or past.kind not in {"task", "node"}:
        found = [path for path, one in settled.items() if one.kind == "task"]
        known = f"calls of tasks that have ended are at {', '.join(found[:12]) or 'no position'}"
        raise InvalidOptionError(_WHERE, "path", repr(at), known)
    if past.kind == "node":
        raise InvalidOptionError(_WHERE, "path", repr(at), "a node runs in its graph alone; fork there instead")
    return past


def _why_not(at: str, known: Sequence[str]) -> str:
    caller = next((path for path in list(around(at))[1:] if path in known), None)
    if caller is not None:
        return f"call {at} is made by the task at {caller}, which would have to run for its arguments; try that one"
    return f"the body, as it is now, does not come to call {at} with what is recorded; it comes to {', '.join(known)}"


def _run(
    workflow: Definition, asked: Prepared, call: Call, spec: Spec, context: object
) -> tuple[Outcome, Sequence[Record]]:
    """Run a call as the only one of a run that is not kept; return its outcome and the records."""

    def only(_: object) -> object:
        frame = current_frame.get()
        assert frame is not None, "a body runs in a frame"
        return cast("Any", frame.host.submit(frame, spec, call.args, call.kwargs)).result()

    alone = asked._replace(saver=None, thread_id="")
    started = started_at(workflow, "", alone.config, None)
    started.value = Value(None)
    opening = Opening([], [started], RunKey("", started.run_id), context=context)
    session = session_of(workflow, alone, opening)
    log = Log()
    dispatch = assembled(workflow, alone, session, opening, log)
    body = Call(ROOT, Spec(workflow.spec.name, only, kind="entrypoint"), (None,), {})
    outcome = dispatch.begin(body, execute(dispatch.scheduler, body, [started], started.run_id), inline=True).wait()
    if isinstance(outcome.error, GraphInterrupt):
        asks = [one.value for one in outcome.error.interrupts if hasattr(one, "value")]
        expected = f"it asks a person: {asks}; fork the run there, and answer in it"
        error = InvalidOptionError(_WHERE, "path", call.path, expected)
        outcome = type(outcome)(None, error)
    return outcome, log.records


def text_of(value: object, error: BaseException | None) -> str:
    """Return a result, or an error, as text."""
    return text_of_value(Value(error if error is not None else value), brief=True)


def _line(text: str) -> str:
    first, _, rest = text.partition("\n")
    return f"{first} …" if rest else first
