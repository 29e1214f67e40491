"""A stored exception keeps its type, parts and traceback text, or says why not."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from types import ModuleType
from typing import Any

import pytest

from nbflow.codec import Unloadable, dumps, loads
from nbflow.errors import RemoteError, UnserializableError, asides
from nbflow.errors.frames import traceback_text
from tests.unit.codec_kit import DataFailure, Failure, again


def raised(error: BaseException) -> Any:
    try:
        raise error
    except BaseException as caught:  # only to give it a traceback
        return caught


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no", (1,)),
        KeyError("k"),
        OSError(2, "gone", "file"),
        FileNotFoundError(2, "gone", "a", None, "b"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        ImportError("no", name="x", path="y"),
        StopIteration(5),
        SystemExit(3),
        KeyboardInterrupt(),
        SyntaxError("bad", ("f", 1, 2, "text")),
        asyncio.CancelledError("x"),
        TimeoutError(),
        ExceptionGroup("several", [ValueError(1), ExceptionGroup("inner", [KeyError(2)])]),
        BaseExceptionGroup("several", [KeyboardInterrupt()]),
        Failure(3, detail="x"),
        DataFailure(4),
        UnserializableError("a", "b", "c"),
        RemoteError("a.B", "m", "", "r"),
    ],
    ids=repr,
)
def test_an_exception_comes_back_as_itself(error: BaseException) -> None:
    loaded = again(error)
    assert {**vars(loaded)} == {**vars(error)}
    assert again(loaded) is not loaded


def test_parts_that_only_the_c_base_knows_are_kept() -> None:
    loaded = again(OSError(2, "gone", "a"))
    assert (loaded.errno, loaded.strerror, loaded.filename) == (2, "gone", "a")
    assert again(StopIteration(5)).value == 5
    assert again(ImportError("no", name="x")).name == "x"
    assert again(ExceptionGroup("g", [ValueError(1)])).exceptions[0].args == (1,)


def test_notes_cause_and_context_are_kept() -> None:
    error = ValueError("outer")
    error.add_note("task 'fetch'")
    error.__cause__ = KeyError("inner")
    loaded = again(error)
    assert loaded.__notes__ == ["task 'fetch'"]
    assert isinstance(loaded.__cause__, KeyError)
    assert loaded.__suppress_context__
    try:
        try:
            raise KeyError(1)
        except KeyError:
            raise ValueError(2)  # noqa: B904  # the implicit context is meant
    except ValueError as caught:
        assert isinstance(again(caught).__context__, KeyError)


def test_the_traceback_is_kept_as_text_through_several_hands() -> None:
    error = raised(ValueError("x"))
    text = traceback_text(error)
    assert "raised" in text
    once: Any = loads(dumps(error))
    assert traceback_text(once) == text
    assert traceback_text(loads(dumps(raised(once)))) == text  # type: ignore[arg-type]  # an exception
    assert traceback_text(ValueError()) == ""


class Compared(Exception):
    """An exception that is equal to those with the same attributes, and has no hash."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compared) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # as of any class that defines equality


def test_what_is_kept_beside_an_exception_is_none_of_its_attributes() -> None:
    loaded = again(raised(Compared(3)))
    assert loaded == Compared(3)
    assert vars(loaded) == {"code": 3}
    assert "in raised" in traceback_text(loaded)
    assert "in raised" in traceback_text(again(loaded))


def test_what_is_kept_beside_an_exception_goes_with_it() -> None:
    gc.collect()
    before = len(asides._beside)
    loaded = [again(raised(Compared(n))) for n in range(5)]
    assert len(asides._beside) == before + 5
    del loaded
    gc.collect()
    assert len(asides._beside) == before


def test_a_stand_in_shows_no_text_among_its_attributes() -> None:
    class Gone(Failure):
        pass

    kept = dumps(raised(Gone(3, detail="x")))
    Gone.__qualname__ = "Other"
    loaded: Any = loads(kept)
    assert type(loaded) is not Gone
    assert "__nbflow_text__" not in vars(loaded)
    assert str(loaded) == str(Failure(3, detail="x"))


