"""JSON Schema as the package ``jsonschema`` has it: whether a schema is sound, and why a value does not fit it.

The package is loaded with the first schema that must be checked (``checker``). Nothing is ever fetched:
a reference that leads out of its schema makes the schema unsound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from nbflow.schemas import forms
from nbflow.schemas.checker import jsonschema
from nbflow.values import is_text

Schema = dict[str, Any]
_LONG = 200
_DEEP = 100
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "minLength": "at least this long:",
    "maxLength": "at most this long:",
    "minItems": "of at least this many items:",
    "maxItems": "of at most this many items:",
    "multipleOf": "a multiple of",
    "pattern": "text that matches the pattern",
    "format": "of the format",
    "contentEncoding": "text in the encoding",
}


def plain(schema: Schema) -> Schema:
    """Return a schema as it is stored and read back: made of JSON's own values.

    Raises:
        ValueError: if it can't be; says where, and what is there.
    """
    try:
        found: Schema = _plain_part(schema, ())
    except ValueError as error:
        raise ValueError(f"a JSON schema holds plain JSON values; {error}") from None
    return found


def _plain_part(part: Any, path: tuple[object, ...]) -> Any:  # noqa: ANN401  # whatever a schema is made of
    if len(path) > _DEEP:
        raise ValueError(f"it is nested more than {_DEEP} deep")
    if isinstance(part, dict):
        for name in part:
            if not isinstance(name, str) or not is_text(name):
                raise ValueError(f"{said(path, name, 'keys are text', ': ')}")
        return {str.__str__(name): _plain_part(inner, (*path, name)) for name, inner in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain_part(inner, (*path, index)) for index, inner in enumerate(part)]
    try:
        found = msgspec.msgpack.decode(msgspec.msgpack.encode(part))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(said(path, part, str(error), ": ")) from None
    return _plain_part(found, (*path, "")) if isinstance(found, (dict, list)) else found


def flaw(schema: Schema) -> str | None:
    """Return why a schema of plain values can't be used, or None if it can."""
    return _flaw(msgspec.json.encode(schema))


@lru_cache(maxsize=256)
def _flaw(raw: bytes) -> str | None:
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  # only when a schema is checked

    checker, resource, resolver = _parts(msgspec.json.decode(raw))
    try:
        checker.check_schema(resource.contents)
        for reference, found in _references(resource, resolver):
            try:
                found.lookup(reference)
            except Unresolvable:
                return f"{reference!r} is not in the schema, and nothing is fetched; put what is meant under $defs"
        if _is_endless(resource, resolver, ()):
            return "a reference in it leads back to itself, so no answer could ever be checked"
    except jsonschema().SchemaError as error:
        return f"as a JSON schema it is wrong: {said(error.absolute_path, error.instance, error.message)}"
    except RecursionError:
        return "the schema is nested too deeply"
    return None


def complaint(value: object, schema: Schema | None, *, lenient: bool = False) -> str | None:
    """Return why a value does not fit a schema, or None if it does.

    Args:
        value: what was answered; what JSON lacks, such as a date, is checked as it is written in JSON.
        schema: what it must be; None takes anything.
        lenient: whether the schema was made from a type, which may take other forms than the schema tells of.
    """
    if not schema:
        return None
    try:
        error = jsonschema().exceptions.best_match(_errors(value, schema, lenient=lenient))
    except RecursionError:
        return "the answer is nested too deeply to be checked"
    except Exception:  # noqa: BLE001  # a schema that was stored unchecked: the body's own conversion decides
        return None
    return None if error is None else _told(error)


def misfits(answer: object, schema: Schema) -> list[tuple[list[str | int], str]]:
    """Return what in an answer does not fit a JSON schema, for a form that shows it beside its fields.

    It refuses nothing that the runtime takes; what a type asks beyond its schema, the runtime tells when
    the answer is given.

    Args:
        answer: in JSON's types.
        schema: of the question: ``Interrupt.response_schema``.

    Returns:
        For each misfit the path of the part that it is about, and why, in words.
    """
    try:
        best_match = jsonschema().exceptions.best_match
        errors = [best_match([error]) for error in _errors(answer, schema, lenient=True)]
    except Exception:  # noqa: BLE001  # as above: whoever takes the answer decides
        return []
    return [(list(error.absolute_path), _brief(error)) for error in errors]


