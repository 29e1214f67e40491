"""What a search asks of values and namespaces; the same for every backend."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeGuard

from nbflow.errors import InvalidOptionError
from nbflow.store.base import MatchCondition, Namespace

_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {"$eq": operator.eq, "$ne": operator.ne, **_ORDERS}
_SEQUENCES = (list, tuple)


def check_filter(wanted: object) -> None:
    """Refuse a filter that can't be one, whatever there is to find.

    Raises:
        InvalidOptionError: if it is no dict with text keys, or has an unknown operator in it.
    """
    if wanted is None:
        return
    if not isinstance(wanted, dict) or not all(isinstance(name, str) for name in wanted):
        raise InvalidOptionError("search()", "filter", repr(wanted), "it is a dict with text keys")
    for name in wanted:
        if name.startswith("$"):
            raise InvalidOptionError(
                "search()", "filter", repr(wanted), f'it is by key, such as {{"n": {{"{name}": 3}}}}'
            )
    for part in wanted.values():
        _check_part(part)


def _check_part(wanted: object) -> None:
    if isinstance(wanted, _SEQUENCES):
        for part in wanted:
            _check_part(part)
    elif _is_operators(wanted):
        for name in wanted:
            if name not in _OPERATORS:
                raise InvalidOptionError("search()", "filter", repr(name), f"operators are {', '.join(_OPERATORS)}")
    elif isinstance(wanted, dict):
        for part in wanted.values():
            _check_part(part)


def fits(value: object, wanted: object, where: str = "") -> bool:
    """Whether a value is what a checked filter wants.

    A dict is wanted as a part of the value's dict, a list item by item, operators all at once,
    anything else as an equal. What is missing counts as None, and has no order.

    Args:
        value: the value of an item, or a part of it.
        wanted: the filter, or a part of it.
        where: path of that part, such as ``"author.age"``.

    Raises:
        InvalidOptionError: if the two can't be compared.
    """
    if _is_operators(wanted):
        return all(_compare(name, value, part, where) for name, part in wanted.items())
    if isinstance(wanted, dict):
        known = value if isinstance(value, dict) else None
        return known is not None and all(
            fits(known.get(name), part, f"{where}.{name}".lstrip(".")) for name, part in wanted.items()
        )
    if isinstance(wanted, _SEQUENCES) and isinstance(value, _SEQUENCES):
        pairs = zip(value, wanted, strict=False)
        return len(value) == len(wanted) and all(fits(*pair, f"{where}[{n}]") for n, pair in enumerate(pairs))
    return _compare("$eq", value, wanted, where)


def _is_operators(wanted: object) -> TypeGuard[dict[str, object]]:
    return isinstance(wanted, dict) and any(isinstance(name, str) and name.startswith("$") for name in wanted)


def _compare(name: str, value: object, wanted: object, where: str) -> bool:
    if value is None and name in _ORDERS:
        return False
    try:
        return bool(_OPERATORS[name](value, wanted))
    except (TypeError, ValueError) as error:
        found = f"{{{where!r}: {{{name!r}: {wanted!r}}}}}"
        expected = f"an item has a {type(value).__name__} there, and the two can't be compared so"
        raise InvalidOptionError("search()", "filter", found, expected) from error


def matches(namespace: Namespace, condition: MatchCondition) -> bool:
    """Whether a namespace begins or ends as wanted."""
    size = len(condition.path)
    part = namespace[:size] if condition.match_type == "prefix" else namespace[len(namespace) - size :]
    return len(part) == size and all(want in {"*", have} for want, have in zip(condition.path, part, strict=True))
