"""Worker threads: a pool that grows while its workers wait, and the loop that drives a program.

The pool is shared by the process. A submitted job may be claimed by somebody else before a
worker gets to it; the worker then drops it.
"""

from __future__ import annotations

import os
import random
import threading
import time
from _thread import allocate_lock
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from nbflow.core.effects import (
    Await,
    AwaitAny,
    AwaitSaved,
    AwaitTold,
    Commit,
    Compute,
    Invoke,
    Program,
    Recall,
    Remember,
    Sleep,
)
from nbflow.core.outcome import Outcome

if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable, Sized

    from nbflow.drivers.futures_wait import Closing
    from nbflow.drivers.listeners import Telling

CAP = 256
IDLE_SECONDS = 10.0
# A worker that is woken for nothing costs the thread that works: they pass the interpreter's lock back and forth.
NAP_SECONDS = 0.0005  # before a worker looks for a job that its submitter will probably run itself
PATIENCE = 4  # times NAP_SECONDS, at most, while workers come for nothing: the body runs its calls itself
GROW_SECONDS = 0.00005  # before one more worker joins: quick jobs are done by then, waiting ones are not


class Job(Protocol):
    """What a worker can do."""

    def claim(self) -> bool:
        """Take the right to run it."""
        ...

    def run(self) -> None:
        """Run it; raises nothing."""
        ...


class Pool:
    """Worker threads that come when there is work and go when there is none.

    One worker at a time is on its way to the queue; if it finds more than it takes, it sends
    for the next, who takes a moment to come. So a hundred sleeping tasks get a hundred workers,
    and a thousand quick ones are done by a few.
    """

    def __init__(self, cap: int = CAP, idle_seconds: float = IDLE_SECONDS) -> None:
        self._cap = cap
        self._idle_seconds = idle_seconds
        self._local = threading.local()
        self.reset()

    def reset(self) -> None:
        """Begin anew without workers, as the child of a fork must: threads do not come along."""
        self._queue: deque[Job] = deque()
        self._lock = allocate_lock()
        self._idle: list[LockType] = []
        self._active = 0
        self._coming = False
        self._napping = 0.0
        self._nap = NAP_SECONDS
        self._count = 0

    def submit(self, job: Job, *, soon: bool = True) -> None:
        """Have a worker run the job, unless somebody claims it first.

        Args:
            job: what to run.
            soon: whether a worker shall come at once. Else it may take half a millisecond: time for
                whoever submits to claim the job itself, without a worker woken for each of many.

        Raises:
            RuntimeError: if there is no worker and the system gives no thread for one; the job is not taken then.
        """
        self._queue.append(job)
        try:
            if not self._coming:
                self._send(nap=0.0 if soon else self._nap)
            elif soon and self._napping:
                self._send(anyway=True)
        except RuntimeError:
            if self._active:  # a worker will get to it
                return
            with suppress(ValueError):
                self._queue.remove(job)
            raise

    def _send(self, *, nap: float = 0.0, anyway: bool = False) -> None:
        with self._lock:
            if self._coming and not anyway:
                return
            self._napping = nap
            if not self._idle and self._active >= self._cap:
                return
            self._coming = True
            try:
                if self._idle:
                    self._idle[-1].release()
                    self._idle.pop()
                else:
                    self._start_worker()
            except BaseException:  # no thread to be had, or Ctrl-C: others may send for one
                self._coming = False
                raise

    def _start_worker(self) -> None:
        self._count += 1
        worker = threading.Thread(target=self._work, name=f"nbflow-worker-{self._count}", daemon=True)
        self._active += 1
        try:
            worker.start()
        except BaseException:
            self._active -= 1
            raise

    def _work(self) -> None:
        self._local.worker = True
        latch = allocate_lock()
        latch.acquire()
        while True:
            napped = self._napping
            if napped:
                time.sleep(napped)
                self._napping = 0.0
            self._coming = False
            if self._drain():
                self._nap = NAP_SECONDS
            elif napped:
                self._nap = min(2 * napped, PATIENCE * NAP_SECONDS)
            with self._lock:
                if self._queue:
                    continue
                self._idle.append(latch)
            if not latch.acquire(timeout=self._idle_seconds):
                if self._leave(latch):
                    return
            elif latch in self._idle:  # who sent for this worker was interrupted before taking it off the list
                with self._lock, suppress(ValueError):
                    self._idle.remove(latch)

    def _drain(self) -> bool:
        """Do what there is to do; whether there was anything."""
        worked = False
        while True:
            try:
                job = self._queue.popleft()
            except IndexError:
                return worked
            if job.claim():
                worked = True
                if self._queue and not self._coming:
                    with suppress(RuntimeError):  # as in wait
                        self._send(nap=GROW_SECONDS)
                job.run()

    def _leave(self, latch: LockType) -> bool:
        """Whether an idle worker may go; not if it was sent for at the last moment."""
        with self._lock:
            if latch in self._idle:
                self._idle.remove(latch)
                self._active -= 1
                return True
        latch.acquire()
        return False

    def wait(self, block: Callable[[], object]) -> None:
        """Wait in this thread; while it waits it does not count against the cap."""
        if not getattr(self._local, "worker", False):
            block()
            return
        with self._lock:
            self._active -= 1
        try:
            if self._queue and not self._coming:
                with suppress(RuntimeError):  # no thread to be had: those that there are have to do
                    self._send()
            block()
        finally:
            with self._lock:
                self._active += 1


class Hands(Protocol):
    """What a driver needs to carry out effects for one run."""

    lock: threading.RLock
    telling: Telling

    @property
    def delivery(self) -> Closing:
        """What gives bodies their results."""
        ...

    @property
    def untold(self) -> Sized:
        """What those who listen have not been told of."""
        ...

    def call(self, effect: Invoke) -> Outcome:
        """Run the function of a call in this thread."""
        ...

    def carry_out(self, effect: Commit | AwaitSaved | AwaitTold | Recall | Remember | Compute) -> Outcome:
        """Do what needs no waiting for others."""
        ...

    def await_calls(self, effect: Await | AwaitAny) -> Outcome:
        """Wait for other calls."""
        ...

    def sleep(self, seconds: float) -> Outcome:
        """Wait, but not longer than the run goes on."""
        ...


def drive(program: Program, hands: Hands) -> Outcome:
    """Run a program to its end in this thread."""
    reply: Outcome | None = None
    untold = hands.untold
    while True:
        with hands.lock:
            try:
                effect = program.send(reply)  # type: ignore[arg-type]  # the first step takes None
            except StopIteration as stop:
                outcome: Outcome = stop.value
                return outcome
        if untold:
            hands.telling.tell()
        if isinstance(effect, Invoke):
            reply = hands.call(effect)
            if effect.frame.deliveries is not None:
                hands.delivery.close(effect.frame.deliveries)
        elif isinstance(effect, Sleep):
            reply = hands.sleep(jittered(effect))
        elif isinstance(effect, (Await, AwaitAny)):
            reply = hands.await_calls(effect)
        else:
            reply = hands.carry_out(effect)


def jittered(wait: Sleep) -> float:
    """Return the seconds of a wait, lengthened by chance."""
    return wait.seconds * (1.0 + wait.jitter * random.random())  # noqa: S311  # not a secret


pool = Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.reset)
