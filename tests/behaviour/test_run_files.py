"""A run as a file: written whole, without secrets, read back anywhere, and gone on with."""

from __future__ import annotations

import dataclasses
import os
import re
import zipfile
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import numpy as np
import pandas as pd
import pytest

import nbflow
from nbflow import Command, InMemorySaver, SqliteSaver, export_run, import_run, interrupt, list_runs, read_run
from nbflow.archive import container, masking
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.encrypted import EncryptedSaver
from nbflow.core.record import KINDS
from nbflow.errors import (
    CorruptFileError,
    DiskFullError,
    InvalidOptionError,
    NewerFormatError,
    ReadOnlyFileError,
    StorageError,
    ThreadBusyError,
)
from nbflow.graph import END, START, StateGraph
from tests.behaviour.flavours import Flavour

SECRET = "sk-2f9a77c1d0e84b"
CONFIG: Any = {"configurable": {"thread_id": "t"}}
BIG = "".join(chr(65 + number * number % 57) for number in range(50_000))


def asking(flow: Flavour) -> tuple[Any, list[str]]:
    ran: list[str] = []

    @flow.task
    def fetch(topic: str) -> dict[str, Any]:
        ran.append(topic)
        return {"topic": topic, "text": BIG}

    @flow.entrypoint
    def body(topic: str, *, previous: Any = None) -> Any:
        found = yield fetch(topic)
        answer = interrupt(f"good enough, {found['topic']}?")
        return [answer, found["topic"], previous]

    return body, ran


def elsewhere(flow: Flavour) -> Flavour:
    return Flavour(flow.name, InMemorySaver())


def rows_of(saver: Any, thread: str = "t") -> list[Any]:
    return [saver.rows(RunKey(thread, run_id)) for run_id in list_runs(saver, thread)]


def test_a_run_goes_on_from_a_file(flow: Flavour, tmp_path: Path) -> None:
    body, ran = asking(flow)
    flow.invoke(body, "cats")
    path = export_run(flow.saver, "t", tmp_path / "run.nbf")
    other = elsewhere(flow)
    assert import_run(other.saver, path) == "t"
    assert rows_of(other.saver) == rows_of(flow.saver)
    again, ran_again = asking(other)
    assert other.invoke(again, Command(resume="yes")) == ["yes", "cats", None]
    assert (ran, ran_again) == (["cats"], [])


def test_all_runs_of_a_thread_are_in_it_and_stay_a_thread(flow: Flavour, tmp_path: Path) -> None:
    body, _ = asking(flow)
    for topic in ("cats", "dogs"):
        flow.invoke(body, topic)
        flow.invoke(body, Command(resume=topic.upper()))
    body.fork(CONFIG, at="0.0").result()
    path = export_run(flow.saver, "t", tmp_path / "run.nbf")
    other = elsewhere(flow)
    import_run(other.saver, path)
    assert list_runs(other.saver, "t") == list_runs(flow.saver, "t")
    again, ran = asking(other)
    assert [one.config for one in again.get_state_history(CONFIG)] == [
        one.config for one in body.get_state_history(CONFIG)
    ]
    assert other.invoke(again, Command(resume=1)) == [1, "dogs", ["CATS", "cats", None]]
    assert ran == []


def test_one_run_takes_along_what_it_needs(flow: Flavour, tmp_path: Path) -> None:
    body, _ = asking(flow)
    for topic in ("cats", "dogs", "birds"):
        flow.invoke(body, topic)
        flow.invoke(body, Command(resume=topic.upper()))
    *_, dogs, _cats = runs = list_runs(flow.saver, "t")
    path = export_run(flow.saver, "t", tmp_path / "run.nbf", run_id=runs[0])
    other = elsewhere(flow)
    import_run(other.saver, path)
    assert list_runs(other.saver, "t") == [runs[0], dogs]
    again, _ = asking(other)
    forked = again.fork(CONFIG, at="0.0")
    forked.result()
    assert forked.resume("no").result() == ["no", "birds", ["DOGS", "dogs", ["CATS", "cats", None]]]


