"""What a program may ask of the world, and what it is told.

A program is a generator that yields effects and receives outcomes. It never waits, so the
same program serves worker threads and the event loop; a driver carries the effects out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

import msgspec

from nbflow.core.outcome import Outcome

if TYPE_CHECKING:
    from nbflow.core.call import Call, Frame, Mailbox
    from nbflow.core.deliveries import Deliveries
    from nbflow.core.record import Record


class Invoke(msgspec.Struct, frozen=True):
    """Run the function of a call once, in ``frame``."""

    call: Call
    frame: Frame


class Sleep(msgspec.Struct, frozen=True):
    """Wait for ``seconds``, lengthened by up to ``jitter`` of itself by chance."""

    seconds: float
    jitter: float


class Commit(msgspec.Struct, frozen=True):
    """Make records durable; the reply says whether they are.

    Attributes:
        records: in order.
        ends: the call whose end the last of them is; its result is not given to a body before those of lower rows.
        saves: the call whose commit this is, if what bodies have seen is among them (``Call.saving``): others wait
            with what they have to make durable until that is.
        joins: whether they may become durable with the run's next commit, which comes before any code of the user's.
        at_once: whether they must be on the disk when it is over, whatever the run's durability.
    """

    records: Sequence[Record]
    ends: Call | None = None
    saves: Call | None = None
    joins: bool = False
    at_once: bool = False


class Await(msgspec.Struct, frozen=True):
    """Wait for other calls of the same run; the reply's value is the list of their outcomes."""

    calls: Sequence[Call]


class AwaitAny(msgspec.Struct, frozen=True):
    """Wait until a call has ended that is put into a mailbox when it has; an error if that wait was cancelled."""

    mailbox: Mailbox


class AwaitSaved(msgspec.Struct, frozen=True):
    """Wait until the commit that carries what ``body`` has seen is over."""

    body: Deliveries


class AwaitTold(msgspec.Struct, frozen=True):
    """Wait until those who listen have been told of all that has happened so far."""


class Recall(msgspec.Struct, frozen=True):
    """Look the result of a call up in the cache.

    The reply's value is a ``Value`` that was found; the ``Call`` that computes it at this moment; or
    None: then this call computes it, and others wait for it until it has ended.
    """

    call: Call


class Remember(msgspec.Struct, frozen=True):
    """Put the result of a call into the cache."""

    call: Call
    result: object


class Compute(msgspec.Struct, frozen=True):
    """Call ``fn``, which runs code of the user's or reads files, without the run's lock; the reply says how it ended.

    Attributes:
        fn: to call.
        waits: whether it may take so long that a loop goes on meanwhile.
    """

    fn: Callable[[], object]
    waits: bool = False


Effect = Invoke | Sleep | Commit | Await | AwaitAny | AwaitSaved | AwaitTold | Recall | Remember | Compute
Program = Generator[Effect, Outcome, Outcome]
