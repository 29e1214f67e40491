"""One run in its cell: waited for, asked about, answered, taken on, brought to an end.

All that is drawn, by its run_display, happens on the kernel's loop, where the cell began. Answers are sent from a
worker thread; the run itself goes on in the runtime's threads, so the kernel stays free.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from nbflow import Command
from nbflow.errors import ThreadBusyError
from nbflow_widgets.again import Again, Place
from nbflow_widgets.alarm import Alarm, rest_after
from nbflow_widgets.cell_forms import CellForms, discarded_in, rejected_in, way_back, way_on
from nbflow_widgets.display import Cell, Mode
from nbflow_widgets.echo import Echo
from nbflow_widgets.elsewhere import PROGRAM, Trace, begun_by_a_card
from nbflow_widgets.failure import Stopped, clean, lines_of
from nbflow_widgets.loop_calls import GRACE, LoopCalls, led_to, over
from nbflow_widgets.run_display import RunDisplay
from nbflow_widgets.together import send_together

if TYPE_CHECKING:
    from nbflow import Run, RunnableConfig, Workflow
    from nbflow_widgets.together import Answers, Refused
    from nbflow_widgets.toolkit import Toolkit


class CellRun:
    """Shows one run over pauses and answers, until it has ended.

    Args:
        kit: the shell's toolkit.
        workflow: what runs.
        config: names the thread.
        mode: how to show it.
        named: whether the user named the thread.
        on_return: takes the result, once.
        compact: whether the timeline is left out until the run goes on.
        echo: what it prints and displays; None for what fits the mode.

    Attributes:
        run: the newest handle of the run.
        run_display: what is drawn.
        out: the variable that may take results of runs from its calls; empty for none.
        calls: leads callbacks to the kernel's loop.
    """

    def __init__(
        self,
        kit: Toolkit,
        workflow: Workflow,
        config: RunnableConfig,
        *,
        mode: Mode,
        named: bool = True,
        on_return: Callable[[object], None] = lambda _result: None,
        compact: bool = False,
        echo: Echo | None = None,
    ) -> None:
        self.run: Run
        self.run_display: RunDisplay
        self._kit = kit
        self._workflow = workflow
        self._config = config
        self._mode = mode
        self._named = named
        self._on_return = on_return
        self._compact = compact
        self._cell = Cell()
        self._echo = echo if echo is not None else Echo(in_order=mode == "static")
        self.out = ""
        self.calls = LoopCalls(self._cell)
        self._alarm = Alarm(self.calls, kit.post)
        self._past = 0
        self._lock = threading.RLock()  # held while what the thread holds and ``run`` may differ
        self._left = False
        self._trace = Trace()
        show = _beside(kit, workflow, config, named=named)
        self._again = Again(kit, workflow, config, of=lambda: self.run, show=show, calls=self.calls)

    def open(
        self, run: Run, *, past: int = 0, changed: Callable[[], None] | None = None, place: Place | None = None
    ) -> None:
        """Begin to show a run.

        Args:
            run: started, or found in a checkpointer.
            past: how many of its records are older than this cell.
            changed: called at each change, if the run_display's ``box`` is shown in another card; else it is
                shown in the running cell.
            place: where further runs from its calls are shown; None for below it.
        """
        self.run = run
        self._past = past
        self.calls.join()
        self.run_display = RunDisplay(
            run,
            self._mode,
            on_stop=self.stop,
            way_on=self._way_on,
            changed=changed,
            compact=self._compact,
            on_fork=lambda wish: self._again.ask(place or Place(self.run_display, self._cell, self.out), wish),
            can_bind=lambda: self._again.can_bind(self.out),
        )
        self._forms = CellForms(self._kit, self.run_display, self._answer)

    async def settled(self) -> None:
        """Wait until the run returns, fails or pauses.

        Raises:
            Stopped: if the wait was interrupted; the run was stopped then.
        """
        run, display = self.run, self.run_display
        try:
            await over(run, lambda: None if display.is_revealed else display.reveal())
        except (KeyboardInterrupt, asyncio.CancelledError):
            run.cancel("KeyboardInterrupt")
            self.conclude()
            raise Stopped(run.workflow.name) from None

    def watch(self, run: Run | None = None) -> None:
        """Go on without the cell: conclude when the run ends, if no other answer has taken it further by then."""
        watched = self.run if run is None else run
        assert self.calls.loop is not None, "only a cell watches a run"
        if not self.run_display.is_revealed:
            self.run_display.reveal()
        self.run_display.hold_place()
        watched.on_done(led_to(self.calls.loop, lambda: self.calls.guarded(lambda: self._concluded_later(watched))))

    def answer(self, answers: dict[str, object]) -> None:
        """Answer questions by id and go on; raises what the runtime says of the answers."""
        self._note_discarded()
        with self._lock:
            self.run = self._cell.run(self._begin, Command(resume=answers))
        self.run_display.attach(self.run)

    def _begin(self, value: Command | None) -> Run:
        with begun_by_a_card(), self._echo.leads():
            limit = rest_after(self._mode)
            return self._workflow.start(value, self._config, on_divergence="rerun", rest_after=limit)

    def stop(self) -> None:
        """Stop the run; the thread can be resumed."""
        self.run.cancel("stopped by hand")

    def leave(self, where: str) -> None:
        """Show no more of the run, and say where it goes on."""
        self._left = True
        self.run_display.leave(where)

    def has_moved(self) -> bool:
        """Whether the thread has changed since the run paused or ended, by the hand of another program."""
        if self._mode != "live" or self._left or not self._lock.acquire(blocking=False):  # an answer is being sent
            return False
        try:
            return self._trace.leads_on(self._workflow, self._config, self.run)
        finally:
            self._lock.release()

    def take_up(self) -> bool:
        """Go on here with a run that was answered elsewhere, or show its end; return False if it is another run."""
        with self._lock:
            found = self._workflow.last_run(self._config)
            if self._left or found is None or found.run_id != self.run.run_id:
                return False
            if found.status == "crashed":  # or somebody works on it now; its end is shown here too
                return self._workflow.saver("a card").holder(found.thread_id) is not None
            self.run = found
        self.calls.post(lambda: self._answered_elsewhere(found))
        return True

    def _answered_elsewhere(self, run: Run) -> None:
        """Show what another program answered, and what came of it; go on if no answer is missing."""
        self.run_display.attach(run)
        self._forms.close_recorded(run)
        if run.status == "answered":
            self._kit.post(lambda: self.calls.guarded(self.start_again))
        else:
            self._concluded_later(run)

    def conclude(self) -> None:
        """Show how the run stands, now that it has ended or paused."""
        self._cell.run(self._echo.tell)
        if self._mode == "live":
            self._kit.lookout.watch()
        self._note_discarded()
        self._forms.close_expired(self.run)
        status = self.run.status
        if status in {"failed", "stopped", "crashed"}:
            self.run_display.say_of_end(
                f"{status.capitalize()}. {way_back(self.run, named=self._named, live=self._mode == 'live')}",
                "error" if status == "failed" else "warning",
            )
        is_open = self._mode == "live" and self.run_display.offer_back(rejected_in(self.run))
        if status in {"asking", "sleeping"} and self._mode == "live":
            self._wait(self.run, status)
        elif is_open:
            self.run_display.stay()
        else:
            self.run_display.finish()

    def returned(self, result: object) -> None:
        """Hand the result over; the cell shows it, in the page that it was run in."""
        self._on_return(result)
        if self.run_display.is_reloaded:
            self.run_display.show_result(result, self._cell)

    def _concluded_later(self, run: Run) -> None:
        """Conclude after the cell's end: the result and errors are led to it."""
        if self._left or run is not self.run:  # another answer has taken it further already
            return
        self.conclude()
        status = run.status  # not of the run that another answer may have begun since
        if status == "done":
            result = run.result()
            self._on_return(result)
            self.run_display.show_result(result, self._cell)
        elif status == "failed":
            error = _error_of(run)
            self.run_display.show_error(error, lines_of(clean(error)), self._cell)
        if status != "done" and self._mode == "live":
            self._send_held_back()

    def _wait(self, run: Run, status: str) -> None:
        """Ask what the run asks, or say until when it sleeps; go on by itself when the time has come."""
        if status == "asking":
            self._forms.show(run)
        else:
            self.run_display.say_asleep(run.until or 0.0)
        at = run.expires if status == "asking" else run.until
        if at is not None:
            self._alarm.set(at, lambda: self._due(run, status))

    def _due(self, run: Run, status: str) -> None:
        """Go on, if nobody else has; called on a worker thread."""
        with self._lock:
            if not self._left and run is self.run and run.status == status:
                self.start_again()

    def _answer(self, answers: Answers) -> Refused:
        """Send the answers of forms; called on a worker thread, one after the other."""
        with self._lock:
            if not self.run.done():  # another answer is being worked on; these go with the next pause
                self._forms.hold_back(answers)
                return {}
            before = self.run
            refused = send_together(answers, self._go_on_with)
            run = self.run
            if run is before:
                return refused
            taken = {key: answer for key, answer in answers.items() if key not in refused}
            self._forms.accept(taken)  # before anybody is told how the run went on
        self.calls.post(lambda: self._went_on(run, len(before.log)))
        return refused

    def _go_on_with(self, answers: dict[str, object]) -> None:
        self.run = self._cell.run(self._begin, Command(resume=answers))

    def _went_on(self, run: Run, past: int) -> None:
        if self._left or run is not self.run:
            return
        self._past = min(past, self._past)
        self.run_display.attach(run)
        if self._compact:
            self.calls.later(GRACE, lambda: None if self.run.done() else self.run_display.unfold())
        self.watch(run)

    def start_again(self) -> None:
        """Go on with a run that crashed or was stopped."""
        past = len(self.run.log)
        with self._lock:
            try:
                run = self.run = self._cell.run(self._begin, None)
            except ThreadBusyError:  # whoever works on it brings it to its end, which is shown and handed over here
                self.calls.post(lambda: self.run_display.say_of_end(_AT_WORK))
                return
        self.calls.post(lambda: self._went_on(run, past))

    def _send_held_back(self) -> None:
        with self._lock:
            if self.run.done():  # else another answer has just taken it further; its end sends them
                self._forms.send_held_back(self.run)

    def _note_discarded(self) -> None:
        discarded, self._past = discarded_in(self.run, self._past), len(self.run.log)
        if discarded:
            self.run_display.say(discarded, "warning")

    def _way_on(self, status: str) -> str:
        inbox = f"`%nbflow inbox{self._kit.option_for(self._workflow.checkpointer)}`"
        return way_on(self.run, status, "Run the cell again" if self._named else inbox)


_AT_WORK = f"The run goes on in {PROGRAM}; its end comes here too."


def _beside(kit: Toolkit, workflow: Workflow, config: RunnableConfig, *, named: bool) -> Callable[..., CellRun]:
    """Return what makes another ``CellRun`` of the thread, given what takes its result, and for which variable."""

    def beside(on_return: Callable[[object], None], out: str) -> CellRun:
        made = CellRun(kit, workflow, config, mode="live", named=named, on_return=on_return)
        made.out = out
        return made

    return beside


def _error_of(run: Run) -> BaseException:
    try:
        run.result()
    except BaseException as error:  # noqa: BLE001  # the run's own error, to be shown
        return error
    return RuntimeError("the run failed, but its error was not kept")
