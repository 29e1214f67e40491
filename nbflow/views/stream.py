"""Stream chunks as a fold of records, in LangGraph's shapes.

Calls of a nested entrypoint give no ``updates`` of their own; what they write to ``custom`` is
passed on. A replayed call gives nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.record import (
    ROOT,
    Asked,
    CallReturned,
    CallStarted,
    Emitted,
    Record,
    RunPaused,
    RunReturned,
)
from nbflow.values import Interrupt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INTERRUPT = "__interrupt__"
MODES = ("values", "updates", "custom")


class StreamView:
    """Turns the records of one run into chunks.

    Args:
        modes: what to show, of ``MODES``.
        paired: whether chunks are ``(mode, payload)``; else payloads alone.
        name: name of the body to show.

    Attributes:
        root: path of that body; the call's own for the stream of a nested entrypoint.
    """

    def __init__(self, modes: Sequence[str], *, paired: bool, name: str) -> None:
        self._modes = frozenset(modes)
        self._paired = paired
        self._name = name
        self.root = ROOT
        self._nested: list[str] = []
        self._asked: dict[str, Asked] = {}

    def fold(self, record: Record) -> Iterator[object]:
        """Yield the chunks that a record gives."""
        for mode, payload in self._payloads(record):
            if mode in self._modes:
                yield (mode, payload) if self._paired else payload

    def first_value(self, value: object) -> Iterator[object]:
        """Yield the chunk that shows a thread's last result before a resumed run goes on."""
        if "values" in self._modes:
            yield ("values", value) if self._paired else value

    def _payloads(self, record: Record) -> Iterator[tuple[str, object]]:
        if isinstance(record, Emitted):
            if self._is_inside(record.path) or record.path == self.root:
                yield "custom", record.value.get() if record.value else None
        elif isinstance(record, (RunReturned, CallReturned)):
            yield from self._returned(record)
        elif isinstance(record, CallStarted):
            if record.kind == "entrypoint" and record.path != self.root:
                self._nested.append(f"{record.path}.")
        elif isinstance(record, Asked):
            self._asked[record.id] = record
        elif isinstance(record, RunPaused):
            waiting = {INTERRUPT: tuple(interrupt_of(self._asked[key]) for key in record.ids)}
            yield "updates", waiting
            yield "values", waiting

    def _returned(self, record: RunReturned | CallReturned) -> Iterator[tuple[str, object]]:
        value = record.value.get() if record.value else None
        if record.path == self.root:
            yield "updates", {self._name: value}
            yield "values", value
        elif isinstance(record, CallReturned) and record.kind != "entrypoint" and self._is_own(record.path):
            yield "updates", {record.name: value}

    def _is_inside(self, path: str) -> bool:
        return path.startswith(f"{self.root}.")

    def _is_own(self, path: str) -> bool:
        return self._is_inside(path) and not any(path.startswith(prefix) for prefix in self._nested)


def interrupt_of(asked: Asked) -> Interrupt:
    """Return a recorded question as it is shown to people."""
    return Interrupt(asked.value.get() if asked.value else None, asked.id, response_schema=asked.schema)
