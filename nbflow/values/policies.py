"""How calls are carried out: when they are tried again, taken from a cache, given up."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, NamedTuple, cast

from nbflow.errors import InvalidOptionError
from nbflow.values.by_name import by_name

# By module and name, so that none of these modules is imported. Some derive from OSError, which mostly says that a
# file is not there, and that does not change by itself.
_PASSING = frozenset(
    {
        "aiohttp.client_exceptions.ClientConnectionError",
        "requests.exceptions.ChunkedEncodingError",
        "requests.exceptions.ConnectionError",
        "requests.exceptions.Timeout",
        "socket.gaierror",
        "socket.herror",
        "ssl.SSLEOFError",
        "ssl.SSLSyscallError",
        "ssl.SSLZeroReturnError",
    }
)
_UNREACHABLE = frozenset({errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETRESET, errno.ENETUNREACH})
_CLIENTS = frozenset({"aiohttp", "httpcore", "httpx", "requests", "ssl", "urllib", "urllib3"})
_TRY_AGAIN = frozenset({408, 425, 429})
_HOPELESS = (
    ValueError, TypeError, ArithmeticError, ImportError, LookupError, NameError, SyntaxError,
    RuntimeError, ReferenceError, StopIteration, StopAsyncIteration, OSError, AssertionError,
)  # fmt: skip


def default_retry_on(error: BaseException) -> bool:
    """Whether another attempt may help: lost connections, time-outs, and HTTP 408, 425, 429 and 5xx.

    That is ``ConnectionError``, ``TimeoutError``, name resolution (``socket.gaierror``), a TLS connection that was
    cut off, an unreachable host or network, and what httpx, requests, urllib, urllib3 and aiohttp make of these;
    an HTTP error by its status, wherever its client keeps that. Certificates that can't be verified, files that
    are not there and mistakes in the program (wrong types, missing keys, ...) fail again and are not retried. Any
    other ``Exception``, such as one of your own, is.
    """
    if not isinstance(error, Exception) or _is_about_certificates(error):
        return False
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    status = _status_of(error)
    if status is not None:
        return status in _TRY_AGAIN or status >= 500  # noqa: PLR2004  # HTTP's server errors
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if names & _PASSING or (isinstance(error, OSError) and error.errno in _UNREACHABLE):
        return True
    if "urllib.error.URLError" in names:
        reason = getattr(error, "reason", None)
        return isinstance(reason, BaseException) and default_retry_on(reason)
    return not isinstance(error, _HOPELESS)


def _status_of(error: Exception) -> int | None:
    """Return the HTTP status that an error carries; None if it carries none."""
    response = getattr(error, "response", None)
    places = [(response, "status_code"), (response, "status")]
    if type(error).__module__.partition(".")[0] in {"urllib", "aiohttp"}:
        places += [(error, "code"), (error, "status")]
    found = [getattr(holder, name, None) for holder, name in places]
    return next((status for status in found if isinstance(status, int)), None)


def _is_about_certificates(error: BaseException) -> bool:
    """Whether an error, or what it was made of, says that a certificate can't be verified."""
    return type(error).__module__.partition(".")[0] in _CLIENTS and "certificate verify failed" in str(error).lower()


RetryOn = type[BaseException] | Sequence[type[BaseException]] | Callable[[BaseException], bool]


class RetryPolicy(NamedTuple):
    """How often a failed call is tried again, and after how long.

    By default that is after lost connections, time-outs, unreachable hosts and failed name resolution, as Python,
    httpx, requests, urllib, urllib3 and aiohttp raise them; after HTTP 408, 425, 429 and 5xx, waiting as long as a
    ``Retry-After`` says; and after exceptions of your own. Not after other HTTP errors, certificates that can't be
    verified, ``OSError`` of files, and mistakes in the program: ``ValueError``, ``TypeError``, ``ArithmeticError``,
    ``ImportError``, ``LookupError``, ``NameError``, ``RuntimeError``, ``AssertionError`` and their kinds. An error
    that no policy of its task takes says so in a note.

    Attributes:
        initial_interval: seconds before the second attempt.
        backoff_factor: what each later wait is multiplied by.
        max_interval: upper bound of one wait, in seconds; at least ``initial_interval``.
        max_attempts: attempts in all, the first one included; 1 means no retry.
        jitter: whether each wait is lengthened by up to a quarter of itself, by chance.
        retry_on: an exception type, several, or a function from the error to a bool; see above for the default.
    """

    initial_interval: float = 0.5
    backoff_factor: float = 2.0
    max_interval: float = 128.0
    max_attempts: int = 3
    jitter: bool = True
    retry_on: RetryOn = default_retry_on


