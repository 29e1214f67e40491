"""What may be annotated of a key of a state besides a reducer: special rules, and values that the runtime computes."""

from __future__ import annotations

from typing import Annotated, Any

from nbflow.graph.keys import EphemeralKey, Key, ReducedKey, Reducer, TopicKey, check_reducer


class Rule:
    """How a key of a state behaves; stands in ``Annotated[T, rule]``, as a class or an instance.

    Args:
        typ: type of the value; the annotated one stands where it is left out.
        guard: whether two writes in one step are an error; else the last one counts.
    """

    def __init__(self, typ: Any = None, *, guard: bool = True) -> None:  # noqa: ANN401  # any type
        self.typ = typ
        self.guard = guard

    def key(self, name: str, kind: object) -> Key:
        """Return the key that it makes."""
        return Key(name, self._type(kind), is_guarded=self.guard)

    def _type(self, kind: object) -> Any:  # noqa: ANN401  # any type
        return self.typ if self.typ is not None else kind


class LastValue(Rule):
    """A plain key: one write in a step, and it is kept."""


class LastValueAfterFinish(LastValue):
    """As ``LastValue``."""


class UntrackedValue(Rule):
    """A key that is kept during a run and never stored, for locks and clients; gone after a pause."""

    def key(self, name: str, kind: object) -> Key:
        """Return the key that it makes."""
        return Key(name, self._type(kind), is_stored=False, is_guarded=self.guard)


class EphemeralValue(Rule):
    """A key that holds a value for the one step after it was written."""

    def key(self, name: str, kind: object) -> Key:
        """Return the key that it makes."""
        return EphemeralKey(name, self._type(kind), is_guarded=self.guard)


class AnyValue(EphemeralValue):
    """As ``EphemeralValue``, and of several writes in one step the last one counts."""

    def __init__(self, typ: Any = None) -> None:  # noqa: ANN401  # any type
        super().__init__(typ, guard=False)


class Topic(Rule):
    """A key that holds a list of all that was written in the last step.

    Args:
        typ: type of the items.
        accumulate: whether it keeps what was written before, over runs too.
    """

    def __init__(self, typ: Any = None, accumulate: bool = False) -> None:  # noqa: ANN401, FBT001, FBT002  # LangGraph's signature
        super().__init__(typ)
        self.accumulate = accumulate

    def key(self, name: str, kind: object) -> Key:
        """Return the key that it makes."""
        return TopicKey(name, self._type(kind), is_guarded=False, accumulates=self.accumulate)


class BinaryOperatorAggregate(Rule):
    """A key with a reducer, as ``Annotated[T, operator]`` says it shorter.

    Args:
        typ: type of the value.
        operator: function of the old value and the new one.
    """

    def __init__(self, typ: Any, operator: Reducer) -> None:  # noqa: ANN401  # any type
        super().__init__(typ)
        self.operator = operator

    def key(self, name: str, kind: object) -> Key:
        """Return the key that it makes."""
        check_reducer(name, self.operator)
        return ReducedKey(name, self._type(kind), reducer=self.operator)


class Managed:
    """A value that the runtime computes for each step: it is not stored, and can't be written.

    Attributes:
        what: ``"is_last"`` or ``"remaining"``.
    """

    what = ""


class _IsLastStep(Managed):
    what = "is_last"


class _RemainingSteps(Managed):
    what = "remaining"


IsLastStep = Annotated[bool, _IsLastStep]
RemainingSteps = Annotated[int, _RemainingSteps]
