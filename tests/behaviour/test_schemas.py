"""What a workflow says of its types, as JSON schemas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, TypedDict

import pandas as pd
import pydantic
import pytest

import nbflow
from nbflow import InMemoryCache, entrypoint
from nbflow.errors import InvalidOptionError, NoCacheError
from nbflow.types import CachePolicy


class Model(pydantic.BaseModel):
    name: str


@dataclass
class Who:
    name: str
    age: int = 3


class Wish(TypedDict):
    topic: str


def schemas_of(fn: Any, **options: Any) -> tuple[Any, Any]:
    workflow = entrypoint(**options)(fn)
    return workflow.get_input_jsonschema(), workflow.get_output_jsonschema()


def test_plain_types_are_titled_as_ours() -> None:
    def body(n: int) -> list[int]:
        return [n]

    given, returned = schemas_of(body)
    assert given == {"type": "integer", "title": "NbflowInput"}
    assert returned == {"type": "array", "items": {"type": "integer"}, "title": "NbflowOutput"}


def test_no_annotation_is_any_value() -> None:
    def body(n, more=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # what is tested
        return n, more

    assert schemas_of(body) == ({"title": "NbflowInput"}, {"title": "NbflowOutput"})


def test_optional_types_and_records_are_described() -> None:
    def body(n: Optional[str]) -> Wish:  # noqa: UP045  # the older spelling is what is tested
        return {"topic": n or ""}

    given, returned = schemas_of(body)
    assert [one["type"] for one in given["anyOf"]] == ["string", "null"]
    assert returned["title"] == "NbflowOutput"
    assert "Wish" in str(returned)


def test_a_model_keeps_its_own_title() -> None:
    def body(_: Model) -> Model:
        return Model(name="a")

    given, returned = schemas_of(body)
    assert given["title"] == returned["title"] == "Model"


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("nbflow.entrypoint.final[int, str]", {"type": "integer", "title": "NbflowOutput"}),
        ("nbflow.entrypoint.final", {"title": "NbflowOutput"}),
        ("pd.DataFrame", {"title": "NbflowOutput"}),
        ("ANameThatIsNotThere", {"title": "NbflowOutput"}),
        ("None", {"type": "null", "title": "NbflowOutput"}),
    ],
)
@pytest.mark.parametrize("postponed", [True, False])
def test_what_a_body_returns_is_read_from_its_annotation(annotation: str, expected: Any, postponed: bool) -> None:
    if annotation == "ANameThatIsNotThere" and not postponed:
        return
    space: dict[str, Any] = {"nbflow": nbflow, "pd": pd}
    future = "from __future__ import annotations\n" if postponed else ""
    exec(f"{future}def body(n: int) -> {annotation}: ...", space)
    assert schemas_of(space["body"])[1] == expected


def test_the_context_is_described() -> None:
    @entrypoint(context_schema=Who)
    def body(n: int) -> int:
        return n

    assert body.get_context_jsonschema() == {
        "title": "Who",
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "default": 3}},
        "required": ["name"],
    }
    assert entrypoint()(lambda n: n).get_context_jsonschema() is None
    with pytest.raises(InvalidOptionError, match="get_context_jsonschema"):
        entrypoint(context_schema=pd.DataFrame)(lambda n: n).get_context_jsonschema()


@dataclass
class Tree:
    kind: Who
    children: list[Tree]


def test_a_context_that_holds_itself_keeps_its_definitions() -> None:
    schema = entrypoint(context_schema=Tree)(lambda n: n).get_context_jsonschema()
    assert schema is not None
    assert "$ref" not in schema
    assert set(schema["properties"]) == {"kind", "children"}
    assert set(schema["$defs"]) == {"Tree", "Who"}


@pytest.mark.parametrize("context", [Wish, Model])
def test_a_context_stands_inline(context: type) -> None:
    schema = entrypoint(context_schema=context)(lambda n: n).get_context_jsonschema()
    assert schema is not None
    assert (schema["type"], "$ref" in schema, "$defs" in schema) == ("object", False, False)


RAN: list[int] = []


def test_the_result_of_a_body_can_be_forgotten() -> None:
    @entrypoint(cache=InMemoryCache(), cache_policy=CachePolicy())
    def body(n: int) -> int:
        RAN.append(n)
        return n

    assert [body.invoke(1), body.invoke(1)] == [1, 1]
    body.clear_cache()
    assert body.invoke(1) == 1
    assert RAN == [1, 1]
    with pytest.raises(NoCacheError, match="InMemoryCache"):
        entrypoint()(lambda n: n).clear_cache()
