"""The plan: what a run would do with the code of now, and why, without running anything."""

from __future__ import annotations

import itertools
import linecache
import random
import sys
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemoryCache, InMemorySaver, InMemoryStore, interrupt, sleep, task
from nbflow.core.record import CallReturned
from nbflow.errors import NoCheckpointerError
from nbflow.types import CachePolicy
from nbflow.views.plan import Plan, changed_line, changed_parts
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}
numbers = itertools.count()

PIPELINE = """
LIMIT = 5

def helper(n):
    return n + 1

def clean(n):
    m = helper(n)
    return m * LIMIT

@flow.task
def load(n):
    ran.append("load")
    return n

@flow.task
def fit(n):
    ran.append("fit")
    return clean(n)

@flow.task
def report(n):
    ran.append("report")
    return str(n)

@flow.entrypoint(name="body")
def body(n):
    first = yield load(n)
    second = yield fit(first)
    return (yield report(second))
"""


class Written:
    """Workflows that are written as source, so that a test can edit them."""

    def __init__(self, flow: Flavour, source: str = PIPELINE) -> None:
        self.flow = flow
        self.source = source
        self.ran: list[str] = []

    def make(self, *edits: tuple[str, str]) -> Any:
        """Return the workflow after some edits: texts and what stands in their places."""
        source = self.source
        for old, new in edits:
            assert old in source
            source = source.replace(old, new)
        name = f"<written {next(numbers)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        space: dict[str, Any] = {"__name__": "__main__", "flow": self.flow, "ran": self.ran, "nbflow": nbflow}
        exec(compile(source, name, "exec"), space)
        return space["body"]


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(call.name, call.action) for call in plan.calls]


def test_nothing_has_changed(flow: Flavour) -> None:
    written = Written(flow)
    flow.invoke(written.make(), 1)
    body = written.make()
    written.ran.clear()
    plan = body.plan(1, CONFIG, reuse=True)
    assert told(plan) == [("load", "reused"), ("fit", "reused"), ("report", "reused")]
    assert (plan.runs, plan.unknown, plan.after, written.ran) == ([], "", {}, [])
    assert str(plan) == "body: nothing runs (3 reused)"
    assert told(body.plan(None, CONFIG)) == [("load", "replayed"), ("fit", "replayed"), ("report", "replayed")]


@pytest.mark.parametrize(
    ("edit", "name", "reason"),
    [
        (
            ("return m * LIMIT", "return m * LIMIT + 1"),
            "fit",
            "'clean', which it uses, has changed in line 3: return",
        ),
        (("LIMIT = 5", "LIMIT = 6"), "fit", "'LIMIT', which it uses, has changed"),
        (("return n + 1", "return n + 2"), "fit", "'helper', which it uses, has changed in line 2: return n + 2"),
        (("return str(n)", "return repr(n)"), "report", "its code has changed in line 4: return repr(n)"),
        (("fit(first)", "fit(first + 1)"), "fit", "its arguments are 2; they were 1"),
        (("report(second)", "load(second)"), "load", "no call of it had these arguments: 10"),
    ],
)
def test_what_runs_and_why(flow: Flavour, edit: tuple[str, str], name: str, reason: str) -> None:
    written = Written(flow)
    flow.invoke(written.make(), 1)
    body = written.make(edit)
    written.ran.clear()
    for options in ({"reuse": True}, {"on_divergence": "rerun"}):
        if options == {"on_divergence": "rerun"}:
            flow.saver = InMemorySaver()
            written.flow = flow
            flow.invoke(written.make(("report(second))", "report(second)), nbflow.interrupt('?')")), 1)
            body = written.make(edit, ("second))", "second)), nbflow.interrupt('?')"))
            written.ran.clear()
        plan = body.plan(1 if "reuse" in options else None, CONFIG, **options)
        (call,) = plan.runs
        assert call.name == name
        assert call.reason.startswith(reason)
        assert written.ran == []


