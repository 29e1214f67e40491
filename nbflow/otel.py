"""Runs as OpenTelemetry spans: one for each execution of a run, one for each call in it, as they happen or afterwards.

Needs ``pip install 'nbflow[otel]'``. Where the spans go is decided by the tracer provider, as for all that reports
to OpenTelemetry; what goes wrong there is told once, and never reaches a run. Replayed calls did not run, and have
no span. Arguments and results stay here unless ``values=True``.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING

from nbflow._support.warnings import warn
from nbflow.core.path import around, caller_of
from nbflow.core.record import (
    ENDS,
    ROOT,
    Answered,
    Asked,
    CallBegan,
    CallFailed,
    CallRetried,
    CallReturned,
    CallSettled,
    RunFailed,
    RunHalted,
    RunResumed,
    RunReturned,
    RunStarted,
)
from nbflow.core.states import state_after
from nbflow.runs.run import Run
from nbflow.views.details import object_of_value, text_of, text_of_value

try:
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.trace import (
        Link,
        NonRecordingSpan,
        Span,
        SpanContext,
        Status,
        StatusCode,
        TraceFlags,
        Tracer,
        TracerProvider,
        set_span_in_context,
    )
except ImportError:
    raise ImportError("nbflow.otel needs OpenTelemetry: pip install 'nbflow[otel]'") from None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nbflow.core.record import Record

TEXT = 1_000
"""Characters of a text that becomes an attribute."""
_NS = 1_000_000_000


def instrument(
    tracer_provider: TracerProvider | None = None, *, values: bool = False, one_trace: bool = True
) -> Callable[[], None]:
    """Report each run that begins in this process from now on; calling this again replaces what was said before.

    Args:
        tracer_provider: where spans go; None for OpenTelemetry's global one.
        values: whether arguments and results are attributes, as short texts.
        one_trace: whether the executions of a run, before and after its pauses and in whatever process, share a
            trace, whose id is made of the run's; a sampler that follows parents takes it as sampled. Without, each
            begins a trace. A run that is begun inside a span is a part of that one's trace in any case.

    Returns:
        A function that ends it; runs that have begun are reported to their ends.
    """
    watch = _Watch(_tracer(tracer_provider), values=values, one_trace=one_trace)
    Run.watchers[:] = [*(one for one in Run.watchers if not isinstance(one, _Watch)), watch]

    def end() -> None:
        if watch in Run.watchers:
            Run.watchers.remove(watch)

    return end


def export(
    run: Run | Iterable[Record],
    tracer_provider: TracerProvider | None = None,
    *,
    values: bool = False,
    one_trace: bool = True,
) -> None:
    """Report a run that has been, such as ``workflow.last_run(config)`` or ``nbflow.read_run(saver, thread_id)``.

    Args:
        run: the run, or its records; all of its executions are reported.
        tracer_provider: as of ``instrument``.
        values: likewise.
        one_trace: likewise.
    """
    spans = _Spans(_tracer(tracer_provider), None, values=values, one_trace=one_trace)
    for record in tuple(run.log if isinstance(run, Run) else run):
        spans(record)


def _tracer(provider: TracerProvider | None) -> Tracer:
    return trace.get_tracer("nbflow", tracer_provider=provider)


class _Watch:
    """Listens to each run that begins."""

    def __init__(self, tracer: Tracer, *, values: bool, one_trace: bool) -> None:
        self._tracer = tracer
        self._values = values
        self._one_trace = one_trace

    def __call__(self, run: Run) -> None:
        with suppress(Exception):  # a file that can't be read: the run itself will say so
            around_it, past = set_span_in_context(trace.get_current_span()), run.past
            spans = _Spans(self._tracer, around_it, past=past, values=self._values, one_trace=self._one_trace)
            run.listen(spans.told)


class _Spans:
    """The spans of one run, made record by record.

    Args:
        tracer: makes them.
        around_it: the context that the run was begun in; None if that is not known.
        past: how many of the records that come first are of earlier executions, which are not reported.
    """

    def __init__(
        self, tracer: Tracer, around_it: Context | None, *, past: int = 0, values: bool, one_trace: bool
    ) -> None:
        self._tracer = tracer
        self._around = around_it
        self._past = past
        self._values = values
        self._one_trace = one_trace
        self._started: RunStarted | None = None
        self._open: dict[str, Span] = {}
        self._root: Context | None = None
        self._orphans: dict[str, list[CallSettled]] = {}  # by caller, ends that came before its begin
        self._asked: set[str] = set()
        self._failed = False

    def told(self, record: Record) -> None:
        """Take a record in; what the provider raises is told, and nothing more is reported."""
        if self._failed:
            return
        try:
            self(record)
        except Exception as error:  # noqa: BLE001  # of whoever exports: none of the run's business
            self._failed = True
            with suppress(Warning):  # where warnings are errors
                warn(f"OpenTelemetry: this run is not reported any further: {error!r}", RuntimeWarning)

    def __call__(self, record: Record) -> None:
        """Take a record in."""
        if isinstance(record, RunStarted):
            self._started = record
        self._past -= 1
        if self._past >= 0 or record.copied:
            return
        if isinstance(record, (RunStarted, RunResumed)):
            self._begin_run(record)
        elif isinstance(record, CallBegan):
            if record.path not in self._open and record.path != ROOT:
                self._begin(record.path, record.name, record.kind, record.at)
        elif isinstance(record, (CallReturned, CallFailed)):
            self._settled(record)
        elif isinstance(record, ENDS):
            self._end_run(record)
        else:
            self._happened(record)

    def _begin_run(self, record: RunStarted | RunResumed) -> None:
        started = self._started
        if started is None:
            return
        context, links = self._place(started)
        about = {
            "nbflow.workflow": started.workflow,
            "nbflow.run_id": started.run_id,
            "nbflow.thread_id": started.thread_id,
            "nbflow.resumed": isinstance(record, RunResumed),
        }
        span = self._tracer.start_span(
            _short(started.workflow), context, attributes=_attributes(about), links=links, start_time=_ns(record.at)
        )
        self._open = {ROOT: span}
        self._root = set_span_in_context(span)

    def _place(self, started: RunStarted) -> tuple[Context, list[Link]]:
        """Return the context that the span of an execution begins in, and what it is linked to."""
        current = trace.get_current_span(self._around) if self._around is not None else trace.INVALID_SPAN
        inside = current.get_span_context().is_valid
        if not self._one_trace:
            return set_span_in_context(current) if inside else Context(), []
        name = started.run_id.encode("utf-8", "replace")
        of_run = SpanContext(
            trace_id=int.from_bytes(blake2b(name, digest_size=16, person=b"nbflow trace").digest(), "big"),
            span_id=int.from_bytes(blake2b(name, digest_size=8, person=b"nbflow run").digest(), "big"),
            is_remote=True,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )
        if inside:
            return set_span_in_context(current), [Link(of_run)]
        return set_span_in_context(NonRecordingSpan(of_run)), []

    def _begin(self, path: str, name: str, kind: str, at: float) -> Span:
        caller = self._open.get(caller_of(path))
        context = set_span_in_context(caller) if caller is not None else self._root
        about = {"nbflow.call.path": path, "nbflow.call.kind": kind}
        if self._started is not None:
            about |= {"nbflow.run_id": self._started.run_id}
        span = self._tracer.start_span(_short(name), context, attributes=_attributes(about), start_time=_ns(at))
        self._open[path] = span
        for one in self._orphans.pop(path, ()):
            self._settled(one)
        return span

    def _settled(self, record: CallSettled, *, anywhere: bool = False) -> None:
        if record.path not in self._open:
            caller = caller_of(record.path)
            if caller not in self._open and not anywhere:  # a log holds the ends of calls before that of their caller
                self._orphans.setdefault(caller, []).append(record)
                return
            self._begin(record.path, record.name, record.kind, record.started or record.at)
        span = self._open.pop(record.path)
        about: dict[str, object] = {"nbflow.call.attempt": record.attempt}
        if isinstance(record, CallReturned):
            about |= {f"nbflow.{name}": True for name in ("cached", "reused") if getattr(record, name)}
        if self._values:
            about |= {"nbflow.arguments": record.shown, "nbflow.result": _result(record)}
        span.set_attributes(_attributes(about))
        if isinstance(record, CallFailed):
            _fail(span, record, is_cancelled=record.cancelled)
        span.end(_ns(record.at))

    def _end_run(self, record: Record) -> None:
        for caller in tuple(self._orphans):
            for one in self._orphans.pop(caller, ()):
                self._settled(one, anywhere=True)
        state = state_after(record)
        for path in sorted(self._open, key=len, reverse=True):
            span = self._open.pop(path)
            about: dict[str, object] = {"nbflow.state": state}
            if path == ROOT and isinstance(record, RunHalted):
                about["nbflow.reason"] = record.reason
            if path == ROOT and self._values and isinstance(record, RunReturned):
                about["nbflow.result"] = _result(record)
            span.set_attributes(_attributes(about))
            if path == ROOT and isinstance(record, RunFailed):
                _fail(span, record)
            span.end(_ns(record.at))

    def _happened(self, record: Record) -> None:
        """Note on the span of a call, or on the nearest around it, what happened in it."""
        if isinstance(record, Asked):
            if record.id in self._asked:  # its body ran again up to there
                return
            self._asked.add(record.id)
            for one in record.callers:
                if one.path not in self._open and caller_of(one.path) in self._open:
                    self._begin(one.path, one.name, one.kind, one.started or record.at)
        if not isinstance(record, (Asked, Answered, CallRetried)):
            return
        span = next((self._open[path] for path in (record.path, *around(record.path)) if path in self._open), None)
        if span is None:
            return
        about: dict[str, object] = {"nbflow.call.path": record.path}
        if isinstance(record, CallRetried):
            name = "nbflow.retry"
            about |= {"nbflow.call.attempt": record.attempt, "nbflow.wait": record.wait, **_error(record)}
        else:
            name = "nbflow.question" if isinstance(record, Asked) else "nbflow.answer"
            about |= {"nbflow.question_id": record.id, **({"nbflow.value": text_of(record)} if self._values else {})}
        span.add_event(name, _attributes(about), _ns(record.at))


def _fail(span: Span, record: Record, *, is_cancelled: bool = False) -> None:
    """Say on a span how its call failed, in the words of OpenTelemetry's conventions."""
    if is_cancelled:
        span.set_attributes(_attributes({"nbflow.cancelled": True}))
        return
    about = _error(record)
    span.set_attributes(_attributes({"error.type": about.get("exception.type")}))
    span.add_event("exception", _attributes(about, most=4 * TEXT), _ns(record.at))
    span.set_status(Status(StatusCode.ERROR, _short(str(about.get("exception.message", "")))))


def _error(record: Record) -> dict[str, object]:
    if record.value is None:
        return {}
    error = object_of_value(record.value)
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    brief = text_of_value(record.value, brief=True)
    return {
        "exception.type": name if isinstance(error, BaseException) else brief.partition(":")[0],
        "exception.message": brief.partition(": ")[2],
        "exception.stacktrace": text_of(record),
    }


def _result(record: Record) -> str | None:
    return text_of_value(record.value, brief=True) if record.value is not None else None


def _attributes(about: Mapping[str, object], most: int = TEXT) -> dict[str, str | bool | int | float]:
    """Return attributes without empty ones, with texts that any exporter can encode."""
    found: dict[str, str | bool | int | float] = {}
    for name, value in about.items():
        if isinstance(value, str) and value:
            found[name] = _short(value, most)
        elif isinstance(value, (bool, int, float)):
            found[name] = value
    return found


def _short(text: str, most: int = TEXT) -> str:
    return text[:most].encode("utf-8", "replace").decode()


def _ns(at: float) -> int:
    return round(at * _NS)


__all__ = ["export", "instrument"]
