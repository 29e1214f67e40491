"""The results on their way to the bodies of one run, and what those bodies saw besides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nbflow.core.deliveries import Deliveries
from nbflow.core.record import CallFailed, Observed

if TYPE_CHECKING:
    from nbflow.core.call import Call, Frame
    from nbflow.core.log import Log
    from nbflow.core.record import Record
    from nbflow.core.replay import Replay


class Rows(Protocol):
    """The numbers of the rows that a run is stored in.

    Attributes:
        in_flight: rows of results that are being made durable.
    """

    in_flight: dict[Call, int]

    def latest(self) -> int:
        """Return the highest number so far."""
        ...


class NoRows:
    """Stands for the rows of a run that is not stored."""

    def __init__(self) -> None:
        self.in_flight: dict[Call, int] = {}

    def latest(self) -> int:
        """Return 0."""
        return 0


class Results:
    """Leads the results of calls to the bodies that made them.

    Attributes:
        rows: the rows that the results are stored in.
    """

    def __init__(self, log: Log, replay: Replay, rows: Rows | None) -> None:
        self.rows = rows if rows is not None else NoRows()
        self._log = log
        self._replay = replay

    def begin(self, trunk: Frame) -> Deliveries:
        """Return the deliveries of an attempt whose body makes its first call."""
        deliveries = trunk.deliveries = Deliveries(trunk.call.path, self.rows.in_flight, self._replay.order)
        return deliveries

    def seen_by(self, body: Deliveries, now: float) -> tuple[Record, ...]:
        """Take what a body has seen and that is not durable yet."""
        seen = body.observed(now)
        for record in seen:
            if isinstance(record, Observed):
                self._log.append(record)
        return seen

    def cancelled_again(self, call: Call) -> None:
        """Have the body learn of a call that it has cancelled once more at the place where it learnt of it first."""
        past = self._log.settled.get(call.path)
        if isinstance(past, CallFailed) and past.place is not None:
            call.failure, call.row = past, self._replay.order.places[call.path]

    def cancelled(self, call: Call, failure: CallFailed) -> None:
        """Note that a call ended since its caller cancelled it; durable with what the caller does next."""
        failure.value, failure.survived, failure.cancelled = None, True, True
        call.failure = failure
        if call.deliveries is not None and not call.deliveries.closed:
            call.deliveries.see_again((failure,))
        self._log.append(failure)
