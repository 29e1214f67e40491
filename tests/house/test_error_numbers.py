"""Each error and warning has a number for ever, shows it, and is told of on a page that is up to date."""

from __future__ import annotations

import inspect
import pickle
import re
import traceback

import pytest

from nbflow import codec, errors
from nbflow._support.warnings import warn
from tests.house.error_page import PAGE, committed, number_of, numbered, numbers, page, sections, wrong
from tests.house.sources import ROOT
from tests.house.test_errors import example

ALL = [pytest.param(kind, id=kind.__name__) for kind in numbered()]
ERRORS = [pytest.param(kind, id=kind.__name__) for kind in numbered() if issubclass(kind, errors.NbflowError)]
RUN = "run `python -m tests.house.error_page`"


def test_the_numbers_are_those_that_were_given() -> None:
    assert wrong(numbers(), committed()) == []
    assert set(numbers().items()) <= set(committed().items()), RUN


def test_no_two_classes_have_one_number() -> None:
    assert len(numbers()) == len(numbered())


@pytest.mark.parametrize("kind", ALL)
def test_each_class_has_a_number_of_its_own_kind(kind: type[Exception]) -> None:
    number = number_of(kind)
    assert re.fullmatch(r"NBF-[1-5]\d\d", number), f"{kind.__name__} has no number: give it the next free one"
    assert number.startswith(GROUPS[_file(kind)])


GROUPS = {"usage": "NBF-1", "resuming": "NBF-2", "running": "NBF-3", "storage": "NBF-4", "graphs": "NBF-5"}


def _file(kind: type[Exception]) -> str:
    """Return the module that a class is written in; its ``__module__`` is where it is imported from."""
    folder = ROOT / "nbflow" / "errors"
    return next(name for name in GROUPS if f"class {kind.__name__}(" in (folder / f"{name}.py").read_text("utf-8"))


@pytest.mark.parametrize("kind", ALL)
def test_each_docstring_says_what_to_do(kind: type[Exception]) -> None:
    parts = sections(inspect.getdoc(kind) or "")
    assert parts[""]
    assert parts["Remedy"]


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_shows_its_number_once_at_the_end(kind: type[Exception]) -> None:
    error = example(kind)
    shown = f" [{number_of(kind)}]"
    for one in (error, pickle.loads(pickle.dumps(error)), codec.loads(codec.dumps(error))):
        assert str(one).endswith(shown)
        assert str(one).count("[NBF-") == 1
        assert type(one) is kind
    assert shown in "".join(traceback.format_exception_only(error))


@pytest.mark.parametrize(
    "kind", [kind for kind in numbered() if issubclass(kind, Warning)], ids=lambda one: one.__name__
)
def test_a_warning_shows_its_number(kind: type[Warning]) -> None:
    with pytest.warns(kind, match=rf"^take care \[{number_of(kind)}\]$"):
        warn("take care", kind)
    with pytest.warns(DeprecationWarning, match="^take care$"):
        warn("take care", DeprecationWarning)


def test_a_users_own_kind_shows_the_number_of_ours() -> None:
    class OwnError(errors.InvalidGraphError):
        pass

    assert str(OwnError("no way")) == "no way [NBF-500]"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), RUN


def test_the_page_has_cause_example_and_remedy() -> None:
    text = page()
    assert "### NBF-250 ThreadBusyError\n\nAnother run works on the thread at this moment.\n" in text
    assert 'second = flow.start(1, config, on_busy="join")' in text
    assert text.count("**What to do.**") == len(numbered())
    assert "``" not in text.replace("```", "")


@pytest.mark.parametrize(
    ("now", "complaint"),
    [
        ({"NBF-100": "A", "NBF-105": "B"}, []),
        ({"NBF-100": "A", "NBF-110": "C"}, []),
        ({"NBF-100": "A", "NBF-110": "B"}, ["B has NBF-110, and had NBF-105"]),
        ({"NBF-105": "C"}, ["NBF-105 of C was that of B"]),
    ],
)
def test_numbers_that_moved_or_come_again_are_found(now: dict[str, str], complaint: list[str]) -> None:
    assert wrong(now, {"NBF-100": "A", "NBF-105": "B"}) == complaint
