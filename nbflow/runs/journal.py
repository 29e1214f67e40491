"""Makes the records of one run durable: encodes them where they were made, then appends rows.

A value is encoded before the call that made it resolves, so nothing can change it afterwards,
and a value that can't be encoded is the failure of that call and of no other.
"""

from __future__ import annotations

import queue
import threading
from _thread import allocate_lock
from typing import TYPE_CHECKING

from nbflow import codec
from nbflow._support.warnings import warn
from nbflow.checkpoint.rows import encode_value, to_row
from nbflow.core.record import ENDS, CallFailed, CallReturned
from nbflow.errors import UnkeptFailureWarning
from nbflow.runs.kept_code import KeptCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver, Row, RunKey
    from nbflow.core.call import Call
    from nbflow.core.record import Record


class Journal:
    """Saves the records of one run before anything goes on: durability ``sync``.

    Attributes:
        run: names the run.
        code: which code the run has kept, to keep that of each call beside its first result.
        in_flight: rows of results that are being made durable; who is told of a result takes it out.
    """

    def __init__(
        self, saver: BaseCheckpointSaver, run: RunKey, owner: str, first: int = 0, code: KeptCode | None = None
    ) -> None:
        self._saver = saver
        self._owner = owner
        self.code = code or KeptCode({})
        self.run = run
        self._next = first
        self._lock = allocate_lock()
        self.in_flight: dict[Call, int] = {}
        self._held: list[Row] = []

    def latest(self) -> int:
        """Return the number of the newest row; -1 before the first."""
        return self._next - 1

    def save(self, records: Sequence[Record], ends: Call | None = None) -> int:
        """Store records durably; on return they survive the death of the process.

        Args:
            records: in order.
            ends: the call whose end the last of them is, if any.

        Returns:
            The number of the last row.

        Raises:
            UnserializableError: if a value can't be encoded; then nothing was stored.
        """
        batch = self.prepare(records, ends)
        self.keep(batch)
        return batch[-1].seq if batch else self.latest()

    def prepare(self, records: Sequence[Record], ends: Call | None = None) -> list[Row]:
        """Return the rows of records, after those that are held, to be kept next; errors as of ``save``."""
        for record in records:
            if type(record) is CallFailed and record.survived:
                _tell_unkept(record)
            encode_value(record)
            if isinstance(record, _CODED) and not record.copied and (record.name, record.code) not in self.code.known:
                records = [*self.code.new(record), *records]
        with self._lock:
            first, self._next = self._next, self._next + len(records)
            if ends is not None:
                self.in_flight[ends] = self._next - 1
        if len(records) == 1:  # as for most
            rows = [to_row(records[0], first)]
        else:
            rows = [to_row(record, number) for number, record in enumerate(records, first)]
        if self._held:
            with self._lock:
                rows, self._held = [*self._held, *rows], []
        return rows

    def hold(self, rows: Sequence[Row]) -> None:
        """Store rows with those that are prepared next."""
        with self._lock:
            self._held += rows

    def keep(self, rows: Sequence[Row]) -> None:
        """Store rows durably, and wait for who holds the storage; the last ones of a run give its thread back."""
        if rows:
            append = self._saver.append_last if rows[-1].kind in _ENDS else self._saver.append
            append(self.run, rows, self._owner)

    def keep_now(self, rows: Sequence[Row]) -> None:
        """As ``keep``; they are on the disk on return, with all before them, whatever the run's durability."""
        self.keep(rows)

    def try_keep(self, rows: Sequence[Row]) -> bool:
        """As ``keep``, if that can be done without waiting; else False, and nothing was stored."""
        if not rows:
            return True
        if rows[-1].kind in _ENDS and not self._saver.quick:
            return False
        return self._saver.try_append(self.run, rows, self._owner)


