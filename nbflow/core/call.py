"""Who asks whom: what is fixed per function, per call, and per attempt.

A call's identity is its path: positions from the root body, one counter per logical branch.
Nothing here runs a function; see ``scheduler`` for what is decided and ``drivers`` for the doing.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from nbflow.core.branches import Branches, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextvars import Context

    from nbflow.core.branches import Recorded
    from nbflow.core.deadline import Deadline
    from nbflow.core.deliveries import Deliveries, Seen
    from nbflow.core.file_read import FileRead, Opened
    from nbflow.core.outcome import Outcome
    from nbflow.core.rebuilt import Recalled
    from nbflow.core.record import (
        AnsweredBefore,
        Asked,
        CallFailed,
        CallReturned,
        Fallback,
        MapReturned,
        Marked,
        Record,
        Reopened,
    )
    from nbflow.values.policies import CachePolicy, RetryPolicy, TimeoutPolicy


class Injected(NamedTuple):
    """A parameter that the runtime fills.

    Attributes:
        name: of the parameter.
        what: it is filled with: ``"config"``, ``"store"``, ``"writer"``, ``"previous"`` or ``"runtime"``.
        position: its place; an argument passed there leaves it to the caller.
        optional: whether it has a default, which stands when there is nothing to fill it with.
    """

    name: str
    what: str
    position: int
    optional: bool


class Injecting(Protocol):
    """A function of which some parameters are filled by the runtime."""

    @property
    def inject(self) -> tuple[Injected, ...]:
        """Those parameters."""
        ...


@dataclass(slots=True, eq=False)
class Spec:  # type: ignore[explicit-any]  # of its field fn
    """What is fixed about a function at its decoration.

    Attributes:
        name: what calls of it are named in streams and records.
        fn: the user's function.
        kind: ``"task"``, ``"entrypoint"``, ``"graph"`` or ``"node"``.
        is_async: whether calling ``fn`` gives a coroutine.
        retry: policies; the first whose predicate matches a failure governs it.
        program: carries its calls out instead of the function; None for the usual attempts.
        inject: the parameters that the runtime fills.
        cache: when results may be taken from earlier calls; None for never.
        timeout: how long an attempt may take; None for no limit.
        limits: its limits, as the drivers keep them; None for none.
        yields: whether it is a generator function, whose parts are passed on as they come.
        stateful: whether a nested body has a ``previous`` of its own, from earlier runs of the thread.
        at_most_once: whether a call that has begun is never begun again.
        files: whether the files that a call reads, or those that it calls, are recorded with its result.
        derived: whether its arguments follow from what is recorded, so that they have no digest.
        source: normalised source of the function; empty when there is none, or a version stands for it.
        text: source of the function as it was written; empty when it can't be read.
        place: where that is written: module and line, such as ``"flows:12"``.
        version: stands for the code, if the author gave one.
        parts: what that digest covers, by name: the source itself under "", helpers and values that it names.
        packages: versions of the installed packages that it uses, by name.
        module: code that defines it where nothing else is defined, kept with its runs; empty if that is not known.
        code: digest of the function's code, as the run that this one belongs to found it; empty when it has none.
        kept: the function with its last digest, and what that was found from; None before the first.
        warned: of what its author was warned; once is enough.
    """

    name: str
    fn: Callable[..., object]  # type: ignore[explicit-any]  # a user's function takes anything
    kind: str = "task"
    is_async: bool = False
    retry: tuple[RetryPolicy, ...] = ()
    program: Callable[[Any, Call], Any] | None = None  # type: ignore[explicit-any]  # of a Scheduler, a Program
    inject: tuple[Injected, ...] = ()
    cache: CachePolicy | None = None
    timeout: TimeoutPolicy | None = None
    limits: object = None
    yields: bool = False
    stateful: bool = False
    at_most_once: bool = False
    files: bool = True
    derived: bool = False
    source: str = ""
    text: str = ""
    place: str = ""
    version: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    module: str = ""
    code: bytes = b""
    kept: Any = None  # type: ignore[explicit-any]  # fingerprint alone knows
    warned: set[str] = field(default_factory=set)


class Submit(Protocol):
    """Has a call carried out."""

    def __call__(
        self, frame: Frame, spec: Spec, args: tuple[object, ...], kwargs: dict[str, object], *, waits: bool = False
    ) -> Promise:
        """Take a request of a body; ``waits`` says that whoever asks waits for it at once, in its thread."""
        ...


class Mailbox(Protocol):
    """Takes in which calls have ended."""

    def put(self, call: Call) -> None:
        """Put a call in that has ended."""
        ...

    def take(self) -> Sequence[Call]:
        """Return those that have ended since it was asked last."""
        ...

    def wait(self) -> Outcome:
        """Wait in this thread until there is a call to take."""
        ...

    async def await_one(self) -> Outcome:
        """As ``wait``, on this loop; the outcome is an error if that was cancelled."""
        ...


class Host(Protocol):
    """Takes the requests that the code of a run makes."""

    @property
    def submit(self) -> Submit:
        """What has a call carried out."""
        ...

    def branch(self, frame: Frame, key: str) -> Frame:
        """Return the frame of a new branch of a body; ``key`` as for ``Branches``."""
        ...

    def mailbox(self) -> Mailbox:
        """Return a new place where calls are put that have ended."""
        ...

    def submit_for(self, frame: Frame, spec: Spec, args: tuple[object, ...], mailbox: Mailbox) -> Call:
        """Have a call carried out, and put into a mailbox when it has ended; return it."""
        ...

    def cancel(self, call: Call) -> None:
        """Cancel a call."""
        ...

    def look_again(self, call: Call) -> tuple[str, ...]:
        """Return the names of a call's arguments that were changed in place since it was made, and tell of them."""
        ...

    def files_of(self, call: Call, named: Sequence[object]) -> Sequence[FileRead] | Callable[[], Sequence[FileRead]]:
        """Return the files that a call has read, or what finds them out where that takes long.

        Args:
            call: has ended.
            named: which of its arguments may be names of files.
        """
        ...

    def still_holds(self, files: Sequence[FileRead]) -> bool:
        """Whether files are as they were when a result was made of them."""
        ...

    def hear(
        self,
        frame: Frame,
        stream: str,
        content: str | Mapping[str, object],
        show: Callable[[], object],
        display: str = "",
    ) -> None:
        """Take in what the code of a frame says, as ``Outputs.put`` does; ``show`` is what prints or displays it."""
        ...

    def stand(self, frame: Frame) -> list[Marked]:
        """Have a body go on from its last mark; return its marks, from the last whole one on."""
        ...

    def miss(self, body: Deliveries, branch: str) -> None:
        """Count that a body went on without a result, since a timer of one of its branches went off."""
        ...

    def give_here(self, body: Deliveries) -> None:
        """Give a body what has arrived, when the loop that runs here has nothing else to do for it."""
        ...


