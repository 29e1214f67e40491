"""Storage and caches for the programs of a run: what they ask for that needs no other call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from nbflow.core.effects import AwaitSaved, AwaitTold, Commit, Compute, Recall, Remember
from nbflow.core.outcome import Outcome
from nbflow.drivers import threads
from nbflow.drivers.bodies import aside
from nbflow.drivers.future import CallFuture
from nbflow.drivers.waits import Waits

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Sequence

    from nbflow.core.call import Call
    from nbflow.core.record import Record, Value
    from nbflow.core.scheduler import Scheduler
    from nbflow.drivers.limits.admission import Admission
    from nbflow.drivers.listeners import Telling


class Journal(Protocol):
    """What makes the records of a run durable.

    Attributes:
        code: which code the run has kept; ``untold`` are records of that which the log does not have yet.
    """

    code: Any

    def prepare(self, records: Sequence[Record], ends: Call | None = None) -> Sequence[Any]:
        """Return the rows of records, to be kept next."""
        ...

    def keep(self, rows: Sequence[Any]) -> None:
        """Store rows durably, and wait for who holds the storage."""
        ...

    def hold(self, rows: Sequence[Any]) -> None:
        """Store rows with those that are prepared next."""
        ...

    def keep_now(self, rows: Sequence[Any]) -> None:
        """As ``keep``; they are on the disk on return, with all before them, whatever the run's durability."""
        ...

    def try_keep(self, rows: Sequence[Any]) -> bool:
        """As ``keep``, if that can be done without waiting; else False, and nothing was stored."""
        ...


class ResultCache(Protocol):
    """What takes results out of caches, and knows which are being computed."""

    @property
    def quick(self) -> bool:
        """Whether it never waits for others."""
        ...

    def find(self, call: Call) -> Value | CallFuture | None:
        """Return a result, or who computes it; None lets the call compute it, until it lands."""
        ...

    def keep(self, call: Call, result: object) -> None:
        """Put a result in."""
        ...

    def land(self, future: CallFuture) -> None:
        """Note that a call has ended, so that who asks next need not wait for it."""
        ...


class Hands(Waits):
    """Carries out what the programs of one run ask for.

    Attributes:
        journal: makes records durable; None if nothing is kept.
        result_cache: takes results out of caches.
    """

    if TYPE_CHECKING:  # what the class that this is a part of has
        admission: Admission
        telling: Telling

    def __init__(
        self, scheduler: Scheduler, loop: AbstractEventLoop | None, journal: Journal | None, result_cache: ResultCache
    ) -> None:
        super().__init__(scheduler, loop)
        self.journal = journal
        self.result_cache = result_cache

    def carry_out(self, effect: Commit | AwaitSaved | AwaitTold | Recall | Remember | Compute) -> Outcome:
        """Do what needs no waiting for other calls: storage and caches."""
        try:
            if isinstance(effect, Commit):
                journal, ends = self.journal, effect.ends
                if journal is not None:
                    rows = journal.prepare(effect.records, ends)
                    (journal.hold if effect.joins else journal.keep_now if effect.at_once else journal.keep)(rows)
                    if ends is not None:
                        ends.row = rows[-1].seq
                    if journal.code.untold:
                        self._tell_code(journal)
                if effect.saves is not None:
                    self._saved(effect.saves)
            elif isinstance(effect, Compute):
                return Outcome(effect.fn())
            elif isinstance(effect, (AwaitSaved, AwaitTold)):
                return self._await(effect)
            elif isinstance(effect, Recall):
                return self._recall(effect.call)
            else:
                self.result_cache.keep(effect.call, effect.result)
        except BaseException as error:  # noqa: BLE001  # the program decides whose failure that is
            self._lost(effect)
            return Outcome(None, error)
        return Outcome(None)

    def _lost(self, effect: object) -> None:
        """Let others go on that wait for a commit that failed."""
        if isinstance(effect, Commit) and effect.saves is not None:
            self._saved(effect.saves, is_durable=False)

    def _tell_code(self, journal: Journal) -> None:
        """Log the code that was kept beside what was made durable."""
        with self.lock:
            while journal.code.untold:
                self.scheduler.log.append(journal.code.untold.pop(0))

    def keep_held(self) -> None:
        """Make durable at once what was to become so with the next commit: somebody is about to be told of it."""
        if self.journal is not None:
            self.journal.keep(self.journal.prepare(()))

    def _await(self, effect: AwaitSaved | AwaitTold) -> Outcome:
        if isinstance(effect, AwaitSaved):
            return self.await_saved(effect)
        self.telling.tell(to_the_end=True)
        return Outcome(None)

    def _recall(self, call: Call) -> Outcome:
        found = self.result_cache.find(call)
        if isinstance(found, CallFuture):
            self.admission.leave(call)
            return Outcome(found.call)
        return Outcome(found)

    async def acarry_out(self, effect: Commit | AwaitSaved | AwaitTold | Recall | Remember | Compute) -> Outcome:
        """As ``carry_out``, while the loop goes on; what takes no waiting is done at once."""
        journal = self.journal
        if not isinstance(effect, Commit):
            waits = isinstance(effect, (AwaitSaved, AwaitTold))
            quick = not effect.waits if isinstance(effect, Compute) else self.result_cache.quick
            at_once = quick and not waits
            return self.carry_out(effect) if at_once else await aside()(lambda: self.carry_out(effect))
        failed: BaseException | None = None
        try:
            rows = journal.prepare(effect.records, effect.ends) if journal is not None else ()
            if journal is not None and effect.joins:
                journal.hold(rows)
            elif journal is not None and (effect.at_once or not journal.try_keep(rows)):
                keep = journal.keep_now if effect.at_once else journal.keep
                await aside()(lambda: self._keep(keep, rows, effect.saves))
            if effect.ends is not None and rows:
                effect.ends.row = rows[-1].seq
            if journal is not None and journal.code.untold:
                self._tell_code(journal)
        except BaseException as error:  # noqa: BLE001  # as in carry_out
            failed = error
        if effect.saves is not None:
            self._saved(effect.saves, is_durable=failed is None)
        return Outcome(None, failed)

    def _keep(self, keep: Callable[[Sequence[Any]], None], rows: Sequence[Any], saves: Call | None) -> None:
        keep(rows)
        if saves is not None:  # here, as sync code on the loop's thread may wait for it
            self._saved(saves)

    def _saved(self, call: Call, *, is_durable: bool = True) -> None:
        """Let others go on that wait until a commit of a call is over."""
        if call.saving is not None:
            with self.lock:
                self.scheduler.results.saved(call, is_durable=is_durable)

    jittered = staticmethod(threads.jittered)