class QueuedJournal(Journal):
    """Saves the records of one run soon, in order, while it goes on: durability ``async``.

    The end of the run waits until all is stored. When something could not be stored, the next
    save raises that error, and the run fails.
    """

    LIMIT = 1000  # batches of rows that wait; whoever makes more waits too

    def __init__(
        self, saver: BaseCheckpointSaver, run: RunKey, owner: str, first: int = 0, code: KeptCode | None = None
    ) -> None:
        super().__init__(saver, run, owner, first, code)
        self._queue: queue.Queue[Sequence[Row] | None] = queue.Queue(self.LIMIT)
        self._error: BaseException | None = None
        self._begun = False

    def keep(self, rows: Sequence[Row]) -> None:
        """Store rows soon, in order; the last ones of a run at once."""
        if not rows:
            return
        if self._error is not None:
            raise self._error
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._work, name="nbflow-journal", daemon=True).start()
        self._queue.put(rows)
        if _is_last(rows):
            self._queue.join()
            self._begun = False
            self._queue.put(None)
            if self._error is not None:
                raise self._error

    def keep_now(self, rows: Sequence[Row]) -> None:
        """As ``keep``, and wait until all is stored."""
        self.keep(rows)
        self._queue.join()
        if self._error is not None:
            raise self._error

    def try_keep(self, rows: Sequence[Row]) -> bool:
        """As ``keep``, unless the queue is full or the run ends."""
        if rows and (_is_last(rows) or self._queue.full()):
            return False
        self.keep(rows)
        return True

    def _work(self) -> None:
        while (rows := self._queue.get()) is not None:
            try:
                if self._error is None:
                    super().keep(rows)
            except BaseException as error:  # noqa: BLE001  # the next save tells it
                self._error = error
            finally:
                self._queue.task_done()
        self._queue.task_done()


class LateJournal(Journal):
    """Saves the records of one run when it ends or pauses: durability ``exit``.

    What was not saved when the process dies is lost, the run's input included.
    """

    def __init__(
        self, saver: BaseCheckpointSaver, run: RunKey, owner: str, first: int = 0, code: KeptCode | None = None
    ) -> None:
        super().__init__(saver, run, owner, first, code)
        self._rows: list[Row] = []
        self._over = False

    def keep(self, rows: Sequence[Row]) -> None:
        """Hold rows until the run ends, then store them all."""
        held = self._held_with(rows)
        if held:
            super().keep(held)

    def keep_now(self, rows: Sequence[Row]) -> None:
        """Store rows, and all that are held, at once."""
        held, self._rows = sorted([*self._rows, *rows]), []
        super().keep(held)

    def try_keep(self, rows: Sequence[Row]) -> bool:
        """As ``keep``, unless the run ends and storing its rows would wait."""
        if rows and (self._over or _is_last(rows)):
            return False
        return super().try_keep(self._held_with(rows))

    def _held_with(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows to store now."""
        self._rows += rows
        self._over = self._over or _is_last(rows)
        if not self._over:
            return []
        held, self._rows = sorted(self._rows), []
        return held


def _tell_unkept(failure: CallFailed) -> None:
    """Warn if a failure that a body survived will not be handed to it again as it is now."""
    error = failure.value.get() if failure.value is not None and failure.value.raw is None else None
    missing = codec.unkept(error) if isinstance(error, BaseException) else ""
    if missing:
        named = f"{type(error).__module__}.{type(error).__qualname__}"
        text = (
            f"{failure.kind} {failure.name!r}, call {failure.path}: the body survived a {named}, which can't be kept "
            f"as it is: when the run goes on after a pause, {missing}. Raise an error of a class of your own in the "
            "task, with plain data in its arguments, and catch that."
        )
        warn(text, UnkeptFailureWarning)


def _is_last(rows: Sequence[Row]) -> bool:
    """Whether a run ends with these rows."""
    return bool(rows) and rows[-1].kind in _ENDS


_CODED = (CallReturned, CallFailed)
_ENDS = frozenset(kind.__name__ for kind in ENDS)
JOURNALS: dict[str, type[Journal]] = {"sync": Journal, "async": QueuedJournal, "exit": LateJournal}