def test_a_part_that_cannot_be_stored_is_shown_in_its_place() -> None:
    error: Any = raised(Failure(3, detail="x"))
    error.response = threading.Lock()
    error.args = (error.args[0], threading.Lock())
    loaded: Any = loads(dumps(error))
    assert isinstance(loaded, Failure)
    assert str(loaded) == str(error)
    assert loaded.code == 3
    parts = vars(loaded)
    assert isinstance(parts["response"], Unloadable)
    assert isinstance(loaded.args[1], Unloadable)
    assert "lock" in str(parts["response"].data)


def a_local_class() -> type[ValueError]:
    class LocalError(ValueError):
        def __str__(self) -> str:
            return f"local {self.args}"

    return LocalError


def test_an_exception_of_a_local_class_is_of_every_class_that_was_made_there() -> None:
    first = a_local_class()
    error = first("boom")
    error.__cause__ = KeyError(1)
    data = dumps(raised(error))
    assert type(loads(data)) is first
    second = a_local_class()
    loaded = loads(data)
    assert isinstance(loaded, first)
    assert isinstance(loaded, second)
    assert str(loaded) == "local ('boom',)"
    assert "raised" in traceback_text(loaded)
    assert isinstance(loaded.__cause__, KeyError)
    assert isinstance(loads(dumps(loaded)), second)


def test_an_exception_whose_class_is_gone_is_of_a_class_made_of_its_bases() -> None:
    cls = a_local_class()
    data = dumps(cls("boom"))
    cls.__qualname__ = "not found"
    loaded = loads(data)
    assert not isinstance(loaded, cls)
    assert isinstance(loaded, ValueError)
    assert not isinstance(loaded, RemoteError)
    assert (type(loaded).__name__, str(loaded), loaded.args) == ("LocalError", "local ('boom',)", ("boom",))
    assert str(loads(dumps(loaded))) == str(loaded)


def test_making_a_class_of_bases_runs_no_code_of_theirs() -> None:
    ran: list[object] = []

    class Counted(ValueError):
        def __init_subclass__(cls) -> None:
            ran.append(cls)

    class Meta(type):
        def __new__(cls, *args: Any) -> Any:
            ran.append(args)
            return super().__new__(cls, *args)

    hooked, met = type("Hooked", (Counted,), {}), Meta("Met", (ValueError,), {})
    hooked.__qualname__ = met.__qualname__ = "never.<locals>.Found"
    data = [dumps(one("x")) for one in (hooked, met)]
    hooked.__qualname__ = met.__qualname__ = "other"
    ran.clear()
    assert [isinstance(loads(one), ValueError) for one in data] == [True, True]
    assert isinstance(loads(data[0]), Counted)
    assert ran == []


def test_failures_that_lead_back_to_themselves_are_stored() -> None:
    alone, one, other = ValueError(1), ValueError(2), KeyError(3)
    alone.__cause__, one.__cause__, other.__context__ = alone, other, one
    alone.args = (alone, 1)
    group = ExceptionGroup("both", [one])
    one.__context__ = group
    itself: Any = loads(dumps(alone))
    assert (itself.__cause__, type(itself.args[0]), itself.args[1:]) == (None, ValueError, (1,))
    again: Any = loads(dumps(one))
    assert (again.__cause__.args, str(again.__context__.exceptions[0])) == ((3,), "2")


def test_an_exception_of_a_module_that_is_gone_comes_back_as_a_stand_in() -> None:
    module = ModuleType("gone_module")
    cls = type("GoneError", (Exception,), {"__module__": "gone_module"})
    module.GoneError = cls  # type: ignore[attr-defined]  # on purpose
    sys.modules["gone_module"] = module
    data = dumps(cls("boom"))
    assert type(loads(data)) is cls
    del sys.modules["gone_module"]
    loaded = loads(data)
    assert isinstance(loaded, RemoteError)
    assert "boom" in str(loaded)
    assert "not imported" in loaded.reason


def test_a_broken_str_does_not_hide_the_failure() -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise OSError

        def __repr__(self) -> str:
            raise OSError

    data = dumps(BrokenError())
    BrokenError.__qualname__ = "not found"
    loaded: Any = loads(data)
    assert isinstance(loaded, RemoteError)
    assert "OSError" in loaded.message


def test_an_endless_recursion_is_stored() -> None:
    def down() -> None:
        down()

    try:
        down()
    except RecursionError as error:
        assert len(traceback_text(loads(dumps(error)))) < 20_000  # type: ignore[arg-type]  # an exception
