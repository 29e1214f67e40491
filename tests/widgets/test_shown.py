"""What a question holds is shown as what it is; nothing of a user's is markup."""

from __future__ import annotations

import io
from typing import Any

import IPython.display
import pandas as pd
import pytest

import nbflow
from nbflow.types import Markdown, interrupt
from nbflow_widgets.forms import Form
from nbflow_widgets.shown import shown

pytestmark = pytest.mark.filterwarnings("ignore::nbflow.errors.UnreadCodeWarning")  # bodies that name what is shown
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e"


def asked_with(value: object) -> nbflow.Interrupt:
    """Return a question as it is read back from a file of threads."""

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: object) -> Any:
        return interrupt(value)

    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
    flow.invoke(1, config)
    asked: nbflow.Interrupt = flow.get_state(config).interrupts[0]
    return asked


def figure() -> Any:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    drawn, axes = pyplot.subplots()
    axes.plot([1, 2])
    pyplot.close(drawn)
    return drawn


SHOWN: list[tuple[object, tuple[str, ...]]] = [
    (Markdown("# Title\n\n* *one*\n"), ("<h1>Title</h1>", "<li><em>one</em></li>")),
    (IPython.display.Markdown("**bold**"), ("<strong>bold</strong>",)),
    (pd.DataFrame({"a_id": [1], "b": ["x"]}), ("<table", ">a_id</th>", ">x</td>")),
    (pd.Series([1.5], name="weight"), ("<table", ">weight</th>", "1.5")),
    (["one", "two"], ("<li>", "one")),
    ([{"name": "Ann", "age": 3}, {"name": "Bob"}], ("<th", ">age</th>", "Ann")),
    ({"a": {"b": [1, 2]}}, ("<table", ">a</td>", "<li>")),
    (b"\x89PNG\r\n\x1a\n....", ('<img src="data:image/png;base64,',)),
    (b"no picture", ("<pre", "no picture")),
    ("a text", (">a text</div>",)),
]


@pytest.mark.parametrize(("value", "parts"), SHOWN, ids=[type(one[0]).__name__ for one in SHOWN])
def test_what_a_question_holds_is_shown_as_what_it_is(value: object, parts: tuple[str, ...]) -> None:
    form = Form(asked_with({"question": "Fine?", "it": value}), lambda _answer: None)
    for part in parts:
        assert part in form.html()
    assert form.text().startswith("asks: Fine?")


def test_images_and_figures_are_shown_as_pictures_of_a_bounded_size() -> None:
    pil = pytest.importorskip("PIL.Image")
    large = pil.effect_noise((3000, 2000), 90)
    for value in (figure(), large, [figure()]):
        html = Form(asked_with({"question": "Fine?", "it": value}), lambda _answer: None).html()
        assert '<img src="data:image/' in html
        assert len(html) < 1_000_000


def test_a_figure_asks_the_same_question_on_replay() -> None:
    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: object) -> Any:
        return interrupt({"it": figure()}), interrupt("next")

    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
    flow.invoke(1, config)
    flow.invoke(nbflow.Command(resume="a"), config)
    assert flow.invoke(nbflow.Command(resume="b"), config) == ("a", "b")


@pytest.mark.parametrize(
    "value",
    [
        HOSTILE,
        Markdown(HOSTILE),
        Markdown("[x](javascript:alert(1)) ![y](http://a.example/b.png) <script>alert(1)</script>"),
        [HOSTILE, HOSTILE],
        {HOSTILE: HOSTILE},
        [{HOSTILE: HOSTILE}, {HOSTILE: 1}],
        pd.DataFrame({HOSTILE: [HOSTILE]}, index=[HOSTILE]),
        {"a": {"b": {"c": {"d": HOSTILE}}}},
    ],
)
def test_nothing_of_a_users_is_markup(value: object) -> None:
    html = shown(value)
    assert "<img" not in html
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "\x1b" not in html
    assert "\u202e" not in html


class Odd:
    def __repr__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    "value", [list(range(10_000)), dict.fromkeys(range(10_000)), "x" * 10_000, [[[[[[1]]]]]], [Odd()]]
)
def test_large_and_odd_values_are_shown_within_bounds(value: object) -> None:
    assert len(shown(value)) < 300_000


def test_bytes_that_only_look_like_a_picture_stay_data() -> None:
    stream = io.BytesIO(b"GIF8" + b"<svg onload=alert(1)>")
    assert "<svg" not in shown(stream.getvalue())
