"""What is kept of what calls say: bounded, storable whatever it is, and shown once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbflow.checkpoint.rows import encode_value, from_row, to_row
from nbflow.core.call import Call, Frame, Spec
from nbflow.core.log import Log
from nbflow.core.output import DISPLAYS, FIRST, LAST, LIMITS, MANY, Outputs, place_of
from nbflow.core.record import CallReturned, Emitted, Output, Record, Value
from nbflow.views.calls import CallsView
from nbflow.views.details import STREAMED, details_of
from nbflow.views.output import output_of, plain

HOSTILE = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x00 \u202eback \ud800 <script>alert(1)</script>"
NOW = 5.0


def frame_of(path: str = "0.0", caller: Frame | None = None) -> Frame:
    call = Call(path, Spec("work", len), (), {}, caller=caller, attempt=1)
    return Frame(call, None, path)  # type: ignore[arg-type]  # nothing is asked of its host


def said_by(*texts: str) -> list[Output]:
    outputs, frame = Outputs(), frame_of()
    for text in texts:
        outputs.put(frame, "stdout", text)
        outputs.fold()
    outputs.end(frame.call, NOW)
    return outputs.take(frame.call, NOW)


def shown(records: list[Any], path: str = "0.0") -> list[str]:
    return [part.text for part in output_of(records, path)]


def test_a_call_that_says_little_is_kept_whole_in_one_record() -> None:
    records = said_by("one\n", "two\n")
    assert shown(records) == ["one\ntwo\n"]
    assert [(one.path, one.name, one.at, one.is_new) for one in records] == [("0.0", "work", NOW, True)]


@pytest.mark.parametrize(
    "sizes", [[100_000_000], [10] * 50_000, [30_000, 1, 30_000], [FIRST, LAST], [FIRST + LAST + 1]]
)
def test_of_a_call_that_says_much_the_first_and_the_last_are_kept(sizes: list[int]) -> None:
    texts = [f"{number:x}"[-1] * size for number, size in enumerate(sizes)]
    whole = "".join(texts)
    (text,) = shown(said_by(*texts))
    head, _, rest = text.partition("\n… ")
    told, _, tail = rest.partition(" characters were not kept …\n")
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert LAST // 2 < len(head) <= FIRST
    assert LAST // 2 < len(tail) <= LAST
    assert len(head) + int(told.replace(",", "")) + len(tail) == len(whole)


def test_what_is_kept_is_never_much_while_it_is_said() -> None:
    outputs, frame = Outputs(), frame_of()
    for _ in range(1000):
        outputs.put(frame, "stdout", "x" * 10_000)
        outputs.fold()
    kept = outputs._open["0.0"]
    assert sum(len(said.content) for said in (*kept._first, *kept._last)) <= FIRST + LAST
    assert not outputs.inbox


def test_texts_wait_to_be_taken_in_together_but_not_many_or_long_ones() -> None:
    outputs, frame = Outputs(), frame_of()
    assert not any(outputs.put(frame, "stdout", "x") for _ in range(MANY))
    assert outputs.put(frame, "stdout", "x")
    outputs.fold()
    assert outputs.put(frame, "stdout", "x" * 100_000)
    outputs.fold()
    assert outputs.put(frame, "display", {"text/plain": "figure"})


def test_any_text_can_be_stored_and_comes_back_without_what_terminals_obey() -> None:
    (record,) = said_by(HOSTILE)
    encode_value(record)
    again = from_row(to_row(record, 3))
    assert isinstance(again, Output)
    assert shown([again]) == ["red  \x00 \u202eback \\ud800 <script>alert(1)</script>"]


def test_a_line_that_was_written_over_is_not_shown() -> None:
    assert plain("10%\r20%\r100%\nend\r\n") == "100%\nend\r\n"


def test_displays_are_kept_in_their_place_and_what_is_too_large_is_told() -> None:
    outputs, frame = Outputs(), frame_of()
    outputs.put(frame, "stdout", "before\n")
    forms = {"text/plain": "<Figure>", "image/png": "aGk=", "text/html": "x" * 60_000, "application/json": {"a": 1}}
    outputs.put(frame, "display", forms)
    outputs.put(frame, "stdout", "after\n")
    outputs.end(frame.call, NOW)
    before, figure, after = output_of(outputs.take(frame.call, NOW), "0.0")
    assert (before.text, after.text) == ("before\n", "after\n")
    assert (figure.is_display, figure.forms) == (True, {"image/png": "aGk="})
    assert figure.text == "<Figure>\ntext/html of 60,000 characters: too large to be kept"


def test_only_so_many_displays_are_kept_and_one_with_an_id_is_replaced() -> None:
    outputs, frame = Outputs(), frame_of()
    for number in range(100):
        outputs.put(frame, "display", {"text/plain": f"{number}%"}, "bar")
    for number in range(DISPLAYS + 2):
        outputs.put(frame, "display", {"text/plain": f"figure {number}"})
    outputs.end(frame.call, NOW)
    texts = shown(outputs.take(frame.call, NOW))
    assert texts[:2] == ["99%", "figure 0"]
    assert texts[-1] == "\n… 3 more displays were not kept …\n"
    assert len(texts) == DISPLAYS + 1


def test_displays_that_are_too_many_are_told_also_after_the_others_are_durable() -> None:
    outputs, body = Outputs(), frame_of("0")
    work = frame_of("0.0", body)
    for number in range(DISPLAYS):
        outputs.put(body, "display", {"text/plain": f"figure {number}"})
    assert len(shown(outputs.take(work.call, NOW), "0")) == DISPLAYS
    outputs.put(body, "display", {"text/plain": "one more"})
    assert shown(outputs.take_all(NOW), "0") == ["\n… 1 more displays were not kept …\n"]


def test_what_a_call_has_said_so_far_can_be_seen_and_is_kept_all_the_same() -> None:
    outputs, frame = Outputs(), frame_of()
    assert outputs.so_far("0.0", NOW) == []
    outputs.put(frame, "stdout", "so far\n")
    assert shown(outputs.so_far("0.0", NOW)) == ["so far\n"]
    outputs.put(frame, "stdout", "and more\n")
    outputs.end(frame.call, NOW)
    assert shown(outputs.take(frame.call, NOW)) == ["so far\nand more\n"]
    assert outputs.so_far("0.0", NOW) == []


def test_the_beginning_of_a_body_goes_with_the_ends_of_its_calls() -> None:
    outputs, body = Outputs(), frame_of("0")
    work = frame_of("0.0", body)
    outputs.put(body, "stdout", "begin\n")
    outputs.put(work, "stdout", "work\n")
    outputs.end(work.call, NOW)
    taken = outputs.take(work.call, NOW)
    assert [(one.path, shown([one], one.path)) for one in taken] == [("0.0", ["work\n"]), ("0", ["begin\n"])]
    log = Log()
    outputs.keep(taken, log, is_durable=False)
    again = outputs.take_all(NOW)
    assert again == taken, "what could not be stored goes with the next commit"
    outputs.keep(again, log, is_durable=True)
    assert log.records == taken
    assert outputs.take_all(NOW) == []


def test_what_an_object_says_in_the_middle_of_a_step_is_not_lost() -> None:
    outputs, frame = Outputs(), frame_of()

    class Forms(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            outputs.put(frame, "stdout", f"said with {name}\n")
            outputs.fold()
            return super().get(name, default)

    outputs.put(frame, "display", Forms({"text/plain": "figure"}))
    outputs.end(frame.call, NOW)
    first, *rest = shown(outputs.take(frame.call, NOW))
    assert first == "figure"
    assert rest == ["".join(f"said with {name}\n" for name in LIMITS)]


def said(*parts: tuple[str, int, str], is_new: bool = True) -> Output:
    told = [(branch, step, 1, "stdout", text) for branch, step, text in parts]
    return Output(path="0.0", name="work", is_new=is_new, value=Value(told))


def returned() -> CallReturned:
    return CallReturned(path="0.0", name="work")


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([said(("", 0, "a"), ("", 1, "b")), said(("", 1, "B"), ("", 2, "c"))], "aBc"),
        ([said(("", 0, "a")), said(("", 1, "b"), is_new=False)], "ab"),
        ([said(("", 0, "a"), (".b0", 0, "x"), (".b1", 1, "y")), said((".b1", 0, "Y"))], "axY"),
        ([said(("", 0, "a")), returned(), said(("", 0, "A")), returned()], "A"),
        ([said(("", 0, "a")), returned(), returned()], ""),
    ],
    ids=["a step again", "goes on", "branches", "runs again", "runs again and is silent"],
)
def test_what_is_said_again_is_shown_once(records: list[Record], text: str) -> None:
    assert "".join(shown(records)) == text


def test_a_damaged_output_is_told_and_breaks_nothing() -> None:
    record = Output(path="0.0", value=Value([("", 0)]))
    assert shown([record]) == ["\n… cannot be shown: TypeError …\n"]


def test_a_row_knows_that_its_call_has_output() -> None:
    view = CallsView()
    for record in (said(("", 0, "a")), returned()):
        view.fold(record)
    assert view.printed == {"0.0"}
    assert [row.path for row in view.fold(said(("", 1, "b")))] == ["0.0"], "the page is told of it"


def test_details_tell_attempts_and_stream_data() -> None:
    told = [("", 0, 1, "stdout", "first try\n"), ("", 0, 2, "stdout", "second try\n")]
    emitted = [Emitted(path="0.0", value=Value({"n": n})) for n in range(STREAMED + 5)]
    ended = CallReturned(path="0.0", name="work", attempt=2, value=Value(1))
    facts = details_of([Output(path="0.0", value=Value(told)), *emitted, ended], "0.0")
    assert [fact.label for fact in facts] == ["result", "output of attempt 1", "output", "stream data"]
    assert facts[-1].text.endswith("{'n': 99}\n… 5 more")


def _frames() -> dict[str, Callable[[], Frame]]:
    body = frame_of("0")

    def at(calls: int, branches: int = 0, frame: Frame = body) -> Frame:
        frame.calls, frame.made = calls, branches
        return frame

    def branch(number: int, calls: int, made: int) -> Frame:
        found = Frame(body.call, None, f"0.b{number}", trunk=body, around=body)  # type: ignore[arg-type]  # as above
        found.place, found.calls = (made, number), calls
        return found

    return {
        "before all": lambda: at(0),
        "first call": lambda: frame_of("0.0", body),
        "below it": lambda: frame_of("0.0.0", frame_of("0.0", body)),
        "after it": lambda: at(1),
        "first branch": lambda: branch(0, 0, 1),
        "a call of that": lambda: frame_of("0.b0.0", branch(0, 0, 1)),
        "later there": lambda: branch(0, 1, 1),
        "second branch": lambda: branch(1, 0, 1),
        "after both": lambda: at(1, 2),
        "second call": lambda: frame_of("0.1", body),
        "tenth call": lambda: frame_of("0.10", body),
        "at the end": lambda: at(11, 2),
    }


def test_places_sort_as_a_body_makes_its_calls() -> None:
    places = {name: place_of(make()) for name, make in _frames().items()}
    assert sorted(places, key=places.__getitem__) == list(places)
