"""Tells those of LangChain's callbacks that want to know it when a run pauses, and when it goes on.

Imported only where langchain-core is loaded already, or by ``nbflow.callbacks``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.callbacks.manager import handle_event
from langchain_core.runnables.config import var_child_runnable_config

from nbflow.constants import BREAKPOINT
from nbflow.core.call import current_frame
from nbflow.core.record import Asked, RunHalted, RunPaused, RunResumed, RunStarted, of_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbflow.core.record import Record
    from nbflow.values import Interrupt

GraphLifecycleStatus = Literal["input", "pending", "done", "interrupt_before", "interrupt_after", "out_of_steps"]


@dataclass(frozen=True, slots=True)
class GraphResumeEvent:
    """A run goes on from what is stored of it.

    Attributes:
        run_id: ``run_id`` of the config, if it is a UUID; else None.
        status: ``"pending"``, or at which kind of breakpoint it stood.
        checkpoint_id: of the pause that it goes on from; of its input if it had none.
        checkpoint_ns: empty: nested runs are parts of the run around them.
    """

    run_id: UUID | None
    status: GraphLifecycleStatus
    checkpoint_id: str
    checkpoint_ns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GraphInterruptEvent:
    """A run has paused.

    Attributes:
        run_id: as of ``GraphResumeEvent``.
        status: ``"pending"`` if it asks, else the kind of breakpoint that it stands at.
        checkpoint_id: of the pause.
        checkpoint_ns: as of ``GraphResumeEvent``.
        interrupts: all that it waits with; empty at a breakpoint.
    """

    run_id: UUID | None
    status: GraphLifecycleStatus
    checkpoint_id: str
    checkpoint_ns: tuple[str, ...]
    interrupts: tuple[Interrupt, ...]


GraphLifecycleEvent = GraphInterruptEvent | GraphResumeEvent


class GraphCallbackHandler(BaseCallbackHandler):
    """A handler of LangChain's that is told of pauses too, in the ``callbacks`` of a config; inherit from it."""

    def on_interrupt(self, event: GraphInterruptEvent) -> Any:  # noqa: ANN401  # as LangChain's: it may be awaited
        """Take in that a run has paused; all that it asks is stored then."""

    def on_resume(self, event: GraphResumeEvent) -> Any:  # noqa: ANN401  # as above
        """Take in that a run goes on, before its body does."""


def listener_of(config: Mapping[str, Any], records: Sequence[Record]) -> Callable[[Record], None] | None:
    """Return what tells the handlers of a run what its records say; None if none of them wants to know.

    Args:
        config: of the run.
        records: of the run, as they come.
    """
    around: Any = var_child_runnable_config.get() or {}
    given = config.get("callbacks") or around.get("callbacks")
    every = given.handlers if isinstance(given, BaseCallbackManager) else given or ()
    handlers: list[BaseCallbackHandler] = [one for one in every if isinstance(one, GraphCallbackHandler)]
    return partial(_tell, handlers, _as_uuid(config.get("run_id")), records) if handlers else None


def _tell(handlers: list[BaseCallbackHandler], run_id: UUID | None, records: Sequence[Record], record: Record) -> None:
    if isinstance(record, RunPaused):
        asked = {one.id: one for one in of_kind(records, Asked)}
        interrupts = tuple(asked[key].as_interrupt() for key in record.ids if key in asked)
        _hand(handlers, "on_interrupt", GraphInterruptEvent(run_id, "pending", record.point, (), interrupts))
    elif isinstance(record, RunHalted) and record.reason.startswith(BREAKPOINT):
        place = _place(records, len(records))
        _hand(handlers, "on_interrupt", GraphInterruptEvent(run_id, _kind(record), place, (), ()))
    elif isinstance(record, RunResumed):
        at = max(index for index, one in enumerate(records) if one is record)
        before = records[at - 1] if at else None
        status = _kind(before) if isinstance(before, RunHalted) else "pending"
        _hand(handlers, "on_resume", GraphResumeEvent(run_id, status, _place(records, at), ()))


def _kind(halted: RunHalted) -> GraphLifecycleStatus:
    if not halted.reason.startswith(BREAKPOINT):
        return "pending"
    return "interrupt_after" if halted.reason.removeprefix(BREAKPOINT).startswith("after") else "interrupt_before"


def _place(records: Sequence[Record], end: int) -> str:
    """Return the checkpoint that a run stood at when it had so many records."""
    points = (str(getattr(one, "point", "")) for one in reversed(records[:end]))
    return next(filter(None, points), cast("RunStarted", records[0]).run_id)


def _hand(handlers: list[BaseCallbackHandler], name: str, event: GraphLifecycleEvent) -> None:
    """Call a method of handlers, as LangChain does: one that fails is logged, unless it is to raise."""
    token = current_frame.set(None)  # what they do is no part of a body
    try:
        handle_event(handlers, name, None, event)
    finally:
        current_frame.reset(token)


def _as_uuid(given: object) -> UUID | None:
    try:
        return given if isinstance(given, UUID) else UUID(given) if isinstance(given, str) else None
    except ValueError:
        return None