def _errors(value: object, schema: Schema, *, lenient: bool) -> Iterator[Any]:
    validator = _validator(msgspec.json.encode(schema), lenient=lenient)
    found: Iterator[Any] = validator.iter_errors(_plain(value, lenient=lenient))
    return found


def said(path: Iterable[object], found: object, problem: str, link: str = ", but ") -> str:
    """Return a complaint in words: where, what was found, and what is wrong with it."""
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    return f"{where or 'the answer'} is {shown(found)}{link}{problem}"


def shown(value: object) -> str:
    """Return a value as it is written, cut where it grows long."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # nested too deeply, or a user's own that may raise anything
        return f"a {type(value).__name__}"
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


@lru_cache(maxsize=256)
def _validator(raw: bytes, *, lenient: bool) -> Any:  # noqa: ANN401  # a validator of jsonschema
    checker, resource, _ = _parts(msgspec.json.decode(raw))
    types = checker.TYPE_CHECKER.redefine("array", lambda _checker, value: isinstance(value, (list, tuple)))
    keywords = {"contentEncoding": _encoded, "multipleOf": forms.multiple_of}
    if lenient:
        keywords.update(forms.lenient(checker.VALIDATORS))
    ours = jsonschema().validators.extend(checker, keywords, type_checker=types)
    return ours(resource.contents, registry=_known(), format_checker=_formats())


def _parts(schema: Schema) -> tuple[Any, Any, Any]:
    """Return the validator class of a schema's draft, the schema as a resource, and what resolves its references."""
    from referencing import jsonschema as drafts  # noqa: PLC0415  # only when a schema is checked

    validators = jsonschema().validators
    checker = validators.validator_for(schema, default=validators.Draft202012Validator)
    draft = drafts.specification_with(checker.META_SCHEMA["$schema"])
    resource = draft.create_resource(schema)
    return checker, resource, _known().resolver_with_root(resource)


def _known() -> Any:  # noqa: ANN401  # a registry of referencing
    """Return the registry of the drafts themselves, which fetches nothing."""
    from jsonschema_specifications import REGISTRY  # noqa: PLC0415  # only when a schema is checked

    return REGISTRY


