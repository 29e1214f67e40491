"""Runs as OpenTelemetry spans: live, resumed, exported afterwards; what exporters do wrong stays with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from nbflow import Command, InMemorySaver, RetryPolicy, Run, entrypoint, interrupt, otel, read_run, task
from nbflow.core.record import CallReturned, RunFailed, RunPaused, RunStarted, Value
from tests.behaviour.flavours import Flavour

pytestmark = pytest.mark.runs_once("a span is one execution, and who listens from outside may meet a dropped one")
CONFIG: Any = {"configurable": {"thread_id": "t"}}


class Heard:
    """A provider that keeps its spans.

    Attributes:
        provider: makes them.
    """

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def spans(self) -> list[ReadableSpan]:
        """Return the spans that have ended since this was asked last, in the order of their begins."""
        found = sorted(self._exporter.get_finished_spans(), key=lambda one: one.start_time or 0)
        self._exporter.clear()
        return found


@pytest.fixture
def heard() -> Iterator[Heard]:
    found = Heard()
    end = otel.instrument(found.provider)
    yield found
    end()


def tree(spans: list[ReadableSpan]) -> list[tuple[str, str]]:
    """Return each span's name with that of its parent; sorted."""
    names = {one.context.span_id: one.name for one in spans if one.context is not None}
    return sorted((one.name, names.get(one.parent.span_id, "-") if one.parent is not None else "-") for one in spans)


def one(spans: list[ReadableSpan], name: str) -> tuple[ReadableSpan, dict[str, Any]]:
    [found] = [span for span in spans if span.name == name]
    return found, dict(found.attributes or {})


def story(flow: Flavour) -> Any:
    @flow.task
    def leaf(n: int) -> int:
        return n

    @flow.task
    def outer(n: int) -> Any:
        return (yield leaf(n))

    @flow.task
    def broken() -> int:
        raise ValueError("no good")

    @flow.entrypoint(name="flow")
    def body(n: int) -> Any:
        found = yield outer(n)
        try:
            yield broken()
        except ValueError:
            pass
        return [found, interrupt("?"), (yield leaf(n + 1))]

    return body


def test_spans_stand_as_the_calls_do(flow: Flavour, heard: Heard) -> None:
    body = story(flow)
    flow.invoke(body, 1)
    spans = heard.spans()
    assert tree(spans) == [("broken", "flow"), ("flow", "-"), ("leaf", "outer"), ("outer", "flow")]
    assert all(span.start_time and span.end_time and span.start_time <= span.end_time for span in spans)
    root, about = one(spans, "flow")
    assert about["nbflow.state"] == "asking"
    assert about["nbflow.thread_id"] == "t"
    assert about["nbflow.resumed"] is False
    assert [event.name for event in root.events] == ["nbflow.question"]
    failed, about = one(spans, "broken")
    assert about["error.type"] == "ValueError"
    assert failed.status.status_code is StatusCode.ERROR
    [exception] = failed.events
    assert "no good" in str(dict(exception.attributes or {})["exception.message"])
    assert not [span for span in spans if "nbflow.result" in (span.attributes or {})], "values stay here"


def test_a_resumed_run_goes_on_in_its_trace_and_reports_what_ran(flow: Flavour, heard: Heard) -> None:
    body = story(flow)
    flow.invoke(body, 1)
    first = heard.spans()
    flow.invoke(body, Command(resume="yes"))
    second = heard.spans()
    assert tree(second) == [("flow", "-"), ("leaf", "flow")], "what was replayed did not run"
    assert one(second, "flow")[1]["nbflow.resumed"] is True
    assert one(second, "flow")[1]["nbflow.state"] == "done"
    ids = {span.context.trace_id for span in [*first, *second] if span.context is not None}
    assert len(ids) == 1
    flow.invoke(body, 1, thread="other")
    assert ids.isdisjoint({span.context.trace_id for span in heard.spans() if span.context is not None})


def test_a_stored_run_is_exported_as_it_was_heard(flow: Flavour, heard: Heard) -> None:
    body = story(flow)
    flow.invoke(body, 1)
    flow.invoke(body, Command(resume="yes"))
    live = heard.spans()
    later = Heard()
    otel.export(read_run(flow.saver, "t"), later.provider, values=True)
    spans = later.spans()
    assert tree(spans) == tree(live)
    assert {span.context.trace_id for span in [*live, *spans] if span.context is not None} == {
        span.context.trace_id for span in live[:1] if span.context is not None
    }
    assert one(spans, "outer")[1]["nbflow.result"] == "1"
    assert one(spans, "outer")[1]["nbflow.arguments"] == "1"


def test_a_run_inside_a_span_is_a_part_of_its_trace(flow: Flavour, heard: Heard) -> None:
    body = story(flow)
    with heard.provider.get_tracer("mine").start_as_current_span("request"):
        run = body.start(1, CONFIG)
    run.result()
    spans = heard.spans()
    assert ("flow", "request") in tree(spans)
    assert len({span.context.trace_id for span in spans if span.context is not None}) == 1
    assert len(one(spans, "flow")[0].links) == 1


