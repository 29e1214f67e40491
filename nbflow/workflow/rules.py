"""What the decorators are told of a function, checked: its name, policies and limits."""

from __future__ import annotations

import warnings
from inspect import Parameter
from typing import TYPE_CHECKING, NamedTuple

from nbflow import fingerprint
from nbflow._support.foreign import check_own
from nbflow._support.signature import is_async, is_generator, name_of, parameters_of
from nbflow.core.call import Injected, Spec
from nbflow.drivers.limits.concurrency import ConcurrencyLimit, TaskLimits
from nbflow.drivers.limits.rate import RateLimit
from nbflow.errors import DecorationError, InvalidOptionError, UnknownOptionError
from nbflow.values import is_text
from nbflow.values.policies import CachePolicy, RetryPolicy, TimeoutPolicy, check_retry_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import timedelta


class Rules(NamedTuple):
    """How calls of a function are carried out."""

    retry: tuple[RetryPolicy, ...]
    cache: CachePolicy | None
    timeout: TimeoutPolicy | None
    version: str | None = None


def spec_of(
    fn: Callable[..., object],
    kind: str,
    name: str | None,
    rules: Rules,
    inject: tuple[Injected, ...],
    limits: TaskLimits | None = None,
) -> Spec:
    """Return the facts of a function, gathered once."""
    source = fingerprint.source_of(fn)
    return Spec(
        _named(kind, name) or name_of(fn),
        fn,
        kind=kind,
        is_async=is_async(fn),
        retry=rules.retry,
        inject=inject,
        cache=rules.cache,
        timeout=rules.timeout,
        limits=limits,
        yields=is_generator(fn),
        source=source.normal if rules.version is None else "",
        text=source.text,
        place=source.place,
        version=rules.version,
    )


def check_one_input(fn: Callable[..., object], filled: Collection[str]) -> None:
    """Refuse a body that wants more than one argument.

    Args:
        fn: the function.
        filled: the parameters that the runtime fills.

    Raises:
        DecorationError: says which, and what to do.
    """
    first, *others = parameters_of(fn)
    wanted = [one.name for one in others if one.default is one.empty and one.kind not in _ANY]
    more = [name for name in wanted if name not in filled]
    if more:
        raise DecorationError(
            "@entrypoint",
            name_of(fn),
            f"it wants {', '.join([first.name, *more])}, but a workflow takes one input; take one dict, tuple or "
            "dataclass with all of it, or give the others defaults",
        )


_ANY = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def _named(kind: str, name: object) -> str:
    """Return a name that was given; empty for none.

    Raises:
        InvalidOptionError: if it is no text that can be stored.
    """
    if name is not None and not (isinstance(name, str) and is_text(name)):
        raise InvalidOptionError(f"@{kind}", "name", repr(name), "it is text without lone surrogates")
    return str.__str__(name) if name is not None else ""


def flag(where: str, name: str, given: object) -> bool:
    """Return an option of a decorator that is either on or off.

    Raises:
        InvalidOptionError: if it is neither.
    """
    if not isinstance(given, bool):
        raise InvalidOptionError(where, name, repr(given), "it is True or False")
    return given


def limits_of(max_concurrency: int | None, rate_limit: str | None) -> TaskLimits | None:
    """Return the limits of a task; None if there are none."""
    limit: object = max_concurrency
    if limit is not None and not (isinstance(limit, int) and limit >= 1):
        raise InvalidOptionError(
            "@task", "max_concurrency", repr(max_concurrency), "it is a whole number from 1, or None"
        )
    rate = RateLimit.parse("@task", rate_limit) if rate_limit is not None else None
    concurrency = ConcurrencyLimit(max_concurrency) if max_concurrency is not None else None
    return TaskLimits(concurrency, rate) if concurrency is not None or rate is not None else None


def cache_policy_of(where: str, given: object) -> CachePolicy | None:
    """Return a cache policy that was given; None for none."""
    check_own(where, "cache_policy", given)
    if given is not None and not isinstance(given, CachePolicy):
        raise InvalidOptionError(where, "cache_policy", repr(given), "it is a CachePolicy, or None")
    return given


def timeout_of(where: str, given: float | timedelta | TimeoutPolicy | None) -> TimeoutPolicy | None:
    """Return a time limit that was given, in any of its forms; None for none."""
    check_own(where, "timeout", given)
    return TimeoutPolicy.coerce(given)


def policies_of(
    where: str, given: object, deprecated: dict[str, object], known: tuple[str, ...]
) -> tuple[RetryPolicy, ...]:
    """Return the retry policies as a tuple, the older keyword included; refuse unknown keywords."""
    old = deprecated.pop("retry", None)
    if old is not None:
        warnings.warn(f"{where}(retry=...) is called retry_policy now", DeprecationWarning, stacklevel=3)
        given = given if given is not None else old
    if deprecated:
        raise UnknownOptionError(where, next(iter(deprecated)), known)
    several = given if isinstance(given, (list, tuple)) and not hasattr(given, "_fields") else [given]
    policies: list[RetryPolicy] = []
    for policy in several:
        if policy is None:
            continue
        check_own(where, "retry_policy", policy)
        if not isinstance(policy, RetryPolicy):
            raise InvalidOptionError(where, "retry_policy", repr(policy), "it is a RetryPolicy or several")
        check_retry_on(where, policy.retry_on)
        policies.append(policy)
    return tuple(policies)
