"""What is fixed about a workflow when it is declared; ``Workflow`` adds the ways to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.constants import INTERRUPT
from nbflow.errors import InvalidOptionError, NoCheckpointerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.cache.base import BaseCache
    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.checkpoint.points import Point
    from nbflow.core.call import Spec
    from nbflow.core.record import Record
    from nbflow.core.value import Value
    from nbflow.store.base import BaseStore
    from nbflow.values import Command, Interrupt, RunnableConfig


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
        debug: whether every run prints its updates and values.
    """

    debug = False

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

    def check_options(self, where: str, given: Mapping[str, str | Sequence[str] | None]) -> None:
        """Check the options of a run that are about a graph, which an entrypoint has none of.

        Args:
            where: the method, for errors.
            given: the options by name; None for what was not said.

        Raises:
            InvalidOptionError: if one is given.
        """
        for name, value in given.items():
            if value is not None:
                raise InvalidOptionError(where, name, repr(value), "that is for graphs")

    def check_input(self, value: object, kept: Value | None) -> None:
        """Check what a new run would begin with, before anything is written; an entrypoint takes anything.

        Args:
            value: the input.
            kept: as of ``kept_at``.
        """

    def kept_at(self, saver: BaseCheckpointSaver, point: Point | None) -> Value | None:  # noqa: ARG002  # of others
        """Return what a run that begins at a checkpoint is given of what was before it: what was saved last."""
        last = point.last if point is not None else None
        return last.kept if last is not None else None

    def steered(self, past: Sequence[Record], command: Command, where: str) -> list[Record]:  # noqa: ARG002  # of others
        """Return what has a run go on as a command says, beside the answers in it.

        Raises:
            InvalidOptionError: for an update or a route, which an entrypoint can't take.
        """
        if command.update is not None or command.goto or command.graph is not None:
            raise InvalidOptionError(
                where,
                "input",
                repr(command),
                "an entrypoint takes Command(resume=answer) alone; update and goto are for graphs",
            )
        return []

    def replaced(self, records: Sequence[Record], at: str, value: object) -> object:  # noqa: ARG002  # of others
        """Return what stands for a call of a run that is to have returned a value.

        Args:
            records: of the run.
            at: position of the call.
            value: as it was given.
        """
        return value

    def paused(
        self,
        records: Sequence[Record],  # noqa: ARG002  # of others
        interrupts: Sequence[Interrupt],
        state: Mapping[str, object] | None = None,  # noqa: ARG002  # of others
    ) -> object:
        """Return what a run that waits with questions gives its caller."""
        return {INTERRUPT: list(interrupts)}

    def typed(self, values: object, ns: Sequence[str] = (), *, is_output: bool = False) -> object:  # noqa: ARG002  # of others
        """Return values that a stream or a run gives as those are typed who ask for ``version="v2"``.

        Args:
            values: the result, or a state on the way to it.
            ns: names the nested run that they are of, as in chunks; empty for this one.
            is_output: whether they are the result.
        """
        return values

    def saver(self, what: str) -> BaseCheckpointSaver:
        """Return the checkpointer; ``what`` names in the error who needs it.

        Raises:
            NoCheckpointerError: if there is none.
        """
        if self.checkpointer is None or isinstance(self.checkpointer, bool):
            raise NoCheckpointerError(self.name, what)
        return self.checkpointer
