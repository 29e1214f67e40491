"""Questions to people and their answers, and the commands that carry them to a thread."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal

from nbflow.errors import InvalidOptionError
from nbflow.values.by_name import by_name


class _NoAnswer:
    """Stands where no answer was given, since ``None`` is one."""

    def __repr__(self) -> str:
        return "NO_ANSWER"

    def __bool__(self) -> bool:
        return False


NO_ANSWER = _NoAnswer()


class Interrupt:
    """A question that a run waits with.

    Attributes:
        value: what was passed to ``interrupt()``.
        id: 32 hexadecimal digits that name this question of this run.
        response_schema: JSON schema of the answer, or None when anything goes.
        problem: why an earlier answer did not count, so that the question is open again; empty if there was none.
        earlier: what the same question was answered with in the run that this one takes results over from
            (``reuse=True``), and only told here; a ``Reject`` of a rejection, ``NO_ANSWER`` if there was none.
    """

    __slots__ = ("_earlier", "_problem", "id", "response_schema", "value")
    __hash__ = None  # type: ignore[assignment]  # a question may hold unhashable values

    def __init__(
        self,
        value: object,
        id: str = "placeholder-id",  # the field's name
        *,
        response_schema: dict[str, Any] | None = None,
        problem: str = "",
        earlier: object = NO_ANSWER,
        **deprecated: object,
    ) -> None:
        unknown = set(deprecated) - {"resumable", "ns", "when"}
        if unknown:
            raise InvalidOptionError("Interrupt()", "keyword", repr(sorted(unknown)), "it takes value and id")
        self.value = value
        self.id = id
        self.response_schema = response_schema
        self._problem = problem
        if earlier is not NO_ANSWER:  # which can't be stored
            self._earlier = earlier

    @property
    def problem(self) -> str:  # noqa: D102  # above
        return getattr(self, "_problem", "")  # one that an earlier nbflow stored has none

    @property
    def earlier(self) -> object:  # noqa: D102  # above
        return getattr(self, "_earlier", NO_ANSWER)

    @classmethod
    def from_ns(cls, value: object, ns: str) -> Interrupt:
        """Return a question with an id made of the place that asks."""
        return cls(value, blake2b(ns.encode(), digest_size=16).hexdigest())

    @property
    def interrupt_id(self) -> str:
        """The id under its older name."""
        warnings.warn("Interrupt.interrupt_id is called Interrupt.id now", DeprecationWarning, stacklevel=2)
        return self.id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Interrupt):
            return NotImplemented
        mine = (self.value, self.id, self.response_schema, self.problem)
        return mine == (other.value, other.id, other.response_schema, other.problem)

    def __repr__(self) -> str:
        schema = f", response_schema={self.response_schema!r}" if self.response_schema is not None else ""
        problem = f", problem={self.problem!r}" if self.problem else ""
        earlier = f", earlier={self.earlier!r}" if self.earlier is not NO_ANSWER else ""
        return f"Interrupt(value={self.value!r}, id={self.id!r}{schema}{problem}{earlier})"

    def __reduce__(self) -> tuple[Callable[..., Interrupt], tuple[object, ...]]:
        return _interrupt, (self.value, self.id, self.response_schema)


def _interrupt(value: object, key: str, schema: dict[str, Any] | None) -> Interrupt:
    return Interrupt(value, key, response_schema=schema)


@dataclass(frozen=True, slots=True)
class Reject:
    """An answer that refuses: ``Command(resume=Reject("too expensive"))``.

    ``interrupt()`` raises ``InterruptRejectedError`` in the workflow, which may catch it. Until the run
    has returned, the refusal can be taken back: another answer or ``Reject`` to the same question takes its
    place, ``Command(resume={id: answer})``, and what the refusal had led to runs again. If the run failed
    by it, a plain ``Command(resume=answer)`` does the same.

    Attributes:
        reason: why, for the workflow.
    """

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Markdown:
    """A text that a question shows as Markdown: ``interrupt({"question": "Fine?", "essay": Markdown(essay)})``.

    Attributes:
        text: the Markdown; HTML in it is shown as it is written, and pictures are not fetched.
    """

    text: str


if TYPE_CHECKING:  # checkers know defaults of type variables, so that plain `Command` stays a type
    from typing_extensions import TypeVar

    Destination = TypeVar("Destination", default=str)
else:
    from typing import TypeVar

    Destination = TypeVar("Destination")


@by_name
@dataclass(frozen=True, kw_only=True, repr=False)
class Command(Generic[Destination]):
    """What to do with a thread, given in the place of an input.

    Attributes:
        resume: the answer to the one open question, or ``{id: answer}`` for any of several;
            None, False and other empty values are answers. An answer that counts is final, but a ``Reject``
            can be taken back.
        update: what to write into a graph's state.
        goto: where a graph goes next.
        graph: None for this graph, ``Command.PARENT`` for the one around it.

    Example:
        >>> from nbflow import Command, InMemorySaver, entrypoint, interrupt
        >>> @entrypoint(checkpointer=InMemorySaver())
        ... def flow(name: str) -> str:
        ...     return f"{name} is {interrupt('Which colour?')}"
        >>> config = {"configurable": {"thread_id": "one"}}
        >>> asked = flow.invoke("The door", config)
        >>> flow.invoke(Command(resume="green"), config)
        'The door is green'
    """

    PARENT: ClassVar[Literal["__parent__"]] = "__parent__"

    graph: str | None = None
    update: object = None
    resume: object = NO_ANSWER
    goto: object = ()

    def __repr__(self) -> str:
        given = {"graph": self.graph, "update": self.update, "goto": self.goto}
        shown = [f"{name}={value!r}" for name, value in given.items() if value]
        if self.resume is not NO_ANSWER:
            shown.append(f"resume={self.resume!r}")
        return f"Command({', '.join(shown)})"
