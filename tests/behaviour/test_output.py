"""What a call prints, logs, warns of and displays belongs to it, and is kept with it once."""

from __future__ import annotations

import asyncio
import contextvars
import io
import logging
import sys
import threading
import warnings
from typing import Any, TextIO

import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt, list_runs, read_run, task
from nbflow.checkpoint.base import BaseCheckpointSaver, RunKey
from nbflow.checkpoint.encrypted import AesCipher, EncryptedSaver
from nbflow.core.record import CallReturned, Output, Record
from nbflow.errors import UnserializableError
from nbflow.output import displayed, led
from nbflow.types import RetryPolicy
from nbflow.views.details import details_of
from nbflow.views.output import output_of
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import built

AT_ONCE = RetryPolicy(max_attempts=3, initial_interval=0, jitter=False)
LOGGER = logging.getLogger("output")


def say(*words: object, stream: TextIO | None = None) -> None:
    print(*words, file=stream)  # what is tested


def records_of(saver: BaseCheckpointSaver, thread: str = "t") -> list[Record]:
    return list(read_run(saver, thread, list_runs(saver, thread)[0]))


def outputs(saver: BaseCheckpointSaver, thread: str = "t") -> dict[str, str]:
    """Return what each call of a thread's newest run said, by position."""
    records = records_of(saver, thread)
    paths = dict.fromkeys(record.path for record in records if isinstance(record, Output))
    return {path: "".join(part.text for part in output_of(records, path)) for path in sorted(paths)}


def test_parallel_calls_and_their_body_say_each_what_is_theirs(flow: Flavour) -> None:
    @flow.task
    def work(n: int) -> int:
        say("work", n)
        say("more", n)
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        say("begin")
        futures = [work(k) for k in range(n)]
        say("between")
        found = yield futures
        say("end")
        return found

    flow.invoke(body, 4)
    expected = {f"0.{n}": f"work {n}\nmore {n}\n" for n in range(4)}
    assert outputs(flow.saver) == {"0": "begin\nbetween\nend\n", **expected}


def test_logs_warnings_and_both_streams_are_heard_in_order(
    flow: Flavour, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    old = logging.StreamHandler(sys.stderr)  # made before its stream is led anywhere
    old.setFormatter(logging.Formatter("%(levelname)s %(message)s"))

    @flow.task
    def work() -> None:
        say("out")
        sys.stderr.writelines(["err", "\n"])
        LOGGER.warning("log")
        warnings.showwarning("careful", UserWarning, "file.py", 3)

    @flow.entrypoint
    def body(_: int) -> Any:
        yield work()

    LOGGER.addHandler(old)
    try:
        flow.invoke(body, 1)
    finally:
        LOGGER.removeHandler(old)
    text = outputs(flow.saver)["0.0"]
    assert text.startswith("out\nerr\nWARNING log\n")
    shown = capsys.readouterr()
    assert shown.out == "out\n", "and it goes where it would go"
    assert shown.err.startswith("err\nWARNING log\n")
    assert len(recwarn) == 1, "pytest takes warnings before they are printed"


def test_nested_calls_and_workflows_say_what_is_theirs(flow: Flavour) -> None:
    @flow.task
    def leaf(n: int) -> int:
        say("leaf", n)
        return n

    @flow.entrypoint(checkpointer=None)
    def inner(n: int) -> Any:
        say("inner", n)
        found = yield leaf(n)
        say("inner ends")
        return found

    @flow.entrypoint
    def body(n: int) -> Any:
        say("outer")
        return (yield flow.nested(inner, n))

    flow.invoke(body, 7)
    assert outputs(flow.saver) == {"0": "outer\n", "0.0": "inner 7\ninner ends\n", "0.0.0": "leaf 7\n"}


def test_async_calls_that_take_turns_in_one_loop_are_told_apart(saver: BaseCheckpointSaver) -> None:
    @task
    async def work(name: str) -> None:
        for n in range(3):
            say(name, n)
            await asyncio.sleep(0)

    @entrypoint(checkpointer=saver)
    async def body(_: int) -> None:
        await asyncio.gather(work("a"), work("b"), work("c"))

    body.invoke(1, {"configurable": {"thread_id": "t"}})
    assert outputs(saver) == {f"0.{n}": f"{name} 0\n{name} 1\n{name} 2\n" for n, name in enumerate("abc")}


def test_the_attempts_that_failed_are_heard_too(flow: Flavour) -> None:
    tries: list[int] = []

    @flow.task(retry_policy=AT_ONCE)
    def work() -> int:
        tries.append(1)
        say("try", len(tries))
        if len(tries) < 3:
            raise ConnectionError("no")
        return len(tries)

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield work())

    flow.invoke(body, 1)
    facts = {fact.label: fact.text for fact in details_of(records_of(flow.saver), "0.0")}
    assert facts["output of attempt 1"] == "try 1\n"
    assert facts["output of attempt 2"] == "try 2\n"
    assert facts["output"] == "try 3\n"


