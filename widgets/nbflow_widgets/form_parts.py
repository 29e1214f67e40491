"""What stands in every form beside its fields: the keys, and a way to reject that nobody takes by mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from nbflow.types import Reject
from nbflow_widgets.fields import Entry
from nbflow_widgets.fields.base import small_button

_STATIC = Path(__file__).with_name("static")


class FormKeys(anywidget.AnyWidget):
    """Enter and Escape in a form, the focus when it appears, and the time that is left for it.

    Attributes:
        fresh: whether no page has shown the form yet.
        until: when the run goes on without an answer, in seconds since 1970; 0 for never.
    """

    _esm = _STATIC / "form.js"
    _css = _STATIC / "entry.css"

    fresh = traitlets.Bool(default_value=True).tag(sync=True)
    until = traitlets.Float(0.0).tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return "FormKeys"

    def _on_message(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if content.get("kind") == "seen":
            self.fresh = False


class Rejection:
    """A small button that asks for a reason, and rejects only then.

    Args:
        reject: called with the answer.

    Attributes:
        widget: what is shown, at the end of the row of buttons.
        asking: what is shown below that row while a reason is asked for.
    """

    def __init__(self, reject: Callable[[Reject], None]) -> None:
        self._open = small_button("Reject …", "Refuse to answer; a reason is asked for", lambda: self._ask(asks=True))
        self._reason = Entry("text", label="Why?", placeholder="The workflow is told the reason; it may be empty")
        self._send = small_button("Reject", "Refuse to answer", lambda: reject(Reject(str(self._reason.typed or ""))))
        self._send.button_style = "danger"
        self._send.add_class("nbflow-submit")
        self._keep = small_button("Cancel", "Do not reject", lambda: self._ask(asks=False))
        self.widget = self._open
        buttons = ipywidgets.HBox([self._send, self._keep])
        self.asking = ipywidgets.VBox([self._reason, buttons], layout={"display": "none", "margin": "4px 0 0 0"})
        self.asking.add_class("nbflow-reason")

    def _ask(self, *, asks: bool) -> None:
        self.asking.layout.display = None if asks else "none"
        self._open.layout.visibility = "hidden" if asks else None

    def enable(self, *, enabled: bool) -> None:
        """Take clicks, or take none."""
        for button in (self._open, self._send, self._keep):
            button.disabled = not enabled
        self._reason.disabled = not enabled
        if enabled:
            self._ask(asks=False)
