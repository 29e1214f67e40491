"""What every saver promises: rows that stay, one runner per thread, upkeep, LangGraph's habits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, SqliteSaver, entrypoint, interrupt, list_runs, task, threads
from nbflow._support import clock
from nbflow.checkpoint.base import BaseCheckpointSaver, CheckpointTuple, Owner, Row, RunKey, Segment
from nbflow.checkpoint.encrypted import EncryptedSaver
from nbflow.errors import InvalidOptionError, ThreadBusyError
from nbflow.types import Pruned

Saver = InMemorySaver | SqliteSaver | EncryptedSaver
A = RunKey("t", "a")


def rows(*numbers: int, value: bytes | None = b"value") -> list[Row]:
    return [Row(number, "CallReturned", f"0.{number}", b"head", value) for number in numbers]


def config(thread: str, point: str | None = None) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread, **({"checkpoint_id": point} if point else {})}}


def counting(saver: Saver) -> Any:
    """Return a workflow that keeps [its previous, its input]."""

    @task
    def same(n: int) -> int:
        return n

    @entrypoint(checkpointer=saver)
    def count(n: int, previous: Any) -> Any:
        return [previous, same(n).result()]

    return count


def asking(saver: Saver) -> Any:
    @entrypoint(checkpointer=saver)
    def ask(n: int, previous: Any) -> Any:
        return [previous, interrupt(f"{n}?")]

    return ask


# The port: rows and leases.


def test_both_are_savers(saver: Saver) -> None:
    assert isinstance(saver, BaseCheckpointSaver)


def test_rows_come_back_as_they_were(saver: Saver) -> None:
    given = [*rows(0, 1), *rows(2, value=None), *rows(3, value=b"")]
    saver.append(A, given[:2], "me")
    saver.append(A, given[2:], "me")
    assert saver.rows(A) == given
    assert saver.rows(A, first=2) == given[:2]
    assert saver.rows(A, last=3) == given[1:]
    assert saver.rows(A, first=9) == saver.rows(A, last=9) == given
    assert saver.rows(RunKey("t", "b")) == saver.rows(RunKey("u", "a")) == []


def test_rows_are_read_in_the_order_of_their_numbers(saver: Saver) -> None:
    saver.append(A, rows(0), "me")
    saver.append(A, rows(2), "me")
    saver.append(A, rows(1, 3), "me")
    assert [row.seq for row in saver.rows(A)] == [0, 1, 2, 3]
    assert [row.seq for row in saver.rows(A, last=2)] == [2, 3]


def test_what_comes_in_late_for_a_run_that_was_removed_is_dropped(saver: Saver) -> None:
    saver.append(A, rows(0, 1), "me")
    saver.remove("t", ["a"], "me")
    saver.append(A, rows(2), "me")
    assert saver.rows(A) == []
    assert saver.runs("t") == []


def test_runs_are_listed_newest_first_and_in_pages(saver: Saver) -> None:
    for run_id in ("b", "a", "c"):
        saver.append(RunKey("t", run_id), rows(0), "me")
    saver.append(RunKey("t", "b"), rows(1), "me")
    assert saver.runs("t") == ["c", "a", "b"], "in the order in which they were begun, whatever their ids"
    assert saver.runs("t", limit=2) == ["c", "a"]
    assert saver.runs("t", before="c") == ["a", "b"]
    assert saver.runs("t", before="c", limit=1) == ["a"]
    assert saver.runs("t", before="b") == saver.runs("t", before="unknown") == []
    assert saver.runs("nobody") == saver.runs("nobody", before="a") == []
    assert [saver.nearest("t", text) for text in ("a", "b~", "z", "Z")] == ["a", "b", "c", None]
    assert saver.nearest("nobody", "a") is None
    saver.append(RunKey("s", "d"), rows(0), "me")
    assert saver.thread_ids() == ["s", "t"]


def test_any_text_is_a_thread_id(saver: Saver) -> None:
    for thread_id in ("ünï", "a/b", "'; --", " ", "%"):
        saver.append(RunKey(thread_id, "r"), rows(0), "me")
        assert saver.runs(thread_id) == ["r"]
    assert len(saver.thread_ids()) == 5


def test_a_thread_has_one_holder(saver: Saver) -> None:
    assert saver.holder("t") is None
    saver.lease("t", "me")
    saver.lease("t", "me")
    assert saver.holder("t") == "me"
    with pytest.raises(ThreadBusyError, match="me"):
        saver.lease("t", "you")
    saver.release("t", "you")
    assert saver.holder("t") == "me"
    saver.release("t", "me")
    saver.lease("t", "you")
    with pytest.raises(ThreadBusyError, match="you"):
        saver.append(A, rows(0), "me")
    with pytest.raises(ThreadBusyError, match="you"):
        saver.remove("t", ["a"], "me")
    assert saver.runs("t") == []
    saver.release("t", "you")


def test_a_thread_whose_newest_run_was_removed_is_whole(tmp_path: Path) -> None:
    """Even if its remover dies before it gives the thread back."""
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:
        for run_id in "abc":
            saver.lease("t", run_id)
            saver.append(RunKey("t", run_id), rows(0, 1), run_id)
            saver.release("t", run_id)
        saver.lease("t", "remover")
        saver.remove("t", ["b", "c"], "remover")
        assert saver.runs("t") == ["a"]
        assert saver.rows(A) == saver.rows(A, last=2) == rows(0, 1)
        saver.append(RunKey("t", "d"), rows(0), "remover")
        assert saver.runs("t") == ["d", "a"]
        saver.remove("t", ["a", "d"], "remover")
        assert saver.runs("t") == saver.thread_ids() == []


def test_runs_are_removed_and_others_stay(saver: Saver) -> None:
    for run_id in "abc":
        saver.append(RunKey("t", run_id), rows(0, 1), "me")
    saver.remove("t", ["a", "c", "unknown"], "me")
    assert saver.runs("t") == ["b"]
    assert saver.rows(A) == []
    saver.remove("t", ["b"], "me")
    saver.remove("t", [], "me")
    assert saver.thread_ids() == []


def test_sizes_count_heads_and_values(saver: Saver) -> None:
    saver.append(A, [*rows(0, value=b"12345"), *rows(1, value=None)], "me")
    saver.append(RunKey("t", "b"), rows(0, value=b""), "me")
    # An encrypted head or value has a nonce of 12 bytes and a tag of 16 beside it.
    more = 28 if isinstance(saver, EncryptedSaver) else 0
    assert saver.sizes("t") == {"a": 13 + 3 * more, "b": 4 + 2 * more}
    assert saver.sizes("nobody") == {}
    saver.append(RunKey("u", "a"), rows(0, value=b"1"), "me")
    assert (saver.size("t"), saver.size(), saver.size("nobody")) == (17 + 5 * more, 22 + 7 * more, 0)


def test_many_write_at_once(saver: Saver) -> None:
    def work(number: int) -> None:
        run = RunKey(f"t{number % 3}", f"r{number}")
        for seq in range(20):
            saver.append(run, rows(seq), "me")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(9)))
    assert [len(saver.rows(RunKey(f"t{n % 3}", f"r{n}"))) for n in range(9)] == [20] * 9


def test_the_space_of_what_was_removed_is_given_back(saver: Saver) -> None:
    saver.append(A, rows(0, value=b"x" * 1_000_000), "me")
    saver.remove("t", ["a"], "me")
    saver.append(RunKey("t", "b"), rows(0), "me")
    saver.vacuum()
    assert saver.rows(RunKey("t", "b")) == rows(0)


def test_a_file_is_smaller_after_a_vacuum(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with SqliteSaver.from_conn_string(path) as saver:
        saver.append(A, rows(0, value=b"x" * 1_000_000), "me")
        saver.delete_thread("t")
        saver.vacuum()
        assert path.stat().st_size < 100_000


def test_a_holder_whose_process_is_gone_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with SqliteSaver.from_conn_string(path) as saver:
        saver.append(A, rows(0), "dead")
        with sqlite3.connect(path) as other:
            other.execute("INSERT INTO leases (thread_id, owner, process) VALUES ('t', 'dead', 'nohost/1/0')")
        other.close()
        assert saver.holder("t") == "dead on nohost", "of another machine nothing is known"
        with sqlite3.connect(path) as other:
            other.execute("UPDATE leases SET process = ?", (_gone(),))
        other.close()
        assert saver.holder("t") is None
        saver.delete_thread("t")
        assert saver.runs("t") == []


def _gone() -> str:
    from nbflow.checkpoint.sqlite.leases import _process

    named, _, where = _process().partition("@")
    host, pid, _ = named.rsplit("/", 2)
    return f"{host}/{pid}/another birth@{where}"


# Upkeep.


def test_a_deleted_thread_is_gone_and_others_stay(saver: Saver) -> None:
    flow = counting(saver)
    for thread in ("t", "u"):
        flow.invoke(1, config(thread))
    saver.delete_thread("t")
    saver.delete_thread("unknown")
    assert saver.thread_ids() == ["u"]
    assert flow.get_state(config("t")).metadata is None
    assert flow.invoke(2, config("t")) == [None, 2]


def test_nobody_deletes_what_another_works_on(saver: Saver) -> None:
    flow = counting(saver)
    for thread in ("t", "u"):
        flow.invoke(1, config(thread))
    saver.lease("t", "somebody")
    changes: list[Callable[[], Any]] = [
        lambda: saver.delete_thread("t"),
        lambda: saver.copy_thread("t", "v"),
        lambda: saver.delete_for_runs([saver.runs("t")[0], saver.runs("u")[0]]),
    ]
    for change in changes:
        with pytest.raises(ThreadBusyError, match="somebody"):
            change()
    pruned = saver.prune(["t", "u"], strategy="delete")
    assert (pruned.runs, pruned.busy) == (1, ("t",))
    assert saver.thread_ids() == ["t"]
    saver.release("t", "somebody")
    assert [saver.holder(thread) for thread in ("t", "u", "v")] == [None, None, None]


def test_a_copied_thread_goes_its_own_way(saver: Saver) -> None:
    flow = counting(saver)
    for n in (1, 2):
        flow.invoke(n, config("t"))
    saver.copy_thread("t", "copy")
    states = [list(flow.get_state_history(config(thread))) for thread in ("t", "copy")]
    assert [state.values for state in states[0]] == [state.values for state in states[1]]
    assert [state.metadata for state in states[0]] == [state.metadata for state in states[1]]
    assert {state.config["configurable"]["thread_id"] for state in states[1]} == {"copy"}
    assert {state.parent_config["configurable"]["thread_id"] for state in states[1] if state.parent_config} == {"copy"}
    assert flow.invoke(3, config("copy")) == [[[None, 1], 2], 3]
    assert flow.invoke(4, config("t")) == [[[None, 1], 2], 4]
    saver.delete_thread("t")
    assert flow.get_state(config("copy")).values == [[[None, 1], 2], 3]


def test_the_question_of_a_copied_thread_is_answered_there(saver: Saver) -> None:
    flow = asking(saver)
    flow.invoke(1, config("t"))
    saver.copy_thread("t", "copy")
    asked = flow.get_state(config("copy")).interrupts
    assert asked == flow.get_state(config("t")).interrupts
    assert flow.invoke(Command(resume={asked[0].id: "a"}), config("copy")) == [None, "a"]
    assert flow.get_state(config("t")).next == ("ask",)


def test_a_thread_is_copied_only_to_where_nothing_is(saver: Saver) -> None:
    flow = counting(saver)
    for thread in ("t", "u"):
        flow.invoke(1, config(thread))
    for target, told in (("u", "has runs"), ("t", "another thread"), ("", "another thread")):
        with pytest.raises(InvalidOptionError, match=told):
            saver.copy_thread("t", target)
    saver.copy_thread("unknown", "v")
    assert saver.thread_ids() == ["t", "u"]


def test_keep_latest_keeps_what_the_thread_needs_to_go_on(saver: Saver) -> None:
    count, ask = counting(saver), asking(saver)
    for n in range(4):
        count.invoke(n, config("t"))
        count.invoke(n, config("u"))
    ask.invoke(5, config("t"))
    before = saver.size()
    would = saver.prune(["t", "u", "unknown"], dry_run=True)
    assert saver.size() == before
    assert saver.prune(["t", "u", "unknown"]) == would
    assert (would.runs, would.bytes, would.busy) == (6, before - saver.size(), ())
    assert [len(saver.runs(thread)) for thread in ("t", "u")] == [2, 1]
    value = [[[[None, 0], 1], 2], 3]
    assert ask.invoke(Command(resume="a"), config("t")) == [value, "a"]
    assert count.invoke(9, config("u")) == [value, 9]
    assert saver.prune(["t"]).runs == 1
    assert saver.prune(["t"]) == Pruned()


def test_what_names_a_pruned_run_is_still_read(saver: Saver) -> None:
    flow = counting(saver)
    for n in range(3):
        flow.invoke(n, config("t"))
    first = list(flow.get_state_history(config("t")))[-2]
    flow.invoke(None, first.config)
    flow.fork(config("t"), "0.0", "x").result()
    saver.delete_for_runs(saver.runs("t")[1:])
    states = list(flow.get_state_history(config("t")))
    assert [state.values for state in states] == [[[[None, 0], 1], "x"], None]
    assert states[-1].parent_config is None
    assert [flow.get_state(state.config) for state in states] == states
    assert [one.checkpoint["id"] for one in saver.list(config("t"))] == [
        state.config["configurable"]["checkpoint_id"] for state in states
    ]
    assert flow.invoke(None, states[-1].config) == [None, "x"]
    assert flow.invoke(7, config("t")) == [[None, "x"], 7]


def test_old_runs_are_dropped_by_age(saver: Saver, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = counting(saver)
    for n in range(2):
        flow.invoke(n, config("t"))
    between = datetime.now(UTC)
    for n in range(2):
        flow.invoke(n, config("t"))
    assert saver.prune(["t"], older_than=timedelta(hours=1)).runs == 0
    assert saver.prune(["t"], strategy="delete", older_than=between).runs == 0
    assert saver.prune(["t"], older_than=between, dry_run=True).runs == 2
    assert saver.prune(["t"], older_than=between).runs == 2
    later = clock.wall() + 7200
    monkeypatch.setattr(clock, "wall", lambda: later)
    assert saver.prune(["t"], older_than=timedelta(hours=3)).runs == 0
    assert saver.prune(["t"], older_than=timedelta(hours=1)).runs == 1
    assert saver.prune(["t"], strategy="delete", older_than=timedelta(hours=1)).runs == 1
    assert saver.thread_ids() == []


def test_the_oldest_runs_are_dropped_until_the_thread_fits(saver: Saver) -> None:
    flow = counting(saver)
    for n in range(5):
        flow.invoke(n, config("t"))
    kept = saver.runs("t")[:2]
    sizes = saver.sizes("t")
    limit = sum(sizes[run_id] for run_id in kept)
    assert saver.prune(["t"], max_bytes=sum(sizes.values())).runs == 0
    pruned = saver.prune(["t"], max_bytes=limit)
    assert (pruned.runs, pruned.bytes) == (3, sum(sizes.values()) - limit)
    assert saver.runs("t") == kept
    assert saver.prune(["t"], max_bytes=0, older_than=timedelta(days=1)).runs == 1
    assert saver.prune(["t"], max_bytes=0).runs == 0
    assert flow.get_state(config("t")).values == [[[[[None, 0], 1], 2], 3], 4]


@pytest.mark.parametrize(
    ("given", "options", "told"),
    [
        ("t", {}, "thread_ids"),
        ([1], {}, "thread_ids"),
        (["t"], {"strategy": "all"}, "'keep_latest' or 'delete'"),
        (["t"], {"older_than": 5}, "timedelta"),
        (["t"], {"max_bytes": -1}, "max_bytes"),
        (["t"], {"max_bytes": True}, "max_bytes"),
        (["t"], {"max_bytes": 5, "strategy": "delete"}, "keep_latest"),
    ],
)
def test_what_can_not_be_pruned_is_told(saver: Saver, given: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidOptionError, match=told):
        saver.prune(given, **options)


def test_runs_are_forgotten_by_their_ids(saver: Saver) -> None:
    flow = counting(saver)
    for thread in ("t", "u", "t"):
        flow.invoke(1, config(thread))
    newest, oldest = list_runs(saver, "t")
    saver.delete_for_runs([oldest, *list_runs(saver, "u"), "unknown"])
    saver.delete_for_runs([])
    assert (list_runs(saver, "t"), saver.thread_ids()) == ([newest], ["t"])
    with pytest.raises(InvalidOptionError, match="run_ids"):
        saver.delete_for_runs(newest)


def test_threads_are_listed_with_how_they_stand(saver: Saver) -> None:
    count, ask = counting(saver), asking(saver)
    for n in range(2):
        count.invoke(n, config("done"))
    ask.invoke(1, config("asks"))
    saver.append(RunKey("cut", saver.runs("done")[0]), saver.rows(RunKey("done", saver.runs("done")[0]), first=1), "x")
    found = {row.thread_id: row for row in threads(count)}
    assert threads(saver)[0].thread_id == "asks"
    assert {name: row.status for name, row in found.items()} == {"done": "done", "asks": "asking", "cut": "crashed"}
    assert (found["done"].workflow, found["done"].runs) == ("count", 2)
    assert found["done"].size == saver.size("done")
    assert found["done"].updated_at <= datetime.now(UTC)
    saver.lease("cut", "somebody")
    assert {row.status for row in threads(saver)} == {"done", "asking", "running"}
    saver.release("cut", "somebody")


# LangGraph's habits.


def test_a_checkpoint_is_found_by_its_config(saver: Saver) -> None:
    flow = counting(saver)
    flow.invoke(1, config("t"))
    flow.invoke(2, {"configurable": {"thread_id": "t", "user": "ada"}})
    newest = saver.get_tuple(config("t"))
    assert isinstance(newest, CheckpointTuple)
    assert newest.checkpoint["channel_values"] == {"__end__": [[None, 1], 2], "__previous__": [[None, 1], 2]}
    assert newest.metadata == {"source": "loop", "step": 2, "parents": {}, "user": "ada"}
    assert newest.config["configurable"] == {
        "thread_id": "t", "checkpoint_ns": "", "checkpoint_id": newest.checkpoint["id"],
    }  # fmt: skip
    assert newest.parent_config is not None
    given = saver.get_tuple(newest.parent_config)
    assert given is not None
    assert given.checkpoint["channel_values"] == {"__start__": 2, "__end__": [None, 1], "__previous__": [None, 1]}
    assert given.pending_writes == [("0.0", "__return__", 2), ("0", "__end__", [[None, 1], 2])]
    assert given.checkpoint["v"] == 4
    assert given.checkpoint["ts"] == flow.get_state(given.config).created_at
    assert saver.get(config("t")) == newest.checkpoint
    for missing in (
        config("nobody"),
        config("t", "bogus"),
        {"configurable": {"thread_id": "t", "checkpoint_ns": "0.1"}},
    ):
        assert saver.get_tuple(missing) is None
        assert saver.get(missing) is None
    mistakes: list[Any] = [{}, "t"]
    for wrong in mistakes:
        with pytest.raises(InvalidOptionError, match="config"):
            saver.get_tuple(wrong)


def test_questions_and_errors_are_pending_writes(saver: Saver) -> None:
    flow = asking(saver)
    flow.invoke(1, config("t"))
    found = saver.get_tuple(config("t"))
    assert found is not None
    assert found.pending_writes == [("0", "__interrupt__", flow.get_state(config("t")).interrupts)]
    assert found.checkpoint["channel_values"] == {"__start__": 1}

    @entrypoint(checkpointer=saver)
    def fail(n: int) -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail.invoke(1, config("u"))
    [(path, channel, error)] = next(saver.list(config("u"))).pending_writes or []
    assert (path, channel, repr(error)) == ("0", "__error__", "ValueError('boom')")


def test_checkpoints_are_listed_newest_first(saver: Saver) -> None:
    flow = counting(saver)
    for n, thread in enumerate(("t", "u", "t")):
        flow.invoke(n, {"configurable": {"thread_id": thread, "n": n}})
    everything = [one.checkpoint["id"] for one in saver.list(None)]
    assert len(everything) == 6
    assert everything == sorted(everything, reverse=True)
    mine = list(saver.list(config("t")))
    assert [one.checkpoint["id"] for one in mine] == [
        state.config["configurable"]["checkpoint_id"] for state in flow.get_state_history(config("t"))
    ]
    assert list(saver.list(config("t"), limit=1)) == mine[:1]
    assert list(saver.list(config("t"), before=mine[0].config)) == mine[1:]
    assert next(saver.list(None, before=mine[0].config, limit=2)) == mine[1]
    assert list(saver.list(mine[1].config)) == [mine[1]]
    assert list(saver.list(config("t"), filter={"source": "input", "n": 0})) == mine[3:]
    assert list(saver.list(None, filter={"n": 1, "step": 7})) == []
    assert list(saver.list(config("nobody"))) == []


def test_an_update_is_one_checkpoint(saver: Saver) -> None:
    flow = counting(saver)
    flow.update_state(config("t"), entrypoint.final(value="shown", save="kept"))
    [one] = saver.list(config("t"))
    assert one.checkpoint["channel_values"] == {"__end__": "shown", "__previous__": "kept"}
    assert (one.metadata["source"], one.parent_config) == ("update", None)


def test_the_awaited_forms(saver: Saver) -> None:
    flow = counting(saver)
    for n in range(3):
        flow.invoke(n, config("t"))

    async def use() -> None:
        await saver.acopy_thread("t", "u")
        found = [one async for one in saver.alist(config("u"), limit=2)]
        assert await saver.aget_tuple(config("u")) == found[0]
        assert await saver.aget(config("u")) == found[0].checkpoint
        assert (await saver.aprune(["u"], dry_run=True)).runs == 2
        await saver.adelete_for_runs(saver.runs("u")[:1])
        assert len(saver.runs("u")) == 2
        await saver.adelete_thread("u")
        assert saver.thread_ids() == ["t"]

    asyncio.run(use())
    assert saver.aprune.__doc__ == "As ``prune``, awaited."


# All or none, and at once or not at all.


def test_rows_of_several_runs_are_stored_together_or_not_at_all(saver: Saver) -> None:
    saver.append_all([Segment(RunKey("t", "a"), rows(0, 1)), Segment(RunKey("t", "b"), rows(0))], "me")
    assert saver.runs("t") == ["b", "a"]
    assert saver.rows(A) == rows(0, 1)
    saver.lease("u", "somebody")
    unfit = Segment(RunKey("u", "a"), rows(0))
    with pytest.raises(ThreadBusyError, match="somebody"):
        saver.append_all([Segment(RunKey("t", "c"), rows(0)), Segment(A, rows(2)), unfit], "me")
    assert saver.runs("t") == ["b", "a"]
    assert saver.rows(A) == rows(0, 1)
    saver.append_all([], "me")


def test_an_attempt_stores_as_well_as_an_append(saver: Saver) -> None:
    assert saver.try_append(A, rows(0), "me")
    assert saver.try_append(A, rows(1), "me")
    assert saver.rows(A) == rows(0, 1)
    saver.lease("t", "you")
    with pytest.raises(ThreadBusyError, match="you"):
        saver.try_append(A, rows(2), "me")
    assert saver.rows(A) == rows(0, 1)


def test_a_token_grows_with_every_lease(saver: Saver) -> None:
    tokens = []
    for owner in ("a", "b", "a"):
        tokens.append(saver.lease("t", owner))
        assert saver.lease("t", owner) == tokens[-1], "the lease that it has"
        saver.release("t", owner)
    saver.lease("t", "c")
    saver.take_away("t")
    tokens.append(saver.lease("t", "d"))
    assert tokens == sorted(set(tokens))
    assert tokens[-1] == 5


def test_a_holder_that_lost_its_thread_is_refused_for_ever(saver: Saver) -> None:
    saver.lease("t", "first")
    saver.append(A, rows(0), "first")
    saver.take_away("t")
    saver.append(A, rows(1), "first")
    saver.lease("t", "second")
    saver.release("t", "second")
    changes: list[Callable[[], Any]] = [
        lambda: saver.append(A, rows(2), "first"),
        lambda: saver.try_append(A, rows(2), "first"),
        lambda: saver.append_all([Segment(A, rows(2))], "first"),
        lambda: saver.remove("t", ["a"], "first"),
    ]
    for change in changes:
        with pytest.raises(ThreadBusyError, match="taken over by second, which has worked on it and gone") as caught:
            change()
        assert caught.value.gone
    assert saver.rows(A) == rows(0, 1)
    saver.append(A, rows(2), "second")


def test_a_lease_is_over_with_its_owner(saver: Saver) -> None:
    ended, forgotten = Owner("run 1"), Owner("run 2")
    saver.lease("t", ended)
    saver.lease("u", forgotten)
    with pytest.raises(ThreadBusyError, match="run 1"):
        saver.lease("t", "me")
    ended.ended = True
    del forgotten
    assert [saver.holder(thread) for thread in ("t", "u")] == [None, None]
    for thread in ("t", "u"):
        saver.lease(thread, "me")
        saver.release(thread, "me")
