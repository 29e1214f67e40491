"""Which statements of cells a workflow needs: those that give what it names, or change that.

The statements are gone through in the order in which they ran. At each it is known which of those before have given
or changed what a name stands for (``code_bindings.py``), and from that what it changes itself (``code_changes.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nbflow_widgets.code_bindings import Bindings, Given
from nbflow_widgets.code_changes import Changes
from nbflow_widgets.code_effects import ENVIRONMENT
from nbflow_widgets.code_parts import is_setting
from nbflow_widgets.notebook_code import ANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbflow_widgets.code_parts import Part

_ALWAYS = ("*", "annotations", ENVIRONMENT, ANY)
"""Names that whatever is kept uses."""
_SECRET = "it sets a text that may be a secret"  # noqa: S105  # it is none


class _Chosen:
    """Statements that are kept, by their positions, and which of them are still to be looked at."""

    def __init__(self, first: Iterable[int]) -> None:
        self.kept = {*first}
        self.waiting = [*self.kept]
        self._seen: set[Given] = set()

    def take(self, given: Iterable[Given]) -> None:
        """Choose all that gave or changed a value."""
        for last in given:
            for one in last:
                if one in self._seen:  # and those before it
                    break
                self._seen.add(one)
                if one.position not in self.kept:
                    self.kept.add(one.position)
                    self.waiting.append(one.position)


class Needs:
    """Statements in their order, with what each needs of those before it.

    Args:
        parts: the statements in the order in which they were run; what was run again stands there again.
        all_settings: whether settings matter that stand for a machine or a person, and texts that may be secrets.
        most: how many names may be looked up in all, a measure of the time that it takes; None for any number.

    Raises:
        OverflowError: if more would be.
    """

    def __init__(self, parts: Sequence[Part], *, all_settings: bool, most: int | None = None) -> None:
        self._all_settings = all_settings
        self._left = most
        self._parts = [*parts]
        self._bound = Bindings()
        self._changes = Changes(self._bound)
        self._givers: list[dict[str, tuple[Given, ...]]] = []
        self._of_workflows: list[set[str]] = []
        for position in range(len(self._parts)):
            self._take(position)

    def _take(self, position: int) -> None:
        """Go on by one statement."""
        part, bound = self._parts[position], self._bound
        reached = self._reached(part)
        self._givers.append({name: bound.of(name) for name in reached})
        part = self._parts[position] = replace(part, why=part.why or self._why_not(part))
        self._of_workflows.append(bound.workflows_of(part))
        if part.is_import and self._is_known(part):
            return
        changed = self._changes.by(part, reached)
        if not part.is_sure:  # what a loop binds, its lines change
            bound.share(part.effects.shares)
        changed = bound.holders_of(changed)
        if self._left is not None:
            self._left -= len(changed) + len(reached)
            if self._left < 0:
                raise OverflowError
        bound.bind(part, position)
        if part.is_sure:
            bound.share(part.effects.shares)
        for name in changed - part.binds:
            bound.give(name, part, position)

    def _reached(self, part: Part) -> set[str]:
        """Return the names that a statement may use where it stands, in functions that it calls too."""
        found = set(part.uses_now)
        waiting = [*found] if part.may_call else []
        while waiting:
            name = waiting.pop()
            if name in self._bound.packages:
                continue
            if name in self._bound.givers:
                more = self._bound.givers[name].uses - found
                found |= more
                waiting += more
        return found

    def _is_known(self, part: Part) -> bool:
        """Whether an import binds its names to what they are bound to already."""
        for name in part.binds:
            if name not in self._bound.givers or self._bound.givers[name].part.piece.text != part.piece.text:
                return False
        return bool(part.binds)

    def _why_not(self, part: Part) -> str:
        """Return why a statement can't be kept; empty if it can."""
        if part.has_secret and not self._all_settings:
            return _SECRET
        run = "" if part.is_definition else self._changes.run_by(part)
        return f"it runs {run!r}" if run else ""

    def all(self) -> list[Part]:
        """Return what all definitions and workflows need."""
        first = [
            position
            for position, part in enumerate(self._parts)
            if not part.why and (part.is_definition or self._of_workflows[position] or is_setting(part.piece.node))
        ]
        return self._needed(first)

    def of(self, workflow: str) -> list[Part]:
        """Return what one workflow needs; nothing if nothing here defines it."""
        places = [place for place, names in enumerate(self._of_workflows) if workflow in names]
        able = [place for place in places if not self._parts[place].why]
        if not able:
            return []
        settings = [
            place
            for place, part in enumerate(self._parts)
            if not part.why and is_setting(part.piece.node, for_all=True)
        ]
        return self._needed([*settings, able[-1]])

    def workflows(self, parts: Iterable[Part]) -> set[str]:
        """Return the names of the workflows that some of these statements make."""
        chosen = {id(one) for one in parts}
        return {
            name
            for part, names in zip(self._parts, self._of_workflows, strict=True)
            if id(part) in chosen and not part.why
            for name in names
        }

    def _needed(self, first: Iterable[int]) -> list[Part]:
        """Return some statements with all that give or change what they name, in their order."""
        chosen = _Chosen(first)
        for name in _ALWAYS:
            chosen.take(self._bound.of(name))
        while chosen.waiting:
            position = chosen.waiting.pop()
            part = self._parts[position]
            if part.why:
                continue
            for given in self._givers[position].values():
                chosen.take(given)
            for name in {*part.uses_later, *(f"import {package}" for package in part.packages)}:
                chosen.take(self._bound.of(name))
        return self._without_lost(sorted(chosen.kept))

    def _without_lost(self, kept: Sequence[int]) -> list[Part]:
        """Return statements, those marked that use the result of one that can't be kept."""
        lost: dict[int, str] = {}
        found: list[Part] = []
        for position in kept:
            part, givers = self._parts[position], self._givers[position]
            missing = next(
                (
                    name
                    for name in sorted(part.uses_now)
                    if givers.get(name)
                    and all(one.position in lost and name in one.part.binds for one in givers[name][0])
                ),
                "",
            )
            why = part.why or (f"it uses {missing!r}, which was left out" if missing and not part.is_definition else "")
            if why:
                lost[position] = why
            found.append(part if why == part.why else replace(part, why=why))
        return found
