"""States that are pydantic models: what is written is validated where it is written, and kept as it was validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.graph.keys import ABSENT, ReducedKey, is_overwrite, unwrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.graph.blueprint import Blueprint
    from nbflow.graph.schemas import Schema


def validated(
    graph: Blueprint,
    writes: Sequence[tuple[str, Any]],
    state: Mapping[str, object] | None,
    schema: Schema | None = None,
) -> Iterable[tuple[str, object]]:
    """Return writes with the values that the model of a state makes of them; as they are, if it is no model.

    A plain key is written the validated value. What is given to a reducer is written as it is, once what comes of it
    has been found valid.

    Args:
        graph: whose state it is.
        writes: keys and values.
        state: as it was before; None for a new one, which must have all that the model requires.
        schema: the model; None for that of the state.

    Raises:
        pydantic.ValidationError: if a value does not fit.
    """
    schema = schema or graph.schema
    if not schema.is_model:
        return writes
    model = schema.type
    known = {**graph.start, **(state or {})}
    given = {name: known[name] for name in schema.keys if name in known}
    if state is None:
        model.model_validate({**given, **{name: unwrapped(value) for name, value in writes if name in schema.keys}})
    return [(name, _fitting(graph, model, given, name, value)) for name, value in writes]


def _fitting(graph: Blueprint, model: Any, given: dict[str, object], name: str, value: Any) -> object:  # noqa: ANN401  # a model
    if name not in model.model_fields:
        return value
    key = graph.keys[name]
    if isinstance(key, ReducedKey):
        _valid(model, given, name, key.merge(given.get(name, ABSENT), [("", value)]))
        return value
    found = _valid(model, given, name, unwrapped(value))
    return value if is_overwrite(value) else found


def _valid(model: Any, given: dict[str, object], name: str, value: object) -> object:  # noqa: ANN401  # as above
    """Return what a model makes of the value of one field."""
    required = [one for one, field in model.model_fields.items() if field.is_required() and one != name]
    if any(one not in given for one in required):  # too early for what the model says of its fields together
        from pydantic import TypeAdapter  # noqa: PLC0415  # there is a model, so it is there

        return TypeAdapter(model.model_fields[name].annotation).validate_python(value)
    if model.model_config.get("frozen"):
        return getattr(model.model_validate({**given, name: value}), name)
    instance = model.model_construct(**given)
    model.__pydantic_validator__.validate_assignment(instance, name, value)
    return getattr(instance, name)
