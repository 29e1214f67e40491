"""Every pause is a checkpoint: it shows its questions for ever, and an answer given there goes to them."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, SqliteSaver, interrupt
from nbflow.core.record import ROOT, RunPaused
from nbflow.errors import InterruptRejectedError, NothingToResumeError
from nbflow.testing import FakeClock
from nbflow.types import Reject
from nbflow.values import config_at
from tests.behaviour.flavours import Flavour

HERE: Any = {"configurable": {"thread_id": "t"}}


def keeper(flow: Flavour) -> Any:
    return flow.saver


def asked(state: Any) -> list[Any]:
    return [question.value for question in state.interrupts]


def shown(workflow: Any) -> list[list[Any]]:
    """Return what each checkpoint of the thread asks, newest first."""
    return [asked(state) for state in workflow.get_state_history(HERE)]


class Interview:
    """A workflow that works, asks and works again, three times; counts what ran.

    Attributes:
        ran: how often, by name.
        workflow: what to run.
    """

    def __init__(self, flow: Flavour) -> None:
        self.ran: Counter[str] = Counter()
        ran = self.ran

        @flow.task
        def work(name: str) -> str:
            ran[name] += 1
            return name

        @flow.entrypoint
        def interview(n: int) -> Any:
            answers = []
            for number in range(n):
                yield work(f"before {number}")
                answers.append(interrupt(f"question {number}"))
            yield work("last")
            return answers

        self.workflow = interview


@pytest.fixture
def interview(flow: Flavour) -> Interview:
    return Interview(flow)


def answer_all(flow: Flavour, workflow: Any, n: int) -> list[Any]:
    """Run to the end; return the state at each pause."""
    flow.invoke(workflow, n)
    states = []
    for number in range(n):
        states.append(workflow.get_state(HERE))
        flow.invoke(workflow, Command(resume=f"first {number}"))
    return states


def test_every_pause_is_a_checkpoint_after_the_one_before(flow: Flavour, interview: Interview) -> None:
    answer_all(flow, interview.workflow, 3)
    states = list(interview.workflow.get_state_history(HERE))
    assert [asked(state) for state in states] == [[], ["question 2"], ["question 1"], ["question 0"], ["question 0"]]
    assert [state.metadata["source"] for state in states] == ["loop", "loop", "loop", "loop", "input"]
    assert [state.metadata["step"] for state in states] == [0, -1, -1, -1, -1]
    assert [state.parent_config for state in states] == [*(state.config for state in states[1:]), None]
    ids = [state.config["configurable"]["checkpoint_id"] for state in states]
    assert sorted(ids, reverse=True) == ids
    for older, state in zip([*states[1:], None], states, strict=True):
        assert interview.workflow.get_state(state.config) == state
        before = list(interview.workflow.get_state_history(HERE, before=state.config))
        assert before[:1] == ([older] if older else [])


def test_what_a_pause_shows_stays(flow: Flavour, interview: Interview) -> None:
    states = answer_all(flow, interview.workflow, 3)
    for number, state in enumerate(states):
        again = interview.workflow.get_state(state.config)
        assert again == state
        assert (again.next, [call.path for call in again.calls]) == (
            ("interview",),
            [f"0.{position}" for position in range(number + 1)],
        )


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_answer_goes_to_the_question_that_the_checkpoint_showed(
    flow: Flavour, interview: Interview, number: int
) -> None:
    states = answer_all(flow, interview.workflow, 3)
    interview.ran.clear()
    before = list(interview.workflow.get_state_history(HERE))
    result = flow.invoke(interview.workflow, Command(resume="other"), config=states[number].config)
    for later in range(number + 1, 3):
        assert [question.value for question in result["__interrupt__"]] == [f"question {later}"]
        result = flow.invoke(interview.workflow, Command(resume=f"other {later}"))
    kept, given = [f"first {n}" for n in range(number)], [f"other {n}" for n in range(number + 1, 3)]
    assert result == [*kept, "other", *given]
    assert interview.ran == {**{f"before {n}": 1 for n in range(number + 1, 3)}, "last": 1}
    assert list(interview.workflow.get_state_history(HERE))[-len(before) :] == before
    began = list(interview.workflow.get_state_history(HERE))[-len(before) - 1]
    assert (began.metadata["source"], began.parent_config) == ("fork", states[number].config)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_none_at_a_pause_asks_the_same_again(flow: Flavour, interview: Interview, number: int) -> None:
    states = answer_all(flow, interview.workflow, 3)
    interview.ran.clear()
    result = flow.invoke(interview.workflow, None, config=states[number].config)
    assert result["__interrupt__"] == list(states[number].interrupts)
    assert not interview.ran
    fork = interview.workflow.get_state(HERE)
    assert asked(fork) == [f"question {number}"]
    result = flow.invoke(interview.workflow, Command(resume="again"), config=fork.config)  # it is the newest: goes on
    assert len(interview.workflow.last_run(HERE).calls) >= number + 2
    for _ in range(number + 1, 3):
        result = flow.invoke(interview.workflow, Command(resume="again"))
    assert result == [*(f"first {n}" for n in range(number)), *["again"] * (3 - number)]


def test_the_newest_pause_goes_on_and_asking_again_makes_no_other(flow: Flavour, interview: Interview) -> None:
    flow.invoke(interview.workflow, 2)
    first = interview.workflow.get_state(HERE)
    for config in (HERE, first.config, first.parent_config):
        assert flow.invoke(interview.workflow, None, config=config)["__interrupt__"] == list(first.interrupts)
        assert interview.workflow.get_state(HERE) == first
    flow.invoke(interview.workflow, Command(resume="a"), config=first.config)
    assert shown(interview.workflow) == [["question 1"], ["question 0"], ["question 1"]]
    second = interview.workflow.get_state(HERE)
    assert flow.invoke(interview.workflow, Command(resume="b"), config=second.config) == ["a", "b"]
    assert len(flow.saver.runs("t")) == 1


def test_a_run_that_failed_after_a_pause_goes_on_from_its_input(flow: Flavour) -> None:
    broken = [True]

    @flow.entrypoint
    def body(_: int) -> Any:
        answer = interrupt("?")
        if broken[0]:
            raise ValueError("boom")
        return answer

    flow.invoke(body, 1)
    paused = body.get_state(HERE)
    with pytest.raises(ValueError, match="boom"):
        flow.invoke(body, Command(resume="a"))
    failed = body.get_state(HERE)
    assert (failed.config, failed.interrupts) == (paused.parent_config, ())
    assert "boom" in failed.tasks[0].error
    assert body.get_state(paused.config) == paused
    broken[0] = False
    assert flow.invoke(body, None, config=failed.config) == "a"
    assert flow.invoke(body, Command(resume="b"), config=paused.config) == "b"
    assert len(flow.saver.runs("t")) == 2


def test_of_several_at_once_those_that_waited_take_an_answer(flow: Flavour) -> None:
    ran: Counter[str] = Counter()

    @flow.task
    def ask(name: str) -> Any:
        ran[name] += 1
        return interrupt(name)

    @flow.entrypoint
    def body(_: int) -> Any:
        first = yield [ask("a"), ask("b"), ask("c")]
        return [*first, interrupt("d")]

    flow.invoke(body, 1)
    all_three = body.get_state(HERE)
    ids = {question.value: question.id for question in all_three.interrupts}
    flow.invoke(body, Command(resume={ids["a"]: 1}))
    two = body.get_state(HERE)
    flow.invoke(body, Command(resume={ids["b"]: 2, ids["c"]: 3}))
    assert flow.invoke(body, Command(resume=4)) == [1, 2, 3, 4]
    assert shown(body) == [[], ["d"], ["b", "c"], ["a", "b", "c"], ["a", "b", "c"]]
    ran.clear()
    left = flow.invoke(body, Command(resume={ids["c"]: 30}), config=two.config)
    assert [question.value for question in left["__interrupt__"]] == ["b"]
    assert ran["a"] == 0
    flow.invoke(body, Command(resume=20))
    assert flow.invoke(body, Command(resume=40)) == [1, 20, 30, 40]
    flow.invoke(body, Command(resume=dict.fromkeys(ids.values(), 0)), config=all_three.config)
    assert flow.invoke(body, Command(resume=0)) == [0, 0, 0, 0]


def test_nested_workflows_and_tasks_that_ask(flow: Flavour) -> None:
    ran: Counter[str] = Counter()

    @flow.task
    def work(name: str) -> str:
        ran[name] += 1
        return name

    @flow.task
    def approve(name: str) -> Any:
        yield work(f"prepare {name}")
        return interrupt(f"approve {name}")

    @flow.entrypoint
    def inner(name: str) -> Any:
        before = yield approve(f"inner {name}")
        return [before, interrupt(f"inner {name}?")]

    @flow.entrypoint
    def outer(_: int) -> Any:
        first = yield approve("outer")
        second = yield flow.nested(inner, "x")
        return [first, second, interrupt("outer?")]

    flow.invoke(outer, 1)
    states, result = [], None
    for number in range(4):
        states.append(outer.get_state(HERE, subgraphs=True))
        result = flow.invoke(outer, Command(resume=number))
    assert result == [0, [1, 2], 3]
    assert [asked(state) for state in states] == [
        ["approve outer"],
        ["approve inner x"],
        ["inner x?"],
        ["outer?"],
    ]
    for state in states:
        assert outer.get_state(state.config, subgraphs=True) == state
    (unit,) = states[2].tasks[0].state
    assert asked(unit.state) == ["inner x?"]
    assert outer.get_state(unit.state.config) == unit.state
    ran.clear()
    flow.invoke(outer, Command(resume="again"), config=states[2].config)
    assert flow.invoke(outer, Command(resume="end")) == [0, [1, "again"], "end"]
    assert not ran
    flow.invoke(outer, Command(resume="again"), config=states[1].config)
    flow.invoke(outer, Command(resume="too"))
    assert flow.invoke(outer, Command(resume="end")) == [0, ["again", "too"], "end"]
    assert not ran


def test_pauses_of_a_fork_are_its_own(flow: Flavour, interview: Interview) -> None:
    states = answer_all(flow, interview.workflow, 3)
    flow.invoke(interview.workflow, Command(resume="x"), config=states[0].config)
    of_fork = interview.workflow.get_state(HERE)
    assert asked(of_fork) == ["question 1"]
    assert of_fork.config != states[1].config
    flow.invoke(interview.workflow, Command(resume="y"))
    flow.invoke(interview.workflow, Command(resume="z"))
    keeper(flow).prune(["t"], strategy="keep_latest")
    interview.ran.clear()
    flow.invoke(interview.workflow, Command(resume="other"), config=of_fork.config)
    assert flow.invoke(interview.workflow, Command(resume="end")) == ["x", "other", "end"]
    assert interview.ran == {"before 2": 1, "last": 1}


def test_a_fork_at_a_call_takes_the_run_as_it_was_at_the_pause(flow: Flavour, interview: Interview) -> None:
    states = answer_all(flow, interview.workflow, 2)
    interview.ran.clear()
    run = interview.workflow.fork(states[1].config, at="0.1", replace="by hand")
    result = run.result() if hasattr(run, "result") else run
    assert [question.value for question in result["__interrupt__"]] == ["question 1"]
    assert flow.invoke(interview.workflow, Command(resume="end")) == ["first 0", "end"]
    assert interview.ran == {"last": 1}


def test_a_new_input_and_an_update_begin_at_a_pause(flow: Flavour, interview: Interview) -> None:
    states = answer_all(flow, interview.workflow, 2)
    assert flow.invoke(interview.workflow, 0, config=states[0].config) == []
    began = interview.workflow.get_state(interview.workflow.get_state(HERE).parent_config)
    assert (began.parent_config, began.metadata["step"]) == (states[0].config, 0)
    written = interview.workflow.update_state(states[1].config, "by hand")
    assert interview.workflow.get_state(written).parent_config == states[1].config


def test_savers_tell_of_pauses_in_the_shape_that_people_know(flow: Flavour, interview: Interview) -> None:
    states = answer_all(flow, interview.workflow, 2)
    history = list(interview.workflow.get_state_history(HERE))
    listed = list(keeper(flow).list(HERE))
    assert [one.config for one in listed] == [state.config for state in history]
    assert [one.parent_config for one in listed] == [state.parent_config for state in history]
    assert [(one.metadata["source"], one.metadata["step"]) for one in listed] == [
        (state.metadata["source"], state.metadata["step"]) for state in history
    ]
    for state in states:
        found = keeper(flow).get_tuple(state.config)
        questions = [value for _, channel, value in found.pending_writes if channel == "__interrupt__"]
        assert questions == [state.interrupts]
        assert found.checkpoint["channel_values"] == {"__start__": 2}
        assert [one.config for one in keeper(flow).list(HERE, before=state.config)] == [
            one.config for one in interview.workflow.get_state_history(HERE, before=state.config)
        ]


def test_pauses_are_there_after_a_restart(flow: Flavour, interview: Interview, tmp_path: Path) -> None:
    states = answer_all(flow, interview.workflow, 3)
    file = SqliteSaver.from_conn_string(tmp_path / "runs.db")
    with file if isinstance(flow.saver, SqliteSaver) else nullcontext(flow.saver) as saver:
        again = Interview(Flavour(flow.name, saver))
        assert [again.workflow.get_state(state.config) for state in states] == states
        flow.invoke(again.workflow, Command(resume="x"), config=states[1].config)
        assert flow.invoke(again.workflow, Command(resume="y")) == ["first 0", "x", "y"]
        assert again.ran == {"before 2": 1, "last": 1}


def test_a_copied_thread_has_the_same_pauses(flow: Flavour, interview: Interview) -> None:
    states = answer_all(flow, interview.workflow, 3)
    keeper(flow).copy_thread("t", "u")
    with pytest.raises(NothingToResumeError):
        flow.invoke(interview.workflow, Command(resume=1), "u")
    configs: list[Any] = [config_at("u", state.config["configurable"]["checkpoint_id"]) for state in states]
    assert [interview.workflow.get_state(config).interrupts for config in configs] == [
        state.interrupts for state in states
    ]
    assert flow.invoke(interview.workflow, Command(resume="x"), config=configs[2]) == ["first 0", "first 1", "x"]


def test_what_was_survived_rejected_and_reopened_before_a_pause_is_taken_over(flow: Flavour) -> None:
    ran: Counter[str] = Counter()

    @flow.task
    def fail() -> None:
        ran["fail"] += 1
        raise ValueError("boom")

    @flow.entrypoint
    def body(_: int) -> Any:
        failed = ""
        try:
            yield fail()
        except ValueError:
            failed = "survived"
        try:
            first = interrupt("one")
        except InterruptRejectedError as error:
            first = error.reason
        return [failed, first, interrupt("two", response_schema=int), interrupt("three")]

    flow.invoke(body, 1)
    (one,) = body.get_state(HERE).interrupts
    flow.invoke(body, Command(resume=Reject("no")))
    second = body.get_state(HERE)
    flow.invoke(body, Command(resume=2))
    third = body.get_state(HERE)
    flow.invoke(body, Command(resume=3))
    assert flow.invoke(body, Command(resume=4), config=third.config) == ["survived", "no", 2, 4]
    flow.invoke(body, Command(resume=5), config=second.config)
    assert flow.invoke(body, Command(resume=6)) == ["survived", "no", 5, 6]
    flow.invoke(body, Command(resume={one.id: "yes"}), config=third.config)  # the rejection is taken back
    assert flow.invoke(body, Command(resume=7)) == ["survived", "yes", 2, 7]
    assert ran == {"fail": 1}


def test_the_time_of_a_question_begins_anew_in_a_fork(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return [interrupt("one"), interrupt("two", timeout=60, default="nobody")]

    with FakeClock() as clock:
        flow.invoke(body, 1)
        flow.invoke(body, Command(resume=1))
        second = body.get_state(HERE)
        assert flow.invoke(body, Command(resume=2)) == [1, 2]
        clock.advance(100)
        assert flow.invoke(body, None, config=second.config)["__interrupt__"] == list(second.interrupts)
        assert flow.invoke(body, Command(resume=3)) == [1, 3]


def test_a_pause_of_an_older_version_is_no_checkpoint_and_its_run_goes_on(
    flow: Flavour, interview: Interview, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbflow.core.run_program._pause_point", lambda *_: "")
    flow.invoke(interview.workflow, 2)
    state = interview.workflow.get_state(HERE)
    assert (asked(state), state.metadata["source"], state.parent_config) == (["question 0"], "input", None)
    assert [record.point for record in interview.workflow.last_run(HERE).log if isinstance(record, RunPaused)] == [""]
    monkeypatch.undo()
    flow.invoke(interview.workflow, Command(resume="a"), config=state.config)
    assert shown(interview.workflow) == [["question 1"], ["question 1"]]
    assert flow.invoke(interview.workflow, Command(resume="b")) == ["a", "b"]
    assert flow.invoke(interview.workflow, Command(resume="c"), config=state.config)["__interrupt__"]
    assert interview.workflow.last_run(HERE).calls[0].path == ROOT
