"""What a run would do: which of its calls are there already, which run, and why; told without running any."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from itertools import dropwhile, groupby
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.path import around, is_below, order_of
from nbflow.core.record import (
    ROOT,
    Answered,
    CallFailed,
    CallReturned,
    CallSettled,
    RunStarted,
    of_kind,
    seconds_of,
)
from nbflow.core.reusable import key_of, reusable
from nbflow.core.states import BODIES, FINISHED, TAKEN
from nbflow.views.calls import calls_of
from nbflow.views.code import code_of
from nbflow.views.details import answered_before, text_of_question
from nbflow.views.rests import changed_between, changed_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from nbflow.core.record import Asked, FileRead, Record
    from nbflow.views.calls import CallRow

    Look = Callable[[Sequence[FileRead]], tuple[FileRead, FileRead] | None]

_WITHOUT_REASON = frozenset({*BODIES, "map"})  # kinds of calls that run for the sake of others
UNTOLD = "whether its own lines have changed can't be told"
ACTIONS = ("replayed", "reused", "cached", "runs", "sleeps")


class Wanted(NamedTuple):
    """A call that would run.

    Attributes:
        path: position.
        name, kind: as of a call record.
        shown: the arguments as short text.
        inputs, code: digests of its arguments and of the task's code; empty when unknown.
        text: the task's source, as it is now.
        parts: what it names, by name, as of ``Code``.
        files: that it has read, if it has run.
    """

    path: str
    name: str
    kind: str
    shown: str
    inputs: bytes
    code: bytes
    text: str
    parts: Mapping[str, str]
    files: tuple[FileRead, ...] = ()


class PlannedCall(NamedTuple):
    """A call that a run would make.

    Attributes:
        path: position.
        name: of the task.
        action: ``"replayed"``, ``"reused"`` or ``"cached"``: its result is there; ``"runs"``, ``"sleeps"``.
        reason: why it runs; of one whose result is there, what is to be known of that: mostly empty.
        seconds: how long it took when it last ran, or calls of its name did; None where none did.
        shown: the arguments as short text.
    """

    path: str
    name: str
    action: str
    reason: str = ""
    seconds: float | None = None
    shown: str = ""


class Plan(NamedTuple):
    """What a run would do, as far as it can be told without running anything.

    Attributes:
        workflow: its name.
        calls: in the order of their positions.
        questions: what would be asked, as short texts.
        unknown: position of the first call whose result the body needs to go on; empty if it came to its end.
        after: calls that the last run made and this one has not come to: their names, each with how many.
        seconds: about how long it takes, by the calls of the last run, those ``after`` too; None if that is not known,
            or nothing runs.
        error: what the body raised when it was replayed; None if nothing.
        changed: what of the body's code, or of what that names, is not as it was when the run began; empty if all is.
        spared: how many of the calls that run a run with ``reuse`` would take over, as far as it can be told.
        before: of each question what was answered to the same one in the run that results are taken from, in words.
    """

    workflow: str
    calls: tuple[PlannedCall, ...]
    questions: tuple[str, ...] = ()
    unknown: str = ""
    after: Mapping[str, int] = {}
    seconds: float | None = None
    error: BaseException | None = None
    changed: str = ""
    before: tuple[str, ...] = ()
    spared: int = 0

    @property
    def asks(self) -> list[str]:
        """The questions, each with what was answered to it before."""
        before = self.before or ("",) * len(self.questions)
        return [f"{text} ({told})" if told else text for text, told in zip(self.questions, before, strict=True)]

    @property
    def runs(self) -> list[PlannedCall]:
        """The calls that would run."""
        return [call for call in self.calls if call.action in {"runs", "sleeps"}]

    @property
    def taken(self) -> list[PlannedCall]:
        """The calls whose results are there."""
        return [call for call in self.calls if call.action not in {"runs", "sleeps"}]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def spares(self, option: str = "reuse=True") -> str:
        """Return what a run that takes nothing over could take over; ``option`` is how that is asked for."""
        return f"{option} would take over {self.spared} of these {len(self.runs)}, at least" if self.spared else ""

    def lines(self, option: str = "reuse=True") -> list[str]:
        """Return the plan as lines of text: what is there, what runs and why, what can't be known.

        Args:
            option: how a run is asked for that takes results over.
        """
        there: dict[str, int] = {}
        for call in self.taken:
            there[call.action] = there.get(call.action, 0) + 1
        listed = ", ".join(f"{count} {action}" for action, count in there.items())
        runs = len(self.runs)
        lines = [
            f"{self.workflow}: nothing runs" if not runs else f"{self.workflow}: {runs} of {len(self.calls)} calls run"
        ]
        lines[0] += f" ({listed})" if listed else ""
        for alike in folded(call for call in self.calls if call.reason):
            call, count = alike[0], len(alike)
            where = call.path if count == 1 else f"{count} calls, {call.path} to {alike[-1].path}"
            lines.append(f"  {call.name} ({where}) {call.action}: {call.reason}")
        lines += [f"  {self.spares(option)}"] if self.spared else []
        lines += [f"  asks: {text}" for text in self.asks]
        if self.unknown or self.after:
            rest = ", ".join(name if count == 1 else f"{count} {name}" for name, count in self.after.items())
            last = f"; last time came then: {rest}" if rest else ""
            where = f"the result of {self.unknown} is not there" if self.unknown else "an answer is not there"
            lines.append(f"  from there on it can't be known: {where}{last}")
        if self.error is not None:
            lines.append(f"  the body raises {self.error!r}")
        if self.seconds is not None:
            lines.append(f"  about {_duration(self.seconds)}, by the last run")
        return lines


def folded(calls: Iterable[PlannedCall]) -> list[list[PlannedCall]]:
    """Return calls with those in one list that follow each other, and have the same name and reason."""
    return [[*alike] for _, alike in groupby(calls, key=lambda call: (call.name, call.action, call.reason))]


class Planning:
    """Tells what became of the calls of a replayed body, beside what is recorded.

    Args:
        source: records of the run that results are taken from or compared with; empty for none.
        reuse: whether it takes results of that run.
        is_same: whether it goes on with that run itself.
        look: returns the first of some files that is another one now, before and now; None if all are as they were.
    """

    def __init__(self, source: Sequence[Record], *, reuse: bool, is_same: bool, look: Look = lambda _: None) -> None:
        self._source = source
        self._reuse = reuse
        self._is_same = is_same
        self._look = look
        self._settled = {record.path: record for record in source if isinstance(record, CallSettled)}
        self._rows = {row.path: row for row in calls_of(source)}
        self._code = code_of(source)
        self._usual = _usual_times(self._settled.values())
        self._answered = {record.path for record in of_kind(source, Answered)}

    def plan(
        self,
        workflow: str,
        there: Iterable[CallRow],
        wanted: Iterable[Wanted],
        asked: Iterable[Asked],
        unknown: str,
        notes: Mapping[str, str] | None = None,
    ) -> Plan:
        """Return the plan.

        Args:
            workflow: name.
            there: calls whose results are there.
            wanted: calls that would run.
            asked: questions that would be asked.
            unknown: position of the call whose result the body needs; empty if it came to its end.
            notes: by position, what is to be known of a result that is there.
        """
        told = notes or {}
        calls = [
            PlannedCall(row.path, row.name, _action(row), told.get(row.path, ""), shown=row.shown) for row in there
        ]
        wanted = tuple(wanted)
        for call in wanted:
            action = "sleeps" if call.kind == "sleep" else "runs"
            calls.append(PlannedCall(call.path, call.name, action, self._reason(call), self._took(call), call.shown))
        calls.sort(key=lambda call: order_of(call.path))
        spared = self._spared(wanted) if not self._reuse and not self._is_same else 0
        asked = tuple(asked)
        questions = tuple(text_of_question(one) if one.value is not None else "" for one in asked)
        before = tuple(answered_before(one.answered_before, one.schema) for one in asked)
        after = self._after({call.path for call in calls}) if unknown or questions else {}
        return Plan(
            workflow, tuple(calls), questions, unknown, after, self._seconds(calls, after), before=before, spared=spared
        )

    def changed(self, body: Wanted) -> str:
        """Return in words what of a body's code is not as it was when the run began; empty if all is, or no run did."""
        started = next(iter(of_kind(self._source, RunStarted)), None)
        if started is None or not self._is_same or started.code == body.code:
            return ""
        before = self._code.kept.get((started.workflow, started.code))
        if before is None:
            return "its code has changed"
        parts, now = dict(before.parts), {name: text for name, text in body.parts.items() if name}
        if parts != now:
            return changed_parts(parts, now)
        if not before.text:  # of a cell that is a body: no def has the digest that it had
            return UNTOLD
        line = changed_line(_without_decorators(before.text), _without_decorators(body.text))
        return f"its code has changed in {line}" if line else "its code has changed"

    def ran(self, records: Sequence[Record]) -> list[PlannedCall]:
        """Return the calls that ran in another run, which took results over from this one, each with the reason."""
        code, found = code_of(records), list[PlannedCall]()
        for record in records:
            if not isinstance(record, (CallReturned, CallFailed)) or record.kind in _WITHOUT_REASON or record.copied:
                continue
            if isinstance(record, CallReturned) and (record.reused or record.cached):
                continue
            kept = code.kept.get((record.name, record.code))
            text, parts = (kept.text, dict(kept.parts)) if kept is not None else ("", {})
            files = record.files if isinstance(record, CallReturned) else ()
            call = Wanted(
                record.path, record.name, record.kind, record.shown, record.inputs, record.code, text, parts, files
            )
            found.append(PlannedCall(call.path, call.name, "runs", self._reason(call), shown=call.shown))
        return sorted(found, key=lambda call: order_of(call.path))

    def _spared(self, wanted: Iterable[Wanted]) -> int:
        """Return how many calls have a result that a run with ``reuse`` would take over."""
        results = reusable(self._source, self._settled.values())
        there = Counter(key_of(one) for one in results if self._look(one.files) is None)
        asked = Counter((one.name, one.kind, one.inputs, one.code) for one in wanted)
        return sum((there & asked).values())

    def _reason(self, call: Wanted) -> str:
        if call.kind == "sleep":
            return f"for {call.shown}"
        if not self._source or (not self._reuse and not self._is_same):
            return "a new run takes nothing over" if self._source else "nothing has run before"
        row = self._rows.get(call.path)
        if row is not None and row.name == call.name and call.path not in self._settled:
            return "it waits for an answer" if row.state == "asking" else "it had not ended"
        past = self._counterpart(call)
        if past is None:
            return "the last run did not call it"
        return next(self._differences(past, call))

    def _differences(self, past: CallSettled, call: Wanted) -> Iterator[str]:
        """Yield why a recorded call does not stand for one that is wanted."""
        if past.code != call.code and past.code and call.code:
            yield self._changed_code(past, call)
        if past.inputs != call.inputs and past.path != call.path:
            yield f"no call of it had these arguments: {_short(call.shown)}"
        if past.inputs != call.inputs:
            hidden = " (they differ in what these texts leave out)" if past.shown == call.shown else ""
            yield f"its arguments are {_short(call.shown)}; they were {_short(past.shown)}{hidden}"
        if isinstance(past, CallFailed):
            yield f"it failed: {_short(repr(past.get()))}" if past.value is not None else "it was cancelled"
        if isinstance(past, CallReturned) and past.files and (file := self._changed_file(past, call)):
            yield file
        if not (call.inputs and call.code):
            yield "its code or arguments can't be told from others"
        if any(path == past.path or is_below(path, past.path) for path in self._answered):
            yield "a person's answer went into its result"
        yield "its result was taken by another call already" if self._reuse else "what stood before it has changed"

    def _counterpart(self, call: Wanted) -> CallSettled | None:
        """Return the recorded call that it is compared with: at its position, or with its arguments."""
        namesakes = sorted(
            (one for one in self._settled.values() if (one.name, one.kind) == (call.name, call.kind)),
            key=lambda one: order_of(one.path),  # whichever ended first
        )
        here = [one for one in namesakes if one.path == call.path]
        same = [one for one in namesakes if one.inputs == call.inputs]
        return next(iter([*(one for one in here if one in same), *same, *here, *namesakes]), None)

    def _changed_code(self, past: CallSettled, call: Wanted) -> str:
        before = self._code.kept.get((past.name, past.code))
        if before is None:
            return "its code has changed"
        texts = before.text, call.text
        if _decorators(before.text) != _decorators(call.text):  # which don't count, and a %%task has none
            texts = _without_decorators(before.text), _without_decorators(call.text)
        if line := changed_line(*texts):
            return f"its code has changed in {line}"
        return changed_parts(dict(before.parts), call.parts)

    def _changed_file(self, past: CallReturned, call: Wanted) -> str:
        """Return in words a file that a recorded call has read and that is another one now; empty if none is."""
        changed = self._look(past.files)
        return changed_in_words(*changed) if changed is not None else changed_between(past.files, call.files)

    def _took(self, call: Wanted) -> float | None:
        """Return how long the call took when it last ran, else the median of those of its name."""
        here = self._settled.get(call.path)
        took = seconds_of(here) if here is not None and here.name == call.name and not _failed(here) else None
        return took if took is not None else self._usual.get(call.name)

    def _after(self, planned: set[str]) -> Mapping[str, int]:
        """Return by name how many calls of bodies the last run made at positions that this one has not come to."""
        found: dict[str, int] = {}
        around_them = {one for path in planned for one in around(path)}
        bodies = {path for path, row in self._rows.items() if row.kind in BODIES}
        for path in sorted(self._rows, key=order_of):
            row = self._rows[path]
            if path in around_them or row.kind in BODIES or row.parent not in bodies:
                continue
            if path != ROOT:
                found[row.name] = found.get(row.name, 0) + 1
        return found

    def _seconds(self, calls: Sequence[PlannedCall], after: Mapping[str, int]) -> float | None:
        """Return about how long it takes: of what is to be done, the share that the last run's work had of its time."""
        runs = [call.seconds for call in calls if call.action == "runs"]
        times = [seconds for seconds in runs if seconds is not None]
        root = self._rows.get(ROOT)
        if not runs or len(times) < len(runs) or root is None or root.ended is None:
            return None
        callers = {row.parent for row in self._rows.values()}
        work = sum(
            row.ended - row.started
            for row in self._rows.values()
            if row.path not in callers and row.ended is not None and row.state in FINISHED and row.state not in TAKEN
        )
        todo = sum(times) + sum(self._usual.get(name, 0.0) * count for name, count in after.items())
        return min(todo, (root.ended - root.started) * todo / work) if work else todo


