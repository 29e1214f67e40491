"""Where a run was begun: the notebook and the cell, as its first record tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.record import BEGUN, RunStarted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.record import Record


class Begun(NamedTuple):
    """A cell of a notebook.

    Attributes:
        notebook: its file, relative to the folder of its threads; empty where it is not known.
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
        """Return what the ``metadata`` of a config says of it; no body and no state shows it."""
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


__all__ = ["BEGUN", "Begun", "begun_of"]
