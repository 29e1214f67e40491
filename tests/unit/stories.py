"""Runs with something to tell, as the records that a listener hears and as those that are kept."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

from nbflow import InMemorySaver, RetryPolicy, Workflow, entrypoint, interrupt, read_run, task
from nbflow.core.record import Record

CONFIG = {"configurable": {"thread_id": "story"}}


@dataclass(kw_only=True)
class Story:
    """A run.

    Attributes:
        heard: all records, also those that are not kept, of each handle of the run.
        kept: the records in the checkpointer.
        flow: what ran.
    """

    flow: Workflow
    heard: list[list[Record]] = field(default_factory=list)

    @property
    def kept(self) -> list[Record]:
        return read_run(self.flow.saver("a story"), "story")


def essay(*, fails: bool = False) -> Workflow:
    """Return a workflow with a failure survived, a retry, a nested workflow, data edges and a question."""
    left = [2]

    @task
    def fetch(number: int) -> str:
        return f"<page {number}>"

    @task
    def measure(page: str) -> int:
        return len(page)

    @task
    def check(page: str) -> None:
        raise ValueError("dead & gone")

    @task(retry_policy=RetryPolicy(initial_interval=0.001, jitter=False, retry_on=OSError))
    def call(text: str) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError("busy")
        return text.upper()

    @entrypoint()
    def summarise(pages: list[str]) -> str:
        return call("summary").result()

    @entrypoint(checkpointer=InMemorySaver())
    def essay(topic: str) -> dict[str, object]:
        pages = [fetch(number) for number in range(3)]
        sizes = [measure(page) for page in pages]  # type: ignore[arg-type]  # as below
        with suppress(ValueError):
            check(pages[0]).result()  # type: ignore[arg-type]  # a future is awaited first
        text = summarise.invoke([page.result() for page in pages])
        answer = interrupt({"question": "good enough?"})
        if fails:
            raise RuntimeError("nobody likes it")
        return {"text": text, "answer": answer, "sizes": [size.result() for size in sizes]}

    return essay


@cache
def story(*, fails: bool = False) -> Story:
    """Return a run that asked, was answered, and ended."""
    told = Story(flow=essay(fails=fails))
    run = told.flow.start("cats", CONFIG)
    for answer in (None, "yes"):
        if answer is not None:
            run = run.resume(answer)
        heard: list[Record] = []
        run.listen(heard.append)
        try:
            run.result()
        except RuntimeError:
            assert fails, "only the failing story fails"
        told.heard.append(heard)
    return told