def _failed(record: CallSettled) -> bool:
    return isinstance(record, CallFailed)


def _usual_times(settled: Iterable[CallSettled]) -> dict[str, float]:
    """Return by name how long calls took where they ran: the median."""
    times: dict[str, list[float]] = {}
    for record in settled:
        took = seconds_of(record) if not _failed(record) else None
        if took is not None:
            times.setdefault(record.name, []).append(took)
    return {name: median(some) for name, some in times.items()}


def changed_line(before: str, after: str) -> str:
    """Return the first line that differs between two sources, with its number; empty if none does."""
    if not before or not after or before == after:
        return ""
    old, new = before.splitlines(), after.splitlines()
    for tag, i, _, j, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            shown = new[j].strip() if j < end else f"without {old[i].strip()!r}"
            return f"line {j + 1}: {_short(shown)}"
    return ""


def _without_decorators(text: str) -> str:
    """Return the source of a function from its ``def`` on: where it is defined again, others may stand above it."""
    lines = text.splitlines()
    return "\n".join(dropwhile(lambda one: not one.lstrip().startswith(("def ", "async def ")), lines))


def _decorators(text: str) -> str:
    """Return what stands above the ``def`` of a function."""
    rest = _without_decorators(text)
    return text.removesuffix(rest) if rest else ""


