"""Generic classes, pydantic's small types, images and figures: stored, and equal when they come back."""

from __future__ import annotations

import dataclasses
import datetime as dt
import subprocess
import sys
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar

import attrs
import msgspec
import numpy as np
import PIL.Image
import pydantic
import pydantic_core
import pytest
from matplotlib.figure import Figure
from pydantic.networks import AmqpDsn, AnyUrl, FileUrl, HttpUrl, MongoDsn, NameEmail, PostgresDsn, RedisDsn

from nbflow import codec
from nbflow.codec import Unloadable
from nbflow.errors import UnserializableError

T = TypeVar("T")
U = TypeVar("U")


class Page(pydantic.BaseModel, Generic[T]):
    items: list[T]


class Pair(pydantic.BaseModel, Generic[T, U]):
    one: T
    other: U


@dataclasses.dataclass
class Box(Generic[T]):
    value: T


@dataclasses.dataclass(slots=True)
class Tight(Generic[T]):
    value: T


@attrs.define
class Crate(Generic[T]):
    value: T


@attrs.define(slots=False)
class Loose(Generic[T]):
    value: T


class Names(dict[str, T]):
    pass


class Row(list[T]):
    pass


class Sorted(OrderedDict[str, T]):
    pass


class Point(NamedTuple, Generic[T]):
    x: T


class Struct(msgspec.Struct, Generic[T]):
    x: T


class Token(pydantic.SecretStr):
    pass


class Api(HttpUrl):
    pass


class Settings(pydantic.BaseModel):
    key: pydantic.SecretStr
    raw: pydantic.SecretBytes
    home: HttpUrl
    database: PostgresDsn


GENERIC: list[Any] = [
    Page[int](items=[1, 2]),
    Page[str | None](items=["a", None]),
    Page[Optional[int]](items=[None]),  # noqa: UP045  # the older spelling is another object
    Page[Literal["a", 2]](items=["a", 2]),
    Page[list[dict[str, int]]](items=[[{"a": 1}]]),
    Page[Page[int]](items=[Page[int](items=[1])]),
    Page[tuple[int, ...]](items=[(1, 2)]),
    Page[Any](items=[1, "a"]),
    Page[Box[int]](items=[Box[int](3)]),
    Pair[int, Page[str]](one=1, other=Page[str](items=["a"])),
    Page(items=[1]),
    Box[int](3),
    Box[Box[int]](Box[int](3)),
    Tight[int](3),
    Crate[int](3),
    Loose[int](3),
    Names[int]({"a": 1}),
    Row[int]([1]),
    Sorted[int]({"b": 1, "a": 2}),
    Point[int](1),
    Struct[int](1),
]
SMALL: list[Any] = [
    pydantic.SecretStr("s"),
    pydantic.SecretBytes(b"s"),
    pydantic.Secret[int](3),
    Token("t"),
    AnyUrl("http://a.example/b?c=d#e"),
    HttpUrl("https://user:pass@a.example:8443/b"),
    Api("https://a.example"),
    FileUrl("file:///a/b"),
    PostgresDsn("postgres://u:p@h1:5432,h2/db"),
    RedisDsn("redis://h/1"),
    AmqpDsn("amqp://h/1"),
    MongoDsn("mongodb://h1,h2/db"),
    NameEmail(name="a", email="a@b.example"),
    pydantic_core.Url("http://a.example"),
    pydantic_core.MultiHostUrl("mongodb://h1,h2/db"),
    pydantic_core.TzInfo(-12600),
    pydantic.TypeAdapter(dt.datetime).validate_python("2026-01-02T03:04:05+01:00"),
    pydantic.TypeAdapter(dt.time).validate_python("03:04:05Z"),
    Settings(key=pydantic.SecretStr("k"), raw=b"r", home="https://a.example", database="postgres://u:p@h/db"),  # type: ignore[arg-type]  # pydantic makes them
]


@pytest.mark.parametrize("value", [*GENERIC, *SMALL], ids=lambda value: f"{type(value).__name__} {value!r}"[:60])
def test_it_comes_back_equal(value: Any) -> None:
    back = codec.loads(codec.dumps(value))
    assert back == value
    assert type(back) is type(value)
    assert codec.digest(back) == codec.digest(value)
    (inner,) = codec.loads(codec.dumps({"a": [value]}))["a"]  # type: ignore[index]  # as written
    assert inner == value


