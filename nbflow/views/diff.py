"""Two runs side by side: which of their calls are the same, what differs, and the code that made it so.

Calls are matched under callers that are matched: first those with the same name and the same arguments, then those
with the same name, each time in their order. So a call that was put in between, or left out, moves nothing else.
"""

from __future__ import annotations

from collections import defaultdict, deque
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.path import order_of
from nbflow.core.record import ROOT, CallSettled, RunStarted, Value
from nbflow.core.states import FINISHED
from nbflow.views.calls import CallRow
from nbflow.views.code import Code, CodeView
from nbflow.views.details import text_of_value
from nbflow.views.progress import RunView
from nbflow.views.rests import changed_between

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from nbflow.core.record import Record

LINES = 3_000
"""Lines of a source that are compared at most."""
SMALL = 1_000_000
"""Bytes of a stored value up to which two with other bytes are compared as objects."""


class Side(NamedTuple):
    """One of the two runs.

    Attributes:
        view: its calls and how it stands.
        code: its code.
        settled: by position, the record of each call's end; of the body its first record.
    """

    view: RunView
    code: CodeView
    settled: dict[str, CallSettled | RunStarted]

    def code_of(self, path: str) -> Code | None:
        """Return the code of a call; None where no code is known of."""
        return self.code.of([self.settled[path]]) if path in self.settled else None


class CallDiff(NamedTuple):
    """A call of one run, and the one of the other run that is the same.

    Attributes:
        before: of the first run; None if only the other one made it.
        after: of the second run; None likewise.
        differs: what differs: ``code``, ``arguments``, ``files``, ``state``, ``result``, ``error``; empty for a call of
            one run.
    """

    before: CallRow | None
    after: CallRow | None
    differs: tuple[str, ...] = ()

    @property
    def change(self) -> str:
        """How they compare: ``equal``, ``changed``, ``only before`` or ``only after``."""
        if self.before is None or self.after is None:
            return "only after" if self.before is None else "only before"
        return "changed" if self.differs else "equal"


class CodeDiff(NamedTuple):
    """The code of a function that is not the same in both runs.

    Attributes:
        before, after: the code that ran last in each run.
        lines: what changed in its text, as ``diff -u`` shows it; empty if the text is the same, or was not kept.
    """

    before: Code
    after: Code
    lines: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why there are no lines; empty if there are."""
        if self.lines:
            return ""
        if not (self.before.text and self.after.text):
            return "its code is another one; the source was not kept in both runs"
        return "its source is the same; something that it names has changed: a helper, a class, a value"


class RunDiff(NamedTuple):
    """Two runs side by side.

    Attributes:
        before, after: the runs.
        calls: their calls, the bodies first, in the order of the second run, with those of the first in between.
        code: the functions whose code is not the same; those first whose text has changed.
    """

    before: Side
    after: Side
    calls: Sequence[CallDiff]
    code: Sequence[CodeDiff]


def diff_of(before: Iterable[Record], after: Iterable[Record]) -> RunDiff:
    """Return two runs side by side.

    Args:
        before: the records of the first run.
        after: those of the second.
    """
    one, other = _side(before), _side(after)
    calls = [_compared(one, other, *pair) for pair in _pairs(one, other)]
    return RunDiff(one, other, calls, _code(one, other, calls))


def _side(records: Iterable[Record]) -> Side:
    side = Side(RunView(), CodeView(), {})
    for record in tuple(records):
        side.view.fold(record)
        side.code.fold(record)
        if isinstance(record, (CallSettled, RunStarted)):
            side.settled[record.path] = record
    return side


def _pairs(one: Side, other: Side) -> list[tuple[str, str]]:
    """Return the positions of calls that are the same, each with an empty text for a call of one run alone."""
    mine, its = _below(one), _below(other)
    found: list[tuple[str, str]] = []
    waiting = [(ROOT if mine else "", ROOT if its else "")]
    while waiting:
        before, after = waiting.pop()
        if before or after:
            found.append((before, after))
            inner = mine.get(before, ()) if before else (), its.get(after, ()) if after else ()
            waiting += reversed(_matched(one, other, *inner))
    return found


def _below(side: Side) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(side.view.calls.rows, key=order_of):
        found[side.view.calls.rows[path].parent].append(path)
    return found


def _matched(one: Side, other: Side, mine: Sequence[str], its: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of calls below two callers, in the order of the second one's."""
    partner: dict[str, str] = {}
    for key in (_exactly, _by_name):
        free: dict[Hashable, deque[str]] = defaultdict(deque)
        taken = set(partner.values())
        for path in mine:
            if path not in taken:
                free[key(one, path)].append(path)
        for path in its:
            if path not in partner and free[key(other, path)]:
                partner[path] = free[key(other, path)].popleft()
    taken = set(partner.values())
    left = deque(path for path in mine if path not in taken)
    place = {path: number for number, path in enumerate(mine)}
    found: list[tuple[str, str]] = []
    for path in its:
        while path in partner and left and place[left[0]] < place[partner[path]]:
            found.append((left.popleft(), ""))
        found.append((partner.get(path, ""), path))
    return [*found, *((path, "") for path in left)]


