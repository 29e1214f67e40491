"""A call of one task for each of many items: begun a few at a time, until its rule says that it is decided.

What comes of it depends on how many items succeeded and failed, not on their order, so nothing of that order is
recorded. Its result holds nothing that the results of the items don't: only they are stored.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core import announce
from nbflow.core.call import Frame
from nbflow.core.effects import AwaitAny, Compute, Program
from nbflow.core.outcome import Outcome
from nbflow.core.path import item_of, outside
from nbflow.core.record import MapReturned
from nbflow.errors import GraphInterrupt, InvalidOptionError, MapError, NotNeededError, UnknownResult

if TYPE_CHECKING:
    from nbflow.core.call import Call, Mailbox, Spec
    from nbflow.core.scheduler import Scheduler

WHERE = "map()"
_LISTED = 5
_ROUNDING = 1e-9  # 29 % of 100 are 29, whatever floats make of it


class Rule(NamedTuple):
    """When a map is decided.

    Attributes:
        total: number of the items.
        enough: successes that end it, and that it needs; None for all that there are.
        allowed: failures that it survives.
    """

    total: int
    enough: int | None
    allowed: int

    @classmethod
    def of(cls, total: int, enough: int | None, tolerate: int | str | None, *, keeps_errors: bool) -> Rule:
        """Return the rule of a map over ``total`` items, from what its caller said.

        Raises:
            InvalidOptionError: if more successes are wanted than there are items.
        """
        if enough is not None and enough > total:
            expected = f"it is at most the number of items, which is {total}"
            raise InvalidOptionError(WHERE, "min_successes", repr(enough), expected)
        if isinstance(tolerate, str):
            allowed = int(total * float(tolerate.rstrip("% ")) / 100 + _ROUNDING)
        elif tolerate is not None:
            allowed = tolerate
        else:
            allowed = total if keeps_errors or enough is not None else 0
        return cls(total, enough, allowed)

    def fails_with(self, failures: int) -> bool:
        """Whether so many failures are too many."""
        return failures > self.allowed or (self.enough is not None and failures > self.total - self.enough)

    def is_met_by(self, successes: int) -> bool:
        """Whether so many successes are enough, whatever becomes of other items."""
        return self.enough is not None and successes >= self.enough


class Mapping:
    """One execution of a map.

    Attributes:
        calls: of the items that were begun, in order.
        open: those that have not ended.
        failed: positions of the items that failed.
        waiting: what an item waits for that keeps the map from its end: an answer, or a call that is only planned.
        ending: what ends it beside its rule, such as a stop of the run; None for nothing.
    """

    def __init__(self, run: Scheduler, call: Call, of: Spec, width: int | None) -> None:
        self._run, self._call, self._of = run, call, of
        given, *self._before = call.args
        self._items = list(given) if isinstance(given, (list, tuple)) else None
        self._found = given
        self._width = width
        self._options = call.kwargs
        self.calls: list[Call] = []
        self.open: dict[str, int] = {}
        self.failed: list[int] = []
        self._succeeded = 0
        self.waiting: BaseException | None = None
        self.ending: BaseException | None = None

    @property
    def keeps_errors(self) -> bool:
        """Whether errors stand in the result."""
        return bool(self._options.get("return_exceptions"))

    def carry_out(self, frame: Frame) -> Program:
        """Begin the calls of the items, and wait for them until the map is decided."""
        if self._items is None:
            expected = "items are a list, or a future of one"
            return Outcome(None, InvalidOptionError(WHERE, "items", f"a {type(self._found).__name__}", expected))
        try:
            self.rule = self._rule(len(self._items))
        except InvalidOptionError as error:
            return Outcome(None, error)
        reply = yield Compute(self._run.host.mailbox)
        mailbox: Mailbox = reply.value  # type: ignore[assignment]  # what it makes
        while not self._is_decided:
            while self._has_room and not self._is_decided:
                yield from self._begin(frame, mailbox)
            if self.open and not self._is_decided:
                yield from self._await(mailbox)
        if self.ending is None or self._call.cancelling:
            yield from self._cancel_rest(mailbox)
        return self._outcome()

    def _rule(self, count: int) -> Rule:
        options = self._options
        return Rule.of(
            count,
            options.get("min_successes"),  # type: ignore[arg-type]  # checked by the one who called
            options.get("tolerate"),  # type: ignore[arg-type]  # as above
            keeps_errors=self.keeps_errors,
        )

    @property
    def _has_room(self) -> bool:
        assert self._items is not None, "checked first"
        return len(self.calls) < len(self._items) and (self._width is None or len(self.open) < self._width)

    @property
    def _is_decided(self) -> bool:
        assert self._items is not None, "checked first"
        if self.ending is not None or self._call.cancelled or self.rule.fails_with(len(self.failed)):
            return True
        is_through = len(self.calls) == len(self._items) and not self.open
        return is_through or (self.rule.is_met_by(self._succeeded) and self.waiting is None)

    def _begin(self, frame: Frame, mailbox: Mailbox) -> Program:
        assert self._items is not None, "checked first"
        args = (*self._before, self._items[len(self.calls)])
        item = Frame(frame.call, frame.host, outside(item_of(frame.prefix, len(self.calls))))
        item.trunk, item.fresh = frame, frame.fresh
        if self._run.replay.goes_on:
            item.left = self._run.replay.left_for(item.prefix, is_old=frame.left > 0)
        reply = yield Compute(partial(self._run.host.submit_for, item, self._of, args, mailbox))
        if reply.error is not None:
            self.ending = reply.error
            return reply
        call: Call = reply.value  # type: ignore[assignment]  # what it returns
        self.open[call.path] = len(self.calls)
        self.calls.append(call)
        if call.outcome is not None:
            self._take(call)
        return reply

    def _await(self, mailbox: Mailbox) -> Program:
        reply = yield AwaitAny(mailbox)
        if reply.error is not None:
            self.ending = reply.error
        for call in mailbox.take():
            self._take(call)
        return reply

    def _take(self, call: Call) -> None:
        """Count how a call has ended."""
        index = self.open.pop(call.path, None)
        if index is None or call.outcome is None:
            return
        error = call.outcome.error
        if error is None:
            self._succeeded += 1
        elif isinstance(error, Exception):
            self.failed.append(index)
        elif isinstance(error, (GraphInterrupt, UnknownResult)):
            self.waiting = GraphInterrupt() if isinstance(error, GraphInterrupt) else error
        elif not call.cancelled and not call.cancelling:
            self.ending = self.ending or error

    def _cancel_rest(self, mailbox: Mailbox) -> Program:
        """Cancel the calls that are not needed, and wait until those have ended that can be stopped."""
        rest = [self.calls[index] for index in self.open.values()]
        for call in rest:
            yield Compute(partial(self._run.host.cancel, call))
        while any(call.outcome is None for call in rest):
            reply = yield AwaitAny(mailbox)
            mailbox.take()
            if reply.error is not None:
                return reply
        return Outcome(None)

    def _outcome(self) -> Outcome:
        call, run = self._call, self._run
        if self.ending is not None:
            return Outcome(None, self.ending)
        for index in self.failed:
            run.failures.unseen.pop(self.calls[index].path, None)
        if self.rule.fails_with(len(self.failed)):
            return Outcome(None, self._error())
        if self.waiting is not None:
            return Outcome(None, self.waiting)
        call.seen = [failure for index in self.failed if (failure := self.calls[index].failure) is not None]
        call.carry += tuple(one.failure for one in self.calls if one.failure is not None and one.failure.cancelled)
        if self.failed and not self.keeps_errors:
            run.failures.left_out.append(self._left_out())
        count = self.rule.total
        call.gathered = MapReturned(name="", begun=len(self.calls), count=count, keeps_errors=self.keeps_errors)
        return Outcome(self._results())

    def _results(self) -> list[object]:
        assert self._items is not None, "checked first"
        found: list[object] = []
        for one in self.calls:
            outcome = one.outcome
            if outcome is not None and outcome.error is None:
                found.append(outcome.value)
            elif self.keeps_errors:
                failed = outcome is not None and isinstance(outcome.error, Exception)
                found.append(outcome.error if failed and outcome is not None else NotNeededError(one.path))
        if self.keeps_errors:
            first = len(self.calls)
            found += [NotNeededError(item_of(self._call.path, index)) for index in range(first, len(self._items))]
        return found

    def _errors(self) -> dict[int, Exception]:
        errors: dict[int, Exception] = {}
        for index in sorted(self.failed):
            outcome = self.calls[index].outcome
            if outcome is not None and isinstance(outcome.error, Exception):
                errors[index] = outcome.error
        return errors

    def _left_out(self) -> str:
        """Return in words which items failed and are left out of the result."""
        errors = self._errors()
        listed = [f"item {index}: {error!r}" for index, error in [*errors.items()][:_LISTED]]
        more = f"; and {len(errors) - _LISTED} more" if len(errors) > _LISTED else ""
        where = f"{self._call.spec.name!r}, call {self._call.path}"
        return (
            f"{len(errors)} of {self.rule.total} items of {where}, failed and are left out: {'; '.join(listed)}{more}"
        )

    def _error(self) -> MapError:
        errors = self._errors()
        error = MapError(self._of.name, self.rule.total, self._succeeded, self.rule.allowed, errors)
        error.__cause__ = next(iter(errors.values()), None)
        return error


def gather(run: Scheduler, call: Call, *, of: Spec, width: int | None) -> Program:
    """Carry out the call of a map.

    Args:
        run: that it belongs to.
        call: its arguments are the list of items and what every call is given before its item; its keywords the rule.
        of: the task.
        width: how many calls may be open at a time; None for any number.

    Yields:
        ``Compute`` for each item, ``AwaitAny``.

    Returns:
        The list of results; or ``MapError``.
    """
    call.started, call.attempt = run.now(), 1
    if run.log.listeners:
        run.log.append(announce.began(call, call.started))
    frame = Frame(call, run.host, call.path)
    run.results.begin(frame).closed = True  # this sees the outcomes itself, and is given none in turn
    if run.replay.is_needed or run.replay.goes_on:
        run.replay.begin(frame)
    outcome = yield from Mapping(run, call, of, width).carry_out(frame)
    frame.over = True
    return outcome