def test_it_is_seen_without_its_workflow(flow: Flavour, tmp_path: Path) -> None:
    body, _ = asking(flow)
    flow.invoke(body, "cats")
    saver = InMemorySaver()
    import_run(saver, export_run(flow.saver, "t", tmp_path / "run.nbf"), thread_id="theirs")
    (info,) = nbflow.threads(saver)
    assert (info.thread_id, info.workflow, info.status) == ("theirs", "body", "asking")
    assert nbflow.record_answer(saver, "theirs", "fine") == 0
    started = read_run(saver, "theirs")[0]
    assert getattr(started, "thread_id", None) == "theirs"
    assert "def fetch" in str([one.get() for one in read_run(saver, "theirs") if type(one).__name__ == "CodeKept"])


def test_two_names_are_two_threads(flow: Flavour, tmp_path: Path) -> None:
    body, _ = asking(flow)
    flow.invoke(body, "cats")
    path = export_run(flow.saver, "t", tmp_path / "run.nbf")
    import_run(flow.saver, path, thread_id="a")
    assert flow.invoke(body, Command(resume=1), thread="a") == [1, "cats", None]
    assert body.last_run(CONFIG).status == "asking"


def test_a_graph_goes_on_too(flow: Flavour, tmp_path: Path) -> None:
    class State(TypedDict, total=False):
        words: list[str]

    def build(other: Flavour) -> Any:
        builder = StateGraph(State)
        builder.add_node("one", other.node(lambda state: {"words": ["one"]}))
        builder.add_node("ask", other.node(lambda state: {"words": [*state["words"], interrupt("word?")]}))
        builder.add_edge(START, "one")
        builder.add_edge("one", "ask")
        builder.add_edge("ask", END)
        return other.compile(builder)

    flow.invoke(build(flow), {})
    path = export_run(flow.saver, "t", tmp_path / "run.nbf", redact=lambda value: value)
    other = elsewhere(flow)
    import_run(other.saver, path)
    assert other.invoke(build(other), Command(resume="two")) == {"words": ["one", "two"]}


def test_the_file_is_a_private_zip_of_checked_parts(flow: Flavour, tmp_path: Path) -> None:
    body, _ = asking(flow)
    flow.invoke(body, "cats")
    flow.invoke(body, Command(resume=1))
    body.fork(CONFIG, at="0.0").result()
    path = export_run(flow.saver, "t", tmp_path / "run.nbf")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        manifest = msgspec.json.decode(archive.read("manifest.json"))
    assert names[:2] == ["mimetype", "manifest.json"]
    assert {"runs/1.msgpack", "runs/2.msgpack"} < {*names}
    assert sum(name.startswith("values/") for name in names) == 1  # once, in both runs
    assert [run["status"] for run in manifest["runs"]] == ["done", "asking"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.glob("*run.nbf*")] == ["run.nbf"]
    first = path.read_bytes()
    assert export_run(flow.saver, "t", path, overwrite=True).read_bytes() == first


def test_what_was_encrypted_is_readable_in_the_file(tmp_path: Path) -> None:
    os.environ.setdefault("NBFLOW_AES_KEY", "k" * 32)
    flow = Flavour("sync", EncryptedSaver(InMemorySaver()))
    body, _ = asking(flow)
    flow.invoke(body, "cats")
    target = EncryptedSaver(InMemorySaver())
    import_run(target, export_run(flow.saver, "t", tmp_path / "run.nbf"))
    again, ran = asking(Flavour("sync", target))
    assert again.invoke(Command(resume=1), CONFIG) == [1, "cats", None]
    assert ran == []


def test_a_run_that_is_worked_on_is_written_as_far_as_it_is(flow: Flavour, tmp_path: Path) -> None:
    seen: list[str] = []
    other = InMemorySaver()

    @flow.task
    def look() -> None:
        import_run(other, export_run(flow.saver, "t", tmp_path / "run.nbf"))
        seen.append(nbflow.threads(other)[0].status)

    @flow.entrypoint
    def body(_: int) -> Any:
        yield look()

    flow.invoke(body, 1)
    assert seen == ["crashed"]


# Secrets


@dataclasses.dataclass
class Login:
    user: str
    api_key: str


