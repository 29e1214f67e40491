"""What a workflow says of itself: the types of its input, output and context, as JSON schemas."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Any

from nbflow._support.signature import parameters_of
from nbflow.errors import InvalidOptionError, NoCacheError
from nbflow.runs.result_cache import namespace_of
from nbflow.schemas.describe import describe, inline
from nbflow.values import Final
from nbflow.workflow.drawing import Drawn

if TYPE_CHECKING:
    from nbflow.cache.base import BaseCache


class Described(Drawn):
    """The types of a workflow."""

    @property
    def InputType(self) -> Any:  # noqa: ANN401, N802  # a type; LangGraph's name
        """The annotation of the body's first parameter; ``Any`` without one."""
        first = parameters_of(self.spec.fn)[0]
        return Any if first.annotation is inspect.Parameter.empty else self._meant(first.annotation, first.name)

    @property
    def OutputType(self) -> Any:  # noqa: ANN401, N802  # a type; LangGraph's name
        """The annotation of what the body returns; ``Any`` without one, and ``R`` of ``entrypoint.final[R, S]``."""
        annotation = inspect.signature(self.spec.fn).return_annotation
        meant = Any if annotation is inspect.Signature.empty else self._meant(annotation, "return")
        if meant is Final:
            return Any
        return typing.get_args(meant)[0] if typing.get_origin(meant) is Final else meant

    def _meant(self, annotation: object, name: str) -> object:
        """Return what an annotation means; ``Any`` if it names something that is not there."""
        if not isinstance(annotation, str):
            return annotation
        try:
            return typing.get_type_hints(inspect.unwrap(self.spec.fn), include_extras=True)[name]
        except (NameError, TypeError, SyntaxError, KeyError):
            return Any

    def get_input_jsonschema(self) -> dict[str, Any]:
        """Return the JSON schema of the input."""
        return _titled(self.InputType, "NbflowInput")

    def get_output_jsonschema(self) -> dict[str, Any]:
        """Return the JSON schema of the result."""
        return _titled(self.OutputType, "NbflowOutput")

    def get_context_jsonschema(self) -> dict[str, Any] | None:
        """Return the JSON schema of the context; None without a ``context_schema``.

        Raises:
            InvalidOptionError: if the ``context_schema`` is no dataclass, TypedDict or pydantic model.
        """
        schema = describe(self.context_schema, "get_context_jsonschema()")
        return None if schema is None else inline(schema)

    def clear_cache(self) -> None:
        """Forget the results of the body that the workflow's cache holds; tasks have ``task.clear_cache(cache)``.

        Raises:
            NoCacheError: if it has no cache.
        """
        self._cache().clear([namespace_of(self.spec)])

    async def aclear_cache(self) -> None:
        """As ``clear_cache``, awaited."""
        await self._cache().aclear([namespace_of(self.spec)])

    def _cache(self) -> BaseCache:
        if self.cache is None:
            raise NoCacheError(self.name)
        return self.cache


def _titled(kind: object, title: str) -> dict[str, Any]:
    """Return the schema of a type under a title of ours, unless it is a model with its own; any value without one."""
    if kind is Any:
        return {"title": title}
    try:
        schema = describe(kind, title) or {"type": "null"}
    except InvalidOptionError:  # a type that JSON can't describe, such as a DataFrame
        return {"title": title}
    return schema if hasattr(kind, "model_json_schema") else {**schema, "title": title}
