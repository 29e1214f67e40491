"""The workflow that "How it works" shows: a few tasks side by side, a question, and what comes after it."""

from __future__ import annotations

from time import sleep

from nbflow import interrupt, task

SOURCES = ["north", "south", "west"]


@task
def fetch(source: str) -> list[int]:
    """Return the counts of a source; slow and expensive, so durable."""
    sleep(0.2)
    return [len(source), 7]


@task
def fit(counts: list[list[int]]) -> float:
    """Return the mean of all counts."""
    sleep(0.1)
    numbers = [number for some in counts for number in some]
    return sum(numbers) / len(numbers)


def study(sources: list[str]) -> dict[str, object]:
    """Fetch all, ask, fit."""
    fetched = [fetch(source) for source in sources]
    counts = [future.result() for future in fetched]
    if not interrupt({"question": "Fit these?", "counts": counts}, response_schema=bool):
        return {"mean": None}
    return {"mean": fit(counts).result()}
