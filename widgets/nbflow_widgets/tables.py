"""Runs as pandas tables: threads, checkpoints, calls, questions.

Columns and their types are the same whether a table has rows or not. Times are UTC; a duration is
a Timedelta; what is not known is missing, never a zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from nbflow import Run, Workflow, list_runs, list_threads, read_run
from nbflow.views.calls import CallRow, Record, in_order
from nbflow.views.details import object_of_value, text_of_value
from nbflow.views.diff import CallDiff, RunDiff
from nbflow.views.progress import CALL_STATES, RUN_STATES, Progress, RunView, run_of, times_of
from nbflow.views.repeatable import not_repeatable
from nbflow.views.rows import points_of, questions_of, thread_row
from nbflow.views.timing import TaskTimes, Timing, timing_of
from nbflow.views.what_if import what_if as scenarios

try:
    import numpy as np
    import pandas as pd
except ImportError as error:  # pragma: no cover  # nbflow asks for it, but somebody may have taken it away
    msg = "tables need pandas: pip install 'pandas>=2.2'"
    raise ImportError(msg) from error

from nbflow_widgets.frames import RunFrame

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver, Sweep

TIME = "datetime64[us, UTC]"
SPAN = "timedelta64[us]"
TEXT = "string"
NAME = "category"
OBJECT = "object"
WIDE = 200
_TAIL = 16  # records; what workers brought in after the end of a run may stand behind it
_RUN = pd.CategoricalDtype([*RUN_STATES])
_CALL = pd.CategoricalDtype([*CALL_STATES, "crashed"])
_KIND = pd.CategoricalDtype(["entrypoint", "graph", "task", "node"])
_SOURCE = pd.CategoricalDtype(["input", "loop", "update", "fork"])
_CHANGE = pd.CategoricalDtype(["equal", "changed", "only before", "only after"])
_QUESTION = pd.CategoricalDtype(["open", "answered", "dropped"])

THREADS = {
    "thread_id": TEXT, "workflow": NAME, "state": _RUN, "questions": "int64", "duration": SPAN,
    "updated": TIME, "started": TIME, "runs": "int64", "run_id": TEXT,
}  # fmt: skip
HISTORY = {
    "step": "int64", "source": _SOURCE, "workflow": NAME, "state": _RUN, "created": TIME, "value": TEXT,
    "checkpoint_id": TEXT, "parent_id": TEXT, "run_id": TEXT,
}  # fmt: skip
CALLS = {
    "path": TEXT, "name": NAME, "state": _CALL, "duration": SPAN, "paused": SPAN, "arguments": TEXT, "result": OBJECT,
    "error": TEXT, "attempt": "int64", "kind": _KIND, "started": TIME, "ended": TIME, "waited": SPAN, "parent": TEXT,
}  # fmt: skip
TASKS = {
    "name": NAME, "kind": _KIND, "calls": "int64", "total": SPAN, "median": SPAN, "p95": SPAN, "in_chain": SPAN,
    "failed": "int64", "retried": "int64", "taken": "int64",
}  # fmt: skip
CALLS_SIDE_BY_SIDE = {
    "path": TEXT, "name": NAME, "change": _CHANGE, "differs": TEXT, "before": SPAN, "after": SPAN, "ratio": "float64",
    "arguments": TEXT, "result_before": OBJECT, "result_after": OBJECT, "state_before": _CALL, "state_after": _CALL,
    "path_before": TEXT,
}  # fmt: skip
TASKS_SIDE_BY_SIDE = {
    "name": NAME, "kind": _KIND, "calls_before": "int64", "calls_after": "int64", "before": SPAN, "after": SPAN,
    "ratio": "float64",
}  # fmt: skip
INTERRUPTS = {
    "thread_id": TEXT, "state": _QUESTION, "name": NAME, "question": TEXT, "answer": TEXT, "by": TEXT,
    "asked": TIME, "answered": TIME, "waited": SPAN, "comment": TEXT, "path": TEXT, "run_id": TEXT, "id": TEXT,
}  # fmt: skip


SWEEP = {
    "value": OBJECT, "status": TEXT, "result": OBJECT, "same": OBJECT, "duration": SPAN, "error": TEXT,
    "thread_id": TEXT,
}  # fmt: skip


def sweep(found: Sweep) -> RunFrame:
    """Wait for the forks of a sweep, and return what came of each.

    Columns: the value, status and result of the run, whether that is the result of the run that was forked, how long
    it worked, its error, its thread.
    """
    rows = [
        {**row._asdict(), "same": row.is_same, "duration": row.seconds, "error": _error_of(row.error)}
        for row in found.rows()
    ]
    return _frame(rows, SWEEP)


REPEATABLE = {
    "name": NAME, "arguments": TEXT, "calls": "int64", "results": "int64", "result": OBJECT, "other": OBJECT,
    "thread_id": TEXT, "path": TEXT, "other_thread": TEXT, "other_path": TEXT,
}  # fmt: skip


def repeatable(saver: Workflow | BaseCheckpointSaver, thread_id: str | None = None) -> RunFrame:
    """Return the tasks that gave different results for the same code and arguments; an empty table is good news.

    Args:
        saver: the checkpointer, or a workflow that has one.
        thread_id: the thread whose runs are looked at; None takes all threads.
    """
    found = [
        {
            **one._asdict(), "arguments": one.shown, "thread_id": one.first.thread_id, "path": one.first.path,
            "other_thread": one.other.thread_id, "other_path": one.other.path,
            "result": object_of_value(one.first.value) if one.first.value is not None else None,
            "other": object_of_value(one.other.value) if one.other.value is not None else None,
        }
        for one in not_repeatable(_runs(saver, thread_id))
    ]  # fmt: skip
    return _frame(found, REPEATABLE)


def _error_of(error: BaseException | None) -> str | None:
    return _short(f"{type(error).__name__}: {error}") if error is not None else None


def threads(saver: Workflow | BaseCheckpointSaver) -> RunFrame:
    """Return the threads of a checkpointer, the one with the newest event first.

    Args:
        saver: the checkpointer, or a workflow that has one.
    """
    kept = _saver(saver, "threads()")
    rows = []
    for thread_id in list_threads(kept):
        runs = list_runs(kept, thread_id)
        first, last = read_run(kept, thread_id, runs[0], first=1), read_run(kept, thread_id, runs[0], last=_TAIL)
        row = thread_row(first, last, running=kept.holder(thread_id) is not None)
        if row is not None:
            rows.append({**row._asdict(), "runs": len(runs), "duration": _between(row.started, row.updated)})
    return _frame(sorted(rows, key=lambda row: -cast("float", row["updated"])), THREADS)


def history(saver: Workflow | BaseCheckpointSaver, thread_id: str, *, limit: int | None = None) -> RunFrame:
    """Return the checkpoints of a thread, newest first: for each run its result, then its pauses, then its input.

    Steps count inputs and results: -1 and 0 for a thread's first run. A pause has the step of the input before it.

    Args:
        saver: the checkpointer, or a workflow that has one.
        thread_id: the thread; an unknown one gives an empty table.
        limit: how many runs at most; None for all.
    """
    kept = _saver(saver, "history()")
    held = kept.holder(thread_id) is not None
    points = [
        {**point._asdict(), "created": point.at, "value": _short(point.value)}
        for age, run_id in enumerate(list_runs(kept, thread_id, limit=limit))
        for point in points_of(read_run(kept, thread_id, run_id), running=held and age == 0)
    ]
    return _frame(points, HISTORY)


def calls(
    run: Run | Sequence[Record] | Workflow | BaseCheckpointSaver,
    thread_id: str | None = None,
    run_id: str | None = None,
    *,
    results: bool = True,
) -> RunFrame:
    """Return the calls of one run, in the order of their positions; the body is the first.

    ``duration`` is how long a call worked; ``paused`` how long its run stood still meanwhile: it waited for people, or
    was stopped. ``waited`` is how long it waited for its turn.

    Args:
        run: a run, the records of one, or a checkpointer or workflow with ``thread_id``.
        thread_id: the thread to look at in a checkpointer.
        run_id: the run of that thread; None takes the newest.
        results: whether results and errors are decoded, a result as the object that it was; without, these columns
            stay empty.
    """
    view = _view(run, thread_id, run_id)
    rows = in_order(view.calls.rows.values())
    return _frame([_call(row, view.progress, results=results) for row in rows], CALLS)


def tasks(
    run: Run | Sequence[Record] | Workflow | BaseCheckpointSaver,
    thread_id: str | None = None,
    run_id: str | None = None,
) -> RunFrame:
    """Return where the time of one run went, by task, the one that took most first.

    ``in_chain`` is how much of the longest chain of calls is its own: what the run would save without it. ``taken``
    counts results from caches and other runs. Arguments as of ``calls``.
    """
    return tasks_of(timing_of(_view(run, thread_id, run_id)))


def tasks_of(times: Timing) -> RunFrame:
    """Return what ``tasks`` does, of a run whose times are known."""
    return _frame([{**row._asdict(), "total": row.seconds} for row in times.tasks], TASKS)


WHAT_IF = {"what": TEXT, "duration": SPAN, "faster": "float64"}


def what_if(run: Run, *, workers: int | None = None, faster: Mapping[str, float] | None = None) -> RunFrame:
    """Return how long a run would have taken had something been otherwise, the run as it was first.

    ``duration`` is on paper, from the recorded calls: compare lines with each other; ``faster`` is how many times
    faster a line is than the run as it was.

    Args:
        run: that has ended.
        workers: how many calls work at a time, of those tasks that had to wait for their turn; of all if none had.
        faster: by name of a task, how many times faster its own code works.

    Raises:
        InvalidOptionError: if ``workers`` is no whole number from 1, or ``faster`` names no task, or no number above 0.
    """
    view = run_of(run.log, live=not run.done())
    return _frame(
        [{**one._asdict(), "duration": one.seconds} for one in scenarios(view, workers=workers, faster=faster)],
        WHAT_IF,
    )


def calls_side_by_side(found: RunDiff) -> RunFrame:
    """Return the calls of two runs, each with the one of the other run that is the same, in the order of the second.

    ``before`` and ``after`` are how long they worked: without the time in which the run waited for people.
    """
    progress = found.before.view.progress, found.after.view.progress
    return _frame([_pair(call, progress) for call in found.calls], CALLS_SIDE_BY_SIDE)


def tasks_side_by_side(before: Iterable[TaskTimes], after: Iterable[TaskTimes]) -> RunFrame:
    """Return how often and how long the tasks of two runs ran, in the order of the second run's time."""
    mine, its = ({(one.name, one.kind): one for one in times} for times in (before, after))
    rows = []
    for key in [*its, *(key for key in mine if key not in its)]:
        first, second = mine.get(key), its.get(key)
        one, other = (task.seconds if task is not None else None for task in (first, second))
        counts = {"calls_before": first.calls if first else 0, "calls_after": second.calls if second else 0}
        rows.append({"name": key[0], "kind": key[1], **counts, **_times(one, other)})
    return _frame(rows, TASKS_SIDE_BY_SIDE)