def test_it_says_from_where_on_it_can_not_know(flow: Flavour) -> None:
    written = Written(flow)
    flow.invoke(written.make(), 1)
    plan = written.make(("LIMIT = 5", "LIMIT = 7")).plan(1, CONFIG, reuse=True)
    assert (plan.unknown, dict(plan.after)) == ("0.1", {"report": 1})
    assert "from there on it can't be known: the result of 0.1 is not there; last time came then: report" in str(plan)
    assert plan.seconds is not None


@pytest.mark.parametrize("times", [1, 2])
def test_it_says_how_long_a_call_took_that_was_only_taken_over_since(flow: Flavour, times: int) -> None:
    written = Written(flow)
    flow.invoke(written.make(), 1)
    paid = {one.name: one.at - one.started for one in nbflow.read_run(flow.saver, "t") if isinstance(one, CallReturned)}
    for _ in range(times):
        flow.invoke(written.make(), 1, reuse=True)
    plan = written.make(("LIMIT = 5", "LIMIT = 7")).plan(1, CONFIG, reuse=True)
    assert [(call.name, call.seconds) for call in plan.runs] == [("fit", paid["fit"])]
    assert plan.seconds == pytest.approx(paid["fit"] + paid["report"])


def test_where_nothing_runs_it_takes_no_time_and_a_question_is_its_text(flow: Flavour) -> None:
    ask = ("report(second))", "report(nbflow.interrupt({'question': 'Good?', 'value': second})))")
    body = Written(flow, PIPELINE).make(ask)
    flow.invoke(body, 1)
    flow.invoke(body, Command(resume=1))
    plan = body.plan(1, CONFIG, reuse=True)
    assert (plan.runs, plan.questions, dict(plan.after), plan.seconds) == ([], ("Good?",), {"report": 1}, None)
    assert "about" not in str(plan)


def test_a_new_run_takes_nothing_over(flow: Flavour) -> None:
    written = Written(flow)
    flow.invoke(written.make(), 1)
    plan = written.make().plan(1, CONFIG)
    assert [(call.name, call.reason) for call in plan.runs] == [("load", "a new run takes nothing over")]
    assert dict(plan.after) == {"fit": 1, "report": 1}


def test_on_an_empty_thread_all_runs(flow: Flavour) -> None:
    written = Written(flow)
    plan = written.make().plan(1, CONFIG)
    assert [call.name for call in plan.runs] == ["load"]
    assert (plan.seconds, written.ran, flow.saver.thread_ids()) == (None, [], [])


def test_nothing_is_written_and_no_lease_is_taken(flow: Flavour) -> None:
    written = Written(flow)
    body = written.make()
    flow.invoke(body, 1)
    before = nbflow.read_run(flow.saver, "t")
    body.plan(2, CONFIG)
    body.plan(1, CONFIG, reuse=True)
    assert len(flow.saver.runs("t")) == 1
    assert len(nbflow.read_run(flow.saver, "t")) == len(before)
    assert flow.saver.holder("t") is None


def test_questions_that_come_again_are_told(flow: Flavour) -> None:
    source = PIPELINE.replace(
        "return (yield report(second))", "x = nbflow.interrupt('sure?')\n    return (yield report(x))"
    )
    written = Written(flow, source)
    body = written.make()
    assert flow.invoke(body, 1)["__interrupt__"]
    assert flow.invoke(body, Command(resume=5)) == "5"
    assert body.plan(None, CONFIG).questions == ()
    plan = body.plan(1, CONFIG, reuse=True)
    assert plan.questions == ("sure?",)
    assert dict(plan.after) == {"report": 1}
    assert "asks: sure?" in str(plan)


def test_branches_are_all_looked_at(flow: Flavour) -> None:
    source = PIPELINE.replace("    second = yield fit(first)", "    second = sum((yield [fit(n) for n in range(3)]))")
    written = Written(flow, source)
    flow.invoke(written.make(), 1)
    plan = written.make(("LIMIT = 5", "LIMIT = 6")).plan(1, CONFIG, reuse=True)
    assert [call.path for call in plan.runs] == ["0.1", "0.2", "0.3"]


