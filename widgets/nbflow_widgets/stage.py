"""One run as it is shown: its timeline, its forms, and in the end what stays of them.

All that is drawn happens on the kernel's loop, where the cell began. Answers are sent from a
worker thread; the run itself goes on in the runtime's threads, so the kernel stays free.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import ipywidgets

from nbflow import Command
from nbflow_widgets.display import Cell, Mode, Slot, bundle_of, formatted, make_live, show_once
from nbflow_widgets.failure import Stopped, clean, lines_of
from nbflow_widgets.forms import Form, waiting_html, waiting_text
from nbflow_widgets.prose import labelled, note
from nbflow_widgets.source import Source
from nbflow_widgets.timeline import Timeline

if TYPE_CHECKING:
    from nbflow import Interrupt, Run, RunnableConfig, Workflow
    from nbflow_widgets.toolkit import Toolkit

TICK = 0.1
"""Seconds between two looks at a run: an idle ``await`` does not see the stop button."""
EMPTY = bundle_of("<div></div>", "")
GRACE = 0.15
"""Seconds before widgets are shown: what is over by then needs none, and would only flicker."""


class Stage:
    """Shows one run over pauses and answers, until it has ended.

    Args:
        kit: the shell's toolkit.
        workflow: what runs.
        config: names the thread.
        mode: how to show it.
        named: whether the user named the thread.
        on_return: takes the result, once.
        compact: whether the timeline is left out until the run goes on.

    Attributes:
        run: the newest handle of the run.
        forms: by question id, in the order asked.
        error: what a callback raised last; for tests.
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
    ) -> None:
        self.run: Run
        self.forms: dict[str, Form] = {}
        self.error: BaseException | None = None
        self.box = ipywidgets.VBox() if mode == "live" else None
        self._kit = kit
        self._workflow = workflow
        self._config = config
        self._mode = mode
        self._named = named
        self._on_return = on_return
        self._compact = compact
        self._cell = Cell()
        self._slot = Slot()
        self._result = Slot()
        self._notes: list[tuple[str, str]] = []
        self._past = 0
        self._lock = threading.Lock()
        self._held_back: dict[str, object] = {}
        self._left = False
        self._in_cell = False
        self._is_revealed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, run: Run, *, past: int = 0, shown: bool = True) -> None:
        """Begin to show a run.

        Args:
            run: started, or found in a checkpointer.
            past: how many of its records are older than this cell.
            shown: whether to show it in the running cell; else its owner shows ``box``.
        """
        self.run = run
        self._past = past
        with suppress(RuntimeError):  # without a loop there is nobody to wait for
            self._loop = asyncio.get_running_loop()
        if self._mode == "off":
            return
        self._source = Source(run)
        self._timeline = Timeline(self._source, on_stop=self.stop)
        self._arrange()
        self._in_cell = shown
        if self.box is not None and shown:
            self._slot.show(EMPTY)  # its place, above all that the run prints

    def _reveal(self) -> None:
        """Show the widgets in the cell, with their static twin for those who can't draw them."""
        if self.box is not None and self._in_cell:
            self._is_revealed = True
            self._slot.show_widget(self.box, self.twin())

    def say(self, text: str, kind: str = "info") -> None:
        """Add a line of small print, with code in backquotes."""
        self._notes.append((text, kind))
        self._arrange()

    async def settled(self) -> None:
        """Wait until the run returns, fails or pauses.

        Raises:
            Stopped: if the wait was interrupted; the run was stopped then.
        """
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        run = self.run
        run.on_done(_on(loop, lambda: _settle(ended)))
        try:
            await asyncio.wait({ended}, timeout=GRACE)
            if not run.done() and not self._is_revealed:
                self._reveal()
            while not run.done():
                await asyncio.wait({ended}, timeout=TICK)
        except (KeyboardInterrupt, asyncio.CancelledError):
            run.cancel("KeyboardInterrupt")
            self.conclude()
            raise Stopped(run.workflow.name) from None

    def watch(self) -> None:
        """Go on without the cell: conclude when the run ends."""
        loop = self._loop
        assert loop is not None, "only a cell watches a run"
        if not self._is_revealed:
            self._reveal()
        self._hold_place()
        run = self.run
        run.on_done(_on(loop, lambda: self.guarded(lambda: self._concluded_later(run))))

    def _hold_place(self) -> None:
        """Keep a place in the cell for a result that comes after the cell's end."""
        if self._slot.is_shown and not self._result.is_shown:
            self._result.show(EMPTY)

    def go_on(self, run: Run) -> None:
        """Show a handle with which the run goes on."""
        self._note_discarded()
        self.run = run
        if self._mode != "off":
            self._source.attach(run)

    def resume(self, answers: dict[str, object]) -> Run:
        """Answer questions by id and go on; raises what the runtime says of the answers."""
        return self._cell.run(self._resume, answers)

    def _resume(self, answers: dict[str, object]) -> Run:
        return self._workflow.start(Command(resume=answers), self._config, on_divergence="rerun")

    def stop(self) -> None:
        """Stop the run; the thread can be resumed."""
        self.run.cancel("stopped by hand")

    def leave(self) -> None:
        """Show no more: another cell shows the run from here on."""
        self._left = True
        if self._mode == "live":
            self._freeze()

    def conclude(self) -> None:
        """Show how the run stands, now that it has ended or paused."""
        self._note_discarded()
        status = self.run.status
        if status in {"failed", "stopped", "crashed"}:
            self.say(f"{status.capitalize()}. {self._way_back()}", "error" if status == "failed" else "warning")
        if self._mode == "off":
            return
        self._source.flush()
        if self._mode == "static":
            show_once(self.twin())
        elif status == "paused":
            self._ask()
        else:
            self._freeze()

    def returned(self, result: object) -> None:
        """Hand the result over."""
        self._on_return(result)

    def _concluded_later(self, run: Run) -> None:
        """Conclude after the cell's end: the result and errors are led to it."""
        if self._left or run is not self.run:  # another answer has taken it further already
            return
        self.conclude()
        status = self.run.status
        if status == "finished":
            result = self.run.result()
            self._on_return(result)
            if self._mode != "static":
                self._show_result(result)
        elif status == "failed":
            error = _error_of(self.run)
            self._cell.show_error(error, lines_of(clean(error)))
        elif status == "paused" and self._mode == "live":
            self._send_held_back()

    def _show_result(self, result: object) -> None:
        if self.box is not None and not self._in_cell:
            self.box.children = [*self.box.children, ipywidgets.HTML(labelled("Result", result))]
        elif result is not None:
            bundle, _ = self._cell.run(formatted, result)
            if bundle:
                self._result.show(bundle)

    def _ask(self) -> None:
        """Show a form for each open question."""
        assert self.box is not None, "only a live stage asks"
        for asked in self.run.interrupts:
            if asked.id not in self.forms:
                self.forms[asked.id] = Form(
                    asked,
                    lambda answer, asked=asked: self._answer(asked, answer),  # type: ignore[misc]  # a default binds it
                    post=self._kit.post,
                    drafts=self._kit.drafts,
                )
        self._arrange()
        self._reveal()
        self._hold_place()

    def _answer(self, asked: Interrupt, answer: object) -> None:
        """Send the answer of a form; called on a worker thread, one answer at a time."""
        with self._lock:
            if not self.run.done():  # another answer is being worked on; this one goes with the next pause
                self._held_back[asked.id] = answer
                return
            run = self.resume({asked.id: answer})
            self.run, before = run, self.run
        self._post_to_loop(lambda: self._went_on(run, len(before.log)))

    def _went_on(self, run: Run, past: int) -> None:
        if self._left or run is not self.run:
            return
        self._past = min(past, self._past)
        self._source.attach(run)
        if self._compact and self._loop is not None:
            self._loop.call_later(GRACE, self._unfold)
        self.watch()

    def _unfold(self) -> None:
        """Show the timeline of a compact stage, if the run still works."""
        if not self.run.done():
            self._compact = False
            self._arrange()

    def start_again(self) -> None:
        """Go on with a run that crashed or was stopped."""
        past = len(self.run.log)
        run = self.run = self._cell.run(self._restart)
        self._post_to_loop(lambda: self._went_on(run, past))

    def _restart(self) -> Run:
        return self._workflow.start(None, self._config, on_divergence="rerun")

    def _send_held_back(self) -> None:
        with self._lock:
            waiting = {asked.id for asked in self.run.interrupts}
            ready = {key: answer for key, answer in self._held_back.items() if key in waiting}
            self._held_back.clear()
        for key, answer in ready.items():
            self.forms[key].send(answer)

    def _post_to_loop(self, job: Callable[[], None]) -> None:
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self.guarded, job)
        else:
            self.guarded(job)

    def guarded(self, job: Callable[[], None]) -> None:
        """Do a job of a callback; an error is shown in the cell, for it would be lost in a log."""
        try:
            job()
        except Exception as error:  # noqa: BLE001  # whatever it is, the page must show it
            self.error = error
            self._cell.show_error(error)

    def _arrange(self) -> None:
        if self.box is None or not hasattr(self, "_timeline"):
            return
        parts: list[Any] = [] if self._compact else [self._timeline.widget]
        if self._notes:
            parts.append(ipywidgets.HTML(self._notes_html()))
        self.box.children = [*parts, *(form.widget for form in self.forms.values())]
        make_live(self.box)

    def _freeze(self) -> None:
        """Leave the static twin where the widgets were: saved widgets show an error to their own author."""
        assert self.box is not None, "only a live stage has widgets"
        twin = self.twin()
        if self._in_cell:
            self._slot.show(twin)
            self.box.close()
            self._close_widgets()
            return
        self.box.children = [ipywidgets.HTML(str(twin["text/html"]))]
        if self._loop is not None:  # a page that is busy taking the old parts out stumbles over closed ones
            self._loop.call_later(1.0, self._close_widgets)

    def _close_widgets(self) -> None:
        for form in self.forms.values():
            form.close()
        self._timeline.close()
        self._source.close()

    def twin(self) -> dict[str, object]:
        """Return the static form of all that is shown."""
        shown = list(self.forms.values())
        html = [self._timeline.html(times=self._mode == "live"), self._notes_html(), *(form.html() for form in shown)]
        text = [self._timeline.text(), *(text.replace("`", "") for text, _ in self._notes)]
        text += [form.text() for form in shown]
        for asked in self.run.interrupts if self.run.done() else ():
            if asked.id not in self.forms:
                html.append(waiting_html(asked))
                text.append(waiting_text(asked))
        return bundle_of("".join(html), "\n".join(text))

    def _notes_html(self) -> str:
        return "".join(note(text, kind) for text, kind in self._notes)

    def _note_discarded(self) -> None:
        new = list(self.run.log)[self._past :]
        paths = [record.path for record in new if type(record).__name__ == "Discarded"]
        self._past = len(self.run.log)
        if paths:
            self.say(
                f"The code has changed since: what was recorded from call {paths[0]} on was discarded and ran again.",
                "warning",
            )

    def _way_back(self) -> str:
        if self._named:
            return "What has finished is kept: run the cell again to go on, with `--fresh` to start over."
        if self._mode == "live":
            return f"What has finished is kept: add `--thread {self.run.thread_id}` to go on."
        return "What has finished is kept."


def _on(loop: asyncio.AbstractEventLoop, fn: Callable[[], None]) -> Callable[[], None]:
    """Return a function that has ``fn`` called on a loop, from any thread."""

    def post() -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody is there to see
            loop.call_soon_threadsafe(fn)

    return post


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _error_of(run: Run) -> BaseException:
    try:
        run.result()
    except BaseException as error:  # noqa: BLE001  # the run's own error, to be shown
        return error
    return RuntimeError("the run failed, but its error was not kept")
