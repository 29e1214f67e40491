"""How runs and calls stand, in the words that users see everywhere, and in the orders in which they are listed.

``run.status``, tables, timelines and docs use these; the notebook's page gets the lists with its snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

from nbflow.core.record import Record, RunFailed, RunHalted, RunPaused, RunResumed, RunReturned, RunStarted

RunState = Literal["running", "asking", "answered", "sleeping", "done", "failed", "stopped", "crashed"]
CallState = Literal[
    "done",
    "replayed",
    "cached",
    "reused",
    "failed",
    "asking",
    "answered",
    "sleeping",
    "stopped",
    "retrying",
    "running",
    "waiting",
]

RUN_STATES: Final[tuple[RunState, ...]] = get_args(RunState)
CALL_STATES: Final[tuple[CallState, ...]] = get_args(CallState)
FINISHED: Final = ("done", "replayed", "cached", "reused")  # calls that have their result
TAKEN: Final = frozenset({"cached", "reused"})  # calls that did not run here: their results were there
OPEN: Final = ("retrying", "running", "waiting")  # calls that have not ended
# What is shown of many calls in one place: the first of these that any of them is in.
URGENT: Final = (
    "failed",
    "crashed",
    "asking",
    "answered",
    "retrying",
    "running",
    "waiting",
    "sleeping",
    "stopped",
    *FINISHED,
)

BODIES: Final = frozenset({"entrypoint", "graph"})  # kinds of calls that are runs of workflows

ENDED: Final[dict[type[Record], RunState]] = {
    RunReturned: "done",
    RunFailed: "failed",
    RunPaused: "asking",
    RunHalted: "stopped",
}


def state_after(record: Record) -> RunState | None:
    """Return how a run stands whose last record this is; None if no run ends with it."""
    if isinstance(record, RunPaused) and record.recorded and not record.ids:
        return "answered"
    if isinstance(record, RunHalted) and record.until is not None:
        return "sleeping"
    return ENDED.get(type(record))


def ended_as(records: Sequence[Record]) -> RunState | None:
    """Return how the last execution of a run ended; None if it did not. The last records are enough."""
    for record in reversed(records):
        state = state_after(record)
        if state is not None:
            return state
        if isinstance(record, (RunStarted, RunResumed)):
            break
    return None


def until_of(records: Sequence[Record]) -> float | None:
    """Return when a run that sleeps goes on, in seconds since 1970; None if it does not. The last records will do."""
    return next((record.until for record in reversed(records) if isinstance(record, RunHalted)), None)
