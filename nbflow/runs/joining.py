"""A run that somebody else works on, joined: its records are read as they are stored, its end is waited for.

That works the same whether another handle or another process works on it, for all that the two share is the
storage. If whoever works there dies, the run is gone on with here.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow import codec
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import from_row
from nbflow.core.call import current_frame
from nbflow.core.record import RunStarted
from nbflow.core.states import RunState, ended_as
from nbflow.drivers.bodies import aio
from nbflow.errors import RunCancelledError, ThreadBusyError
from nbflow.fingerprint import digest_of
from nbflow.runs.request import Opening, Request, last_context
from nbflow.runs.run import Run, stands_at_breakpoint
from nbflow.values import Command, Output_co

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.core.record import Record
    from nbflow.runs.assembly import Prepared
    from nbflow.session.session import Session
    from nbflow.workflow.definition import Definition

_FIRST, _LAST = 0.02, 0.5  # seconds between two looks at the storage: at first, and after a while


class Joining(NamedTuple):
    """What is to be joined.

    Attributes:
        workflow: which runs.
        asked: how.
        busy: says who works on it.
        begin: begins a run here, as ``launch`` does, when nobody works on the thread any more.
    """

    workflow: Definition
    asked: Prepared
    busy: ThreadBusyError
    begin: Callable[[Request], Run]

    @property
    def saver(self) -> BaseCheckpointSaver:
        """What keeps the thread."""
        assert self.asked.saver is not None, "without one, nobody else works on a thread"
        return self.asked.saver


class JoinedRun(Run[Output_co]):
    """The handle of a run that is worked on elsewhere; of its own run, once it has to go on with it.

    ``cancel()`` ends the waiting: the run itself is its worker's.
    """

    is_joined = True

    def __init__(self, joining: Joining, session: Session, go_on: Callable[[object], Run]) -> None:
        """Make the handle of what works on the thread of ``session``; ``go_on`` as of a run."""
        self._found: list[Record] = []
        super().__init__(joining.workflow, session, self._found, go_on)
        self._joining = joining
        self._lock = threading.RLock()
        self._ended = threading.Event()  # or gone on with here
        self._left = False
        self._error: BaseException | None = None
        self._waiting: list[Callable[[], None]] = []
        self._listeners: list[Callable[[Record], None]] = []
        newest = joining.saver.runs(session.thread_id, limit=1)
        self._older = newest[0] if newest and self._is_over(newest[0]) else None

    def watch(
        self,
        listener: Callable[[Record], None] | None,
        first: Callable[[Session, Opening], None] | None,
    ) -> JoinedRun[Output_co]:
        """Begin to wait; arguments as of ``launch``.

        Raises:
            ThreadBusyError: if it is known already that another run works there.
        """
        self._find()
        if first is not None:
            first(self._session, Opening([], [], RunKey(self.thread_id, self.run_id)))
        if listener is not None:
            self.listen(listener)
        run = copy_context().run
        threading.Thread(target=lambda: run(self._wait), name="nbflow-join", daemon=True).start()
        return self

    def _is_over(self, run_id: str) -> bool:
        rows = self._joining.saver.rows(RunKey(self.thread_id, run_id), last=_TAIL)
        return ended_as([from_row(row) for row in rows]) is not None

    def _find(self) -> None:
        """Take in which run is worked on, once it is stored.

        Raises:
            ThreadBusyError: if it is not the one that was asked for.
        """
        if not self.run_id:
            newest = self._joining.saver.runs(self.thread_id, limit=1)
            if not newest or newest[0] == self._older:
                return
            rows = self._joining.saver.rows(RunKey(self.thread_id, newest[0]))
            unlike = _unlike(self._joining, [from_row(row) for row in rows])
            if unlike:
                busy = self._joining.busy
                raise ThreadBusyError(busy.thread_id, busy.owner, unlike=unlike)
            self.run_id = newest[0]
        self._read()

    def _read(self) -> None:
        """Take in what was stored since, and tell of it."""
        key, saver, count = RunKey(self.thread_id, self.run_id), self._joining.saver, len(self._found)
        last = saver.rows(key, last=1)
        new = last[-1].seq + 1 - count if last else 0
        rows = saver.rows(key, last=new) if new > 0 else []
        with self._lock:
            for row in rows:
                if row.seq != len(self._found):  # the one before it is still on its way
                    break
                record = from_row(row)
                self._found.append(record)
                for listener in tuple(self._listeners):
                    listener(record)

    def _wait(self) -> None:
        """Look until the run has ended, or nobody works on it any more."""
        pause = _FIRST
        try:
            while not self._ended.wait(pause) and not self._look():
                pause = min(2 * pause, _LAST)
        except BaseException as error:  # noqa: BLE001  # told to who asks for the result
            self._error = error
        self._settle()

    def _look(self) -> bool:
        """Return whether the waiting is over."""
        joining = self._joining
        held = joining.saver.holder(self.thread_id)  # before the records: an end that comes in between is seen
        self._find()
        if self.run_id and ended_as(self._found) is not None:
            return held is None or held != joining.busy.owner
        if held is not None:
            return False
        request = joining.asked.request._replace(on_busy="error")
        if self.run_id:  # who worked on it is gone
            request = request._replace(input=None, reuse=False)
        try:
            run = joining.begin(request)
        except ThreadBusyError as busy:  # somebody was quicker
            self._joining = joining._replace(busy=busy)
            return False
        self._become(run)
        return True

    def _become(self, run: Run) -> None:
        """Be the handle of a run that goes on here."""
        with self._lock:
            told, listeners = len(self._found), self._listeners
            self.run_id, self.config = run.run_id, run.config
            for name in ("_session", "_records", "_early", "_go_on", "_future", "_past"):
                setattr(self, name, getattr(run, name))
            is_left = self._left
        for listener in listeners:
            super().listen(_after(told, listener))
        if is_left:
            super().cancel("cancelled")

    def _settle(self) -> None:
        with self._lock:
            self._ended.set()
            waiting, self._waiting = self._waiting, []
        for fn in waiting:
            super().on_done(fn)

    @property
    def status(self) -> RunState:
        """As of a run; ``running`` while somebody works on it."""
        if self._future is not None or (self._ended.is_set() and self._found):
            return super().status
        if self._ended.is_set():
            return "stopped" if self._left else "failed"
        return "running"

    def done(self) -> bool:
        """Whether it has ended, if only with a question."""
        return self._ended.is_set() and super().done()

    def on_done(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` when the run has ended; at once if it has."""
        with self._lock:
            if not self._ended.is_set():
                self._waiting.append(fn)
                return
        super().on_done(fn)

    def result(self, timeout: float | None = None) -> Output_co:
        """As of a run: what it has returned where it is worked on.

        Args:
            timeout: seconds to wait; None waits for ever.

        Raises:
            TimeoutError: if it was not done in time.
            ThreadBusyError: if it turns out to be another run than the one that was asked for.
            RunCancelledError: if it was stopped, or ``cancel()`` ended the waiting.
        """
        over = threading.Event()
        self.on_done(over.set)
        try:
            if not over.wait(timeout):
                raise TimeoutError(f"{self!r} was not done within {timeout:g} s; it goes on")
        except KeyboardInterrupt:
            self.cancel("KeyboardInterrupt")
            raise
        return self._outcome()

    def __await__(self) -> Generator[Any, None, Output_co]:
        yield from self._over().__await__()
        return self._outcome()

    async def _over(self) -> None:
        import asyncio  # noqa: PLC0415  # a loop runs, so it is loaded already

        loop, over = asyncio.get_running_loop(), asyncio.Event()
        self.on_done(lambda: aio().soon(loop, over.set))
        try:
            await over.wait()
        except asyncio.CancelledError:
            self.cancel("CancelledError")
            raise

    def _outcome(self) -> Output_co:
        if self._error is not None:
            raise self._error
        if self._future is not None:
            return super().result()
        if self._left and ended_as(self._found) is None:
            raise RunCancelledError(self.workflow.name, self.thread_id)
        return self._stored()

    def _halted(self, status: str) -> Output_co:
        """As of a run; one that was stopped says so here as it did there."""
        if status == "stopped" and not stands_at_breakpoint(self._records):
            raise RunCancelledError(self.workflow.name, self.thread_id)
        return super()._halted(status)

    def cancel(self, reason: str = "cancelled") -> bool:
        """Wait no longer; False if it has ended. Who works on the run goes on; one that goes on here is stopped."""
        if self._future is not None:
            return super().cancel(reason)
        with self._lock:
            if self._ended.is_set():
                return False
            self._left = True
        self._settle()
        return True

    def listen(self, listener: Callable[[Record], None]) -> Callable[[], None]:
        """Have ``listener`` called with each record of the run: those so far, then new ones as they are stored."""
        with self._lock:
            if self._future is None:
                for record in self._found:
                    listener(record)
                self._listeners.append(listener)
                return lambda: self._listeners.remove(listener) if listener in self._listeners else None
        return super().listen(listener)


