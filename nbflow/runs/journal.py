"""Makes the records of one run durable: encodes them where they were made, then appends rows.

A value is encoded before the call that made it resolves, so nothing can change it afterwards,
and a value that can't be encoded is the failure of that call and of no other.
"""

from __future__ import annotations

import queue
import threading
from _thread import allocate_lock
from typing import TYPE_CHECKING

from nbflow.checkpoint.rows import encode_value, to_row
from nbflow.core.record import ENDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver, Row, RunKey
    from nbflow.core.call import Call
    from nbflow.core.record import Record


class Journal:
    """Saves the records of one run before anything goes on: durability ``sync``.

    Attributes:
        run: names the run.
        in_flight: rows of results that are being made durable; who is told of a result takes it out.
    """

    def __init__(self, saver: BaseCheckpointSaver, run: RunKey, owner: str, first: int = 0) -> None:
        self._saver = saver
        self._owner = owner
        self.run = run
        self._next = first
        self._lock = allocate_lock()
        self.in_flight: dict[Call, int] = {}

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
        for record in records:
            encode_value(record)
        with self._lock:
            first = self._next
            self._next = first + len(records)
            if ends is not None:
                self.in_flight[ends] = self._next - 1
        rows = [to_row(record, number) for number, record in enumerate(records, first)]
        if rows:
            self._keep(rows, last=isinstance(records[-1], ENDS))
        return first + len(records) - 1

    def _keep(self, rows: list[Row], *, last: bool) -> None:  # noqa: ARG002  # whether the run ends with them
        self._saver.append(self.run, rows, self._owner)


class QueuedJournal(Journal):
    """Saves the records of one run soon, in order, while it goes on: durability ``async``.

    The end of the run waits until all is stored. When something could not be stored, the next
    save raises that error, and the run fails.
    """

    LIMIT = 1000  # batches of rows that wait; whoever makes more waits too

    def __init__(self, saver: BaseCheckpointSaver, run: RunKey, owner: str, first: int = 0) -> None:
        super().__init__(saver, run, owner, first)
        self._queue: queue.Queue[list[Row] | None] = queue.Queue(self.LIMIT)
        self._error: BaseException | None = None
        self._begun = False

    def _keep(self, rows: list[Row], *, last: bool) -> None:
        if self._error is not None:
            raise self._error
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._work, name="nbflow-journal", daemon=True).start()
        self._queue.put(rows)
        if last:
            self._queue.join()
            self._begun = False
            self._queue.put(None)
            if self._error is not None:
                raise self._error

    def _work(self) -> None:
        while (rows := self._queue.get()) is not None:
            try:
                if self._error is None:
                    self._saver.append(self.run, rows, self._owner)
            except BaseException as error:  # noqa: BLE001  # the next save tells it
                self._error = error
            finally:
                self._queue.task_done()
        self._queue.task_done()


class LateJournal(Journal):
    """Saves the records of one run when it ends or pauses: durability ``exit``.

    What was not saved when the process dies is lost, the run's input included.
    """

    def __init__(self, saver: BaseCheckpointSaver, run: RunKey, owner: str, first: int = 0) -> None:
        super().__init__(saver, run, owner, first)
        self._rows: list[Row] = []
        self._over = False

    def _keep(self, rows: list[Row], *, last: bool) -> None:
        self._rows += rows
        if last or self._over:
            self._over = True
            held, self._rows = sorted(self._rows), []
            super()._keep(held, last=True)


JOURNALS: dict[str, type[Journal]] = {"sync": Journal, "async": QueuedJournal, "exit": LateJournal}
