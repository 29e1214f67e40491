"""Fields that users bring: any widget with a ``value``, for the questions that a predicate picks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from nbflow_widgets.fields.base import Field, FieldError, Path, placed
from nbflow_widgets.fields.schema import wanted
from nbflow_widgets.markup import note

if TYPE_CHECKING:
    from nbflow import Interrupt

Predicate = Callable[["Interrupt"], bool]
Factory = Callable[["Interrupt"], Any]
_registered: list[tuple[Predicate, Factory]] = []


def register_form(predicate: Predicate, factory: Factory) -> Callable[[], None]:
    """Have questions asked with a widget of one's own in the place of the fields.

    Args:
        predicate: says of a question whether the widget is for it; those registered last are asked first.
        factory: makes the widget of a question: any with a ``value``, which is the answer. Its ``value`` may
            raise ``ValueError``: the form shows the text, and is not sent.

    Returns:
        A function that takes the registration back.
    """
    entry = (predicate, factory)
    _registered.append(entry)
    return lambda: _registered.remove(entry)


def own_field(asked: Interrupt) -> Field | None:
    """Return the field that a user has registered for a question; None if there is none."""
    for predicate, factory in reversed(_registered):
        if predicate(asked):
            return OwnField(factory(asked))
    return None


class OwnField(Field):
    """A user's widget as a field.

    Args:
        widget: with a ``value``.
    """

    def __init__(self, widget: Any) -> None:  # noqa: ANN401  # a user's
        super().__init__(wanted({}))
        self._own = widget
        self._problem = ipywidgets.HTML(layout={"margin": "0"})
        self.widget = ipywidgets.VBox([widget, self._problem])

    def read(self) -> object:  # noqa: D102  # as Field says
        self.complain((), "")
        try:
            return self._own.value
        except ValueError as error:
            self.complain((), str(error))
            raise FieldError(str(error)) from None

    def fill(self, value: object) -> None:  # noqa: D102  # as Field says
        self._own.value = value

    def complain(self, path: Path, text: str) -> None:  # noqa: D102  # as Field says
        self._problem.value = note(placed(path, text), "error") if text else ""

    def draft(self) -> object:  # noqa: D102  # as Field says
        value = self._own.value
        return value if isinstance(value, (str, int, float, bool, type(None))) else None

    def restore(self, draft: object) -> None:  # noqa: D102  # as Field says
        if draft is not None:
            self._own.value = draft

    def on_change(self, fn: Callable[[], None]) -> None:  # noqa: D102  # as Field says
        if hasattr(self._own, "observe"):
            self._own.observe(lambda _change: fn(), "value")

    def disable(self, *, disabled: bool) -> None:  # noqa: D102  # as Field says
        if hasattr(self._own, "disabled"):
            self._own.disabled = disabled
