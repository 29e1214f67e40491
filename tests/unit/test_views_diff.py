"""Two runs side by side: which calls are the same, what differs, and the code."""

from __future__ import annotations

from typing import Any

from nbflow import InMemorySaver, entrypoint, interrupt, read_run, task
from nbflow.core.record import CallReturned, CodeKept, RunReturned, RunStarted, Value
from nbflow.views.diff import RunDiff, diff_of

FLOW = """
from nbflow import task, entrypoint

@task
def double(n):
    return {double}

@task
def load(n):
    if n < 0:
        raise ValueError(f"bad {{n}}")
    return helper(n)

def helper(n):
    return {helper}

@entrypoint(checkpointer=saver)
def flow(n):
    found = [double(k).result() for k in range(n)]
    {body}
    return sum(found)
"""


def run(
    double: str = "2 * n", helper: str = "n", body: str = "found.append(load(7).result())", n: int = 3
) -> list[Any]:
    """Return the records of a run of a flow that is written as it is said."""
    import linecache

    saver = InMemorySaver()
    text = FLOW.format(double=double, helper=helper, body=body)
    name = f"<flow {hash(text)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"saver": saver, "__name__": "flows"}
    exec(compile(text, name, "exec"), space)
    space["flow"].invoke(n, {"configurable": {"thread_id": "t"}})
    return read_run(saver, "t")


def changes(found: RunDiff) -> list[tuple[str, str, tuple[str, ...]]]:
    named = [(call.after or call.before, call) for call in found.calls]
    return [(row.name, call.change, call.differs) for row, call in named if row is not None and call.change != "equal"]


def test_two_runs_of_the_same_are_equal() -> None:
    found = diff_of(run(), run())
    assert changes(found) == []
    assert found.code == []
    assert len(found.calls) == 5


def test_a_changed_task_is_told_with_its_lines() -> None:
    found = diff_of(run(), run(double="3 * n"))
    assert ("double", "changed", ("code",)) in changes(found), "0 stays 0"
    assert ("double", "changed", ("code", "result")) in changes(found)
    assert ("load", "changed", ("code",)) not in changes(found)
    code = {one.after.name: one for one in found.code}
    assert code["double"].lines[-2:] == ("-    return 2 * n", "+    return 3 * n")


def test_a_changed_helper_is_told_as_what_it_is() -> None:
    found = diff_of(run(), run(helper="n + 1"))
    code = {one.after.name: one for one in found.code}
    assert code["load"].lines == ()
    assert "something that it names has changed" in code["load"].reason


def test_a_call_put_in_between_moves_nothing_else() -> None:
    found = diff_of(run(), run(body="found.append(double(100).result()); found.append(load(7).result())"))
    [new] = [call for call in found.calls if call.change == "only after"]
    assert new.after is not None
    assert (new.after.path, new.after.shown) == ("0.3", "100")
    [load] = [call for call in found.calls if call.after is not None and call.after.name == "load"]
    assert load.before is not None
    assert (load.change, load.before.path) == ("equal", "0.3")


def test_a_call_left_out_stands_where_it_was() -> None:
    found = diff_of(run(n=3), run(n=2))
    rows = [(call.after or call.before, call.change) for call in found.calls]
    shown = [(row.name, change) for row, change in rows if row is not None]
    assert shown[1:] == [("double", "equal"), ("double", "equal"), ("double", "only before"), ("load", "equal")]


def test_arguments_and_errors_are_told() -> None:
    tried = "\n    try: load({}).result()\n    except ValueError: pass"
    found = diff_of(run(body=tried.format(-1)), run(body=tried.format(-2)))
    assert ("load", "changed", ("arguments", "error")) in changes(found)
    found = diff_of(run(body=tried.format(-1)), run(body=tried.format(1)))
    assert ("load", "changed", ("arguments", "state")) in changes(found)


def test_many_calls_of_one_name_take_no_longer_than_their_number() -> None:
    saver = InMemorySaver()

    @task
    def same(n: int) -> int:
        return 1

    @entrypoint(checkpointer=saver)
    def flow(n: int) -> int:
        return sum(one.result() for one in [same(k % 3) for k in range(n)])

    flow.invoke(2_000, {"configurable": {"thread_id": "a"}})
    flow.invoke(1_999, {"configurable": {"thread_id": "b"}})
    found = diff_of(read_run(saver, "a"), read_run(saver, "b"))
    assert [call.change for call in found.calls].count("equal") == 1_999
    assert [call.change for call in found.calls].count("only before") == 1


class Awkward:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("never compare me")

    def __hash__(self) -> int:
        return 1


def records(value: object, *, text: object = "def f(): ...", code: bytes = b"1") -> list[Any]:
    return [
        RunStarted(run_id="r", thread_id="t", workflow="w", at=1.0, code=b"w"),
        CodeKept(name="f", code=code, value=Value(text)),
        CallReturned(path="0.0", name="f", code=code, at=2.0, value=Value(value)),
        RunReturned(point="p", at=3.0, value=Value(None)),
    ]


def test_values_that_can_not_be_compared_are_different_and_break_nothing() -> None:
    found = diff_of(records(Awkward()), records(Awkward()))
    assert changes(found) == [("f", "changed", ("result",))]
    assert changes(diff_of(records(1), records(True))) == [("f", "changed", ("result",))]


def test_sources_that_are_none_are_told_as_not_kept() -> None:
    for text in (b"bytes", None, {"a": 1}):
        [one] = diff_of(records(1, text=text), records(1, code=b"2")).code
        assert "was not kept" in one.reason


def test_runs_that_are_open_or_empty_have_a_side() -> None:
    saver = InMemorySaver()

    @entrypoint(checkpointer=saver)
    def flow(_: int) -> object:
        return interrupt("?")

    flow.invoke(1, {"configurable": {"thread_id": "t"}})
    asking = read_run(saver, "t")
    assert changes(diff_of(asking, asking)) == []
    assert diff_of([], asking).calls[0].change == "only after"
    assert diff_of(asking, []).calls[0].change == "only before"
    assert [call.change for call in diff_of([], []).calls] == []
