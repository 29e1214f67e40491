"""What a state schema says: its keys with their rules, and how values of it are read and made."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, Required, cast

from nbflow import codec
from nbflow._support.signature import parameters_of, without_partials
from nbflow.errors import GraphUpdateError, InvalidGraphError
from nbflow.errors.usage import nearest
from nbflow.graph.annotations import Managed, Rule
from nbflow.graph.handed import CONTAINERS, LEAVES
from nbflow.graph.keys import ABSENT, Key, ReducedKey, check_reducer
from nbflow.values import ROOT_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from nbflow.graph.keys import Reducer

_WRAPPERS = {Required, NotRequired}


@dataclass(frozen=True, eq=False)
class Schema:
    """A type of states.

    Attributes:
        type: the schema as it was given: a TypedDict, dataclass, pydantic model, annotated class, or any type whose
            values are the whole state.
        keys: by name, what it declares; of a type without fields one key, ``"__root__"``.
        managed: by name, values that the runtime computes.
    """

    type: Any
    keys: Mapping[str, Key]
    managed: Mapping[str, Managed]

    @cached_property
    def is_root(self) -> bool:
        """Whether its values are the whole state, not fields of it."""
        return list(self.keys) == [ROOT_KEY]

    @cached_property
    def is_instance(self) -> bool:
        """Whether code with this schema sees an instance of a class."""
        return self.is_model or is_dataclass(self.type)

    @cached_property
    def is_model(self) -> bool:
        """Whether it is a pydantic model."""
        return isinstance(self.type, type) and hasattr(self.type, "model_validate")

    @property
    def name(self) -> str:
        """What it is called."""
        return str(getattr(self.type, "__name__", self.type))

    def view(self, state: Mapping[str, Any], managed: Mapping[str, Any]) -> object:
        """Return the part of a state that code with this schema sees: a dict, an instance, or the bare value.

        The values are those of the state: code of the user's is handed copies of them (``Handed``).
        """
        if self.is_root:
            return state.get(ROOT_KEY)
        found = {name: state[name] for name in self.keys if name in state}
        for name, one in self.managed.items():
            if one.what in managed:
                found[name] = managed[one.what]
        if not self.is_instance:
            return found
        return self.type.model_construct(**found) if self.is_model else self._made(**found)

    def instance(self, values: object) -> object:
        """Return values by key, which are valid, as an instance of the schema's class; as they are, if some lack."""
        if not self.is_instance or not isinstance(values, dict):
            return values
        found = {name: value for name, value in values.items() if name in self.keys}
        if self.is_model:
            lacks = any(one.is_required() and name not in found for name, one in self.type.model_fields.items())
            return values if lacks else self.type.model_construct(set(found), **found)
        try:
            return self._made(**found)
        except TypeError:  # a field without a default that nobody has written
            return values

    @property
    def _made(self) -> Callable[..., object]:
        """What makes an instance."""
        return cast("Callable[..., object]", self.type)

    def read(
        self,
        value: object,
        where: str,
        known: Collection[str],
        given: Mapping[str, object] = {},  # read only
        view: object = None,
    ) -> list[tuple[str, object]]:
        """Return the keys and values of an update: a dict, an instance of a class with fields, or the bare value.

        Args:
            value: the update.
            where: who gives it, for errors.
            known: the keys that may be written, for look-ups.
            given: the state that whoever gives it was given.
            view: what of it was handed out.

        Raises:
            GraphUpdateError: if it is none, or has a key that is not known.
        """
        if value is None:
            return []
        if self.is_root:
            return [(ROOT_KEY, value)]
        if isinstance(value, dict):
            found = list(value.items())
        elif _has_fields(value):
            found = _set_fields(value, given, view)
        else:
            raise GraphUpdateError(
                f"{where} gave {_shown(value)}, and an update of the state is a dict of keys, an instance of a state "
                "class, a Command, or None"
            )
        for name, _ in found:
            if name not in known:
                raise GraphUpdateError(
                    f"{where} wrote the key {name!r}, which the state does not have{nearest(name, known)}; "
                    f"its keys are {', '.join(map(repr, known))}"
                )
        return found


def schema_of(given: Any, where: str) -> Schema:  # noqa: ANN401  # any type
    """Return what a type says of a state.

    Args:
        given: the type.
        where: who gave it, for errors.

    Raises:
        InvalidGraphError: if it is no type, or a reducer in it takes the wrong arguments.
    """
    if given is None or isinstance(given, (str, int, float, bytes)):
        raise InvalidGraphError(f"{where} is {given!r}, and a schema is a type, such as a TypedDict or a dataclass")
    hints = _hints(given) if _is_class_with_fields(given) else {ROOT_KEY: given}
    keys: dict[str, Key] = {}
    managed: dict[str, Managed] = {}
    for name, hint in hints.items():
        key = _key(name, hint)
        if isinstance(key, Managed):
            managed[name] = key
        else:
            keys[name] = key
    return Schema(given, keys, managed)


