"""``%nbflow try`` and ``%nbflow sweep``: one call run again alone, and one call with several results side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nbflow_widgets.commands import defined_for
from nbflow_widgets.display import mode
from nbflow_widgets.inbox_entries import config_of

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver
    from nbflow_widgets.frames import RunFrame
    from nbflow_widgets.tried_view import TriedView


def try_call(thread: str, path: str, saver: BaseCheckpointSaver | None = None) -> TriedView:
    """Run one recorded call alone, with the code of now, and show its result beside the recorded one.

    Args:
        thread: whose newest run is looked at.
        path: position of the call, such as ``0.2``.
        saver: where the thread is kept; None for the default.
    """
    from nbflow_widgets.tried_view import TriedView  # noqa: PLC0415  # pandas comes with it

    kit, workflow = defined_for(thread, saver)
    found = TriedView(kit, workflow, thread, workflow.try_call(config_of(thread), path))
    found.show(mode())
    return found


def sweep(thread: str, path: str, values: Iterable[Any], saver: BaseCheckpointSaver | None = None) -> RunFrame:
    """Fork a run once for each of several results of one call; return a table of what came of each.

    Args:
        thread: whose newest run is forked.
        path: position of the call, such as ``0.2``.
        values: what it is to have returned, one for each fork.
        saver: where the thread is kept; None for the default.
    """
    from nbflow_widgets import tables  # noqa: PLC0415  # pandas comes with it

    _, workflow = defined_for(thread, saver)
    return tables.sweep(workflow.sweep(config_of(thread), path, list(values), on_divergence="rerun"))


__all__ = ["sweep", "try_call"]
