"""All that the explorer tells of one line: facts of a thread or run, changes of a checkpoint, a value in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow import list_runs, read_run
from nbflow.views.begun import begun_of
from nbflow.views.details import text_of_value
from nbflow.views.moments import Held, Moment, size_of
from nbflow.views.progress import run_of, worked
from nbflow_widgets.explorer_tree import brief, held_at, label, moments, point_id
from nbflow_widgets.files import size_text
from nbflow_widgets.markup import duration, listed, moment, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow.types import BaseCheckpointSaver
    from nbflow_widgets.explorer_tree import Line

CHANGES = 100
"""Changes of a checkpoint that are told."""


class Fact(NamedTuple):
    """One fact.

    Attributes:
        label: what it is of.
        text: the fact, several lines at times.
        change: of a value, since the checkpoint before; else empty.
    """

    label: str
    text: str
    change: str = ""


def facts_of(saver: BaseCheckpointSaver, line: Line) -> list[Fact]:
    """Return what is known of a line; loads its value, if it is one, however large."""
    kind, thread_id, *rest = line.key
    if kind == "thread":
        return [*_of_thread(saver, thread_id)]
    if kind == "run":
        return [*_of_run(saver, thread_id, rest[0])]
    running = saver.holder(thread_id) is not None
    found = moments(saver, thread_id, rest[0], running=running)
    if kind == "point":
        one = next((one for one in found if point_id(one) == rest[1]), None)
        return [*_of_point(one)] if one is not None else []
    held = held_at(found, line.key)
    return [*_of_value(held)] if held is not None else []


def _of_thread(saver: BaseCheckpointSaver, thread_id: str) -> Iterator[Fact]:
    sizes = saver.sizes(thread_id)
    yield Fact("stored", f"{plural(len(sizes), 'run')}, {size_text(sum(sizes.values()))}")
    newest = next(iter(list_runs(saver, thread_id, limit=1)), "")
    if newest:
        yield from _of_run(saver, thread_id, newest)


def _of_run(saver: BaseCheckpointSaver, thread_id: str, run_id: str) -> Iterator[Fact]:
    records = read_run(saver, thread_id, run_id)
    progress = run_of(records, live=saver.holder(thread_id) is not None).progress
    yield Fact("run", run_id)
    begun = " · ".join(filter(None, [moment(progress.started), str(begun_of(records))]))
    yield Fact("begun", begun)
    if progress.ended is not None:
        yield Fact("worked", duration(worked(progress, progress.ended)))
    yield Fact("calls", listed(progress.counts) or "none")
    source, parent = (str(getattr(records[0], name, None) or "") for name in ("source", "parent"))
    if parent:
        yield Fact("from", f"checkpoint {parent}{' (a fork)' if source == 'fork' else ''}")


def _of_point(one: Moment) -> Iterator[Fact]:
    if one.point is not None:
        yield Fact("checkpoint", one.point.checkpoint_id)
        yield Fact("from", one.point.parent_id or "the beginning of the thread")
    for held in one.changes[:CHANGES]:
        yield Fact(label(held), _change(held), held.change)
    if not one.changes:
        yield Fact("values", "as at the checkpoint before")
    if one.calls:
        yield Fact("since the one before", plural(len(one.calls), "call"))


def _change(held: Held) -> str:
    after = brief(held)
    return f"{brief(held._replace(value=held.before))}\n→ {after}" if held.before is not None else after


def _of_value(held: Held) -> Iterator[Fact]:
    yield Fact(held.kind, text_of_value(held.value), held.change)
    if held.before is not None:
        yield Fact("at the checkpoint before", text_of_value(held.before))
    if held.path:
        yield Fact("arguments", held.shown or "none")
        yield Fact("position", held.path)
    if size_of(held.value):
        yield Fact("stored", size_text(size_of(held.value)))
