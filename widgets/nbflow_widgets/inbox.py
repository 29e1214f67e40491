"""All that waits for a person in one saver: open questions, and runs that did not end.

Lists and lays out; what an entry shows and does is given by its owner.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets

from nbflow import Interrupt, Run, read_run
from nbflow_widgets.card import Card, State
from nbflow_widgets.display import Mode, bundle_of, close_tree, show_once
from nbflow_widgets.markup import BORDER, FAINT, escaped, note

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver

ENDED = {"RunReturned", "RunFailed"}
LIMIT = 20
"""Entries with forms; more are counted."""
STATES = {
    "asking": "asks",
    "answered": "is answered, and waits to go on",
    "crashed": "its kernel died",
    "stopped": "was stopped",
}


class Waiting(NamedTuple):
    """One thread that waits.

    Attributes:
        thread_id: the thread.
        workflow: name of the workflow.
        status: asking, crashed or stopped.
        interrupts: the open questions.
        run: as it is stored.
    """

    thread_id: str
    workflow: str
    status: str
    interrupts: tuple[Interrupt, ...]
    run: Run


def waiting_in(saver: BaseCheckpointSaver, last_run: Callable[[str], Run | None]) -> list[Waiting]:
    """Return the threads that wait for a person; a thread that somebody works on does not."""
    found: list[Waiting] = []
    for thread_id in saver.thread_ids():
        if not _may_wait(saver, thread_id):
            continue
        run = last_run(thread_id)
        if run is not None and run.status in STATES and saver.holder(thread_id) is None:
            name = str(getattr(run.log[0], "workflow", ""))
            found.append(Waiting(thread_id, name, run.status, run.interrupts, run))
    return found


def _may_wait(saver: BaseCheckpointSaver, thread_id: str) -> bool:
    """Whether a thread's last record leaves something to do; reads that record only."""
    newest = saver.runs(thread_id, limit=1)
    if not newest:
        return False
    last = read_run(saver, thread_id, newest[0], last=1)
    return bool(last) and type(last[0]).__name__ not in ENDED


class Inbox:
    """The list, as widgets and as static text.

    Args:
        items: what waits.
        entry: returns the widget of an item, or a text with code in backquotes that says why there is none.

    Attributes:
        widget: the list, while it is shown live; None before.
    """

    def __init__(self, items: Sequence[Waiting], entry: Callable[[Waiting], Any]) -> None:
        self.items = list(items)
        self.widget: Any = None
        self._entry = entry
        self._card = Card(self._twin, self._state, self._close)
        self._done: list[tuple[str, str]] = []
        self._hints: dict[str, str] = {}
        self._head: Any = None

    def __repr__(self) -> str:
        return self.text()

    def __len__(self) -> int:
        return len(self.items)

    def show(self, mode: Mode) -> None:
        """Show the list in the running cell: with widgets where something can be clicked, else as text."""
        entries = [self._entry(item) for item in self.items[:LIMIT]] if mode == "live" else []
        self._hints = {
            item.thread_id: hint for item, hint in zip(self.items, entries, strict=False) if isinstance(hint, str)
        }
        if len(self._hints) == len(entries):
            show_once(bundle_of(self.html(), self.text()))
            return
        self._head = ipywidgets.HTML(_head(len(self.items)))
        self.widget = ipywidgets.VBox([self._head, *map(self._row, self.items, entries)], layout={"margin": "0"})
        self._card.place()
        self._card.reveal([self.widget])

    def update(self) -> None:
        """Bring what is saved up to date; called when an entry has changed."""
        if self._card.is_revealed:
            self._card.update()

    def _twin(self) -> tuple[str, str]:
        """Return the static version with when it was so, for whoever reads it later."""
        if not self.items:
            return self.html(), self.text()
        stood = f"As of {time.strftime('%H:%M:%S')}. Run the cell again to answer."
        return self.html() + note(stood), f"{self.text()}\n{stood}"

    def _state(self) -> State:
        return "waits" if self.items else "settled"

    def _close(self) -> None:
        close_tree(self.widget)

    def _row(self, item: Waiting, entry: Any) -> Any:  # noqa: ANN401  # untyped package
        inner = ipywidgets.HTML(note(entry)) if isinstance(entry, str) else entry
        return ipywidgets.VBox([ipywidgets.HTML(_title(item)), inner], layout={"margin": "0 0 8px 0"})

    def settled(self, item: Waiting, html: str, text: str) -> None:
        """Note that an item is done with, and how."""
        self.items = [one for one in self.items if one is not item]
        self._done.append((_title(item, "is done") + html, f"{item.thread_id}: {item.workflow} is done\n{text}"))
        if self.widget is not None:
            self._head.value = _head(len(self.items))
            self.update()

    def html(self) -> str:
        """Return the static version."""
        rows = "".join(f"<div>{self._item_html(item)}</div>" for item in self.items)
        return _head(len(self.items)) + rows + "".join(html for html, _ in self._done)

    def _item_html(self, item: Waiting) -> str:
        hint = self._hints.get(item.thread_id)
        return _title(item) + "".join(map(_question, item.interrupts)) + (note(hint) if hint else "")

    def text(self) -> str:
        """Return the list as text."""
        lines = [_count(len(self.items))]
        for item in self.items:
            lines.append(f"{item.thread_id}: {item.workflow} {STATES[item.status]}")
            lines += [f"  {_brief(asked)}" for asked in item.interrupts]
        return "\n".join([*lines, *(text for _, text in self._done)])


def _count(number: int) -> str:
    if not number:
        return "Nothing waits for you."
    return f"{number} run waits for you." if number == 1 else f"{number} runs wait for you."


def _head(number: int) -> str:
    more = f" The first {LIMIT} are shown." if number > LIMIT else ""
    return (
        f'<div style="font-weight:600;border-bottom:1px solid {BORDER};padding:2px 0;margin-bottom:4px">'
        f"{escaped(_count(number) + more)}</div>"
    )


def _title(item: Waiting, state: str = "") -> str:
    return (
        f'<div style="line-height:1.5"><b>{escaped(item.workflow)}</b> '
        f'<span style="{FAINT}">{escaped(state or STATES[item.status])} · thread {escaped(item.thread_id)}</span></div>'
    )


def _question(asked: Interrupt) -> str:
    return f'<div style="padding-left:12px;line-height:1.5">{escaped(_brief(asked))}</div>'


def _brief(asked: Interrupt) -> str:
    value = asked.value
    if isinstance(value, dict):
        value = next((value[key] for key in ("question", "prompt", "message", "text") if key in value), value)
    text = str(value)
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF - 1]}…"


_BRIEF = 120
