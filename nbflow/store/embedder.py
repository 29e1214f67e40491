"""Whatever turns texts into vectors, called from sync and from async code.

An async function that is needed in sync code runs on the runtime's own loop, so a client that
keeps connections open finds the same loop each time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from nbflow._support.offload import offload
from nbflow.errors import InvalidOptionError

Embed = Callable[[list[str]], Any]  # to vectors, or to an awaitable of them


class Embedder:
    """An ``embed`` of an index: a function, sync or async, or an object of LangChain's kind."""

    def __init__(self, embed: Any) -> None:  # noqa: ANN401  # whatever a caller gave
        if hasattr(embed, "embed_documents") and hasattr(embed, "embed_query"):
            self._queries: Embed = partial(_one_by_one, embed.embed_query)
            self._documents: Embed = embed.embed_documents
            self._aqueries: Embed = self._queries
            if hasattr(embed, "aembed_query"):
                self._aqueries = partial(_aone_by_one, embed.aembed_query)
            self._adocuments: Embed = getattr(embed, "aembed_documents", self._documents)
        elif callable(embed):
            self._queries = self._documents = self._aqueries = self._adocuments = embed
        else:
            expected = "it is a function from texts to vectors, or has embed_documents and embed_query"
            raise InvalidOptionError("store", "index['embed']", repr(embed), expected)

    def embed(self, queries: list[str], documents: list[str]) -> tuple[Any, Any]:
        """Return vectors of queries and of documents, as they come."""
        pairs = ((self._queries, queries), (self._documents, documents))
        first, second = (_called(embed, texts) if texts else () for embed, texts in pairs)
        return first, second

    async def aembed(self, queries: list[str], documents: list[str]) -> tuple[Any, Any]:
        """As ``embed``, awaited; a sync function runs on a worker thread."""
        first = await _awaited(self._aqueries, queries) if queries else ()
        return first, await _awaited(self._adocuments, documents) if documents else ()


def _one_by_one(embed: Callable[[str], Any], texts: list[str]) -> list[Any]:
    return [embed(text) for text in texts]


async def _aone_by_one(embed: Callable[[str], Awaitable[Any]], texts: list[str]) -> list[Any]:
    vectors = []
    for text in texts:
        vectors.append(await embed(text))  # noqa: PERF401  # so as not to repeat the sync one
    return vectors


def _is_async(embed: Any) -> bool:  # noqa: ANN401  # any callable
    inner = embed.func if isinstance(embed, partial) else embed
    return iscoroutinefunction(inner) or iscoroutinefunction(getattr(inner, "__call__", None))  # noqa: B004  # its kind


def _called(embed: Embed, texts: list[str]) -> object:
    found = embed(texts)
    return _finished(found) if hasattr(type(found), "__await__") else found


async def _awaited(embed: Embed, texts: list[str]) -> object:
    found = embed(texts) if _is_async(embed) else await offload(embed, texts)
    return await found if hasattr(type(found), "__await__") else found


def _finished(vectors: Any) -> object:  # noqa: ANN401  # any awaitable
    """Await vectors on the runtime's loop, as no branch of any body, and wait for them here.

    Raises:
        InvalidOptionError: on that loop itself, which would wait for itself.
    """
    import asyncio  # noqa: PLC0415  # only async embedders pay for it

    from nbflow.core.call import current_frame  # noqa: PLC0415  # as above
    from nbflow.drivers import aio  # noqa: PLC0415  # as above

    loop = aio.runtime_loop()
    if asyncio._get_running_loop() is loop:  # noqa: SLF001  # a documented name of asyncio.events
        if hasattr(vectors, "close"):
            vectors.close()  # or Python warns that nobody awaited it
        expected = "this is async code, where it is awaited: write `await store.aput(...)`, `await store.asearch(...)`"
        raise InvalidOptionError("store", "embed", "an async function", expected)
    context = copy_context()
    context.run(current_frame.set, None)
    future = context.run(asyncio.run_coroutine_threadsafe, aio.fully(vectors), loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise
