"""Where a run's prints and displays appear: in its cell, in the rows of its calls, and in which order."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from nbflow import Run
from nbflow.core.record import CallReturned, Output, Record, RunReturned, RunStarted, Value
from nbflow_widgets import packed
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline
from tests.house.sources import ROOT, environment
from tests.widgets.conftest import Shell
from tests.widgets.test_timeline import ALLOWED, Tags, Wire

SETUP = """\
import threading
from nbflow import interrupt, task
ended = [threading.Event() for _ in range(4)]

@task
def work(n):
    if n:
        ended[n - 1].wait(30)
    print("work", n)
    print("more", n)
    ended[n].set()
    return n

@task
def draws(n):
    from IPython.display import HTML, display
    display(HTML(f"<b>{n}</b>"))
    return n
"""
BACKWARDS = """\
%%entrypoint --thread t --input 3 {}
def flow(n):
    print("begin")
    futures = [work(k) for k in reversed(range(n))]
    print("waits")
    found = [future.result() for future in futures]
    print("end")
    return found
"""
IN_ORDER = ["begin", *(f"{word} {n}" for n in (2, 1, 0) for word in ("work", "more")), "waits", "end"]


@pytest.fixture
def ready(shell: Shell) -> Shell:
    shell.run(SETUP)
    return shell


def printed(shell: Shell) -> list[str]:
    """Return the lines that the last cell printed, without its result."""
    return [line for line in shell.text.splitlines() if not line.startswith("Out[")]


def run_in(shell: Shell) -> Run:
    found: Run | None = shell.names["flow"].last_run({"configurable": {"thread_id": "t"}})
    assert found is not None
    return found


def outputs_in(shell: Shell) -> dict[str, str]:
    run = run_in(shell)
    feed = RunFeed(run)
    paths = [record.path for record in run.log if isinstance(record, Output)]
    return {path: "".join(fact.text for fact in feed.details(path) if fact.label == "output") for path in paths}


def test_static_prints_come_in_the_order_of_the_calls_whoever_was_first(ready: Shell) -> None:
    ready.run(BACKWARDS.format("--display static"))
    assert printed(ready) == IN_ORDER
    assert outputs_in(ready) == {
        "0": "begin\nwaits\nend\n",
        **{f"0.{place}": f"work {n}\nmore {n}\n" for place, n in enumerate((2, 1, 0))},
    }


def test_prints_come_as_they_are_made_where_a_person_looks(ready: Shell) -> None:
    ready.run(BACKWARDS.format("--display off"))
    lines = printed(ready)
    assert sorted(lines) == sorted(IN_ORDER)
    assert lines.index("work 0") < lines.index("work 1") < lines.index("work 2")


@pytest.mark.parametrize("display", ["static", "off"])
def test_output_row_leaves_the_cell_empty(ready: Shell, display: str) -> None:
    ready.run(BACKWARDS.format(f"--output row --display {display}"))
    assert printed(ready) == []
    assert outputs_in(ready)["0.1"] == "work 1\nmore 1\n"


def test_output_cell_keeps_nothing(ready: Shell) -> None:
    ready.run(BACKWARDS.format("--output cell --display static"))
    assert printed(ready) == IN_ORDER
    assert outputs_in(ready) == {}


def test_what_a_run_said_before_it_failed_or_asked_is_there(ready: Shell) -> None:
    ready.run("%%entrypoint --thread t --input 1 --display static\ndef flow(n):\n    print('asks')\n    interrupt('?')")
    assert ready.text.splitlines() == ["asks"]
    ready.run("%nbflow resume t 1")
    assert ready.text == "", "it was said before the pause"
    ready.fail("%%entrypoint --thread f --input 1 --display static\ndef flow(n):\n    print('fails')\n    1 / 0")
    assert ready.text.splitlines()[0] == "fails"


def test_a_display_is_shown_and_kept_with_its_call(ready: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    cell = "%%entrypoint --thread t --input 2 --display off {}\ndef flow(n):\n    return draws(n).result()"
    assert ready.ip.run_cell(cell.format("")).success
    assert capsys.readouterr().out.splitlines()[0] == "<IPython.core.display.HTML object>"
    (fact,) = (fact for fact in RunFeed(run_in(ready)).details("0.0") if fact.label == "display")
    assert (fact.text, fact.forms) == ("<IPython.core.display.HTML object>", {"text/html": "<b>2</b>"})
    assert ready.ip.run_cell(cell.format("--output row --fresh")).success
    assert "HTML object" not in capsys.readouterr().out


def test_loading_says_nothing_that_varies(bare: Shell) -> None:
    bare.run("%load_ext nbflow")
    bare.run("%%entrypoint flow\nfrom nbflow import interrupt\ninterrupt('?')")
    bare.run("%unload_ext nbflow")
    bare.run("%load_ext nbflow")
    assert (bare.text, bare.outputs) == ("", [])


def test_an_unknown_place_is_refused(ready: Shell) -> None:
    assert "--output" in str(ready.fail("%%entrypoint --output page --input 1\ndef flow(n):\n    return n"))


HOSTILE = "\x1b[31m\x00\u202e</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>"


def hostile(forms: dict[str, str]) -> list[Record]:
    said = [("", 0, 1, "stdout", HOSTILE), ("", 0, 1, "display", {"text/plain": HOSTILE, **forms})]
    return [
        RunStarted(run_id="r", thread_id="t", workflow="flow", at=1.0),
        Output(path="0.0", name="work", value=Value(said)),
        CallReturned(path="0.0", name="work", started=1.0, at=2.0),
        RunReturned(point="p", at=3.0),
    ]


def test_hostile_output_is_text_in_a_twin_and_data_in_a_page() -> None:
    timeline = Timeline(RunFeed(hostile({"text/html": HOSTILE, "image/svg+xml": HOSTILE})))
    found = Tags(timeline.html())
    assert found.tags <= ALLOWED
    assert found.attributes <= {"style", "title"}
    assert not any(bad in timeline.html() for bad in ("\x1b", "\x00", "\u202e"))
    wire = Wire(timeline)
    wire.receive(kind="details", path="0.0")
    labels = [item[0] for item in wire.sent[-1]["items"]]
    assert labels == ["output", "display"]
    assert wire.sent[-1]["items"][1][2]["text/html"] == HOSTILE, "the page puts it into a frame of its own"
    assert timeline._snapshot()["rows"][1][-1] is True  # type: ignore[index]  # rows of the page


def test_a_packed_run_has_small_figures_and_the_words_for_large_ones() -> None:
    for size, is_there in ((1_000, True), (packed.NOTEBOOK.figures + 1, False)):
        html = Timeline(RunFeed(hostile({"image/png": "A" * size}))).html(script=True)
        data = json.loads(re.search(r"\.map\(unpack\)|PACKED|(\[\"H4s.*?\])\.map", html)[1])[2]  # type: ignore[index]  # it is there
        run = json.loads(gzip.decompress(base64.b64decode(data)))
        assert (len(run["details"]["0.0"][1]) == 3) is is_there
        assert "</script><script>" not in html


class Kernel:
    """A kernel in a process of its own, and what its cells showed."""

    def __init__(self, manager: Any) -> None:
        self.client = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.said: dict[str, str] = {}

    def run(self, cell: str) -> str:
        """Run a cell; return its id."""
        done: str = self.client.execute(cell)
        while not self.hear(done):
            pass
        return done

    def hear(self, cell: str = "") -> bool:
        """Take in one message; return whether a cell is over."""
        message = self.client.get_iopub_msg(timeout=60)
        parent, content = message["parent_header"].get("msg_id", ""), message["content"]
        if message["msg_type"] == "stream":
            self.said[parent] = self.said.get(parent, "") + content["text"]
        assert message["msg_type"] != "error", content
        return bool(message["msg_type"] == "status" and content["execution_state"] == "idle" and parent == cell)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    manager: Any = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path), env={**environment(ROOT), "IPYTHONDIR": str(tmp_path / "ipython")})
    try:
        started = Kernel(manager)
        yield started
        started.client.stop_channels()
    finally:
        manager.shutdown_kernel(now=True)


BEGINS = """\
%%entrypoint --thread b --input 1 --background --display off
def flow(n):
    print("the body begins")
    held.wait(60)
    print("the body ends")
    return says(n).result()
"""


def test_a_background_run_prints_into_the_cell_that_began_it(kernel: Kernel) -> None:
    kernel.run(
        "%load_ext nbflow\nimport threading\nfrom nbflow import task\nheld, over = threading.Event(), threading.Event()"
    )
    kernel.run("@task\ndef says(n):\n    print('a task')\n    over.set()\n    return n")
    begun = kernel.run(BEGINS)
    later = kernel.run("print('another cell')\nheld.set()\nassert over.wait(60)")
    while not kernel.said.get(begun, "").endswith("a task\n"):
        kernel.hear()
    assert kernel.said[later] == "another cell\n"
    assert kernel.said[begun] == "the body begins\nthe body ends\na task\n"
