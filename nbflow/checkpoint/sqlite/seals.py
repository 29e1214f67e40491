"""Whether the rows of a run are those that were stored there: each sealed to its place, none missing.

A row's seal is a checksum over its thread, run, number and content, so one that was changed or moved
is told. Rows get their keys in the order of commits, without gaps, so one that was lost is told, and
the run's length is noted whenever its thread is given back, so the last ones are not lost silently
either. Rows that were stored before there were seals are taken as they are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from nbflow.checkpoint.base import Row, RunKey
from nbflow.checkpoint.sqlite import blobs
from nbflow.checkpoint.sqlite.blobs import Damage
from nbflow.errors import CorruptRunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEAR = 16  # rows: those that were made at the same moment may be stored out of order, but not further apart
_BITS = 32
_LAST = (1 << _BITS) - 1


def seal(run: RunKey, row: Row, digest: bytes | None) -> int:
    """Return what binds a row to its place.

    Args:
        run: where it is.
        row: the row; its value stands in ``digest`` if that is apart.
        digest: names the large value; None if there is none.
    """
    seq, kind, path, head, value = row
    if digest is not None:
        value = digest
    size = -1 if value is None else len(value)
    place = f"{run[0]}\0{run[1]}\0{seq}\0{kind}\0{path}\0{digest is None}{size}"
    return crc32(value or b"", crc32(head, crc32(place.encode("utf-8", "surrogatepass"))))


class Kept(NamedTuple):
    """A row as it is in the file; of what types, nobody knows."""

    id: Any
    seq: Any
    kind: Any
    path: Any
    head: Any
    value: Any
    blob: Any
    seal: Any
    size: Any
    form: Any
    data: Any


_WHOLE, _BYTES = (int, type(None)), (bytes, type(None))


def unsealed(run: RunKey, kept: Kept) -> Row:
    """Return a row that was stored.

    Raises:
        Damage: if it is another one.
    """
    key, seq, kind, path, head, value, blob, sealed, *large = kept
    if not (type(key) is int and type(kind) is bytes and type(path) is bytes and type(head) is bytes):
        raise Damage("its columns hold other types")
    if not (type(value) in _BYTES and type(blob) in _BYTES and type(seq) in _WHOLE and type(sealed) in _WHOLE):
        raise Damage("its columns hold other types")
    if (seq is None) is not (sealed is None):
        raise Damage("it has a number and no checksum, or the other way round")
    try:
        row = Row(key & _LAST if seq is None else seq, kind.decode(), path.decode(), head, value)
    except UnicodeDecodeError:
        raise Damage("its kind or path is no text") from None
    if sealed is not None and sealed != seal(run, row, blob):
        raise Damage("its checksum is wrong, or it belongs elsewhere")
    return row if blob is None else row._replace(value=_large(blob, *large))


def _large(digest: bytes, size: object, form: object, data: object) -> bytes:
    if data is None:
        raise Damage("its large value is missing")
    if type(size) is not int or type(form) is not int or type(data) is not bytes:
        raise Damage("the columns of its large value hold other types")
    return blobs.unpack(digest, size, form, data)


def all_of(path: str, run: RunKey, found: Iterable[Kept], length: object) -> list[Row]:
    """Return the rows of a run, in order, if they are whole.

    Args:
        path: the file.
        run: the run.
        found: all rows, by their keys.
        length: how many there were when the thread was given back last; 0 if it was not since then.

    Raises:
        CorruptRunError: if one is not what was stored, or missing.
    """
    rows: list[Row] = []
    last: int | None = None
    for kept in found:
        try:
            row = unsealed(run, kept)
        except Damage as damage:
            raise _told(path, run, str(damage), rows, kept.seq) from None
        if last is None:
            last = kept.id - 1 if kept.seal is None else (kept.id >> _BITS << _BITS) - 1
        if kept.id != last + 1 and (kept.seal is not None or kept.id <= last):
            raise _told(path, run, "the one that was stored before it is missing or there twice", rows, row.seq)
        last = kept.id
        rows.append(row)
    try:
        _check_length(last if last is not None else -1, length)
    except Damage as damage:
        raise _told(path, run, str(damage), rows, None) from None
    ordered = sorted(rows, key=_seq)
    for one, other in pairwise(ordered):
        if one.seq == other.seq:
            raise _told(path, run, "it is there twice", rows[: rows.index(other)], one.seq)
    return ordered


def _check_length(last: object, length: object) -> None:
    """Make sure that a run reaches as far as it did, by the key of its last row."""
    if type(last) is not int or type(length) is not int or (last + 1) & _LAST < length:
        raise Damage(f"there were {length} records, and the last ones are missing")


def first_of(path: str, run: RunKey, found: Sequence[Kept], wanted: int) -> list[Row]:
    """Return the first rows of a run, in order.

    Args:
        path: the file.
        run: the run.
        found: its rows from the first key on, NEAR more than wanted.
        wanted: how many.

    Raises:
        CorruptRunError: if one is not what was stored.
    """
    rows = []
    for kept in found[:wanted] if _in_order(found) else found:
        try:
            rows.append(unsealed(run, kept))
        except Damage as damage:
            if len(rows) >= wanted:  # what can be read is read
                break
            raise _told(path, run, str(damage), rows, kept.seq) from None
    return sorted(rows, key=_seq)[:wanted]


def last_of(path: str, run: RunKey, found: Sequence[Kept], wanted: int, length: object) -> list[Row]:
    """Return the last rows of a run, in order; ``found`` is from the last key back, NEAR more than wanted.

    Raises:
        CorruptRunError: if one is not what was stored, or missing.
    """
    rows: list[Row] = []
    for kept in found[:wanted] if _in_order(found[::-1]) else found:
        try:
            if not rows:
                _check_length(kept.id, length)
            rows.append(unsealed(run, kept))
        except Damage as damage:
            raise _told(path, run, str(damage), (), kept.seq) from None
    rows.sort(key=_seq)
    return rows[max(0, len(rows) - wanted) :]


def _in_order(found: Sequence[Kept]) -> bool:
    """Whether rows were stored in the order of their numbers; if a number was damaged, it may well seem that not."""
    numbers = [kept.seq for kept in found]
    return all(type(number) is int for number in numbers) and numbers == sorted(set(numbers))


def run_seal(thread_id: str, run_id: str, number: int, before: int) -> int:
    """Return what binds a run to its number, and to the one that was begun before it in its thread; 0 for none."""
    return crc32(f"{thread_id}\0{run_id}\0{number}\0{before}".encode("utf-8", "surrogatepass"))


def listed(path: str, thread_id: str, found: Sequence[tuple[Any, ...]], *, to_the_end: bool) -> list[str]:
    """Return the ids of runs.

    Args:
        path: the file.
        thread_id: their thread.
        found: number, id, number of the one before, seal, and the greatest number when the thread was given back
            last, of each run, newest first and with none left out; no number if there is no run.
        to_the_end: whether the last of them has to be the first one that the thread has.

    Raises:
        CorruptRunError: if one is not what was stored, or missing.
    """
    names: list[str] = []
    after, noted = None, found[0][4] if found else None
    runs = [row for row in found if row[0] is not None]
    for number, name, before, sealed, _ in runs:
        run_id = name.decode("utf-8", "replace") if type(name) is bytes else repr(name)
        is_old = type(name) is bytes and before is None and sealed is None  # from before there were seals
        if not is_old and (type(before) is not int or sealed != run_seal(thread_id, run_id, number, before)):
            raise CorruptRunError(path, "its entry in the table of runs was changed", thread_id, run_id, None, 0)
        if after is not None and after != number:
            raise CorruptRunError(path, "a run that was begun after it is missing", thread_id, run_id, None, 0)
        names.append(run_id)
        after = before if sealed is not None else None
    if noted is not None and (type(noted) is not int or (runs[0][0] if runs else 0) < noted):
        raise CorruptRunError(path, "the newest run is missing", thread_id, names[0] if names else "?", None, 0)
    if to_the_end and after:
        raise CorruptRunError(path, "a run that was begun before it is missing", thread_id, names[-1], None, 0)
    return names


def relinked(thread_id: str, left: Sequence[tuple[Any, ...]]) -> list[tuple[int, int, int]]:
    """Return what changes when runs were removed: number before, seal and number of each that followed one of them.

    Args:
        thread_id: the thread.
        left: the other runs, as for ``listed``.
    """
    changed = []
    for place, (number, name, before, sealed, _) in enumerate(left):
        now = left[place + 1][0] if place + 1 < len(left) else 0
        if sealed is not None and before != now:
            changed.append((now, run_seal(thread_id, name.decode(), number, now), number))
    return changed


def _seq(row: Row) -> int:
    return row.seq


def _told(path: str, run: RunKey, problem: str, before: Iterable[Row], seq: object) -> CorruptRunError:
    sound = sorted(row.seq for row in before)
    count = next((place for place, number in enumerate(sound) if place != number), len(sound))
    return CorruptRunError(path, problem, run.thread_id, run.run_id, seq if type(seq) is int else None, count)
