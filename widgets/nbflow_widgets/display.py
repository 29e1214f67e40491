"""Where and how things are shown: live or static, in which cell, and what replaces what.

Knows IPython's display machinery and no workflow. Nothing here raises for want of a kernel:
without one, everything is static.
"""

from __future__ import annotations

import os
import sys
import uuid
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from IPython.core.getipython import get_ipython
from IPython.display import display, publish_display_data

if TYPE_CHECKING:
    from collections.abc import Callable

Mode = Literal["live", "static", "off"]
MODES = ("live", "static", "off")
VARIABLE = "NBFLOW_DISPLAY"
T = TypeVar("T")


def mode(wanted: str = "auto") -> Mode:
    """Return how to show things.

    Args:
        wanted: what somebody asked for. ``"auto"`` means what the environment variable
            ``NBFLOW_DISPLAY`` says, else live where a person can click, else static.

    Raises:
        ValueError: for any other word.
    """
    for source, word in (("display", wanted), (VARIABLE, os.environ.get(VARIABLE) or "auto")):
        if word in MODES:
            return cast("Mode", word)
        if word != "auto":
            msg = f"{source} is {word!r}, but it is one of auto, live, static, off"
            raise ValueError(msg)
    return "live" if has_person() else "static"


def has_person() -> bool:
    """Whether a front end with a person before it is attached; nbclient, nbval and terminals have none."""
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))


class Cell:
    """The cell that is running now: output may be led to it at any later time, from any thread."""

    def __init__(self) -> None:
        self._context: Context = copy_context()

    def run(self, fn: Callable[..., T], *args: object) -> T:
        """Call ``fn`` so that what it prints and displays appears in the cell."""
        return self._context.copy().run(_flushed, fn, *args)  # a copy: one Context can't be entered twice at once

    def show_error(self, error: BaseException, lines: list[str] | None = None) -> None:
        """Show a traceback in the cell."""
        self.run(_show_error, error, lines)


def _flushed(fn: Callable[..., T], *args: object) -> T:
    try:
        return fn(*args)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _show_error(error: BaseException, lines: list[str] | None) -> None:
    shell: Any = get_ipython()
    if shell is None:
        return
    if lines is None:
        shell.showtraceback((type(error), error, error.__traceback__))
    else:
        shell._showtraceback(type(error), error, lines)  # noqa: SLF001  # the only door for finished lines


class Slot:
    """A place in a cell's output whose content can be replaced later, from anywhere.

    Attributes:
        is_shown: whether it has been displayed yet.
    """

    def __init__(self) -> None:
        self._id = f"nbflow-{uuid.uuid4().hex}"
        self.is_shown = False

    def show(self, bundle: dict[str, object]) -> None:
        """Show a bundle of MIME types, in the place of the last one; the first time, in the running cell."""
        # An update is not led to its cell: the front end finds it by id, and nbclient only so.
        display(bundle, raw=True, display_id=self._id, update=self.is_shown)  # type: ignore[no-untyped-call]  # IPython
        self.is_shown = True

    def show_widget(self, widget: object, static: dict[str, object] | None = None) -> None:
        """Show a widget, with what stands for it where widgets can't be drawn: without ``static``, nothing."""
        drawn: Any = getattr(widget, "_repr_mimebundle_", dict)()
        bundle = drawn[0] if isinstance(drawn, tuple) else drawn
        self.show({**(bundle or {}), **(static or {"text/plain": ""})})


def show_once(bundle: dict[str, object]) -> None:
    """Show a bundle that will never change: an output without an id, the same in every run."""
    publish_display_data(bundle)  # type: ignore[no-untyped-call]  # IPython


def bundle_of(html: str, text: str) -> dict[str, object]:
    """Return the static bundle of the two forms."""
    return {"text/html": html, "text/plain": text}


EMPTY = bundle_of("<div></div>", "")
"""What is shown in a place that is kept for later."""


def execution() -> tuple[str, str]:
    """Return the ids of the running cell and of its execution; empty where they are not known."""
    get_parent = getattr(get_ipython(), "get_parent", dict)
    parent: Any = get_parent() or {}
    header, metadata = parent.get("header") or {}, parent.get("metadata") or {}
    return str(metadata.get("cellId") or ""), str(header.get("msg_id") or "")


def here() -> str:
    """Return the running cell by its number as the page shows it: ``cell [7]``."""
    hook = getattr(get_ipython(), "displayhook", None)  # the shell's own count runs ahead in some versions
    return f"cell [{getattr(hook, 'prompt_count', '?')}]"


def formatted(value: object) -> tuple[dict[str, object], dict[str, object]]:
    """Return how IPython would show a value: data and metadata; empty for what displays itself."""
    shell: Any = get_ipython()
    if shell is None:
        return {"text/plain": repr(value)}, {}
    data, metadata = shell.display_formatter.format(value)
    return data, metadata


def make_live(widget: object) -> None:
    """Have clicks on a widget handled while a cell runs, on ipykernel 7.4 too.

    That version sends a front end's message to the thread that last wrote to the widget, which
    a running cell blocks; this has it honour the thread that the front end addressed.
    """
    comm = getattr(widget, "comm", None)
    if comm is not None and hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_addressed  # noqa: SLF001  # private there; guarded, and held by a browser test
    for child in getattr(widget, "children", ()):
        make_live(child)


def _as_addressed(_data: object, default: object) -> object:
    return default


def close_tree(widget: Any) -> None:  # noqa: ANN401  # untyped package
    """Close a widget and all that stand in it."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    widget.close()
