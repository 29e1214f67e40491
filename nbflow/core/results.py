"""The results on their way to the bodies of one run, and what those bodies saw besides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nbflow.core.deliveries import Deliveries, Seen
from nbflow.core.effects import AwaitSaved
from nbflow.core.record import CallFailed, Observed, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from nbflow.core.call import Call, Frame
    from nbflow.core.log import Log
    from nbflow.core.outcome import Outcome
    from nbflow.core.replay import Replay

    Taking = Generator[AwaitSaved, Outcome, Seen | None]


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
        behind: bodies that have seen something that is not durable.
    """

    def __init__(self, log: Log, replay: Replay, rows: Rows | None) -> None:
        self.rows = rows if rows is not None else NoRows()
        self.behind: set[Deliveries] = set()
        self._log = log
        self._replay = replay

    def begin(self, trunk: Frame) -> Deliveries:
        """Return the deliveries of an attempt whose body makes its first call."""
        body = trunk.deliveries = Deliveries(trunk.call.path, self.rows.in_flight, self._replay.order, self.behind)
        return body

    def behind_at(self, call: Call) -> list[Deliveries]:
        """Return the bodies around a call that have seen something that is not durable, innermost first."""
        found: list[Deliveries] = []
        while call.deliveries is not None and call.caller is not None:
            if call.deliveries in self.behind:
                found.append(call.deliveries)
            call = call.caller.call
        return found

    def take_seen(self, call: Call, now: Callable[[], float], bodies: Sequence[Deliveries] | None = None) -> Taking:
        """Take what bodies have seen and that is not durable yet, for a commit of a call; None if that is nothing.

        What one commit carries is durable before another one that came after it, so this waits for its turn.

        Args:
            call: whose commit will carry it.
            now: gives seconds since 1970.
            bodies: whose; None for those around the call.

        Yields:
            ``AwaitSaved`` while another commit carries something that one of them has seen.
        """
        bodies = self.behind_at(call) if bodies is None else bodies
        while busy := [body for body in bodies if body.saving is not None]:
            yield AwaitSaved(busy[0])
        return self._taken(bodies, call, now())

    def _taken(self, bodies: Sequence[Deliveries], call: Call, now: float) -> Seen | None:
        seen = Seen([(body, records) for body in bodies if (records := body.observed(now))])
        if not seen.parts:
            return None
        call.saving = seen
        for body, _ in seen.parts:
            body.saving = seen
        return seen

    def saved(self, call: Call, *, is_durable: bool) -> None:
        """Take in that the commit of a call is over which carries what bodies have seen."""
        seen, call.saving = call.saving, None
        for body, records in seen.parts if seen is not None else ():
            if not is_durable:
                body.see_again(records)
            for record in records if is_durable else ():
                if isinstance(record, (Observed, Told)):
                    self._log.append(record)
            body.saved()
            held_up, body.held_up = body.held_up, []
            for go_on in held_up:
                go_on()

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
