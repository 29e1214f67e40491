"""What became of failures: unseen, survived by a caller, or the end of a run.

A failure that its caller was told of and went on from is an outcome: it is made durable before
the caller's next step, and replay hands it out again. Any other one is run again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbflow.core.call import Call, Frame
    from nbflow.core.record import CallFailed, Record


class Failures:
    """The failures of one execution of a run.

    Attributes:
        open: by path, those that no caller has survived yet.
        unseen: by path, those that no caller was told of.
        left_out: of maps, what is said of the items that failed and are left out of their results.
    """

    __slots__ = ("left_out", "open", "unseen")

    def __init__(self) -> None:
        self.open: dict[str, CallFailed] = {}
        self.unseen: dict[str, CallFailed] = {}
        self.left_out: list[str] = []

    def add(self, call: Call, failure: CallFailed) -> None:
        """Take in how a call failed."""
        call.failure = failure
        if not failure.survived:
            self.open[call.path] = failure
        if call.caller is not None:
            self.unseen[call.path] = failure

    def saw(self, frame: Frame | None, call: Call) -> None:
        """Note that a body was told of a failure: if it goes on, the failure is an outcome."""
        failure = call.failure
        if failure is None:
            return
        self.unseen.pop(failure.path, None)
        if frame is not None and not failure.survived:
            if frame.call.seen is None:
                frame.call.seen = []
            frame.call.seen.append(failure)

    def forget(self, call: Call) -> None:
        """Let go of the failures that ended an attempt of a body: the next one runs those calls again, replay too."""
        for failure in call.seen or ():
            self.open.pop(failure.path, None)
        call.seen = None

    def survived(self, call: Call) -> tuple[Record, ...]:
        """Take the failures that the body of a call has outlived."""
        seen, call.seen = call.seen, None
        if not seen:
            return ()
        outlived = [failure for failure in seen if self.open.pop(failure.path, None) is not None]
        for failure in outlived:
            failure.survived = True
        return tuple(outlived)
