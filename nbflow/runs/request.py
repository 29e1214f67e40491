"""What a caller asks for, what a run begins with, and the first records that every kind of run shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow import codec
from nbflow._support import clock
from nbflow.config import COORDINATES
from nbflow.core.rebuilt import run_of, whole
from nbflow.core.record import Asked, ContextGiven, RunStarted, Value, of_kind
from nbflow.errors import MissingContextError, UnserializableError
from nbflow.fingerprint import digest_of
from nbflow.schemas import answers
from nbflow.values import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from nbflow.checkpoint.base import RunKey
    from nbflow.checkpoint.points import Point
    from nbflow.core.record import Record
    from nbflow.core.reuse import Reuse
    from nbflow.values import Config, Durability, OnBusy, OnDivergence, RunControl, RunnableConfig
    from nbflow.workflow.definition import Definition


class _AsItWas:
    """Stands where nothing was given in the place of what a run had."""

    def __repr__(self) -> str:
        return "AS_IT_WAS"


AS_IT_WAS = _AsItWas()


class Fork(NamedTuple):
    """Where a run is to be forked.

    Attributes:
        at: position of the first call that runs again.
        replace: what that call is to have returned, or AS_IT_WAS.
    """

    at: str
    replace: object = AS_IT_WAS


class Request(NamedTuple):
    """What a caller asked for.

    Attributes:
        where: the method, for errors.
        input: an input, None or a Command; AS_IT_WAS of a fork.
        config: as given.
        context: as given.
        on_divergence: as given.
        durability: as given.
        control: as given.
        reuse: as given.
        rest_after: as given.
        on_busy: as given.
        interrupt_before, interrupt_after, output_keys: as given.
        fork: where a run is to be forked; None to run or go on.
    """

    where: str
    input: object
    config: Config | None
    context: object = None
    on_divergence: OnDivergence = "error"
    durability: Durability | None = None
    control: RunControl | None = None
    reuse: bool = False
    rest_after: float | timedelta | None = None
    on_busy: OnBusy = "error"
    interrupt_before: str | Sequence[str] | None = None
    interrupt_after: str | Sequence[str] | None = None
    output_keys: str | Sequence[str] | None = None
    fork: Fork | None = None

    @property
    def of_graph(self) -> dict[str, str | Sequence[str] | None]:
        """The options that are about a graph, by name."""
        return {name: getattr(self, name) for name in ("interrupt_before", "interrupt_after", "output_keys")}


class Opening(NamedTuple):
    """What a run begins with.

    Attributes:
        past: records of the run that goes on; empty for a new one.
        records: to be written before the first line of the body.
        key: names the run.
        kept: what the last finished run saved.
        result: what the last finished run returned.
        finished: whether there is nothing to run.
        reuse: results of the thread's last run that the new one may take over.
        context: of the body and its tasks.
        is_all: whether ``past`` is all that is recorded of the run, not only what it goes on from.
    """

    past: list[Record]
    records: list[Record]
    key: RunKey
    kept: Value | None = None
    result: Value | None = None
    finished: bool = False
    reuse: Reuse | None = None
    context: object = None
    is_all: bool = True

    @property
    def started(self) -> RunStarted:
        """The first record of the run."""
        first = (self.past or self.records)[0]
        assert isinstance(first, RunStarted), "a run begins with it"
        return first


def refusal(asked: Asked, answer: object) -> str | None:
    """Return why an answer does not fit a question, or None if it does."""
    return answers.refusal(answer, asked.schema, question=asked.id, rules=asked.rules)


def started_at(workflow: Definition, thread_id: str, config: RunnableConfig, point: Point | None) -> RunStarted:
    """Return the first record of a new run of a thread.

    Args:
        workflow: what runs.
        thread_id: the thread; empty without a checkpointer.
        config: merged and complete.
        point: the checkpoint that the run begins from; None for the first one of a thread.
    """
    last = point.last if point is not None else None
    return RunStarted(
        at=clock.now(),
        run_id=clock.new_id(),
        thread_id=thread_id,
        workflow=workflow.spec.name,
        prior=last.started.run_id if last is not None else None,
        parent=point.id if point is not None else None,
        step=point.step + 1 if point is not None else -1,
        metadata=_metadata(config),
        code=digest_of(workflow.spec) if thread_id else b"",
        kind=workflow.spec.kind,
    )


def context_given(context: object, at: float) -> list[Record]:
    """Return the record of a context, if there is one to keep."""
    if context is None:
        return []
    value = Value(context)
    try:
        value.raw = codec.dumps(context)
    except UnserializableError as error:
        return [ContextGiven(at=at, missing=as_text(error))]
    return [ContextGiven(at=at, value=value)]


def last_context(past: Sequence[Record]) -> ContextGiven | None:
    """Return the record of the context that a run had last; None if it had none."""
    given = of_kind(past, ContextGiven)
    return given[-1] if given else None


def context_of(workflow: Definition, request: Request, past: Sequence[Record], thread_id: str) -> object:
    """Return the context that a run goes on with: as given now, else as it was.

    Raises:
        MissingContextError: if none is given, and that of the run could not be saved.
        UnloadableValueError: if none is given, and that of the run can't be rebuilt.
    """
    if request.context is not None:
        return request.context
    given = last_context(past)
    if given is not None and given.missing:
        raise MissingContextError(workflow.name, thread_id, given.missing)
    value = given.value if given is not None else None
    return whole(value, f"the context of {run_of(past)}", "give another one: invoke(..., context=...)")


def _metadata(config: RunnableConfig) -> dict[str, object]:
    """Return what is stored of a config: plain values of ``metadata`` and ``configurable``."""
    both = {**config["configurable"], **config["metadata"]}
    return {
        name: value
        for name, value in both.items()
        if not name.startswith("__") and name not in COORDINATES and _is_plain(value)
    }


def _is_plain(value: object) -> bool:
    """Whether a value can stand in the head of a record."""
    return isinstance(value, (str, float)) or (isinstance(value, int) and value.bit_length() < _BITS)


_BITS = 64  # of the integers that MessagePack has, with the sign
