"""Fields of a form, from JSON schema: what a person types, as a value.

A field reads as a value or raises ``FieldError``, whose text is shown beside it. Fields know what they can read; what
a value must be besides is the runtime's to check, and ``Field.complain`` shows it beside the field it is about.
"""

from __future__ import annotations

from dataclasses import replace

from nbflow_widgets.fields import groups, single
from nbflow_widgets.fields.base import Field, FieldError
from nbflow_widgets.fields.entry import Entry
from nbflow_widgets.fields.schema import EMPTY, Schema, Wanted, like, wanted

_SINGLE = {
    "text": single.text,
    "secret": single.secret,
    "number": single.number,
    "decimal": single.decimal,
    "date": single.date,
    "time": single.time,
    "date-time": single.moment,
    "duration": single.duration,
    "file": single.file,
    "yes_no": single.yes_no,
    "choice": single.choice,
    "picks": single.picks,
    "json": single.any_json,
}


def field_of(schema: Schema, *, value: object = EMPTY) -> Field:
    """Return the field that a schema wants.

    Args:
        schema: of the answer.
        value: what it holds at first; EMPTY for the schema's defaults.
    """
    field = _field(replace(wanted(schema), whole=True))
    if value is not EMPTY:
        field.fill(value)
    return field


def _field(wanted: Wanted) -> Field:
    may_lack = not wanted.required or wanted.nullable
    if wanted.kind in _SINGLE:
        return _SINGLE[wanted.kind](wanted)
    if wanted.kind in {"list", "map"}:
        named = wanted.kind == "map"
        return groups.RowsField(wanted, _field, named=named)
    if wanted.kind == "union":
        return groups.union(wanted, _field)
    if may_lack:
        return groups.optional(wanted, _field)
    return groups.GroupField(wanted, _field) if wanted.kind == "group" else groups.TupleField(wanted, _field)


__all__ = ["EMPTY", "Entry", "Field", "FieldError", "Schema", "field_of", "like"]
