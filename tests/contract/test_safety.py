"""What is stored is what was written, or it is said; and nobody reads what is encrypted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, SqliteSaver, entrypoint, interrupt, task
from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.checkpoint.encrypted import AesCipher, EncryptedSaver
from nbflow.errors import CorruptRunError, CorruptValueError, InvalidOptionError, NewerFormatError
from tests.contract.crafting import change, reseal

CONFIG: Any = {"configurable": {"thread_id": "t", "customer": "ada lovelace"}}


@task
def secret_step(word: str) -> str:
    return word * 2


def flow_in(saver: BaseCheckpointSaver) -> Any:
    @entrypoint(checkpointer=saver)
    def secret_flow(word: str) -> Any:
        return secret_step(word).result(), interrupt({"question": f"is {word} right?"})

    return secret_flow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def test_bytes_that_are_no_text_are_told(path: Path) -> None:
    with SqliteSaver.from_conn_string(path) as saver:
        flow_in(saver).invoke("word", CONFIG)
    change(path, "UPDATE records SET path = CAST(x'ff00ff' AS TEXT) WHERE kind = 'CallReturned'")
    with SqliteSaver.from_conn_string(path) as saver, pytest.raises(CorruptRunError, match="no text"):
        flow_in(saver).get_state(CONFIG)


def test_a_damaged_value_is_told_with_its_place(path: Path) -> None:
    with SqliteSaver.from_conn_string(path) as saver:
        flow_in(saver).invoke("word", CONFIG)
    change(path, "UPDATE records SET value = CAST(value || x'00' AS BLOB) WHERE kind = 'CallReturned'")
    with (
        SqliteSaver.from_conn_string(path) as saver,
        pytest.raises(CorruptRunError, match=r"record 3 of run .* on thread 't' is damaged: its checksum is wrong"),
    ):
        flow_in(saver).invoke(Command(resume=1), CONFIG)


def test_a_record_of_a_later_version_is_told(path: Path) -> None:
    with SqliteSaver.from_conn_string(path) as saver:
        flow_in(saver).invoke("word", CONFIG)
    change(path, "UPDATE records SET kind = 'CallDreamt' WHERE kind = 'CallReturned'")
    reseal(path)
    with SqliteSaver.from_conn_string(path) as saver, pytest.raises(NewerFormatError, match="CallDreamt"):
        flow_in(saver).invoke(None, CONFIG)


@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize("backend", ["memory", "sqlite"])
def test_an_encrypted_thread_goes_on(path: Path, size: int, backend: str) -> None:
    inner: Any = InMemorySaver() if backend == "memory" else SqliteSaver(path)
    cipher = AesCipher(os.urandom(size))
    flow_in(EncryptedSaver(inner, cipher)).invoke("word", CONFIG)
    again = flow_in(EncryptedSaver(inner, cipher))
    assert again.invoke(Command(resume="yes"), CONFIG) == ("wordword", "yes")
    assert again.get_state(CONFIG).values == ("wordword", "yes")
    assert [one.metadata["customer"] for one in again.get_state_history(CONFIG)] == ["ada lovelace"] * 3


def test_nothing_of_a_run_can_be_read_from_the_file(path: Path) -> None:
    saver = EncryptedSaver(SqliteSaver(path), AesCipher(b"k" * 32))
    flow_in(saver).invoke("xylophone", CONFIG)
    saver.close()
    held = path.read_bytes()
    for word in (b"xylophone", b"ada lovelace", b"secret_step", b"secret_flow", b"question"):
        assert word not in held


def test_another_key_reads_nothing(path: Path) -> None:
    saver = SqliteSaver(path)
    flow_in(EncryptedSaver(saver, AesCipher(b"a" * 32))).invoke("word", CONFIG)
    with pytest.raises(CorruptValueError, match="another key"):
        flow_in(EncryptedSaver(saver, AesCipher(b"b" * 32))).get_state(CONFIG)


def test_a_row_that_was_moved_is_refused(path: Path) -> None:
    saver = EncryptedSaver(SqliteSaver(path), AesCipher(b"a" * 32))
    flow_in(saver).invoke("word", CONFIG)
    change(path, "UPDATE runs SET thread_id = 'other'")
    with pytest.raises(CorruptRunError, match="table of runs was changed"):
        flow_in(saver).get_state({"configurable": {"thread_id": "other"}})
    reseal(path)
    with pytest.raises(CorruptValueError, match="moved"):
        flow_in(saver).get_state({"configurable": {"thread_id": "other"}})


def test_the_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_AES_KEY", "0123456789abcdef")
    saver = EncryptedSaver(InMemorySaver())
    flow_in(saver).invoke("word", CONFIG)
    assert flow_in(saver).invoke(Command(resume=1), CONFIG) == ("wordword", 1)


@pytest.mark.parametrize("key", [b"", b"short", "text of 16 bytes"])
def test_a_key_of_the_wrong_size_is_refused(key: Any) -> None:
    with pytest.raises(InvalidOptionError, match=r"os\.urandom\(32\)"):
        AesCipher(key)
