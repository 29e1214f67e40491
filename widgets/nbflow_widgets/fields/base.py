"""What every field of a form does; groups pass it on to the fields that they are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets

from nbflow.types import misfits
from nbflow_widgets.fields.schema import EMPTY
from nbflow_widgets.markup import FAINT, escaped, note, visible

if TYPE_CHECKING:
    from nbflow_widgets.fields.entry import Entry
    from nbflow_widgets.fields.schema import Wanted

Path = Sequence[str | int]
_NEVER_KEPT = frozenset({"secret", "file"})  # kinds that are typed anew each time


class FieldError(ValueError):
    """What was typed is no answer; it is shown beside the fields that it came from."""


class Field(ABC):
    """One field.

    Args:
        wanted: what it is to be.

    Attributes:
        widget: what is shown.
        name: what it is called by those around it.
    """

    widget: Any

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.name = wanted.label

    @abstractmethod
    def read(self) -> object:
        """Return the value; ``EMPTY`` if nothing was typed and nothing need be.

        Raises:
            FieldError: if what was typed is no value; every field that is wrong shows why.
        """

    @abstractmethod
    def fill(self, value: object) -> None:
        """Hold a value, as if a person had typed it."""

    @abstractmethod
    def complain(self, path: Path, text: str) -> None:
        """Show what is wrong with the part at a path, as near to it as there is a place; "" for nothing."""

    @abstractmethod
    def draft(self) -> object:
        """Return what was typed so far, in JSON's types."""

    @abstractmethod
    def restore(self, draft: Any) -> None:  # noqa: ANN401  # what an earlier version of the form may have kept
        """Bring back what was typed before; raises anything if the draft is not of this form."""

    @abstractmethod
    def on_change(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` when something was typed."""

    @abstractmethod
    def disable(self, *, disabled: bool) -> None:
        """Take no typing, or take it again."""

    def call(self, name: str) -> None:
        """Take a name for those who can't see where the field stands, if it has no label."""
        self.name = name

    def nothing(self, what: str) -> object:
        """Return the value of a field in which nothing was typed.

        Raises:
            ValueError: if that is no answer; says what to type.
        """
        wanted = self.wanted
        if wanted.nullable:
            return None if wanted.required or wanted.default is not EMPTY else EMPTY
        if wanted.required:
            raise ValueError(what)
        if wanted.default is not EMPTY:  # left out, it would come back
            raise ValueError(f"{what}, such as the default, {wanted.default!r}")
        return EMPTY


class EntryField(Field):
    """A field of one input.

    Args:
        wanted: what it is to be.
        entry: the input.
        parse: from what was typed to the value; raises ValueError with what is wrong.
        show: from a value to what is typed.
    """

    def __init__(
        self,
        wanted: Wanted,
        entry: Entry,
        parse: Callable[[Any], object],
        show: Callable[[Any], object] = lambda it: it,
    ) -> None:
        super().__init__(wanted)
        self.entry = self.widget = entry
        self._parse, self._show = parse, show
        entry.on_rest(self._look)
        entry.label, entry.help, entry.required = wanted.label, wanted.help, wanted.required and not wanted.nullable
        if wanted.default is not EMPTY:
            try:
                self.fill(wanted.default)
            except ValueError:  # in a form that is not read here
                self.wanted = replace(wanted, default=EMPTY)

    def _look(self) -> None:
        """Show what is wrong with what was typed so far, if it is."""
        with suppress(FieldError):
            self.read()

    def read(self) -> object:  # noqa: D102  # as Field says
        try:
            value = self._fitting(self._parse(self.entry.typed))
        except ValueError as error:
            self.entry.complain(str(error))
            raise FieldError(str(error)) from None
        self.entry.complain("")
        return value

    def _fitting(self, value: object) -> object:
        """Return a value that fits its own schema, whatever the fields around it hold; raises ValueError if not."""
        if value is not None and value is not EMPTY and self.wanted.kind != "file":
            for path, why in misfits(value, self.wanted.alone):
                raise ValueError(placed(path, why))
        return value

    def fill(self, value: object) -> None:  # noqa: D102  # as Field says
        if self.wanted.kind not in _NEVER_KEPT:
            self.entry.put(self._show(value))

    def complain(self, path: Path, text: str) -> None:  # noqa: D102  # as Field says
        self.entry.complain(placed(path, text))

    def draft(self) -> object:  # noqa: D102  # as Field says
        return None if self.wanted.kind in _NEVER_KEPT else self.entry.typed

    def restore(self, draft: object) -> None:  # noqa: D102  # as Field says
        if self.wanted.kind in _NEVER_KEPT:
            return
        if not self.entry.may_hold(draft):
            raise TypeError(f"{draft!r} is a draft of another field")
        self.entry.put(draft)

    def call(self, name: str) -> None:  # noqa: D102  # as Field says
        super().call(name)
        self.entry.aria = visible(name)

    def on_change(self, fn: Callable[[], None]) -> None:  # noqa: D102  # as Field says
        self.entry.on_typed(fn)

    def disable(self, *, disabled: bool) -> None:  # noqa: D102  # as Field says
        self.entry.disabled = disabled


class PartsField(Field):
    """A field that is made of others, each under a name or a number of its own.

    Attributes:
        parts: the fields, by the step that leads to them in the value.
    """

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(wanted)
        self._listeners: list[Callable[[], None]] = []
        self._disabled = False
        self._problem = ipywidgets.HTML(layout={"margin": "0"})

    @abstractmethod
    def parts(self) -> Mapping[str | int, Field]:
        """Return the fields by the steps that lead to them."""

    def read_parts(self) -> dict[str | int, object]:
        """Return the values of all parts, EMPTY ones too; each part that is wrong shows why.

        Raises:
            FieldError: if any is wrong.
        """
        self.complain((), "")
        values: dict[str | int, object] = {}
        problems: list[str] = []
        for step, part in self.parts().items():
            try:
                values[step] = part.read()
            except FieldError as error:
                problems.append(str(error))
        if problems:
            raise FieldError("; ".join(problems))
        return values

    def refuse(self, text: str) -> FieldError:
        """Show what is wrong with the whole, and return it as an error."""
        self.complain((), text)
        return FieldError(text)

    def complain(self, path: Path, text: str) -> None:  # noqa: D102  # as Field says
        part = self.parts().get(path[0]) if path else None
        if part is not None:
            part.complain(path[1:], text)
        else:
            self._problem.value = note(placed(path, text), "error") if text else ""

    def on_change(self, fn: Callable[[], None]) -> None:  # noqa: D102  # as Field says
        self._listeners.append(fn)
        for part in self.parts().values():
            part.on_change(fn)

    def disable(self, *, disabled: bool) -> None:  # noqa: D102  # as Field says
        self._disabled = disabled
        for part in self.parts().values():
            part.disable(disabled=disabled)

    def adopt(self, part: Field) -> Field:
        """Treat a part that was made later as the others."""
        for fn in self._listeners:
            part.on_change(fn)
        return part

    def changed(self) -> None:
        """Tell that parts came or went."""
        for fn in self._listeners:
            fn()


def placed(path: Path, text: str) -> str:
    """Return a complaint with the place inside a field that it is about."""
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    return f"{where} {text}" if where and text else text


def small_button(text: str, tip: str, on_click: Callable[[], None]) -> Any:  # noqa: ANN401  # untyped package
    """Return a small button of a form."""
    layout = {"width": "auto", "height": "24px", "margin": "0 4px 0 0", "align_self": "flex-start"}
    button = ipywidgets.Button(description=text, tooltip=tip, layout=layout, style={"font_size": "12px"})
    button.on_click(lambda _button: on_click())
    return button


def titled(wanted: Wanted) -> Any:  # noqa: ANN401  # untyped package
    """Return the heading of a field that is made of others."""
    star = (
        ' <span style="color:var(--jp-error-color1,#d32f2f)">*</span>'
        if wanted.required and not wanted.nullable
        else ""
    )
    label = (
        f'<div style="font-size:13px;font-weight:500;line-height:1.6">{escaped(wanted.label)}{star}</div>'
        if wanted.label
        else ""
    )
    text = f'<div style="{FAINT};font-size:12px;line-height:1.4">{escaped(wanted.help)}</div>' if wanted.help else ""
    box = ipywidgets.HTML(label + text, layout={"margin": "0"})
    box.layout.display = None if wanted.label or wanted.help else "none"
    return box


FRAME = {"border_left": "2px solid var(--jp-border-color2, #ddd)", "padding": "0 0 0 10px", "margin": "2px 0 8px 0"}
"""How the parts of a field are set off from the fields around it."""
