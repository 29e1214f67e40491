"""Law 9, seen is seen: with races, time-outs and polls, replay shows a body what it saw, wherever it paused."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, as_completed, wait
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from nbflow import Command, InMemorySaver, entrypoint, interrupt, record_answer, task
from nbflow.checkpoint.base import RunKey
from tests.amounts import often

EXAMPLES = often(30, 60)
THREAD = {"configurable": {"thread_id": "t"}}
Story = list[tuple[str, int]]
RACES_AFTER_FAILURES: Story = [("fail", 3), ("completed", 3), ("completed", 3), ("patience", 1)]
STEPS = ("all", "first", "completed", "patience", "poll", "give up", "fail", "ask", "workers")
BY_CHANCE = (Phase.explicit, Phase.generate)  # who wins a race differs from one time to the next: nothing to shrink
stories = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 4)), min_size=1, max_size=4)


class Race:
    """Runs a story of races, and notes what ran and what the body saw.

    Attributes:
        ran: how often each call ran.
    """

    def __init__(self, flavour: str, story: Story, seed: int, saver: InMemorySaver | None = None) -> None:
        self.saver = saver or InMemorySaver()
        self.ran: Counter[str] = Counter()
        self.story = story
        self.chance = random.Random(seed)
        self.lock = threading.Lock()
        self.flavour = flavour
        self.workflow = self._sync() if flavour == "sync" else self._async()

    def pause(self) -> float:
        """Return a time that is other in each execution: which call is the first is left to chance."""
        with self.lock:
            return self.chance.choice([0, 0, 0, 0.001, 0.002])

    def note(self, name: str) -> str:
        with self.lock:
            self.ran[name] += 1
        if name.startswith("fail"):
            raise ValueError(name)
        return name

    def _sync(self) -> Any:
        hold = threading.Event()

        @task
        def call(name: str) -> str:
            hold.wait(self.pause())
            return self.note(name)

        def step(kind: str, count: int, at: int) -> Any:
            name = "fail" if kind == "fail" else "call"
            futures: Any = [call(f"{name} {at}.{n}") for n in range(count)]
            if kind == "first":
                done, rest = wait(futures, return_when=FIRST_COMPLETED)
                return [len(done), [call(f"then {f.result()}").result() for f in [*done, *rest]]]
            if kind == "completed":
                return [call(f"then {f.result()}").result() for f in as_completed(futures)]
            if kind == "patience":
                return [patient(future) for future in futures]
            if kind == "poll":
                return [polls(future) for future in futures]
            if kind == "give up":
                return [future.cancel() for future in futures][:0]
            if kind == "fail":
                return [failed(future) for future in futures]
            return [future.result() for future in futures]

        def patient(future: Any) -> Any:
            try:
                return future.result(timeout=0.0005)
            except TimeoutError:
                return ["late", future.result()]

        def polls(future: Any) -> Any:
            count = 0
            while not future.done():
                count += 1
                hold.wait(0.0002)
            return [count, future.result()]

        def failed(future: Any) -> Any:
            try:
                return future.result()
            except ValueError as error:
                return str(error)

        @entrypoint(checkpointer=self.saver)
        def body(_: int) -> Any:
            seen: list[Any] = []
            for at, (kind, count) in enumerate(self.story):
                seen.append(step(kind, count, at))
                if kind == "ask":
                    seen.append(interrupt(repr(seen)))
            return [seen, interrupt(repr(seen))]

        return body

    def _async(self) -> Any:
        hold = threading.Event()

        @task
        def call(name: str) -> str:
            hold.wait(self.pause())
            return self.note(name)

        @task
        async def acall(name: str) -> str:
            await asyncio.sleep(self.pause())
            return self.note(name)

        async def pipeline(name: str) -> Any:
            return await acall(f"then {await call(name)}")

        async def step(kind: str, count: int, at: int) -> Any:
            if kind == "completed":
                each = asyncio.as_completed([pipeline(f"call {at}.{n}") for n in range(count)])
                return [await one for one in each]
            if kind == "workers":
                return await workers(count, at)
            name = "fail" if kind == "fail" else "call"
            futures: Any = [(call if n % 2 else acall)(f"{name} {at}.{n}") for n in range(count)]
            if kind == "first":
                done, rest = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
                return [len(done), [await acall(f"then {await f}") for f in [*done, *rest]]]
            if kind == "patience":
                return [await patient(future) for future in futures]
            if kind == "poll":
                return [await polls(future) for future in futures]
            if kind == "give up":
                return [await given_up(future) for future in futures]
            return await asyncio.gather(*futures, return_exceptions=True)

        async def workers(count: int, at: int) -> Any:
            jobs: asyncio.Queue[int] = asyncio.Queue()
            for n in range(2 * count):
                jobs.put_nowait(n)
            done = []

            async def worker(number: int) -> None:
                while not jobs.empty():
                    done.append([number, await acall(f"call {at}.{jobs.get_nowait()}")])

            await asyncio.gather(*(worker(n) for n in range(3)))
            return done

        async def patient(future: Any) -> Any:
            try:
                return await asyncio.wait_for(asyncio.shield(future), 0.0005)
            except TimeoutError:
                return ["late", await future]

        async def given_up(future: Any) -> Any:
            try:
                return await asyncio.wait_for(future, 0.0005)
            except TimeoutError:
                return "late"

        async def polls(future: Any) -> Any:
            count = 0
            while not future.done():
                count += 1
                await asyncio.sleep(0.0002)
            return [count, await future]

        @entrypoint(checkpointer=self.saver)
        async def body(_: int) -> Any:
            seen: list[Any] = []
            for at, (kind, count) in enumerate(self.story):
                seen.append(await step(kind, count, at))
                if kind == "ask":
                    seen.append(interrupt(repr(seen)))
            return [repr(seen), interrupt(repr(seen))]

        return body

    def go(self, value: Any) -> Any:
        if self.flavour == "async":
            return asyncio.run(self.workflow.ainvoke(value, THREAD))
        return self.workflow.invoke(value, THREAD)

    def to_the_end(self, check: Callable[[], None] = lambda: None) -> Any:
        """Run, or go on, and answer every question."""
        last = self.workflow.last_run(THREAD)
        value: Any = 1 if last is None else Command(resume="yes") if last.status == "asking" else None
        while True:
            result = self.go(value)
            check()
            if not isinstance(result, dict):
                return result
            value = self._answer(len(str(result)) % 2 == 1)

    def _answer(self, by_record: bool) -> Any:
        """Answer the question, in one of the two ways; return how to go on."""
        if not by_record:
            return Command(resume="yes")
        record_answer(self.saver, "t", "yes")
        return None


@pytest.mark.parametrize("flavour", ["sync", "async"])
@settings(max_examples=EXAMPLES, deadline=None, phases=BY_CHANCE)
@given(story=stories, seed=st.integers(0, 1000))
def test_what_a_body_saw_it_sees_again(flavour: str, story: Story, seed: int) -> None:
    race = Race(flavour, story, seed)
    seen, _ = race.to_the_end()
    stored = race.saver.rows(RunKey("t", race.saver.runs("t")[0]))
    done = [row for row in stored if row.kind == "CallReturned"]
    assert len({row.path for row in done}) == len(done), "no durable result is repeated"
    assert max(race.ran.values(), default=1) == 1, "no task runs twice"
    assert seen, "the question about all that was seen was asked once, and answered"


@pytest.mark.parametrize("flavour", ["sync", "async"])
@settings(max_examples=EXAMPLES, deadline=None, phases=BY_CHANCE)
@given(story=stories, seed=st.integers(0, 1000), share=st.floats(0, 1))
@example(story=RACES_AFTER_FAILURES, seed=62, share=0.27881991391884525)
def test_a_crash_changes_nothing_that_was_seen(flavour: str, story: Story, seed: int, share: float) -> None:
    """Cut anywhere: what is durable is seen again, so no innocent body is told that it has changed."""
    race = Race(flavour, story, seed)
    race.to_the_end()
    run = RunKey("t", race.saver.runs("t")[0])
    rows = race.saver.rows(run)
    length = max(1, round(share * len(rows)))
    saver = InMemorySaver()
    saver.append(run, rows[:length], "the one who died")
    again = Race(flavour, story, seed + 1, saver)
    again.to_the_end()
    kept = {row.path for row in rows[:length] if row.kind == "CallReturned"}
    now = saver.rows(run)
    assert now[:length] == rows[:length]
    paths = [row.path for row in now if row.kind == "CallReturned"]
    assert len(paths) == len(set(paths))
    assert kept <= set(paths)


@pytest.mark.parametrize("seed", range(3))
def test_a_body_that_polls_never_stands_still(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded to have come before a timer is given, though nobody waits for it; patience is not needed."""
    monkeypatch.setattr("nbflow.drivers.timers.PATIENCE", 1_000_000)
    story: Story = [("poll", 4), ("all", 2), ("poll", 3)]
    race = Race("async", story, seed)
    race.to_the_end()
    run = RunKey("t", race.saver.runs("t")[0])
    rows = race.saver.rows(run)
    for length in range(1, len(rows)):
        saver = InMemorySaver()
        saver.append(run, rows[:length], "the one who died")
        Race("async", story, seed + length, saver).to_the_end()
        assert saver.rows(run)[:length] == rows[:length]
