"""The values that users pass in and get back; ``nbflow.types`` shows them to the public.

Names, fields and defaults are those of LangGraph's ``types`` module where the meaning is the
same. Nothing here runs anything; only ``errors`` is imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypedDict, TypeVar

from nbflow.errors import InvalidOptionError

StreamMode = Literal["values", "updates", "custom", "messages", "tasks", "checkpoints", "debug"]
StreamWriter = Callable[[object], None]
Durability = Literal["sync", "async", "exit"]
OnDivergence = Literal["error", "rerun"]
All = Literal["*"]
StreamVersion = Literal["v1", "v2"]


class RunnableConfig(TypedDict, total=False):
    """How a run is to be carried out.

    ``configurable`` holds ``thread_id`` and what else a body wants to read; ``max_concurrency``
    is how many task bodies may run at the same time.
    """

    configurable: dict[str, Any]
    metadata: dict[str, Any]
    tags: list[str]
    callbacks: object
    recursion_limit: int
    max_concurrency: int | None
    run_id: str
    run_name: str


def config_at(thread_id: str, point: str) -> RunnableConfig:
    """Return the config that addresses a checkpoint."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": point}}


def is_text(text: str) -> bool:
    """Whether a text can be written as UTF-8: one with half a character (a lone surrogate) can't."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def iso(at: float) -> str:
    """Return a time, in seconds since 1970, as text, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat()


class RunControl:
    """A handle by which a caller brings a run to a halt between two calls.

    Passed as ``control`` to a run and asked later: then no further call begins, those at work end and
    their results are kept, the run raises ``GraphDrained``, and its thread goes on with
    ``invoke(None, config)``. One control serves one run.

    Attributes:
        drain_reason: why a halt was asked for; None while it was not.
    """

    def __init__(self) -> None:
        self.drain_reason: str | None = None

    def request_drain(self, reason: str = "shutdown") -> None:
        """Ask for a halt; from any thread, or from a signal handler."""
        self.drain_reason = self.drain_reason or reason

    @property
    def drain_requested(self) -> bool:
        """Whether a halt was asked for."""
        return self.drain_reason is not None


@dataclass(frozen=True)
class GraphOutput:
    """What ``invoke(version="v2")`` returns.

    ``output[key]`` and ``key in output`` reach into the value, ``"__interrupt__"`` the interrupts, as if
    the output were what version ``"v1"`` returns.

    Attributes:
        value: what the body returned; ``{}`` if it waits with questions.
        interrupts: those questions.
    """

    value: Any
    interrupts: tuple[Interrupt, ...] = ()

    def __getitem__(self, key: object) -> Any:  # noqa: ANN401  # whatever the value holds there
        return list(self.interrupts) if key == "__interrupt__" and self.interrupts else self.value[key]

    def __contains__(self, key: object) -> bool:
        return bool(self.interrupts) if key == "__interrupt__" else key in self.value


def triggers_of(kind: str) -> tuple[str, ...]:
    """Return what set a call in motion, by its kind, in LangGraph's words: an input, or a body that called it."""
    return ("__start__",) if kind == "entrypoint" else ("__pregel_push",)


def whereabouts(name: str, kind: str, path: str, step: int) -> dict[str, object]:
    """Return what the metadata of a config, and of a streamed message, say of the call at ``path``."""
    return {
        "langgraph_step": step,
        "langgraph_node": name,
        "langgraph_triggers": triggers_of(kind),
        "langgraph_path": tuple(path.split(".")),
        "langgraph_checkpoint_ns": path,
        "checkpoint_ns": path,
    }


class RunOptions(TypedDict, total=False):
    """The options that every way to run a workflow takes.

    Attributes:
        context: reaches the body as ``runtime.context``. It is saved with the run, so that a resumed one has it
            again: keep secrets out of it, or the runs in an ``EncryptedSaver``.
        on_divergence: what to do where a resumed body makes another call than the log holds:
            ``"error"``, or ``"rerun"`` it and what follows.
        durability: when what happened is on the disk: ``"sync"``, each result before its future resolves;
            ``"async"``, soon after, in order; ``"exit"``, when the run ends or pauses. None is ``"sync"``.
        control: a ``RunControl`` that can be asked to bring the run to a halt, or None.
        reuse: whether a new run takes over, from the thread's last run, finished or not, every
            result whose task code and arguments are unchanged, and runs the rest.
    """

    context: object
    on_divergence: OnDivergence
    durability: Durability | None
    control: RunControl | None
    reuse: bool


class Interrupt:
    """A question that a run waits with.

    Attributes:
        value: what was passed to ``interrupt()``.
        id: 32 hexadecimal digits that name this question of this run.
        response_schema: JSON schema of the answer, or None when anything goes.
        problem: why an earlier answer did not count, so that the question is open again; empty if there was none.
    """

    __slots__ = ("_problem", "id", "response_schema", "value")
    __hash__ = None  # type: ignore[assignment]  # a question may hold unhashable values

    def __init__(
        self,
        value: object,
        id: str = "placeholder-id",  # the field's name
        *,
        response_schema: dict[str, Any] | None = None,
        problem: str = "",
        **deprecated: object,
    ) -> None:
        unknown = set(deprecated) - {"resumable", "ns", "when"}
        if unknown:
            raise InvalidOptionError("Interrupt()", "keyword", repr(sorted(unknown)), "it takes value and id")
        self.value = value
        self.id = id
        self.response_schema = response_schema
        self._problem = problem

    @property
    def problem(self) -> str:  # noqa: D102  # above
        return getattr(self, "_problem", "")  # one that an earlier nbflow stored has none

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
        return f"Interrupt(value={self.value!r}, id={self.id!r}{schema}{problem})"

    def __reduce__(self) -> tuple[Callable[..., Interrupt], tuple[object, ...]]:
        return _interrupt, (self.value, self.id, self.response_schema)


