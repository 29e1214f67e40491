"""The engine, effect by effect: no thread, no loop, no clock, no storage.

A run is programs that yield what is to be done; here the test does it. Read from top to bottom this
shows what a driver has to know, and how the engine decides: one call, retries, failures, questions, replay.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nbflow.core.call import Call, Frame, Promise, Spec
from nbflow.core.call_program import perform
from nbflow.core.effects import Await, AwaitSaved, Commit, Compute, Invoke, Program, Recall, Remember, Sleep
from nbflow.core.log import Log
from nbflow.core.outcome import Outcome
from nbflow.core.questions import Question
from nbflow.core.record import (
    Answered,
    CallFailed,
    CallReturned,
    Discarded,
    Record,
    RunPaused,
    RunResumed,
    RunStarted,
    Value,
)
from nbflow.core.results import Results
from nbflow.core.run_program import execute, halt
from nbflow.core.scheduler import Scheduler
from nbflow.core.summary import summary_of_call
from nbflow.errors import GraphInterrupt, ReplayMismatchError, RunStopped
from nbflow.values import Interrupt
from nbflow.values.policies import CachePolicy, RetryPolicy

DONE = Outcome(None)  # what a driver replies when there is nothing to say
STARTED = RunStarted(run_id="run", thread_id="t", workflow="flow")
BOOM = OSError("boom")


def nothing() -> None:
    """Stand for the functions of tasks: no test here calls one."""


FETCH, FLOW = Spec("fetch", nothing), Spec("flow", nothing, kind="entrypoint")


class Run:
    """A run that a test carries out.

    Attributes:
        scheduler: decides.
        frame: where its body stands, once the body runs.
    """

    def __init__(self, past: Sequence[Record] = (), *, rerun_changed: bool = False) -> None:
        self.scheduler = Scheduler(
            Log(past), now=lambda: 100.0, keep=lambda value: repr(value).encode(), show=summary_of_call,
            rerun_changed=rerun_changed,
        )  # fmt: skip
        self.scheduler.host = None  # type: ignore[assignment]  # what bodies reach; there are none here
        self.body = Call("0", FLOW, ("cats",), {})
        self.program = execute(self.scheduler, self.body, [RunResumed() if past else STARTED], "the result")

    def begin(self) -> Frame:
        """Carry the run as far as its body; return where that stands."""
        self.program.send(None)  # type: ignore[arg-type]  # the first step takes None
        invoked = self.program.send(DONE)
        assert isinstance(invoked, Invoke), "first its first record is made durable, then its body runs"
        self.frame = invoked.frame
        return self.frame

    def call(self, spec: Spec, *args: object) -> Call:
        """Do as a body that calls a task."""
        call = Call("", spec, args, {})
        call.find_promises()
        self.scheduler.prepare(call, self.frame)
        self.scheduler.open(self.frame, call)
        call.promise = Promise()
        call.promise.call = call
        return call

    def carry_out(self, call: Call, *replies: Outcome) -> list[str]:
        """Carry a call to its end with these replies; return what it asked for."""
        return play(perform(self.scheduler, call), *replies, results=self.scheduler.results)


def play(program: Program, *replies: Outcome | None, results: Results | None = None) -> list[str]:
    """Answer a program from a script; return what it asked for, and how it ended."""
    said: list[str] = []
    effect: object = None
    try:
        for reply in (None, *replies):
            if isinstance(effect, Commit) and effect.saves is not None and results is not None:
                results.saved(effect.saves, is_durable=reply is None or reply.error is None)
            effect = program.send(reply)  # type: ignore[arg-type]  # the first step takes None
            said += [in_words(effect)]
    except StopIteration as stop:
        end: Outcome = stop.value
        said.append(f"ends with {end.error!r}" if end.error is not None else f"ends with {end.value!r}")
    return said


def in_words(effect: object) -> str:
    match effect:
        case Invoke(call=call):
            return f"invoke {call.path}, attempt {call.attempt}"
        case Commit(records=records):
            return f"commit {', '.join(f'{type(one).__name__} {one.path}' for one in records)}"
        case Sleep(seconds=seconds):
            return f"sleep {seconds}"
        case Await(calls=calls):
            return f"await {', '.join(one.path for one in calls)}"
        case AwaitSaved(body=body):
            return f"await what {body.body} has seen"
        case Recall(call=call):
            return f"recall {call.path}"
        case Remember(call=call, result=result):
            return f"remember {call.path} {result!r}"
        case _:
            assert isinstance(effect, Compute)
            return "compute"


def computed(effect: object) -> Outcome:
    """Do what a driver does with user code that is not a body: a predicate, a look at arguments."""
    assert isinstance(effect, Compute)
    return Outcome(effect.fn())


def test_a_run_writes_its_start_runs_its_body_and_writes_its_end() -> None:
    run = Run()
    assert play(run.program, DONE, Outcome("dogs"), DONE) == [
        "commit RunStarted 0",
        "invoke 0, attempt 1",
        "commit RunReturned 0",
        "ends with 'dogs'",
    ]


def test_a_call_runs_and_is_durable_before_anybody_has_its_result() -> None:
    run = Run()
    run.begin()
    call = run.call(FETCH, 1)
    assert run.carry_out(call, Outcome("page"), DONE) == [
        "invoke 0.0, attempt 1",
        "commit CallReturned 0.0",
        "ends with 'page'",
    ]
    assert (call.path, call.shown, call.inputs) == ("0.0", "1", b"(1,)")


def test_a_result_that_can_not_be_stored_is_the_failure_of_its_call() -> None:
    run = Run()
    run.begin()
    said = run.carry_out(run.call(FETCH, 1), Outcome("page"), Outcome(None, BOOM))
    assert said[1:] == ["commit CallReturned 0.0", "ends with OSError('boom')"]


def test_each_retry_waits_twice_as_long_as_the_one_before() -> None:
    run = Run()
    run.begin()
    policy = RetryPolicy(initial_interval=1.0, max_attempts=3, jitter=False, retry_on=OSError)
    program = perform(run.scheduler, run.call(Spec("fetch", nothing, retry=(policy,)), 1))
    said, reply = [], None
    for answer in (Outcome(None, BOOM), None, DONE, Outcome(None, BOOM), None, DONE, Outcome("page"), DONE):
        effect = program.send(reply)  # type: ignore[arg-type]  # the first step takes None
        said.append(in_words(effect))
        reply = computed(effect) if answer is None else answer
    assert said == [
        "invoke 0.0, attempt 1", "compute", "sleep 1.0",
        "invoke 0.0, attempt 2", "compute", "sleep 2.0",
        "invoke 0.0, attempt 3", "commit CallReturned 0.0",
    ]  # fmt: skip


def test_a_failure_becomes_durable_only_when_its_caller_goes_on_from_it() -> None:
    run = Run()
    frame = run.begin()
    failed = run.call(FETCH, 1)
    assert run.carry_out(failed, Outcome(None, BOOM)) == ["invoke 0.0, attempt 1", "ends with OSError('boom')"]
    run.scheduler.arrive(failed)
    run.scheduler.failures.saw(frame, failed)  # the body was told, caught it, and makes another call
    assert run.carry_out(run.call(FETCH, 2), DONE, Outcome("page"), DONE) == [
        "commit CallFailed 0.0",
        "invoke 0.1, attempt 1",
        "commit CallReturned 0.1",
        "ends with 'page'",
    ]


def survived(run: Run) -> None:
    """Have the body go on from the failure of its first call."""
    call = run.call(FETCH, 0)
    run.carry_out(call, DONE, Outcome(None, BOOM))
    run.scheduler.failures.saw(run.frame, call)


def test_no_call_begins_while_a_failure_that_was_survived_is_on_its_way_to_the_disk() -> None:
    run = Run()
    run.begin()
    survived(run)
    calls = [run.call(FETCH, n) for n in (1, 2)]
    first, second = (perform(run.scheduler, call) for call in calls)
    assert in_words(next(first)) == "commit CallFailed 0.0"
    assert in_words(next(second)) == "await what 0 has seen"
    run.scheduler.results.saved(calls[0], is_durable=True)
    assert in_words(second.send(DONE)) == "invoke 0.2, attempt 1"
    assert in_words(first.send(DONE)) == "invoke 0.1, attempt 1"


def test_the_next_call_stores_what_another_could_not() -> None:
    run = Run()
    run.begin()
    survived(run)
    calls = [run.call(FETCH, n) for n in (1, 2)]
    first, second = (perform(run.scheduler, call) for call in calls)
    next(first)
    next(second)
    run.scheduler.results.saved(calls[0], is_durable=False)
    assert in_words(second.send(DONE)) == "commit CallFailed 0.0"


def test_no_result_is_durable_before_what_the_body_saw_until_it_asked_for_it() -> None:
    run = Run()
    run.begin()
    calls = [run.call(FETCH, n) for n in range(3)]
    assert calls[0].deliveries is not None, "the body has made a call"
    calls[0].deliveries.miss()
    first, second = (perform(run.scheduler, call) for call in calls[:2])
    assert in_words([next(first), first.send(Outcome("a"))][-1]) == "commit Observed 0, CallReturned 0.0"
    assert in_words([next(second), second.send(Outcome("b"))][-1]) == "await what 0 has seen"
    calls[0].deliveries.miss()
    run.scheduler.results.saved(calls[0], is_durable=True)
    assert in_words(second.send(DONE)) == "commit Observed 0, CallReturned 0.1", "and what it saw meanwhile"


def test_results_of_nested_calls_wait_too_for_what_the_bodies_around_them_saw() -> None:
    run = Run()
    outer = run.begin()
    call, other = run.call(FLOW, 1), run.call(FETCH, 2)
    assert other.deliveries is not None, "the body has made a call"
    other.deliveries.miss()
    program = perform(run.scheduler, call)
    invoked = next(program)
    assert isinstance(invoked, Invoke), "the nested body runs"
    run.frame = invoked.frame
    inner = run.call(FETCH, 3)
    said = run.carry_out(inner, Outcome("c"), DONE)
    assert said == ["invoke 0.0.0, attempt 1", "commit Observed 0, CallReturned 0.0.0", "ends with 'c'"]
    run.frame = outer


def test_a_call_waits_for_the_futures_among_its_arguments() -> None:
    run = Run()
    run.begin()
    page = run.call(FETCH, 1)
    measured = run.call(Spec("measure", nothing), page.promise)
    program = perform(run.scheduler, measured)
    assert in_words(program.send(None)) == "await 0.0"  # type: ignore[arg-type]  # the first step takes None
    run.carry_out(page, Outcome("page"), DONE)
    page.outcome = Outcome("page")  # as the driver notes before it lets others go on
    effect = program.send(Outcome([page.outcome]))
    assert in_words(program.send(computed(effect))) == "invoke 0.1, attempt 1"
    assert (measured.args, measured.edges) == (("page",), ("0.0",))


def test_calls_that_nobody_waits_for_are_waited_for_by_the_run() -> None:
    run = Run()
    run.begin()
    run.call(FETCH, 1)
    run.call(FETCH, 2)
    assert in_words(run.program.send(Outcome("dogs"))) == "await 0.0, 0.1"


def test_a_cached_call_asks_the_cache_first_and_tells_it_afterwards() -> None:
    run = Run()
    run.begin()
    cached = Spec("fetch", nothing, cache=CachePolicy())
    assert run.carry_out(run.call(cached, 1), Outcome(None), Outcome("page"), DONE, DONE) == [
        "recall 0.0", "invoke 0.0, attempt 1", "commit CallReturned 0.0", "remember 0.0 'page'", "ends with 'page'",
    ]  # fmt: skip


def asked(run: Run) -> GraphInterrupt:
    """Do as a body that asks a question."""
    with pytest.raises(GraphInterrupt) as pause:
        run.scheduler.questions.ask(run.frame, Question("really?", "q"))
    return pause.value


def test_a_question_is_durable_and_ends_the_run_for_now() -> None:
    run = Run()
    run.begin()
    pause = asked(run)
    said = [in_words(run.program.send(Outcome(None, pause))), in_words(run.program.send(DONE))]
    assert said == ["commit Asked 0", "commit RunPaused 0"]
    with pytest.raises(StopIteration) as stop:
        run.program.send(DONE)
    assert stop.value.value.error.args[0] == (Interrupt("really?", "q"),)


def past_with(*records: Record) -> list[Record]:
    """Return the log of a run that has made one call and stands at a question."""
    page = CallReturned(path="0.0", name="fetch", kind="task", inputs=b"(1,)", value=Value("page"))
    return [STARTED, page, RunPaused(ids=("q",)), Answered(id="q", value=Value("yes")), *records]


def test_a_recorded_call_has_its_outcome_at_once_and_the_answer_is_there() -> None:
    run = Run(past_with())
    run.begin()
    call = run.call(FETCH, 1)
    assert call.outcome == Outcome("page")
    deliveries = call.deliveries
    assert deliveries is not None
    assert deliveries.take(overrule=True) is call
    answer = run.scheduler.questions.ask(run.frame, Question("really?", "q")).value
    assert answer is not None
    assert answer.get() == "yes"
    assert run.call(FETCH, 2).outcome is None, "what comes after it is new"


@pytest.mark.parametrize(("spec", "argument"), [(Spec("measure", nothing), 1), (FETCH, 2)])
def test_another_call_than_the_recorded_one_is_told(spec: Spec, argument: int) -> None:
    run = Run(past_with())
    run.begin()
    with pytest.raises(ReplayMismatchError, match=r"call 0\.0"):
        run.call(spec, argument)


def test_or_it_runs_again_with_all_that_follows_once_that_was_asked_for() -> None:
    run = Run(past_with(), rerun_changed=True)
    run.begin()
    said = run.carry_out(run.call(FETCH, 2), DONE, Outcome("other page"), DONE)
    assert said[:2] == ["commit Discarded 0.0", "invoke 0.0, attempt 1"]
    assert [type(one) for one in run.scheduler.log.records[-2:]] == [Discarded, CallReturned]


def test_a_stopped_run_writes_that_it_was_halted_and_takes_no_more_calls() -> None:
    run = Run()
    run.begin()
    call = run.call(FETCH, 1)
    assert play(halt(run.scheduler, "the user said so"), DONE)[0] == "commit RunHalted 0"
    with pytest.raises(RunStopped, match="the user said so"):
        run.call(FETCH, 2)
    assert run.carry_out(call, Outcome(None, BOOM))[-1] == "ends with OSError('boom')", "what runs is let go"


def test_a_failure_that_ends_the_run_is_written_beside_its_end_and_runs_again() -> None:
    run = Run()
    run.begin()
    failed = run.call(FETCH, 1)
    run.carry_out(failed, Outcome(None, BOOM))
    run.scheduler.arrive(failed)
    assert in_words(run.program.send(Outcome(None, BOOM))) == "commit CallFailed 0.0, RunFailed 0"
    failure = failed.failure
    assert isinstance(failure, CallFailed)
    assert not failure.survived
    again = Run([STARTED, failure])
    again.begin()
    assert again.call(FETCH, 1).outcome is None
