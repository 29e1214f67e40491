"""What a run is given of what is stored, all of it rebuilt; or the run does not begin, and nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.fork import steered
from nbflow.core.log import Log
from nbflow.core.path import around
from nbflow.core.questions import answer_of, unfit
from nbflow.core.rebuilt import run_of, whole
from nbflow.core.record import Answered, Record, Reopened, of_kind
from nbflow.errors import UnloadableValueError
from nbflow.session.session import SAVE_ANEW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.call import Spec
    from nbflow.runs.request import Opening


def given(opening: Opening, body: Spec, *, rerun: bool) -> tuple[object, list[Record]]:
    """Return the input of a run's body, and the records that the run begins with.

    The answers that the body may come to are looked at, and ``previous`` if the body takes it.

    Args:
        opening: what the run begins with.
        body: its function.
        rerun: whether a question whose answer can't be rebuilt is opened again; else that is an error.

    Raises:
        UnloadableValueError: if a value can't be rebuilt.
    """
    log = [*opening.past, *opening.records]
    run = run_of(log)
    started = opening.started
    anew = "begin a run with another input" if started.thread_id else ""
    value = whole(started.value, f"the input of {run}", anew)
    if any(one.what == "previous" for one in body.inject):
        whole(opening.kept, f"`previous` of {run}", SAVE_ANEW)
    return value, [*opening.records, *_reopened(log, rerun=rerun)]


def _reopened(records: Sequence[Record], *, rerun: bool) -> list[Record]:
    """Return what opens the questions again whose answers are still wanted and can't be rebuilt.

    Raises:
        UnloadableValueError: if there are any, unless ``rerun``.
    """
    if not any(map(_is_stored, of_kind(records, Answered))):
        return []
    log, found = Log(records), list[Record]()
    for answered in log.answers.values():
        if not _is_stored(answered) or any(path in log.settled for path in around(answered.path)):
            continue
        asked = log.asked.get(answered.id)
        question = asked.value.get() if asked is not None and asked.value is not None else None
        try:
            answer_of(answered, question, records)
        except UnloadableValueError as error:
            if not rerun:
                raise
            dropped, at = steered(records, answered), records[-1].at
            problem = unfit(error.reason)
            found.append(
                Reopened(
                    path=answered.path, at=at, id=answered.id, problem=problem, value=answered.value, dropped=dropped
                )
            )
    return found


def _is_stored(record: Answered) -> bool:
    return record.value is not None and record.value.raw is not None
