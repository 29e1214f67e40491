"""A kit for testing workflows: crash them everywhere, replay recorded runs, move time, make storage fail.

A file of tests reads like this::

    from nbflow.testing import FakeClock, crash_everywhere, replay

    def test_the_flow_survives_a_crash_at_any_moment():
        report = crash_everywhere(flow, "cats", answers=["yes"])
        assert report.repeated <= {"fetch"}        # may run twice, so it must be harmless

    def test_yesterday_s_run_still_replays():
        assert replay(flow.last_run(config), flow) == expected

    def test_the_retries():
        with FakeClock():                          # no test waits for a back-off
            flow.invoke(1)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from nbflow import codec
from nbflow._support import clock
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.memory import InMemorySaver
from nbflow.core.record import ENDS, KINDS, CallBegan, CallStarted, Record, RunStarted
from nbflow.errors import GraphDrained, NbflowError
from nbflow.runs.journal import Journal
from nbflow.runs.launch import launch
from nbflow.runs.request import Request
from nbflow.runs.run import Run
from nbflow.values import Command, RunControl

if TYPE_CHECKING:
    from nbflow.checkpoint.base import Row
    from nbflow.values import Interrupt
    from nbflow.workflow import Workflow

__all__ = ["CrashReport", "CrashTestError", "FakeClock", "FaultySaver", "ReplayError", "crash_everywhere", "replay"]

Answers = Sequence[object] | Callable[["Interrupt"], object]
_THREAD = "test"
_CONFIG: dict[str, Any] = {"configurable": {"thread_id": _THREAD}}


class CrashTestError(AssertionError):
    """A workflow that crashed and went on came to another end than one that did not."""


class ReplayError(AssertionError):
    """A recorded run can't be replayed by the workflow as it is now."""


class _Crash(BaseException):  # it stands for the death of the process
    """The process died here, as far as the storage can tell."""


