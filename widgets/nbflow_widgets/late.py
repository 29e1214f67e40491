"""What comes to a cell after its end, in a place that it keeps: a result, or an error for as long as that stands."""

from __future__ import annotations

from nbflow_widgets.display import EMPTY, Cell, Slot, formatted


class Late:
    """The place below the card of a run."""

    def __init__(self) -> None:
        self._slot = Slot()
        self._has_error = False

    @property
    def is_held(self) -> bool:
        """Whether the cell keeps a place."""
        return self._slot.is_shown

    def hold(self) -> None:
        """Keep a place in the running cell."""
        if not self._slot.is_shown:
            self._slot.show(EMPTY)

    def show_result(self, result: object, cell: Cell) -> None:
        """Show a result, as IPython would in the cell."""
        bundle = cell.run(formatted, result)[0] if result is not None and self.is_held else {}
        if bundle:
            self._slot.show(bundle)

    def show_error(self, lines: list[str]) -> None:
        """Show a traceback."""
        text = "\n".join(lines)
        self._has_error = True
        self._slot.show({"application/vnd.jupyter.stderr": text, "text/plain": text})

    def go_on(self) -> None:
        """Take an error away: the run goes on."""
        if self._has_error:
            self._has_error = False
            self._slot.show(EMPTY)
