"""Errors cross process borders and lie in logs: each one pickles and keeps its fields and its text."""

from __future__ import annotations

import collections.abc
import importlib.util
import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest


def errors_of(module: str) -> list[type[BaseException]]:
    """Return the error classes and signals that a module defines; none while it does not exist."""
    if importlib.util.find_spec(module) is None:
        return []
    members = vars(importlib.import_module(module)).values()
    return [one for one in members if isinstance(one, type) and _is_error_of(module, one)]


def example(kind: type[BaseException]) -> BaseException:
    """Build an error with a plausible value for every parameter of its ``__init__``."""
    parameters = parameters_of(kind)
    if not parameters:
        return kind("what was found")
    hints = get_type_hints(kind.__init__, localns=vars(collections.abc))  # may be imported for the type checker only
    positional, keywords = [], {}
    for name, parameter in parameters.items():
        value = plausible(hints.get(name, str))
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            keywords[name] = value
        elif parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            positional.append(value)
    return kind(*positional, **keywords)


def parameters_of(kind: type[BaseException]) -> dict[str, inspect.Parameter]:
    """Return the parameters that a class gives its errors; none when it leaves them to BaseException."""
    if not inspect.isfunction(kind.__init__):
        return {}
    return dict(list(inspect.signature(kind.__init__).parameters.items())[1:])


def plausible(hint: Any) -> object:
    """Return a value that fits a type hint."""
    origin = get_origin(hint) or hint
    if origin is Literal:
        return get_args(hint)[0]
    if origin in (Union, UnionType):
        return plausible(next(arm for arm in get_args(hint) if arm is not NoneType))
    for kinds, make in _SAMPLES:
        if isinstance(origin, type) and origin is not object and issubclass(origin, kinds):
            return make()
    return "0.2"


_SAMPLES: tuple[tuple[type | tuple[type, ...], Callable[[], object]], ...] = (
    (str, lambda: "0.2"),
    (bytes, lambda: b"0.2"),
    (bool, lambda: True),
    (int, lambda: 3),
    (float, lambda: 1.5),
    (BaseException, lambda: ValueError("boom")),
    (type, lambda: int),
    (Mapping, lambda: {"fetch": 1}),
    ((set, frozenset), lambda: frozenset({"fetch"})),
    ((tuple, list, Sequence), lambda: ("fetch", "write")),
)


def facts(error: BaseException) -> tuple[object, ...]:
    """Return all that must survive a round trip, in a form that can be compared."""
    return type(error), str(error), repr(error.args), {name: repr(value) for name, value in vars(error).items()}


def unreadable(error: BaseException) -> Iterator[str]:
    """Yield the named parameters of an error that are no attribute of it."""
    for name, parameter in parameters_of(type(error)).items():
        by_name = parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        if by_name and not hasattr(error, name):
            yield name


def _is_error_of(module: str, kind: type) -> bool:
    return issubclass(kind, BaseException) and kind.__module__ == module


ALL = [pytest.param(kind, id=kind.__name__) for kind in errors_of("nbflow.errors")]


@pytest.mark.parametrize("kind", ALL)
def test_an_error_survives_pickling(kind: type[BaseException]) -> None:
    error = example(kind)
    error.add_note("task 'fetch', call 0.2, attempt 3 of 3")
    assert facts(pickle.loads(pickle.dumps(error))) == facts(error)


@pytest.mark.parametrize("kind", ALL)
def test_an_error_shows_its_fields_and_has_a_text(kind: type[BaseException]) -> None:
    error = example(kind)
    assert list(unreadable(error)) == []
    assert str(error).strip()


@pytest.mark.parametrize("kind", ALL)
def test_an_error_tells_which_fields_it_has(kind: type[BaseException]) -> None:
    assert kind.__doc__


class GoodError(Exception):
    def __init__(self, call: str, attempts: int | None, names: Sequence[str], *, cause: BaseException) -> None:
        super().__init__(call, attempts, names)
        self.call, self.attempts, self.names, self.cause = call, attempts, names, cause

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.args, self.cause), self.__dict__


def _rebuild(args: tuple[str, int, Sequence[str]], cause: BaseException) -> GoodError:
    return GoodError(*args, cause=cause)


class BareError(Exception):
    """Says nothing of its own."""


class TextOnlyError(Exception):
    """Breaks on loading: Exception rebuilds from args, which hold the finished text alone."""

    def __init__(self, call: str, task: str) -> None:
        super().__init__(f"{task} failed at {call}")


def test_a_good_error_is_built_from_its_signature_and_survives() -> None:
    error = example(GoodError)
    assert isinstance(error, GoodError)
    assert (error.call, error.attempts, error.names, repr(error.cause)) == (
        "0.2",
        3,
        ("fetch", "write"),
        "ValueError('boom')",
    )
    assert facts(pickle.loads(pickle.dumps(error))) == facts(error)
    assert list(unreadable(error)) == []


def test_an_error_without_fields_is_built_too() -> None:
    assert str(example(BareError)) == "what was found"
    assert list(unreadable(example(BareError))) == []


def test_an_error_that_keeps_only_its_text_is_found() -> None:
    error = example(TextOnlyError)
    assert list(unreadable(error)) == ["call", "task"]
    with pytest.raises(TypeError, match="task"):
        pickle.loads(pickle.dumps(error))


def test_the_errors_of_a_module_are_those_it_defines() -> None:
    assert errors_of("nbflow.no_such_module") == []
    assert set(errors_of(__name__)) == {BareError, GoodError, TextOnlyError}
