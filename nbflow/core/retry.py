"""When a failed call is tried again: arithmetic only.

Nothing here sleeps, draws a random number or reads a clock. The scheduler asks and a driver
waits, so worker threads and the event loop share every line of the policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.effects import Sleep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.values.policies import RetryPolicy

JITTER = 0.25


def wait_before_retry(
    policies: Sequence[RetryPolicy], failures: int, error: BaseException, now: float = 0.0
) -> Sleep | None:
    """Return the wait before the next attempt, or None to give up; an error that no policy takes gets a note.

    Args:
        policies: of the failed call; the first that matches the error governs it.
        failures: attempts that have failed so far; 1 after the first.
        error: what the last attempt raised; if it carries an HTTP response with ``Retry-After`` (RFC 9110
            section 10.2.3), the wait is at least that.
        now: seconds since 1970.
    """
    if not isinstance(error, Exception):
        return None
    for policy in policies:
        if matches(policy, error):
            if failures >= policy.max_attempts:
                return None
            own, asked = min(_backoff(policy, failures), _longest(policy)), _retry_after(error, now)
            return Sleep(max(own, asked), JITTER if policy.jitter else 0.0)
    kind = type(error).__name__
    error.add_note(f"not tried again, although there is a retry policy: retry_on does not take {kind}, see RetryPolicy")
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
        return _longest(policy)


def _retry_after(error: Exception, now: float) -> float:
    """Return the seconds that a server asked to wait; 0.0 if it did not."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    if not headers:
        return 0.0
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # it loads half of the mail package

    try:
        text = str(headers.get("retry-after") or headers.get("Retry-After") or "0").strip()
        return max(0.0, float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - now)
    except (AttributeError, TypeError, ValueError):
        return 0.0


def _longest(policy: RetryPolicy) -> float:
    """Return the longest wait between two attempts: never shorter than the first one that was asked for."""
    return max(policy.max_interval, policy.initial_interval)
