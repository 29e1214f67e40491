"""What the code of one run can reach: its config, store, previous value, context, and its calls."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from nbflow import codec
from nbflow._support.warnings import warn
from nbflow.core.changed_arguments import changed
from nbflow.core.heartbeat import progressed
from nbflow.core.marking import put_down, stand
from nbflow.core.output import place_of
from nbflow.core.rebuilt import name_of, whole
from nbflow.core.record import CallReturned, RunStarted
from nbflow.core.states import BODIES
from nbflow.drivers import threads
from nbflow.drivers.bodies import aio
from nbflow.drivers.future import CallFuture
from nbflow.drivers.here import running_loop
from nbflow.drivers.mailbox import Mailbox
from nbflow.errors import ChangedArgumentWarning
from nbflow.fingerprint.files import read_by, still_holds
from nbflow.values import Final, RunControl, RunnableConfig, whereabouts  # a field of a dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.core.call import Call, Frame, Spec, Submit
    from nbflow.core.call import Mailbox as AnyMailbox
    from nbflow.core.deliveries import Deliveries
    from nbflow.core.file_read import FileRead
    from nbflow.core.outcome import Outcome
    from nbflow.core.record import Marked, Record, Value
    from nbflow.drivers.dispatch import Dispatch
    from nbflow.session.lineage import Lineages
    from nbflow.store.base import BaseStore
    from nbflow.values import StreamWriter

    NodeHere = tuple[int, Sequence[str], Mapping[str, object] | None]


class ModelListener(Protocol):
    """Hears what language models say; see ``nbflow.langchain.models``."""

    def added_to(self, callbacks: object, frame: Frame) -> object:
        """Return a config's callbacks with one more, which speaks for the code of ``frame``."""
        ...


model_listener: ContextVar[ModelListener | None] = ContextVar("nbflow_model_listener", default=None)


# LangChain's callbacks for what the code here calls, as those of the call around it made them; see runs/tracing.py.
callbacks_here: ContextVar[object] = ContextVar("nbflow_callbacks_here", default=None)


# What the config of a graph's node says of it: its step, what set it in motion, its metadata; set by the graph's body.
node_here: ContextVar[NodeHere] = ContextVar("nbflow_node_here", default=(0, (), None))

Echo = Callable[[tuple[tuple[int, ...], ...], Callable[[], object]], None]