def _pair(call: CallDiff, progress: tuple[Progress, Progress]) -> dict[str, object]:
    one, other = call.before, call.after
    shown, took = [], []
    for row, run in zip((one, other), progress, strict=True):
        shown.append(_call(row, run, results=True) if row is not None else {})
        took.append(times_of(row, run)[0] if row is not None else None)
    arguments = list(dict.fromkeys(row.shown for row in (one, other) if row is not None and row.shown))
    results = [row.get("result") if row.get("result") is not None else row.get("error") for row in shown]
    return {
        "path": other.path if other is not None else None,
        "name": next(row.name for row in (other, one) if row is not None),
        "change": call.change,
        "differs": ", ".join(call.differs) or None,
        **_times(*took),
        "arguments": " → ".join(arguments) or None,
        "result_before": results[0],
        "result_after": results[1],
        "state_before": shown[0].get("state"),
        "state_after": shown[1].get("state"),
        "path_before": one.path if one is not None and (other is None or one.path != other.path) else None,
    }


def _times(before: float | None, after: float | None) -> dict[str, object]:
    """Return two durations, and how many times the first the second is."""
    ratio = after / before if before is not None and after is not None and before > 0 else None
    return {"before": before, "after": after, "ratio": float(f"{ratio:.3g}") if ratio is not None else None}


