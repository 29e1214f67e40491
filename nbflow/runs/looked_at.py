"""A store that is only looked at: what is put into it goes nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.store.base import BaseStore, PutOp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbflow.store.base import Op


class LookedAt(BaseStore):
    """Reads from another store, and writes nothing; for a run that is only planned.

    Args:
        store: the other one.
    """

    def __init__(self, store: BaseStore) -> None:
        self._store = store

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        """Carry out what reads; what writes has no result and no effect."""
        asked = list(ops)
        return _filled(asked, self._store.batch(_reads(asked)))

    async def abatch(self, ops: Iterable[Op]) -> list[Any]:
        """As ``batch``, awaited."""
        return _filled(given := [*ops], await self._store.abatch(_reads(given)))


def _reads(ops: Iterable[Op]) -> list[Op]:
    return [op for op in ops if not isinstance(op, PutOp)]


def _filled(ops: Iterable[Op], found: Iterable[Any]) -> list[Any]:
    """Return a result for each operation, from those of the ones that read."""
    results = iter(found)
    return [None if isinstance(op, PutOp) else next(results) for op in ops]