def _interrupt(value: object, key: str, schema: dict[str, Any] | None) -> Interrupt:
    return Interrupt(value, key, response_schema=schema)


class _NoAnswer:
    """Stands where no answer was given, since ``None`` is one."""

    def __repr__(self) -> str:
        return "NO_ANSWER"

    def __bool__(self) -> bool:
        return False


NO_ANSWER = _NoAnswer()


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


@dataclass(frozen=True, kw_only=True, repr=False)
class Command:
    """What to do with a thread, given in the place of an input.

    Attributes:
        resume: the answer to the one open question, or ``{id: answer}`` for any of several;
            None, False and other empty values are answers. An answer that counts is final, but a ``Reject``
            can be taken back.
        update: what to write into a graph's state.
        goto: where a graph goes next.
        graph: None for this graph, ``Command.PARENT`` for the one around it.
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


Result_co = TypeVar("Result_co", covariant=True)


class TaskFuture(Protocol[Result_co]):
    """What calling a task gives: its result, once there is one.

    It may be awaited, and ``asyncio.gather``, ``wait`` and ``TaskGroup.create_task`` take it.
    """

    def result(self, timeout: float | None = None) -> Result_co:
        """Return what the call returned, or raise what it raised.

        Args:
            timeout: seconds to wait; None waits for ever, and runs the call itself if nobody has begun.
        """
        ...

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised, or None; waits as ``result`` does."""
        ...

    def done(self) -> bool:
        """Whether the call has ended."""
        ...

    def cancel(self) -> bool:
        """Stop the call if it can be stopped; False if it has ended."""
        ...

    def add_done_callback(self, fn: Callable[..., object], /) -> None:
        """Call ``fn(future)`` when the call has ended."""
        ...

    def __await__(self) -> Generator[Any, None, Result_co]: ...


Returned = TypeVar("Returned")
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Final(Generic[Returned, Kept]):
    """What a body returns to give its caller one value and the next run another.

    Attributes:
        value: what ``invoke`` returns.
        save: what the next run of the thread receives as ``previous``.
    """

    value: Returned
    save: Kept


class PregelTask(NamedTuple):
    """One unit of work in a state snapshot.

    Attributes:
        id: what names it in this run.
        name: name of the task or body.
        path: where it stands, such as ``("0", "2")``.
        error: text of its failure, or None.
        interrupts: the questions it waits with.
        state: for a nested run, its own state; else None.
        result: what it returned, or None.
    """

    id: str
    name: str
    path: tuple[str, ...]
    error: str | None = None
    interrupts: tuple[Interrupt, ...] = ()
    state: object = None
    result: object = None


class ShownCall(Protocol):
    """One call of a run in a state snapshot; a ``CallRow`` of ``nbflow.views.calls``, which says more."""

    @property
    def path(self) -> str:
        """Position, such as ``"0.2"``."""
        ...

    @property
    def name(self) -> str:
        """Name of the task, or of the nested workflow."""
        ...

    @property
    def state(self) -> str:
        """How it stands, such as ``"done"``, ``"failed"`` or ``"asking"``."""
        ...

    @property
    def shown(self) -> str:
        """The arguments as short text."""
        ...

    @property
    def started(self) -> float:
        """Seconds since 1970."""
        ...

    @property
    def ended(self) -> float | None:
        """Seconds since 1970; None while it runs."""
        ...

    @property
    def result(self) -> object:
        """What it returned, decoded anew each time; None while it has not."""
        ...

    @property
    def error(self) -> BaseException | None:
        """What it raised, if that was its end."""
        ...


class StateSnapshot(NamedTuple):
    """Where a thread stands at one checkpoint.

    Attributes:
        values: the last result; ``{}`` for an unknown thread, None before the first result.
        next: what would run next: ``(body name,)`` for an unfinished run, else ``()``.
        config: a config that addresses this checkpoint.
        metadata: source, step and the user's metadata; None for an unknown thread.
        created_at: ISO time in UTC.
        parent_config: the config of the checkpoint before, or None.
        tasks: the units of work of this checkpoint.
        interrupts: the open questions.
        calls: what the run called, with status, arguments, result or error, and times.
    """

    values: object
    next: tuple[str, ...]
    config: RunnableConfig
    metadata: dict[str, object] | None
    created_at: str | None
    parent_config: RunnableConfig | None
    tasks: tuple[PregelTask, ...]
    interrupts: tuple[Interrupt, ...]
    calls: tuple[ShownCall, ...] = ()


class StateUpdate(NamedTuple):
    """One change of a thread from outside, for ``bulk_update_state``; fields as ``update_state`` takes them."""

    values: Any
    as_node: str | None = None
    task_id: str | None = None


@dataclass
class Send:
    """Run a node of a graph in the next step, with an input of its own.

    Attributes:
        node: name of the node.
        arg: what it receives.
        timeout: seconds it may take; None for no limit.
    """

    node: str
    arg: object
    _: KW_ONLY
    timeout: float | None = field(default=None)

    def __hash__(self) -> int:
        return hash((self.node, self.arg))
