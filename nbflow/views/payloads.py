"""What the chunks of the modes ``tasks``, ``checkpoints`` and ``debug`` hold, in LangGraph's shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.states import BODIES
from nbflow.values import Interrupt, iso, triggers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.core.record import CallStarted
    from nbflow.values import PregelTask, StateSnapshot

Payload = dict[str, object]


def call_start(call: CallStarted, metadata: Mapping[str, object]) -> Payload:
    """Return that a call was asked for: a task with its arguments, a nested body with its input."""
    args, kwargs = given = _arguments(call)
    is_body = call.kind in BODIES
    value = (args or (*kwargs.values(), None))[0] if is_body else given
    return start(call.path, call.name, call.kind, value, metadata)


def _arguments(call: CallStarted) -> tuple[tuple[object, ...], dict[str, object]]:
    if call.value is None:
        return (), {}
    return call.value.get()  # type: ignore[return-value]  # what the record says


def start(
    path: str, name: str, kind: str, value: object, metadata: Mapping[str, object], triggers: Sequence[str] = ()
) -> Payload:
    """Return that a body or a call begins; metadata is left out when there is none."""
    payload: Payload = {"id": path, "name": name, "input": value, "triggers": tuple(triggers) or triggers_of(kind)}
    if metadata:
        payload["metadata"] = dict(metadata)
    return payload


def result(
    path: str,
    name: str,
    values: Mapping[str, object] | None = None,
    *,
    error: object = None,
    interrupts: Iterable[Interrupt] = (),
) -> Payload:
    """Return how a body or a call ended.

    Args:
        path: which.
        name: of the task or body.
        values: what it returned, under ``"__return__"`` or for a body ``"__end__"``; None if it did not.
        error: what it raised, or None.
        interrupts: the questions that it waits with.
    """
    return {
        "id": path,
        "name": name,
        "error": error,
        "interrupts": [question(one) for one in interrupts],
        "result": dict(values or {}),
    }


def question(interrupt: Interrupt) -> Payload:
    """Return a question as plain data."""
    return {"value": interrupt.value, "id": interrupt.id, "response_schema": interrupt.response_schema}


def checkpoint(state: StateSnapshot) -> Payload:
    """Return a checkpoint as plain data."""
    return {
        "config": state.config,
        "parent_config": state.parent_config,
        "values": state.values,
        "metadata": state.metadata,
        "next": list(state.next),
        "tasks": [_unit(task) for task in state.tasks],
    }


def _unit(task: PregelTask) -> Payload:
    about: Payload = {"id": task.id, "name": task.name}
    if task.error is not None:
        return {**about, "error": task.error, "state": task.state}
    return {**about, "interrupts": tuple(question(one) for one in task.interrupts), "state": task.state}


def debug(kind: str, payload: Payload, step: int, at: float) -> Payload:
    """Return a payload with when it was made: ``kind`` is ``checkpoint``, ``task`` or ``task_result``."""
    return {"step": step, "timestamp": iso(at), "type": kind, "payload": payload}
