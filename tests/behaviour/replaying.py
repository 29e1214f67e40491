"""Drops a run and replays it from its log at every durable point, unseen by who asked for it.

With ``NBFLOW_ALWAYS_REPLAY=1`` every run of a test that has a checkpointer is a *chain* of incarnations. As soon as
the checkpointer has acknowledged records of a run (its input, an answer, results of calls, failures that were
survived, what a body observed, a question), and before anybody is told so, the incarnation is dropped as by the death
of its process: its journal takes nothing more, those who wait are stopped, and no end is written. When its body has
left, the next incarnation is begun from the rows of the checkpointer alone, with a log, scheduler, dispatch and
session of its own. What is acknowledged last ends the run, so nothing is dropped there.

Three things live on, so that the caller sees one run: its handle, its lease, and those who listen, who are told of
each record once. And the tasks in flight: a function that has called nothing is no part of the replay but works for
it, so it runs to its end, and the call at its position in the next incarnation is given its outcome. So no task runs
twice for want of luck, while the body, and each task that calls or asks, runs once more for every durable point.

A run of more than twenty-five records is dropped at the first twenty-five, and then whenever it has grown by half:
replaying each of a thousand points from the start would take an hour and find nothing more.

Runs with durability ``async`` or ``exit`` have no points at which something is acknowledged, and are left alone.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import pytest

from nbflow.checkpoint.base import Row
from nbflow.checkpoint.rows import from_row
from nbflow.core.call import Call, Frame
from nbflow.core.effects import Invoke, Program
from nbflow.core.log import Log
from nbflow.core.outcome import Outcome
from nbflow.core.record import ROOT, AnsweredBefore, Asked, CallEntered, Emitted, Fallback, Record
from nbflow.core.run_program import halt
from nbflow.core.scheduler import Scheduler
from nbflow.drivers import printing, threads
from nbflow.drivers.bodies import aio
from nbflow.drivers.dispatch import Dispatch
from nbflow.drivers.future import CallFuture
from nbflow.errors import RunStopped
from nbflow.runs import assembly, launch, opening
from nbflow.runs import journal as journals
from nbflow.runs.run import Run
from nbflow.runs.stream.feed import Feed

ALWAYS = os.environ.get("NBFLOW_ALWAYS_REPLAY", "") not in {"", "0"}
MANY, SHARE = 25, 0.5
_OF_QUESTIONS = (Asked, AnsweredBefore, Fallback)
DROPPED = "dropped, to be replayed"
_begin, _handle, _give_back = launch._begin, launch._handle, launch._give_back


class _Making(threading.local):
    """What this thread begins at this moment."""

    incarnation: Incarnation | None = None


_making = _Making()


class Dropped(BaseException):
    """Stands for the death of the process that a run was in."""


class Execution:
    """A function of a call that runs, or has run, in one incarnation.

    Attributes:
        by: the incarnation.
        effect: what runs.
        task: the asyncio task that it runs in, if it does.
        outcome: how it ended; None until then, and if it was torn down.
        ended: set when it has.
        emitted: what it wrote to streams, with the mode.
        said: what it printed and displayed, as ``Dispatch.hear`` is given it.
    """

    def __init__(self, by: Incarnation, effect: Invoke) -> None:
        self.by = by
        self.effect = effect
        self.task: asyncio.Task[Any] | None = None
        self.outcome: Outcome | None = None
        self.ended = threading.Event()
        self.emitted: list[tuple[object, str]] = []
        self.said: list[tuple[str, Any, str]] = []
        self.waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    @property
    def is_leaf(self) -> bool:
        """Whether it has called and asked nothing so far."""
        frame = self.effect.frame
        return not (frame.calls or frame.asks or frame.branches or self.effect.call.asked)

    def is_for(self, call: Call) -> bool:
        """Whether it is an execution of the same call."""
        mine = self.effect.call
        return mine.spec.name == call.spec.name and mine.inputs == call.inputs

    def end(self, outcome: Outcome | None) -> None:
        """Note how it ended, and tell the next incarnation; one that was cancelled may run again."""
        if outcome is not None and isinstance(outcome.error, (Dropped, RunStopped, asyncio.CancelledError)):
            outcome = None
        self.outcome = outcome
        self.ended.set()
        for loop, future in self.waiting:
            loop.call_soon_threadsafe(_wake, future)

    async def join(self) -> None:
        """Wait for its end on a loop; who is cancelled meanwhile cancels it."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self.waiting.append((loop, future))
        if self.ended.is_set():
            return
        try:
            await future
        except asyncio.CancelledError:
            if self.task is not None:
                self.task.cancel()
            raise