class Promise:
    """The outcome of a call, which may still be to come.

    Attributes:
        call: whose outcome it is.
    """

    __slots__ = ("call",)

    call: Call


class Call(msgspec.Struct, eq=False):
    """One request to run a function.

    Attributes:
        path: position, such as ``"0.2"``; empty until it is opened.
        spec: what to run.
        args, kwargs: what with.
        caller: the frame that asked; None for the body of a run.
        context: the context that the function runs in.
        inputs: digest of the arguments; empty when nothing is kept.
        shown: the arguments as short text.
        edges: paths of the calls whose futures were passed as arguments.
        attempt: number of the attempt under way, from 1.
        requested: when it was asked for, if it had to wait for its turn; else 0.
        started: when the first attempt began.
        deadline: limits of the attempt under way; None without a timeout.
        cached: whether its outcome came out of a cache.
        carry: records that become durable together with this call's end.
        outcome: how it ended, once it has.
        failure: the record of its failure, once it has failed.
        seen: failures of others that its body was told of since its last durable step.
        asked: the questions its body waits with.
        waits_for: calls whose outcomes are among the arguments and still to come.
        promise: what its caller was given.
        inline: how many calls run nested in one worker thread above this one.
        namesakes: how many calls of the same name its caller had made before.
        held: whether it may not begin yet.
        row: number of the row that its end is stored in, which says when its caller is given the result; 0 for none.
        shelved: whether its caller is recorded to have cancelled it: it does not run unless it is waited for.
        deliveries: what leads its result to its caller; None for the body of a run.
        recalled: what the log holds of it; None if nothing.
        taken: the result of an earlier run that it takes over; None if it runs.
        changed: names of the arguments that were changed in place since it was made.
        reads: by path, the files that its code has opened, and those that results it was given rest on; None for none.
        files: those that its result rests on.
        made_with: as of ``CallReturned``.
        joins: whether its end may be stored with the mark that its caller makes of it at once.
        cancelled: whether its caller has cancelled it, so that its end does not count.
        cancelling: whether its caller has asked it to stop.
        gathered: of a map that has returned, what its record says beside other calls'.
        saving: what bodies around it have seen and a commit of it that is under way carries; None for nothing.
    """

    path: str
    spec: Spec
    args: tuple[object, ...]
    kwargs: dict[str, object]
    caller: Frame | None = None
    context: Context | None = None
    inputs: bytes = b""
    shown: str = ""
    edges: tuple[str, ...] = ()
    waits_for: tuple[Call, ...] = ()
    attempt: int = 0
    requested: float = 0.0
    started: float = 0.0
    deadline: Deadline | None = None
    cached: bool = False
    carry: tuple[Record, ...] = ()
    failure: CallFailed | None = None
    seen: list[CallFailed] | None = None
    asked: list[Asked | AnsweredBefore | Fallback | Reopened] | None = None
    outcome: Outcome | None = None
    promise: Promise | None = None
    inline: int = 0
    namesakes: int = 0
    held: bool = False
    row: int = 0
    changed: tuple[str, ...] = ()
    reads: dict[str, Opened | FileRead] | None = None
    files: tuple[FileRead, ...] = ()
    made_with: Mapping[str, str] = {}
    deliveries: Deliveries | None = None
    recalled: Recalled | None = None
    taken: CallReturned | None = None
    shelved: bool = False
    joins: bool = False
    cancelled: bool = False
    cancelling: bool = False
    gathered: MapReturned | None = None
    saving: Seen | None = None

    def __repr__(self) -> str:
        return f"<call {self.path} of {self.spec.name!r}>"

    def find_promises(self) -> None:
        """Note the calls whose futures are among the arguments."""
        waits_for = [arg.call for arg in (*self.args, *self.kwargs.values()) if isinstance(arg, Promise)]
        self.waits_for, self.edges = tuple(waits_for), tuple(other.path for other in waits_for)

    @property
    def lineage(self) -> str:
        """What a stateful nested body keeps its history under; empty for any other call.

        It says where the call stands as its path does, but counts calls by name, so that other calls
        before it may come and go between two runs.
        """
        if not self.spec.stateful:
            return ""
        steps: list[str] = []
        call = self
        while call.caller is not None:
            frame = call.caller
            count = "" if call.spec.kind == "node" else f"#{call.namesakes}"  # a node is the same in each round
            steps.append(f"{frame.prefix.removeprefix(frame.call.path)}/{call.spec.name}{count}")
            call = frame.call
        return "".join(reversed(steps))


