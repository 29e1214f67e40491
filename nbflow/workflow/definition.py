"""What is fixed about a workflow when it is declared; ``Workflow`` adds the ways to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.errors import NoCheckpointerError

if TYPE_CHECKING:
    from nbflow.cache.base import BaseCache
    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.core.call import Spec
    from nbflow.store.base import BaseStore
    from nbflow.values import RunnableConfig


class Definition:
    """A function and what it was declared with.

    Attributes:
        name: of the function; one that is set later is shown, and changes nothing in what is stored or streamed.
        spec: what is fixed about the function.
        checkpointer: keeps runs; None keeps nothing.
        store: long-term memory, or None.
        cache: of results that calls may take from earlier ones, or None.
        context_schema: type of ``context``, or None.
        config: bound by ``with_config``.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        checkpointer: BaseCheckpointSaver | bool | None = None,
        store: BaseStore | None = None,
        cache: BaseCache | None = None,
        context_schema: type | None = None,
        config: RunnableConfig | None = None,
    ) -> None:
        self.name = spec.name
        self.spec = spec
        self.checkpointer = checkpointer
        self.store = store
        self.cache = cache
        self.context_schema = context_schema
        self.config = config
        self.__doc__ = spec.fn.__doc__
        self.__wrapped__ = spec.fn

    def saver(self, what: str) -> BaseCheckpointSaver:
        """Return the checkpointer; ``what`` names in the error who needs it.

        Raises:
            NoCheckpointerError: if there is none.
        """
        if self.checkpointer is None or isinstance(self.checkpointer, bool):
            raise NoCheckpointerError(self.name, what)
        return self.checkpointer
