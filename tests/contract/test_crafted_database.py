"""A file that somebody has tampered with: opening it imports nothing and calls nothing."""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import pytest
from msgspec.msgpack import Ext

from nbflow import SqliteSaver, entrypoint, read_run, task, threads
from nbflow.checkpoint.rows import _MARK
from nbflow.codec import Unloadable, codes
from nbflow.errors import CorruptValueError, NbflowError
from tests.contract.crafting import reseal

ROOT = Path(__file__).parents[2]
CONFIG: Any = {"configurable": {"thread_id": "t"}}
NAMES = ["os:system", "subprocess:run", "builtins:exec", "antigravity:fly", "this:s", "tests.contract.bait:Bait"]


@task
def step(n: int) -> Any:
    return {"n": n}


def flow_in(saver: SqliteSaver) -> Any:
    @entrypoint(checkpointer=saver)
    def body(n: int) -> Any:
        return step(n).result()

    return body


def crafted(code: int, name: str) -> bytes:
    encode = msgspec.msgpack.encode
    return encode(Ext(code, encode([name, ["touch /tmp/nbflow-was-here"]])))


def tamper(path: Path, kind: str, value: bytes) -> None:
    """Put another value into the records of a kind, with the checksum that belongs to it."""
    connection = sqlite3.connect(path)
    for key, head in connection.execute("SELECT id, head FROM records WHERE kind = ?", (kind,)).fetchall():
        plain = head[5:]
        checksum = crc32(value, crc32(plain)).to_bytes(4, "big")
        connection.execute(
            "UPDATE records SET head = ?, value = ? WHERE id = ?", (_MARK + checksum + plain, value, key)
        )
    connection.commit()
    connection.close()
    reseal(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:
        flow_in(saver).invoke(1, CONFIG)
    return tmp_path / "runs.db"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("code", sorted(codes.CLASS_CODES))
@pytest.mark.parametrize("kind", ["RunStarted", "CallReturned", "RunReturned"])
def test_what_a_value_names_is_neither_imported_nor_called(path: Path, kind: str, code: int, name: str) -> None:
    tamper(path, kind, crafted(code, name))
    before = set(sys.modules)
    with SqliteSaver.from_conn_string(path) as saver:
        values = []
        for record in read_run(saver, "t"):
            try:
                values.append(record.value and record.value.get())
            except CorruptValueError:
                values.append(Unloadable)
        list(flow_in(saver).get_state_history(CONFIG))
        threads(saver)
    assert not Path("/tmp/nbflow-was-here").exists()
    assert not {module for module in set(sys.modules) - before if module.partition(".")[0] != "nbflow"}
    assert len(values) == 5  # of the input, two sources, two results


class Boom:
    def __reduce__(self) -> Any:
        return (subprocess.run, (["touch", "/tmp/nbflow-was-here"],))


@pytest.mark.parametrize("payload", [pickle.dumps(Boom()), b"\x80\x04N.", b"", b"\xc1", b"\xff" * 100, bytes(5000)])
def test_bytes_of_another_format_are_told(path: Path, payload: bytes) -> None:
    tamper(path, "RunReturned", payload)
    with SqliteSaver.from_conn_string(path) as saver:
        (record,) = read_run(saver, "t", last=1)
        try:
            value = record.value.get() if record.value is not None else None
        except NbflowError:
            value = Unloadable
        assert value is Unloadable or not isinstance(value, Boom)
    assert not Path("/tmp/nbflow-was-here").exists()


def test_heads_that_make_no_sense_are_told(path: Path) -> None:
    for head in (b"", b"\x00", b"\xc1", msgspec.msgpack.encode({"type": "RunStarted"}), pickle.dumps(Boom())):
        connection = sqlite3.connect(path)
        connection.execute("UPDATE records SET head = ? WHERE kind = 'RunReturned'", (head,))
        connection.commit()
        connection.close()
        reseal(path)
        with SqliteSaver.from_conn_string(path) as saver, pytest.raises(NbflowError):
            flow_in(saver).get_state(CONFIG)


def test_a_type_that_is_only_here_is_not_found_by_a_fresh_process(path: Path) -> None:
    """Even a module that could be imported is not."""
    tamper(path, "RunReturned", crafted(min(codes.CLASS_CODES), "wave:open"))
    code = (
        "import sys, nbflow\n"
        f"saver = nbflow.SqliteSaver({str(path)!r}, read_only=True)\n"
        "record = nbflow.read_run(saver, 't', last=1)[0]\n"
        "try: record.value.get()\n"
        "except nbflow.NbflowError: pass\n"
        "print('wave' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
