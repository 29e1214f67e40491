"""The index of a store: texts to vectors through any embedder, and how near two vectors are.

Vectors are kept at length 1, as 32-bit floats, so that a product is the cosine. numpy is used
when it is installed. Raises InvalidOptionError for what an embedder should not have returned.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from itertools import islice
from operator import mul
from typing import Any, NamedTuple

from nbflow.codec.optional import optional
from nbflow.errors import InvalidOptionError
from nbflow.store.embedder import Embedder
from nbflow.store.paths import Path, parsed

_OPTIONS = ("dims", "embed", "fields")
_EXAMPLE = '{"dims": 384, "embed": texts_to_vectors}'


class Wanted(NamedTuple):
    """The texts that a batch needs vectors of: queries as asked, documents as found in values."""

    queries: list[str]
    documents: list[str]


class Vectors(NamedTuple):
    """Vectors by text."""

    queries: dict[str, array[float]]
    documents: dict[str, array[float]]


class Index:
    """What ``index=`` of a store asks for.

    Attributes:
        dims: numbers per vector.
        fields: paths to the texts of a value, where a put does not say its own.
    """

    def __init__(self, config: Any) -> None:  # noqa: ANN401  # whatever a caller gave
        if not isinstance(config, dict) or not {"dims", "embed"} <= set(config) <= set(_OPTIONS):
            found = f"a dict with {list(config)}" if isinstance(config, dict) else repr(config)
            expected = f"it has dims, embed and maybe fields, such as {_EXAMPLE}"
            raise InvalidOptionError("store", "index", found, expected)
        self.dims: int = config["dims"]
        if isinstance(self.dims, bool) or not isinstance(self.dims, int) or self.dims < 1:
            raise InvalidOptionError("store", "index['dims']", repr(self.dims), "it is how many numbers a vector has")
        self.fields = parsed_fields(config.get("fields") or ["$"], "store")
        self._embedder = Embedder(config["embed"])

    def embed(self, wanted: Wanted) -> Vectors:
        """Return the vectors of some texts; blocks until they are there."""
        return self._collect(wanted, *self._embedder.embed(*wanted))

    async def aembed(self, wanted: Wanted) -> Vectors:
        """As ``embed``, awaited."""
        queries, documents = await self._embedder.aembed(*wanted)
        return self._collect(wanted, queries, documents)

    def _collect(self, wanted: Wanted, queries: object, documents: object) -> Vectors:
        return Vectors(self._by_text(wanted.queries, queries), self._by_text(wanted.documents, documents))

    def _by_text(self, texts: list[str], vectors: Any) -> dict[str, array[float]]:  # noqa: ANN401  # a list or an array
        try:
            rows = [[float(number) for number in vector] for vector in vectors]
        except (TypeError, ValueError) as error:
            found = f"a function that returns {_shown(vectors)}"
            raise InvalidOptionError("store", "embed", found, "it returns a list of lists of numbers") from error
        if len(rows) != len(texts):
            found = f"a function that returns {len(rows)} vectors for {len(texts)} texts"
            raise InvalidOptionError("store", "embed", found, "it returns one for each")
        return {text: self._normal(row) for text, row in zip(texts, rows, strict=True)}

    def _normal(self, row: list[float]) -> array[float]:
        if len(row) != self.dims:
            found = f"a function that returns vectors of {len(row)} numbers"
            raise InvalidOptionError("store", "embed", found, f"index['dims'] says {self.dims}; let the two agree")
        size = math.hypot(*row)
        if not math.isfinite(size):
            raise InvalidOptionError("store", "embed", "a function that returns nan or inf", "it returns numbers")
        return array("f", (number / size for number in row) if size else row)


def parsed_fields(fields: object, where: str) -> tuple[Path, ...]:
    """Return the paths of an index.

    Raises:
        InvalidOptionError: if they are not a list of paths that can be read.
    """
    if not isinstance(fields, list | tuple):
        raise InvalidOptionError(where, "index", repr(fields), 'it is a list of paths such as ["title"]')
    return tuple(parsed(field, where) for field in fields)


def packed(vectors: Sequence[array[float]]) -> bytes:
    """Return vectors as bytes, one after the other, little end first."""
    joined = array("f")
    for vector in vectors:
        joined.extend(vector)
    if sys.byteorder == "big":
        joined.byteswap()
    return joined.tobytes()


def nearness(query: array[float], items: Sequence[bytes]) -> list[float]:
    """Return for each item the cosine of the query and the nearest of its vectors, between -1 and 1.

    Args:
        query: of length 1.
        items: the vectors of each, packed; one at least.
    """
    products = iter(_products(query, b"".join(items)))
    width = len(query) * query.itemsize
    return [min(1.0, max(-1.0, *islice(products, len(item) // width))) for item in items]


def _products(query: array[float], data: bytes) -> list[float]:
    size = len(query)
    try:
        numpy = optional("numpy")
    except ImportError:
        numbers = array("f")
        numbers.frombytes(data)
        if sys.byteorder == "big":
            numbers.byteswap()
        return [sum(map(mul, query, numbers[at : at + size])) for at in range(0, len(numbers), size)]
    rows = numpy.frombuffer(data, dtype="<f4").reshape(-1, size)
    found: list[float] = (rows @ numpy.array(query, dtype="f4")).tolist()
    return found


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"a {type(value).__name__}"  # noqa: PLR2004  # characters of one line
