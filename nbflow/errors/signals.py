"""What steers a run; never an error, so that ``except Exception`` in a workflow lets it pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Signal(BaseException):
    """Root of what steers a run; never an error, so ``except Exception`` lets it pass."""


class GraphBubbleUp(Signal):
    """Root of the signals that leave a body on their way to the run."""


class GraphInterrupt(GraphBubbleUp):
    """The body waits for answers to ``interrupts``."""

    def __init__(self, interrupts: Sequence[object] = ()) -> None:
        super().__init__(tuple(interrupts))
        self.interrupts = tuple(interrupts)


class NodeInterrupt(GraphInterrupt):
    """An older way to pause: raised by hand, it can't be answered; ``interrupt()`` asks.

    Attributes:
        value: what to show.
        id: a name for it.
    """

    def __init__(self, value: object, id: str = "placeholder-id") -> None:  # LangGraph's names
        super().__init__((value,))
        self.value = value
        self.id = id

    def __reduce__(self) -> tuple[type[NodeInterrupt], tuple[object, str], dict[str, object]]:
        return NodeInterrupt, (self.value, self.id), self.__dict__


class GraphDrained(GraphBubbleUp):
    """The run came to a halt between two calls, as its ``RunControl`` was asked; it can be resumed.

    Attributes:
        reason: why, as was said with the request.
    """

    def __init__(self, reason: str = "shutdown") -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownResult(GraphBubbleUp):
    """A body that is only planned asks for the result of a call that did not run.

    Attributes:
        path: position of the call.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class RunRests(GraphBubbleUp):
    """The run sleeps so long that it rests meanwhile; it goes on when its time has come.

    Attributes:
        until: when, in seconds since 1970.
    """

    def __init__(self, until: float) -> None:
        super().__init__(until)
        self.until = until


class RunStopped(GraphBubbleUp):
    """The run was told to stop; raised in its body at the next call or result."""
