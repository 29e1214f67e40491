"""The calls of a run, one a line: a minimal stand-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets

from nbflow.views.calls import CallRow, position
from nbflow_widgets.prose import escaped

if TYPE_CHECKING:
    from nbflow_widgets.source import Source


class Timeline:
    """One line per call."""

    def __init__(self, source: Source, on_stop: Callable[[], object] | None = None) -> None:
        self.source = source
        self.on_stop = on_stop
        self.widget = ipywidgets.HTML()
        self._end = source.subscribe(self._changed)

    def _changed(self, _batch: list[CallRow], _status: str) -> None:
        self.widget.value = self.html()

    def text(self) -> str:
        """Return the rows as text."""
        rows = sorted(self.source.view.rows.values(), key=lambda row: position(row.path))
        return "\n".join("  " * row.path.count(".") + f"{row.name}: {row.state}" for row in rows)

    def html(self, *, times: bool = True) -> str:
        """Return the static twin."""
        return f"<pre>{escaped(self.text())}{' ' * times}</pre>"

    def close(self) -> None:
        """Take the widget away."""
        self._end()
        self.widget.close()
