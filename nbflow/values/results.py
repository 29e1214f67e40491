"""What users get back: futures, results, states of threads; and what a body returns to save another value."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from nbflow.values.questions import Interrupt
from nbflow.values.running import RunnableConfig


@dataclass(frozen=True)
class GraphOutput:
    """What ``invoke(version="v2")`` returns.

    ``output[key]`` and ``key in output`` reach into the value, ``"__interrupt__"`` the interrupts, as if
    the output were what version ``"v1"`` returns.

    Attributes:
        value: what the body returned; ``{}`` if it waits with questions. Of a graph it is an instance of the output
            schema, if that is a dataclass or a pydantic model, at a pause too.
        interrupts: those questions.
    """

    value: Any
    interrupts: tuple[Interrupt, ...] = ()

    def __getitem__(self, key: object) -> Any:  # noqa: ANN401  # whatever the value holds there
        if key == "__interrupt__" and self.interrupts:
            return list(self.interrupts)
        return self.value[key] if hasattr(type(self.value), "__getitem__") else vars(self.value)[str(key)]

    def __contains__(self, key: object) -> bool:
        if key == "__interrupt__":
            return bool(self.interrupts)
        return key in (self.value if hasattr(type(self.value), "__contains__") else vars(self.value))


Result_co = TypeVar("Result_co", covariant=True)

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultedTypeVar

    # What a body takes and returns; a bare ``Workflow`` or ``Run`` is one of anything.
    Input_contra = DefaultedTypeVar("Input_contra", contravariant=True, default=Any)
    Output_co = DefaultedTypeVar("Output_co", covariant=True, default=Any)
else:
    Input_contra = TypeVar("Input_contra", contravariant=True)
    Output_co = TypeVar("Output_co", covariant=True)


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
