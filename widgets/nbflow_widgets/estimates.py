"""How long a run may still take, by an earlier one of its workflow in the same file, found on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from nbflow import list_runs, read_run, threads
from nbflow.views.estimate import Estimate
from nbflow.views.progress import run_of

if TYPE_CHECKING:
    from nbflow import Run
    from nbflow.types import BaseCheckpointSaver
    from nbflow.views.progress import RunView

SIZE = 20_000_000  # bytes of a thread that is read at most
LOOKED_AT = 5  # runs
SECONDS = 5.0  # that a run has worked at least whose time is worth a word
SHARE = 0.005  # of the time that reckoning may take


class Remaining:
    """What is left of a run, reckoned anew once in a while.

    Args:
        estimate: by the last run.
    """

    def __init__(self, estimate: Estimate) -> None:
        self._estimate = estimate
        self._due = self._at = 0.0
        self._left: float | None = None

    def left(self, view: RunView, now: float) -> float | None:
        """Return the seconds that are left; None where nothing is known, or next to nothing left."""
        if now >= self._due:
            begun = time.perf_counter()
            self._left, self._at = self._estimate.left(view, now), now
            self._due = now + max(1.0, (time.perf_counter() - begun) / SHARE)
        left = None if self._left is None else self._left - (now - self._at)
        return left if left is not None and left >= 1 else None


def look_for(run: Run, take: Callable[[Remaining], None]) -> None:
    """Look for an earlier run, and have ``take`` called on that thread if one says something."""
    saver = run.workflow.checkpointer
    if saver is not None:
        threading.Thread(target=_look, args=(saver, run, take), name="nbflow-estimate", daemon=True).start()


def _look(saver: BaseCheckpointSaver, run: Run, take: Callable[[Remaining], None]) -> None:
    try:
        found = next((one for one in _earlier(saver, run) if one is not None), None)
    except Exception:  # noqa: BLE001  # a file that is closed or can't be read tells no times; the run itself says why
        return
    if found is not None:
        take(Remaining(found))


def _earlier(saver: BaseCheckpointSaver, run: Run) -> Iterator[Estimate | None]:
    """Yield what the runs say that returned before: of the thread itself, then of others of the workflow."""
    own = run.workflow.name
    around = sorted(threads(saver), key=lambda one: one.thread_id != run.thread_id)
    left = LOOKED_AT
    for one in around:
        if one.workflow != own or one.size > SIZE or (one.status != "done" and one.thread_id != run.thread_id):
            continue
        for run_id in list_runs(saver, one.thread_id, limit=LOOKED_AT):
            if run_id == run.run_id:
                continue
            if left <= 0:
                return
            left -= 1
            view = run_of(read_run(saver, one.thread_id, run_id))
            estimate = Estimate(view) if view.progress.name == own and view.calls.rows else None
            yield estimate if estimate is not None and estimate.is_usable and estimate.worked >= SECONDS else None