class Frame(msgspec.Struct, eq=False):
    """Where the body of a call stands, in one attempt and one branch.

    Attributes:
        call: whose body it is.
        host: takes its requests.
        prefix: path that positions are counted under.
        calls, asks: how many it has made so far.
        branches: numbers its branches; None until there is one.
        names: how many of the calls had which name; None before the first.
        below: the event loop that ran in its thread when its body began; None if there was none.
        fresh: whether what the log holds for later positions no longer counts.
        left: how many steps it has still to come by again, of those that it had behind it before the run went on.
        key: numbers and keys of the branches that it stands in, outermost first; empty of a trunk.
        trunk: the frame of the attempt that this one is a branch of; None if it is that frame.
        over: of a trunk, whether the attempt is over.
        deliveries: of a trunk, the results on their way to the body; None until it makes a call.
        drawn: how many ids it has made.
        around: of a branch, the frame that it was made in.
        place: of a branch, how many calls and branches that frame had made before.
        made: how many branches it has made.
    """

    call: Call
    host: Host
    prefix: str
    fresh: bool = False
    calls: int = 0
    asks: int = 0
    branches: Branches | None = None
    trunk: Frame | None = None
    over: bool = False
    names: dict[str, int] | None = None
    below: object = None
    left: int = 0
    key: str = ""
    deliveries: Deliveries | None = None
    drawn: int = 0
    around: Frame | None = None
    place: tuple[int, int] = (0, 0)
    made: int = 0

    def __repr__(self) -> str:
        return f"<body of {self.call!r} at {self.prefix}>"

    @property
    def closed(self) -> bool:
        """Whether the attempt is over, so that no more calls may be made, in any branch of it."""
        return (self.trunk or self).over

    @closed.setter
    def closed(self, value: bool) -> None:
        (self.trunk or self).over = value

    def step(self, *, is_new: bool) -> None:
        """Note that a call or question was come by again, or is the first new one."""
        self.left = 0 if is_new else self.left - 1
        if is_new and self.trunk is not None:
            self.trunk.left = 0  # what the branch comes to leads the body on

    def branch(self, key: str, recorded: Recorded) -> Frame:
        """Return the frame of a new concurrent branch of this body.

        Args:
            key: what the branch was made for; see ``Branches``.
            recorded: what the log tells of this frame's branches.
        """
        if self.branches is None:
            self.branches = Branches(recorded)
        number, batch = self.branches.number(key)
        frame = Frame(self.call, self.host, f"{self.prefix}.b{number}")
        named = name_of(number, batch, key)
        frame.key = f"{self.key}.{named}" if self.key else named
        frame.fresh = self.fresh
        frame.trunk = self.trunk or self
        frame.around, frame.place = self, (self.calls, self.made)
        self.made += 1
        return frame


current_frame: ContextVar[Frame | None] = ContextVar("nbflow_frame", default=None)


def is_replaying() -> bool:
    """Whether the body whose code asks has been here before, in this run, and what it shows was shown then.

    What a body prints, logs, warns of and displays while it replays is dropped; other effects can ask.
    A task is never replaying: it runs, or its result is there.
    """
    frame = current_frame.get()
    return frame is not None and frame.left > 0