def interrupts(run: Run | Sequence[Record] | Workflow | BaseCheckpointSaver, thread_id: str | None = None) -> RunFrame:
    """Return the questions that were asked, open ones first, then the newest.

    Args:
        run: a run, the records of one, or a checkpointer or workflow.
        thread_id: the thread to look at in a checkpointer; None takes all threads.
    """
    found = [
        {**row._asdict(), "question": _short(row.question), "answer": _short(row.answer)}
        | {"waited": _between(row.asked, row.answered)}
        for records in _runs(run, thread_id)
        for row in questions_of(records)
    ]
    return _frame(sorted(found, key=lambda row: (row["state"] != "open", -cast("float", row["asked"]))), INTERRUPTS)


def _view(
    run: Run | Sequence[Record] | Workflow | BaseCheckpointSaver, thread_id: str | None, run_id: str | None
) -> RunView:
    records = run.log if isinstance(run, Run) else _records(run, thread_id, run_id)
    return run_of(records, live=isinstance(run, Run) and not run.done())


def _call(row: CallRow, progress: Progress, *, results: bool) -> dict[str, object]:
    failed = row.state == "failed"
    value = row.value if results else None
    at_work, stood = times_of(row, progress)
    return {
        "path": row.path,
        "name": row.name,
        "kind": row.kind,
        "state": row.state,
        "attempt": row.attempt,
        "started": row.started or None,
        "duration": at_work,
        "paused": stood,
        "waited": _between(row.requested or None, row.started) if row.parent else None,
        "arguments": row.shown,
        "result": object_of_value(value) if value is not None and not failed else None,
        "error": _short(text_of_value(value, brief=True)) if value is not None and failed else None,
        "ended": row.ended,
        "parent": row.parent or None,
    }


