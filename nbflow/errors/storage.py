"""Values and files that can not be written or read."""

from __future__ import annotations

from typing import ClassVar

from nbflow.errors.usage import NbflowError


class NewerFormatError(NbflowError):
    """A file was written by a later nbflow. It was not touched.

    Remedy:
        Upgrade nbflow.

    Attributes:
        path: the file.
        found: its format.
        known: the newest format that this version reads.
    """

    number: ClassVar[str] = "NBF-400"

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path = path
        self.found = found
        self.known = known

    def _text(self) -> str:
        return f"{self.path}: format {self.found}, but this nbflow reads up to {self.known}; upgrade nbflow."


class StorageError(NbflowError):
    """A file can't be used for keeping runs.

    Remedy:
        Do what the text says of the file.

    Attributes:
        path: the file.
        problem: what is wrong, and what to do.
    """

    number: ClassVar[str] = "NBF-405"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def _text(self) -> str:
        return f"{self.path}: {self.problem}"


class CorruptFileError(StorageError):
    """A file is damaged, or no database at all. It was not touched.

    Remedy:
        Restore a copy of the file; of an exported run, get it again.
    """

    number: ClassVar[str] = "NBF-410"


class CorruptRunError(CorruptFileError):
    """Records of a run are not what was stored. Nothing was touched.

    Remedy:
        Restore a copy of the file, or start a new thread_id. `read_run(saver, thread_id, run_id, first=sound)` reads
        what is sound.

    Attributes:
        thread_id: the thread.
        run_id: the run.
        seq: number of the first record that is damaged or missing; None if that can't be told.
        sound: how many records before it can still be read.
    """

    number: ClassVar[str] = "NBF-415"

    def __init__(self, path: str, problem: str, thread_id: str, run_id: str, seq: int | None, sound: int) -> None:
        super().__init__(path, problem)
        self.args = (path, problem, thread_id, run_id, seq, sound)
        self.thread_id = thread_id
        self.run_id = run_id
        self.seq = seq
        self.sound = sound

    def _text(self) -> str:
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
    """There is no room left for a file. What was stored before is safe.

    Remedy:
        Make room and go on with `invoke(None, config)`; `saver.prune(...)` and `saver.vacuum()` make some.
    """

    number: ClassVar[str] = "NBF-420"


class ReadOnlyFileError(StorageError):
    """A file was to be written that may only be read.

    Remedy:
        Open the file without `read_only`, or use one in a folder of your own.
    """

    number: ClassVar[str] = "NBF-425"


class NetworkFileError(StorageError):
    """A file is on a file system of the network, where SQLite's locks and shared memory can't be relied on.

    Remedy:
        Keep the file on a local disk, or open it with `SqliteSaver(path, network=True)`, for one machine at a time.
    """

    number: ClassVar[str] = "NBF-430"


class LostFileError(StorageError):
    """A file was deleted, moved or replaced while it was in use. What was to be stored is not.

    Remedy:
        Put the file back, or open the new one, and go on with `invoke(None, config)`.
    """

    number: ClassVar[str] = "NBF-435"


class UnserializableError(NbflowError):
    """A value can't be stored.

    Remedy:
        Return plain data, or register the class with `nbflow.register_type`; keep open files, connections and locks
        out of results.

    Example:
        @task
        def connect():
            return sqlite3.connect("data.db")  # return what was read from it instead

    Attributes:
        path: where inside the value, such as ``'["rows"][3].client'``; empty for the value itself.
        type_name: module and name of the type that was found there.
        hint: why it can't be stored and what to do.
        what: what the value is, such as ``"key 'rows' of the state"``; empty for the value of a call as a whole.
    """

    number: ClassVar[str] = "NBF-440"

    def __init__(self, path: str, type_name: str, hint: str, what: str = "") -> None:
        super().__init__(path, type_name, hint, what)
        self.path = path
        self.type_name = type_name
        self.hint = hint
        self.what = what

    def _text(self) -> str:
        where = f"{self.what}: " if self.what else ""
        return f"{where}value{self.path} of type {self.type_name} can't be stored: {self.hint}"


class CorruptValueError(NbflowError):
    """Stored bytes are no encoded value.

    Remedy:
        Restore a copy of what the bytes came from.

    Attributes:
        reason: what is wrong with them.
    """

    number: ClassVar[str] = "NBF-445"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def _text(self) -> str:
        return f"these bytes were not written by nbflow, or were damaged since: {self.reason}"


class RemoteError(NbflowError):
    """Stands for a stored exception whose own type can't be rebuilt here.

    Remedy:
        Define or import the exception's class before it is loaded to have it back as itself.

    Attributes:
        type_name: module and name of the original type.
        message: what the original said of itself.
        traceback_text: frames of the original's traceback, or an empty string.
        reason: why the original type was not rebuilt.
    """

    number: ClassVar[str] = "NBF-450"

    def __init__(self, type_name: str, message: str, traceback_text: str, reason: str) -> None:
        super().__init__(type_name, message, traceback_text, reason)
        self.type_name = type_name
        self.message = message
        self.traceback_text = traceback_text
        self.reason = reason

    def _text(self) -> str:
        return f"{self.type_name}: {self.message} (shown by a stand-in: {self.reason})"
