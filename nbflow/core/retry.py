"""When a failed call is tried again: arithmetic only.

Nothing here sleeps, draws a random number or reads a clock. The scheduler asks and a driver
waits, so worker threads and the event loop share every line of the policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.effects import Sleep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.policies import RetryPolicy

JITTER = 0.25


def wait_before_retry(policies: Sequence[RetryPolicy], failures: int, error: BaseException) -> Sleep | None:
    """Return the wait before the next attempt, or None to give up.

    Args:
        policies: of the failed call; the first that matches the error governs it.
        failures: attempts that have failed so far; 1 after the first.
        error: what the last attempt raised.
    """
    if not isinstance(error, Exception):
        return None
    for policy in policies:
        if matches(policy, error):
            if failures >= policy.max_attempts:
                return None
            return Sleep(min(_backoff(policy, failures), policy.max_interval), JITTER if policy.jitter else 0.0)
    return None


def matches(policy: RetryPolicy, error: Exception) -> bool:
    """Whether the policy wants another attempt after this error."""
    wanted = policy.retry_on
    if isinstance(wanted, type):
        return isinstance(error, wanted)
    if callable(wanted):
        return bool(wanted(error))
    return isinstance(error, tuple(wanted))


def _backoff(policy: RetryPolicy, failures: int) -> float:
    try:
        return policy.initial_interval * policy.backoff_factor ** (failures - 1)
    except OverflowError:  # 2.0 ** 1024 is no float any more
        return policy.max_interval
