"""A run that is only planned: its bodies are replayed, and no function of a task is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.outcome import Outcome
from nbflow.core.states import BODIES
from nbflow.errors import UnknownResult

if TYPE_CHECKING:
    from nbflow.core.call import Call


class Dry:
    """What a planned run would do.

    Attributes:
        calls: those that would run, in the order in which they came up.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def would_run(self, call: Call) -> Outcome | None:
        """Return the outcome of a call that would run and does not; None for a body, which is replayed."""
        if call.caller is None or call.spec.kind in BODIES:
            return None
        self.calls.append(call)
        return Outcome(None, UnknownResult(call.path))
