"""Fields that are made of others: groups, lists, tuples, maps, unions, and what may be left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets

from nbflow.types import misfits
from nbflow_widgets.display import make_live
from nbflow_widgets.fields.base import FRAME, Field, FieldError, PartsField, Path, placed, small_button, titled
from nbflow_widgets.fields.entry import Entry
from nbflow_widgets.fields.schema import EMPTY, Wanted
from nbflow_widgets.fields.single import text

Make = Callable[[Wanted], Field]
_BOUNDS = {"maxItems", "maxProperties"}
_KINDS = {
    "yes_no": "yes or no",
    "date-time": "date and time",
    "picks": "several choices",
    "tuple": "list",
    "map": "names and values",
    "json": "JSON",
    "decimal": "number",
}
_OF_JSON = {"array": "list", "object": "map", "null": "nothing"}


class GroupField(PartsField):
    """Fields one below the other that read as one dict; what is empty and not required is left out."""

    def __init__(self, wanted: Wanted, make: Make) -> None:
        super().__init__(wanted)
        needed = frozenset(wanted.schema.get("required", ()))
        self._parts: dict[str | int, Field] = {
            name: make(wanted.part(part, label=name, required=name in needed))
            for name, part in wanted.schema.get("properties", {}).items()
        }
        self._body = ipywidgets.VBox([part.widget for part in self._parts.values()], layout={"margin": "0"})
        if wanted.label:
            self._body.layout = FRAME
        self.widget = ipywidgets.VBox([*self._head(), self._body, self._problem])
        if wanted.default is not EMPTY:
            self.fill(wanted.default)

    def _head(self) -> list[Any]:
        if not self.wanted.label:
            return []
        fold = small_button("▾", "Fold", self._fold)
        fold.layout.padding = "0 6px"
        self._button = fold
        return [ipywidgets.HBox([fold, titled(self.wanted)], layout={"margin": "2px 0", "align_items": "flex-start"})]

    def _fold(self, *, folded: bool | None = None) -> None:
        is_folded = self._body.layout.display == "none"
        folded = not is_folded if folded is None else folded
        self._body.layout.display = "none" if folded else None
        self._button.description, self._button.tooltip = ("▸", "Unfold") if folded else ("▾", "Fold")

    def parts(self) -> Mapping[str | int, Field]:  # noqa: D102  # as Field says
        return self._parts

    def complain(self, path: Path, text: str) -> None:  # noqa: D102  # as Field says
        if text and self.wanted.label:
            self._fold(folded=False)
        super().complain(path, text)

    def read(self) -> object:  # noqa: D102  # as Field says
        try:
            found = self.read_parts()
        except FieldError:
            if self.wanted.label:
                self._fold(folded=False)  # where a complaint can be seen
            raise
        return {name: value for name, value in found.items() if value is not EMPTY}

    def fill(self, value: object) -> None:  # noqa: D102  # as Field says
        for name, part in self._parts.items():
            if isinstance(value, Mapping) and name in value:
                part.fill(value[name])

    def draft(self) -> object:  # noqa: D102  # as Field says
        return {name: part.draft() for name, part in self._parts.items()}

    def restore(self, draft: Any) -> None:  # noqa: ANN401, D102  # as Field says
        for name, one in draft.items():
            if name in self._parts:
                self._parts[name].restore(one)


class RowsField(PartsField):
    """Rows that a person adds, removes and moves; each has a field, in a map under a name that is typed too.

    Args:
        wanted: what it is to be.
        make: makes the field of a row.
        named: whether rows have names, so that it reads as a dict.
    """

    def __init__(self, wanted: Wanted, make: Make, *, named: bool) -> None:
        super().__init__(wanted)
        self._make, self._named = make, named
        self._item = self._item_of(wanted)
        self._rows: list[tuple[Field | None, Field]] = []
        self._least = wanted.schema.get("minProperties" if named else "minItems", 0)
        self._add = small_button("+ Add", f"Add to {wanted.label or 'the list'}", self._append_by_hand)
        self._body = ipywidgets.VBox(layout={**FRAME, "margin": "2px 0"})
        self.widget = ipywidgets.VBox(
            [titled(wanted), self._body, self._add, self._problem], layout={"margin": "0 0 8px 0"}
        )
        for _ in range(min(self._least, _FIRST_ROWS)):
            self._append()
        self._item = self._item_of(wanted.later())
        if wanted.default is not EMPTY:
            self.fill(wanted.default)
        self._draw()

    def _item_of(self, wanted: Wanted) -> Wanted:
        """Return what each row is to be."""
        return wanted.part(
            wanted.schema["additionalProperties" if self._named else "items"], "Value" if self._named else ""
        )

    def parts(self) -> Mapping[str | int, Field]:  # noqa: D102  # as Field says
        if not self._named:
            return {place: field for place, (_, field) in enumerate(self._rows)}
        return {str(name.draft() if name else ""): field for name, field in self._rows}

    def _append_by_hand(self) -> None:
        self._append()
        self._draw()
        self.changed()

    def _append(self) -> Field:
        name = text(replace(self._item, label="Name", schema={}, default=EMPTY, kind="text")) if self._named else None
        field = self._make(self._item)
        for part in (name, field):
            if part is not None:
                part.disable(disabled=self._disabled)
                self.adopt(part)
        self._rows.append((name, field))
        return field

    def _move(self, field: Field, by: int) -> None:
        place = next(place for place, row in enumerate(self._rows) if row[1] is field)
        row = self._rows.pop(place)
        if by:
            self._rows.insert(max(0, min(len(self._rows), place + by)), row)
        self._draw()
        self.changed()

    def _draw(self) -> None:
        for old in self._body.children:
            for button in old.children[-1].children:
                button.close()
        for place, (_, field) in enumerate(self._rows, 1):
            field.call(f"{self.wanted.label or 'item'} {place}")
        self._body.children = [self._row(name, field) for name, field in self._rows]
        make_live(self._body)
        self._body.layout.display = None if self._rows else "none"

    def _row(self, name: Field | None, field: Field) -> Any:  # noqa: ANN401  # untyped package
        moves = () if self._named else ((-1, "↑", "Move up"), (1, "↓", "Move down"))
        buttons = [small_button(sign, tip, partial(self._move, field, by)) for by, sign, tip in moves]
        buttons.append(small_button("✕", "Remove", partial(self._move, field, 0)))
        for button in buttons:
            button.disabled = self._disabled
            button.layout.padding = "0 6px"
        body = [part.widget for part in (name, field) if part is not None]
        layout = {"align_items": "flex-start", "margin": "0", "max_width": "700px"}
        inner = ipywidgets.VBox(body, layout={"flex": "1 1 auto", "min_width": "0"})
        return ipywidgets.HBox(
            [inner, ipywidgets.HBox(buttons, layout={"flex": "none", "margin": "3px 0 0 6px"})], layout=layout
        )

    def disable(self, *, disabled: bool) -> None:  # noqa: D102  # as Field says
        super().disable(disabled=disabled)
        self._add.disabled = disabled
        for name, _ in self._rows:
            if name is not None:
                name.disable(disabled=disabled)
        self._draw()

    def read(self) -> object:  # noqa: D102  # as Field says
        found = self.read_parts()
        if self._named:
            names = [str(name.read()) for name, _ in self._rows if name is not None]
            if len({*names}) < len(names) or "" in names:
                raise self.refuse("each row needs a name, and no two the same")
        else:
            found = {place: value for place, value in found.items() if value is not EMPTY}
        if not found and not self._least:
            return self._empty()
        if len(found) < self._least:
            raise self.refuse(f"add at least {self._least}")
        value = found if self._named else list(found.values())
        for _, why in misfits(value, {name: one for name, one in self.wanted.schema.items() if name in _BOUNDS}):
            raise self.refuse(why)
        return value

    def _empty(self) -> object:
        if self.wanted.nullable or not (self.wanted.required or self.wanted.default is not EMPTY):
            return None if self.wanted.nullable and self.wanted.required else EMPTY
        return {} if self._named else []

    def fill(self, value: object) -> None:  # noqa: D102  # as Field says
        items = (
            value.items()
            if isinstance(value, Mapping)
            else enumerate(value if isinstance(value, (list, tuple)) else ())
        )
        self._rows.clear()
        for step, one in items:
            self._append().fill(one)
            self._rename(str(step))
        self._draw()

    def _rename(self, text: str) -> None:
        name = self._rows[-1][0]
        if name is not None:
            name.fill(text)

    def draft(self) -> object:  # noqa: D102  # as Field says
        return [[name.draft() if name else "", field.draft()] for name, field in self._rows]

    def restore(self, draft: Any) -> None:  # noqa: ANN401, D102  # as Field says
        self._rows.clear()
        for name, one in draft:
            self._append().restore(one)
            self._rename(name)
        self._draw()


class TupleField(PartsField):
    """A list of a fixed length, each place with a field of its own."""

    def __init__(self, wanted: Wanted, make: Make) -> None:
        super().__init__(wanted)
        items = wanted.schema["prefixItems"]
        self._parts: dict[str | int, Field] = {
            place: make(wanted.part(one, label=str(place + 1))) for place, one in enumerate(items)
        }
        body = ipywidgets.VBox([part.widget for part in self._parts.values()], layout=FRAME)
        self.widget = ipywidgets.VBox([titled(wanted), body, self._problem])
        if wanted.default is not EMPTY:
            self.fill(wanted.default)

    def parts(self) -> Mapping[str | int, Field]:  # noqa: D102  # as Field says
        return self._parts

    def read(self) -> object:  # noqa: D102  # as Field says
        return list(self.read_parts().values())

    def fill(self, value: object) -> None:  # noqa: D102  # as Field says
        for part, one in zip(self._parts.values(), value if isinstance(value, (list, tuple)) else (), strict=False):
            part.fill(one)

    def draft(self) -> object:  # noqa: D102  # as Field says
        return [part.draft() for part in self._parts.values()]

    def restore(self, draft: Any) -> None:  # noqa: ANN401, D102  # as Field says
        for part, one in zip(self._parts.values(), draft, strict=False):
            part.restore(one)


class ChosenField(PartsField):
    """One of several fields, which a person chooses; made when it is chosen, since types may hold themselves.

    Args:
        wanted: what it is to be.
        make: makes the field of an alternative.
        alternatives: what there is to choose from, each with its title.
    """

    def __init__(self, wanted: Wanted, make: Make, alternatives: Mapping[str, Wanted]) -> None:
        super().__init__(wanted)
        self._make, self._alternatives = make, list(alternatives.values())
        self._made: dict[int, Field] = {}
        self._is_box = len(self._alternatives) == 1  # to be ticked or not
        kind = "checks" if self._is_box else "radio" if len(self._alternatives) <= _FIRST_ROWS else "select"
        self._entry = Entry(kind, value=self._typed(None), options=list(alternatives))
        self._entry.label, self._entry.help = wanted.label, wanted.help
        self._entry.required = wanted.required and not wanted.nullable
        self._entry.on_typed(self._chosen)
        self._body = ipywidgets.VBox(layout=FRAME)
        self.widget = ipywidgets.VBox([self._entry, self._body])
        if wanted.default is not EMPTY:
            self.fill(wanted.default)
        self._draw()

    @property
    def _place(self) -> int | None:
        typed = self._entry.typed
        if self._is_box:
            return 0 if typed else None
        return typed if isinstance(typed, int) and 0 <= typed < len(self._alternatives) else None

    def _typed(self, place: int | None) -> object:
        """Return what is typed into the entry to choose a place."""
        return place if not self._is_box else [] if place is None else [place]

    def _field(self) -> Field | None:
        place = self._place
        if place is None:
            return None
        if place not in self._made:
            field = self._made[place] = self.adopt(self._make(self._alternatives[place]))
            field.disable(disabled=self._disabled)
            field.call(f"{self.wanted.label} {self._entry.options[place]}".strip())
        return self._made[place]

    def _chosen(self) -> None:
        self._draw()
        self.changed()

    def _draw(self) -> None:
        field = self._field()
        self._body.children = [field.widget] if field is not None else []
        make_live(self._body)
        self._body.layout.display = "none" if field is None else None

    def parts(self) -> Mapping[str | int, Field]:  # noqa: D102  # as Field says
        return {place: field for place, field in self._made.items() if place == self._place}

    def complain(self, path: Path, text: str) -> None:  # noqa: D102  # as Field says
        field = self._field()
        if field is not None and text:
            field.complain(path, text)
        else:
            self._entry.complain(placed(path, text))

    def disable(self, *, disabled: bool) -> None:  # noqa: D102  # as Field says
        super().disable(disabled=disabled)
        self._entry.disabled = disabled

    def read(self) -> object:  # noqa: D102  # as Field says
        self._entry.complain("")
        field = self._field()
        if field is not None:
            return field.read()
        try:
            return self.nothing("choose one")
        except ValueError as error:
            raise self.refuse(str(error)) from None

    def fill(self, value: object) -> None:  # noqa: D102  # as Field says
        place = next((place for place, one in enumerate(self._alternatives) if _fits(value, one)), None)
        self._entry.put(self._typed(place))
        field = self._field()
        if field is not None:
            field.fill(value)
        self._draw()

    def draft(self) -> object:  # noqa: D102  # as Field says
        field = self._field()
        return [self._place, field.draft() if field is not None else None]

    def restore(self, draft: Any) -> None:  # noqa: ANN401, D102  # as Field says
        place, inner = draft[0], draft[1]
        if not self._entry.may_hold(self._typed(place)):
            raise TypeError(f"{place!r} is a draft of another field")
        self._entry.put(self._typed(place))
        field = self._field()
        if field is not None:
            field.restore(inner)
        self._draw()


def union(wanted: Wanted, make: Make) -> Field:
    """Return the field for a value of one of several types."""
    alternatives: dict[str, Wanted] = {}
    for number, one in enumerate(wanted.alternatives(), 1):
        name = _name_of(one)
        alternatives[name if name not in alternatives else f"{name} ({number})"] = one
    return ChosenField(wanted, make, alternatives)


def optional(wanted: Wanted, make: Make) -> Field:
    """Return the field for a group that may be left out."""
    inner = replace(wanted.later(), label="", required=True, nullable=False, default=EMPTY)
    return ChosenField(wanted, make, {"fill in": inner})


def _name_of(wanted: Wanted) -> str:
    whole = wanted.kind == "number" and wanted.schema.get("type") == "integer"
    named = wanted.schema.get("title")
    kind = _OF_JSON.get(str(wanted.schema.get("type")), wanted.kind) if wanted.kind == "json" else wanted.kind
    return str(named) if named else "whole number" if whole else _KINDS.get(kind, kind)


def _fits(value: object, wanted: Wanted) -> bool:
    """Whether a value may be meant for an alternative, by its type in JSON."""
    types: dict[str, type | tuple[type, ...]] = {
        "object": Mapping, "array": (list, tuple), "string": str, "boolean": bool, "integer": int,
        "number": (int, float),
    }  # fmt: skip
    named = wanted.schema.get("type")
    if wanted.kind == "choice":
        return value in wanted.schema.get("enum", [wanted.schema.get("const")])
    if isinstance(value, bool) and named != "boolean":
        return False
    return isinstance(value, types.get(str(named), object))


_FIRST_ROWS = 4
