"""What is known of one call, as text."""

from __future__ import annotations

from nbflow.core.record import CallReturned, Value
from nbflow.views.details import LIMIT, details_of, text_of
from tests.unit.stories import story


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def returned(value: object) -> CallReturned:
    return CallReturned(path="0.0", name="work", shown="1", value=Value(value))


def labels(path: str) -> list[str]:
    return [fact.label for fact in details_of(story().heard[0], path)]


def test_a_call_tells_its_arguments_and_its_result() -> None:
    facts = details_of(story().heard[0], "0.1")
    assert facts == [("arguments", "1"), ("result", "<page 1>")]


def test_a_retried_call_tells_each_attempt() -> None:
    assert labels("0.7.0") == ["attempt 1", "attempt 2", "arguments", "result"]


def test_a_failure_tells_its_note() -> None:
    facts = dict(details_of(story().heard[0], "0.6"))
    assert "ValueError: dead & gone\ntask 'check', call 0.6, attempt 1 of 1" in facts["error"]


def test_the_body_tells_what_went_in_and_out() -> None:
    told = details_of(story().kept, "0")
    assert [fact.label for fact in told] == ["input", "question", "answer", "result"]
    assert told[2].text == "yes"


def test_any_value_becomes_text() -> None:
    assert text_of(returned(Rude())) == "<cannot be shown: RuntimeError>"
    assert text_of(returned(list(range(10_000)))).endswith("99, ...]")
    long = text_of(returned("x" * (LIMIT + 5)))
    assert long.endswith("x\n… 5 more characters")
