"""Every error and signal of nbflow, in one place.

Two roots: ``NbflowError`` for what a caller can put right, and ``Signal`` for what steers a
run. Signals derive from ``BaseException`` so that an ``except Exception`` in a workflow cannot
mistake a pause for a failure. Raw fields go to ``super().__init__`` and the text is made in
``_text``: pickle rebuilds an exception from its arguments. ``__str__`` adds the ``number`` that each class has for
ever; ``docs/errors.md`` is made of the docstrings, which say what to do.
"""

from __future__ import annotations

from nbflow.errors.graphs import (
    Breakpoint,
    EmptyChannelError,
    ErrorCode,
    GraphRecursionError,
    GraphUpdateError,
    InvalidGraphError,
    NodeError,
    NoParentGraphError,
    ParentCommand,
    TaskNotFound,
    UnfilledJoinWarning,
    UnknownNodeError,
)
from nbflow.errors.resuming import (
    AmbiguousResumeError,
    EmptyInputError,
    InterruptExpiredError,
    InterruptRejectedError,
    InvalidAnswerError,
    MissingContextError,
    NothingToResumeError,
    ReplayMismatchError,
    ThreadBusyError,
    UnfinishedRunError,
    UnknownCheckpointError,
    UnknownInterruptError,
    UnloadableValueError,
    is_invalid_resume,
)
from nbflow.errors.running import (
    CallInterruptedError,
    ChangedArgumentWarning,
    LostFailureWarning,
    MapError,
    NeverCalledWarning,
    NodeCancelledError,
    NodeTimeoutError,
    NotCachedWarning,
    NotNeededError,
    RunCancelledError,
    StandstillWarning,
    UnkeptFailureWarning,
    UnkeptStreamWarning,
    UnreachedCallsWarning,
    UnreadCodeWarning,
)
from nbflow.errors.signals import (
    GraphBubbleUp,
    GraphDrained,
    GraphInterrupt,
    NodeInterrupt,
    RunRests,
    RunStopped,
    Signal,
    UnknownResult,
)
from nbflow.errors.storage import (
    CorruptFileError,
    CorruptRunError,
    CorruptValueError,
    DiskFullError,
    LostFileError,
    NetworkFileError,
    NewerFormatError,
    ReadOnlyFileError,
    RemoteError,
    StorageError,
    UnserializableError,
)
from nbflow.errors.usage import (
    CalledOutsideBodyError,
    CalledOutsideRunError,
    CannotPauseError,
    DecorationError,
    ForeignObjectError,
    InvalidOptionError,
    InvalidUpdateError,
    MissingThreadIdError,
    NbflowError,
    NoCacheError,
    NoCheckpointerError,
    NotKeptAsCheckpointsError,
    UnknownOptionError,
    UnreadFutureError,
    UnreadFutureWarning,
    WouldBlockError,
)

__all__ = [
    "AmbiguousResumeError", "Breakpoint", "CallInterruptedError", "CalledOutsideBodyError", "CalledOutsideRunError",
    "CannotPauseError", "ChangedArgumentWarning", "CorruptFileError", "CorruptRunError", "CorruptValueError",
    "DecorationError", "DiskFullError", "EmptyChannelError", "EmptyInputError", "ErrorCode", "ForeignObjectError",
    "GraphBubbleUp", "GraphDrained", "GraphInterrupt", "GraphRecursionError", "GraphUpdateError",
    "InterruptExpiredError", "InterruptRejectedError", "InvalidAnswerError", "InvalidGraphError", "InvalidOptionError",
    "InvalidUpdateError", "LostFailureWarning", "LostFileError", "MapError", "MissingContextError",
    "MissingThreadIdError", "NbflowError", "NetworkFileError", "NeverCalledWarning", "NewerFormatError", "NoCacheError",
    "NoCheckpointerError", "NoParentGraphError", "NodeCancelledError", "NodeError", "NodeInterrupt", "NodeTimeoutError",
    "NotCachedWarning", "NotKeptAsCheckpointsError", "NotNeededError", "NothingToResumeError", "ParentCommand",
    "ReadOnlyFileError", "RemoteError", "ReplayMismatchError", "RunCancelledError", "RunRests", "RunStopped", "Signal",
    "StandstillWarning", "StorageError", "TaskNotFound", "ThreadBusyError", "UnfilledJoinWarning", "UnfinishedRunError",
    "UnkeptFailureWarning", "UnkeptStreamWarning", "UnknownCheckpointError", "UnknownInterruptError",
    "UnknownNodeError", "UnknownOptionError", "UnknownResult", "UnloadableValueError", "UnreachedCallsWarning",
    "UnreadCodeWarning", "UnreadFutureError", "UnreadFutureWarning", "UnserializableError", "WouldBlockError",
    "is_invalid_resume",
]  # fmt: skip

for _name in __all__:  # users, pickles and stored logs know them by this module
    globals()[_name].__module__ = __name__
