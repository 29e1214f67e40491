"""Whether a change of the code counts in a run: decided once, recorded, and the same ever after."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbflow.core.record import CodeKept, Patched, RunResumed, RunStarted, of_kind
from nbflow.errors import RunStopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.call import Frame
    from nbflow.core.record import Record
    from nbflow.core.scheduler import Scheduler


def taken(run: Scheduler, frame: Frame, name: str, early: Sequence[Record] = ()) -> bool:
    """Return whether a change counts, and note it for the next durable record of the body, if that is new.

    Args:
        run: in which it is asked.
        frame: where the code stands.
        name: of the change.
        early: records of the run that its log does not hold.

    Raises:
        RunStopped: if the attempt that asks is over.
    """
    if frame.closed:
        raise RunStopped("the attempt that asks is over")
    known = run.log.patches.get(name)
    if known is None:
        known = next((record.taken for record in of_kind(early, Patched) if record.name == name), None)
    if known is None:
        known = frame.left == 0 and _began_with(frame, name, [*early, *run.log.records])
        _note(run, frame, Patched(path=frame.call.path, at=run.now(), name=name, taken=known, next=_next(frame)))
    return known


def _next(frame: Frame) -> str:
    return f"{frame.prefix}.{frame.calls}"


def _note(run: Scheduler, frame: Frame, record: Patched) -> None:
    run.log.append(record)
    if run.keep is not None:
        trunk = frame.trunk or frame
        (trunk.deliveries or run.results.begin(trunk)).note(record)


def _began_with(frame: Frame, name: str, records: Sequence[Record]) -> bool:
    """Whether a run began with code in which the change stands: with that of now, or one that names it."""
    call, node = frame.call, ""
    while call.caller is not None:
        node = call.spec.name if call.spec.kind == "node" else node
        call = call.caller.call
    started = next((record for record in records if isinstance(record, RunStarted)), None)
    resumed = next((at for at, record in enumerate(records) if isinstance(record, RunResumed)), None)
    if started is None or resumed is None:
        return True
    if call.spec.kind != "graph" and started.code == call.spec.code:
        return True
    kept = [record for record in of_kind(records[:resumed], CodeKept) if not record.copied]
    if call.spec.kind == "graph" and all(
        record.name != node for record in kept
    ):  # it has no code but that of its nodes
        return True
    written = re.compile(rf"\bpatch\(\s*(['\"]){re.escape(name)}\1")
    return any(written.search(text) for record in kept for text in _texts(record.get()))


def _texts(kept: object) -> list[str]:
    """Return the sources that are kept of a function: its own, and those of what it names."""
    if isinstance(kept, dict):
        return [text for part in kept.values() for text in _texts(part)]
    return [kept] if isinstance(kept, str) else []
