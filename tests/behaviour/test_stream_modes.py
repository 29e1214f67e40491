"""What each mode shows, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow import Command, RetryPolicy, StreamWriter, interrupt
from nbflow.views.stream import MODES
from tests.behaviour.flavours import Flavour

CALL, BODY = ("__pregel_push",), ("__start__",)


def sample(flow: Flavour) -> Any:
    @flow.task
    def add(n: int, writer: StreamWriter) -> int:
        writer(f"adding to {n}")
        return n + 1

    @flow.entrypoint
    def main(n: int) -> Any:
        first = yield add(n)
        return {"value": first, "answer": interrupt("enough?")}

    return main


def start(path: str, name: str, value: Any, triggers: Any = CALL) -> dict[str, Any]:
    return {"id": path, "name": name, "input": value, "triggers": triggers}


def result(path: str, name: str, values: Any, error: Any = None, interrupts: Any = ()) -> dict[str, Any]:
    return {"id": path, "name": name, "error": error, "interrupts": list(interrupts), "result": values}


def without_debug(chunks: list[Any]) -> list[Any]:
    return [chunk for chunk in chunks if chunk[0] != "debug"]


def test_a_run_that_pauses_shows_its_checkpoint_its_calls_and_its_question(flow: Flavour) -> None:
    chunks = without_debug(flow.stream(sample(flow), 1, stream_mode=list(MODES)))
    (mode, checkpoint), *others, (last_mode, pause) = chunks
    assert (mode, last_mode) == ("checkpoints", "checkpoints")
    assert (checkpoint["next"], checkpoint["values"], checkpoint["parent_config"]) == (["main"], None, None)
    assert (checkpoint["metadata"]["source"], checkpoint["metadata"]["step"]) == ("input", -1)
    (unit,) = checkpoint["tasks"]
    assert (unit["name"], unit["interrupts"], unit["state"], "error" in unit) == ("main", (), None, False)
    (_, waiting) = others[5]
    (question,) = waiting["__interrupt__"]
    plain = {"value": "enough?", "id": question.id, "response_schema": None}
    assert others == [
        ("tasks", start("0", "main", 1, BODY)),
        ("tasks", start("0.0", "add", ((1,), {}))),
        ("custom", "adding to 1"),
        ("updates", {"add": 2}),
        ("tasks", result("0.0", "add", {"__return__": 2})),
        ("updates", {"__interrupt__": (question,)}),
        ("values", {"__interrupt__": (question,)}),
        ("tasks", result("0", "main", {}, interrupts=[plain])),
    ]
    assert (pause["next"], pause["parent_config"]) == (["main"], checkpoint["config"])
    assert pause["tasks"][0]["interrupts"] == (plain,)


def test_a_resumed_run_begins_with_where_it_stood_and_ends_with_a_new_checkpoint(flow: Flavour) -> None:
    main = sample(flow)
    paused = flow.stream(main, 1, stream_mode=["checkpoints"])
    chunks = without_debug(flow.stream(main, Command(resume="yes"), stream_mode=list(MODES)))
    (_, before), (_, after) = chunks[1], chunks[-1]
    value = {"value": 2, "answer": "yes"}
    assert before["config"] == paused[-1][1]["config"]
    assert [question["value"] for question in before["tasks"][0]["interrupts"]] == ["enough?"]
    assert [chunk for chunk in chunks if chunk[0] != "checkpoints"] == [
        ("values", None),
        ("tasks", start("0", "main", 1, BODY)),
        ("tasks", start("0.0", "add", ((1,), {}))),
        ("updates", {"main": value}),
        ("tasks", result("0", "main", {"__end__": value})),
        ("values", value),
    ]
    assert (after["next"], after["values"], after["tasks"]) == ([], value, [])
    assert after["parent_config"] == before["config"]
    assert (after["metadata"]["source"], after["metadata"]["step"]) == ("loop", 0)


def test_a_finished_thread_shows_its_result_and_its_checkpoint_alone(flow: Flavour) -> None:
    main = sample(flow)
    flow.invoke(main, 1)
    flow.invoke(main, Command(resume="yes"))
    value, (mode, checkpoint) = without_debug(flow.stream(main, None, stream_mode=list(MODES)))
    assert value == ("values", {"value": 2, "answer": "yes"})
    assert (mode, checkpoint["next"], checkpoint["config"]) == (
        "checkpoints",
        [],
        main.get_state({"thread_id": "t"}).config,
    )


def test_a_second_run_goes_on_from_the_last_checkpoint(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    (_, first) = flow.stream(body, 1, stream_mode="checkpoints")
    (begun, ended) = flow.stream(body, 2, stream_mode="checkpoints")
    assert (begun["values"], begun["parent_config"], begun["metadata"]["step"]) == (1, first["config"], 1)
    assert (ended["values"], ended["metadata"]["step"]) == (2, 2)


def test_a_failed_run_shows_the_exceptions_themselves_and_then_raises(flow: Flavour) -> None:
    error = ValueError("boom")
    well: list[bool] = []

    @flow.task
    def bad() -> str:
        if well:
            return "well"
        raise error

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield bad())

    seen: list[Any] = []
    with pytest.raises(ValueError, match="boom"):
        seen.extend(body.stream(0, {"thread_id": "t"}, stream_mode=["updates", "values", "tasks"]))
    assert seen == [
        ("tasks", start("0", "body", 0, BODY)),
        ("tasks", start("0.0", "bad", ((), {}))),
        ("tasks", result("0.0", "bad", {}, error)),
        ("tasks", result("0", "body", {}, error)),
    ]
    well.append(True)
    before, _ = flow.stream(body, None, stream_mode="checkpoints")
    (unit,) = before["tasks"]
    assert (unit["error"], "interrupts" in unit) == ("ValueError('boom')", False)


def test_parallel_calls_all_start_before_the_first_result(flow: Flavour) -> None:
    @flow.task
    def one(n: int, *, plus: int = 0) -> int:
        return n + plus

    @flow.entrypoint
    def body(_: int) -> Any:
        first, second = one(1), one(n=2, plus=3)
        return (yield [first, second])

    seen = flow.stream(body, 0, stream_mode="tasks", config={"configurable": {"thread_id": "t"}, "max_concurrency": 1})
    assert [chunk["id"] for chunk in seen if "input" in chunk] == ["0", "0.0", "0.1"]
    assert seen[2]["input"] == ((), {"n": 2, "plus": 3})
    assert sorted(chunk["id"] for chunk in seen if "result" in chunk) == ["0", "0.0", "0.1"]


def test_a_call_that_is_tried_again_starts_and_ends_once(flow: Flavour) -> None:
    tries = []

    @flow.task(retry_policy=RetryPolicy(initial_interval=0, jitter=False, retry_on=ValueError))
    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError(len(tries))
        return len(tries)

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield flaky())

    chunks = flow.stream(body, 0, stream_mode="tasks")
    assert chunks[1:3] == [start("0.0", "flaky", ((), {})), result("0.0", "flaky", {"__return__": 3})]


def test_the_users_metadata_and_tags_stand_beside_a_start(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    config = {"configurable": {"thread_id": "t"}, "metadata": {"who": "ada"}, "tags": ["nightly"]}
    begun, ended = flow.stream(body, 1, stream_mode="tasks", config=config)
    assert begun["metadata"] == {"who": "ada", "tags": ["nightly"]}
    assert "metadata" not in ended


def test_debug_is_checkpoints_and_tasks_with_step_and_time(flow: Flavour) -> None:
    chunks = flow.stream(sample(flow), 1, stream_mode=["checkpoints", "tasks", "debug"])
    plain = [payload for mode, payload in chunks if mode != "debug"]
    debug = [payload for mode, payload in chunks if mode == "debug"]
    assert [one["payload"] for one in debug] == plain
    assert [(one["step"], one["type"]) for one in debug] == [
        (-1, "checkpoint"),
        (0, "task"),
        (0, "task"),
        (0, "task_result"),
        (0, "task_result"),
        (-1, "checkpoint"),
    ]
    stamps = [one["timestamp"] for one in debug]
    assert stamps == sorted(stamps)
    assert stamps[0].endswith("+00:00")
    after = flow.stream(sample(flow), Command(resume=1), stream_mode="debug")
    (_, last) = [one for one in after if one["type"] == "checkpoint"]
    assert (last["step"], last["payload"]["metadata"]["step"]) == (0, 0)


def test_without_a_checkpointer_there_are_no_checkpoints(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def body(n: int) -> int:
        return n

    assert flow.stream(body, 1, stream_mode="checkpoints") == []
    assert [one["type"] for one in flow.stream(body, 1, stream_mode="debug")] == ["task", "task_result"]


def test_a_reused_result_says_so(flow: Flavour) -> None:
    @flow.task
    def step(n: int) -> int:
        return n + 1

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield step(n))

    flow.invoke(body, 1)
    assert flow.stream(body, 1, stream_mode=["updates", "tasks"], reuse=True)[1:4] == [
        ("tasks", start("0.0", "step", ((1,), {}))),
        ("updates", {"step": 2, "__metadata__": {"reused": True}}),
        ("tasks", result("0.0", "step", {"__return__": 2})),
    ]


def test_a_survived_failure_is_shown_once_and_its_replay_is_a_start_alone(flow: Flavour) -> None:
    @flow.task
    def bad() -> None:
        raise KeyError("gone")

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            yield bad()
        except KeyError:
            return interrupt("go on?")

    first = flow.stream(body, 0, stream_mode="tasks")
    assert [(chunk["id"], type(chunk["error"])) for chunk in first if "error" in chunk] == [
        ("0.0", KeyError),
        ("0", type(None)),
    ]
    again = flow.stream(body, Command(resume=1), stream_mode="tasks")
    assert [chunk["id"] for chunk in again] == ["0", "0.0", "0"]
    assert "input" in again[1]


def test_a_body_that_keeps_another_value_shows_what_it_returns(flow: Flavour) -> None:
    from nbflow.values import Final

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return Final(value=n, save=-n)

    @flow.entrypoint
    def body(n: int) -> Any:
        inner = yield flow.nested(child, n)
        return Final(value=inner, save=-n)

    assert flow.stream(body, 1, stream_mode=["updates", "values"], subgraphs=True) == [
        (("body:0",), "updates", {"child": 1}),
        (("body:0",), "values", 1),
        ((), "updates", {"body": 1}),
        ((), "values", 1),
    ]
