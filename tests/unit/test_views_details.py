"""What is known of one call, as text."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from nbflow import SqliteSaver, entrypoint, list_runs, read_run, task
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
    assert [fact[:2] for fact in facts] == [("arguments", "1"), ("result", "<page 1>")]


def test_a_retried_call_tells_each_attempt() -> None:
    assert labels("0.7.0") == ["attempt 1", "attempt 2", "arguments", "result"]


def test_a_failure_tells_its_note() -> None:
    facts = {fact.label: fact.text for fact in details_of(story().heard[0], "0.6")}
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


def test_an_error_shows_the_lines_of_its_reader_alone_whether_it_was_heard_or_stored(tmp_path: Path) -> None:
    @task
    def bad(n: int) -> float:
        try:
            return 1 / n
        except ZeroDivisionError as error:
            raise ValueError("no") from error

    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:

        @entrypoint(checkpointer=saver)
        def flow(n: int) -> int:
            with suppress(ValueError):
                bad(n).result()
            return 1

        run = flow.start(0, {"configurable": {"thread_id": "t"}})
        assert run.result() == 1
        stored = read_run(saver, "t", list_runs(saver, "t")[0])
        texts = [
            next(detail.text for detail in details_of(records, "0.0") if detail.label == "error")
            for records in (run.log, stored)
        ]
    for text in texts:
        assert "return 1 / n" in text
        assert "direct cause of the following exception" in text
        assert 'raise ValueError("no") from error' in text
        assert text.index("ZeroDivisionError") < text.index("ValueError: no")
        assert "bodies.py" not in text
        assert text.count("Traceback (most recent call last)") == 2
