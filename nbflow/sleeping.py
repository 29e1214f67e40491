"""Durable waiting: a body or task that sleeps goes on at the same time, whatever becomes of its process."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from nbflow.config import here
from nbflow.core.beside import check_body
from nbflow.core.call import Spec
from nbflow.core.sleeping import sleep as sleep_program
from nbflow.core.sleeping import sleep_until as sleep_until_program
from nbflow.drivers.here import on_loop
from nbflow.errors import InvalidOptionError, WouldBlockError

if TYPE_CHECKING:
    from nbflow.drivers.future import CallFuture


def _nothing() -> None:
    """Stand for a function where a program does the work."""


_SLEEP = Spec("sleep", _nothing, kind="sleep", program=sleep_program, version="1")
_SLEEP_UNTIL = Spec("sleep_until", _nothing, kind="sleep", program=sleep_until_program, version="1")
_LONGEST = 100 * 365.25 * 86400.0  # seconds


def sleep(seconds: float | timedelta) -> None:
    """Wait in a body or task, for a time that is counted from the first time that it comes here.

    When the sleep ends is recorded. A run that crashed, was stopped or paused sleeps for the rest when it goes on,
    and not at all if that time has come. In a cell, a run that would sleep for long is put to rest: its state is
    ``sleeping``, nothing of it stays in memory, and it goes on by itself.

    Args:
        seconds: how long, from 0 on; or a ``timedelta``.

    Raises:
        CalledOutsideRunError: outside of a run.
        InvalidOptionError: if it is no such time.
        WouldBlockError: in async code; there, ``await asleep(seconds)``.

    Example:
        A test need not wait: its clock is moved.

        >>> from nbflow import entrypoint, sleep
        >>> from nbflow.testing import FakeClock
        >>> @entrypoint()
        ... def flow(days: int) -> str:
        ...     sleep(86400 * days)
        ...     return "awake"
        >>> with FakeClock():
        ...     flow.invoke(7)
        'awake'
    """
    _begin("sleep()", _SLEEP, _seconds("sleep()", seconds), waits=True).result()


async def asleep(seconds: float | timedelta) -> None:
    """As ``sleep``, awaited."""
    await _begin("asleep()", _SLEEP, _seconds("asleep()", seconds))


def sleep_until(time: datetime | float) -> None:
    """As ``sleep``, until a time that is fixed.

    Args:
        time: with a time zone, or in seconds since 1970. It is an argument as of a task: on replay it must be the
            same, so one that is made of the clock comes out of a task.
    """
    _begin("sleep_until()", _SLEEP_UNTIL, _moment("sleep_until()", time), waits=True).result()


async def asleep_until(time: datetime | float) -> None:
    """As ``sleep_until``, awaited."""
    await _begin("asleep_until()", _SLEEP_UNTIL, _moment("asleep_until()", time))


def _begin(where: str, spec: Spec, argument: float, *, waits: bool = False) -> CallFuture:
    _, frame = here(where)
    check_body(where)
    if waits and on_loop() is not None:
        raise WouldBlockError(f"{frame.prefix}.{frame.calls}", spec.name)
    return cast("CallFuture", frame.host.submit(frame, spec, (argument,), {}))


def _seconds(where: str, given: object) -> float:
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= _LONGEST:
        expected = "it is a number of seconds from 0 to those of 100 years, or a timedelta"
        raise InvalidOptionError(where, "seconds", repr(given), expected)
    return float(seconds)


def _moment(where: str, given: object) -> float:
    if isinstance(given, datetime) and given.tzinfo is not None:
        return given.astimezone(UTC).timestamp()
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
        expected = (
            "it is a datetime with a time zone, such as datetime(2030, 1, 31, 9, tzinfo=UTC), or seconds since 1970"
        )
        raise InvalidOptionError(where, "time", repr(given), expected)
    return float(given)


__all__ = ["asleep", "asleep_until", "sleep", "sleep_until"]
