"""Code of the user's that runs beside bodies, such as a predicate of a policy: it can't call tasks and can't ask."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from nbflow.errors import CalledOutsideBodyError

if TYPE_CHECKING:
    from collections.abc import Iterator

beside: ContextVar[str] = ContextVar("nbflow_beside", default="")
"""Which code of the user's runs here that belongs to no body, such as a predicate of a policy; empty in a body."""


@contextmanager
def no_body(what: str) -> Iterator[None]:
    """Run code of the user's that belongs to no body: it can't call tasks and can't ask; ``what`` names it."""
    token = beside.set(what)
    try:
        yield
    finally:
        beside.reset(token)


def check_body(asked: str) -> None:
    """Check that the code that runs here belongs to a body; ``asked`` names what it uses.

    Raises:
        CalledOutsideBodyError: if it does not.
    """
    what = beside.get()
    if what:
        raise CalledOutsideBodyError(asked, what)
