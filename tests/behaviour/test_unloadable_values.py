"""Stored values whose class is gone or has changed: no body and no task gets them, and the thread can go on later."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import field, make_dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nbflow import Command, InMemoryStore, SqliteStore, get_runtime, interrupt, list_runs, list_threads, read_run
from nbflow.errors import InterruptRejectedError, ReplayMismatchError, UnloadableValueError
from nbflow.func import entrypoint
from nbflow.runtime import Runtime
from nbflow.store.base import BaseStore
from nbflow.types import Reject, RetryPolicy, StateUpdate
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}
GONE = 'a shop:Order can\'t be rebuilt here, at ["orders"][1]: its class is not imported here'
CHANGED = 'a shop:Order can\'t be rebuilt here, at ["orders"][1]: its class no longer has the fields item'


class Shop:
    """The module ``shop`` with a class that comes and goes."""

    def __init__(self) -> None:
        self.module = ModuleType("shop")
        self.order = self.publish([("item", str)])
        self.got: list[object] = []

    def publish(self, fields: Any) -> Any:
        order = make_dataclass("Order", fields)
        order.__module__ = "shop"
        self.module.Order = order  # type: ignore[attr-defined]  # that is what it is for
        return order

    def orders(self) -> dict[str, Any]:
        """Return a value with an instance inside."""
        return {"orders": ["first", self.order("second")]}

    def close(self) -> None:
        """Take the class away."""
        del self.module.Order

    def rebuild(self) -> None:
        """Put a class without the field in its place."""
        self.publish([("number", int, field(default=0))])

    def open(self) -> None:
        """Put the class back."""
        self.module.Order = self.order  # type: ignore[attr-defined]  # as above

    def take(self, value: object) -> str:
        """Note what a body got, and return what stands in it."""
        self.got.append(value)
        return str(value["orders"][1].item)  # type: ignore[index]  # a dict, unless this fails


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    found = Shop()
    monkeypatch.setitem(sys.modules, "shop", found.module)
    return found


@pytest.fixture(params=["gone", "changed"])
def loss(request: pytest.FixtureRequest, shop: Shop) -> Callable[[], str]:
    """Return what takes the class away, and tells what is said of it."""

    def lose() -> str:
        if request.param == "gone":
            shop.close()
            return GONE
        shop.rebuild()
        return CHANGED

    return lose


def kept(flow: Flavour) -> dict[tuple[str, str], int]:
    """Return how many records there are of each run."""
    saver = flow.saver
    return {
        (thread, run): len(read_run(saver, thread, run))
        for thread in list_threads(saver)
        for run in list_runs(saver, thread)
    }


def refused(flow: Flavour, act: Callable[[], object], *told: str, writes: bool = False) -> None:
    """Have something refused with one error, and nothing written unless it was met on the way."""
    before = kept(flow)
    with pytest.raises(UnloadableValueError) as error:
        act()
    for text in (*told, "on thread 't'", "Define or import the class as it was and go on"):
        assert text in str(error.value)
    assert writes or kept(flow) == before


def pausing(flow: Flavour, shop: Shop) -> Any:
    @flow.entrypoint
    def body(value: object) -> Any:
        return [shop.take(value), interrupt("ok?")]

    return body


@pytest.mark.runs_once("its body notes each time that it runs")
def test_an_input(flow: Flavour, shop: Shop, loss: Callable[[], str]) -> None:
    body = pausing(flow, shop)
    flow.invoke(body, shop.orders())
    run_id = body.last_run(CONFIG).run_id
    told = loss()
    for value in (Command(resume=1), None):
        refused(flow, partial(flow.invoke, body, value), f"the input of run {run_id}", told)
    assert [one.value for one in body.get_state(CONFIG).interrupts] == ["ok?"], "views show the thread as it stands"
    assert "Unloadable shop:Order" in repr(body.last_run(CONFIG).input)
    shop.open()
    assert flow.invoke(body, Command(resume=1)) == ["second", 1]
    assert len(shop.got) == 2


@pytest.mark.parametrize("way", ["travel", "fork", "copy"])
def test_an_input_that_was_taken_over(flow: Flavour, shop: Shop, way: str) -> None:
    body = pausing(flow, shop)
    flow.invoke(body, shop.orders())
    first = body.last_run(CONFIG)
    flow.invoke(body, Command(resume=1))
    shop.close()
    at = {"configurable": {"thread_id": "t", "checkpoint_id": first.run_id}}
    if way == "copy":
        body.update_state(at, None, as_node="__copy__")
    acts: dict[str, Callable[[], object]] = {
        "travel": lambda: flow.invoke(body, None, config=at),
        "fork": lambda: body.fork(CONFIG, at="0").result(),
        "copy": lambda: flow.invoke(body, None),
    }
    refused(flow, acts[way], "the input of run", GONE)
    shop.open()
    result: Any = acts[way]()
    assert result["__interrupt__"][0].value == "ok?"


def test_a_context(flow: Flavour, shop: Shop, loss: Callable[[], str]) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return [shop.take(get_runtime().context), interrupt("ok?")]

    flow.invoke(body, 0, context=shop.orders())
    told = loss()
    refused(flow, lambda: flow.invoke(body, Command(resume=1)), "the context of run", told, "invoke(..., context=...)")
    shop.open()
    assert flow.invoke(body, Command(resume=1)) == ["second", 1]


def test_a_context_that_is_given_anew(flow: Flavour, shop: Shop) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return [get_runtime().context, interrupt("ok?")]

    flow.invoke(body, 0, context=shop.orders())
    shop.close()
    assert flow.invoke(body, Command(resume=1), context="other") == ["other", 1]


def answered(flow: Flavour, shop: Shop, place: str) -> Any:
    """Return a workflow that asks for orders, then once more; ``place`` says who asks first."""

    @flow.task
    def ask() -> Any:
        return [shop.take(interrupt("which?")), interrupt("ok?")]

    @flow.entrypoint(checkpointer=None)
    def inner(_: int) -> Any:
        return [shop.take(interrupt("which?")), interrupt("ok?")]

    @flow.entrypoint
    def body(_: int) -> Any:
        if place == "body":
            return [shop.take(interrupt("which?")), interrupt("ok?")]
        return (yield ask() if place == "task" else flow.nested(inner, 0))

    return body


@pytest.mark.parametrize("place", ["body", "task", "nested"])
def test_an_answer(flow: Flavour, shop: Shop, loss: Callable[[], str], place: str) -> None:
    body = answered(flow, shop, place)
    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=shop.orders()))
    told = loss()
    for value in (Command(resume=1), None):
        refused(
            flow,
            partial(flow.invoke, body, value),
            "the answer to the question 'which?' of run",
            told,
            'pass on_divergence="rerun" to have it asked again',
        )
    shop.open()
    assert flow.invoke(body, Command(resume=1)) == ["second", 1]


@pytest.mark.parametrize("place", ["body", "task", "nested"])
def test_an_answer_may_be_asked_for_again(flow: Flavour, shop: Shop, place: str) -> None:
    body = answered(flow, shop, place)
    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=shop.orders()))
    shop.rebuild()
    (again,) = flow.invoke(body, None, on_divergence="rerun")["__interrupt__"]
    assert again.value == "which?"
    shop.open()
    (then,) = flow.invoke(body, Command(resume=shop.orders()))["__interrupt__"]
    assert then.value == "ok?"
    assert flow.invoke(body, Command(resume=1)) == ["second", 1]


def test_what_an_answer_that_is_asked_for_again_had_led_to_runs_again(flow: Flavour, shop: Shop) -> None:
    ran: list[str] = []

    @flow.task
    def work(what: str) -> str:
        ran.append(what)
        return what

    @flow.entrypoint
    def body(_: int) -> Any:
        first = yield work("before")
        shop.take(interrupt("which?"))
        return [first, (yield work("after")), interrupt("ok?")]

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=shop.orders()))
    shop.close()
    flow.invoke(body, None, on_divergence="rerun")
    shop.open()
    flow.invoke(body, Command(resume=shop.orders()))
    assert flow.invoke(body, Command(resume=1)) == ["before", "after", 1]
    assert ran == ["before", "after", "after"]


def test_an_answer_that_nobody_asks_for_any_more_stops_nothing(flow: Flavour, shop: Shop) -> None:
    @flow.task
    def ask() -> Any:
        return shop.take(interrupt("which?"))

    @flow.entrypoint
    def body(_: int) -> Any:
        return [(yield ask()), interrupt("ok?")]

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=shop.orders()))
    shop.close()
    assert flow.invoke(body, Command(resume=1)) == ["second", 1]


@pytest.mark.parametrize("rerun", [True, False])
def test_an_answer_that_a_call_comes_to_again(flow: Flavour, shop: Shop, rerun: bool) -> None:
    """The call that asked has a result; since its arguments changed it runs again, and asks."""
    given = ["one"]

    @flow.task
    def ask(_: str) -> Any:
        return shop.take(interrupt("which?"))

    @flow.entrypoint
    def body(_: int) -> Any:
        return [(yield ask(given[0])), interrupt("ok?")]

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=shop.orders()))
    shop.close()
    given[0] = "two"
    if not rerun:
        with pytest.raises(ReplayMismatchError):
            flow.invoke(body, None)
        return
    (again,) = flow.invoke(body, None, on_divergence="rerun")["__interrupt__"]
    assert again.value == "which?"
    assert "a shop:Order can't be rebuilt here" in again.problem


def test_a_fallback(flow: Flavour, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr("nbflow._support.clock.now", lambda: now[0])

    @flow.entrypoint
    def body(default: bool) -> Any:
        return shop.take(interrupt("which?", timeout=60, default=shop.orders()))

    flow.invoke(body, True)
    now[0] += 61
    shop.close()
    refused(flow, lambda: flow.invoke(body, None), "the answer to the question 'which?'", GONE)
    shop.open()
    assert flow.invoke(body, None) == "second"


def test_a_failed_run_takes_another_answer_by_id(flow: Flavour, shop: Shop) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        shop.take(interrupt("which?"))
        raise RuntimeError("boom")

    (question,) = flow.invoke(body, 0)["__interrupt__"]
    with pytest.raises(RuntimeError, match="boom"):
        flow.invoke(body, Command(resume=shop.orders()))
    shop.close()
    refused(flow, lambda: flow.invoke(body, None), "the answer to the question 'which?'", GONE)
    with pytest.raises(TypeError, match="int"):
        flow.invoke(body, Command(resume={question.id: 3}))


def test_a_previous_value(flow: Flavour, shop: Shop, loss: Callable[[], str]) -> None:
    @flow.entrypoint
    def body(value: object, *, previous: object = None) -> Any:
        seen = None if previous is None else shop.take(previous)
        return entrypoint.final(value=seen, save=shop.orders())

    assert flow.invoke(body, 0) is None
    told = loss()
    refused(flow, lambda: flow.invoke(body, 1), "`previous` of run", told, "update_state(config, value)")
    shop.open()
    assert flow.invoke(body, 1) == "second"


def test_a_previous_value_can_be_replaced(flow: Flavour, shop: Shop) -> None:
    @flow.entrypoint
    def body(value: object, *, previous: Any = None) -> Any:
        return previous if value else shop.orders()

    flow.invoke(body, 0)
    shop.close()
    body.bulk_update_state(CONFIG, [[StateUpdate("other")]])
    assert flow.invoke(body, 1) == "other"


@pytest.mark.parametrize("who", ["body", "task"])
@pytest.mark.parametrize("hides", [True, False])
def test_a_previous_value_that_is_met_on_the_way(flow: Flavour, shop: Shop, who: str, hides: bool) -> None:
    def look() -> Any:
        try:
            return shop.take(get_runtime().previous)
        except Exception:
            if hides:
                return "hidden"
            raise

    @flow.task
    def work() -> Any:
        return look()

    @flow.entrypoint
    def body(value: int) -> Any:
        if not value:
            return shop.orders()
        return look() if who == "body" else (yield work())

    flow.invoke(body, 0)
    shop.close()
    refused(flow, lambda: flow.invoke(body, 1), "`previous` of run", GONE, writes=True)
    assert body.last_run(CONFIG).status == "failed"
    shop.open()
    assert flow.invoke(body, None) == "second"


def test_surroundings_are_of_use_without_a_previous_value(flow: Flavour, shop: Shop) -> None:
    @flow.entrypoint
    def body(value: int, runtime: Runtime[str]) -> Any:
        return shop.orders() if value == 0 else runtime.context

    flow.invoke(body, 0)
    shop.close()
    assert flow.invoke(body, 1, context="here") == "here"


def test_what_a_nested_workflow_saved(flow: Flavour, shop: Shop) -> None:
    @flow.entrypoint(checkpointer=True)
    def inner(_: int, *, previous: object = None) -> Any:
        seen = None if previous is None else shop.take(previous)
        return entrypoint.final(value=seen, save=shop.orders())

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            found = yield flow.nested(inner, 0)
        except Exception:
            found = "hidden"
        return found

    assert flow.invoke(body, 0) is None
    shop.close()
    nested = GONE.replace('["orders"]', '.save["orders"]')
    refused(flow, lambda: flow.invoke(body, 1), "`previous` of 'inner', call 0.0, of run", nested, writes=True)
    shop.open()
    assert flow.invoke(body, None) == "second"


def fetching(flow: Flavour, shop: Shop, *, hides: bool = False, **options: Any) -> Any:
    @flow.task
    def fetch() -> Any:
        return shop.orders()

    @flow.task
    def instead() -> str:
        return "instead"

    @flow.entrypoint(**options)
    def body(_: int) -> Any:
        try:
            found = shop.take((yield fetch()))
        except Exception:
            if not hides:
                raise
            try:
                found = yield instead()
            except Exception:
                found = "nothing"
        return [found, interrupt("ok?")]

    return body


@pytest.mark.parametrize("hides", [True, False])
@pytest.mark.runs_once("its body notes each time that it runs")
def test_a_result(flow: Flavour, shop: Shop, loss: Callable[[], str], hides: bool) -> None:
    body = fetching(flow, shop, hides=hides)
    flow.invoke(body, 0)
    told = loss()
    what = "the result of task 'fetch', call 0.0, of run"
    refused(flow, lambda: flow.invoke(body, Command(resume=1)), what, told, "to run again what gave it", writes=True)
    refused(flow, lambda: flow.invoke(body, None), what, told, writes=True)
    shop.open()
    assert flow.invoke(body, None) == ["second", 1]
    assert len(shop.got) == 2


def test_a_result_is_not_made_again_by_a_retry(flow: Flavour, shop: Shop) -> None:
    body = fetching(flow, shop, retry_policy=RetryPolicy(retry_on=Exception, initial_interval=0.0))
    flow.invoke(body, 0)
    shop.close()
    refused(flow, lambda: flow.invoke(body, Command(resume=1)), "the result of task 'fetch'", GONE, writes=True)


def test_a_result_may_be_made_again(flow: Flavour, shop: Shop) -> None:
    body = fetching(flow, shop)
    flow.invoke(body, 0)
    shop.close()
    shop.order = shop.publish(["item", "more"])
    shop.orders = lambda: {"orders": ["first", shop.order("second", "more")]}  # type: ignore[method-assign]
    assert flow.invoke(body, Command(resume=1), on_divergence="rerun") == ["second", 1]


def test_a_changed_body_that_hides_the_mismatch_ends_all_the_same(flow: Flavour) -> None:
    names = ["a"]

    @flow.task
    def a() -> str:
        return "a"

    @flow.task
    def b() -> str:
        return "b"

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            found = yield {"a": a, "b": b}[names[0]]()
        except Exception:
            found = "hidden"
        return [found, interrupt("ok?")]

    flow.invoke(body, 0)
    names[0] = "b"
    with pytest.raises(ReplayMismatchError):
        flow.invoke(body, Command(resume=1))
    names[0] = "a"
    assert flow.invoke(body, None) == ["a", 1]


def test_the_result_of_a_finished_run(flow: Flavour, shop: Shop, loss: Callable[[], str]) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return shop.orders()

    flow.invoke(body, 0)
    told = loss()
    refused(flow, lambda: flow.invoke(body, None), "the result of run", told, "get_state(config).values")
    refused(flow, lambda: body.last_run(CONFIG).result(), "the result of run", told)
    assert "Unloadable shop:Order" in repr(body.get_state(CONFIG).values)
    shop.open()
    assert flow.invoke(body, None) == shop.orders()


def test_a_rejection_needs_no_class(flow: Flavour, shop: Shop) -> None:
    body = answered(flow, shop, "body")
    flow.invoke(body, 0)
    shop.close()
    with pytest.raises(InterruptRejectedError, match="no"):
        flow.invoke(body, Command(resume=Reject("no")))


def test_an_item_of_a_store(flow: Flavour, shop: Shop, loss: Callable[[], str], tmp_path: Path) -> None:
    with SqliteStore.from_conn_string(tmp_path / "store.db") as store:

        @flow.entrypoint(store=store)
        def body(_: int, *, store: BaseStore) -> Any:
            found = store.get(("users", "ada"), "orders")
            assert found is not None
            return shop.take(found.value)

        @flow.entrypoint(store=store)
        def search(_: int, *, store: BaseStore) -> Any:
            return [(item.key, item.value["n"]) for item in store.search(("users",), filter={"n": 1})]

        store.put(("users", "ada"), "orders", shop.orders())
        store.put(("users", "ada"), "other", {"n": 1})
        told = loss()
        with pytest.raises(UnloadableValueError, match=re.escape("item 'orders' in ('users', 'ada')")) as error:
            flow.invoke(body, 0)
        assert told in str(error.value)
        assert "put() the item anew, or delete() it" in str(error.value)
        assert flow.invoke(search, 0, thread="other") == [("other", 1)], "others are not hidden by it"
        assert [item.key for item in store.search(("users",))] == ["orders", "other"]
        assert "Unloadable shop:Order" in repr(store.search(("users",))), "it is shown to who looks"
        shop.open()
        assert flow.invoke(body, None) == "second"


def test_a_store_in_memory_has_the_objects_themselves(shop: Shop) -> None:
    store = InMemoryStore()
    store.put(("users",), "orders", shop.orders())
    shop.close()
    found = store.get(("users",), "orders")
    assert found is not None
    assert shop.take(found.value) == "second"