def check_retry_on(where: str, given: object) -> None:
    """Check what a policy retries on by its shape; it is never called for that.

    Raises:
        InvalidOptionError: if it is neither an exception type, nor several, nor a function.
    """
    several = list(given) if isinstance(given, (list, tuple, set, frozenset)) else [given]
    types = all(isinstance(one, type) and issubclass(one, BaseException) for one in several)
    if not types and (isinstance(given, type) or not callable(given)):
        raise InvalidOptionError(
            where, "RetryPolicy.retry_on", repr(given), "it is an exception type, several, or a function"
        )


Seconds = float | timedelta


@by_name
@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutPolicy:
    """How long one attempt of a task or body may take.

    Times are given in seconds or as ``timedelta`` and kept in seconds. An async attempt is
    cancelled when its time is up. A sync one can't be stopped: nobody waits for it any longer,
    its result is dropped, and the calls it still makes are refused.

    Attributes:
        run_timeout: for the whole attempt; None for no limit.
        idle_timeout: between two signs of progress; None for no limit.
        refresh_on: what progress is: ``"auto"`` for output, calls of tasks and
            ``runtime.heartbeat()``; ``"heartbeat"`` for the last alone.
    """

    run_timeout: Seconds | None = None
    idle_timeout: Seconds | None = None
    refresh_on: Literal["auto", "heartbeat"] = "auto"

    def __post_init__(self) -> None:
        for name in ("run_timeout", "idle_timeout"):
            given = getattr(self, name)
            object.__setattr__(self, name, None if given is None else _seconds(f"TimeoutPolicy({name})", given))
        if self.refresh_on not in {"auto", "heartbeat"}:
            raise InvalidOptionError(
                "TimeoutPolicy()", "refresh_on", repr(self.refresh_on), "it is 'auto' or 'heartbeat'"
            )

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """``run_timeout`` and ``idle_timeout`` in seconds."""
        return cast("float | None", self.run_timeout), cast("float | None", self.idle_timeout)

    @classmethod
    def coerce(cls, timeout: Seconds | TimeoutPolicy | None) -> TimeoutPolicy | None:
        """Return a policy as it is; a number or ``timedelta`` as the limit of a whole attempt; None for no limit."""
        if timeout is None:
            return None
        policy = timeout if isinstance(timeout, TimeoutPolicy) else cls(run_timeout=timeout)
        return None if policy.run_timeout is None and policy.idle_timeout is None else policy


def _seconds(where: str, given: object) -> float:
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not seconds > 0:
        raise InvalidOptionError(where, "timeout", repr(given), "it is a number of seconds above 0, or a timedelta")
    return float(seconds)


@by_name
@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """That results of a function may be taken from an earlier call with the same arguments.

    Attributes:
        key_func: gives text or bytes for the arguments of a call; None for a digest of them. The
            code of the function and what it closes over always count beside it.
        ttl: seconds that a result is kept; None for ever.
    """

    key_func: Callable[..., str | bytes] | None = None
    ttl: float | None = None

    def __post_init__(self) -> None:
        if self.key_func is not None and not callable(self.key_func):
            raise InvalidOptionError("CachePolicy()", "key_func", repr(self.key_func), "it is a function, or None")
        ttl: object = self.ttl
        if ttl is not None and not (isinstance(ttl, (int, float)) and ttl >= 0):
            raise InvalidOptionError("CachePolicy()", "ttl", repr(self.ttl), "it is a number of seconds, or None")