def _exactly(side: Side, path: str) -> Hashable:
    return (*_by_name(side, path), _inputs(side, path))


def _by_name(side: Side, path: str) -> tuple[str, str]:
    row = side.view.calls.rows[path]
    return row.name, row.kind


def _inputs(side: Side, path: str) -> bytes | str:
    record = side.settled.get(path)
    return (record.inputs if isinstance(record, CallSettled) else b"") or side.view.calls.rows[path].shown


def _compared(one: Side, other: Side, before: str, after: str) -> CallDiff:
    mine, its = one.view.calls.rows.get(before), other.view.calls.rows.get(after)
    if mine is None or its is None:
        return CallDiff(mine, its)
    differs = []
    first, second = one.code_of(before), other.code_of(after)
    if first is not None and second is not None and first.digest != second.digest:
        differs.append("code")
    if after == ROOT:
        if not same_value(_value_of(one.settled.get(ROOT)), _value_of(other.settled.get(ROOT))):
            differs.append("arguments")
    elif _inputs(one, before) != _inputs(other, after):
        differs.append("arguments")
    read = [getattr(side.settled.get(path), "files", ()) for side, path in ((one, before), (other, after))]
    if changed_between(*read):
        differs.append("files")
    ended = [FINISHED[0] if row.state in FINISHED else row.state for row in (mine, its)]
    if ended[0] != ended[1]:
        differs.append("state")
    elif not same_value(mine.value, its.value):
        differs.append("error" if ended[0] == "failed" else "result")
    return CallDiff(mine, its, tuple(differs))


def _value_of(record: Record | None) -> Value | None:
    return record.value if record is not None else None


def same_value(one: Value | None, other: Value | None) -> bool:
    """Whether two values are the same, as far as that can be told without loading large ones."""
    if one is None or other is None:
        return one is other
    if one.raw == other.raw and (one.raw is not None or one.live is other.live):
        return True
    if any(len(value.raw or b"") > SMALL for value in (one, other)):
        return False
    try:
        first, second = one.get(), other.get()
        if isinstance(first, BaseException) or isinstance(second, BaseException):  # two have never the same traceback
            return text_of_value(one, brief=True) == text_of_value(other, brief=True)
        return type(first) is type(second) and bool(first == second)
    except Exception:  # noqa: BLE001  # a class of the user's, or arrays, that can't say whether they are equal
        return False


def _code(one: Side, other: Side, calls: Sequence[CallDiff]) -> list[CodeDiff]:
    found: dict[tuple[str, str], CodeDiff] = {}
    for call in calls:
        if call.before is None or call.after is None or "code" not in call.differs:
            continue
        before, after = one.code_of(call.before.path), other.code_of(call.after.path)
        if before is not None and after is not None:
            found[call.after.name, call.after.kind] = CodeDiff(before, after, _lines(before, after))
    return sorted(found.values(), key=lambda code: not code.lines)


def _lines(before: Code, after: Code) -> tuple[str, ...]:
    if not (before.text and after.text):
        return ()
    first, second = (code.text.splitlines()[:LINES] for code in (before, after))
    lines = unified_diff(first, second, f"{before.name}, before", f"{after.name}, after", lineterm="")
    return tuple(islice(lines, LINES))


__all__ = ["CallDiff", "CodeDiff", "RunDiff", "Side", "diff_of", "same_value"]