def has_fields(given: object) -> bool:
    """Whether a type declares fields, so that it can stand for a part of a state."""
    return _is_class_with_fields(given) and bool(_hints(given))


def _is_class_with_fields(given: Any) -> bool:  # noqa: ANN401  # any type
    kind = typing.get_origin(given) or given
    if not isinstance(kind, type) or kind.__module__ in {"builtins", "collections", "datetime"}:
        return False
    return bool(getattr(kind, "__annotations__", None)) or hasattr(kind, "model_fields") or typing.is_typeddict(kind)


def _hints(given: Any) -> dict[str, Any]:  # noqa: ANN401  # a class
    kind = typing.get_origin(given) or given
    try:
        hints = typing.get_type_hints(kind, localns=names_around(kind), include_extras=True)
    except (NameError, TypeError) as error:
        raise InvalidGraphError(f"the annotations of {kind.__name__} can't be read: {error}") from error
    if hasattr(kind, "model_fields"):
        # Pydantic takes annotations apart; of those that it kept, what it took out stands in the metadata.
        return {name: hints.get(name, field.annotation) for name, field in kind.model_fields.items()}
    if is_dataclass(kind):
        return {field.name: hints[field.name] for field in fields(kind)}
    return {name: hint for name, hint in hints.items() if typing.get_origin(hint) is not typing.ClassVar}


def _key(name: str, hint: Any) -> Key | Managed:  # noqa: ANN401  # an annotation
    plain, extras = _taken_apart(hint)
    for extra in extras:
        found = extra() if isinstance(extra, type) and issubclass(extra, (Rule, Managed)) else extra
        if isinstance(found, Managed):
            return found
        if isinstance(found, Rule):
            return found.key(name, plain)
    reducer = _reducer(name, extras)
    return ReducedKey(name, plain, reducer=reducer) if reducer is not None else Key(name, plain)


def _taken_apart(hint: Any) -> tuple[Any, list[Any]]:  # noqa: ANN401  # an annotation
    """Return the type in an annotation, and all that is annotated anywhere around or, if optional, in it."""
    if isinstance(hint, Rule):
        return Any, [hint]
    origin = typing.get_origin(hint)
    if origin in _WRAPPERS:
        return _taken_apart(typing.get_args(hint)[0])
    if origin is Annotated:
        plain, extras = _taken_apart(hint.__origin__)
        return plain, [*extras, *hint.__metadata__]
    if origin in {typing.Union, types.UnionType}:
        options = typing.get_args(hint)
        inner = [_taken_apart(option) for option in options]
        extras = [extra for _, found in inner for extra in found]
        return hint, extras
    return hint, []


def _reducer(name: str, extras: Iterable[Any]) -> Reducer | None:
    """Return the reducer among what is annotated: the last function of it."""
    found = [one for one in extras if callable(one) and not isinstance(one, type) and not _is_constraint(one)]
    if not found:
        return None
    check_reducer(name, found[-1])
    chosen: Reducer = found[-1]
    return chosen


def _is_constraint(extra: object) -> bool:
    """Whether an annotation is about validation, though it can be called."""
    home = type(extra).__module__.partition(".")[0]
    return home in {"pydantic", "pydantic_core", "annotated_types", "msgspec"}


def _has_fields(value: object) -> bool:
    kind = type(value)
    return is_dataclass(kind) or hasattr(kind, "model_fields") or bool(getattr(kind, "__annotations__", None))


def _set_fields(
    value: Any,  # noqa: ANN401  # of any class
    given: Mapping[str, object],
    view: object,
) -> list[tuple[str, object]]:
    """Return the fields of an instance that are an update of what its maker was given.

    Of what was handed out itself, and of a changed copy of it, that is what differs. Of another instance it is what was
    set: a pydantic model knows that; of other classes a field that holds its default counts as not set.
    """
    found = _fields_of(value)
    if value is not view and not _is_copy(value, found, given, view):
        return [(name, one) for name, one, is_default in found if not is_default]
    return [(name, one) for name, one, _ in found if not _equals(one, given.get(name, ABSENT))]


def _is_copy(
    value: object, found: Sequence[tuple[str, object, bool]], given: Mapping[str, object], view: object
) -> bool:
    """Whether an instance shows that it was made from what was handed out: it shares objects with that, or values."""
    if type(value) is not type(view):
        return False
    if any(type(one) not in LEAVES and one is getattr(view, name, ABSENT) for name, one, _ in found):
        return True
    mine, its = (getattr(one, "model_fields_set", None) for one in (value, view))
    if mine is not None and its is not None and (len(its) == 1 or not mine >= its):
        return False
    return any(not is_default and _equals(one, given.get(name, ABSENT)) for name, one, is_default in found)


