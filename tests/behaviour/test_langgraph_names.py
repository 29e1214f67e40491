"""Programs written for LangGraph's Functional API run after replacing ``langgraph`` in their imports."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import pytest

NAMES = {
    "func": ["entrypoint", "task"],
    "types": [
        "All",
        "CachePolicy",
        "Checkpointer",
        "Command",
        "Durability",
        "GraphOutput",
        "Interrupt",
        "PregelTask",
        "RetryPolicy",
        "Send",
        "StateSnapshot",
        "StateUpdate",
        "StreamMode",
        "StreamWriter",
        *("TimeoutPolicy", "TaskPayload", "TaskResultPayload", "CheckpointPayload", "DebugPayload"),
        *("ValuesStreamPart", "UpdatesStreamPart", "interrupt"),
        *(
            "RunnableConfig",
            "Overwrite",
            "PregelExecutableTask",
            "CacheKey",
            "TracePolicy",
            "ensure_valid_checkpointer",
        ),
    ],
    "checkpoint.memory": ["InMemorySaver", "MemorySaver"],
    "checkpoint.sqlite": ["SqliteSaver"],
    "checkpoint.sqlite.aio": ["AsyncSqliteSaver"],
    "checkpoint.base": ["BaseCheckpointSaver", "BaseStore"],
    "cache.base": ["BaseCache"],
    "cache.memory": ["InMemoryCache"],
    "cache.sqlite": ["SqliteCache"],
    "store.base": [
        *("BaseStore", "Item", "SearchItem", "GetOp", "PutOp", "SearchOp", "ListNamespacesOp", "MatchCondition", "Op"),
        *("IndexConfig", "TTLConfig", "NOT_PROVIDED", "InvalidNamespaceError"),
    ],
    "store.memory": ["InMemoryStore", "BaseStore"],
    "store.sqlite": ["SqliteStore"],
    "store.sqlite.aio": ["AsyncSqliteStore"],
    "pregel": ["Pregel"],
    "callbacks": ["GraphCallbackHandler", "GraphInterruptEvent", "GraphResumeEvent", "GraphLifecycleStatus"],
    "checkpoint.serde.jsonplus": ["JsonPlusSerializer"],
    "checkpoint.serde.base": ["SerializerProtocol"],
    "graph": ["START", "END", "MessagesState", "add_messages"],
    "graph.message": ["add_messages", "MessagesState", "REMOVE_ALL_MESSAGES", "push_message"],
    "config": ["get_config", "get_store", "get_stream_writer"],
    "runtime": ["Runtime", "get_runtime", "ExecutionInfo", "RunControl", "ServerInfo", "BaseUser"],
    "constants": ["START", "END", "TAG_HIDDEN", "TAG_NOSTREAM"],
    "errors": [
        *("GraphInterrupt", "GraphBubbleUp", "GraphDrained", "NodeInterrupt", "EmptyInputError", "InvalidUpdateError"),
        *("NodeTimeoutError", "NodeCancelledError", "UnknownInterruptError", "is_invalid_resume"),
        *("GraphRecursionError", "EmptyChannelError", "ParentCommand", "NodeError", "TaskNotFound", "ErrorCode"),
    ],
}


@pytest.mark.parametrize("module", NAMES)
def test_names_are_where_people_look_for_them(module: str) -> None:
    found = importlib.import_module(f"nbflow.{module}")
    assert [name for name in NAMES[module] if not hasattr(found, name)] == []


def test_an_essay_that_is_reviewed() -> None:
    from nbflow.checkpoint.memory import MemorySaver
    from nbflow.func import entrypoint, task
    from nbflow.types import Command, interrupt

    written = []

    @task
    def compose(subject: str) -> str:
        written.append(subject)
        return f"On {subject}"

    @entrypoint(checkpointer=MemorySaver())
    def essay(subject: str) -> dict[str, Any]:
        text = compose(subject).result()
        verdict = interrupt({"action": "judge", "text": text})
        return {"text": text, "verdict": verdict}

    config = {"configurable": {"thread_id": "essay-1"}}
    first = list(essay.stream("owls", config))
    assert first[0] == {"compose": "On owls"}
    assert first[1]["__interrupt__"][0].value == {"action": "judge", "text": "On owls"}
    assert list(essay.stream(Command(resume="fine"), config)) == [{"essay": {"text": "On owls", "verdict": "fine"}}]
    assert written == ["owls"]


def test_tasks_side_by_side_sync_and_async() -> None:
    from nbflow.func import entrypoint, task

    @task
    def up(number: int) -> int:
        return number + 1

    @entrypoint()
    def all_up(numbers: list[int]) -> list[int]:
        return [future.result() for future in [up(number) for number in numbers]]

    @task
    async def aup(number: int) -> int:
        return number + 1

    @entrypoint()
    async def all_aup(numbers: list[int]) -> Any:
        return asyncio.gather(*[aup(number) for number in numbers])  # not awaited, as the reference page has it

    assert all_up.invoke([1, 2, 3]) == [2, 3, 4]
    assert asyncio.run(all_aup.ainvoke([1, 2, 3])) == [2, 3, 4]


def test_a_workflow_that_calls_another() -> None:
    from nbflow.checkpoint.memory import InMemorySaver
    from nbflow.func import entrypoint

    @entrypoint()
    def pick(given: dict[str, int]) -> int:
        return given["value"]

    @entrypoint(checkpointer=InMemorySaver())
    def outer(given: dict[str, int]) -> Any:
        return pick.invoke({"value": given["value"] + 1})

    assert outer.invoke({"value": 1}, {"configurable": {"thread_id": "1"}}) == 2


def test_a_retried_task_and_a_run_that_goes_on_after_an_error() -> None:
    from nbflow.checkpoint.memory import MemorySaver
    from nbflow.func import entrypoint, task
    from nbflow.types import RetryPolicy

    tries = {"retried": 0, "resumed": 0, "slow": 0}

    with pytest.warns(DeprecationWarning, match="retry_policy"):

        @task(retry=RetryPolicy(retry_on=ValueError, initial_interval=0))
        def retried() -> str:
            tries["retried"] += 1
            if tries["retried"] < 2:
                raise ValueError("once")
            return "OK"

    @task()
    def slow() -> str:
        tries["slow"] += 1
        return "slow"

    @task()
    def resumed() -> str:
        tries["resumed"] += 1
        if tries["resumed"] < 2:
            raise ValueError("once")
        return "OK"

    @entrypoint(checkpointer=MemorySaver())
    def main(given: Any, writer: Any) -> list[str]:
        return [slow().result(), retried().result(), resumed().result()]

    config = {"configurable": {"thread_id": "1"}}
    with pytest.raises(ValueError, match="once"):
        main.invoke({"any": "input"}, config=config)
    assert main.invoke(None, config=config) == ["slow", "OK", "OK"]
    assert tries == {"retried": 2, "resumed": 2, "slow": 1}


def test_an_interrupt_that_is_raised_by_hand_pauses() -> None:
    from nbflow.errors import NodeInterrupt
    from nbflow.func import entrypoint

    @entrypoint()
    def body(_: int) -> None:
        raise NodeInterrupt("by hand")

    assert body.invoke(1) == {"__interrupt__": ["by hand"]}


def test_an_answer_that_was_refused_is_known() -> None:
    from nbflow.checkpoint.memory import InMemorySaver
    from nbflow.errors import is_invalid_resume
    from nbflow.func import entrypoint
    from nbflow.types import Command, Interrupt, interrupt

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        return interrupt("?", response_schema=int)

    config: Any = {"configurable": {"thread_id": "t"}}
    body.invoke(1, config)
    with pytest.raises(Exception, match="integer") as caught:
        body.invoke(Command(resume="three"), config)
    assert is_invalid_resume(caught.value)
    assert not is_invalid_resume(ValueError("other"))
    assert len(Interrupt.from_ns("?", "body:0").id) == 32


def test_the_async_saver_is_opened_by_async_with(tmp_path: Any) -> None:
    from nbflow.checkpoint.sqlite.aio import AsyncSqliteSaver
    from nbflow.func import entrypoint, task

    @task
    async def double(n: int) -> int:
        return 2 * n

    async def main() -> Any:
        async with AsyncSqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:

            @entrypoint(checkpointer=saver)
            async def body(n: int) -> int:
                return await double(n)

            config: Any = {"configurable": {"thread_id": "t"}}
            result = await body.ainvoke(4, config)
            return result, (await body.aget_state(config)).values, await saver.aget_tuple(config) is not None

    assert asyncio.run(main()) == (8, 8, True)


def test_a_name_that_is_set_later_is_shown_and_changes_nothing_that_is_kept() -> None:
    from nbflow.checkpoint.memory import InMemorySaver
    from nbflow.func import entrypoint
    from nbflow.types import Command, interrupt

    saver = InMemorySaver()

    def body(value: int) -> Any:
        return interrupt("go on?")

    config: Any = {"configurable": {"thread_id": "t"}}
    first, second = entrypoint(checkpointer=saver)(body), entrypoint(checkpointer=saver)(body)
    first.invoke(1, config)
    second.name = "Agent"
    assert repr(second) == "<workflow Agent>"
    assert second.get_state(config).next == ("body",)
    assert list(second.stream(Command(resume="yes"), config)) == [{"body": "yes"}]
    second.update_state(config, "by hand", as_node="body")
    assert second.with_config({"tags": ["a"]}).name == "Agent"
    assert first.get_state(config).values == "by hand"


def test_what_async_programs_await_can_be_awaited(tmp_path: Any) -> None:
    from nbflow.checkpoint.sqlite.aio import AsyncSqliteSaver
    from nbflow.errors import NotKeptAsCheckpointsError
    from nbflow.store.sqlite.aio import AsyncSqliteStore

    async def main() -> Any:
        async with (
            AsyncSqliteSaver.from_conn_string(tmp_path / "runs.db") as saver,
            AsyncSqliteStore.from_conn_string(tmp_path / "runs.db") as store,
        ):
            await saver.setup()
            await store.setup()
            await store.aput(("a",), "k", {"v": 1})
            for method in (saver.aput, saver.aput_writes):
                with pytest.raises(NotKeptAsCheckpointsError, match="update_state"):
                    await method({}, {}, {}, {})
            return (await store.aget(("a",), "k")).value  # type: ignore[union-attr]  # it is there

    assert asyncio.run(main()) == {"v": 1}


@pytest.mark.parametrize(
    "where",
    [
        "checkpoint.memory.InMemorySaver",
        "checkpoint.sqlite.SqliteSaver",
        "cache.memory.InMemoryCache",
        "cache.sqlite.SqliteCache",
    ],
)
def test_a_serializer_is_accepted_where_it_is_the_default(where: str, tmp_path: Any) -> None:
    from nbflow.checkpoint.serde.jsonplus import JsonPlusSerializer
    from nbflow.errors import ForeignObjectError, InvalidOptionError

    module, _, name = where.rpartition(".")
    make = getattr(importlib.import_module(f"nbflow.{module}"), name)
    path = [tmp_path / "runs.db"] if name.startswith("Sqlite") else []
    for given in (None, JsonPlusSerializer()):
        made = make(*path, serde=given)
        if path:
            made.close()
    with pytest.raises(InvalidOptionError, match=r"serde .*register_type"):
        make(*path, serde=object())
    with pytest.raises(ForeignObjectError, match="from nbflow"):
        make(*path, serde=type("JsonPlusSerializer", (), {"__module__": "langgraph.checkpoint.serde.jsonplus"})())
    with pytest.raises(InvalidOptionError, match="pickle=True"):
        JsonPlusSerializer(pickle_fallback=True)
    assert JsonPlusSerializer().loads_typed(JsonPlusSerializer().dumps_typed((1, {2}))) == (1, {2})


def test_a_checkpointer_is_checked_by_hand_too() -> None:
    from nbflow.checkpoint.memory import InMemorySaver
    from nbflow.errors import InvalidOptionError
    from nbflow.types import ensure_valid_checkpointer

    saver = InMemorySaver()
    assert ensure_valid_checkpointer(saver) is saver
    with pytest.raises(InvalidOptionError):
        ensure_valid_checkpointer("runs.db")  # type: ignore[arg-type]  # on purpose


def test_previous_of_a_first_run_is_the_default_that_the_body_gives() -> None:
    from nbflow.checkpoint.memory import InMemorySaver
    from nbflow.func import entrypoint

    @entrypoint(checkpointer=InMemorySaver())
    def count(step: int, *, previous: int = 10) -> int:
        return previous + step

    config: Any = {"configurable": {"thread_id": "t"}}
    assert [count.invoke(1, config), count.invoke(1, config)] == [11, 12]
