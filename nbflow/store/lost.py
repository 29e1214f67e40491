"""Items whose value can't be rebuilt here: they are found and shown, and who reads the value is told so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from nbflow.errors import UnloadableValueError
from nbflow.store.base import Item

if TYPE_CHECKING:
    from nbflow.codec import NotWholeError

AnyItem = TypeVar("AnyItem", bound=Item)


class _Unreadable(Item):
    """An item whose ``value`` raises UnloadableValueError; its ``repr`` shows a stand-in for what is lost."""

    _lost: NotWholeError

    @property
    def value(self) -> dict[str, Any]:
        what = f"the value of item {self.key!r} in {self.namespace!r} of the store"
        raise UnloadableValueError(what, self._lost.reason, "put() the item anew, or delete() it")

    @value.setter  # type: ignore[override]  # it is made with what was lost
    def value(self, lost: NotWholeError) -> None:
        self._lost = lost

    def __repr__(self) -> str:
        kind = type(self).__mro__[2].__name__
        return f"{kind}(namespace={self.namespace!r}, key={self.key!r}, value={self._lost.shown!r})"


def unreadable(kind: type[AnyItem]) -> type[AnyItem]:
    """Return the kind of item that stands for one whose value can't be rebuilt; it is made with the error as value."""
    return type(f"Unreadable{kind.__name__}", (_Unreadable, kind), {})
