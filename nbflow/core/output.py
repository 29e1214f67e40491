"""What the code of calls says while it runs: prints, logs, warnings and displays, bounded, on its way into the log.

Of a call that says a lot the first and the last characters are kept. What a task says becomes durable with its end.
What a body says becomes so with the ends of its calls, as long as that is the beginning, and the rest with the end of
the run; so a crash loses little of it. Nothing here can fail a run.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from nbflow.core.path import around
from nbflow.core.record import Output, Said, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.core.call import Call, Frame
    from nbflow.core.log import Log

    # A call; where its code stood: branch, step and attempt; stream, what was said, id of a display.
    _Piece = tuple[Call, str, int, int, str, str | Mapping[str, object], str]

FIRST = LAST = 20_000
"""Characters of the beginning, and of the end, of what one call says, that are kept."""
EACH = 40
"""Characters that a piece counts for beside its text."""
MANY, LONG = 64, 2_000
"""Texts that may wait to be taken in, and characters of one that is taken in at once."""
DISPLAYS = 10
"""Displays of a call that are kept."""
LIMITS = {"text/plain": 5_000, "image/png": 200_000, "image/svg+xml": 100_000, "text/html": 50_000}
"""Forms of a display that are kept, and how many characters of each at most; of a text the first are kept."""


def place_of(frame: Frame) -> tuple[tuple[int, ...], ...]:
    """Return what sorts the places where code stands, whichever of several calls or branches came there first.

    A body comes before a call that it makes then, that before what the body comes to afterwards, and calls and
    branches stand in the order in which they were made.
    """
    steps: list[tuple[int, ...]] = [(frame.calls, 1, frame.made, 0)]
    here: Frame | None = frame
    while here is not None:
        if here.around is not None:
            calls, made = here.place
            steps.append((calls, 1, made, 1))
            here = here.around
        else:
            call, here = here.call, here.call.caller
            if here is not None:
                steps.append((int(call.path.rpartition(".")[2]), 2))
    return tuple(reversed(steps))


class Outputs:
    """What the calls of one run say.

    Who says something only puts it into ``inbox``, so that this may happen anywhere, also where the collector of
    garbage runs an object's end in the middle of a step of the run.

    Attributes:
        inbox: what was said and has not been taken in.
        is_heard: whether anything was ever said.
        loose: records of calls that are over, for the next commit.
    """

    __slots__ = ("_busy", "_open", "inbox", "is_heard", "loose")

    def __init__(self) -> None:
        self.inbox: deque[_Piece] = deque()
        self.is_heard = False
        self.loose: list[Output] = []
        self._open: dict[str, _Kept] = {}
        self._busy = False

    def put(self, frame: Frame, stream: str, content: str | Mapping[str, object], display: str = "") -> bool:
        """Note what the code of a frame says; return whether it is time to take in what was said.

        Args:
            frame: where the code stands.
            stream: ``"stdout"``, ``"stderr"`` or ``"display"``.
            content: a text, or the forms of a display.
            display: id of the display, by which it may be replaced; empty for none.
        """
        call = frame.call
        self.inbox.append((call, frame.prefix, frame.calls + frame.asks, call.attempt, stream, content, display))
        self.is_heard = True
        return len(content) > LONG or len(self.inbox) > MANY or stream == "display"

    def fold(self) -> None:
        """Take in what was said; the lock of the run is held."""
        if self._busy:  # the end of an object said something while this was at it
            return
        self._busy = True
        try:
            while self.inbox:
                first = self.inbox.popleft()
                call, prefix, step, attempt, stream, content, display = first
                if isinstance(content, str):
                    texts = [content]
                    while self.inbox and self.inbox[0][:5] == first[:5]:  # most prints are made of several texts
                        texts.append(str(self.inbox.popleft()[5]))
                    content = "".join(texts)
                kept = self._open.get(call.path)
                if kept is None:
                    kept = self._open[call.path] = _Kept(call.path, call.spec.name)
                kept.add(Said(prefix[len(call.path) :], step, attempt, stream, content), display)
        finally:
            self._busy = False

    def end(self, call: Call, now: float) -> None:
        """Take in that a call is over, so that all it said goes with the next commit."""
        self.fold()
        kept = self._open.pop(call.path, None)
        if kept is not None:
            self.loose += kept.taken(now, is_all=True)

    def take(self, call: Call, now: float) -> list[Output]:
        """Take what goes with a commit of a call: what ended calls said, and at first it and the bodies around it."""
        self.fold()
        taken, self.loose = self.loose, []
        for path in around(call.path):
            kept = self._open.get(path)
            if kept is not None:
                taken += kept.taken(now)
        return taken

    def so_far(self, path: str, now: float) -> list[Output]:
        """Return what the call at a position, which still works, has said and no commit carries yet."""
        self.fold()
        kept = self._open.get(path)
        return kept.so_far(now) if kept is not None else []

    def take_all(self, now: float) -> list[Output]:
        """Take all that was said, at the end of the run."""
        self.fold()
        taken, self.loose = self.loose, []
        for kept in self._open.values():
            taken += kept.taken(now, is_all=True)
        return taken

    def keep(self, taken: Sequence[Output], log: Log, *, is_durable: bool) -> None:
        """Take in what became of a commit that carried this; what is not durable goes with the next one."""
        if is_durable:
            for record in taken:
                log.append(record)
        else:
            self.loose[:0] = taken


class _Kept:
    """What is kept of one call: the beginning, and the end."""

    __slots__ = ("_dropped", "_first", "_is_new", "_last", "_name", "_path", "_room", "_shown", "_size", "_unshown")

    def __init__(self, path: str, name: str) -> None:
        self._path, self._name = path, name
        self._is_new = True
        self._room = FIRST
        self._first: list[Said] = []
        self._last: deque[Said] = deque()
        self._size = self._dropped = self._unshown = 0
        self._shown: dict[str, Said] = {}  # by the ids of displays

    def add(self, said: Said, display: str) -> None:
        """Take in what was said."""
        if not isinstance(said.content, str):
            self._show(said, display)
            return
        text = _clean(said.content)
        if self._room > 0:
            end = max(self._room - EACH, 0)
            head, text = text[:end], text[end:]
            self._room -= _append(self._first, said, head) if head else 0
            if not text:
                return
            self._room = 0
        self._dropped += max(len(text) - LAST, 0)
        self._size += _append(self._last, said, text[-LAST:])
        while self._size > LAST and self._last:
            self._forget()

    def _forget(self) -> None:
        """Drop what is more than the end is to hold, from its start."""
        said = self._last.popleft()
        text = said.content if isinstance(said.content, str) else ""
        over = min(self._size - LAST, len(text))
        self._dropped += over
        self._size -= over
        if over < len(text):
            self._last.appendleft(said._replace(content=text[over:]))
        else:
            self._size -= EACH

    def _show(self, said: Said, display: str) -> None:
        kept = said._replace(content=_forms(said.content))  # type: ignore[arg-type]  # it is no text
        before = self._shown.get(display) if display else None
        if before is not None and isinstance(before.content, dict):
            before.content.clear()  # in its place, if that is still to come
            before.content.update(kept.content)  # type: ignore[arg-type]  # as above
        elif len(self._shown) < DISPLAYS:
            self._shown[display or f" {len(self._shown)}"] = kept
            (self._first if self._room > 0 else self._last).append(kept)
        else:
            self._unshown += 1

    def taken(self, now: float, *, is_all: bool = False) -> list[Output]:
        """Return the records of what was said since the last time: of the beginning, or of all."""
        said = self._all() if is_all else self._first
        records = self._records(said, now)
        self._first = []
        if is_all:
            self._last, self._size, self._dropped, self._unshown = deque(), 0, 0, 0
        self._is_new = self._is_new and not records
        return records

    def so_far(self, now: float) -> list[Output]:
        """Return the records of what was said since the last time, and leave it for the next."""
        return self._records(self._all(), now)

    def _all(self) -> list[Said]:
        said = [*self._first]
        if not (self._last or self._dropped or self._unshown):
            return said
        where = next(iter([*said[-1:], *self._last]), Said("", 0, 1, "dropped", ""))
        if self._dropped:
            said.append(where._replace(stream="dropped", content=f"{self._dropped:,} characters were not kept"))
        said += self._last
        if self._unshown:
            said.append(where._replace(stream="dropped", content=f"{self._unshown:,} more displays were not kept"))
        return said

    def _records(self, said: Sequence[Said], now: float) -> list[Output]:
        if not said:
            return []
        told = Value([(*one[:-1], _plain(one.content)) for one in said])
        return [Output(path=self._path, at=now, name=self._name, is_new=self._is_new, value=told)]


def _append(parts: list[Said] | deque[Said], said: Said, text: str) -> int:
    """Add a text, to the last one if it was said in the same place; return what it counts for."""
    last = parts[-1] if parts else None
    if last is not None and last[:-1] == said[:-1] and isinstance(last.content, str) and len(last.content) < LONG:
        parts[-1] = last._replace(content=last.content + text)
        return len(text)
    parts.append(said._replace(content=text))
    return len(text) + EACH


def _plain(content: str | Mapping[str, object]) -> str | dict[str, object]:
    return content if isinstance(content, str) else dict(content)


def _clean(text: str) -> str:
    """Return a text, of no class of the user's, that can be stored: half characters are written out."""
    return str.__str__(text) if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _forms(forms: Mapping[str, object]) -> dict[str, object]:
    """Return the forms of a display that are kept, and in words what is not."""
    kept: dict[str, object] = {}
    dropped: list[str] = []
    for form, limit in LIMITS.items():
        text = forms.get(form)
        if not isinstance(text, str):
            continue
        if len(text) <= limit:
            kept[form] = _clean(text)
        elif form == "text/plain":
            kept[form] = f"{_clean(text[:limit])}\n… {len(text) - limit:,} characters were not kept"
        else:
            dropped.append(f"{form} of {len(text):,} characters")
    if dropped:
        kept["dropped"] = f"{' and '.join(dropped)}: too large to be kept"
    return kept