def secretive(flow: Flavour) -> Any:
    @flow.task
    def fetch(login: Any, *, api_key: str) -> Any:
        print(f"calling with {api_key}")  # noqa: T201  # what is printed is kept
        table = pd.DataFrame({"user": ["ada"], "api_key": [SECRET]})
        return {"login": Login("ada", SECRET), "API-Key": SECRET, "table": table, "names": np.array([SECRET])}

    @flow.task
    def fails(key: str) -> None:
        raise ValueError(f"no entry for {key}")

    @flow.entrypoint
    def body(given: dict[str, str]) -> Any:
        found = yield fetch(given["api_key"], api_key=given["api_key"])
        try:
            yield fails(given["api_key"])
        except ValueError:
            pass
        answer = interrupt({"question": "go on?", "token": given["api_key"]})
        return [answer, found["login"].user, f"Bearer {given['api_key']}"]

    return body


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(SECRET, "***")
    if isinstance(value, dict):
        return {key: _scrubbed(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_scrubbed(one) for one in value)
    if isinstance(value, Login):
        return Login(value.user, "***")
    if isinstance(value, pd.DataFrame):
        return value.replace(SECRET, "***")
    if isinstance(value, np.ndarray):
        return "***"
    return value


@pytest.mark.parametrize(
    "redact",
    [
        ["api_key", "token"],
        "*key*",
        [re.compile(r"sk-\w+")],
        re.compile(r"sk-[0-9a-f]+"),
        _scrubbed,
    ],
    ids=["names", "glob", "patterns", "pattern", "function"],
)
def test_no_secret_is_in_the_file(flow: Flavour, tmp_path: Path, redact: Any) -> None:
    body = secretive(flow)
    config = {"configurable": {"thread_id": "t"}, "metadata": {"api_key": SECRET, "team": "red"}}
    flow.invoke(body, {"api_key": SECRET}, config=config)
    flow.invoke(body, Command(resume=f"with {SECRET}"))
    path = export_run(flow.saver, "t", tmp_path / "run.nbf", redact=redact)
    for data in parts_of(path):
        assert SECRET.encode() not in data.replace(b"\0", b"")
    saver = InMemorySaver()
    import_run(saver, path)
    records: list[Any] = [*read_run(saver, "t")]
    assert SECRET not in repr([one.get() for one in records])
    assert records[0].metadata["team"] == "red"
    assert "***" in repr(records)
    (fetched,) = [one for one in records if getattr(one, "name", "") == "fetch" and one.value is not None][-1:]
    assert getattr(fetched, "inputs", b"") == b""


def parts_of(path: Path) -> list[bytes]:
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def test_names_mask_columns_and_fields_and_leave_the_rest(flow: Flavour, tmp_path: Path) -> None:
    body = secretive(flow)
    flow.invoke(body, {"api_key": SECRET})
    saver = InMemorySaver()
    import_run(saver, export_run(flow.saver, "t", tmp_path / "run.nbf", redact="api_key"))
    fetched: Any = next(one.get() for one in read_run(saver, "t") if type(one).__name__ == "CallReturned")
    assert fetched["login"] == Login("ada", "***")
    assert fetched["table"].to_dict("list") == {"user": ["ada"], "api_key": ["***"]}
    assert (fetched["API-Key"], fetched["names"]) == ("***", "***")


def test_a_masked_run_is_gone_on_with(flow: Flavour, tmp_path: Path) -> None:
    body = secretive(flow)
    flow.invoke(body, {"api_key": SECRET})
    other = elsewhere(flow)
    import_run(other.saver, export_run(flow.saver, "t", tmp_path / "run.nbf", redact=["api_key"]))
    again = secretive(other)
    # the question shows another token than it did, so it is another question
    assert other.invoke(again, None)["__interrupt__"][0].value == {"question": "go on?", "token": "***"}
    assert other.invoke(again, Command(resume="yes")) == ["yes", "ada", "Bearer ***"]


def test_secrets_that_are_cut_off_in_short_texts_are_found(flow: Flavour, tmp_path: Path) -> None:
    long = "sk-" + "0123456789abcdef" * 5

    @flow.task
    def use(key: str) -> dict[str, str]:
        return {"key": key}

    @flow.entrypoint
    def body(given: str) -> Any:
        yield use(given)

    flow.invoke(body, long)
    path = export_run(flow.saver, "t", tmp_path / "run.nbf", redact=["key"])
    assert not any(b"sk-0123" in data for data in parts_of(path))


def test_every_field_of_a_record_is_a_name_or_is_masked() -> None:
    names = {
        "path", "at", "copied", "value",  # of all: where and when; the value is masked
        "run_id", "thread_id", "workflow", "prior", "parent", "step", "code", "reuses", "format", "source", "origin",
        "kind", "name", "point", "saved", "cached", "ids", "recorded", "until", "attempt", "replayed", "wait",
        "started", "inputs", "edges", "branch", "reused", "lineage", "changed", "count", "begun", "keeps_errors",
        "survived", "cancelled", "whole", "alone", "misses", "timers", "call", "ns", "is_new", "mode", "id",
        "ordinal", "expires", "rules", "rejected", "expired", "dropped", "taken", "next", "made_with", "requested",
        "of", "earlier",  # stored as a value of its own
    }  # fmt: skip
    of_all = {name for kind in KINDS.values() for name in kind.__struct_fields__}
    failed_place = {"place"}  # a number in CallFailed, a text in CodeKept
    assert of_all - names == (masking.TEXTS | masking.PARTS) - (failed_place - of_all)


@pytest.mark.parametrize("redact", [[], [""], 3, b"key", {"key": 1}, ["key", 3], [re.compile(b"x")]])
def test_bad_masks_are_told(flow: Flavour, tmp_path: Path, redact: Any) -> None:
    body, _ = asking(flow)
    flow.invoke(body, "cats")
    with pytest.raises(InvalidOptionError, match="redact"):
        export_run(flow.saver, "t", tmp_path / "run.nbf", redact=redact)
    assert not (tmp_path / "run.nbf").exists()


def test_a_mask_that_fails_leaves_no_file(flow: Flavour, tmp_path: Path) -> None:
    body, _ = asking(flow)
    flow.invoke(body, "cats")
    with pytest.raises(ZeroDivisionError):
        export_run(flow.saver, "t", tmp_path / "run.nbf", redact=lambda value: 1 / 0)
    assert not [*tmp_path.glob("*nbf*")]


# What goes wrong


@pytest.fixture
def path(flow: Flavour, tmp_path: Path) -> Path:
    body, _ = asking(flow)
    flow.invoke(body, "cats")
    return export_run(flow.saver, "t", tmp_path / "run.nbf")


def test_a_thread_or_run_that_is_not_there(flow: Flavour, path: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match=r"thread_id is 'tt', .* \(did you mean 't'\?\)"):
        export_run(flow.saver, "tt", tmp_path / "other.nbf")
    with pytest.raises(InvalidOptionError, match="run_id is 'nope'"):
        export_run(flow.saver, "t", tmp_path / "other.nbf", run_id="nope")
    assert not (tmp_path / "other.nbf").exists()


def test_a_file_that_is_there_is_kept(flow: Flavour, path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(InvalidOptionError, match="overwrite=True"):
        export_run(flow.saver, "t", path)
    assert path.read_text() == "mine"
    export_run(flow.saver, "t", path, overwrite=True)
    import_run(InMemorySaver(), path)


def test_places_that_can_not_be_written(flow: Flavour, path: Path, tmp_path: Path, monkeypatch: Any) -> None:
    for place, problem in [(tmp_path / "no" / "run.nbf", "make the folder"), (tmp_path, "it is a folder")]:
        with pytest.raises(StorageError, match=problem):
            export_run(flow.saver, "t", place)
    for number, kind in [(13, ReadOnlyFileError), (30, ReadOnlyFileError), (28, DiskFullError), (5, StorageError)]:

        def refuse(*_: Any, number: int = number) -> None:
            raise OSError(number, "refused")

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(kind):
            export_run(flow.saver, "t", tmp_path / "other.nbf")
    assert [one.name for one in tmp_path.glob("*nbf*")] == ["run.nbf"]


def test_a_thread_that_is_there_is_kept(flow: Flavour, path: Path) -> None:
    before = rows_of(flow.saver)
    with pytest.raises(InvalidOptionError, match="that thread has runs; name another one"):
        import_run(flow.saver, path)
    for name in ("", "\ud800", 3):
        with pytest.raises(InvalidOptionError, match="thread_id"):
            import_run(flow.saver, path, thread_id=name)  # type: ignore[arg-type]  # as users may
    assert rows_of(flow.saver) == before


def test_a_thread_that_somebody_works_on_is_left_to_them(path: Path) -> None:
    saver = InMemorySaver()
    saver.lease("t", "somebody")
    with pytest.raises(ThreadBusyError):
        import_run(saver, path)


def test_a_checkpointer_that_may_only_be_read(path: Path, tmp_path: Path) -> None:
    SqliteSaver(tmp_path / "other.db").close()
    saver = SqliteSaver(tmp_path / "other.db", read_only=True)
    with pytest.raises(ReadOnlyFileError):
        import_run(saver, path)
    assert saver.thread_ids() == []
    saver.close()


def test_any_damage_is_told_and_nothing_is_done(path: Path) -> None:
    whole = path.read_bytes()
    saver = InMemorySaver()
    for size in (0, 1, 10, 60, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CorruptFileError):
            import_run(saver, path)
    for at in range(0, len(whole), max(1, len(whole) // 400)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            import_run(saver, path, thread_id=f"t{at}")  # a time in the zip's own headers means nothing
        except CorruptFileError:
            assert f"t{at}" not in saver.thread_ids()
        else:
            assert len(list_runs(saver, f"t{at}")) == 1
            assert [row[:3] for row in rows_of(saver, f"t{at}")[0]]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"SQLite format 3\0" + b"\0" * 100, r"SqliteSaver\(path\) opens it"),
        (b"", "it is empty"),
        (b"hello", "no file that export_run"),
        (b"PK\x03\x04" + b"x" * 100, "no file that export_run"),
    ],
)
def test_foreign_files_are_told(tmp_path: Path, data: bytes, problem: str) -> None:
    (tmp_path / "x.nbf").write_bytes(data)
    with pytest.raises(CorruptFileError, match=problem):
        import_run(InMemorySaver(), tmp_path / "x.nbf")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no such file"):
        import_run(InMemorySaver(), tmp_path / "x.nbf")
    with pytest.raises(StorageError, match="it is a folder"):
        import_run(InMemorySaver(), tmp_path)


def test_newer_formats_are_told(path: Path, monkeypatch: Any, flow: Flavour, tmp_path: Path) -> None:
    saver = InMemorySaver()
    monkeypatch.setattr(container, "FORMAT", 2)
    export_run(flow.saver, "t", path, overwrite=True)
    monkeypatch.setattr(container, "FORMAT", 1)
    with pytest.raises(NewerFormatError, match=r"format 2, .* up to 1"):
        import_run(saver, path)
    rows = rows_of(flow.saver)
    later = [rows[0][0], *(row._replace(kind="Dreamt") for row in rows[0][1:])]
    told = container.Told(run_id=list_runs(flow.saver, "t")[0], workflow="body", status="done", rows=len(later))
    container.write(path, container.Contents("t", [told], [later]), may_replace=lambda: True)
    with pytest.raises(NewerFormatError, match=r"run\.nbf: a record of kind 'Dreamt'"):
        import_run(saver, path)
    assert saver.thread_ids() == []


def test_runs_that_are_not_what_they_say_are_told(flow: Flavour, path: Path) -> None:
    (rows,) = rows_of(flow.saver)
    (run_id,) = list_runs(flow.saver, "t")
    told = container.Told(run_id=run_id, workflow="body", status="done", rows=len(rows))
    bad: list[tuple[Any, Any]] = [
        ([told], [rows[1:]]),
        ([told, told], [rows, rows]),
        ([{**told, "run_id": "other"}], [rows]),
        ([{**told, "rows": 2}], [rows]),
        ([told], [[rows[0], rows[1]._replace(head=rows[1].head[:-1]), *rows[2:]]]),
        ([], []),
    ]
    for listed, stored in bad:
        container.write(path, container.Contents("t", listed, stored), may_replace=lambda: True)
        saver = InMemorySaver()
        with pytest.raises(CorruptFileError):
            import_run(saver, path)
        assert saver.thread_ids() == []
