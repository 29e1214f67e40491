"""A handle by which a caller brings a run to a halt between two calls."""

from __future__ import annotations


class RunControl:
    """Passed as ``control`` to a run, and asked later to let it come to a halt.

    Once asked, no further call begins; those at work end and their results are kept. Then the run
    raises ``GraphDrained``, and its thread goes on with ``invoke(None, config)``. One control
    serves one run.

    Attributes:
        drain_reason: why a halt was asked for; None while it was not.
    """

    def __init__(self) -> None:
        self.drain_reason: str | None = None

    def request_drain(self, reason: str = "shutdown") -> None:
        """Ask for a halt; from any thread, or from a signal handler."""
        self.drain_reason = self.drain_reason or reason

    @property
    def drain_requested(self) -> bool:
        """Whether a halt was asked for."""
        return self.drain_reason is not None
