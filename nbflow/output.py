"""Where what the code of runs prints goes: into its calls' records, and to the page; and displays of a notebook.

Prints, logs, warnings and displays of a call are kept with it, the first and the last 20,000 characters and up to ten
displays; ``views.details`` shows them. By default they also go on to where they would go without a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from nbflow.core.call import current_frame
from nbflow.session.session import Echo, echo_here


@contextmanager
def led(echo: Echo | None = None, *, is_kept: bool = True) -> Iterator[None]:
    """Lead what the runs that begin within say, whatever threads they work on.

    Args:
        echo: decides on the page: it is called with the place where the code stands, which sorts as bodies make their
            calls, and with a function without arguments that prints or displays. It is called on the threads that
            work on the run, and calls that function now, later or never. None has it called at once.
        is_kept: whether it is kept with the calls.
    """
    token = echo_here.set((echo, is_kept))
    try:
        yield
    finally:
        echo_here.reset(token)


def displayed(forms: Mapping[str, object], show: Callable[[], object], display: str = "") -> None:
    """Take in that the code here displays something; dropped if it is a body that replays.

    Args:
        forms: what is displayed, by MIME type. Of a call, text, PNG, SVG and HTML are kept, if they are not too large.
        show: displays it.
        display: id of the display, if there is one: a later one with the same id takes its place.
    """
    frame = current_frame.get()
    if frame is None or (frame.closed and not frame.left):
        show()
    elif not frame.left:
        frame.host.hear(frame, "display", forms, partial(_apart, show), display)


def _apart(show: Callable[[], object]) -> None:
    """Call a function so that what it prints, as a terminal shows a display, is not heard as well."""
    token = current_frame.set(None)
    try:
        show()
    finally:
        current_frame.reset(token)


__all__ = ["displayed", "led"]
