"""What a person does with a form, as its page would tell the kernel; and what a person sees of it."""

from __future__ import annotations

from typing import Any

import ipywidgets

from nbflow_widgets.fields import Entry
from nbflow_widgets.form_parts import FormKeys


def all_in(widget: Any, kind: Any) -> list[Any]:
    """Return the widgets of a kind in a widget, in order."""
    inner = [one for child in getattr(widget, "children", ()) for one in all_in(child, kind)]
    return [widget, *inner] if isinstance(widget, kind) else inner


def entries(shown: Any) -> list[Entry]:
    """Return the inputs of a form or field, but not the one for the reason of a rejection."""
    return [one for one in all_in(shown.widget, Entry) if one.label != "Why?"]


def type_into(shown: Any, *typed: object) -> None:
    """Type, choose or tick in the inputs from the first on; ``...`` leaves one out."""
    inputs = all_in(shown.widget, Entry)
    for entry, value in zip(inputs, typed, strict=False):
        if value is not ...:
            press(entry, value)


def press(entry: Entry, value: object, *, page: str = "a page", offset: int = 60) -> None:
    """Do in one input what a person does in a page."""
    entry._on_message(entry, {"kind": "typed", "value": value, "page": page, "offset": offset}, [])


def give(entry: Entry, data: bytes, *, page: str = "a page", part: int = 4_000_000, parts: int | None = None) -> None:
    """Choose a file in one input, which the page sends in parts; only the first few of them, if so many are named."""
    for at in list(range(0, max(1, len(data)), part))[:parts]:
        content = {"kind": "part", "page": page, "name": "a.bin", "size": len(data), "at": at}
        entry._on_message(entry, content, [memoryview(data[at : at + part])])


def buttons(shown: Any) -> list[Any]:
    return all_in(shown.widget, ipywidgets.Button)


def click(shown: Any, label: str) -> None:
    """Click the first button with a label."""
    next(button for button in buttons(shown) if button.description == label).click()


def page(shown: Any) -> str:
    """Return all texts that a form or field shows: HTML, labels, help and complaints."""
    parts = all_in(shown.widget, (ipywidgets.HTML, Entry, FormKeys))
    texts = [one.value if isinstance(one, ipywidgets.HTML) else _texts(one) for one in parts]
    return "\n".join(texts)


def _texts(entry: Any) -> str:
    return " ".join([entry.label, entry.help, entry.problem, *entry.options]) if isinstance(entry, Entry) else ""
