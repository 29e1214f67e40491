"""Whether an operation on a store can be what its caller meant; told before anything is done."""

from __future__ import annotations

import math
from typing import Any, cast

from nbflow.errors import InvalidOptionError
from nbflow.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchOp,
    TTLConfig,
)
from nbflow.store.filters import check_filter

_TTL_OPTIONS = ("default_ttl", "refresh_on_read", "sweep_interval_minutes")


def checked_op(op: object) -> Op:
    """Return an operation if it can be one.

    Raises:
        InvalidOptionError: if not; an InvalidNamespaceError if it is for its namespace.
    """
    if isinstance(op, GetOp):
        _check_place("get()", op.namespace, op.key)
    elif isinstance(op, PutOp):
        _check_put(op)
    elif isinstance(op, SearchOp):
        _check_search(op)
    elif isinstance(op, ListNamespacesOp):
        _check_list(op)
    else:
        expected = "it holds GetOp, PutOp, SearchOp and ListNamespacesOp"
        raise InvalidOptionError("batch()", "ops", f"with a {type(op).__name__}", expected)
    return op


def checked_ttl(config: Any) -> TTLConfig | None:  # noqa: ANN401  # whatever a caller gave
    """Return how long items live, if that can be.

    Raises:
        InvalidOptionError: if not.
    """
    if config is None:
        return None
    known = ", ".join(_TTL_OPTIONS)
    if not isinstance(config, dict) or not set(config) <= set(_TTL_OPTIONS):
        raise InvalidOptionError("store", "ttl", repr(config), f"it is a dict with some of {known}")
    for name in ("default_ttl", "sweep_interval_minutes"):
        check_minutes("store", f"ttl[{name!r}]", config.get(name))
    return cast("TTLConfig", config)


def check_minutes(where: str, name: str, minutes: object) -> None:
    """Refuse what is no length of time.

    Raises:
        InvalidOptionError: if it is neither None nor a finite number above 0.
    """
    if minutes is None:
        return
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes < math.inf:
        raise InvalidOptionError(where, name, repr(minutes), "it is minutes, a number above 0, or None for ever")


def _check_place(where: str, namespace: object, key: object) -> None:
    _check_namespace(where, namespace)
    if not isinstance(key, str) or not _is_unicode(key):
        raise InvalidOptionError(where, "key", repr(key), "it is a text")


def _check_put(op: PutOp) -> None:
    _check_place("put()", op.namespace, op.key)
    value: object = op.value
    if value is None:
        return
    if not op.namespace:
        raise InvalidNamespaceError("put()", "namespace", "()", "it has at least one part")
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise InvalidOptionError("put()", "value", f"a {type(value).__name__}", "it is a dict with text keys")
    check_minutes("put()", "ttl", op.ttl)


def _check_search(op: SearchOp) -> None:
    _check_namespace("search()", op.namespace_prefix)
    _check_page("search()", op.limit, op.offset)
    if op.query is not None and not isinstance(op.query, str):
        raise InvalidOptionError("search()", "query", repr(op.query), "it is a text")
    check_filter(op.filter)


def _check_list(op: ListNamespacesOp) -> None:
    where = "list_namespaces()"
    _check_page(where, op.limit, op.offset)
    if op.max_depth is not None and not (_is_count(op.max_depth) and op.max_depth):
        raise InvalidOptionError(where, "max_depth", repr(op.max_depth), "it is a number of parts, 1 or more")
    given: tuple[object, ...] = op.match_conditions or ()
    for condition in given:
        if not isinstance(condition, MatchCondition) or condition.match_type not in {"prefix", "suffix"}:
            expected = "they are MatchCondition('prefix' or 'suffix', a tuple of texts)"
            raise InvalidOptionError(where, "match_conditions", repr(condition), expected)
        _check_namespace(where, condition.path, condition.match_type)


def _check_page(where: str, limit: object, offset: object) -> None:
    for name, number in (("limit", limit), ("offset", offset)):
        if not _is_count(number):
            raise InvalidOptionError(where, name, repr(number), "it is a whole number, 0 or more")


def _is_count(number: Any) -> bool:  # noqa: ANN401  # whatever a caller gave
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _check_namespace(where: str, namespace: object, name: str = "namespace") -> None:
    if not isinstance(namespace, tuple):
        hint = f"it is a tuple such as {(namespace,)!r}" if isinstance(namespace, str) else "it is a tuple of texts"
        raise InvalidNamespaceError(where, name, repr(namespace), hint)
    for part in namespace:
        if not isinstance(part, str) or not part or "." in part or "\0" in part or not _is_unicode(part):
            raise InvalidNamespaceError(where, name, repr(namespace), "its parts are texts without dots")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: no database takes it
        return False
    return True