def test_secrets_and_urls_still_do_what_they_did() -> None:
    secret: Any = codec.loads(codec.dumps(pydantic.SecretStr("s")))
    assert (secret.get_secret_value(), repr(secret)) == ("s", "SecretStr('**********')")
    url: Any = codec.loads(codec.dumps(HttpUrl("https://a.example:8443/b?c=d")))
    assert (url.host, url.port, url.path, url.query) == ("a.example", 8443, "/b", "c=d")


def test_another_process_makes_the_class_again(tmp_path: Path) -> None:
    (tmp_path / "pages.py").write_text(
        "import pydantic\nfrom typing import Generic, TypeVar\nT = TypeVar('T')\n"
        "class Page(pydantic.BaseModel, Generic[T]):\n    items: list[T]\n"
    )
    write = "def f():\n    return pages.Page[list[int]](items=[[1]])\nopen('v', 'wb').write(codec.dumps(f()))"
    read = "v = codec.loads(open('v', 'rb').read())\nassert v == pages.Page[list[int]](items=[[1]]), v"
    for code in (write, read):
        text = f"import pages\nfrom nbflow import codec\n{code}"
        run = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr


def test_an_argument_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = codec.dumps(Page[Box[int]](items=[Box[int](3)]))
    monkeypatch.delattr(sys.modules[__name__], "Box")
    back = codec.loads(stored)
    assert isinstance(back, Unloadable)
    assert "Box" in back.type_name


def test_what_cannot_be_stored_inside_is_named() -> None:
    with pytest.raises(UnserializableError, match=r"value\.items\[0\]"):
        codec.dumps(Page[Any](items=[object()]))


def test_an_argument_that_cannot_be_written_down_leaves_the_class_s_own_name() -> None:
    value = Page[Annotated[int, pydantic.Field(gt=0)]](items=[1])
    with pytest.raises(UnserializableError, match="no class is found under its name"):
        codec.dumps(value)


def image(mode: str) -> PIL.Image.Image:
    noise = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return PIL.Image.fromarray(noise).convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "LA", "I;16"])
def test_images_come_back_pixel_by_pixel(mode: str) -> None:
    picture = PIL.Image.new("I;16", (7, 5), 300) if mode == "I;16" else image(mode)
    picture.info = {"dpi": (72.0, 72.0), "Title": "a"}
    assert codec.loads(codec.dumps(picture)) == picture


def test_an_image_from_a_file_comes_back_as_a_plain_one(tmp_path: Path) -> None:
    image("P").save(tmp_path / "a.png")
    with PIL.Image.open(tmp_path / "a.png") as picture:
        back: Any = codec.loads(codec.dumps(picture))
        assert type(back) is PIL.Image.Image
        assert (back.size, back.mode, back.tobytes()) == (picture.size, picture.mode, picture.tobytes())
        assert back.convert("RGB").tobytes() == picture.convert("RGB").tobytes()
    assert codec.loads(codec.dumps(PIL.Image.new("RGB", (0, 3)))) == PIL.Image.new("RGB", (0, 3))


def test_an_image_that_claims_more_than_it_has_is_not_made() -> None:
    from nbflow.codec.types.images import UNPACK

    (unpack,) = UNPACK.values()
    with pytest.raises(ValueError, match="no 100000 x 100000 pixels"):
        unpack(["RGB", [100_000, 100_000], b"abc", None, {}])


def test_the_advice_for_a_figure_works(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbflow.codec import classes, wire

    figure = Figure()
    figure.add_subplot().plot([1, 2])
    with pytest.raises(UnserializableError, match=r"register_type\(type\(figure\), pickle=True\)"):
        codec.dumps({"plot": figure})
    monkeypatch.setattr(classes, "_by_class", dict(classes._by_class))
    monkeypatch.setattr(classes, "_by_name", dict(classes._by_name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        codec.register_type(type(figure), pickle=True)
    try:
        back: Any = codec.loads(codec.dumps({"plot": figure}))
        assert len(back["plot"].axes[0].lines) == 1
    finally:
        wire.PLANS.pop(Figure, None)
