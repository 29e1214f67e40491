"""``%nbflow diff``: two runs side by side, named by their threads."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.error import UsageError

import nbflow_widgets
from nbflow import InMemorySaver, entrypoint, task
from tests.widgets.conftest import Shell

TASK = "%%task\ndef double(n):\n    return {} * n"
FLOW = "%%entrypoint --thread {} --input {} --fresh\ndef flow(n):\n    return [double(k).result() for k in range(n)]"


@pytest.fixture
def edited(shell: Shell) -> Shell:
    """Return a shell with a thread that ran before and after a task was edited."""
    for factor in (2, 3):
        shell.run(TASK.format(factor))
        shell.run(FLOW.format("t", 3))
    return shell


def test_a_thread_alone_compares_its_last_two_runs(edited: Shell) -> None:
    found = edited.run("%nbflow diff t")
    assert found.calls["change"].tolist() == ["changed"] * 4
    assert found.calls["differs"].tolist() == ["code, result", "code", "code, result", "code, result"]
    assert found.calls["result_before"].tolist()[1:] == [0, 2, 4]
    assert found.calls["result_after"].tolist()[1:] == [0, 3, 6]
    assert list(found.code) == ["double", "flow"], "what was edited comes before what names it"
    assert "-    return 2 * n" in found.code["double"]
    assert "+    return 3 * n" in found.code["double"]
    assert found.tasks["calls_after"].tolist() == [3]
    assert "3 changed" in repr(found)
    bundle = found._repr_mimebundle_()
    assert "background-color:#3fa37c2e" in bundle["text/html"]
    assert bundle["text/plain"] == repr(found)


def test_runs_are_named_by_thread_by_place_and_by_id(edited: Shell) -> None:
    edited.run(FLOW.format("other", 3))
    last = edited.run("%nbflow history t")["run_id"].iloc[0]
    for line in ("t other", "t@last other", f"t@{last} other@last"):
        assert set(edited.run(f"%nbflow diff {line}").calls["change"]) == {"equal"}, line
    assert "changed" in set(edited.run("%nbflow diff t@previous t").calls["change"])
    point = edited.run("%nbflow history t")["checkpoint_id"].iloc[0]
    assert set(edited.run(f"%nbflow diff t@{point} other").calls["change"]) == {"equal"}


def test_a_thread_with_an_at_in_its_name_is_itself(edited: Shell) -> None:
    for _ in range(2):
        edited.run(FLOW.format("ada@home", 2))
    assert set(edited.run("%nbflow diff ada@home").calls["change"]) == {"equal"}
    assert set(edited.run("%nbflow diff ada@home@previous ada@home").calls["change"]) == {"equal"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nobody", "there is no thread 'nobody@previous'"),
        ("t@never t", "has no run or checkpoint 'never'"),
        ("once", "has one run only"),
    ],
)
def test_what_is_not_there_is_told(edited: Shell, line: str, told: str) -> None:
    edited.run(FLOW.format("once", 1))
    error = edited.fail(f"%nbflow diff {line}")
    assert isinstance(error, UsageError)
    assert told in str(error)


def test_nothing_of_a_users_becomes_markup() -> None:
    saver = InMemorySaver()

    def runs(factor: str) -> None:
        @task(name="</script><b>\x1b[31m\u202e", version=factor)
        def loud(text: str) -> str:
            return text + "<img src=x onerror=alert(1)>" + factor

        @entrypoint(checkpointer=saver, name="<i>flow")
        def flow(text: str) -> Any:
            return loud(text).result()

        flow.invoke("<u>\0", {"configurable": {"thread_id": "t"}})

    runs("1")
    runs("2")
    found = nbflow_widgets.diff("t", saver=saver)
    bundle: Any = found._repr_mimebundle_()
    for markup in ("<b>", "<img", "<u>", "<i>", "</script>", "\x1b", "\u202e", "\0"):
        assert markup not in bundle["text/html"], markup
    assert not set(bundle["text/plain"]) & {"\x1b", "\u202e", "\0"}
