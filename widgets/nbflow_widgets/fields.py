"""Fields of a form, from JSON schema: what a person types, checked before it is sent.

A field reads as a value or raises ``FieldError``, whose text is shown beside it. The checks are
those that help while typing; the runtime has the last word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import ipywidgets

from nbflow_widgets.markup import FAINT, escaped, note
from nbflow_widgets.shapes import Schema, choices_of, kind_of, resolved

_WIDE = {"width": "100%", "max_width": "640px"}
_FEW = 6
ANSWER = "Your answer"
_LONGEST_LABEL = 24
EMPTY = object()


class FieldError(ValueError):
    """What was typed is no answer."""


class Field(Protocol):
    """What every field is.

    Attributes:
        widget: what is shown.
    """

    widget: Any

    def read(self) -> object:
        """Return the value; ``EMPTY`` if nothing was typed.

        Raises:
            FieldError: if what was typed is no value; it is shown beside the field too.
        """
        ...

    def draft(self) -> object:
        """Return what was typed so far."""
        ...

    def restore(self, draft: object) -> None:
        """Bring back what was typed before."""
        ...

    def on_change(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` when something was typed."""
        ...

    def disable(self, *, disabled: bool) -> None:
        """Take no typing, or take it again."""
        ...


class InputField:
    """A field of one input.

    Args:
        box: the input; its ``value`` is what was typed.
        parse: from what was typed to the value; raises ValueError with what is wrong.
        help_text: small print under it.
    """

    def __init__(self, box: Any, parse: Callable[[Any], object], help_text: str = "") -> None:  # noqa: ANN401  # untyped package
        self.box = box
        self._parse = parse
        self._problem = ipywidgets.HTML(layout={"margin": "0"})
        self._problem.layout.display = "none"
        parts = [box, *([_small_print(help_text)] if help_text else []), self._problem]
        self.widget = ipywidgets.VBox(parts, layout={"margin": "0 0 4px 0"})

    def read(self) -> object:
        """Return the value; see ``Field``."""
        try:
            value = self._parse(self.box.value)
        except ValueError as error:
            self._complain(str(error))
            raise FieldError(str(error)) from None
        self._complain("")
        return value

    def draft(self) -> object:
        """Return what was typed."""
        return self.box.value

    def restore(self, draft: object) -> None:
        """Bring back what was typed."""
        self.box.value = draft

    def on_change(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` when something was typed."""
        self.box.observe(lambda _change: fn(), "value")

    def disable(self, *, disabled: bool) -> None:
        """Take no typing, or take it again."""
        self.box.disabled = disabled

    def _complain(self, problem: str) -> None:
        self._problem.value = note(problem, "error") if problem else ""
        self._problem.layout.display = None if problem else "none"


class ObjectField:
    """Fields side by side that read as one dict."""

    def __init__(self, fields: Mapping[str, Field], required: frozenset[str]) -> None:
        self._fields = fields
        self._required = required
        self.widget = ipywidgets.VBox([field.widget for field in fields.values()])

    def read(self) -> object:
        """Return what the fields hold; what is empty and not required is left out."""
        values: dict[str, object] = {}
        errors: list[str] = []
        for name, field in self._fields.items():
            try:
                value = field.read()
                if value is EMPTY and name in self._required:
                    raise FieldError(f"{name} is missing")  # noqa: TRY301  # all fields are read, then all complaints told
            except FieldError as error:
                errors.append(str(error))
            else:
                if value is not EMPTY:
                    values[name] = value
        if errors:
            raise FieldError("; ".join(errors))
        return values

    def draft(self) -> object:
        """Return what was typed, by field."""
        return {name: field.draft() for name, field in self._fields.items()}

    def restore(self, draft: object) -> None:
        """Bring back what was typed."""
        for name, one in cast("Mapping[str, object]", draft).items():
            if name in self._fields:
                self._fields[name].restore(one)

    def on_change(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` when something was typed in any of them."""
        for field in self._fields.values():
            field.on_change(fn)

    def disable(self, *, disabled: bool) -> None:
        """Take no typing, or take it again."""
        for field in self._fields.values():
            field.disable(disabled=disabled)


def field_of(schema: Schema, *, label: str = "", root: Schema | None = None, required: bool = True) -> Field:
    """Return the field that a schema wants.

    Args:
        schema: of the answer, or of a part of it.
        label: stands before the input; empty for a whole answer.
        root: the schema that local references point into.
        required: whether nothing is no answer.
    """
    root = root if root is not None else schema
    kind = kind_of(schema, root)
    own: Schema = {key: schema[key] for key in ("default", "description") if key in schema}
    whole: Schema = {**resolved(schema, root), **own}
    field = _MAKERS[kind](whole, label, root, required)
    if "default" in whole and whole["default"] is not None and isinstance(field, InputField):
        field.restore(_as_typed(kind, whole["default"]))
    return field


def _as_typed(kind: str, value: object) -> object:
    if kind == "strings" and isinstance(value, list):
        return "\n".join(map(str, value))
    if kind in {"choice", "boolean"}:
        return value
    return value if isinstance(value, str) and kind == "string" else json.dumps(value)


def _object(schema: Schema, _label: str, root: Schema, _required: bool) -> Field:  # noqa: FBT001  # one signature for all makers
    needed = frozenset(schema.get("required", ()))
    fields: dict[str, Field] = {
        name: field_of(
            part,
            label=str(part.get("title", name)) if isinstance(part, dict) else name,
            root=root,
            required=name in needed,
        )
        for name, part in schema["properties"].items()
    }
    _align(fields)
    return ObjectField(fields, needed)


def _align(fields: Mapping[str, Field]) -> None:
    """Give the labels of fields that stand below each other one width."""
    boxes = [field.box for field in fields.values() if isinstance(field, InputField)]
    longest = max((len(box.description) for box in boxes), default=0)
    for box in boxes:
        box.style.description_width = f"{8 * min(longest, _LONGEST_LABEL) + 8}px"


def _text(schema: Schema, label: str, _root: Schema, required: bool) -> Field:  # noqa: FBT001  # as above
    kind = ipywidgets.Text if label else ipywidgets.Textarea

    def parse(typed: str) -> object:
        if not typed and not required:
            return EMPTY
        _check_length(typed, schema)
        return typed

    return InputField(_input(kind, label, "" if label else ANSWER), parse, schema.get("description", ""))


def text_field(placeholder: str = ANSWER) -> Field:
    """Return the field for an answer that may be any text."""
    return InputField(_input(ipywidgets.Textarea, "", placeholder), str)


def _number(schema: Schema, label: str, _root: Schema, required: bool) -> Field:  # noqa: FBT001  # as above
    whole = schema.get("type") == "integer"
    wanted = f"a {'whole ' if whole else ''}number{_range(schema)}"

    def parse(typed: str) -> object:
        if not typed.strip() and not required:
            return EMPTY
        try:
            value = int(typed) if whole else float(typed)
        except ValueError:
            value = None
        if value is None or not _within(value, schema):
            msg = f"{typed!r} is not {wanted}" if typed.strip() else f"type {wanted}"
            raise ValueError(msg)
        return value

    return InputField(_input(ipywidgets.Text, label, wanted), parse, schema.get("description", ""))


def _choice(schema: Schema, label: str, _root: Schema, required: bool) -> Field:  # noqa: FBT001  # as above
    return choice_field(choices_of(schema), label=label, required=required, help_text=schema.get("description", ""))


def choice_field(choices: list[object], *, label: str = "", required: bool = True, help_text: str = "") -> Field:
    """Return the field for one of a few answers."""
    options = [(str(one), one) for one in choices]
    kind = ipywidgets.RadioButtons if len(choices) <= _FEW else ipywidgets.Dropdown
    box = kind(options=options, value=None, description=label, style={"description_width": "initial"}, layout=_WIDE)
    return InputField(box, lambda chosen: _chosen(chosen, required=required and None not in choices), help_text)


def _yes_no(schema: Schema, label: str, _root: Schema, required: bool) -> Field:  # noqa: FBT001  # as above
    box = ipywidgets.ToggleButtons(
        options=[("Yes", True), ("No", False)],
        value=None,
        description=label,
        style={"description_width": "initial", "button_width": "72px"},
    )
    return InputField(box, lambda chosen: _chosen(chosen, required=required), schema.get("description", ""))


def _chosen(chosen: object, *, required: bool) -> object:
    if chosen is None and required:
        msg = "choose one"
        raise ValueError(msg)
    return EMPTY if chosen is None and not required else chosen


def _strings(schema: Schema, label: str, _root: Schema, required: bool) -> Field:  # noqa: FBT001  # as above
    def parse(typed: str) -> object:
        lines = [line.strip() for line in typed.splitlines() if line.strip()]
        if not lines and not required:
            return EMPTY
        _check_length(lines, schema)
        return lines

    return InputField(_input(ipywidgets.Textarea, label, "One a line"), parse, schema.get("description", ""))


def _json(schema: Schema, label: str, _root: Schema, required: bool) -> Field:  # noqa: FBT001  # as above
    return json_field(label=label, required=required, help_text=schema.get("description", ""))


def json_field(value: object = EMPTY, *, label: str = "", required: bool = True, help_text: str = "") -> Field:
    """Return the field for any JSON; ``value`` stands in it at first."""

    def parse(typed: str) -> object:
        if not typed.strip() and not required:
            return EMPTY
        try:
            return json.loads(typed)
        except ValueError as error:
            msg = f"this is not JSON: {error}. A text wants double quotes around it."
            raise ValueError(msg) from None

    box = _input(ipywidgets.Textarea, label, 'JSON, such as {"approved": true} or "a text"')
    box.add_class("nbflow-code")
    field = InputField(box, parse, help_text)
    if value is not EMPTY:
        field.restore(json.dumps(value, indent=2, ensure_ascii=False, default=repr))
        box.rows = min(12, str(box.value).count("\n") + 2)
    return field


_MAKERS: dict[str, Callable[[Schema, str, Schema, bool], Field]] = {
    "object": _object,
    "string": _text,
    "integer": _number,
    "number": _number,
    "boolean": _yes_no,
    "choice": _choice,
    "strings": _strings,
    "json": _json,
}


def _input(kind: Any, label: str, placeholder: str) -> Any:  # noqa: ANN401  # untyped package
    return kind(description=label, placeholder=placeholder, style={"description_width": "initial"}, layout=_WIDE)


def _small_print(text: str) -> Any:  # noqa: ANN401  # untyped package
    return ipywidgets.HTML(f'<div style="{FAINT};font-size:11px;line-height:1.4">{escaped(text)}</div>')


def _check_length(value: str | list[str], schema: Schema) -> None:
    unit, noun = ("Length", "characters") if isinstance(value, str) else ("Items", "lines")
    least, most = schema.get(f"min{unit}", 0), schema.get(f"max{unit}")
    if len(value) < least or (most is not None and len(value) > most):
        bounds = f"at least {least}" if most is None else f"{least} to {most}"
        msg = f"these are {len(value)} {noun}, but it takes {bounds}"
        raise ValueError(msg)


def _range(schema: Schema) -> str:
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return f", {' and '.join(bounds)}" if bounds else ""


def _within(value: float, schema: Schema) -> bool:
    return (
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )
