"""An answer that is given at a checkpoint goes to the questions that it shows: at every one, however it came to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from nbflow import Command, interrupt
from nbflow.errors import NbflowError
from nbflow.types import Reject
from tests.behaviour.flavours import Flavour

HERE: Any = {"configurable": {"thread_id": "t"}}
Story = Callable[[Flavour, Any], None]


def keeper(flow: Flavour) -> Any:
    return flow.saver


def interview(flow: Flavour) -> Any:
    @flow.task
    def ask(name: str) -> Any:
        return [name, interrupt(name)]

    @flow.entrypoint
    def body(fails: bool) -> Any:
        first = yield ask("one")
        pair = yield [ask("two"), ask("three")]
        if fails and pair[0][1] == "fail":
            raise ValueError("boom")
        return [first, *pair, ["four", interrupt("four")]]

    return body


def answered(state: Any, by: str) -> Command:
    """Return a command that answers each question of a state by its own text, and with ``by``."""
    return Command(resume={question.id: f"{question.value} {by}" for question in state.interrupts})


def to_the_end(flow: Flavour, body: Any, by: str = "first") -> Any:
    while body.get_state(HERE).next:
        flow.invoke(body, answered(body.get_state(HERE), by))
    return body.get_state(HERE).values


def goes_to_the_end(flow: Flavour, body: Any) -> None:
    flow.invoke(body, False)
    to_the_end(flow, body)


def stands(flow: Flavour, body: Any) -> None:
    flow.invoke(body, False)
    flow.invoke(body, answered(body.get_state(HERE), "first"))


def answers_some(flow: Flavour, body: Any) -> None:
    stands(flow, body)
    flow.invoke(body, Command(resume={body.get_state(HERE).interrupts[0].id: "two first"}))


def fails(flow: Flavour, body: Any) -> None:
    flow.invoke(body, True)
    flow.invoke(body, Command(resume="one first"))
    ids = {one.value: one.id for one in body.get_state(HERE).interrupts}
    with pytest.raises(ValueError, match="boom"):
        flow.invoke(body, Command(resume={ids["two"]: "fail", ids["three"]: "three first"}))


def is_rejected(flow: Flavour, body: Any) -> None:
    flow.invoke(body, False)
    with pytest.raises(Exception, match="no"):
        flow.invoke(body, Command(resume=Reject("no")))


def forks_at_a_pause(flow: Flavour, body: Any) -> None:
    goes_to_the_end(flow, body)
    pause = list(body.get_state_history(HERE))[1]
    flow.invoke(body, answered(pause, "forked"), config=pause.config)
    to_the_end(flow, body, "forked")


def forks_at_an_early_pause(flow: Flavour, body: Any) -> None:
    goes_to_the_end(flow, body)
    pause = list(body.get_state_history(HERE))[2]
    flow.invoke(body, answered(pause, "forked"), config=pause.config)
    to_the_end(flow, body, "forked")


def forks_and_stands(flow: Flavour, body: Any) -> None:
    goes_to_the_end(flow, body)
    pause = list(body.get_state_history(HERE))[2]
    flow.invoke(body, None, config=pause.config)


def forks_at_the_input(flow: Flavour, body: Any) -> None:
    goes_to_the_end(flow, body)
    flow.invoke(body, None, config=list(body.get_state_history(HERE))[-1].config)
    to_the_end(flow, body, "forked")


def is_followed(flow: Flavour, body: Any) -> None:
    stands(flow, body)
    flow.invoke(body, False)
    to_the_end(flow, body)


STORIES: list[Story] = [
    goes_to_the_end, stands, answers_some, fails, is_rejected, forks_at_a_pause, forks_at_an_early_pause,
    forks_and_stands, forks_at_the_input, is_followed,
]  # fmt: skip


def each_point(flow: Flavour, story: Story) -> Iterator[tuple[Any, Any]]:
    """Yield each checkpoint of a story, newest first, with its workflow; the thread is as if no other was looked at."""
    for number in count():
        body = interview(flow)
        keeper(flow).delete_thread("t")
        story(flow, body)
        history = list(body.get_state_history(HERE))
        if number == len(history):
            return
        yield body, history[number]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_answers_by_id_go_to_the_questions_shown(flow: Flavour, story: Story) -> None:
    for body, point in each_point(flow, story):
        assert body.get_state(point.config) == point
        if not point.interrupts:
            with pytest.raises(NbflowError):
                flow.invoke(body, Command(resume={"0" * 32: "nowhere"}), config=point.config)
            continue
        flow.invoke(body, answered(point, "again"), config=point.config)
        end = to_the_end(flow, body, "later")
        for name, answer in end:
            assert answer in {f"{name} {by}" for by in ("first", "forked", "again", "later")}, end
        shown = {question.value for question in point.interrupts}
        assert {name for name, answer in end if answer.endswith("again")} == shown


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_plain_answer_goes_to_the_one_question_shown(flow: Flavour, story: Story) -> None:
    for body, point in each_point(flow, story):
        if len(point.interrupts) != 1:
            continue
        name = point.interrupts[0].value
        flow.invoke(body, Command(resume=f"{name} plain"), config=point.config)
        assert dict(to_the_end(flow, body, "later"))[name] == f"{name} plain"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_savers_show_a_body_waiting_with_the_same_questions(flow: Flavour, story: Story) -> None:
    body, saver = interview(flow), keeper(flow)
    story(flow, body)
    for one, state in zip(list(saver.list(HERE)), list(body.get_state_history(HERE)), strict=True):
        ends = {channel: value for path, channel, value in one.pending_writes if path == "0"}
        assert one.config == state.config
        assert ends.get("__interrupt__", state.interrupts) == state.interrupts
