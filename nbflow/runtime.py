"""What a body may ask for: questions to people, and all that surrounds it in one object."""

from __future__ import annotations

from _thread import get_ident
from dataclasses import dataclass, fields, replace
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Generic, Never, TypeVar, get_origin

from nbflow import codec
from nbflow._support.pictures import storable
from nbflow.config import here
from nbflow.core.beside import check_body, no_body
from nbflow.core.patching import taken
from nbflow.core.questions import Question, reply
from nbflow.core.record import Value
from nbflow.drivers.bodies import standing
from nbflow.errors import CannotPauseError, InvalidOptionError, UnknownOptionError, UnloadableValueError
from nbflow.schemas import answers, json_schema
from nbflow.values import NO_ANSWER, RunControl, is_text
from nbflow.values.policies import TimeoutPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from nbflow.core.call import Frame, Injecting
    from nbflow.session.session import Session
    from nbflow.store.base import BaseStore
    from nbflow.values import StreamWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionInfo:
    """Where the code that asks stands.

    Attributes:
        thread_id: the thread; None without a checkpointer.
        run_id: names the run.
        task_id: position of the call, such as ``"0.2"``.
        checkpoint_ns: the same, with the branch.
        checkpoint_id: id of the checkpoint that the run began with.
        node_attempt: number of the attempt, from 1.
        node_first_attempt_time: when the first attempt began, in seconds since 1970.
    """

    checkpoint_id: str
    checkpoint_ns: str
    task_id: str
    thread_id: str | None = None
    run_id: str | None = None
    node_attempt: int = 1
    node_first_attempt_time: float | None = None


class ServerInfo:
    """A name for annotations: ``runtime.server_info`` is of a hosted service, and always None here."""


class BaseUser:
    """A name for annotations: a user of a hosted service."""


