"""How long an attempt of a call may take: arithmetic only, a driver waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.errors import NodeTimeoutError

if TYPE_CHECKING:
    from nbflow.values.policies import TimeoutPolicy


class Deadline:
    """The limits of one attempt.

    Attributes:
        policy: what was declared.
        began: when the attempt began, in seconds since 1970.
        touched: when it last showed progress.
    """

    __slots__ = ("began", "policy", "touched")

    def __init__(self, policy: TimeoutPolicy, now: float) -> None:
        self.policy = policy
        self.began = now
        self.touched = now

    def left(self, now: float) -> float:
        """Return the seconds until the first limit is reached; none or less when it was."""
        return min(seconds for _, seconds in self._left(now))

    def _left(self, now: float) -> list[tuple[str, float]]:
        run, idle = self.policy.limits
        found = [] if run is None else [("run", self.began + run - now)]
        return found if idle is None else [*found, ("idle", self.touched + idle - now)]

    def passed(self, name: str, now: float) -> NodeTimeoutError:
        """Return the error of an attempt of ``name`` whose time is up."""
        kind = min(self._left(now), key=lambda one: one[1])[0]
        run, idle = self.policy.limits
        return NodeTimeoutError(name, kind, now - self.began, run, idle)