def changed_parts(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return in words what a function names that has changed, with the line where it is a function's."""
    for label, text in after.items():
        if label and before.get(label) != text:
            name, _, home = label.partition(_IS)
            if label in before:
                line = changed_line(before[label], text)
                return f"{name!r}, which it uses, has changed" + (f" in {line}" if "\n" in text and line else "")
            was = next((one for one in before if one.startswith(f"{name}{_IS}") and one not in after), "")
            return f"{name!r}, which it uses, is {home} now" if home and was else f"it uses {name!r} now"
    gone = next((label for label in before if label and label not in after), "")
    return f"it does not use {gone.partition(_IS)[0]!r} any more" if gone else "something that it uses has changed"


_IS = " is "  # between a name and the installed thing that it stands for


def _action(row: CallRow) -> str:
    return row.state if row.state in ACTIONS else "replayed"


_LONG = 60
_MINUTE, _HOUR = 60.0, 3600.0


def _short(text: str) -> str:
    return (text if len(text) <= _LONG else f"{text[: _LONG - 1]}…") or "none"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.2g} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < _HOUR else f"{seconds / _HOUR:.1f} h"


__all__ = ["ACTIONS", "UNTOLD", "Plan", "PlannedCall", "Planning", "Wanted", "changed_line", "changed_parts", "folded"]
