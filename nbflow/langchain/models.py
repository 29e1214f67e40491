"""Hears what LangChain's models say inside a run and passes it to the ``messages`` stream.

Imported only when ``messages`` is streamed and LangChain is there. The handler reaches models
through the injected config's callbacks, and through a hook of LangChain's for those that are
called without a config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk
from langchain_core.tracers.context import register_configure_hook

from nbflow.constants import TAG_NOSTREAM
from nbflow.core.call import Frame, current_frame
from nbflow.session.session import Session, model_listener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult


class Speech:
    """One run of a model.

    Attributes:
        frame: of the code that called it.
        metadata: as LangChain gives it.
        streamed: whether a piece of its message was shown.
    """

    __slots__ = ("frame", "metadata", "streamed")

    def __init__(self, frame: Frame, metadata: dict[str, Any]) -> None:
        self.frame = frame
        self.metadata = metadata
        self.streamed = False

    def tell(self, message: BaseMessage, run_id: UUID) -> None:
        """Show a message, or a piece of one, under an id that its other pieces share."""
        if message.id is None:
            message.id = f"lc_run--{run_id}"
        self.streamed = True
        cast("Session", self.frame.host).emit_message(self.frame, message, self.metadata)


class TokenListener(BaseCallbackHandler):
    """Shows what chat models say, piece by piece as it comes, or whole if it comes so.

    Models that LangChain can stream do so for any handler with the two ``tap`` methods, also
    when they are only invoked. A model run with the tag ``nostream`` is left out.

    Args:
        frame: for whom it speaks where no body runs, such as a thread of the user's own.
    """

    run_inline = True  # in the context of the one who calls the model

    def __init__(self, frame: Frame | None = None) -> None:
        self._frame = frame
        self._speeches: dict[UUID, Speech] = {}

    def added_to(self, callbacks: object, frame: Frame) -> object:
        """Return a config's callbacks with one that speaks for ``frame``."""
        bound = TokenListener(frame)
        if isinstance(callbacks, BaseCallbackManager):
            manager = callbacks.copy()
            for other in [one for one in manager.handlers if isinstance(one, TokenListener)]:
                manager.remove_handler(other)
            manager.add_handler(bound)
            return manager
        others = [one for one in cast("list[object]", callbacks or []) if not isinstance(one, TokenListener)]
        return [*others, bound]

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002  # LangChain's signature
        messages: list[list[BaseMessage]],  # noqa: ARG002  # as above
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **_: object,
    ) -> None:
        """Note who calls the model."""
        frame = current_frame.get() or self._frame
        if frame is not None and TAG_NOSTREAM not in (tags or ()):
            shown = [tag for tag in tags or () if not tag.startswith("seq:step")]
            self._speeches[run_id] = Speech(frame, {**(metadata or {}), **({"tags": shown} if shown else {})})

    def on_llm_new_token(self, token: object, *, chunk: object = None, run_id: UUID, **_: object) -> None:  # noqa: ARG002  # LangChain's signature
        """Show a piece of a message."""
        speech = self._speeches.get(run_id)
        if speech is not None and isinstance(chunk, ChatGenerationChunk):
            speech.tell(chunk.message, run_id)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: object) -> None:
        """Show the message if it came as a whole."""
        speech = self._speeches.pop(run_id, None)
        if speech is None or speech.streamed or not response.generations or not response.generations[0]:
            return
        generation = response.generations[0][0]
        if isinstance(generation, ChatGeneration):
            speech.tell(generation.message, run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: object) -> None:  # noqa: ARG002  # as above
        """Forget a model run that failed."""
        self._speeches.pop(run_id, None)

    def tap_output_iter(self, run_id: UUID, output: Iterator[object]) -> Iterator[object]:  # noqa: ARG002  # as above
        """Leave the output of a runnable as it is."""
        return output

    def tap_output_aiter(self, run_id: UUID, output: AsyncIterator[object]) -> AsyncIterator[object]:  # noqa: ARG002  # as above
        """Leave the output of a runnable as it is."""
        return output


register_configure_hook(model_listener, inheritable=True, handle_class=TokenListener)
