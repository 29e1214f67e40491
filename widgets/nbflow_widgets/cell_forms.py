"""The forms of a run in its cell: one for each question, with what became of it; and what is read of a run for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from nbflow.types import Reject
from nbflow.views.kinds import Answered, Discarded, Reopened
from nbflow_widgets.answers import latest_in
from nbflow_widgets.forms import Form
from nbflow_widgets.together import Together, send_one

if TYPE_CHECKING:
    from nbflow import Run
    from nbflow.views.calls import Record
    from nbflow_widgets.run_display import RunDisplay
    from nbflow_widgets.together import Answers, Refused
    from nbflow_widgets.toolkit import Toolkit


class CellForms:
    """Asks what a run asks, and keeps the answers that have to wait.

    Args:
        kit: the shell's toolkit.
        display: what the forms are shown in.
        answer: sends answers by question id, and returns those that were refused, each with why; called on a worker
            thread, one after the other.
    """

    def __init__(self, kit: Toolkit, display: RunDisplay, answer: Callable[[Answers], Refused]) -> None:
        self._kit = kit
        self._display = display
        self._answer = answer
        display.join(Together(answer, kit.post))
        self._held_back: dict[str, object] = {}

    def show(self, run: Run) -> None:
        """Show a form for each open question."""
        reopened = Counter(getattr(record, "id", "") for record in run.log if isinstance(record, Reopened))
        until = {getattr(one, "id", ""): at for one in run.log if (at := getattr(one, "expires", None)) is not None}
        for asked in run.interrupts:
            form, times = self._display.forms.get(asked.id), reopened[asked.id]
            if form is None:
                submit = partial(send_one, self._answer, asked.id)
                form = Form(asked, submit, post=self._kit.post, drafts=self._kit.drafts)
                form.reopened = times
                self._display.add(form)
            elif times > form.reopened:
                form.reopen(asked, times)
            form.count_down(until.get(asked.id, 0.0))
        self._display.stay()

    def close_expired(self, run: Run) -> None:
        """Show in the forms that were still open what the run took in the place of an answer."""
        for key, answer in expired_in(run).items():
            form = self._display.forms.get(key)
            if form is not None and not form.is_answered:
                form.accept(answer.value.get() if answer.value is not None else "nobody answered in time")

    def close_recorded(self, run: Run) -> None:
        """Show in the forms that were still open what was answered elsewhere."""
        for key, (answer, whose) in recorded_in(run).items():
            form = self._display.forms.get(key)
            if form is not None and not form.is_answered:
                form.accept(answer, whose=whose)

    def accept(self, answers: Answers) -> None:
        """Show that answers were taken."""
        for key, answer in answers.items():
            form = self._display.forms.get(key)
            if form is not None:
                form.accept(answer)

    def hold_back(self, answers: Answers) -> None:
        """Keep answers until the run asks again: another one is being worked on."""
        self._held_back.update(answers)

    def send_held_back(self, run: Run) -> None:
        """Send the answers that were kept, to those questions that still take one."""
        waiting = {asked.id for asked in run.interrupts} | rejected_in(run)
        ready = {key: answer for key, answer in self._held_back.items() if key in waiting}
        self._held_back.clear()
        for key, answer in ready.items():
            self._display.forms[key].send(answer)


def discarded_in(run: Run, past: int) -> str:
    """Return what records after the first ``past`` say was discarded, and why, for a text; else ``""``."""
    for record in list(run.log)[past:]:
        if isinstance(record, Discarded) and not record.alone:
            why = getattr(record, "why", "") or "the code has changed since"
            what = f"what was recorded from call {record.path} on was discarded and ran again"
            return f"{why[0].upper()}{why[1:]}: {what}."
    return ""


def way_on(run: Run, status: str, what: str) -> str:
    """Return what to do if nothing more is heard of a run that was running, or asking, then."""
    return f"{what} {'to see how it stands' if status == 'running' else 'to answer'} (thread `{run.thread_id}`)."


def way_back(run: Run, *, named: bool, live: bool) -> str:
    """Return what to do with a run that has ended without a result; ``named`` by the cell's author."""
    if named:
        return "What has finished is kept: run the cell again to go on, with `--fresh` to start over."
    return f"What has finished is kept{f': add `--thread {run.thread_id}` to go on' if live else ''}."


def expired_in(run: Run) -> dict[str, Record]:
    """Return what a run took in the place of answers that did not come in time, by question id."""
    return {key: record for key, record in latest_in(run.log).items() if getattr(record, "expired", False)}


def recorded_in(run: Run) -> dict[str, tuple[object, str]]:
    """Return the answers that a run was given, by question id, each with who gave it."""
    return {
        str(getattr(one, "id", "")): (_given(one), f", by {by}" if (by := getattr(one, "by", "")) else ", elsewhere")
        for one in run.log
        if isinstance(one, Answered) and not getattr(one, "expired", False)
    }


def _given(answered: Record) -> object:
    value = answered.value.get() if answered.value is not None else None
    return Reject(str(value or "")) if getattr(answered, "rejected", False) else value


def rejected_in(run: Run) -> set[str]:
    """Return the ids of the questions whose rejection can be taken back: until the run has returned."""
    latest = latest_in(run.log if run.status != "done" else ())
    return {key for key, record in latest.items() if getattr(record, "rejected", False)}
