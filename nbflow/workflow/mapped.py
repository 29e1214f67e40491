"""``task.map``: what it is told, checked, and the call that stands for all its items."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, cast

from nbflow.core.beside import beside, check_body
from nbflow.core.call import Promise, current_frame
from nbflow.core.mapping import WHERE, gather
from nbflow.errors import CalledOutsideRunError, InvalidOptionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbflow.core.call import Spec

_ALL = 100.0  # per cent


class MapOptions(TypedDict, total=False):
    """The keywords of ``Task.map``, which documents them."""

    max_concurrency: int | None
    min_successes: int | None
    tolerate: int | str | None
    return_exceptions: bool


def start_map(spec: Spec, maps: dict[int | None, Spec], before: tuple[object, ...], items: object, **rule: Any) -> Any:  # noqa: ANN401  # a CallFuture
    """Start the call of a task for each of many items; return its future.

    Args:
        spec: of the task.
        maps: the specs of its maps so far, by how many calls may be open at a time.
        before: what every call is given before its item.
        items: of any iterable; or a future of a list.
        **rule: the other keywords of ``Task.map``.

    Raises:
        CalledOutsideRunError: outside of a run.
        InvalidOptionError: if an option does not fit.
    """
    what = f"task {spec.name!r}"
    frame = current_frame.get()
    if frame is None:
        raise CalledOutsideRunError(what)
    if beside.get():
        check_body(what)
    width = _count("max_concurrency", rule.pop("max_concurrency", None))
    given = items if isinstance(items, Promise) else _listed(items)
    if width not in maps:
        maps[width] = replace(
            spec, name=f"{spec.name}.map", kind="map", program=partial(gather, of=spec, width=width), retry=(),
            cache=None, inject=(), limits=None, timeout=None, at_most_once=False, yields=False, kept=None,
        )  # fmt: skip
    return frame.host.submit(frame, maps[width], (given, *before), _checked(rule))


def _listed(items: object) -> list[object]:
    if isinstance(items, (str, bytes)) or not hasattr(type(items), "__iter__"):
        expected = "it is a list or another iterable of items, or a future of a list; for one item call the task itself"
        raise InvalidOptionError(WHERE, "items", f"a {type(items).__name__}", expected)
    return list(cast("Iterable[object]", items))


def _checked(rule: dict[str, object]) -> dict[str, object]:
    """Return what was said of when a map is decided, without what is as usual.

    Raises:
        InvalidOptionError: if it does not fit.
    """
    _count("min_successes", rule.get("min_successes"))
    tolerate, keeps = rule.get("tolerate"), rule.get("return_exceptions", False)
    if not (tolerate is None or (type(tolerate) is int and tolerate >= 0) or _is_share(tolerate)):
        expected = 'it is a number from 0, a share of the items from "0%" to "100%", or None'
        raise InvalidOptionError(WHERE, "tolerate", repr(tolerate), expected)
    if not isinstance(keeps, bool):
        raise InvalidOptionError(WHERE, "return_exceptions", repr(keeps), "it is True or False")
    return {name: value for name, value in rule.items() if value is not None and value is not False}


def _is_share(tolerate: object) -> bool:
    if not isinstance(tolerate, str) or not tolerate.rstrip().endswith("%"):
        return False
    try:
        return 0 <= float(tolerate.rstrip("% ")) <= _ALL
    except ValueError:
        return False


def _count(name: str, given: object) -> int | None:
    if given is None or (type(given) is int and given >= 1):
        return given
    raise InvalidOptionError(WHERE, name, repr(given), "it is a whole number from 1, or None")
