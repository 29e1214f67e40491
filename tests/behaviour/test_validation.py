"""Mistakes: a clear error at once, and the thread as it was."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, RetryPolicy, entrypoint, interrupt, task
from nbflow.errors import (
    CalledOutsideRunError,
    DecorationError,
    InvalidOptionError,
    MissingThreadIdError,
    NoCheckpointerError,
    ReplayMismatchError,
    UnknownOptionError,
)
from nbflow.types import CachePolicy, TimeoutPolicy
from tests.behaviour.flavours import Flavour


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (None, "missing"),
        ({}, "missing"),
        ({"configurable": {}}, "missing"),
        ({"configurable": {"other": 1}}, "missing"),
        ({"configurable": {"thread_id": ""}}, "''"),
        ({"thread_id": None}, "None"),
    ],
)
def test_a_checkpointer_needs_a_thread(flow: Flavour, config: Any, found: str) -> None:
    ran = []

    @flow.entrypoint
    def body(n: int) -> None:
        ran.append(n)

    with pytest.raises(MissingThreadIdError, match=rf"'body'.*thread_id is {found}.*'configurable'"):
        flow.invoke(body, 1, config=config)
    with pytest.raises(MissingThreadIdError):
        body.get_state(config or {})
    assert ran == []
    assert flow.saver.thread_ids() == []


def test_any_thread_id_becomes_text_and_top_level_keys_are_configurable(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int, config: Any) -> Any:
        return config["configurable"]["thread_id"]

    assert flow.invoke(body, 1, config={"thread_id": 7}) == 7
    assert flow.saver.thread_ids() == ["7"]


@pytest.mark.parametrize(
    "config",
    [
        "thread",
        {"configurable": "t"},
        {"thread_id": "t", "tags": "one"},
        {"thread_id": "t", "max_concurrency": 0},
        {"thread_id": "t", "recursion_limit": 0},
    ],
)
def test_a_config_of_the_wrong_shape_is_refused(flow: Flavour, config: Any) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    with pytest.raises(InvalidOptionError, match="invoke"):
        flow.invoke(body, 1, config=config)
    assert flow.saver.thread_ids() == []


def test_unknown_keywords_are_refused() -> None:
    with pytest.raises(UnknownOptionError, match="@task has no option 'retries'; it knows name, retry_policy"):
        task(retries=3)  # type: ignore[call-overload]  # the mistake that is tested
    with pytest.raises(UnknownOptionError, match="@entrypoint has no option 'saver'"):
        entrypoint(saver=InMemorySaver())
    with pytest.raises(TypeError, match="zzz"):
        entrypoint()(lambda n: n).invoke(1, zzz=1)  # type: ignore[call-overload]  # the mistake that is tested


def test_older_spellings_are_taken_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="retry_policy"):

        @task(retry=RetryPolicy(max_attempts=5))
        def old() -> None: ...

    assert old.retry_policy[0].max_attempts == 5
    with pytest.warns(DeprecationWarning, match="context_schema"):
        entrypoint(config_schema=dict)
    question = nbflow.Interrupt("?", resumable=True, ns=["a"], when="during")
    assert question.value == "?"


def test_entrypoint_without_parentheses_is_told() -> None:
    with pytest.raises(DecorationError, match=r"body.*@entrypoint\(\)"):

        @entrypoint  # type: ignore[arg-type]  # the mistake that is tested
        def body(n: int) -> int:
            return n


@pytest.mark.parametrize("checkpointer", [InMemorySaver, "runs.db", object()])
def test_a_checkpointer_of_the_wrong_kind_is_refused(checkpointer: Any) -> None:
    with pytest.raises(InvalidOptionError, match=r"InMemorySaver\(\)"):
        entrypoint(checkpointer=checkpointer)


def test_a_saver_s_context_manager_is_told(tmp_path: Any) -> None:
    manager = nbflow.SqliteSaver.from_conn_string(tmp_path / "x.db")
    with pytest.raises(InvalidOptionError, match="`with`"):
        entrypoint(checkpointer=manager)  # type: ignore[arg-type]  # the mistake that is tested


def test_functions_that_cannot_be_bodies_are_refused() -> None:
    with pytest.raises(DecorationError, match="takes no argument"):
        entrypoint()(lambda: None)
    with pytest.raises(DecorationError, match="can't be called"):
        task(7)  # type: ignore[call-overload]  # the mistake that is tested


def test_a_body_that_wants_more_than_one_input_is_refused() -> None:
    def pair(x: int, y: int) -> int:
        return x + y

    def named(x: int, *, y: int) -> int:
        return x + y

    for fn in (pair, named):
        with pytest.raises(DecorationError, match=f"{fn.__name__}: it wants x, y, but a workflow takes one input"):
            entrypoint()(fn)

    def filled(x: int, y: int = 2, *rest: int, config: nbflow.RunnableConfig, **more: int) -> int:
        return x + y + sum(rest) + len(more)

    assert entrypoint()(filled).invoke(1) == 3


@pytest.mark.parametrize(
    ("value", "meant"), [("Which?", "{'question': 'Which?', 'options': ['a']}"), ({"text": 1}, "{'text': 1, 'options'")]
)
def test_what_belongs_to_a_question_is_told_to_be_in_its_value(flow: Flavour, value: Any, meant: str) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt(value, options=["a"])  # type: ignore[arg-type]  # the mistake that is tested

    with pytest.raises(TypeError, match=re.escape(f"interrupt({meant}")):
        flow.invoke(body, 1)


@pytest.mark.parametrize("schema", [{"a": int}, {"type": int}, {"properties": {"a": {"type": str}}}, {"a": list[int]}])
def test_types_in_a_schema_are_told_to_be_a_dataclass(flow: Flavour, schema: Any) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("?", response_schema=schema)

    with pytest.raises(InvalidOptionError, match="give a dataclass or a TypedDict"):
        flow.invoke(body, 1)


@pytest.mark.parametrize("retry_on", ["ValueError", 7])
def test_a_retry_policy_that_cannot_work_is_refused_at_decoration(retry_on: Any) -> None:
    with pytest.raises(InvalidOptionError, match="retry_on"):
        task(retry_policy=RetryPolicy(retry_on=retry_on))


def test_things_of_a_run_used_outside_say_so() -> None:
    for what in (nbflow.get_config, nbflow.get_store, nbflow.get_stream_writer, nbflow.get_runtime):
        with pytest.raises(CalledOutsideRunError, match=what.__name__):
            what()
    with pytest.raises(CalledOutsideRunError, match="interrupt"):
        interrupt("?")


def test_commands_for_graphs_and_empty_ones_are_refused(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> Any:
        return interrupt("?")

    flow.invoke(body, 1)
    for command in (Command(), Command(goto="x"), Command(resume=1, update={"a": 1})):
        with pytest.raises(InvalidOptionError, match="for graphs"):
            flow.invoke(body, command)
    assert flow.invoke(body, Command(resume=2)) == 2


def test_state_without_a_checkpointer_says_what_to_do() -> None:
    body = entrypoint()(lambda n: n)
    with pytest.raises(NoCheckpointerError, match="SqliteSaver"):
        body.get_state({"thread_id": "t"})


def test_another_workflow_does_not_take_over_an_unfinished_run(flow: Flavour) -> None:
    @flow.entrypoint
    def one(_: int) -> Any:
        return interrupt("?")

    @flow.entrypoint
    def two(_: int) -> Any:
        return interrupt("?")

    flow.invoke(one, 1)
    with pytest.raises(ReplayMismatchError, match=r"'one'.*'two'"):
        flow.invoke(two, Command(resume=1))
    assert flow.invoke(one, Command(resume=1)) == 1


def test_on_divergence_has_two_values(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    with pytest.raises(InvalidOptionError, match="'error' or 'rerun'"):
        flow.invoke(body, 1, on_divergence="ignore")


@pytest.mark.parametrize("decorate", [task, entrypoint])
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("cache_policy", 3),
        ("cache_policy", CachePolicy),
        ("timeout", 0),
        ("timeout", -1.0),
        ("timeout", "soon"),
        ("timeout", timedelta(0)),
        ("retry_policy", 3),
    ],
)
def test_a_policy_of_the_wrong_kind_is_refused_at_decoration(decorate: Any, option: str, value: Any) -> None:
    with pytest.raises(InvalidOptionError, match=option):
        decorate(**{option: value})


def test_a_policy_checks_itself() -> None:
    with pytest.raises(InvalidOptionError, match="heartbeat"):
        TimeoutPolicy(refresh_on="often")  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(InvalidOptionError, match="ttl"):
        CachePolicy(ttl=-1)
    with pytest.raises(InvalidOptionError, match="key_func"):
        CachePolicy(key_func="name")  # type: ignore[arg-type]  # the mistake that is tested
    assert TimeoutPolicy.coerce(TimeoutPolicy()) is None
    assert TimeoutPolicy.coerce(timedelta(minutes=1)) == TimeoutPolicy(run_timeout=60)


def test_a_context_that_does_not_fit_leaves_the_thread_free(flow: Flavour) -> None:
    @dataclass
    class Who:
        name: str

    @flow.entrypoint(context_schema=Who)
    def body(n: int, runtime: nbflow.Runtime[Who]) -> Any:
        return [n, runtime.context.name]

    with pytest.raises(TypeError, match="nme"):
        flow.invoke(body, 1, context={"nme": "ada"})
    assert flow.invoke(body, 1, context={"name": "ada"}) == [1, "ada"]
