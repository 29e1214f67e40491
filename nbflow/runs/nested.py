"""A run that a body starts as a part of its own: the handle of a call, replayed as any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nbflow.core.path import is_below
from nbflow.core.run_program import is_pause
from nbflow.errors import InvalidOptionError, RunCancelledError, RunStopped
from nbflow.runs.launch import nest, plain
from nbflow.runs.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from nbflow.core.record import Record
    from nbflow.core.states import RunState
    from nbflow.drivers.future import CallFuture
    from nbflow.session.session import Session
    from nbflow.values import Interrupt
    from nbflow.views.calls import CallRow
    from nbflow.workflow.definition import Definition


class NestedRun(Run):
    """A run nested in another one, whose questions are asked and answered by that one."""

    def __init__(self, workflow: Definition, value: object) -> None:
        """Start it as a call of the body that runs here."""
        call = nest(workflow, value)
        assert call.call.caller is not None, "a body has called it"
        session = cast("Session", call.call.caller.host)
        super().__init__(workflow, session, session.dispatch.scheduler.log.records, self._refuse)
        self._call: CallFuture = call
        self._path = call.call.path

    def _refuse(self, answer: object) -> Run:
        what = "a nested run is resumed through the run around it: answer that one"
        raise InvalidOptionError("resume()", "answer", repr(answer), what)

    @property
    def log(self) -> Sequence[Record]:
        """What has happened in it so far, in order."""
        return [record for record in self._records if self._is_inside(record.path)]

    @property
    def status(self) -> RunState:
        """As of a run; whoever asks before its end asks that again on replay, and is told the same."""
        if not self._call.done():
            return "running"
        error = self._call.outcome.error if self._call.outcome is not None else None
        if error is None:
            return "done"
        if is_pause(error):
            return "asking"
        return "stopped" if isinstance(error, RunStopped) or self._call.cancelled() else "failed"

    @property
    def interrupts(self) -> tuple[Interrupt, ...]:
        """The questions that it waits with."""
        error = self._call.outcome.error if self._call.outcome is not None else None
        return tuple(getattr(error, "interrupts", ()))

    @property
    def expires(self) -> float | None:
        """None: its questions are those of the run around it."""
        return None

    @property
    def calls(self) -> list[CallRow]:
        """What it called so far, with itself, in the order of their positions."""
        return [row for row in super().calls if self._is_inside(row.path)]

    @property
    def input(self) -> object:
        """The input that it began with."""
        return self._call.call.args[0]

    @property
    def is_current(self) -> bool:
        """True: a nested run of other code is told on replay."""
        return True

    def _is_inside(self, path: str) -> bool:
        return path == self._path or is_below(path, self._path)

    def done(self) -> bool:
        """Whether it has ended, if only with a question."""
        return self._call.done()

    def on_done(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` when the run has ended; at once if it has."""
        self._call.add_done_callback(lambda _: fn())

    def result(self, timeout: float | None = None) -> Any:  # noqa: ANN401  # whatever the body returned
        """Return what the body returned; wait for it if need be. A question pauses the run around it.

        Args:
            timeout: seconds to wait; None waits for ever.

        Raises:
            TimeoutError: if it was not done in time; it goes on.
            RunCancelledError: if it was cancelled.
            WouldBlockError: on an event loop, if it is not done; await it there.
        """
        try:
            return plain(self._call.result(timeout))
        except BaseException:
            self._tell_cancelled()
            raise

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            return plain((yield from self._call.__await__()))
        except BaseException:
            self._tell_cancelled()
            raise

    def _tell_cancelled(self) -> None:
        if self._call.outcome is not None and self._call.cancelled():
            raise RunCancelledError(self.workflow.name, self.thread_id) from None

    def cancel(self, reason: str = "cancelled") -> bool:  # noqa: ARG002  # a call keeps none
        """Stop it as a call is stopped; False if it has ended."""
        return self._call.cancel()

    def listen(self, listener: Callable[[Record], None]) -> Callable[[], None]:
        """Have ``listener`` called with each record of the nested run that is new."""

        def listen(record: Record) -> None:
            if self._is_inside(record.path):
                listener(record)

        listeners = self._session.dispatch.scheduler.log.listeners
        listeners.append(listen)
        return lambda: listeners.remove(listen) if listen in listeners else None
