"""What is drawn of one run: timeline, notes and forms in one card, live and as its twin.

Knows nothing of how a run goes on; all of it but ``twin`` is called on the kernel's loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets

from nbflow.views.timing import timing_of
from nbflow_widgets.asked import waiting_html, waiting_text
from nbflow_widgets.card import Card, State
from nbflow_widgets.display import Cell, Mode, bundle_of, close_tree, make_live, show_once
from nbflow_widgets.elsewhere import DISCARDED, goes_on_in
from nbflow_widgets.estimates import look_for
from nbflow_widgets.forms import Form
from nbflow_widgets.late import Late
from nbflow_widgets.markup import moment, note
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.shown import labelled
from nbflow_widgets.taken_over import taken_over_text
from nbflow_widgets.timeline import Timeline, Wish
from nbflow_widgets.timing import is_worth_timing, timing_text
from nbflow_widgets.together import MANY, Together

if TYPE_CHECKING:
    from nbflow import Run

STATES: tuple[State, ...] = ("moves", "waits", "settled")


class RunDisplay:
    """The place of one run in a cell.

    Args:
        run: what is shown.
        mode: how.
        on_stop: called by the Stop button.
        way_on: says what a reader of the twin does to go on, with code in backquotes; given how the run stands.
        changed: called at each change, if it is shown in somebody else's card, as ``box``.
        compact: whether the timeline is left out until ``unfold``.
        on_fork, can_bind: as a timeline takes them.

    Attributes:
        box: the widgets in somebody else's card; None in a card of its own.
        forms: by question id, in the order asked.
        has_raised: whether the cell that shows it has ended with an error of the run.
    """

    def __init__(
        self,
        run: Run,
        mode: Mode,
        *,
        on_stop: Callable[[], None],
        way_on: Callable[[str], str],
        changed: Callable[[], None] | None = None,
        compact: bool = False,
        on_fork: Callable[[Wish], None] | None = None,
        can_bind: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        self.box = ipywidgets.VBox() if changed is not None else None
        self.forms: dict[str, Form] = {}
        self._run = run
        self._mode = mode
        self._way_on = way_on
        self._changed = changed
        self._compact = compact
        self._left = self._has_told_end = self.has_raised = False
        self._late = Late()
        self._of_end: list[tuple[str, str]] = []
        self._notes: list[tuple[str, str]] = []
        self._result: list[object] = []
        self._small: dict[str, Any] = {}  # widgets of notes and of the result, once there are any
        self._feed = RunFeed(run)
        self._timeline = Timeline(self._feed, on_stop, on_fork if mode == "live" else None, can_bind)
        self._together: Together | None = None
        self._below: list[tuple[str, RunDisplay]] = []
        self._card: Card | None = None
        if mode == "live" and changed is None:
            self._card = Card(self.twin, self._state, self.close)
            self._card.place()
        self.arrange()

    @property
    def is_revealed(self) -> bool:
        """Whether its widgets are shown in the cell."""
        return self._card is not None and self._card.is_revealed

    @property
    def is_reloaded(self) -> bool:
        """Whether it is shown in a page that what the cell returns does not reach."""
        return self._card is not None and self._card.is_reloaded

    def attach(self, run: Run) -> None:
        """Go on with another handle of the run; what was said and shown of an earlier end goes."""
        self._run = run
        self._of_end = []
        self._has_told_end = False
        self._late.go_on()
        self._overtake("The run has gone on since; this error stood here.")
        self.offer_back(())
        self._feed.attach(run)
        self.arrange()

    def say_of_end(self, text: str, kind: str = "info") -> None:
        """Add a line of small print that goes when the run goes on, as what stood in the way does then."""
        self._of_end.append((text, kind))
        self.arrange()

    def say_asleep(self, until: float) -> None:
        """Say until when the run sleeps, in seconds since 1970, and keep a place for what comes."""
        self.say_of_end(f"Sleeps until {moment(until)}, and goes on by itself while this kernel lives.")
        self.stay()

    def say(self, text: str, kind: str = "info") -> None:
        """Add a line of small print, with code in backquotes."""
        self._notes.append((text, kind))
        self.arrange()

    def add(self, form: Form) -> None:
        """Show a form below the others."""
        self.forms[form.asked.id] = form
        self.arrange()

    def join(self, together: Together) -> None:
        """Show a line above the forms while several are open."""
        self._together = together

    def offer_back(self, rejected: Collection[str]) -> bool:
        """Let the rejections of some questions be taken back, and no others; return whether a form is open for one."""
        for key, form in self.forms.items():
            form.offer_back(offered=key in rejected)
        return any(key in rejected for key in self.forms)

    def reveal(self) -> None:
        """Show the widgets in the cell."""
        if self._card is not None:
            self._card.reveal(self._parts())
            self.expect()

    def expect(self) -> None:
        """Look for an earlier run that says how long this one may take."""
        look_for(self._run, partial(setattr, self._timeline, "estimate"))

    def add_below(self, words: str, display: RunDisplay) -> None:
        """Show another run of the thread below, in the same card.

        Args:
            words: how it came to be, with code in backquotes.
            display: shows it.
        """
        self._below.append((f"{words} ({time.strftime('%H:%M:%S')})", display))
        self.stay()
        display.expect()

    def unfold(self) -> None:
        """Show the timeline too."""
        self._compact = False
        self.arrange()

    def hold_place(self) -> None:
        """Keep a place in the cell for a result that comes after the cell's end."""
        if self._card is not None:
            self._late.hold()

    def stay(self) -> None:
        """Show the widgets as they are now, and keep a place for what comes: somebody may answer."""
        self.reveal()
        self.hold_place()
        self.arrange()

    def show_result(self, result: object, cell: Cell) -> None:
        """Show a result that the cell's own execution can't show: it is over, or its page was reloaded."""
        if self._card is None or self._card.is_reloaded:
            self._result = [result]
            self.arrange()
        else:
            self._late.show_result(result, cell)

    def show_error(self, error: BaseException, lines: list[str], cell: Cell) -> None:
        """Show a traceback, as its lines, that comes after the cell's end: until the run goes on."""
        if self._card is None or self._card.is_reloaded or not self._late.is_held:
            cell.show_error(error, lines)
        else:
            self._late.show_error(lines)

    def finish(self) -> None:
        """Show the end, and of a run that took a while where its time went."""
        self._feed.flush()
        if not self._has_told_end:
            self._has_told_end = True
            self._of_end += _notes_of_end(self._run, self._feed, live=self._mode == "live")
        for form in self.forms.values():
            form.keep_rejection()
        if self._mode == "static":
            show_once(bundle_of(*self.twin()))
        self.arrange()

    def leave(self, where: str) -> None:
        """Show how it stood when the run went on elsewhere, and where that is; what was said of an earlier end goes."""
        self._left = True
        self._of_end = []
        if where != DISCARDED:
            self._timeline.leave()
        for form in self.forms.values():
            form.leave(where)
        self.say(goes_on_in(where), "warning")
        self._overtake(f"{goes_on_in(where)} This error stood here.")

    def _overtake(self, words: str) -> None:
        """Mark the error that the cell ended with: the run has left it behind."""
        if self.has_raised and self._card is not None:
            self.has_raised = not self._card.overtake(words, self._parts())

    def twin(self) -> tuple[str, str]:
        """Return the static form of all that is shown, as HTML and as text."""
        live, notes, forms = self._mode == "live", [*self._notes, *self._of_end], tuple(self.forms.values())
        state = self.stands()
        drawn = self._timeline.html(times=live, script=live and state != "moves")
        html = [drawn, _notes_html(notes), *(form.html() for form in forms)]
        text = [self._timeline.text(), *(text.replace("`", "") for text, _ in notes), *(form.text() for form in forms)]
        for asked in self._run.interrupts if self._run.done() and not self._left else ():
            if asked.id not in self.forms:
                html.append(waiting_html(asked))
                text.append(waiting_text(asked))
        if live and state != "settled":
            status = self._run.status
            stood = f"As of {time.strftime('%H:%M:%S')}: {status}. {self._way_on(status)}"
            html.append(note(stood))
            text.append(stood.replace("`", ""))
        html += [labelled("Result", result) for result in self._result]
        for words, display in tuple(self._below):
            below = display.twin()
            html += [note(words), below[0]]
            text += [words.replace("`", ""), below[1]]
        return "".join(html), "\n".join(text)

    def _state(self) -> State:
        states = [self.stands(), *(display.stands() for _, display in tuple(self._below))]
        return next((state for state in STATES if state in states), "settled")

    def stands(self) -> State:
        """Return whether the run moves by itself, waits for a person, or is settled, whatever stands below it."""
        if self._left:
            return "settled"
        if not self._run.done():
            return "moves"
        is_open = any(not form.is_answered or form.is_offered_back for form in tuple(self.forms.values()))
        return "waits" if is_open else "settled"

    def _parts(self) -> list[Any]:
        """Return the widgets from top to bottom."""
        parts: list[Any] = [] if self._compact else [self._timeline.widget]
        if notes := [*self._notes, *self._of_end]:
            parts.append(self._printed("notes", _notes_html(notes)))
        if self._together is not None and len(self.forms) >= MANY:
            self._together.show(self.forms.values())
            parts.append(self._together.widget)
        parts += [form.widget for form in self.forms.values()]
        parts += [self._printed("result", labelled("Result", result)) for result in self._result]
        for number, (words, display) in enumerate(self._below):
            parts += [self._printed(f"below {number}", note(words)), display.box]
        return parts

    def _printed(self, what: str, html: str) -> Any:  # noqa: ANN401  # untyped package
        if what not in self._small:
            self._small[what] = ipywidgets.HTML(layout={"margin": "0"})
        self._small[what].value = html
        return self._small[what]

    def arrange(self) -> None:
        """Show what has changed, live and in the twin."""
        if self.box is not None and self._changed is not None:
            self.box.children = self._parts()
            make_live(self.box)
            self._changed()
        elif self._card is not None:
            if self._card.is_revealed:
                self._card.arrange(self._parts())
            if self._card.is_revealed or self._run.done():
                self._card.update()

    def close(self) -> None:
        """Take the widgets away."""
        for form in self.forms.values():
            form.close()
        if self._together is not None:
            close_tree(self._together.widget)
        for small in self._small.values():
            small.close()
        for _, display in self._below:
            display.close()
            if display.box is not None:
                display.box.close()
        self._timeline.close()
        self._feed.close()


def _notes_of_end(run: Run, feed: RunFeed, *, live: bool) -> list[tuple[str, str]]:
    """Return what an ended run took over, and where its time went if it took a while."""
    texts = [taken_over_text(run, times=live)]
    if live and is_worth_timing(feed.progress):
        texts.append(timing_text(feed.progress, timing_of(feed.view)))
    return [(text, "info") for text in texts if text]


def _notes_html(notes: Collection[tuple[str, str]]) -> str:
    return "".join(note(text, kind) for text, kind in notes)