def test_a_failure_that_ends_the_run_leaves_what_was_said(flow: Flavour) -> None:
    @flow.task
    def work() -> None:
        say("before the failure")
        raise ValueError("no")

    @flow.entrypoint
    def body(_: int) -> Any:
        say("begin")
        yield work()

    with pytest.raises(ValueError, match="no"):
        flow.invoke(body, 1)
    assert outputs(flow.saver) == {"0": "begin\n", "0.0": "before the failure\n"}
    assert type(records_of(flow.saver)[-1]).__name__ == "RunFailed"


def test_a_result_that_cannot_be_stored_does_not_take_the_output_with_it(flow: Flavour) -> None:
    @flow.task
    def work() -> Any:
        say("made a lock")
        return threading.Lock()

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            yield work()
        except UnserializableError:
            say("survived")
        return 1

    assert flow.invoke(body, 1) == 1
    assert outputs(flow.saver) == {"0": "survived\n", "0.0": "made a lock\n"}


def test_after_a_pause_nothing_is_there_twice(flow: Flavour) -> None:
    @flow.task
    def step(n: int) -> int:
        say("step", n)
        return n

    @flow.task
    def asks() -> Any:
        say("asks")
        answer = interrupt("?")
        say("answered", answer)
        return answer

    @flow.entrypoint
    def body(_: int) -> Any:
        say("begin")
        yield step(1)
        say("between")
        answer = interrupt("go on?")
        say("goes on")
        found = yield asks()
        say("end")
        return [answer, found]

    flow.invoke(body, 1)
    assert outputs(flow.saver) == {"0": "begin\nbetween\n", "0.0": "step 1\n"}
    flow.invoke(body, Command(resume="yes"))
    assert flow.invoke(body, Command(resume="no")) == ["yes", "no"]
    assert outputs(flow.saver) == {
        "0": "begin\nbetween\ngoes on\nend\n",
        "0.0": "step 1\n",
        "0.1": "asks\nanswered no\n",
    }


def test_after_a_crash_at_every_record_nothing_is_there_twice() -> None:
    @task
    def step(n: int) -> int:
        say("step", n)
        return n

    def flow_on(saver: BaseCheckpointSaver) -> Any:
        @entrypoint(checkpointer=saver)
        def body(_: int) -> int:
            say("begin")
            futures = [step(n) for n in range(3)]
            say("waits")
            total = sum(future.result() for future in futures)
            say("last")
            step(total).result()
            say("end")
            return total

        return body

    here = {"configurable": {"thread_id": "t"}}
    whole = InMemorySaver()
    flow_on(whole).invoke(1, here)
    expected = outputs(whole)
    assert expected == {
        "0": "begin\nwaits\nlast\nend\n",
        **{f"0.{place}": f"step {n}\n" for place, n in enumerate([0, 1, 2, 3])},
    }
    key = RunKey("t", list_runs(whole, "t")[0])
    rows = whole.rows(key)
    for length in range(1, len(rows)):
        cut = InMemorySaver()
        cut.lease("t", "owner")
        cut.append(key, rows[:length], "owner")
        cut.release("t", "owner")
        flow_on(cut).invoke(None, here)
        assert outputs(cut) == expected, f"dropped after {length} of {len(rows)} records"
        assert cut.rows(key)[:length] == rows[:length]


def test_a_replay_writes_no_second_output(flow: Flavour) -> None:
    @flow.task
    def step() -> int:
        say("step")
        return 1

    @flow.entrypoint
    def body(_: int) -> Any:
        say("begin")
        yield step()
        interrupt("?")
        return 2

    flow.invoke(body, 1)
    before = [record.path for record in records_of(flow.saver) if isinstance(record, Output)]
    flow.invoke(body, Command(resume=1))
    assert [record.path for record in records_of(flow.saver) if isinstance(record, Output)] == before