def test_items_of_a_map_are_looked_at_one_by_one(flow: Flavour) -> None:
    source = PIPELINE.replace("    second = yield fit(first)", "    second = sum((yield fit.map([1, 2, 3])))")
    written = Written(flow, source)
    flow.invoke(written.make(), 1)
    plan = written.make(("[1, 2, 3]", "[1, 5, 3]")).plan(1, CONFIG, reuse=True)
    assert [(call.path, call.reason) for call in plan.runs] == [("0.1.b1.0", "its arguments are 5; they were 2")]
    assert [call.path for call in plan.taken] == ["0.0", "0.1.b0.0", "0.1.b2.0"]


def test_nested_workflows_are_replayed_too(flow: Flavour) -> None:
    ran: list[str] = []

    @flow.task
    def work(n: int) -> int:
        ran.append("work")
        return n

    @flow.entrypoint(checkpointer=None)
    def inner(n: int) -> Any:
        return (yield work(n))

    @flow.entrypoint
    def outer(n: int) -> Any:
        return (yield flow.nested(inner, n))

    plan = outer.plan(1, CONFIG)
    assert [(call.name, call.path) for call in plan.runs] == [("work", "0.0.0")]
    assert ran == []


def test_calls_that_run_for_the_same_reason_are_one_line(flow: Flavour) -> None:
    source = PIPELINE.replace("    second = yield fit(first)", "    second = sum((yield fit.map(list(range(30)))))")
    written = Written(flow, source)
    flow.invoke(written.make(), 1)
    plan = written.make(("LIMIT = 5", "LIMIT = 6")).plan(1, CONFIG, reuse=True)
    assert len(plan.runs) == 30
    told = [line for line in str(plan).splitlines() if "fit" in line]
    assert told == ["  fit (30 calls, 0.1.b0.0 to 0.1.b29.0) runs: 'LIMIT', which it uses, has changed"]


def test_a_graph_has_a_plan(flow: Flavour) -> None:
    from typing import TypedDict

    from nbflow.graph import END, START, StateGraph

    class State(TypedDict):
        n: int

    ran: list[str] = []

    def node(state: State) -> dict[str, int]:
        ran.append("node")
        return {"n": state["n"] + 1}

    builder = StateGraph(State)
    builder.add_node("one", node)
    builder.add_edge(START, "one")
    builder.add_edge("one", END)
    app = flow.compile(builder)
    plan = app.plan({"n": 1}, CONFIG)
    assert [call.name for call in plan.runs] == ["one"]
    assert ran == []


def test_sleeps_are_told_and_not_slept(flow: Flavour) -> None:
    @nbflow.entrypoint(checkpointer=flow.saver)
    def body(_: Any) -> None:
        sleep(3600)

    plan = body.plan(1, CONFIG)
    assert [(call.action, call.reason) for call in plan.runs] == [("sleeps", "for 3600.0")]


def test_a_cached_result_is_there(flow: Flavour) -> None:
    ran: list[int] = []
    cache = InMemoryCache()

    @flow.task(cache_policy=CachePolicy())
    def work(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint(cache=cache)
    def body(n: int) -> Any:
        return (yield work(n))

    flow.invoke(body, 1)
    plan = body.plan(1, {"configurable": {"thread_id": "other"}})
    assert told(plan) == [("work", "cached")]
    assert [call.name for call in body.plan(2, CONFIG).runs] == ["work"]
    assert ran == [1]


def test_a_store_is_read_and_not_written(flow: Flavour) -> None:
    store = InMemoryStore()
    store.put(("a",), "k", {"n": 1})

    @nbflow.entrypoint(checkpointer=flow.saver, store=store)
    def body(_: Any) -> Any:
        kept: Any = nbflow.get_store()
        kept.put(("a",), "other", {"n": 2})
        return kept.get(("a",), "k").value

    plan = body.plan(1, CONFIG)
    assert (plan.runs, plan.error) == ([], None)
    assert store.get(("a",), "other") is None


def test_a_body_that_raises_is_told(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: Any) -> Any:
        raise ValueError("no")

    plan = body.plan(1, CONFIG)
    assert repr(plan.error) == "ValueError('no')"
    assert "the body raises ValueError('no')" in str(plan)


def test_what_a_body_prints_is_not_shown(flow: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    @flow.entrypoint
    def body(_: Any) -> Any:
        sys.stdout.write("loud")

    body.plan(1, CONFIG)
    assert capsys.readouterr().out == ""


def test_without_a_checkpointer_there_is_none() -> None:
    @nbflow.entrypoint()
    def body(_: Any) -> None: ...

    with pytest.raises(NoCheckpointerError):
        body.plan(1, CONFIG)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("a\nb", "a\nb", ""),
        ("a\nb", "a\nc", "line 2: c"),
        ("a\nb\nc", "a\nc", "line 2: without 'b'"),
        ("a", "a\nb", "line 2: b"),
        ("", "a", ""),
    ],
)
def test_the_first_line_that_differs(before: str, after: str, line: str) -> None:
    assert changed_line(before, after) == line


