"""What nodes of graphs give back, as their graph takes it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

ROOT_KEY = "__root__"


@dataclass
class Overwrite:
    """A value that takes the place of what a key of a graph's state holds, whatever its reducer.

    Attributes:
        value: the value.
        type: what tells it apart as plain data.
    """

    value: Any
    type: Literal["__overwrite__"] = "__overwrite__"


class Unstored:
    """Holds a value that is never stored: what comes back from a file holds nothing.

    Attributes:
        value: the value.
        is_there: whether there is one.
    """

    __slots__ = ("is_there", "value")

    def __init__(self, value: Any = None, *, is_there: bool = True) -> None:  # noqa: ANN401  # any value
        self.value = value
        self.is_there = is_there

    def __repr__(self) -> str:
        return f"Unstored({self.value!r})" if self.is_there else "Unstored()"


class PartlyStored(dict[str, Any]):
    """A dict of which some keys are never stored.

    Attributes:
        hidden: those keys.
    """

    hidden: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class NodeUpdate:
    """What a node of a graph returned.

    Attributes:
        writes: keys and values, in order; a key may come several times.
        goto: where the graph goes from here: names of nodes, and ``Send`` objects.
        parent: updates for the graph around this one, which ends here.
    """

    writes: tuple[tuple[str, Any], ...] = ()
    goto: tuple[Any, ...] = ()
    parent: tuple[NodeUpdate, ...] = ()

    @property
    def shown(self) -> Any:  # noqa: ANN401  # whatever was written
        """What streams show: the written keys, as several dicts if a key comes twice; None if nothing was written."""
        if not self.writes:
            return None
        parts: list[dict[str, Any]] = [{}]
        for key, value in self.writes:
            if key in parts[-1]:
                parts.append({})
            parts[-1][key] = value
        if len(parts) == 1:
            return parts[0][ROOT_KEY] if list(parts[0]) == [ROOT_KEY] else parts[0]
        return [part.get(ROOT_KEY, part) for part in parts]

    @property
    def result(self) -> dict[str, Any]:
        """What was written, by key; of a key that comes several times, all of it under ``$writes``."""
        found: dict[str, list[Any]] = {}
        for key, value in self.writes:
            found.setdefault(key, []).append(value)
        return {key: values[0] if len(values) == 1 else {"$writes": values} for key, values in found.items()}
