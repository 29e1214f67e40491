"""What the code of one run can reach: its config, store, previous value, context, and its calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbflow.core.progress import progressed
from nbflow.values import RunControl, RunnableConfig  # a field of a dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.call import Frame, Promise, Spec
    from nbflow.core.record import Value
    from nbflow.drivers.dispatch import Dispatch
    from nbflow.store.base import BaseStore
    from nbflow.values import StreamWriter


@dataclass(slots=True, kw_only=True)
class Session:
    """The surroundings of one run.

    Attributes:
        config: merged and complete.
        thread_id: the thread; empty without a checkpointer.
        run_id: names the run.
        store: long-term memory, or None.
        context: what the caller passed as ``context``.
        kept: what the last finished run saved; None if there was none.
        control: what the caller passed as ``control``, or None.
        dispatch: carries out calls; set when the run begins.
    """

    config: RunnableConfig
    thread_id: str = ""
    run_id: str = ""
    store: BaseStore | None = None
    context: object = None
    kept: Value | None = None
    control: RunControl | None = None
    dispatch: Dispatch = field(init=False)

    def submit(self, frame: Frame, spec: Spec, args: tuple[object, ...], kwargs: dict[str, object]) -> Promise:
        """Take a request of a body and have it carried out."""
        return self.dispatch.submit(frame, spec, args, kwargs)

    def heartbeat(self, frame: Frame) -> Callable[[], None]:
        """Return a function by which the code of a call tells that it is alive."""
        dispatch = self.dispatch

        def beat() -> None:
            with dispatch.lock:
                progressed(frame.call, dispatch.scheduler.now(), heartbeat=True)

        return beat

    def previous(self, frame: Frame) -> object:
        """Return what the thread's last finished run saved; None in a nested run."""
        nested = frame.call
        while nested.caller is not None and nested.spec.kind != "entrypoint":
            nested = nested.caller.call
        return self.kept.get() if self.kept is not None and nested.caller is None else None

    def writer(self, frame: Frame) -> StreamWriter:
        """Return a function that writes one value to the ``custom`` stream."""
        dispatch = self.dispatch

        def write(value: object) -> None:
            with dispatch.lock:
                dispatch.scheduler.emit(frame, value)

        return write

    def config_of(self, frame: Frame) -> RunnableConfig:
        """Return the config as the code of one call sees it."""
        metadata: dict[str, Any] = {
            **self.config["metadata"],
            "langgraph_node": frame.call.spec.name,
            "langgraph_path": tuple(frame.prefix.split(".")),
            "langgraph_checkpoint_ns": frame.prefix,
        }
        if self.thread_id:
            metadata["thread_id"] = self.thread_id
        return {
            **self.config,
            "metadata": metadata,
            "configurable": {**self.config["configurable"], "checkpoint_ns": frame.prefix, "checkpoint_id": None},
        }
