"""What a run is made of: its options checked, its session, its scheduler and what carries its calls out."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow import codec, runtime
from nbflow._support import clock
from nbflow._support.foreign import check_own
from nbflow.config import merge, thread_of
from nbflow.core.record import BEGUN
from nbflow.core.scheduler import Scheduler
from nbflow.core.summary import summary_of_call
from nbflow.drivers.dispatch import Dispatch
from nbflow.errors import InvalidOptionError, NoCheckpointerError
from nbflow.fingerprint import Editions
from nbflow.runs.result_cache import Caches
from nbflow.session import opened
from nbflow.session.lineage import Lineages
from nbflow.session.session import Session
from nbflow.values import NO_ANSWER, Command, RunControl

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping, Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.core.call import Spec
    from nbflow.core.log import Log
    from nbflow.core.planning import Dry
    from nbflow.core.record import Record
    from nbflow.runs.journal import Journal
    from nbflow.runs.request import Opening, Request
    from nbflow.values import RunnableConfig
    from nbflow.workflow.definition import Definition

LANGCHAIN = "langchain_core.runnables.config"  # loaded where somebody uses LangChain


class Prepared(NamedTuple):
    """A request that was checked.

    Attributes:
        request: with its context as the schema has it.
        config: merged and complete.
        saver: keeps the run; None without a checkpointer.
        thread_id: the thread; empty without one.
    """

    request: Request
    config: RunnableConfig
    saver: BaseCheckpointSaver | None
    thread_id: str


def prepared(workflow: Definition, request: Request) -> Prepared:
    """Check what a caller asked for.

    Raises:
        InvalidOptionError: if an option does not fit.
        NoCheckpointerError: if one needs a checkpointer, and there is none.
    """
    config = merge(request.where, workflow.config, request.config)
    saver = _saver(workflow, request)
    _check_options(workflow, request, saver)
    _check_point(workflow, request, saver, config)
    thread_id = thread_of(config, workflow.name) if saver is not None else ""
    rest_after = None if request.rest_after is None else _seconds(request)
    request = request._replace(context=_context(workflow, request.context), rest_after=rest_after)
    return Prepared(request, config, saver, thread_id)


def session_of(workflow: Definition, asked: Prepared, opening: Opening, **others: object) -> Session:
    """Return the surroundings of a run; ``others`` are fields of them that are not the workflow's own."""
    started = opening.started
    editions = Editions(workflow.spec, kept=asked.saver is not None)
    try:
        folder = os.getcwd()
    except OSError:  # it is gone
        folder = os.sep
    fields: dict[str, Any] = {
        "config": for_bodies(asked.config),
        "thread_id": asked.thread_id,
        "run_id": opening.key.run_id,
        "origin": started.origin or started.run_id,
        "store": workflow.store,
        "context": opening.context,
        "kept": opening.kept,
        "lineages": Lineages(asked.saver, started),
        "control": asked.request.control,
        "editions": _traced(editions),
        "settle": editions.settle,
        "folder": folder,
        "of_graph": asked.request.of_graph,
    }
    return Session(**{**fields, **others})


def assembled(
    workflow: Definition,
    asked: Prepared,
    session: Session,
    opening: Opening,
    log: Log,
    *,
    journal: Journal | None = None,
    loop: AbstractEventLoop | None = None,
    dry: Dry | None = None,
) -> Dispatch:
    """Return what carries a run out, which has not begun.

    Args:
        workflow: what to run.
        asked: how.
        session: its surroundings.
        opening: from where it begins.
        log: of what has happened.
        journal: makes it durable; None for nothing.
        loop: as for ``launch``.
        dry: takes in what would run, if it is only planned; else None.
    """
    request, control = asked.request, asked.request.control
    scheduler = Scheduler(
        log,
        now=clock.now,
        keep=codec.digest if asked.saver is not None else None,
        show=summary_of_call,
        rerun_changed=request.on_divergence == "rerun",
        reuse=opening.reuse,
        draining=(lambda: control.drain_reason) if control is not None else None,
        rows=journal,
        rest_after=request.rest_after,  # type: ignore[arg-type]  # made seconds of when it was checked
        watches=workflow.spec.files and (asked.saver is not None or workflow.cache is not None),
    )
    scheduler.host, scheduler.dry = session, dry
    if scheduler.watches and dry is None and not opened.is_heard:
        opened.begin()
    dispatch = Dispatch(
        scheduler,
        provide=partial(runtime.provide, session),
        journal=journal,
        loop=loop,
        max_concurrency=session.config.get("max_concurrency"),
        result_cache=Caches(workflow.cache, session.surroundings, session.still_holds),
        editions=session.editions,
    )
    session.attach(dispatch)
    return dispatch


