"""What a serializer is, and whether one that is passed is the one that there is."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from nbflow import codec
from nbflow._support.foreign import check_own
from nbflow.errors import InvalidOptionError


@runtime_checkable
class SerializerProtocol(Protocol):
    """Values to bytes and back, with a word that says how."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:  # noqa: ANN401  # any value
        """Encode a value."""
        ...

    def loads_typed(self, data: tuple[str, bytes]) -> Any:  # noqa: ANN401  # as above
        """Decode a value."""
        ...


class JsonPlusSerializer:
    """Nbflow's codec under the name that LangGraph's users know; what savers and caches use anyway.

    Args:
        pickle_fallback: only False: what can't be stored is told, and allowed class by class with
            ``nbflow.register_type(cls, pickle=True)``.
        allowed: ``allowed_json_modules`` and ``allowed_msgpack_modules`` are accepted; loading imports no module.

    Raises:
        InvalidOptionError: for ``pickle_fallback=True``.
    """

    def __init__(self, *, pickle_fallback: bool = False, **allowed: object) -> None:
        if pickle_fallback:
            raise InvalidOptionError(
                "JsonPlusSerializer()",
                "pickle_fallback",
                "True",
                "loading a pickle runs what it holds; allow it class by class: nbflow.register_type(cls, pickle=True)",
            )
        unknown = set(allowed) - {"allowed_json_modules", "allowed_msgpack_modules"}
        if unknown:
            raise InvalidOptionError("JsonPlusSerializer()", unknown.pop(), "given", "there is no such option")

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:  # noqa: ANN401  # any value
        """Encode a value."""
        return "nbflow", codec.dumps(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:  # noqa: ANN401  # as above
        """Decode a value."""
        return codec.loads(data[1])


def check_serde(where: str, given: object) -> None:
    """Check that a serializer is the one that there is.

    Raises:
        InvalidOptionError: for any other.
        ForeignObjectError: for one of LangGraph's.
    """
    if given is None or type(given) is JsonPlusSerializer:
        return
    check_own(where, "serde", given)
    raise InvalidOptionError(
        where,
        "serde",
        f"a {type(given).__name__}",
        "values are stored by nbflow's codec alone, so that they can be replayed exactly. Teach it a class with "
        "nbflow.register_type(cls, encode=..., decode=...); to encrypt what is stored, wrap the saver in an "
        "EncryptedSaver",
    )
