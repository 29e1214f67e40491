"""The notebook toolkit of nbflow: magics, timelines, forms, tables. ``%load_ext nbflow`` loads it."""

from __future__ import annotations

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: object) -> None:
    """Register magics, transformers and hooks; show an inbox if somebody waits in the default file."""
    from nbflow_widgets.magics import load  # noqa: PLC0415  # who imports the toolkit for a table needs no magics

    load(shell)


def unload_ipython_extension(shell: object) -> None:
    """Undo what loading did."""
    from nbflow_widgets.magics import unload  # noqa: PLC0415  # as above

    unload(shell)
