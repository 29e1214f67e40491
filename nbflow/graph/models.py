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
    plain = {name: unwrapped(value) for name, value in writes if not isinstance(graph.keys[name], ReducedKey)}
    reduced = dict(given)
    for name, value in writes:
        if name not in plain:
            reduced[name] = graph.keys[name].merge(reduced.get(name, ABSENT), [("", value)])
    after = {name: value for name, value in {**reduced, **plain}.items() if name in model.model_fields}
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    if state is None or all(name in after for name in required):
        checked = model.model_validate(after)
        valid = {name: getattr(checked, name) for name in after}
    else:  # too early for what the model says of its fields together
        valid = {name: _of_field(model, name, value) for name, value in after.items() if name in dict(writes)}
    return [(name, _fitting(model, name, value, plain, valid)) for name, value in writes]


def _fitting(model: Any, name: str, value: Any, plain: Mapping[str, object], valid: Mapping[str, object]) -> object:  # noqa: ANN401  # a model
    """Return what is written: as it was validated; of a reducer's, if it fits the field by itself."""
    if name not in valid or is_overwrite(value):
        return value
    if name in plain:
        return valid[name]
    try:
        return _of_field(model, name, value)
    except ValueError:  # what a reducer takes may be of another type
        return value


def _of_field(model: Any, name: str, value: object) -> object:  # noqa: ANN401  # as above
    from pydantic import TypeAdapter  # noqa: PLC0415  # there is a model, so it is there

    return TypeAdapter(model.model_fields[name].annotation).validate_python(value)
