"""One input in the page: what a person has typed or chosen, under a label, with help and a complaint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from nbflow_widgets.markup import visible
from nbflow_widgets.packed import joined

_STATIC = Path(__file__).parent.parent / "static"
MOST_BYTES = 200_000_000
"""How long a file may be that a person gives, in bytes."""


class Entry(anywidget.AnyWidget):
    """An input. What is typed comes as messages, which keep their order with clicks where states may be held back.

    Attributes:
        kind: text, area, number, password, date, datetime-local, time, combo, radio, toggle, select, checks or file.
        value: what the page shows at first: a text; the place of a choice, or a list of places; None for nothing.
        typed: what the person has typed or chosen since, or ``value``; None of a text says that it can't be read.
        offset: how far the person's clock was ahead of UTC at the typed time, in minutes; None if no page told.
        data: the bytes of the chosen file.
    """

    _esm = joined("keys.js", "entry.js")
    _css = _STATIC / "entry.css"

    kind = traitlets.Unicode("text").tag(sync=True)
    value = traitlets.Any(None, allow_none=True).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    aria = traitlets.Unicode("Your answer").tag(sync=True)
    required = traitlets.Bool(default_value=False).tag(sync=True)
    help = traitlets.Unicode("").tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)
    placeholder = traitlets.Unicode("").tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    disabled = traitlets.Bool(default_value=False).tag(sync=True)
    code = traitlets.Bool(default_value=False).tag(sync=True)
    rows = traitlets.Int(2).tag(sync=True)
    min = traitlets.Unicode("").tag(sync=True)
    max = traitlets.Unicode("").tag(sync=True)
    step = traitlets.Unicode("").tag(sync=True)
    accept = traitlets.Unicode("").tag(sync=True)
    limit = traitlets.Int(MOST_BYTES).tag(sync=True)

    def __init__(self, kind: str, *, value: object = "", options: Sequence[str] = (), **traits: Any) -> None:  # noqa: ANN401  # as above
        texts = {name: visible(text) for name, text in traits.items() if name in {"label", "help", "placeholder"}}
        super().__init__(kind=kind, value=value, options=[visible(one) for one in options], **{**traits, **texts})
        self.typed: Any = value
        self.offset: int | None = None
        self.data: bytes | None = None
        self._parts, self._sender = bytearray(), ""
        self._listeners: list[Callable[[], None]] = []
        self._at_rest: list[Callable[[], None]] = []
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return f"<{self.kind} entry: {self.label or self.aria}>"

    def put(self, value: object) -> None:
        """Show a value, in the place of what was typed."""
        self.typed = value
        if self.value == value:  # the page may show something else by now
            self.send({"kind": "value", "value": value})
        self.value = value

    def may_hold(self, value: object) -> bool:
        """Whether a value is one that a person may have typed or chosen here."""
        places = range(len(self.options))
        if self.kind == "checks":
            return isinstance(value, list) and all(type(one) is int and one in places for one in value)
        if self.kind in {"radio", "toggle", "select"}:
            return value is None or (type(value) is int and value in places)
        return value is None or isinstance(value, str)

    def on_typed(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` whenever the person has typed or chosen something."""
        self._listeners.append(fn)

    def on_rest(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` whenever the person has paused after typing something, or has left the input."""
        self._at_rest.append(fn)

    def complain(self, text: str) -> None:
        """Show what is wrong with what was typed; nothing, if the text is empty."""
        self.problem = visible(text)

    def _on_message(self, _widget: object, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if content.get("kind") == "hello":  # a page that was loaded since, or a second one
            if self.typed != self.value:
                self.send({"kind": "value", "value": self.typed})
            return
        if content.get("kind") == "rest":
            for fn in self._at_rest:
                fn()
        if content.get("kind") == "part":
            self._on_part(content, bytes(buffers[0]))
        if content.get("kind") == "typed":
            self.offset = content.get("offset")
            self._take(content.get("value"), None, str(content.get("page")))

    def _take(self, typed: Any, data: bytes | None, page: str) -> None:  # noqa: ANN401  # as of `typed`
        self.typed, self.data = typed, data
        self._parts, self._sender = bytearray(), ""
        self.send({"kind": "value", "value": typed, "page": page})  # for other pages
        self.complain("")
        for fn in self._listeners:
            fn()

    def _on_part(self, content: Mapping[str, Any], part: bytes) -> None:
        """Take a part of a file; the file is there once all are, in their order and from one page."""
        size, at, page = int(content["size"]), int(content["at"]), str(content.get("page"))
        if at == 0:
            self._parts, self._sender = bytearray(), page
            self.typed, self.data = {"name": str(content["name"]), "size": size}, None
        if page != self._sender or at != len(self._parts) or at + len(part) > min(size, self.limit):
            return  # of a file that was given up for another one
        self._parts += part
        if len(self._parts) == size:
            self._take(self.typed, bytes(self._parts), "")