def test_a_call_that_says_nothing_writes_nothing(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> int:
        return 1

    flow.invoke(body, 1)
    assert [type(one).__name__ for one in records_of(flow.saver)] == ["RunStarted", "CodeKept", "RunReturned"]


def test_a_run_without_a_checkpointer_keeps_it_too(flow: Flavour) -> None:
    @flow.task
    def work() -> int:
        say("work")
        return 1

    @flow.entrypoint(checkpointer=None)
    def body(_: int) -> Any:
        return (yield work())

    run = body.start(1)
    assert run.result() == 1
    assert [part.text for part in output_of(run.log, "0.0")] == ["work\n"]


def test_threads_that_a_task_starts_are_its_own_if_they_have_its_context(saver: BaseCheckpointSaver) -> None:
    @task
    def work() -> None:
        here = contextvars.copy_context()
        for target in (lambda: say("a stranger"), lambda: here.run(say, "one of mine")):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()

    @entrypoint(checkpointer=saver)
    def body(_: int) -> None:
        work().result()

    body.invoke(1, {"configurable": {"thread_id": "t"}})
    assert outputs(saver) == {"0.0": "one of mine\n"}


def test_displays_are_kept_and_shown(flow: Flavour) -> None:
    shown: list[str] = []

    @flow.task
    def draws() -> int:
        displayed({"text/plain": "<Figure>", "image/png": "aGk="}, lambda: shown.append("figure"))
        return 1

    @flow.entrypoint
    def body(_: int) -> Any:
        displayed({"text/plain": "table"}, lambda: shown.append("table"))
        yield draws()
        interrupt("?")

    flow.invoke(body, 1)
    flow.invoke(body, Command(resume=1))
    records = records_of(flow.saver)
    assert [part.forms for part in output_of(records, "0.0")] == [{"image/png": "aGk="}]
    assert [part.text for part in output_of(records, "0")] == ["table"]
    assert {*shown} == {"table", "figure"}


def test_who_leads_decides_what_is_shown_and_kept(flow: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    @flow.task
    def work(n: int) -> int:
        say("work", n)
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        say("begin")
        yield [work(n) for n in range(3)]
        say("end")

    held: list[Any] = []
    with led(lambda place, show: held.append((place, show))):
        flow.invoke(body, 1, "led")
    assert capsys.readouterr().out == ""
    for _, show in sorted(held, key=lambda one: one[0]):
        show()
    assert capsys.readouterr().out.split("\n") == ["begin", "work 0", "work 1", "work 2", "end", ""]
    assert outputs(flow.saver, "led") == {"0": "begin\nend\n", **{f"0.{n}": f"work {n}\n" for n in range(3)}}
    with led(is_kept=False):
        flow.invoke(body, 1, "not kept")
    assert outputs(flow.saver, "not kept") == {}
    assert "begin" in capsys.readouterr().out


def test_nothing_else_of_a_thread_is_changed_by_it(flow: Flavour) -> None:
    """States, streams and forks are those of the same run that says nothing."""

    def make(*, is_loud: bool) -> Any:
        @flow.task
        def work(n: int) -> int:
            if is_loud:
                say("work", n)
            return n

        @flow.entrypoint
        def body(n: int) -> Any:
            if is_loud:
                say("begin")
            found = yield [work(k) for k in range(n)]
            answer = interrupt("?")
            return [found, answer]

        return body

    told = []
    for thread, is_loud in (("silent", False), ("loud", True)):
        body = make(is_loud=is_loud)
        here: Any = {"configurable": {"thread_id": thread}}
        chunks = flow.stream(body, 2, thread, stream_mode=["updates", "values", "custom"])
        flow.invoke(body, Command(resume="yes"), thread)
        state = body.get_state(here)
        forked = body.fork(here, at="0.1").result()
        told.append(
            (
                sorted(str(chunk).partition("id=")[0] for chunk in chunks),
                [(row.path, row.state, row.shown, row.result) for row in state.calls],
                state.values,
                len(list(body.get_state_history(here))),
                str(forked).partition("id=")[0],
            )
        )
    assert told[0] == told[1]


def test_nodes_of_a_graph_say_what_is_theirs(flow: Flavour) -> None:
    def talks(name: str) -> Any:
        def node(_state: Any) -> dict[str, Any]:
            say("node", name)
            return {"a": [name]}

        return flow.node(node)

    builder = built(flow, "start>x x>y x>z y+z>w", x=talks("x"), y=talks("y"), z=talks("z"), w=talks("w"))
    flow.invoke(flow.compile(builder), {"a": []})
    records = records_of(flow.saver)
    names = {record.path: record.name for record in records if isinstance(record, CallReturned)}
    assert {names[path]: text for path, text in outputs(flow.saver).items()} == {n: f"node {n}\n" for n in "xyzw"}


def test_a_body_that_reads_the_stream_of_another_is_not_disturbed(flow: Flavour) -> None:
    @flow.task
    def leaf(n: int) -> int:
        say("leaf", n)
        return n

    @flow.entrypoint(checkpointer=None)
    def inner(n: int) -> Any:
        say("inner")
        return (yield leaf(n))

    @flow.entrypoint
    def body(n: int) -> Any:
        chunks = yield flow.streamed(inner, n, stream_mode="updates")
        say("read", len(chunks))
        answer = interrupt("?")
        return [chunks, answer]

    flow.invoke(body, 3)
    assert flow.invoke(body, Command(resume="yes")) == [[{"leaf": 3}, {"inner": 3}], "yes"]
    assert outputs(flow.saver) == {"0": "read 2\n", "0.0": "inner\n", "0.0.0": "leaf 3\n"}


def test_what_a_call_says_is_encrypted_with_the_rest(flow: Flavour) -> None:
    pytest.importorskip("cryptography")
    inner = InMemorySaver()
    secret = Flavour(flow.name, EncryptedSaver(inner, AesCipher(b"k" * 32)))

    @secret.entrypoint
    def body(_: int) -> None:
        say("a secret word")

    secret.invoke(body, 1)
    assert outputs(secret.saver) == {"0": "a secret word\n"}
    rows = inner.rows(RunKey("t", list_runs(inner, "t")[0]))
    assert not any(b"secret word" in (row.head + (row.value or b"")) for row in rows)


def test_hostile_and_endless_texts_fail_nothing(flow: Flavour) -> None:
    @flow.task
    def work() -> int:
        say("\x00\x1b[2J\u202e\ud800 </script>", stream=Swallows())
        sys.stdout.write("\x00\x1b[2J\u202e </script>\n")
        for _ in range(200):
            sys.stderr.write("x" * 10_000)
        return 1

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield work())

    assert flow.invoke(body, 1) == 1
    text = outputs(flow.saver)["0.0"]
    assert text.startswith("\x00\u202e </script>\nxxx")
    assert len(text) < 45_000
    assert "characters were not kept" in text


class Swallows(io.StringIO):
    """A stream of the user's own, which nobody hears."""


def test_who_comes_before_the_loggers_meanwhile_stays_there(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a tool that watches logs, and calls what it found."""
    seen: list[str] = []
    found: list[Any] = []

    def watch(logger: logging.Logger, record: logging.LogRecord) -> None:
        seen.append(record.getMessage())
        found[0](logger, record)

    @flow.entrypoint
    def body(n: int) -> None:
        if not found:
            found.append(logging.Logger.handle)
            logging.Logger.handle = watch  # type: ignore[assignment,method-assign]  # as such tools do
        LOGGER.warning("log %s", n)

    before = logging.Logger.handle, logging.StreamHandler.emit
    with monkeypatch.context() as patch:
        patch.setattr(logging.Logger, "handle", logging.Logger.handle)  # which is there again afterwards
        for n in range(3):
            flow.invoke(body, n, f"thread {n}")
        assert logging.Logger.handle is watch
    assert seen == ["log 0", "log 1", "log 2"]
    flow.invoke(body, 3, "thread 3")
    assert before == (logging.Logger.handle, logging.StreamHandler.emit)


def test_the_streams_are_left_as_they_were(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> None:
        say("here")

    before = sys.stdout, sys.stderr, logging.Logger.handle, logging.StreamHandler.emit
    flow.invoke(body, 1)
    assert before == (sys.stdout, sys.stderr, logging.Logger.handle, logging.StreamHandler.emit)
