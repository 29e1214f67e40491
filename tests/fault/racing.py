"""Two processes that go on with one thread at the same moment; run as a script, prints one line of JSON."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import nbflow
from nbflow import Command, SqliteSaver, interrupt
from nbflow.errors import NothingToResumeError, ThreadBusyError
from tests.fault.killing import in_child


def flow_in(folder: Path) -> Any:
    @nbflow.task
    def pay(amount: int) -> int:
        with (folder / "paid.log").open("a") as log:
            log.write(f"{os.getpid()}\n")
        return amount

    @nbflow.entrypoint(checkpointer=SqliteSaver(folder / "runs.db"))
    def body(amount: int) -> Any:
        answer = interrupt("pay?")
        return [pay(amount).result() for _ in range(5)], answer

    return body


def race(folder: Path, thread: str) -> list[str]:
    """Return what became of two processes that were let go at once."""
    config: Any = {"configurable": {"thread_id": thread}}
    os.waitpid(in_child(lambda: flow_in(folder).invoke(3, config)), 0)
    start, go = os.pipe()
    told, tell = os.pipe()

    def answer() -> None:
        body = flow_in(folder)
        os.read(start, 1)
        try:
            result = body.invoke(Command(resume="yes"), config)
            word = "done" if result == ([3] * 5, "yes") else repr(result)
        except ThreadBusyError:
            word = "busy"
        except NothingToResumeError:
            word = "late"
        os.write(tell, f"{word} ".encode())

    children = [in_child(answer) for _ in range(2)]
    os.write(go, b"..")
    for child in children:
        os.waitpid(child, 0)
    os.close(tell)
    with os.fdopen(told) as words:
        return sorted(words.read().split())


def main(folder: Path, races: int) -> dict[str, Any]:
    outcomes: Counter[str] = Counter()
    paid = []
    for number in range(races):
        (folder / "paid.log").unlink(missing_ok=True)
        outcomes[" ".join(race(folder, f"t{number}"))] += 1
        paid.append(len((folder / "paid.log").read_text().split()))
    return {"outcomes": outcomes, "paid": sorted(set(paid))}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