def test_without_one_trace_each_execution_begins_its_own(flow: Flavour) -> None:
    heard = Heard()
    end = otel.instrument(heard.provider, one_trace=False)
    try:
        body = story(flow)
        flow.invoke(body, 1)
        flow.invoke(body, Command(resume="yes"))
        roots = [span for span in heard.spans() if span.name == "flow"]
        assert [span.parent for span in roots] == [None, None]
        assert len({span.context.trace_id for span in roots if span.context is not None}) == 2
    finally:
        end()


def test_attempts_are_events_of_their_call(heard: Heard) -> None:
    left = [2]

    @task(retry_policy=RetryPolicy(initial_interval=0.001, jitter=False, retry_on=OSError))
    def flaky() -> int:
        left[0] -= 1
        if left[0]:
            raise OSError("busy")
        return 1

    @entrypoint()
    def flow(_: int) -> int:
        return flaky().result()

    flow.invoke(1)
    span, about = one(heard.spans(), "flaky")
    assert about["nbflow.call.attempt"] == 2
    assert [(event.name, dict(event.attributes or {})["exception.type"]) for event in span.events] == [
        ("nbflow.retry", "OSError")
    ]


def test_a_failed_and_a_stopped_run_say_so(flow: Flavour, heard: Heard) -> None:
    @flow.entrypoint(name="fails")
    def fails(_: int) -> int:
        raise KeyError("gone")

    with pytest.raises(KeyError):
        flow.invoke(fails, 1)
    span, about = one(heard.spans(), "fails")
    assert (about["nbflow.state"], about["error.type"]) == ("failed", "KeyError")
    assert span.status.status_code is StatusCode.ERROR


class Breaks(SpanProcessor):
    """A processor that raises at one of its two occasions."""

    def __init__(self, when: str) -> None:
        self._when = when

    def on_start(self, *_: Any, **__: Any) -> None:
        if self._when == "start":
            raise RuntimeError("the collector is on fire")

    def on_end(self, *_: Any, **__: Any) -> None:
        if self._when == "end":
            raise RuntimeError("the collector is on fire")


@pytest.mark.parametrize("when", ["start", "end"])
def test_what_a_processor_raises_never_reaches_a_run(flow: Flavour, when: str) -> None:
    provider = TracerProvider()
    provider.add_span_processor(Breaks(when))
    end = otel.instrument(provider)
    try:
        body = story(flow)
        flow.invoke(body, 1)  # a warning would be an error here; it is kept from the run all the same
        assert flow.invoke(body, Command(resume="yes")) == [1, "yes", 2]
    finally:
        end()


def test_instrumenting_again_replaces_and_ends_exactly(flow: Flavour) -> None:
    before = list(Run.watchers)
    heard = Heard()
    otel.instrument(heard.provider)
    end = otel.instrument(heard.provider)
    flow.invoke(story(flow), 1)
    assert len(heard.spans()) == 4
    end()
    end()
    assert Run.watchers == before
    flow.invoke(story(flow), 1, thread="other")
    assert heard.spans() == []


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_hostile_names_and_errors_become_bounded_texts() -> None:
    evil = "\x1b[31m\0\u202e\ud800" + "x" * 10**6
    heard = Heard()
    started = RunStarted(run_id=evil, thread_id=evil, workflow=evil, at=1.0)
    call = CallReturned(path="0.0", name=evil, shown=evil, started=1.0, at=2.0, value=Value(evil))
    otel.export([started, call, RunPaused(ids=(), at=3.0)], heard.provider, values=True)
    otel.export([started, RunFailed(at=2.0, value=Value(Odd()))], heard.provider)
    otel.export([started, RunFailed(at=2.0, value=Value("no error"))], heard.provider)
    otel.export([call], heard.provider)
    otel.export([], heard.provider)
    spans = heard.spans()
    assert len(spans) == 4
    for span in spans:
        for text in (span.name, *(span.attributes or {}).values()):
            if isinstance(text, str):
                assert len(text) <= otel.TEXT
                text.encode()


def test_nothing_is_loaded_until_it_is_asked_for() -> None:
    code = "import nbflow, sys; print('opentelemetry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_missing_package_is_told() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None\n"
    code += "try: import nbflow.otel\nexcept ImportError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "nbflow.otel needs OpenTelemetry: pip install 'nbflow[otel]'"


def test_many_calls_at_once_have_each_its_span(heard: Heard) -> None:
    saver = InMemorySaver()

    @task
    def leaf(n: int) -> int:
        return n

    @task
    def outer(n: int) -> int:
        return sum(future.result() for future in [leaf(k) for k in range(n)])

    @entrypoint(checkpointer=saver)
    def flow(n: int) -> int:
        return sum(future.result() for future in [outer(n) for _ in range(n)])

    flow.start(20, CONFIG).result()
    spans = heard.spans()
    assert tree(spans) == sorted([("flow", "-"), *[("outer", "flow")] * 20, *[("leaf", "outer")] * 400])
