"""Ends runs whose sync bodies stand still because of a question: a thread that the body made asked it, and is over.

The body waits in a queue or for an event for what that thread would do. A thread that waits can't be made to go on,
so the run is paused from outside, and the thread is left behind. A thread counts as waiting if the code that it is
in is Python's ``threading`` or ours, or calls ``get`` of a ``queue.SimpleQueue``, which is written in C; what stands in
other code in C can't be told from what computes. All
calls that have not ended must be around a question: a task that waits for threads of its own is at work.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dis import get_instructions
from inspect import getattr_static
from itertools import chain, takewhile
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from nbflow._support.warnings import warn
from nbflow.core.path import around
from nbflow.errors import StandstillWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from nbflow.core.call import Call
    from nbflow.core.scheduler import Scheduler

SECONDS = 0.5  # without a step, and without a thread at work, until a run with a question is paused
_OURS = os.path.dirname(__file__)  # noqa: PTH120  # compared with the names that code objects have
_WAITING = threading.Thread.join.__code__.co_filename


class Standing(Protocol):
    """A run, as far as it is needed here."""

    lock: threading.RLock
    scheduler: Scheduler

    @property
    def root(self) -> Call:
        """The call of its body."""
        ...

    @property
    def at_work(self) -> Mapping[str, int]:
        """By position of a call, the thread that its sync function runs in."""
        ...

    @property
    def is_inline(self) -> bool:
        """Whether the thread that waits for the run runs its body."""
        ...

    def pause(self) -> None:
        """Pause the run from outside."""
        ...


class _Watchman:
    """One thread that looks after all runs of the process that may stand still, while there are any."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, as the child of a fork must."""
        self._lock = threading.Lock()
        self._looked_after: dict[int, tuple[Standing, object]] = {}
        self._is_there = False

    def look_after(self, run: Standing) -> None:
        """Look after a run until it has ended."""
        with self._lock:
            self._looked_after.setdefault(id(run), (run, None))
            if not self._is_there:
                threading.Thread(target=self._work, name="nbflow-watchman", daemon=True).start()
                self._is_there = True

    def _work(self) -> None:
        while True:
            time.sleep(SECONDS)
            with self._lock:
                runs = dict(self._looked_after)
            for key, (run, before) in runs.items():
                now = _signature(run)
                is_over = run.scheduler.ended
                if not is_over and now is not None and now == before:
                    _end(run)
                    is_over = True
                with self._lock:
                    if is_over:
                        del self._looked_after[key]
                    else:
                        self._looked_after[key] = (run, now)
            with self._lock:
                if not self._looked_after:
                    self._is_there = False
                    return


def _signature(run: Standing) -> object:
    """Return what changes when anything in a run comes further; None while something may be at work."""
    with run.lock:
        scheduler = run.scheduler
        calls = [run.root, *scheduler.open_calls.values()]
        records = len(scheduler.log.records)
        asked = [around(call.path) for call in calls if scheduler.questions.waits(call)]
        if {call.path for call in calls} - set(chain.from_iterable(asked)):
            return None
    frames = sys._current_frames()  # noqa: SLF001  # there is no other way to see where a thread stands
    found: list[object] = []
    for path in [call.path for call in calls]:
        frame = frames.get(run.at_work.get(path, 0))
        if frame is None or not _waits(frame):
            return None
        found.append((path, id(frame), frame.f_lasti))
    return records, found


def _waits(frame: FrameType) -> bool:
    filename = frame.f_code.co_filename
    return filename == _WAITING or filename.startswith(_OURS) or isinstance(_whose_get(frame), SimpleQueue)


def _whose_get(frame: FrameType) -> object:
    """Return the object whose method ``get`` the code of a frame calls just now, told by its bytecode; None else.

    Nothing of a user's runs for that: the object is looked up by names and attributes as they are stored.
    """
    before = [one for one in get_instructions(frame.f_code) if one.offset <= frame.f_lasti]
    if not before or not before[-1].opname.startswith("CALL"):
        return None
    loads = list(takewhile(lambda one: one.opname.startswith(_LOADS), reversed(before[:-1])))
    place = next((at for at, one in enumerate(loads) if one.opname in _OF_OBJECTS and one.argval == "get"), None)
    if place is None:
        return None
    names: list[str] = []
    for one in loads[place + 1 :]:
        names.append(one.argval[-1] if isinstance(one.argval, tuple) else str(one.argval))
        if one.opname not in _OF_OBJECTS:
            break
    first, *rest = reversed(names) if names else [""]
    found = frame.f_locals.get(first, frame.f_globals.get(first))
    for name in rest:
        found = getattr_static(found, name, None)
    return found


_OF_OBJECTS = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_LOADS = ("LOAD_", "PRECALL", "KW_NAMES", "PUSH_NULL", "CACHE", "BUILD_MAP", "DICT_MERGE")


def _end(run: Standing) -> None:
    run.pause()
    if run.is_inline:
        text = (
            "the run is paused, since a thread of its body has asked a question, but this body waits for that thread "
            "and goes on waiting in the thread that called invoke(). Have a body's threads pass on what they raise: "
            "ask a ThreadPoolExecutor's future for its result(); or run the workflow by start() and ask for its result"
        )
        warn(text, StandstillWarning)


_watchman = _Watchman()
look_after: Callable[[Standing], None] = _watchman.look_after
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_watchman.reset)
