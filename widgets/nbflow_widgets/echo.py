"""What of a run's prints and displays appears in its cell, and when; and displays, led to the calls that make them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, Literal

from IPython.core.displaypub import CapturingDisplayPublisher

from nbflow.output import displayed, led

Where = Literal["both", "cell", "row"]
WHERE = ("both", "cell", "row")
Place = tuple[tuple[int, ...], ...]


class Echo:
    """What the runs of one cell print and display.

    Args:
        where: it is shown: in the cell as it comes, in the rows of the calls, where it is kept, or both.
        in_order: whether it waits for ``tell``, and is shown in the order in which bodies make their calls: the same
            whichever of two parallel tasks is the faster.
    """

    def __init__(self, where: Where = "both", *, in_order: bool = False) -> None:
        self._where = where
        self._in_order = in_order
        self._held: list[tuple[Place, Callable[[], object]]] = []
        self._lock = threading.Lock()

    @contextmanager
    def leads(self) -> Iterator[None]:
        """Lead what the runs that begin within say."""
        take = _nowhere if self._where == "row" else self._hold if self._in_order else None
        with led(take, is_kept=self._where != "cell"):
            yield

    def tell(self) -> None:
        """Show what has waited; called so that it appears in the cell."""
        with self._lock:
            held, self._held = self._held, []
        for _, show in sorted(held, key=lambda one: one[0]):
            show()

    def _hold(self, place: Place, show: Callable[[], object]) -> None:
        with self._lock:
            self._held.append((place, show))


def _nowhere(_place: Place, _show: Callable[[], object]) -> None:
    pass


def lead_displays(shell: Any) -> None:  # noqa: ANN401  # untyped package
    """Have a shell's displays kept with the calls that make them, and dropped of bodies that replay."""
    for kind in _publishers(shell):
        if not hasattr(kind.publish, _OURS):
            kind.publish = _led(kind.publish)


def leave_displays(shell: Any) -> None:  # noqa: ANN401  # as above
    """Leave a shell's displays as they were found."""
    for kind in _publishers(shell):
        kind.publish = getattr(kind.publish, _OURS, kind.publish)


def _publishers(shell: Any) -> list[Any]:  # noqa: ANN401  # as above
    """Return the classes whose objects publish what is displayed: the shell's, and what ``%%capture`` puts there."""
    return [
        next(base for base in kind.__mro__ if "publish" in vars(base))
        for kind in (shell.display_pub_class, CapturingDisplayPublisher)
    ]


def _led(publish: Any) -> Any:  # noqa: ANN401  # as above
    @wraps(publish)
    def publish_for_call(publisher: Any, data: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # whatever it takes
        display = (kwargs.get("transient") or {}).get("display_id", "")
        displayed(data, partial(publish, publisher, data, *args, **kwargs), str(display))

    setattr(publish_for_call, _OURS, publish)
    return publish_for_call


_OURS = "nbflow_leads"
