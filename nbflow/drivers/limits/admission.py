"""When a call may begin: its arguments are there, its task's limits and its run's allow it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nbflow.drivers.future import CallFuture
from nbflow.drivers.limits.concurrency import ConcurrencyLimit, TaskLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.call import Call


class Admission:
    """Lets the calls of one run begin.

    Args:
        max_concurrency: how many may work at the same time; None for any number.
        launch: has a call carried out.
        now: gives seconds since 1970.

    Attributes:
        is_limited: whether all calls of the run share a limit.
    """

    def __init__(
        self, max_concurrency: int | None, launch: Callable[[CallFuture], None], now: Callable[[], float]
    ) -> None:
        self._concurrency = ConcurrencyLimit(max_concurrency) if max_concurrency else None
        self.is_limited = self._concurrency is not None
        self._launch = launch
        self._now = now
        self._lock = threading.Lock()

    def is_free(self, call: Call) -> bool:
        """Whether nothing keeps a call from beginning at once, and its caller has no slot to give up."""
        caller = call.caller
        return (
            self._concurrency is None
            and call.spec.limits is None
            and not call.waits_for
            and (caller is None or caller.call.spec.limits is None)
        )

    def line_up(self, future: CallFuture) -> None:
        """Have a call begin when what it waits for has ended and its limits allow it."""
        call = future.call
        open_futures = [one.promise for one in call.waits_for if isinstance(one.promise, CallFuture)]
        call.held = self._concurrency is not None or call.spec.limits is not None
        if call.held:
            call.requested = self._now()
        missing = [len(open_futures)]

        def one_less() -> None:
            with self._lock:
                missing[0] -= 1
                ready = missing[0] == 0
            if ready:
                self._enter_rate(future)

        for each in open_futures:
            each.when_settled(one_less)
        if not open_futures:
            self._enter_rate(future)

    def leave(self, *calls: Call) -> None:
        """Give up the slots of calls that have ended, or wait for others from now on."""
        for call in calls:
            if self._concurrency is not None:
                self._concurrency.leave(call)
            limits = call.spec.limits
            if isinstance(limits, TaskLimits) and limits.concurrency is not None:
                limits.concurrency.leave(call)

    def _enter_rate(self, future: CallFuture, *, again: bool = False) -> None:
        limits = future.call.spec.limits
        if isinstance(limits, TaskLimits) and limits.rate is not None:
            limits.rate.enter(future, self._enter_task, first=again)
        else:
            self._enter_task(future)

    def _enter_task(self, future: CallFuture) -> None:
        limits = future.call.spec.limits
        if isinstance(limits, TaskLimits) and limits.concurrency is not None:
            limits.concurrency.enter(future, self._enter)
        else:
            self._enter(future)

    def _enter(self, future: CallFuture) -> None:
        if self._concurrency is None:
            self._let_begin(future)
        else:
            self._concurrency.enter(future, self._let_begin)

    def _let_begin(self, future: CallFuture) -> None:
        limits = future.call.spec.limits
        if isinstance(limits, TaskLimits) and limits.rate is not None and not limits.rate.may_begin():
            self.leave(future.call)
            self._enter_rate(future, again=True)
            return
        future.call.held = False
        self._launch(future)
