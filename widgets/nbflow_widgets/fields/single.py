"""Fields of one input: texts, numbers, dates, choices, files, and any JSON."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from nbflow_widgets.fields.base import EntryField, Field
from nbflow_widgets.fields.entry import MOST_BYTES, Entry
from nbflow_widgets.fields.schema import EMPTY, Wanted, choices_of, is_long
from nbflow_widgets.markup import as_text

_FEW, _MANY = 6, 12
ANSWER = "Your answer"
_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_SPAN = re.compile(
    r"\s*(?:(\d+)\s*d\w*)?\s*(?:(\d+)\s*h\w*)?\s*(?:(\d+)\s*m\w*)?\s*(?:(\d+(?:\.\d+)?)\s*s\w*)?\s*", re.IGNORECASE
)


def _typed_field(
    wanted: Wanted, entry: Entry, what: str, parse: Callable[[str], object], show: Callable[[Any], object] = str
) -> Field:
    """Return a field whose input is empty or holds a text that ``parse`` understands."""
    field: EntryField

    def read(typed: object) -> object:
        if typed is None:
            raise ValueError(what)
        text = str(typed).strip()
        return parse(text) if text else field.nothing(what)

    field = EntryField(wanted, entry, read, show)
    field.call(what.removeprefix("type "))
    return field


def text(wanted: Wanted) -> Field:
    """Return the field for a text: one line where it has a label, else as many as it takes."""
    alone = wanted.whole
    kind = "area" if alone or is_long(wanted.schema) else "text"
    example = next(iter(wanted.schema.get("examples") or ()), "")
    entry = Entry(kind, placeholder=ANSWER if alone else str(example), rows=2 if alone else 4)
    field: EntryField

    def read(typed: object) -> object:
        found = str(typed or "")
        if found or (wanted.required and alone) or (wanted.default is not EMPTY and not wanted.nullable):
            return found  # an empty text is an answer where nothing else is asked, and where a default was taken out
        return field.nothing("type a text")

    field = EntryField(wanted, entry, read, str)
    return field


def secret(wanted: Wanted) -> Field:
    """Return the field for a password: hidden while it is typed, and never kept as a draft.

    Its default is never shown, and would be a mask in the schema: left empty, the answer leaves it to the type.
    """
    return _typed_field(replace(wanted, default=EMPTY), Entry("password"), "type the secret", str)


def number(wanted: Wanted) -> Field:
    """Return the field for a number, with its bounds and steps."""
    schema = wanted.schema
    whole = schema.get("type") == "integer"
    what = f"type a {'whole ' if whole else ''}number{_range(schema)}"

    def parse(typed: str) -> object:
        if not (_WHOLE if whole else _NUMBER).fullmatch(typed):
            raise ValueError(f"{typed!r} is not a {'whole ' if whole else ''}number")
        value = int(typed) if whole or _WHOLE.fullmatch(typed) else float(typed)
        if not math.isfinite(value):
            raise ValueError(f"{typed!r} is too large for a number")
        return value

    return _typed_field(wanted, _number_entry(schema, what, whole=whole), what, parse)


def decimal(wanted: Wanted) -> Field:
    """Return the field for a number whose digits are kept as they were typed."""

    def parse(typed: str) -> object:
        if not _NUMBER.fullmatch(typed):
            raise ValueError(f"{typed!r} is not a number")
        return typed

    what = "type a number"
    return _typed_field(wanted, _number_entry(wanted.schema, what, whole=False), what, parse)


def _number_entry(schema: dict[str, Any], what: str, *, whole: bool) -> Entry:
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum", "")),
        schema.get("maximum", schema.get("exclusiveMaximum", "")),
    )
    step = schema.get("multipleOf", 1 if whole else "any")
    return Entry("number", placeholder=what.removeprefix("type "), min=str(low), max=str(high), step=str(step))


def _range(schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f", {schema['minimum']} to {schema['maximum']}"
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return f", {' and '.join(bounds)}" if bounds else ""


def date(wanted: Wanted) -> Field:
    """Return the field for a day."""
    return _typed_field(wanted, Entry("date"), "choose a date", lambda typed: dt.date.fromisoformat(typed).isoformat())


def time(wanted: Wanted) -> Field:
    """Return the field for a time of day, with the zone of the person's clock where the type must have one."""
    entry = Entry("time", step="1")

    def parse(typed: str) -> object:
        found = dt.time.fromisoformat(typed)
        if wanted.schema.get("format") == "full-time" and found.tzinfo is None:
            now = dt.datetime.now(dt.UTC).astimezone(None if entry.offset is None else _zone(entry.offset))
            found = found.replace(tzinfo=now.tzinfo)
        return found.isoformat()

    def show(value: object) -> str:
        return dt.time.fromisoformat(str(value)).replace(tzinfo=None).isoformat()

    return _typed_field(wanted, entry, "choose a time", parse, show)


def _zone(minutes: int) -> dt.tzinfo:
    return dt.timezone(dt.timedelta(minutes=minutes))


