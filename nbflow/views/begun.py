"""Where a run was begun: the notebook and the cell, as its first record tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from nbflow.core.record import RunStarted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.core.record import Record

BEGUN: Final = "nbflow_cell"
"""The key of a config's ``metadata`` that says it: stored with the run, and shown to no body and in no state."""


class Begun(NamedTuple):
    """A cell of a notebook.

    Attributes:
        notebook: its file, relative to the folder of its kernel; empty where it is not known.
        cell: id of the cell; empty where it is not known.
        number: of the cell's execution, as its page shows it; empty where it is not known.
    """

    notebook: str = ""
    cell: str = ""
    number: str = ""

    def __str__(self) -> str:
        cell = f"cell [{self.number}]" if self.number else ""
        return ", ".join(filter(None, [self.notebook, cell]))

    def as_metadata(self) -> dict[str, str]:
        """Return what the ``metadata`` of a config says of it."""
        return {BEGUN: json.dumps(self._asdict())}


def begun_of(records: Sequence[Record]) -> Begun:
    """Return where a run was begun, as far as its records tell."""
    first = records[0] if records else None
    kept = first.metadata.get(BEGUN) if isinstance(first, RunStarted) else None
    try:
        told = json.loads(kept) if isinstance(kept, str) else None
    except (ValueError, RecursionError):  # a user's key of the same name
        return Begun()
    if not isinstance(told, dict):
        return Begun()
    return Begun(*(str(told.get(name) or "") for name in Begun._fields))


def without_begun(metadata: Mapping[str, object]) -> dict[str, object]:
    """Return the metadata of a user's."""
    return {name: value for name, value in metadata.items() if name != BEGUN}


__all__ = ["BEGUN", "Begun", "begun_of", "without_begun"]