ContextT = TypeVar("ContextT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime(Generic[ContextT]):
    """All that surrounds a body or task; ``Runtime[Context]`` says of which type ``context`` is.

    Attributes:
        context: what the caller passed as ``context``.
        store: long-term memory, or None.
        stream_writer: writes one value to the ``custom`` stream.
        heartbeat: tells that the code is alive, for a timeout that wants to know.
        previous: what the thread's last finished run saved, or None.
        execution_info: where the code stands.
        server_info: always None; for a hosted service.
        control: what the caller passed as ``control``, to bring the run to a halt; or None.
    """

    context: ContextT = None  # type: ignore[assignment]  # None where the caller passed none
    store: BaseStore | None = None
    stream_writer: StreamWriter = lambda _: None
    heartbeat: Callable[[], None] = lambda: None
    previous: Any = None
    execution_info: ExecutionInfo = ExecutionInfo(checkpoint_id="", checkpoint_ns="", task_id="")
    server_info: None = None
    control: RunControl | None = None

    def override(self, **fields: Any) -> Runtime[ContextT]:  # noqa: ANN401  # any field
        """Return the same with other fields."""
        return replace(self, **fields)

    def merge(self, other: Runtime[ContextT]) -> Runtime[ContextT]:
        """Return the same, with what another one has filled in."""
        blank: Runtime[ContextT] = Runtime()
        given = {field.name: getattr(other, field.name) for field in fields(other)}
        return replace(self, **{name: value for name, value in given.items() if value is not getattr(blank, name)})

    def patch_execution_info(self, **changes: Any) -> Runtime[ContextT]:  # noqa: ANN401  # any field
        """Return the same with other facts in ``execution_info``."""
        return replace(self, execution_info=replace(self.execution_info, **changes))

    @property
    def idempotency_key(self) -> str:
        """32 hexadecimal digits that stand for the call whose code asks, for services that do a request only once.

        They stay the same over retries, pauses, crashes and resumes of the call, and are others in every other call,
        run and fork.
        """
        parts = f"{self.execution_info.run_id}|{self.execution_info.task_id}"
        return blake2b(parts.encode(), digest_size=16, person=b"idempotency").hexdigest()

    @property
    def drain_requested(self) -> bool:
        """Whether the run was told to come to a halt."""
        return self.control is not None and self.control.drain_requested

    @property
    def drain_reason(self) -> str | None:
        """Why the run was told to come to a halt; None while it was not."""
        return self.control.drain_reason if self.control is not None else None


class _Withheld(Runtime[Any]):
    """Surroundings whose ``previous`` can't be rebuilt: who asks for it is told so."""

    __slots__ = ("_refuse",)
    _refuse: Callable[[], Exception]

    @property
    def previous(self) -> Any:  # noqa: ANN401  # it raises
        raise self._refuse()

    @previous.setter
    def previous(self, refuse: Callable[[], Exception]) -> None:
        object.__setattr__(self, "_refuse", refuse)


def get_runtime(context_schema: type | None = None) -> Runtime[Any]:  # noqa: ARG001  # for type checkers, as in LangGraph
    """Return the surroundings of the code that asks.

    Raises:
        CalledOutsideRunError: outside of a run.
    """
    return runtime_of(*here("get_runtime()"))


def runtime_of(session: Session, frame: Frame) -> Runtime[Any]:
    """Return the surroundings of a frame."""
    call = frame.call
    kind: type[Runtime[Any]] = Runtime
    try:
        previous = session.previous(frame)
    except UnloadableValueError as error:
        kind, previous = _Withheld, partial(session.barred, frame, error)
    return kind(
        context=session.context,
        store=session.store,
        stream_writer=session.writer(frame),
        heartbeat=session.heartbeat(frame),
        previous=previous,
        control=session.control,
        execution_info=ExecutionInfo(
            thread_id=session.thread_id or None,
            run_id=session.run_id,
            task_id=call.path,
            checkpoint_ns=frame.prefix,
            checkpoint_id=session.run_id,
            node_attempt=call.attempt,
            node_first_attempt_time=call.started,
        ),
    )


def provide(session: Session, spec: Injecting, frame: Frame) -> dict[str, object]:
    """Return the values of a function's injected parameters; what is not there keeps its default."""
    given: dict[str, object] = {}
    passed = len(frame.call.args)
    for name, what, position, optional in spec.inject:
        if position >= passed and name not in frame.call.kwargs:
            value = _PARAMETERS[what](session, frame)
            if value is not None or not optional:
                given[name] = value
    return given


def _previous(session: Session, frame: Frame) -> object:
    try:
        return session.previous(frame)
    except UnloadableValueError as error:
        raise session.barred(frame, error) from None


_PARAMETERS = {
    "config": lambda session, frame: session.config_of(frame),
    "store": lambda session, _frame: session.store,
    "writer": lambda session, frame: session.writer(frame),
    "previous": _previous,
    "runtime": runtime_of,
}


def interrupt(
    value: object,
    *more: Never,
    response_schema: object = None,
    timeout: float | timedelta | None = None,
    default: object = NO_ANSWER,
    **unknown: Never,
) -> Any:  # noqa: ANN401  # whatever a person answers
    """Ask a person, and return the answer.

    The first time, this pauses the run: the question is saved, ``invoke`` returns it, and the
    thread waits, over restarts, for ``Command(resume=answer)``. The body then runs again from
    its first line, with finished tasks replayed, and this returns the answer. The pause is a
    ``GraphInterrupt``, a ``BaseException``: ``except Exception`` lets it pass.

    Args:
        value: the question; anything that can be saved, and matplotlib figures, which are saved as images.
        response_schema: what an answer must be: a type (``bool``, ``int``, ``Literal[...]``, an Enum, a
            dataclass, a TypedDict, a pydantic model) or a JSON schema; None takes anything. An answer that does
            not fit is refused and the question stays; one that only this body finds out about opens it again.
        timeout: seconds, or a ``timedelta``, after which the answer need not come any more: whatever makes the
            thread go on then, such as ``invoke(None, config)``, goes on without it. None waits for ever.
        default: what is returned then; without one it raises ``InterruptExpiredError``.
        more: nothing, as ``unknown``.
        unknown: nothing; what is shown beside a question, or is to be chosen from, is in its value.

    Raises:
        InvalidOptionError: for more than one value.
        UnknownOptionError: for any other keyword.
        CalledOutsideRunError: outside of a run.
        InterruptRejectedError: if a person refused, with ``Command(resume=Reject(reason))``.
        InterruptExpiredError: if nobody answered in time, and there is no default.
        UnloadableValueError: if the stored answer can't be rebuilt in this process; that ends the run.

    Example:
        >>> from nbflow import Command, InMemorySaver, entrypoint, interrupt
        >>> @entrypoint(checkpointer=InMemorySaver())
        ... def flow(amount: int) -> str:
        ...     agreed = interrupt(f"Pay {amount}?", response_schema=bool)
        ...     return "paid" if agreed else "not paid"
        >>> config = {"configurable": {"thread_id": "one"}}
        >>> flow.invoke(20, config)["__interrupt__"][0].value
        'Pay 20?'
        >>> flow.invoke(Command(resume=True), config)
        'paid'
    """
    if more:
        raise InvalidOptionError("interrupt()", "a second value", json_schema.shown(more[0]), _meant_by(value, more[0]))
    if unknown:
        raise UnknownOptionError("interrupt()", next(iter(unknown)), _OF_INTERRUPT, _as_one(value, unknown))
    session, frame = here("interrupt()")
    check_body("interrupt()")
    _check_pause(frame)
    frame = standing(frame)
    schema, value = answers.schema_of(response_schema), storable(value)
    seconds, fallback = _limits(timeout, default, schema, response_schema)
    ordinal, questions = frame.asks, session.dispatch.scheduler.questions
    digest = codec.digest(value)
    parts = b"%s|%s|%d|" % (session.origin.encode(), frame.prefix.encode(), ordinal) + digest
    key = blake2b(parts, digest_size=16).hexdigest()
    question = Question(value, key, schema, seconds, fallback, ordinal, answers.rules_of(response_schema), digest)
    answers.remember(key, response_schema)
    dispatch = session.dispatch
    if frame.trunk is not None or get_ident() != dispatch.at_work.get(frame.call.path):
        dispatch.stands_still(frame.trunk)  # others may wait for what this branch or thread would do
    with session.dispatch.lock:
        answered = questions.ask(frame, question)
    try:
        answer = reply(answered, value, session.dispatch.scheduler.log.records)
    except UnloadableValueError as error:
        with session.dispatch.lock:
            raise questions.lose(frame, question, error) from None
    try:
        with no_body("a validator of an answer"):  # and without the lock
            return answers.convert(answer, response_schema)
    except Exception as error:  # noqa: BLE001  # and may raise anything
        problem = answers.misfit(answer, schema, error)
    with session.dispatch.lock:
        raise questions.reopen(frame, question, problem)


def patch(name: str) -> bool:
    """Return whether a change of the code counts in this run: in runs that began after it was made, not in others.

    A body that waits for an answer, sleeps or has crashed goes on by being run again, and must make the calls then
    that it has made before. So code that is changed meanwhile keeps the old way beside the new one::

        if patch("two-reviews"):
            draft = review_twice(draft).result()
        else:
            draft = review(draft).result()

    It is decided once for a run, by name, when the run first comes to it: True in a run that began with code in which
    ``patch("two-reviews")`` stands, with the name written out, and False in one that began before, wherever that has
    come to. It is recorded then, so it stays what it was, whatever is changed later. A fork decides anew what it
    comes to from the call that it was forked at; a new run, also one with ``reuse``, takes the new way. A graph has no
    code but that of its nodes: in one that an older run had not finished once, it counts too, from where that run
    stands. When no run that began before is left, the old way and the line may go.

    Args:
        name: of the change; another change takes another name.

    Raises:
        CalledOutsideRunError: outside of a run.
        InvalidOptionError: if it is no name.

    Example:
        >>> from nbflow import entrypoint, patch
        >>> @entrypoint()
        ... def flow(text: str) -> str:
        ...     return text.upper() if patch("upper-case") else text
        >>> flow.invoke("a run that begins now")
        'A RUN THAT BEGINS NOW'
    """
    session, frame = here("patch()")
    check_body("patch()")
    given: object = name
    if not isinstance(given, str) or not given or not is_text(given):
        raise InvalidOptionError("patch()", "name", repr(given), "it is a text that names the change, such as 'v2'")
    frame = standing(frame)
    dispatch = session.dispatch
    with dispatch.lock:
        known = dispatch.scheduler.log.patches.get(name)
    early = session.early() if known is None and session.early is not None else ()
    with dispatch.lock:
        return taken(dispatch.scheduler, frame, name, early)


def _check_pause(frame: Frame | None) -> None:
    """Raise if a call stands around the code here that must not happen twice, since what pauses runs again."""
    while frame is not None:
        if frame.call.spec.at_most_once:
            raise CannotPauseError(frame.call.spec.name, frame.call.path)
        frame = frame.call.caller


def _as_one(value: object, unknown: dict[str, Any]) -> str:
    """Return how a question is asked that was given as several keywords."""
    asked = {**(value if isinstance(value, dict) else {"question": value}), **unknown}
    shown = ", ".join(f"{name!r}: {json_schema.shown(one)}" for name, one in asked.items())
    return f"what belongs to the question is in its value: interrupt({{{shown}}})"


def _meant_by(value: object, second: object) -> str:
    """Return what is expected instead of a second value, and how what it may have meant is written."""
    if isinstance(second, (list, tuple, set, frozenset, range)):
        return _as_one(value, {"options": [*second]})
    if isinstance(second, type) or get_origin(second) is not None or (isinstance(second, dict) and "type" in second):
        return f"what an answer must be is response_schema={json_schema.shown(second)}"
    if isinstance(second, (int, float)) and not isinstance(second, bool):
        return f"how many seconds it waits is timeout={second!r}"
    return _as_one(value, second if isinstance(second, dict) else {"details": second})


_OF_INTERRUPT = ("response_schema", "timeout", "default")


def _limits(
    timeout: float | timedelta | None, default: object, schema: dict[str, Any] | None, wanted: object
) -> tuple[float | None, Value | None]:
    """Return how long a question waits, and what answers it then."""
    if timeout is None:
        if default is not NO_ANSWER:
            raise InvalidOptionError(
                "interrupt()", "default", repr(default), "it answers when the time is up; give a timeout too"
            )
        return None, None
    policy = TimeoutPolicy(run_timeout=timeout)
    if default is NO_ANSWER:
        return policy.limits[0], None
    problem = answers.refusal(default, schema, wanted=wanted)
    if problem is not None:
        raise InvalidOptionError("interrupt()", "default", repr(default), f"it must fit the response_schema: {problem}")
    return policy.limits[0], Value(default)


__all__ = ["BaseUser", "ExecutionInfo", "RunControl", "Runtime", "ServerInfo", "get_runtime", "interrupt", "patch"]