class Incarnation:
    """A run between two durable points.

    Attributes:
        chain: the incarnations of the run.
        told: how many records of a kind and position came up, told or not.
        dropped: whether it is over, and another one follows.
        dispatch: what carries it out.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.told: Counter[Any] = Counter()
        self.dropped = False
        self.dispatch: ReplayedDispatch | None = None

    def is_news(self, record: Record) -> bool:
        """Whether no earlier incarnation has told this record."""
        key = _key(record)
        self.told[key] += 1
        if self.told[key] <= self.chain.told[key]:
            return False
        self.chain.told[key] = self.told[key]
        return True

    def drop(self) -> None:
        """Leave it as by the death of its process; what it holds is not told any more."""
        assert self.dispatch is not None, "who commits has been dispatched"
        self.dispatch.stop(_die(self.dispatch.scheduler))


class Chain:
    """All incarnations of one run, one after the other.

    Attributes:
        run: the handle that the caller has.
        future: of the result, whichever incarnation gives it.
        outcome: of the last incarnation, once it has ended.
        current: the newest incarnation.
        executions: by position, the functions that were run and whose ends are not durable.
        by_frame: all of them, by where their code stands.
        asked: ids of the questions that are durable.
        told: how many records of a kind and position the listeners were told of.
        length: number of its rows when it was dropped last.
        drops: how often the run was dropped.
        lock: held while records are made durable, and while an incarnation is dropped.
    """

    drops: int = 0

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.run: ReplayedRun | None = None
        self.future: CallFuture | None = None
        self.outcome: Outcome | None = None
        self.listeners: list[Callable[[Record], None]] = []
        self.executions: dict[str, Execution] = {}
        self.by_frame: dict[Frame, Execution] = {}
        self.told: Counter[Any] = Counter()
        self.lock = threading.RLock()
        self.asked: set[str] = set()
        self.length = 0
        self.entered: dict[str, CallEntered] | None = None
        self.cancelled = ""
        self.context = copy_context()
        self.current = Incarnation(self)
        printing.begin(self)  # tasks in flight are heard between two incarnations too
        for record in given["opening"].past:
            self.current.is_news(record)

    def begin(self) -> Run:
        """Begin the newest incarnation."""
        _making.incarnation = self.current
        try:
            return _begin(**self.given)
        finally:
            _making.incarnation = None

    def go_on(self) -> None:
        """Begin the next incarnation from what is stored."""
        try:
            self.context.copy().run(self._go_on)
        except BaseException as error:
            _give_back(self.given["asked"].saver, self.given["session"].thread_id, self.given["owner"])
            self.settle(Outcome(None, error))

    def _go_on(self) -> None:
        given, old, asked = self.given, self.given["session"], self.given["asked"]
        request = asked.request._replace(input=None, fork=None, reuse=False)
        asked = asked._replace(request=request)
        found = opening._go_on(given["workflow"], request, asked.saver, given["opening"].key)
        found = found._replace(records=[])
        session = assembly.session_of(given["workflow"], asked, found, led=old.led)
        self.given = {**given, "asked": asked, "session": session, "opening": found, "listener": None}
        current = self.current = Incarnation(self)
        self.begin()
        dispatch = current.dispatch  # by now another one may be the current one
        assert dispatch is not None, "it has begun"
        with self.lock:
            cancelled = self.cancelled
        if cancelled:
            dispatch.stop(halt(dispatch.scheduler, cancelled))
        dispatch.telling.tell()

    def settle(self, outcome: Outcome) -> None:
        """Give the caller the outcome of the last incarnation, which may have come before the caller has a handle."""
        with self.lock:
            if self.outcome is None:
                printing.end(self)
            self.outcome = outcome
            future = self.future
        if future is not None:
            future.settle(outcome)

    def is_point(self, rows: Sequence[Row]) -> bool:
        """Whether the run is to be dropped after these rows.

        Not where they only tell that a question is asked again, as every incarnation does that comes to it.
        """
        records = [from_row(row) for row in rows]
        asked = {record.id for record in records if isinstance(record, _OF_QUESTIONS)}
        is_new = bool(asked - self.asked) or any(not isinstance(record, _OF_QUESTIONS) for record in records)
        self.asked |= asked
        is_due = rows[-1].seq < MANY or rows[-1].seq > self.length * (1 + SHARE)
        if is_new and is_due:
            self.length = rows[-1].seq
        return is_new and is_due

    def enter(self, by: Incarnation, effect: Invoke) -> tuple[Execution | None, Execution]:
        """Return what runs this call since an earlier incarnation, if something does; and the execution by this one."""
        path = effect.call.path
        with self.lock:
            found = self.executions.get(path)
            mine = self.executions[path] = self.by_frame[effect.frame] = Execution(by, effect)
        if found is None or found.by is by or not found.is_for(effect.call):
            found = None
        return found, mine


class ReplayedLog(Log):
    """A log whose listeners are told what earlier incarnations have not told them; but who feeds a body, all."""

    __slots__ = ("incarnation",)

    def __init__(self, records: Sequence[Record] = ()) -> None:
        super().__init__(records)
        self.incarnation: Incarnation | None = _making.incarnation
        if self.incarnation is None:
            return
        chain = self.incarnation.chain
        if chain.entered is None:
            chain.entered = dict(self.entered)
        self.entered = dict(chain.entered)  # what runs since an earlier incarnation was not cut off
        self.listeners = chain.listeners
        if chain.drops:
            news = [record for record in self.records if self.incarnation.is_news(record)]
            self.untold.extend((record, tuple(self.listeners)) for record in news if self.listeners)

    def append(self, record: Record) -> None:
        incarnation = self.incarnation
        if incarnation is None:
            super().append(record)
            return
        is_heard = not incarnation.dropped or isinstance(record, Emitted)
        is_news = is_heard and incarnation.is_news(record)
        self.records.append(record)
        self._index(record)
        told = tuple(one for one in self.listeners if (not incarnation.dropped if _is_feed(one) else is_news))
        if told:
            self.untold.append((record, told))


def _is_feed(listener: Callable[[Record], None]) -> bool:
    """Whether a listener feeds a body of an incarnation: it is told all that happens in it."""
    return isinstance(getattr(listener, "__self__", None), Feed)


class ReplayedJournal(journals.Journal):
    """A journal whose run is dropped when something was acknowledged."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.incarnation: Incarnation | None = _making.incarnation

    def keep(self, rows: Sequence[Row]) -> None:
        incarnation = self.incarnation
        if incarnation is None:
            super().keep(rows)
            return
        with incarnation.chain.lock:
            if incarnation.dropped:
                raise Dropped
            super().keep(rows)
            self._note(incarnation, rows)
        self._drop(incarnation, rows)

    def try_keep(self, rows: Sequence[Row]) -> bool:
        incarnation = self.incarnation
        if incarnation is None:
            return super().try_keep(rows)
        if not incarnation.chain.lock.acquire(blocking=False):
            return False
        try:
            if incarnation.dropped:
                raise Dropped
            if not super().try_keep(rows):
                return False
            self._note(incarnation, rows)
        finally:
            incarnation.chain.lock.release()
        self._drop(incarnation, rows)
        return True

    def _note(self, incarnation: Incarnation, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.kind == "CallReturned":
                incarnation.chain.executions.pop(row.path, None)
        chain = incarnation.chain
        if rows and not journals._is_last(rows) and not chain.cancelled and chain.is_point(rows):
            incarnation.dropped = True
            chain.drops += 1

    def _drop(self, incarnation: Incarnation, rows: Sequence[Row]) -> None:
        if incarnation.dropped and rows and rows[-1].kind != "CallReturned":  # else once a cache has the result, too
            incarnation.drop()
            raise Dropped


class ReplayedDispatch(Dispatch):
    """Carries out one incarnation, and hands on what is in flight when that is dropped."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.incarnation = _making.incarnation
        if self.incarnation is not None:
            self.incarnation.dispatch = self
            self.call, self.acall = self._call, self._acall  # type: ignore[assignment]  # who calls them passes no more

    def emit(self, frame: Frame, value: object, mode: str = "custom") -> None:
        found = self.incarnation.chain.by_frame.get(frame) if self.incarnation is not None else None
        if found is not None:
            found.emitted.append((value, mode))
        super().emit(frame, value, mode)

    def hear(self, frame: Frame, stream: str, content: Any, display: str = "") -> None:
        found = self.incarnation.chain.by_frame.get(frame) if self.incarnation is not None else None
        if found is not None:
            found.said.append((stream, content, display))
        super().hear(frame, stream, content, display)

    def _take_over(self, found: Execution, effect: Invoke) -> Outcome | None:
        """Return how an execution that an earlier incarnation began ended, and write and say what it did."""
        if found.outcome is None or not found.is_leaf:
            return None
        for said in found.said:
            self.hear(effect.frame, *said)
        for value, mode in found.emitted:
            self.emit(effect.frame, value, mode)
        return found.outcome

    def _call(self, effect: Invoke) -> Outcome:
        if effect.call.caller is None:
            return self.bodies.run(effect)
        assert self.incarnation is not None, "else this is not called"
        found, mine = self.incarnation.chain.enter(self.incarnation, effect)
        if found is not None:
            threads.pool.wait(found.ended.wait)
        outcome = self._take_over(found, effect) if found is not None else None
        if outcome is None:
            outcome = self.bodies.run(effect)
        mine.end(outcome)
        return outcome

    async def _acall(self, effect: Invoke) -> Outcome:
        if effect.call.caller is None:
            return await self.bodies.arun(effect)
        assert self.incarnation is not None, "else this is not called"
        found, mine = self.incarnation.chain.enter(self.incarnation, effect)
        mine.task = asyncio.current_task()
        outcome = None
        try:
            if found is not None:
                await found.join()
                outcome = self._take_over(found, effect)
            if outcome is None:
                outcome = await self.bodies.arun(effect)
        except asyncio.CancelledError as error:
            outcome = Outcome(None, error)
        finally:
            mine.end(outcome)
        return outcome

    def _cancel_task(self, future: CallFuture) -> None:
        incarnation = self.incarnation
        if incarnation is None or not incarnation.dropped:
            super()._cancel_task(future)
            return
        found = incarnation.chain.executions.get(future.call.path)
        if future.task is not None and (found is None or not found.is_leaf):
            aio().soon(self.home_loop(), future.task.cancel)

    def _end(self, outcome: Outcome) -> None:
        super()._end(outcome)
        if self.incarnation is not None and not self.incarnation.dropped:
            self.incarnation.chain.settle(outcome)

    def _finish(self, future: CallFuture, outcome: Outcome) -> None:
        if self.incarnation is not None and self.incarnation.dropped and not self.scheduler.ended:
            self.incarnation.drop()
        super()._finish(future, outcome)
        if self.incarnation is not None and self.incarnation.dropped and future is self.body:
            self.incarnation.chain.go_on()


class ReplayedRun(Run):
    """The handle of all incarnations of a run."""

    chain: Chain

    def attach(self, future: CallFuture) -> None:
        chain = self.chain
        with chain.lock:
            if chain.future is not None:
                return
            outer = chain.future = CallFuture(Call(ROOT, future.call.spec, (), {}), future._driver)
            outer.claim()
            ended = chain.outcome
        super().attach(outer)
        if ended is not None:
            outer.settle(ended)

    def cancel(self, reason: str = "cancelled") -> bool:
        chain = self.chain
        with chain.lock:
            if self.done():
                return False
            chain.cancelled = reason
            if chain.current.dropped:
                return True
        return super().cancel(reason)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _key(record: Record) -> tuple[Any, ...]:
    """Return what an incarnation has in common with the next one, in its records of one kind."""
    return type(record), *(getattr(record, name, None) for name in ("path", "name", "attempt", "mode", "id"))


def _die(scheduler: Scheduler) -> Program:
    """End a run without a word in its log."""
    scheduler.stopping = DROPPED
    scheduler.ended = True
    yield from ()
    return Outcome(None, RunStopped(DROPPED))


def _begin_chain(workflow: Any, asked: Any, session: Any, opening: Any, owner: Any, **options: Any) -> Run:
    """Begin a run; as a chain, where its records are acknowledged one by one."""
    if asked.saver is None or asked.request.durability not in {None, "sync"}:
        return _begin(workflow, asked, session, opening, owner, **options)
    given = {"workflow": workflow, "asked": asked, "session": session, "opening": opening}
    chain = Chain({**given, "owner": owner, **options, "inline": False})
    owner.chain = chain
    return chain.begin()


def _handle_of_chain(workflow: Any, session: Any, records: Any, early: Any = None) -> Run:
    incarnation = _making.incarnation
    if incarnation is None:
        return _handle(workflow, session, records, early)
    chain = incarnation.chain
    if chain.run is None:
        run: Any = _handle(workflow, session, records, early)
        run.__class__ = ReplayedRun
        run.chain, chain.run = chain, run
    chain.run._session, chain.run._records, chain.run._early = session, records, early
    return chain.run


def _keep_lease(saver: Any, thread_id: str, owner: Any) -> None:
    chain = getattr(owner, "chain", None)
    if chain is None or not chain.current.dropped:
        _give_back(saver, thread_id, owner)


@contextmanager
def always_replayed() -> Iterator[None]:
    """Have each run that begins within dropped and replayed at every durable point."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "_begin", _begin_chain)
        patch.setattr(launch, "_handle", _handle_of_chain)
        patch.setattr(launch, "_give_back", _keep_lease)
        patch.setattr(launch, "Log", ReplayedLog)
        patch.setattr(assembly, "Dispatch", ReplayedDispatch)
        patch.setitem(journals.JOURNALS, "sync", ReplayedJournal)
        yield
