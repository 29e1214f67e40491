"""An object of LangGraph's where one of nbflow's is meant is named as such; shown with stand-in classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, interrupt
from nbflow.errors import ForeignObjectError, NeverCalledWarning
from nbflow.types import Send
from tests.behaviour.flavours import Flavour


def theirs(name: str, module: str, *bases: type) -> Any:
    """Return an object of a class that says it is LangGraph's."""
    return type(name.rpartition(".")[2], bases, {"__module__": module, "__qualname__": name, "_fields": ()})()


GIVEN = {
    "checkpointer": (theirs("InMemorySaver", "langgraph.checkpoint.memory"), "from nbflow.checkpoint.memory import"),
    "store": (theirs("InMemoryStore", "langgraph.store.memory"), "from nbflow.store.memory import InMemoryStore"),
    "cache": (theirs("InMemoryCache", "langgraph.cache.memory"), "from nbflow.cache.memory import InMemoryCache"),
    "retry_policy": (theirs("RetryPolicy", "langgraph.types"), "from nbflow.types import RetryPolicy"),
    "cache_policy": (theirs("CachePolicy", "langgraph.types"), "from nbflow.types import CachePolicy"),
    "timeout": (theirs("TimeoutPolicy", "langgraph.types"), "from nbflow.types import TimeoutPolicy"),
}


@pytest.mark.parametrize("option", GIVEN)
def test_an_option_is_named(option: str) -> None:
    given, line = GIVEN[option]
    decorators: list[Callable[..., Any]] = [nbflow.entrypoint]
    if option in {"retry_policy", "cache_policy", "timeout"}:
        decorators.append(nbflow.task)
    for decorate in decorators:
        with pytest.raises(ForeignObjectError, match=rf"{option} is .* instead of langgraph: {line}"):
            decorate(**{option: given})(lambda value: value)


def test_a_policy_that_is_a_tuple_is_named() -> None:
    with pytest.raises(ForeignObjectError, match="retry_policy is RetryPolicy"):
        nbflow.task(retry_policy=theirs("RetryPolicy", "langgraph.types", tuple))


def test_a_subclass_of_their_saver_is_named() -> None:
    base = type(theirs("BaseCheckpointSaver", "langgraph.checkpoint.base"))
    with pytest.raises(ForeignObjectError, match="checkpointer is BaseCheckpointSaver"):
        nbflow.entrypoint(checkpointer=type("Mine", (base,), {})())


@pytest.mark.runs_once("its body notes each time that it runs")
def test_their_command_is_no_new_input(flow: Flavour) -> None:
    ran: list[int] = []

    @flow.entrypoint
    def body(value: int) -> Any:
        ran.append(value)
        return interrupt("go on?")

    flow.invoke(body, 1)
    command = theirs("Command", "langgraph.types")
    for call in (flow.invoke, flow.stream):
        with pytest.raises(ForeignObjectError, match=r"input is Command .*from nbflow\.types import Command"):
            call(body, command)
    with pytest.raises(ForeignObjectError, match="input is Command"):
        body.batch([command], {"configurable": {"thread_id": "t"}})
    with pytest.raises(ForeignObjectError, match="control is RunControl"):
        flow.invoke(body, 1, control=theirs("RunControl", "langgraph.runtime"))
    assert ran == [1]
    assert flow.invoke(body, Command(resume="yes")) == "yes"


def test_what_their_functions_raise_says_which_import_it_is(flow: Flavour) -> None:
    space: dict[str, Any] = {"__name__": "langgraph.types"}
    exec("def interrupt(value):\n    raise RuntimeError('Called get_config outside of a runnable context')", space)

    @flow.entrypoint
    def body(_: int) -> Any:
        return space["interrupt"]("go on?")

    with pytest.raises(RuntimeError, match="outside of a runnable context") as told:
        flow.invoke(body, 0)
    notes = " ".join(told.value.__notes__)
    assert "langgraph.types.interrupt is LangGraph's and knows nothing of this run; import it from nbflow" in notes


def test_their_final_is_no_result(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return theirs("entrypoint.final", "langgraph.func")

    with pytest.raises(
        ForeignObjectError, match=r"its result is entrypoint\.final .*from nbflow\.func import entrypoint"
    ):
        flow.invoke(body, 0)


def test_a_method_that_is_never_called_is_told_where_the_saver_is_given() -> None:
    class Audited(InMemorySaver):
        def put(self, *_: object, **__: object) -> Any: ...
        def put_writes(self, *_: object, **__: object) -> None: ...

    with pytest.warns(NeverCalledWarning, match=r"Audited\.put\(\) and put_writes\(\) is never called"):
        nbflow.entrypoint(checkpointer=Audited())

    @nbflow.entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> None: ...

    with pytest.warns(NeverCalledWarning):
        body.with_checkpointer(Audited())


@pytest.mark.parametrize("command", [Command(update={"a": 1}, goto="b"), Command(resume=None), Command()])
@pytest.mark.runs_once("its body notes each time that it runs")
def test_a_command_is_a_result_as_others_are(flow: Flavour, command: Command) -> None:
    ran: list[Command] = []

    @flow.task
    def step() -> Command:
        return command

    @flow.entrypoint
    def body(_: int) -> Any:
        found = yield step()
        ran.append(found)
        interrupt("go on?")
        return [found, Send("b", 1)]

    flow.invoke(body, 0)
    assert flow.invoke(body, Command(resume=True))[0] == command
    assert ran == [command, command]
    assert [repr(one) for one in ran] == [repr(command)] * 2
    assert body.get_state({"thread_id": "t"}).values[0] == command