def told_of_pauses(config: RunnableConfig, records: Sequence[Record]) -> Callable[[Record], None] | None:
    """Return what tells LangChain's callbacks of pauses, where it is loaded; None if none of them wants to know."""
    from nbflow.langchain.lifecycle import listener_of  # noqa: PLC0415  # see above

    return listener_of(config, records)


def _traced(editions: Mapping[Spec, Spec]) -> Mapping[Spec, Spec]:
    """Return the functions of a run so that LangChain hears of them, where it is loaded."""
    if LANGCHAIN not in sys.modules:
        return editions
    from nbflow.langchain.tracing import Traced  # noqa: PLC0415  # see above

    return Traced(editions)


def for_bodies(config: RunnableConfig) -> RunnableConfig:
    """Return a config without what is for the beginning of a run alone.

    It names no checkpoint: an answer to the run means the end of its thread. It does not say which cell began the run:
    as an argument of a task, that would make another call of the same one in another cell.
    """
    if BEGUN in config["metadata"]:
        metadata = {name: value for name, value in config["metadata"].items() if name != BEGUN}
        config = {**config, "metadata": metadata}
    if "checkpoint_id" not in config["configurable"]:
        return config
    configurable = {name: value for name, value in config["configurable"].items() if name != "checkpoint_id"}
    return {**config, "configurable": configurable}


_CHOICES = {
    "on_divergence": ("error", "rerun"),
    "on_busy": ("error", "join"),
    "durability": (None, "sync", "async", "exit"),
}


def _check_options(workflow: Definition, request: Request, saver: BaseCheckpointSaver | None) -> None:
    for name, choices in _CHOICES.items():
        given = getattr(request, name)
        if given not in choices:
            known = " or ".join(repr(choice) for choice in choices if choice is not None)
            raise InvalidOptionError(request.where, name, repr(given), f"it is {known}")
    control: object = request.control
    if control is not None and not isinstance(control, RunControl):
        check_own(request.where, "control", control)
        raise InvalidOptionError(request.where, "control", repr(request.control), "it is a RunControl()")
    if request.durability is not None and saver is None:
        raise NoCheckpointerError(workflow.name, f"durability={request.durability!r}")
    command = request.input
    if request.reuse and (command is None or isinstance(command, Command)):
        raise InvalidOptionError(request.where, "reuse", "True", "that is for a new run; pass its input")
    workflow.check_options(request.where, request.of_graph)
    if not isinstance(command, Command):
        return
    if command.resume is NO_ANSWER and workflow.spec.kind != "graph":
        expected = "an entrypoint takes Command(resume=answer) alone; update and goto are for graphs"
        raise InvalidOptionError(request.where, "input", repr(command), expected)
    if workflow.checkpointer is None and command.resume is not NO_ANSWER:
        raise NoCheckpointerError(workflow.name, "Command(resume=...)")


def _seconds(request: Request) -> float | None:
    """Return from which length on a sleep is a rest; None for never."""
    given: object = request.rest_after
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise InvalidOptionError(
            request.where, "rest_after", repr(given), "it is a number of seconds from 0, a timedelta, or None"
        )
    return float(seconds)


def _check_point(
    workflow: Definition, request: Request, saver: BaseCheckpointSaver | None, config: RunnableConfig
) -> None:
    if saver is None:
        if request.fork is not None:
            raise NoCheckpointerError(workflow.name, request.where)
        if config["configurable"].get("checkpoint_id") is not None:
            raise NoCheckpointerError(workflow.name, "checkpoint_id")


def _saver(workflow: Definition, request: Request) -> BaseCheckpointSaver | None:
    given = workflow.checkpointer
    if given is True:
        raise InvalidOptionError(
            request.where, "checkpointer", "True", "that is for nested workflows; give this one a saver"
        )
    return given or None


def _context(workflow: Definition, context: object) -> object:
    """Return the context as its schema has it: a dict becomes a dataclass or pydantic model."""
    schema: Any = workflow.context_schema
    if isinstance(context, dict) and schema is not None:
        if hasattr(schema, "model_validate"):
            return schema.model_validate(context)
        if hasattr(schema, "__dataclass_fields__"):
            return schema(**context)
    return context