def moment(wanted: Wanted) -> Field:
    """Return the field for a day and a time: as the person's clock shows it, with its zone unless that is refused."""
    entry = Entry("datetime-local", step="1")
    local = wanted.schema.get("format") == "date-time-local"

    def parse(typed: str) -> object:
        found = dt.datetime.fromisoformat(typed)
        if local or found.tzinfo is not None:
            return found.isoformat()
        return (found.astimezone() if entry.offset is None else found.replace(tzinfo=_zone(entry.offset))).isoformat()

    def show(value: object) -> str:
        found = dt.datetime.fromisoformat(str(value))
        return (
            (found.astimezone() if found.tzinfo is not None else found)
            .replace(tzinfo=None)
            .isoformat(timespec="seconds")
        )

    return _typed_field(wanted, entry, "choose a date and a time", parse, show)


def duration(wanted: Wanted) -> Field:
    """Return the field for a span of time, as people write it or as ISO 8601 does."""
    what = "type a duration, such as 1h 30m or 45 s"

    def parse(typed: str) -> object:
        if re.fullmatch(r"[+-]?P.+", typed):
            return typed
        found = _SPAN.fullmatch(typed)
        if found is None or not any(found.groups()):
            raise ValueError(f"{typed!r} is not a duration; {what}")
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return f"PT{days * 86400 + hours * 3600 + minutes * 60 + seconds:g}S"

    return _typed_field(wanted, Entry("text", placeholder="such as 1h 30m"), what, parse)


def file(wanted: Wanted) -> Field:
    """Return the field for a file, which answers with its bytes in base64; a default stays the type's own."""
    wanted = replace(wanted, default=EMPTY)
    entry = Entry("file", value=None, accept=str(wanted.schema.get("contentMediaType", "")))
    field: EntryField

    def read(_typed: object) -> object:
        if entry.typed is not None and entry.data is None:
            size = entry.typed.get("size", 0) if isinstance(entry.typed, dict) else 0
            if size <= MOST_BYTES:
                raise ValueError("the file is still on its way; wait until its size is shown")
            raise ValueError(
                f"the file has {size:,} bytes, but an answer takes at most {MOST_BYTES:,}; "
                "leave it where the workflow can read it, and have it ask for the path"
            )
        return field.nothing("choose a file") if entry.data is None else base64.b64encode(entry.data).decode()

    field = EntryField(wanted, entry, read, lambda _value: None)
    return field


def yes_no(wanted: Wanted) -> Field:
    """Return the field for Yes or No."""
    return _of_choices(wanted, [True, False], ["Yes", "No"], "toggle")


def choice(wanted: Wanted) -> Field:
    """Return the field for one of some answers."""
    values = choices_of(wanted.schema)
    titles = wanted.schema.get("x-titles") or [_titled(one) for one in values]
    if len(values) == 1 and wanted.required and wanted.label:
        wanted = replace(wanted, default=values[0])
    kind = "radio" if len(values) <= _FEW else "select" if len(values) <= _MANY else "combo"
    return _of_choices(wanted, values, titles, kind)


def _titled(value: object) -> str:
    return "(nothing)" if value is None else as_text(value) if not isinstance(value, bool) else "Yes" if value else "No"


def _of_choices(wanted: Wanted, values: Sequence[object], titles: Sequence[str], kind: str) -> Field:
    field: EntryField

    def read(typed: object) -> object:
        if kind == "combo":
            return _named(str(typed or ""))
        if typed is None:
            return field.nothing("choose one")
        return values[int(str(typed))]

    def _named(typed: str) -> object:
        if not typed:
            return field.nothing("choose one")
        if typed not in titles:
            raise ValueError(f"{typed!r} is none of the {len(titles)} choices; type a part of one to find it")
        return values[titles.index(typed)]

    def show(value: object) -> object:
        places = [place for place, one in enumerate(values) if one == value and type(one) is type(value)]
        return None if not places else titles[places[0]] if kind == "combo" else places[0]

    if wanted.default is not EMPTY and show(wanted.default) is None:
        wanted = replace(wanted, default=EMPTY)
    entry = Entry(kind, value="" if kind == "combo" else None, options=titles)
    entry.placeholder = "type to search" if kind == "combo" else ""
    field = EntryField(wanted, entry, read, show)
    return field


def picks(wanted: Wanted) -> Field:
    """Return the field for several of some answers, each once."""
    items = wanted.part(wanted.schema["items"]).schema
    values = choices_of(items)
    least = wanted.schema.get("minItems", 0)
    field: EntryField

    def read(typed: object) -> object:
        chosen = [values[place] for place in typed] if isinstance(typed, list) else []
        if not chosen and not least:
            return [] if wanted.required or wanted.default is not EMPTY else EMPTY
        return chosen or field.nothing(f"choose at least {least}")

    entry = Entry("checks", value=[], options=items.get("x-titles") or [_titled(one) for one in values])
    field = EntryField(wanted, entry, read, lambda value: [values.index(one) for one in value if one in values])
    return field


def any_json(wanted: Wanted) -> Field:
    """Return the field for any JSON."""

    def parse(typed: str) -> object:
        try:
            return json.loads(typed)
        except ValueError as error:
            raise ValueError(f"this is not JSON: {error}. A text wants double quotes around it.") from None

    entry = Entry("area", code=True, placeholder='JSON, such as {"approved": true} or "a text"', rows=3)

    def show(value: object) -> str:
        shown = json.dumps(value, indent=2, ensure_ascii=False, default=repr)
        entry.rows = min(12, shown.count("\n") + 2)
        return shown

    return _typed_field(wanted, entry, "type JSON", parse, show)