def _references(resource: Any, resolver: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # of referencing
    """Yield the references of a schema, each with what resolves it where it stands."""
    contents = resource.contents
    if isinstance(contents, dict):
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(contents.get(keyword), str):
                yield contents[keyword], resolver
    for inner in resource.subresources():
        yield from _references(inner, resolver.in_subresource(inner))


_IN_PLACE = ("not", "if", "then", "else")  # keywords whose schemas hold for the same value, beside references
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")


def _is_endless(resource: Any, resolver: Any, around: tuple[int, ...]) -> bool:  # noqa: ANN401  # of referencing
    """Whether checking a value by a schema, or by one inside it, comes back to the same schema with the same value."""
    contents = resource.contents
    if id(contents) in around:
        return True
    if not isinstance(contents, dict):
        return False
    inside = (*around, id(contents))
    if isinstance(contents.get("$ref"), str):
        found = resolver.lookup(contents["$ref"])
        if _is_endless(_resource_like(resource, found.contents), found.resolver, inside):
            return True
    same = [contents[name] for name in _IN_PLACE if name in contents]
    same += [one for name in _IN_PLACE_LISTS for one in contents.get(name, ())]
    if any(_steps_into(resource, resolver, one, inside) for one in same):
        return True
    return not around and any(_steps_into(resource, resolver, one.contents, ()) for one in _below(resource))


def _below(resource: Any) -> Iterator[Any]:  # noqa: ANN401  # of referencing
    """Yield the schemas inside one, however deep."""
    for inner in resource.subresources():
        yield inner
        yield from _below(inner)


def _steps_into(resource: Any, resolver: Any, contents: object, around: tuple[int, ...]) -> bool:  # noqa: ANN401  # of referencing
    inner = _resource_like(resource, contents)
    return _is_endless(inner, resolver.in_subresource(inner), around or (-1,))


def _resource_like(resource: Any, contents: object) -> Any:  # noqa: ANN401  # of referencing
    return type(resource)(contents=contents, specification=resource._specification)  # noqa: SLF001  # of the same draft


@lru_cache(maxsize=1)
def _formats() -> Any:  # noqa: ANN401  # a checker of jsonschema
    """Return what checks formats: jsonschema's own, and those that msgspec gives its types."""
    import datetime as dt  # noqa: PLC0415  # only when an answer is checked
    import decimal  # noqa: PLC0415  # as above
    import uuid  # noqa: PLC0415  # as above

    checker = jsonschema().FormatChecker()
    kinds: dict[str, Any] = {
        "date": dt.date,
        "date-time": dt.datetime,
        "date-time-local": Annotated[dt.datetime, msgspec.Meta(tz=False)],
        "time": dt.time,
        "partial-time": Annotated[dt.time, msgspec.Meta(tz=False)],
        "full-time": Annotated[dt.time, msgspec.Meta(tz=True)],
        "duration": dt.timedelta,
        "decimal": decimal.Decimal,
        "uuid": uuid.UUID,
    }
    for name, kind in kinds.items():
        checker.checks(name, raises=ValueError)(_reads_as(kind))
    return checker


def _reads_as(kind: Any) -> Callable[[object], bool]:  # noqa: ANN401  # a type
    def check(text: object) -> bool:
        if isinstance(text, str):
            msgspec.convert(text, kind)
        return True

    return check


def _encoded(_validator: object, encoding: str, value: object, _schema: Schema) -> Iterator[Any]:
    """Check ``contentEncoding``, which JSON Schema leaves to whoever reads the content."""
    if isinstance(value, str) and encoding == "base64":
        try:
            msgspec.convert(value, bytes)
        except ValueError:
            yield jsonschema().ValidationError(f"{value!r} is not base64")


def _plain(value: object, *, lenient: bool) -> object:
    """Return a value as JSON has it, as far as it can be written there; bytes as they are where that may matter."""
    kept = (bytes,) if lenient else ()
    try:
        return msgspec.to_builtins(value, str_keys=True, enc_hook=_dumped, builtin_types=kept)
    except Exception:  # noqa: BLE001  # no JSON value: it is checked as it is
        return value


def _dumped(value: Any) -> object:  # noqa: ANN401  # whatever was answered
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    raise NotImplementedError


def _told(error: Any) -> str:  # noqa: ANN401  # of jsonschema
    path, found = list(error.absolute_path), error.instance
    if error.validator == "required":
        return f"{said(path, found, '').partition(' is ')[0]} {_brief(error)}"
    return said(path, found, _brief(error))


def _brief(error: Any) -> str:  # noqa: ANN401  # of jsonschema
    """Return what is wrong, without the place."""
    if error.validator == "required":
        return f"lacks {_listed(name for name in error.validator_value if name not in error.instance)}"
    return _wanted(error) or str(error.message[:_LONG])


def _wanted(error: Any) -> str:  # noqa: ANN401  # of jsonschema
    """Return what a keyword of JSON Schema wants, in words; empty for one that has none here."""
    keyword, wanted = error.validator, error.validator_value
    words = f"must be {_BOUNDS[keyword]} {wanted}" if keyword in _BOUNDS else ""
    if keyword == "type":
        words = f"must be of type {' or '.join([wanted] if isinstance(wanted, str) else wanted)}"
    elif keyword in {"enum", "const"}:
        words = f"must be one of {_listed(wanted if keyword == 'enum' else [wanted])}"
    elif keyword in {"anyOf", "oneOf"}:
        named = [one.get("type") if isinstance(one, dict) else None for one in wanted]
        words = f"must be of type {' or '.join(map(str, named))}" if all(named) else f"must be one of {shown(wanted)}"
    elif keyword == "additionalProperties" and wanted is False:
        known = error.schema.get("properties", {})
        words = f"must not have {_listed(name for name in error.instance if name not in known)}"
    elif keyword == "not":
        words = f"must not fit {shown(wanted)}"
    return words


def _listed(names: Iterable[object]) -> str:
    return ", ".join(map(repr, names))
