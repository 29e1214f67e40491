"""What the code of one run can reach: its config, store, previous value, context, and its calls."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nbflow import codec
from nbflow._support.warnings import warn
from nbflow.core.changed_arguments import changed
from nbflow.core.heartbeat import progressed
from nbflow.core.rebuilt import name_of, whole
from nbflow.core.record import RunStarted
from nbflow.errors import ChangedArgumentWarning
from nbflow.values import Final, RunControl, RunnableConfig, whereabouts  # a field of a dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbflow.core.call import Call, Frame, Spec, Submit
    from nbflow.core.deliveries import Deliveries
    from nbflow.core.record import Value
    from nbflow.drivers.dispatch import Dispatch
    from nbflow.session.lineage import Lineages
    from nbflow.store.base import BaseStore
    from nbflow.values import StreamWriter


class ModelListener(Protocol):
    """Hears what language models say; see ``nbflow.langchain.models``."""

    def added_to(self, callbacks: object, frame: Frame) -> object:
        """Return a config's callbacks with one more, which speaks for the code of ``frame``."""
        ...


model_listener: ContextVar[ModelListener | None] = ContextVar("nbflow_model_listener", default=None)


# LangChain's callbacks for what the code here calls, as those of the call around it made them; see runs/tracing.py.
callbacks_here: ContextVar[object] = ContextVar("nbflow_callbacks_here", default=None)


SAVE_ANEW = "give the thread another value to go on from: update_state(config, value)"
START_OVER = "start over on a new thread"


@dataclass(slots=True, kw_only=True)
class Session:
    """The surroundings of one run.

    Attributes:
        config: merged and complete.
        thread_id: the thread; empty without a checkpointer.
        run_id: names the run.
        origin: run id that the ids of its questions are made of.
        store: long-term memory, or None.
        context: what the caller passed as ``context``.
        kept: what the last finished run saved; None if there was none.
        lineages: what nested runs saved; None without a run that could nest any.
        control: what the caller passed as ``control``, or None.
        editions: the functions that it runs, with the digests that their code had then.
        dispatch: carries out calls; set when the run begins.
        submit: its method that takes a request of a body, without a step between.
    """

    config: RunnableConfig
    thread_id: str = ""
    run_id: str = ""
    origin: str = ""
    store: BaseStore | None = None
    context: object = None
    kept: Value | None = None
    lineages: Lineages | None = None
    control: RunControl | None = None
    editions: Mapping[Spec, Spec] = field(default_factory=dict)
    dispatch: Dispatch = field(init=False)
    submit: Submit = field(init=False)

    def attach(self, dispatch: Dispatch) -> None:
        """Have calls carried out by a dispatch from now on."""
        self.dispatch, self.submit = dispatch, dispatch.submit

    def branch(self, frame: Frame, key: str) -> Frame:
        """Return the frame of a new branch of a body; ``key`` as for ``Branches``."""
        with self.dispatch.lock:
            return self.dispatch.scheduler.branch(frame, key)

    def look_again(self, call: Call) -> tuple[str, ...]:
        """Return the names of a call's arguments that were changed in place, and warn of them once per task."""
        names, spec = changed(call, codec.digest), call.spec
        if names and "changed" not in spec.warned:
            spec.warned.add("changed")
            listed = " or ".join(map(repr, names))
            text = (
                f"{spec.kind} {spec.name!r}, call {call.path}: its argument {listed} was changed in place while it "
                "worked. That happens once and not again on replay, so after a pause the run may come to another end, "
                f"and the result is not cached. {spec.name!r} should change a copy and return it, and its caller "
                "should leave alone what it has passed."
            )
            warn(text, ChangedArgumentWarning)
        return names

    def miss(self, body: Deliveries, branch: str) -> None:
        """Count that a body went on without a result, since a timer of one of its branches went off."""
        with self.dispatch.lock:
            body.miss(branch)

    def heartbeat(self, frame: Frame) -> Callable[[], None]:
        """Return a function by which the code of a call tells that it is alive."""
        dispatch = self.dispatch

        def beat() -> None:
            with dispatch.lock:
                progressed(frame.call, dispatch.scheduler.now(), heartbeat=True)

        return beat

    def previous(self, frame: Frame) -> object:
        """Return what the thread's last finished run saved; in a nested run, what its own lineage did.

        Raises:
            UnloadableValueError: if it can't be rebuilt.
        """
        body = frame.call
        while body.caller is not None and body.spec.kind != "entrypoint":
            body = body.caller.call
        value, run = self._saved_for(body), name_of(self.run_id, self.thread_id)
        if body.caller is None:
            return whole(value, f"`previous` of {run}", SAVE_ANEW)
        return _saved(whole(value, f"`previous` of {body.spec.name!r}, call {body.path}, of {run}", START_OVER))

    def _saved_for(self, body: Call) -> Value | None:
        """Return what an earlier run saved for a body: the value, or the result of a nested run that holds it."""
        if body.caller is None:
            return self.kept
        found = self.lineages.last(body.lineage) if self.lineages is not None and body.spec.stateful else None
        return found.value if found is not None else None

    def barred(self, frame: Frame, error: Exception) -> Exception:
        """Return an error for the code of a frame; whatever that makes of it, the run can't go on."""
        with self.dispatch.lock:
            self.dispatch.scheduler.bar_code(frame, error)
        return error

    def surroundings(self, body: Call) -> object:
        """Return what a body depends on beside its input, to tell it from others; not to be given to code."""
        value = self._saved_for(body)
        return _saved(value.get() if value is not None else None), self.context

    def writer(self, frame: Frame) -> StreamWriter:
        """Return a function that writes one value to the ``custom`` stream."""

        def write(value: object) -> None:
            self.dispatch.emit(frame, value)

        return write

    def emit_message(self, frame: Frame, message: object, metadata: dict[str, object]) -> None:
        """Pass a message, or a piece of one, to those who listen, with where the code stands added to ``metadata``."""
        if self.dispatch.scheduler.log.listeners:
            self.dispatch.emit(frame, (message, self.metadata_of(frame, metadata)), "messages")

    def metadata_of(self, frame: Frame, more: dict[str, object] | None = None) -> dict[str, object]:
        """Return the user's metadata, what else is said, and where a frame stands."""
        spec, started = frame.call.spec, self.dispatch.scheduler.log.records[0]
        step = started.step + 1 if isinstance(started, RunStarted) else 0
        metadata = {**self.config["metadata"], **(more or {}), **whereabouts(spec.name, spec.kind, frame.prefix, step)}
        if self.thread_id:
            metadata["thread_id"] = self.thread_id
        return metadata

    def config_of(self, frame: Frame) -> RunnableConfig:
        """Return the config as the code of one call sees it."""
        config: RunnableConfig = {
            **self.config,
            "metadata": self.metadata_of(frame),
            "configurable": {**self.config["configurable"], "checkpoint_ns": frame.prefix, "checkpoint_id": None},
        }
        around = callbacks_here.get()
        if around is not None:
            config["callbacks"] = around
        listener = model_listener.get()
        if listener is not None:
            config["callbacks"] = listener.added_to(config.get("callbacks"), frame)
        return config


def _saved(result: object) -> object:
    """Return what a result leaves for the next run."""
    return result.save if isinstance(result, Final) else result