STEPS = 5
NAMES = [f"{letter}.txt" for letter in "abcdefghij"]


def random_source(chance: random.Random) -> str:
    """Return a workflow of a few tasks with helpers, some of which take what others gave, or read a file."""
    lines = ["from pathlib import Path", "BASE = 3"]
    for n in range(STEPS):
        Path(NAMES[n]).write_text("4")
        lines += [f"def helper{n}(x):", f"    return x + {chance.randint(1, 9)} * BASE", ""]
        uses = chance.choice(
            [
                f"helper{n}(x)",
                f"x * {chance.randint(2, 9)}",
                f"helper{chance.randrange(n + 1)}(x) - 1",
                f"x + int(Path('{NAMES[chance.randrange(STEPS)]}').read_text())",
            ]
        )
        lines += ["@flow.task", f"def step{n}(x):", f"    ran.append(('step{n}', x))", f"    return {uses}", ""]
    lines += ["@flow.entrypoint(name='body')", "def body(n):", "    x = n"]
    for n in range(STEPS):
        kind = chance.choice(["chain", "apart", "both", "map"])
        if kind == "chain":
            lines.append(f"    x = yield step{n}(x)")
        elif kind == "apart":
            lines.append(f"    y{n} = yield step{n}({chance.randint(1, 5)})")
        elif kind == "both":
            lines.append(f"    a, b = yield [step{n}(1), step{n}({chance.randint(2, 4)})]")
        else:
            lines.append(f"    z{n} = yield step{n}.map([1, {chance.randint(2, 5)}, 9])")
    return "\n".join([*lines, "    return x"])


def edited(source: str, chance: random.Random) -> str:
    """Return a source with a random edit: another number in a task, a helper, body or file; a line twice, or gone."""
    lines = source.splitlines()
    kind = chance.choice(["number", "number", "base", "drop", "comment", "twice", "file"])
    if kind == "file":
        Path(NAMES[chance.randrange(STEPS)]).write_text(str(chance.randint(4, 6)))
        return source
    if kind == "base":
        return source.replace("BASE = 3", f"BASE = {chance.randint(3, 5)}")
    if kind == "comment":
        return source.replace("    x = n", "    # a remark\n    x = n")
    first = next(index for index, line in enumerate(lines) if line.startswith("def body"))
    if kind in {"drop", "twice"}:
        at = chance.randrange(first + 2, len(lines) - 1)
        return "\n".join(lines[:at] + lines[at + 1 :] if kind == "drop" else [*lines[:at], lines[at], *lines[at:]])
    places = [index for index, line in enumerate(lines) if any(char.isdigit() and char != "0" for char in line[4:])]
    at = chance.choice([index for index in places if "ran.append" not in lines[index] and "def " not in lines[index]])
    head, tail = lines[at][:4], lines[at][4:]
    digits = [index for index, char in enumerate(tail) if char.isdigit() and not tail[index - 1].isalpha()]
    if not digits:
        return source
    where = chance.choice(digits)
    lines[at] = head + tail[:where] + str(chance.randint(1, 9)) + tail[where + 1 :]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_it_is_right_on_random_edits_of_random_workflows(
    flavour: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(f"{flavour}{seed}")
    written = Written(Flavour(flavour, InMemorySaver()), random_source(chance))
    written.flow.invoke(written.make(), 1)
    written.source = edited(written.source, chance)
    body = written.make()
    written.ran.clear()
    plan = body.plan(1, CONFIG, reuse=True)
    assert written.ran == []
    written.flow.invoke(body, 1, reuse=True)
    noted: list[Any] = written.ran
    ran = [(str(name), str(x)) for name, x in noted]
    said = [(call.name, call.shown) for call in plan.runs]
    taken = [row.path for row in body.last_run(CONFIG).calls if row.state == "reused"]
    for call in said:
        assert call in ran, "what it said would run, ran"
    assert {call.path for call in plan.taken} <= set(taken), "and what it said would be there, was"
    if not plan.unknown:
        assert sorted(ran) == sorted(said), "and nothing else"
    else:
        known = {call.path for call in plan.calls}
        others = [row for row in body.last_run(CONFIG).calls if row.kind == "task" and row.path not in known]
        assert len(ran) - len(said) == sum(row.state == "done" for row in others)


def test_what_is_told_stays_true_when_it_runs_again(flow: Flavour) -> None:
    """The plan of a run that failed: what it goes on with."""
    fails = [ValueError("once")]

    @flow.task
    def first() -> int:
        return 1

    @flow.task
    def second(n: int) -> int:
        if fails:
            raise fails.pop()
        return n

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield second((yield first())))

    with pytest.raises(ValueError, match="once"):
        flow.invoke(body, 1)
    plan = body.plan(None, CONFIG)
    assert told(plan) == [("first", "replayed"), ("second", "runs")]
    assert plan.runs[0].reason == "it failed: ValueError('once')"