def _runs(
    run: Run | Sequence[Record] | Workflow | BaseCheckpointSaver, thread_id: str | None
) -> Iterator[Sequence[Record]]:
    if isinstance(run, Run):
        yield run.log
    elif isinstance(run, Sequence):
        yield run
    else:
        kept = _saver(run, "interrupts()")
        for name in list_threads(kept) if thread_id is None else [thread_id]:
            for run_id in list_runs(kept, name):
                yield read_run(kept, name, run_id)


def _records(
    run: Sequence[Record] | Workflow | BaseCheckpointSaver, thread_id: str | None, run_id: str | None
) -> Sequence[Record]:
    if isinstance(run, Sequence):
        return run
    if thread_id is None:
        msg = "calls(): a checkpointer holds many runs; say which: calls(saver, thread_id)"
        raise TypeError(msg)
    return read_run(_saver(run, "calls()"), thread_id, run_id)


def _saver(saver: Workflow | BaseCheckpointSaver, what: str) -> BaseCheckpointSaver:
    return saver.saver(what) if isinstance(saver, Workflow) else saver


def _frame(rows: Iterable[Mapping[str, object]], columns: Mapping[str, Any]) -> RunFrame:
    found = list(rows)
    return RunFrame({name: _column([row.get(name) for row in found], kind) for name, kind in columns.items()})


def _column(values: Sequence[Any], kind: Any) -> pd.Series:  # noqa: ANN401  # a dtype, or the name of one
    if kind in (TIME, SPAN):  # not a set: a dtype equals its name, but has another hash
        whole = pd.array([None if value is None else round(value * 1e6) for value in values], dtype="Int64")
        numbers = pd.Series(whole.to_numpy(dtype="int64", na_value=_NAT))
        return numbers.astype("datetime64[us]").dt.tz_localize("UTC") if kind == TIME else numbers.astype(SPAN)
    if kind == OBJECT:
        return pd.Series(_array_of(values), dtype=OBJECT)
    if kind == NAME:
        return pd.Series(pd.Categorical(values, categories=sorted({str(value) for value in values})))
    return pd.Series(values, dtype=kind)


def _array_of(values: Sequence[object]) -> Any:  # noqa: ANN401  # numpy is typed by pandas' stubs alone
    """Return values as one column, whatever they are: of lists, numpy would make a table."""
    found = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        found[place] = value
    return found


def _between(start: float | None, end: float | None) -> float | None:
    """Return the seconds between two times as the table shows them, so that differences of columns agree."""
    if start is None or end is None:
        return None
    return max(0, round(end * 1e6) - round(start * 1e6)) / 1e6


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= WIDE else f"{text[: WIDE - 1]}…"


_NAT = pd.NaT.value
