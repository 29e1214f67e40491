"""Values and files that can not be written or read."""

from __future__ import annotations

from nbflow.errors.usage import NbflowError


class NewerFormatError(NbflowError):
    """A file was written by a later nbflow. It was not touched.

    Attributes:
        path: the file.
        found: its format.
        known: the newest format that this version reads.
    """

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path = path
        self.found = found
        self.known = known

    def __str__(self) -> str:
        return f"{self.path}: format {self.found}, but this nbflow reads up to {self.known}; upgrade nbflow."


class StorageError(NbflowError):
    """A file can't be used for keeping runs.

    Attributes:
        path: the file.
        problem: what is wrong, and what to do.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class CorruptFileError(StorageError):
    """A file is damaged, or no database at all. It was not touched."""


class CorruptRunError(CorruptFileError):
    """Records of a run are not what was stored. Nothing was touched.

    Attributes:
        thread_id: the thread.
        run_id: the run.
        seq: number of the first record that is damaged or missing; None if that can't be told.
        sound: how many records before it can still be read.
    """

    def __init__(self, path: str, problem: str, thread_id: str, run_id: str, seq: int | None, sound: int) -> None:
        super().__init__(path, problem)
        self.args = (path, problem, thread_id, run_id, seq, sound)
        self.thread_id = thread_id
        self.run_id = run_id
        self.seq = seq
        self.sound = sound

    def __str__(self) -> str:
        which = "a record" if self.seq is None else f"record {self.seq}"
        saved = "none before can be read"
        if self.sound:
            how = f"read_run(saver, {self.thread_id!r}, {self.run_id!r}, first={self.sound})"
            saved = f"{how} reads the {self.sound} before"
        return (
            f"{self.path}: {which} of run {self.run_id} on thread {self.thread_id!r} is damaged: {self.problem}. "
            f"Restore a copy of the file, or start a new thread_id; {saved}"
        )


class DiskFullError(StorageError):
    """There is no room left for a file. What was stored before is safe."""


class ReadOnlyFileError(StorageError):
    """A file was to be written that may only be read."""


class NetworkFileError(StorageError):
    """A file is on a file system of the network, where SQLite's locks and shared memory can't be relied on."""


class LostFileError(StorageError):
    """A file was deleted, moved or replaced while it was in use. What was to be stored is not."""


class UnserializableError(NbflowError):
    """A value can't be stored.

    Attributes:
        path: where inside the value, such as ``'["rows"][3].client'``; empty for the value itself.
        type_name: module and name of the type that was found there.
        hint: why it can't be stored and what to do.
        what: what the value is, such as ``"key 'rows' of the state"``; empty for the value of a call as a whole.
    """

    def __init__(self, path: str, type_name: str, hint: str, what: str = "") -> None:
        super().__init__(path, type_name, hint, what)
        self.path = path
        self.type_name = type_name
        self.hint = hint
        self.what = what

    def __str__(self) -> str:
        where = f"{self.what}: " if self.what else ""
        return f"{where}value{self.path} of type {self.type_name} can't be stored: {self.hint}"


class CorruptValueError(NbflowError):
    """Stored bytes are no encoded value.

    Attributes:
        reason: what is wrong with them.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"these bytes were not written by nbflow, or were damaged since: {self.reason}"


class RemoteError(NbflowError):
    """Stands for a stored exception whose own type can't be rebuilt here.

    Attributes:
        type_name: module and name of the original type.
        message: what the original said of itself.
        traceback_text: frames of the original's traceback, or an empty string.
        reason: why the original type was not rebuilt.
    """

    def __init__(self, type_name: str, message: str, traceback_text: str, reason: str) -> None:
        super().__init__(type_name, message, traceback_text, reason)
        self.type_name = type_name
        self.message = message
        self.traceback_text = traceback_text
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message} (shown by a stand-in: {self.reason})"