def test_it_needs_no_task_of_the_decorator_alone() -> None:
    @task
    def asks() -> Any:
        return interrupt("inside a task")

    @nbflow.entrypoint(checkpointer=InMemorySaver())
    def body(_: Any) -> Any:
        return asks().result()

    plan = body.plan(1, CONFIG)
    assert [call.name for call in plan.runs] == ["asks"]
    assert plan.questions == ()


def test_a_call_that_had_not_ended_is_said_to_go_on(flow: Flavour) -> None:
    @task
    def ask(text: str) -> Any:
        return interrupt(text)

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield ask("Which?"))

    flow.invoke(body, 1)
    plan = body.plan(None, CONFIG)
    assert [(call.path, call.action, call.reason) for call in plan.runs] == [("0.0", "runs", "it waits for an answer")]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"sqrt is math:sqrt": ""}, {}, "it does not use 'sqrt' any more"),
        ({}, {"sqrt is math:sqrt": ""}, "it uses 'sqrt' now"),
        ({"root is math:sqrt": ""}, {"root is math:isqrt": ""}, "'root', which it uses, is math:isqrt now"),
        ({"RATE": "01"}, {"RATE": "02"}, "'RATE', which it uses, has changed"),
        ({"RATE": "01"}, {"RATE": "01"}, "something that it uses has changed"),
    ],
)
def test_what_a_function_uses_is_told_by_its_name(before: dict[str, str], after: dict[str, str], told: str) -> None:
    assert changed_parts(before, after) == told


def test_a_decorator_is_no_change_of_a_line(flow: Flavour) -> None:
    written = Written(flow)
    flow.invoke(written.make(), 1)
    body = written.make(
        ("@flow.task\ndef fit", "@flow.task(\n    at_most_once=False\n)\ndef fit"), ("m * LIMIT", "m + LIMIT")
    )
    [fit] = body.plan(1, CONFIG, reuse=True).runs
    assert fit.reason == "'clean', which it uses, has changed in line 3: return m + LIMIT"


def test_a_plan_without_reuse_tells_what_reuse_would_spare(flow: Flavour) -> None:
    written = Written(flow)
    flow.invoke(written.make(), 1)
    plan = written.make(("LIMIT = 5", "LIMIT = 7")).plan(1, CONFIG)
    assert (plan.spared, [call.name for call in plan.runs]) == (1, ["load"])
    assert "reuse=True would take over 1 of these 1, at least" in str(plan)
    with_reuse = written.make(("LIMIT = 5", "LIMIT = 7")).plan(1, CONFIG, reuse=True)
    assert (with_reuse.spared, "reuse=True" in str(with_reuse)) == (0, False)
    assert written.make().plan(2, CONFIG).spared == 0, "with other arguments nothing is there"