# Who decides on showing what the code of the runs says that begin here, and whether it is kept; see nbflow/output.py.
echo_here: ContextVar[tuple[Echo | None, bool]] = ContextVar("nbflow_echo_here", default=(None, True))

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
        settle: takes what the run changed in place for its state; called when it ends.
        of_graph: options of the run that are about a graph, by name.
        early: reads the records of the run before those that its log holds; None if that holds all.
        state: of the graph that runs, at its last step; None before it.
        folder: that the process worked in when the run began.
        led: who decides on showing what its code says, and whether that is kept.
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
    settle: Callable[[object], None] = lambda _outcome: None
    of_graph: Mapping[str, str | Sequence[str] | None] = field(default_factory=dict)
    early: Callable[[], Sequence[Record]] | None = None
    state: Mapping[str, object] | None = None
    folder: str = ""
    led: tuple[Echo | None, bool] = field(default_factory=echo_here.get)
    dispatch: Dispatch = field(init=False)
    submit: Submit = field(init=False)

    def attach(self, dispatch: Dispatch) -> None:
        """Have calls carried out by a dispatch from now on."""
        self.dispatch, self.submit = dispatch, dispatch.submit

    def branch(self, frame: Frame, key: str) -> Frame:
        """Return the frame of a new branch of a body; ``key`` as for ``Branches``."""
        with self.dispatch.lock:
            return self.dispatch.scheduler.branch(frame, key)

    def mailbox(self) -> Mailbox:
        """Return a new place where calls are put that have ended."""
        return Mailbox()

    def submit_for(self, frame: Frame, spec: Spec, args: tuple[object, ...], mailbox: AnyMailbox) -> Call:
        """Have a call carried out, and put into a mailbox when it has ended; return it."""
        future = self.dispatch.submit(frame, spec, args, {})
        self.dispatch.revive(future)
        if future.call.outcome is None:
            future.when_settled(partial(mailbox.put, future.call))
        return future.call

    def cancel(self, call: Call) -> None:
        """Cancel a call."""
        if isinstance(call.promise, CallFuture):
            call.promise.cancel()

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

    def files_of(
        self, call: Call, named: Sequence[object]
    ) -> tuple[FileRead, ...] | Callable[[], tuple[FileRead, ...]]:
        """Return the files that a call has read, or what finds them out where that takes long."""
        return read_by((call.reads or {}).copy(), named, self.folder)

    def still_holds(self, files: Sequence[FileRead]) -> bool:
        """Whether files are as they were when a result was made of them."""
        return still_holds(files, self.folder)

    def hear(
        self,
        frame: Frame,
        stream: str,
        content: str | Mapping[str, object],
        show: Callable[[], object],
        display: str = "",
    ) -> None:
        """Take in what the code of a frame says, as ``Outputs.put`` does; ``show`` is what prints or displays it."""
        echo, is_kept = self.led
        if is_kept:
            self.dispatch.hear(frame, stream, content, display)
        if echo is None:
            show()
        else:
            echo(place_of(frame), show)

    def stand(self, frame: Frame) -> list[Marked]:
        """Have a body go on from its last mark; return its marks, from the last whole one on."""
        if not self.dispatch.scheduler.log.marks:
            return []
        with self.dispatch.lock:
            return stand(self.dispatch.scheduler, frame)

    @property
    def wants_marks(self) -> bool:
        """Whether anybody would learn of a mark: the run is kept, or somebody listens."""
        return self.dispatch.journal is not None or bool(self.dispatch.scheduler.log.listeners)

    def put_down(self, frame: Frame, mark: Marked) -> None:
        """Have a body put down where it stands; sync code waits for the storage."""
        self._put_down(threads.drive(put_down(self.dispatch.scheduler, frame, mark), self.dispatch))

    async def aput_down(self, frame: Frame, mark: Marked) -> None:
        """As ``put_down``, awaited."""
        self._put_down(await aio().drive(put_down(self.dispatch.scheduler, frame, mark), self.dispatch))

    def told(self, future: CallFuture, outcome: Outcome) -> Outcome:
        """Note that a body that waited for the outcome of a call was told of it, and return it."""
        if outcome.error is not None:
            self.dispatch.saw(future.call)
        return outcome

    def resolved(self, given: object) -> object:
        """Await something for sync code, on the loop of the run."""
        return self.dispatch.bodies.resolve(given)

    def take_back(self, calls: Sequence[Call], error: Exception) -> None:
        """Have the results of calls count no more: they have failed together."""
        with self.dispatch.lock:
            for call in calls:
                self.dispatch.scheduler.fail_late(call, error)

    def _put_down(self, outcome: Outcome) -> None:
        if self.dispatch.untold:
            self.dispatch.telling.tell()
        if outcome.error is not None:
            raise outcome.error

    def miss(self, body: Deliveries, branch: str) -> None:
        """Count that a body went on without a result, since a timer of one of its branches went off."""
        with self.dispatch.lock:
            body.miss(branch)

    def give_here(self, body: Deliveries) -> None:
        """Give a body what has arrived, when the loop that runs here has nothing else to do for it."""
        loop = running_loop()
        assert loop is not None, "only a loop gets here"
        self.dispatch.delivery.give_on(loop, body)

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
        while body.caller is not None and body.spec.kind not in BODIES:
            body = body.caller.call
        return None if body.spec.kind == "graph" else self.saved_for(body)

    def saved_for(self, body: Call) -> object:
        """Return what earlier runs saved for a body, and of a nested graph this run too; None if there were none.

        Raises:
            UnloadableValueError: if it can't be rebuilt.
        """
        value, run = self._saved_here(body) or self._saved_for(body), name_of(self.run_id, self.thread_id)
        if body.caller is None:
            return whole(value, f"`previous` of {run}", SAVE_ANEW)
        return _saved(whole(value, f"`previous` of {body.spec.name!r}, call {body.path}, of {run}", START_OVER))

    def _saved_here(self, body: Call) -> Value | None:
        """Return the last result in this run of a nested graph that keeps its state; None if there is none."""
        lineage = body.lineage
        if body.spec.kind == "entrypoint" or not lineage:
            return None
        with self.dispatch.lock:
            settled = reversed(self.dispatch.scheduler.log.settled.values())
            found = (past for past in settled if isinstance(past, CallReturned) and past.lineage == lineage)
            return next((past.value for past in found), None)

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
        if spec.kind == "node":
            number, triggers, own = node_here.get()
            metadata.update({"langgraph_step": number, "langgraph_triggers": tuple(triggers), **(own or {})})
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
