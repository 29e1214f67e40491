"""The explorer in the page: which traits and messages it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from nbflow.views.progress import RUN_STATES
from nbflow_widgets.display import make_live
from nbflow_widgets.explorer_threads import ALL, ARCHIVED
from nbflow_widgets.markup import visible
from nbflow_widgets.packed import joined

if TYPE_CHECKING:
    from nbflow_widgets.explorer_actions import Action
    from nbflow_widgets.explorer_facts import Fact
    from nbflow_widgets.explorer_tree import Key, Line

_STATIC = Path(__file__).with_name("static")
STATES = [ALL, *RUN_STATES, ARCHIVED]


class ExplorerWidget(anywidget.AnyWidget):
    """The tree in the page, with what is told of the chosen line and the buttons for it. Its traits are all it shows.

    What a person does comes as messages: ``{"kind": "open" | "close" | "choose", "id": ...}``, ``{"kind": "find",
    "text": ..., "state": ...}``, ``{"kind": "do", "id": ..., "name": ..., "sure": ...}``, ``{"kind": "keep"}``.

    Attributes:
        rows: the lines: ``[id, depth, kind, name, text, state, change, is_open]`` each.
        head: one line above them.
        find: the words that threads must hold.
        state: the state that they must be in; one of ``states``.
        states: those to choose from.
        filtered: whether the filter is shown.
        told: of the chosen line: ``id``, ``name``, ``facts`` (label, text, change each), ``actions`` (name, label,
            hint, whether it can be done); empty before one is chosen.
        sure: the question before something is lost: ``id``, ``name``, ``text``; empty if none is asked.
        said: what an action has done, or what was in the way: ``text`` and whether it is an ``error``.
    """

    _esm = joined("keys.js", "explorer.js")
    _css = _STATIC / "explorer.css"

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    head = traitlets.Unicode("").tag(sync=True)
    find = traitlets.Unicode("").tag(sync=True)
    state = traitlets.Unicode(ALL).tag(sync=True)
    states = traitlets.List(traitlets.Unicode(), STATES).tag(sync=True)
    filtered = traitlets.Bool(default_value=True).tag(sync=True)
    told = traitlets.Dict().tag(sync=True)
    sure = traitlets.Dict().tag(sync=True)
    said = traitlets.Dict().tag(sync=True)

    def __init__(self, on_message: Callable[[Mapping[str, Any]], None], *, filtered: bool) -> None:
        super().__init__(filtered=filtered)
        self._ids: dict[Key, str] = {}
        self._keys: dict[str, Key] = {}
        self.on_msg(lambda _widget, content, _buffers: on_message(content))
        make_live(self)

    def __repr__(self) -> str:
        return "Explorer"

    def id_of(self, key: Key) -> str:
        """Return the page's name of a line; ids of users never leave the kernel as such."""
        if key not in self._ids:
            self._ids[key] = f"n{len(self._ids)}"
            self._keys[self._ids[key]] = key
        return self._ids[key]

    def key_of(self, name: object) -> Key | None:
        """Return the line that the page names; None if there never was one."""
        return self._keys.get(str(name))

    def draw(self, lines: Sequence[Line], head: str) -> None:
        """Show lines; sends what differs from what is shown."""
        self.head = visible(head)
        self.rows = [
            [
                self.id_of(line.key),
                line.depth,
                line.key[0],
                visible(line.name),
                visible(line.told()),
                line.state,
                line.change,
                line.is_open,
            ]
            for line in lines
        ]

    def tell(self, line: Line, facts: Sequence[Fact], actions: Sequence[Action]) -> None:
        """Show what is known of a line, and its buttons."""
        told = [[visible(fact.label), visible(fact.text), fact.change] for fact in facts]
        buttons = [[one.name, one.label, visible(one.hint), one.can] for one in actions]
        name = visible(line.name)
        self.told = {"id": self.id_of(line.key), "name": name, "facts": told, "actions": buttons}

    def ask(self, key: Key, name: str, text: str) -> None:
        """Ask before something is lost."""
        self.sure = {"id": self.id_of(key), "name": name, "text": visible(text)}

    def say(self, text: str, *, error: bool = False) -> None:
        """Say what was done, or what was in the way; nothing, if the text is empty."""
        self.sure = {}
        self.said = {"text": visible(text), "error": error} if text else {}