def _fields_of(value: Any) -> list[tuple[str, object, bool]]:  # noqa: ANN401  # of any class
    """Return the fields of an instance, and whether each holds its default; of a model those that were set."""
    kind = type(value)
    if hasattr(kind, "model_fields"):
        return [(name, getattr(value, name), False) for name in kind.model_fields if name in value.model_fields_set]
    if is_dataclass(value):
        return [(one.name, getattr(value, one.name), _is_default(value, one)) for one in fields(value)]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        defaults = getattr(value, "_field_defaults", {})
        return [
            (name, one, _equals(one, defaults.get(name, ABSENT)))
            for name, one in zip(value._fields, value, strict=True)
        ]
    return [(name, getattr(value, name), False) for name in _hints(kind) if name in vars(value)]


def _is_default(value: object, field: Any) -> bool:  # noqa: ANN401  # a dataclass field
    """Whether a field holds what it holds by default: nobody need have set it."""
    now = getattr(value, field.name)
    if field.default is not MISSING:
        return _equals(now, field.default)
    return field.default_factory is not MISSING and type(now) in CONTAINERS and now == field.default_factory()


def _equals(one: object, other: object) -> bool:
    """Whether two values are the same: plain ones and builtin containers by content, others by identity."""
    if one is other:
        return True
    kind = type(one)
    return kind is type(other) and (kind in LEAVES or kind in CONTAINERS) and bool(one == other)


def is_same(one: object, other: object) -> bool:
    """Whether two values are the same by content, as far as that can be told."""
    if _equals(one, other):
        return True
    try:
        return type(one) is type(other) and codec.digest(one) == codec.digest(other)
    except Exception:  # noqa: BLE001  # of a value that has no digest, and of a user's class
        return False


def united(schemas: Iterable[Schema]) -> dict[str, Key]:
    """Return the keys of several schemas as those of one state.

    Raises:
        InvalidGraphError: if two declare one key with different rules.
    """
    found: dict[str, tuple[Key, Schema]] = {}
    for schema in schemas:
        for name, key in schema.keys.items():
            past = found.get(name)
            if past is None or (type(past[0]) is Key and type(key) is not Key):
                found[name] = key, schema
            elif type(key) is not Key and not past[0].like(key):
                raise InvalidGraphError(
                    f"the key {name!r} has different reducers or rules in {past[1].name} and in {schema.name}; "
                    "give it one function by name in both"
                )
    return {name: key for name, (key, _) in found.items()}


def first_parameter(fn: object) -> Any:  # noqa: ANN401  # a type, or None
    """Return the annotation of a function's first parameter, evaluated; None without one that can be read."""
    found = parameters_of(fn) if callable(fn) else []
    return hints_of(fn).get(found[0].name) if found else None


def hints_of(fn: Any) -> dict[str, Any]:  # noqa: ANN401  # any callable
    """Return the annotations of a function, evaluated, without those that can't be read."""
    plain = called(fn)
    local = names_around(plain)
    try:
        return typing.get_type_hints(plain, localns=local, include_extras=True)
    except _UNREADABLE:
        return dict(_readable(plain, local))


_UNREADABLE = (TypeError, ValueError, NameError, AttributeError, SyntaxError)


def _readable(plain: Any, local: dict[str, object]) -> Iterator[tuple[str, object]]:  # noqa: ANN401  # any callable
    """Yield the annotations of a function one by one, as far as they can be read: one may name what is not there."""
    around = getattr(plain, "__globals__", {})
    for name, annotation in getattr(plain, "__annotations__", {}).items():
        alone = type("alone", (), {"__annotations__": {name: annotation}})
        try:
            yield name, typing.get_type_hints(alone, around, local, include_extras=True)[name]
        except _UNREADABLE:
            continue


def called(fn: Any) -> Any:  # noqa: ANN401  # any callable
    """Return the plain function that calling an object calls."""
    fn = without_partials(fn)
    return inspect.unwrap(fn if inspect.isroutine(fn) else type(fn).__call__)


def names_around(given: Any) -> dict[str, object]:  # noqa: ANN401  # a class or function
    """Return the local names that annotations of a class or function may use which stands in a function that runs."""
    found: dict[str, object] = {}
    if "<locals>" not in getattr(given, "__qualname__", ""):
        return found
    frame: types.FrameType | None = sys._getframe()  # noqa: SLF001  # what inspect would walk too
    while frame is not None:
        if frame.f_globals.get("__name__") == given.__module__ and frame.f_code.co_name != "<module>":
            found = {**frame.f_locals, **found}
        frame = frame.f_back
    return found


def start_values(keys: Mapping[str, Key]) -> dict[str, object]:
    """Return what the keys of a state hold before anything is written."""
    first = {name: key.first() for name, key in keys.items()}
    return {name: value for name, value in first.items() if value is not ABSENT}


def _shown(value: object) -> str:
    text = repr(value)
    return f"{text[:60]}{'...' if len(text) > 60 else ''} ({type(value).__name__})"  # noqa: PLR2004  # of a line
