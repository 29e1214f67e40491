"""Which results of a run another one may take over; told by its records alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.path import around
from nbflow.core.record import Answered, CallReturned, MapReturned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nbflow.core.record import CallSettled, Record

Key = tuple[str, str, bytes, bytes]


def reusable(records: Sequence[Record], settled: Iterable[CallSettled]) -> Iterator[CallReturned]:
    """Yield the results that may be taken over.

    Not those that a person's answer went into, nor those that a stateful nested workflow had a part in, nor those whose
    code or arguments have no digest. Of a map the calls of the items are taken over.

    Args:
        records: of the run.
        settled: the ends of its calls that count.
    """
    ties = [one for one in records if isinstance(one, Answered) or (isinstance(one, CallReturned) and one.lineage)]
    tied = {path for one in ties for path in around(one.path)}
    for record in settled:
        if not isinstance(record, CallReturned) or isinstance(record, MapReturned):
            continue
        if record.code and record.inputs and record.path not in tied:
            yield record


def key_of(record: CallReturned) -> Key:
    """Return what a call must have in common with a recorded one to take its result over."""
    return record.name, record.kind, record.inputs, record.code