_TAIL = 16  # records; what workers brought in after the end of a run may stand behind it


def _after(count: int, listener: Callable[[Record], None]) -> Callable[[Record], None]:
    """Return a listener that passes over the first records, which were told of already."""
    left = count

    def listen(record: Record) -> None:
        nonlocal left
        if left:
            left -= 1
        else:
            listener(record)

    return listen


def _unlike(joining: Joining, records: Sequence[Record]) -> str:
    """Return why a run can't be joined; empty if it can."""
    workflow, given = joining.workflow, joining.asked.request.input
    started = records[0] if records else None
    if not isinstance(started, RunStarted):
        return "it can't be read"
    reasons = {
        f"the run there is one of {started.workflow!r}": started.workflow not in {workflow.spec.name, workflow.name},
        _NO_PART: isinstance(given, Command) or joining.asked.request.fork is not None,
        "the run there has other code": bool(started.code) and started.code != digest_of(workflow.spec),
    }
    found = next((reason for reason, is_so in reasons.items() if is_so), "")
    return found if found or given is None else _unlike_input(joining.asked.request, started, records)


_NO_PART = "an answer, a command or a fork is no part of the run there; send it when that has paused or ended"


def _unlike_input(request: Request, started: RunStarted, records: Sequence[Record]) -> str:
    """Return what of a run is not what it would be with this input; empty for nothing."""
    if started.source != "input":
        return "the run there is a fork"
    if codec.digest(started.get()) != codec.digest(request.input):
        return "the run there has another input"
    given = last_context(records)
    if codec.digest(given.get() if given is not None else None) != codec.digest(request.context):
        return "the run there has another context"
    return ""


def join(
    joining: Joining,
    session: Session,
    go_on: Callable[[object], Run],
    listener: Callable[[Record], None] | None,
    first: Callable[[Session, Opening], None] | None,
) -> Run:
    """Return the handle of the run that works on a thread.

    Args:
        joining: what is to be joined.
        session: of the handle.
        go_on: launches the run that goes on with an answer.
        listener: as of ``launch``.
        first: as of ``launch``.

    Raises:
        ThreadBusyError: if that was not asked for, or it is another run.
    """
    request, frame = joining.asked.request, current_frame.get()
    if request.on_busy != "join":
        raise joining.busy
    around = getattr(frame.host, "thread_id", None) if frame is not None else None
    if around == session.thread_id:
        busy = joining.busy
        raise ThreadBusyError(busy.thread_id, busy.owner, unlike="it would wait for the run that it is a part of")
    if "checkpoint_id" in joining.asked.config["configurable"]:
        busy = joining.busy
        raise ThreadBusyError(busy.thread_id, busy.owner, unlike="a checkpoint_id begins a run of its own")
    return JoinedRun(joining, session, go_on).watch(listener, first)
