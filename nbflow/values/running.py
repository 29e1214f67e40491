"""How a run is to be carried out, in the words of its caller: configs, options, a handle to halt it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypedDict

StreamMode = Literal["values", "updates", "custom", "messages", "tasks", "checkpoints", "debug"]
StreamWriter = Callable[[object], None]
Durability = Literal["sync", "async", "exit"]
OnDivergence = Literal["error", "rerun"]
OnBusy = Literal["error", "join"]
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


Config = RunnableConfig | dict[str, Any]  # as callers write it: a plain dict will do


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


def as_text(found: object) -> str:
    """Return anything as text that can be written as UTF-8: half a character is written as its number."""
    text = str(found)
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


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
        self.drain_reason = self.drain_reason or as_text(reason)

    @property
    def drain_requested(self) -> bool:
        """Whether a halt was asked for."""
        return self.drain_reason is not None


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
        rest_after: seconds of a sleep (``nbflow.sleep``) from which on it is not waited for: the run ends as
            ``sleeping``, and goes on by ``go_on()`` or ``invoke(None)`` when its time has come. None waits.
        on_busy: what to do where somebody works on the thread, in this process or another one: ``"error"`` raises
            ``ThreadBusyError``; ``"join"`` waits for the end of the run that works there, and returns what it
            returned, if it is one of this workflow, as it is here, with this input; any other is told. None as the
            input joins whatever run of the workflow works there. If its process dies, this one goes on with it.
        interrupt_before: of a graph: nodes that the run stops before, ``"*"`` for all; None as it was compiled.
        interrupt_after: of a graph: nodes that the run stops after, likewise.
        output_keys: of a graph: one key of the state whose value is wanted, or several; None for its output schema.
    """

    context: object
    on_divergence: OnDivergence
    durability: Durability | None
    control: RunControl | None
    reuse: bool
    rest_after: float | timedelta | None
    on_busy: OnBusy
    interrupt_before: str | Sequence[str] | None
    interrupt_after: str | Sequence[str] | None
    output_keys: str | Sequence[str] | None
