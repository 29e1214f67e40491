"""Signs of life of calls, for timeouts that want to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbflow.core.call import Call


def progressed(call: Call | None, now: float, *, heartbeat: bool = False) -> None:
    """Note that a call, and with it all that wait for it, has shown a sign of life.

    Args:
        call: which one.
        now: seconds since 1970.
        heartbeat: whether its code said so, which counts under every policy.
    """
    while call is not None:
        deadline = call.deadline
        if deadline is not None and (heartbeat or deadline.policy.refresh_on == "auto"):
            deadline.touched = now
        call = call.caller.call if call.caller is not None else None
