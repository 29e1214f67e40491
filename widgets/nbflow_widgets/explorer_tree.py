"""The tree of the explorer: threads, their runs, the checkpoints of those, and what each of them holds.

Reads what is open and nothing else; keeps short texts and no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from nbflow import list_runs, read_run
from nbflow.views.calls import Record
from nbflow.views.details import text_of_value
from nbflow.views.moments import EQUAL, Held, Moment, is_large, moments_of, size_of
from nbflow.views.rows import run_state
from nbflow_widgets.explorer_threads import TAIL
from nbflow_widgets.files import size_text
from nbflow_widgets.markup import moment, plural, visible
from nbflow_widgets.waiting import mark_of

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver
    from nbflow_widgets.explorer_threads import Known

THREADS, RUNS, POINTS, VALUES = 200, 100, 100, 100
"""How many of each are shown below one line; more are counted."""
BRIEF = 160
SOURCES = {"fork": "forked", "update": "written by hand"}
NAMES = {"update": "state written by hand", "fork": "copy of a state", "since": "since then"}

Key = tuple[str, ...]  # kind, thread, run, checkpoint, number: as far down as it goes


class Line(NamedTuple):
    """One line of the tree.

    Attributes:
        key: what it stands for; its first part is ``thread``, ``run``, ``point``, ``value``, ``call`` or ``more``.
        name: what it is called.
        text: what is told of it.
        state: how it stands; empty for a value.
        change: since the checkpoint before; empty for what is no value.
        when: seconds since 1970; 0.0 for what has no time of its own.
        is_open: whether what is below it is shown; None where there is nothing.
        own: what no other run has, such as its id; empty where there is nothing like it.
    """

    key: Key
    name: str
    text: str = ""
    state: str = ""
    change: str = ""
    when: float = 0.0
    is_open: bool | None = None
    own: str = ""

    @property
    def depth(self) -> int:
        """How far down it stands, from 0."""
        return len(self.key) - 2

    def told(self, *, times: bool = True) -> str:
        """Return what is told of it, with its time and id unless that must not differ between runs."""
        when = moment(self.when) if self.when else ""
        return " · ".join(filter(None, [self.text, *([self.own, when] if times else [])]))


class _Below(NamedTuple):
    """What was found below a line.

    Attributes:
        mark: how far the thread or run had come then.
        lines: below it, whatever is open; of a run, those below its checkpoints too.
    """

    mark: str
    lines: Sequence[Line]


class Tree:
    """Lines of what is open.

    Args:
        saver: keeps the threads.

    Attributes:
        open: keys of what is open.
    """

    def __init__(self, saver: BaseCheckpointSaver) -> None:
        self.open: set[Key] = set()
        self._saver = saver
        self._below: dict[Key, _Below] = {}

    def turn(self, key: Key, *, opens: bool) -> None:
        """Open a line or close it; `read` fetches what is below it."""
        if opens:
            self.open.add(key)
        else:
            self.open.discard(key)
            for one in [one for one in tuple(self._below) if one[1 : len(key)] == key[1:]]:
                del self._below[one]

    def read(self) -> bool:
        """Fetch what is below open threads and runs, if they have moved; return whether anything was."""
        found = False
        for key in sorted(self.open.copy(), key=len):
            if key[0] in {"thread", "run"}:
                found |= self._read(key)
        return found

    def _read(self, key: Key) -> bool:
        mark, _ = mark_of(self._saver, key[1], key[2] if key[0] == "run" else "")
        running = self._saver.holder(key[1]) is not None
        mark = f"{mark} {running}"
        known = self._below.get(key)
        if known is not None and known.mark == mark:
            return False
        lines = self._runs(key[1], running) if key[0] == "thread" else self._points(key, running)
        self._below[key] = _Below(mark, lines)
        return True

    def _runs(self, thread_id: str, running: bool) -> list[Line]:  # noqa: FBT001  # of this module alone
        runs = list_runs(self._saver, thread_id)
        lines = [self._run(thread_id, one, running=running and one == runs[0]) for one in runs[:RUNS]]
        return [*lines, *more(("more", thread_id, ""), len(runs) - RUNS, "run")]

    def _run(self, thread_id: str, run_id: str, *, running: bool) -> Line:
        first = read_run(self._saver, thread_id, run_id, first=1)
        last = read_run(self._saver, thread_id, run_id, last=TAIL)
        if not first or not last:
            return Line(("run", thread_id, run_id), "a run that was deleted")
        source = str(getattr(first[0], "source", ""))
        told = SOURCES.get(source, "")
        name = str(getattr(first[0], "workflow", ""))
        state = run_state(last, running=running)
        return Line(("run", thread_id, run_id), name, told, state, when=first[0].at, own=f"id {run_id}")

    def _points(self, key: Key, running: bool) -> list[Line]:  # noqa: FBT001  # as above
        found = moments(self._saver, key[1], key[2], running=running)
        lines: list[Line] = []
        for one in found[:POINTS]:
            below = ("point", *key[1:], point_id(one))
            lines += [_point(below, one), *_held(below, one)]
        return [*lines, *more(("more", *key[1:], ""), len(found) - POINTS, "checkpoint")]

    def lines(self, threads: Sequence[Known]) -> list[Line]:
        """Return the lines that are shown, given the threads that are listed."""
        found: list[Line] = []
        for one in threads[:THREADS]:
            row = one.row
            told = [row.workflow, plural(row.questions, "question") if row.questions else ""]
            key = ("thread", row.thread_id)
            text = " · ".join(filter(None, told))
            is_open = key in self.open
            found.append(Line(key, row.thread_id, text, row.state, when=row.updated, is_open=is_open))
            found += self._shown(key) if is_open else ()
        return [*found, *more(("more", ""), len(threads) - THREADS, "thread", ": type into the filter above")]

    def _shown(self, key: Key) -> Iterator[Line]:
        """Yield the lines below one that is open."""
        below = self._below.get(key)
        if below is None:
            yield Line(("more", *key[1:], "reading"), "reading …")
            return
        for one in below.lines:
            if one.key[0] == "run":
                is_open = one.key in self.open
                yield one._replace(is_open=is_open)
                yield from self._shown(one.key) if is_open else ()
            elif one.is_open is not None:
                yield one._replace(is_open=one.key in self.open)
            elif len(one.key) <= len(key) + 1 or ("point", *one.key[1:4]) in self.open:
                yield one


def moments(saver: BaseCheckpointSaver, thread_id: str, run_id: str, *, running: bool) -> list[Moment]:
    """Return the checkpoints of a stored run, the newest first, compared with what the run began from."""
    records = read_run(saver, thread_id, run_id)
    newest = next(iter(list_runs(saver, thread_id, limit=1)), "")
    return moments_of(records, _origin(saver, thread_id, records), running=running and run_id == newest)


def _origin(saver: BaseCheckpointSaver, thread_id: str, records: Sequence[Record]) -> Sequence[Record]:
    """Return the records of the run that one began from, if it began from the end of one."""
    prior = getattr(records[0], "prior", None) if records else None
    return read_run(saver, thread_id, prior) if prior else ()


def point_id(one: Moment) -> str:
    """Return the id of a checkpoint; empty for what has come after the last one."""
    return one.point.checkpoint_id if one.point is not None else ""


def _point(key: Key, one: Moment) -> Line:
    """Return the line of a checkpoint: what it is, and what has changed."""
    is_open = False if one.values or one.calls else None
    changes = ", ".join(dict.fromkeys(f"{label(held)} {held.change}" for held in one.changes[:_TOLD]))
    calls = plural(len(one.calls), "call") if one.calls else ""
    step = f"step {one.point.step}" if one.point is not None and one.kind not in {"input", "step"} else ""
    text = " · ".join(filter(None, [step, calls, changes]))
    if one.point is None:
        return Line(key, NAMES[one.kind], text, is_open=is_open)
    name = f"step {one.point.step}" if one.kind == "step" else NAMES.get(one.kind, one.kind)
    return Line(key, name, text, one.point.state, when=one.point.at, is_open=is_open)


def _held(key: Key, one: Moment) -> Iterator[Line]:
    """Yield the lines below a checkpoint: what it holds, then the calls since the one before."""
    for kind, values in (("value", one.values), ("call", one.calls)):
        below = (kind, *key[1:])
        for number, held in enumerate(values[:VALUES]):
            shown = f" ({held.shown})" if held.shown else ""
            yield Line((*below, held.path or str(number)), f"{label(held)}{shown}", brief(held), change=held.change)
        yield from more(("more", *key[1:], kind), len(values) - VALUES, kind)


def label(held: Held) -> str:
    """Return what a value is called: a state by its key, a call by its name, else by its kind."""
    if held.kind in {"state", "call"}:
        return held.name
    return f"{held.kind} of {held.name}" if held.name and held.kind == "question" else held.kind


def brief(held: Held) -> str:
    """Return a value as one short line; of a large one, which is loaded only if asked for, the size."""
    if is_large(held.value):
        return f"{size_text(size_of(held.value))}, not loaded"
    text = " ".join(text_of_value(held.value, brief=True)[: BRIEF * 4].split())
    return text if len(text) <= BRIEF else f"{text[: BRIEF - 1]}…"


def more(key: Key, count: int, noun: str, way: str = "") -> list[Line]:
    """Return the line that counts what is not shown; none if all is."""
    return [Line(key, f"and {plural(count, noun)} more{way}")] if count > 0 else []


def text_of(lines: Iterable[Line], *, times: bool) -> str:
    """Return lines as text."""
    shown = []
    for line in lines:
        facts = ": ".join(filter(None, [line.name, " · ".join(filter(None, [line.state, line.told(times=times)]))]))
        mark = _SIGNS.get(line.change, "")
        shown.append(f"{'  ' * line.depth}{mark}{facts}")
    return visible_lines(shown)


def held_at(found: Sequence[Moment], key: Key) -> Held | None:
    """Return what the line of a value or call stands for; None if it is no more."""
    one = next((one for one in found if point_id(one) == key[3]), None)
    if one is None:
        return None
    if key[0] == "call":
        return next((held for held in reversed(one.calls) if held.path == key[4]), None)
    return one.values[int(key[4])] if int(key[4]) < len(one.values) else None


def visible_lines(lines: Iterable[str]) -> str:
    """Return lines as a text in which nothing of a user's makes a line of its own."""
    return "\n".join(visible(" ".join(line.splitlines())) for line in lines)


_TOLD = 5  # changes in the line of a checkpoint
_SIGNS = {"new": "+ ", "changed": "~ ", "gone": "- ", EQUAL: "= ", "copied": "+ "}