class FaultySaver(InMemorySaver):
    """A checkpointer that fails when it is told to.

    Args:
        fail_at: number of the save that fails, from 0; None for none.
        error: what it raises then.
        for_good: whether every later save fails too, as on a full disk.

    Attributes:
        saves: how many saves were asked for so far.
    """

    def __init__(
        self, fail_at: int | None = None, error: BaseException | None = None, *, for_good: bool = False
    ) -> None:
        super().__init__()
        self.saves = 0
        self._fail_at = fail_at
        self._error = error if error is not None else OSError("no space left on device (by FaultySaver)")
        self._for_good = for_good

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store rows, or fail."""
        number, self.saves = self.saves, self.saves + 1
        if self._fail_at is not None and (number == self._fail_at or (self._for_good and number > self._fail_at)):
            raise self._error
        super().append(run, rows, owner)


@dataclass(frozen=True, slots=True)
class CrashReport:
    """What came of crashing a workflow everywhere.

    Attributes:
        result: what it returned, crashed or not.
        points: how many saves a run makes; it was crashed at each of them.
        repeated: names of the tasks that ran again after some crash, because it fell between their end and
            the save of their result: they must be harmless when run twice.
    """

    result: object
    points: int
    repeated: set[str] = field(default_factory=set)


def crash_everywhere(workflow: Workflow, input: object, *, answers: Answers = ()) -> CrashReport:
    """Run a workflow, then run it again once for every save that it makes, with a crash at that save.

    Each crashed run goes on from what was saved, as after a restart, and has to return what the run
    without a crash returned. Runs are kept in memory; the workflow's own checkpointer is not touched.

    Args:
        workflow: what to test; its tasks are run many times.
        input: what it is run with.
        answers: to its questions, in the order asked; or a function from an Interrupt to its answer.

    Raises:
        CrashTestError: if a crashed run returned something else, or made other calls.
    """
    calm = FaultySaver()
    counts: Counter[tuple[str, str]] = Counter()
    expected = _drive(workflow.with_checkpointer(calm), input, _answerer(answers), counts)
    once = Counter(counts)
    repeated: set[str] = set()
    for point in range(calm.saves):
        counts.clear()
        result = _crash_at(workflow, input, answers, point, counts)
        if codec.digest(result) != codec.digest(expected):
            raise CrashTestError(
                f"{workflow.name!r} crashed at save {point} of {calm.saves} and went on to return {result!r}; "
                f"without a crash it returns {expected!r}. Put what differs between two executions of a body "
                "(clocks, random numbers, I/O) into tasks."
            )
        repeated |= {name for (path, name), times in counts.items() if times > once[path, name] and path != "0"}
    return CrashReport(expected, calm.saves, repeated)


def _crash_at(workflow: Workflow, input: object, answers: Answers, point: int, counts: Counter[Any]) -> object:
    saver = FaultySaver(point, _Crash(), for_good=True)
    answer = _answerer(answers)
    with suppress(_Crash):
        _drive(workflow.with_checkpointer(saver), input, answer, counts)
    after = InMemorySaver()
    for run_id in reversed(saver.runs(_THREAD)):
        key = RunKey(_THREAD, run_id)
        after.append(key, saver.rows(key), "crash test")
    try:
        return _drive(workflow.with_checkpointer(after), input, answer, counts)
    except NbflowError as error:
        raise CrashTestError(f"{workflow.name!r} crashed at save {point} and could not go on: {error}") from error


def _drive(
    workflow: Workflow, input: object, answer: Callable[[Interrupt], object], counts: Counter[tuple[str, str]]
) -> object:
    """Take a workflow to its end on its thread, from wherever it stands, answering its questions."""

    def listen(record: Record) -> None:
        if isinstance(record, CallBegan) and record.kind not in {"map", "sleep"}:  # which do nothing but wait
            counts[record.path, record.name] += 1

    last = workflow.last_run(_CONFIG)
    value = input if last is None else None
    if last is not None and last.interrupts:
        value = Command(resume={one.id: answer(one) for one in last.interrupts})
    while True:
        run = launch(workflow, Request("crash_everywhere()", value, _CONFIG), listener=listen)
        result = run.result()
        if not run.interrupts:
            return result
        value = Command(resume={one.id: answer(one) for one in run.interrupts})


def _answerer(answers: Answers) -> Callable[[Interrupt], object]:
    """Return what answers a question; the same question gets the same answer each time it is asked."""
    if callable(answers):
        return answers
    left, given = list(answers), {}

    def answer(question: Interrupt) -> object:
        key = codec.digest(question.value)
        if key not in given:
            if not left:
                raise CrashTestError(f"the workflow asks {question.value!r}, and there is no answer left for it")
            given[key] = left.pop(0)
        return given[key]

    return answer


class _ReplayOnly(RunControl):
    """Lets the body begin, and no task."""

    def __init__(self) -> None:
        self._body_began = False

    @property
    def drain_reason(self) -> str | None:  # type: ignore[override]  # it is asked, not set
        """Why a call may not begin: only the first one, the body, may."""
        began, self._body_began = self._body_began, True
        return "a replay runs no task" if began else None


def replay(run: Run | Iterable[Record], workflow: Workflow) -> Any:  # noqa: ANN401  # whatever the body returns
    """Execute a body against the record of an earlier run, and return its result; no task is run.

    This tells whether a changed workflow still takes the way that recorded runs took.

    Args:
        run: a finished run, such as ``workflow.last_run(config)``, or its records (``nbflow.read_run``).
        workflow: as it is now.

    Raises:
        ReplayMismatchError: if the body makes a call with another task, arguments or code than recorded.
        ReplayError: if it makes a call or asks a question that is not in the record.
    """
    records = [record for record in (run.log if isinstance(run, Run) else run) if type(record).__name__ in KINDS]
    if not records or not isinstance(records[0], RunStarted):
        raise ReplayError("there is no recorded run to replay")
    saver = InMemorySaver()
    key = RunKey(_THREAD, records[0].run_id)
    Journal(saver, key, "replay").save([record for record in records if not isinstance(record, ENDS)])
    started: list[CallStarted] = []

    def listen(record: Record) -> None:
        if isinstance(record, CallStarted):
            started.append(record)

    request = Request("replay()", None, _CONFIG, control=_ReplayOnly())
    again = launch(workflow.with_checkpointer(saver), request, listener=listen)
    try:
        result = again.result()
    except GraphDrained:
        new = next((one for one in reversed(started) if not one.replayed), None)
        what = f"call {new.path} of {new.kind} {new.name!r}" if new is not None else "a call"
        raise ReplayError(f"{workflow.name!r} now makes {what}, which the recorded run has no result of") from None
    if again.interrupts:
        asked = ", ".join(repr(one.value) for one in again.interrupts)
        raise ReplayError(f"{workflow.name!r} now asks what the recorded run has no answer to: {asked}")
    return result


class FakeClock:
    """Time that a test moves: within the ``with`` block back-offs and rate limits take no time.

    What sleeps moves the clock on instead; ``advance`` moves it by hand, so that timeouts, lifetimes
    of cached results and deadlines of questions pass.

    Args:
        start: seconds since 1970.
    """

    _POLL_SECONDS = 0.002

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.now = start
        self._saved: dict[str, Any] = {}

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def __enter__(self) -> Self:
        patches = {
            "now": self._read,
            "wall": self._read,
            "later": self._later,
            "sleep_time": self._sleep_time,
            "check_interval": self._check_interval,
        }
        self._saved = {name: getattr(clock, name) for name in patches}
        for name, fn in patches.items():
            setattr(clock, name, fn)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name, fn in self._saved.items():
            setattr(clock, name, fn)

    def _read(self) -> float:
        return self.now

    def _sleep_time(self, seconds: float) -> float:
        self.advance(seconds)
        return 0.0

    def _check_interval(self, seconds: float) -> float:
        return min(seconds, self._POLL_SECONDS)

    def _later(self, seconds: float, fn: Callable[[], None]) -> None:
        def wake() -> None:
            self.advance(seconds)
            fn()

        self._saved["later"](0.0, wake)
