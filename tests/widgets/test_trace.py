"""``%nbflow trace``: a JSON file for Perfetto."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nbflow_widgets
from nbflow import InMemorySaver, entrypoint, task
from tests.unit.test_views_trace import check
from tests.widgets.conftest import Shell


def test_the_magic_writes_a_trace(shell: Shell) -> None:
    shell.run("%%entrypoint --thread demo --input 1\ndef flow(n):\n    return n")
    assert "Wrote the trace of 'demo' to run.json" in repr(shell.run("%nbflow trace demo run.json"))
    check(json.loads(Path("run.json").read_text(encoding="utf-8")))
    shell.run("%nbflow trace demo run.json")
    Path("package.json").write_text('{"name": "mine"}')
    assert "name another file" in str(shell.fail("%nbflow trace demo package.json"))


def test_hostile_names_and_values_are_text_that_hides_nothing(tmp_path: Path) -> None:
    evil = '</script>"\x1b[31m\0\u202e\ud800'
    saver = InMemorySaver()

    @task(name=evil[:-1])
    def loud(text: str) -> str:
        return text

    @entrypoint(checkpointer=saver)
    def flow(text: str) -> Any:
        return loud(text).result()

    try:
        flow.invoke(evil, {"configurable": {"thread_id": "t"}})
    except ValueError:  # half a character is refused as a value
        flow.invoke(evil[:-1], {"configurable": {"thread_id": "t"}})
    path = tmp_path / "run.json"
    nbflow_widgets.trace("t", str(path), saver=saver)
    text = path.read_text(encoding="utf-8")
    events = check(json.loads(text))
    assert not set(json.dumps(events, ensure_ascii=False)) & {"\x1b", "\0", "\u202e"}
    with pytest.raises(LookupError):
        nbflow_widgets.trace("nobody", str(path), saver=saver)
