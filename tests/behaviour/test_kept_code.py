"""The code that ran is kept with the run: as it was written, once, for as long as a run names it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, SqliteSaver, entrypoint, interrupt, list_runs, read_run, task
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.encrypted import AesCipher, EncryptedSaver
from nbflow.core.record import KINDS, CodeKept, of_kind
from nbflow.fingerprint.sources import MOST
from nbflow.views.code import code_of
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def texts(saver: Any, run_id: str | None = None, thread: str = "t") -> dict[str, list[str]]:
    """Return what is kept of a run by name."""
    found: dict[str, list[str]] = {}
    for code in code_of(read_run(saver, thread, run_id)).kept.values():
        found.setdefault(code.name, []).append(code.text)
    return found


def counted(path: Path, table: str = "blobs") -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


def test_it_is_kept_as_it_was_written_once_for_all_calls(flow: Flavour) -> None:
    @flow.task
    def double(n: int) -> int:
        # a comment that a reader wants
        return 2 * n

    @flow.entrypoint
    def body(n: int) -> Any:
        found = yield [double(k) for k in range(n)]
        return sum(found)

    assert flow.invoke(body, 5) == 20
    kept = texts(flow.saver)
    assert set(kept) == {"double", "body"}
    assert [len(found) for found in kept.values()] == [1, 1]
    text = kept["double"][0]
    assert text.startswith("@flow.task\ndef double(n: int) -> int:\n    # a comment that a reader wants\n"), "dedented"


@pytest.mark.runs_once("who listens from outside may meet an execution that is being dropped")
def test_a_live_run_has_in_its_log_what_is_stored(flow: Flavour) -> None:
    @flow.task
    def one() -> int:
        return 1

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield one())

    heard: list[Any] = []
    run = body.start(0, CONFIG)
    run.listen(heard.append)
    run.result()
    stored = [type(record).__name__ for record in read_run(flow.saver, "t")]
    assert [type(record).__name__ for record in run.log if type(record).__name__ in KINDS] == stored
    assert stored == ["RunStarted", "CodeKept", "CodeKept", "CallReturned", "RunReturned"]
    assert len(of_kind(heard, CodeKept)) == 2


def test_a_body_that_was_changed_in_a_pause_is_kept_beside_the_first(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("?")

    flow.invoke(body, 0)
    flow.invoke(body, None)

    @flow.entrypoint(name="body")
    def other(_: int) -> Any:
        return [interrupt("?")]

    assert flow.invoke(other, Command(resume="yes")) == ["yes"]
    first, second = texts(flow.saver)["body"]
    assert "return interrupt" in first
    assert "return [interrupt" in second
    records = read_run(flow.saver, "t")
    shown = code_of(records).of(records[:1])
    assert shown is not None
    assert shown.text == second, "the body is shown as it ran last"


def test_forks_copies_and_reuse_take_the_code_along(flow: Flavour) -> None:
    @flow.task
    def first() -> int:
        return 1

    @flow.task
    def second(n: int) -> int:
        return n + 1

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield second((yield first())))

    flow.invoke(body, 0)
    origin = list_runs(flow.saver, "t")[0]
    body.fork(CONFIG, at="0.1").result()
    flow.invoke(body, 0, reuse=True)
    reused, forked, _ = list_runs(flow.saver, "t")
    saver: Any = flow.saver
    saver.copy_thread("t", "copy")
    saver.delete_for_runs([origin])
    for run_id, thread in ((forked, "t"), (reused, "t"), (forked, "copy")):
        assert set(texts(flow.saver, run_id, thread)) == {"first", "second", "body"}


def test_a_fork_of_a_run_without_code_keeps_what_runs_in_it(flow: Flavour) -> None:
    @flow.task
    def step(n: int) -> int:
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        first = yield step(1)
        return first + (yield step(2))

    flow.invoke(body, 0)
    saver: Any = flow.saver
    key = RunKey("old", list_runs(saver, "t")[0])
    rows = [row for row in saver.rows(RunKey("t", key.run_id)) if row.kind != "CodeKept"]
    saver.append(key, [row._replace(seq=number) for number, row in enumerate(rows)], "an earlier nbflow")
    saver.release("old", "an earlier nbflow")
    config: Any = {"configurable": {"thread_id": "old"}}
    assert texts(saver, thread="old") == {}
    assert body.fork(config, at="0.1").result() == 3
    assert set(texts(saver, thread="old")) == {"body", "step"}


def test_two_tasks_with_the_same_version_keep_each_its_own() -> None:
    saver = InMemorySaver()

    @task(version="1")
    def one() -> int:
        return 1

    @task(version="1")
    def two() -> int:
        return 2

    @entrypoint(checkpointer=saver)
    def body(_: int) -> int:
        return one().result() + two().result()

    body.invoke(0, CONFIG)
    kept = texts(saver)
    assert "return 1" in kept["one"][0]
    assert "return 2" in kept["two"][0]


def test_many_runs_share_it_in_a_file_and_in_memory(tmp_path: Path) -> None:
    def runs(saver: Any) -> None:
        @task
        def one() -> int:
            return 1

        @entrypoint(checkpointer=saver)
        def body(_: int) -> int:
            return one().result()

        for number in range(4):
            body.invoke(0, {"configurable": {"thread_id": str(number)}})

    path = tmp_path / "runs.db"
    saver = SqliteSaver(path)
    runs(saver)
    assert counted(path) == 2
    saver.delete_thread("0")
    assert counted(path) == 2
    saver.prune(["1", "2", "3"], strategy="delete")
    assert counted(path) == 0
    saver.close()
    memory = InMemorySaver()
    runs(memory)
    raw = {
        id(record.value.raw) for n in range(4) for record in of_kind(read_run(memory, str(n)), CodeKept) if record.value
    }
    assert len(raw) == 2


def test_it_is_encrypted_like_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    inner = SqliteSaver(path)
    saver = EncryptedSaver(inner, AesCipher(b"0123456789abcdef"))

    @entrypoint(checkpointer=saver)
    def body(_: int) -> str:
        return "the word swordfish"

    body.invoke(0, CONFIG)
    assert "swordfish" in texts(saver)["body"][0]
    inner.vacuum()
    saver.close()
    assert b"swordfish" not in path.read_bytes()


def test_what_can_not_be_read_fails_nothing_and_what_is_long_is_cut() -> None:
    saver = InMemorySaver()
    space: dict[str, Any] = {"task": task}
    exec("@task\ndef hidden(n: int) -> int:\n    return n\n", space)
    hidden = space["hidden"]
    namespace: dict[str, Any] = {}
    long = f"def endless(n):\n    text = '''{'x' * 200_000}'''\n    return n\n"
    import linecache

    linecache.cache["<long>"] = (len(long), None, long.splitlines(keepends=True), "<long>")
    exec(compile(long, "<long>", "exec"), namespace)
    endless = task(namespace["endless"])

    @entrypoint(checkpointer=saver)
    def body(n: int) -> Any:
        return hidden(n).result() + endless(n).result()

    assert body.invoke(1, CONFIG) == 2
    kept = texts(saver)
    assert "hidden" not in kept
    assert MOST < len(kept["endless"][0]) < MOST + 100
    records = read_run(saver, "t")
    [call] = [record for record in records if getattr(record, "name", "") == "hidden"]
    told = code_of(records).of([call])
    assert told is not None
    assert told.text == ""


def test_nothing_is_kept_without_a_checkpointer() -> None:
    @entrypoint()
    def body(n: int) -> int:
        return n

    run = body.start(1)
    run.result()
    assert of_kind(run.log, CodeKept) == []


def test_a_source_that_somebody_replaced_is_not_shown(tmp_path: Path) -> None:
    saver = InMemorySaver()

    @entrypoint(checkpointer=saver)
    def body(n: int) -> int:
        return n

    body.invoke(1, CONFIG)
    records = read_run(saver, "t")
    for value in ({"a": 1}, b"bytes", None):
        records[1].value = nbflow.core.record.Value(value)
        assert [code.text for code in code_of(records).kept.values()] == [""]
