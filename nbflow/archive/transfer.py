"""A run as one file, and a thread from such a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from nbflow.archive import container
from nbflow.archive.container import Contents, Told
from nbflow.archive.masking import mask_of
from nbflow.checkpoint.base import RunKey, Segment
from nbflow.checkpoint.given import check_given
from nbflow.checkpoint.rows import from_row, load, to_row
from nbflow.checkpoint.upkeep import leased
from nbflow.core.record import RunReturned, RunStarted
from nbflow.core.resuming import status_of
from nbflow.errors import CorruptFileError, CorruptValueError, InvalidOptionError, NewerFormatError
from nbflow.errors.usage import nearest
from nbflow.values import is_text
from nbflow.values.by_name import by_name

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from nbflow.archive.masking import Redact
    from nbflow.checkpoint.base import BaseCheckpointSaver, Row

_OUT, _IN = "export_run()", "import_run()"


@by_name
def export_run(
    saver: BaseCheckpointSaver,
    thread_id: str,
    path: str | os.PathLike[str],
    *,
    run_id: str | None = None,
    redact: Redact | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a thread's runs to one file, such as ``run.nbf``, that ``import_run`` reads anywhere.

    Whole: all records, values, answers, output and the code that ran, with checksums. Neither writing nor reading it
    needs the workflow. It is a zip archive, compressed and not encrypted, also where the saver encrypts.

    By default that is all that the thread has: its runs in their order, forks and updates among them, so that
    history, ``diff THREAD@previous`` and ``previous`` are what they were. With ``run_id`` it is that run and what it
    needs to go on: the finished run that its ``previous`` comes from, and, until it has ended, the one whose results it
    reuses. A fork holds copies of what it took over, and needs neither the run it came from nor any other. A run that
    somebody works on is written as far as it has come, and stands as ``crashed``.

    ``redact`` takes secrets out before anything is written; each becomes ``"***"``. It reaches every value (inputs,
    contexts, results, saved values, states of graphs, errors with their messages, causes and tracebacks, questions,
    answers, chunks that bodies were given), what was printed and displayed, the source code that is kept, the arguments
    as they are shown, the metadata of runs, notes beside answers, reasons and problems. Ids, names of threads, tasks
    and keys, times and positions stay. It also takes the digests of arguments out, since short secrets can be guessed
    by them: replay then tells calls apart by name and code alone, and ``reuse`` finds none.

    - Names of keys, such as ``["api_key", "*token*"]``, in any case, mask what stands under them in dicts, objects
      and columns of DataFrames, and what follows them in texts, as in ``api_key='...'``. What was masked so, and has
      four characters or more, is masked wherever else it stands. A secret that stands under no such name, as one
      that is passed by position, and is shown nowhere else, is not known for one.
    - Patterns, ``re.compile(r"sk-[a-z0-9]+")``, mask what they find in texts. An array, table or image that holds a
      secret in its bytes is masked as a whole.
    - A function is given each value as a whole (of a graph's state each key's, of an error each text, of output each
      piece) and each text beside them, and returns what is to be written in its place.

    Args:
        saver: keeps the thread.
        thread_id: the thread.
        path: of the file; ``~`` is your home.
        run_id: the run; None for all of the thread.
        redact: a function, or names and patterns, one or several; None masks nothing.
        overwrite: whether a file that is there is replaced.

    Returns:
        The path of the file.

    Raises:
        InvalidOptionError: if there is no such thread or run, or the file is there; nothing was written.
        StorageError: if the file can't be written; its kinds say why.
        CorruptValueError: if a record is damaged; of a SQLite file ``CorruptRunError``.
    """
    check_given(_OUT, saver, thread_id)
    target = Path(path).expanduser()
    if target.exists() and not target.is_dir() and not overwrite:
        raise _taken(target)
    run_ids = _chosen(saver, thread_id, run_id)
    rows = [_without_gaps(saver.rows(RunKey(thread_id, one))) for one in run_ids]
    if redact is not None:
        mask = mask_of(redact)
        for row in (row for some in rows for row in some):
            mask.learn(row)
        rows = [[mask.masked(row) for row in some] for some in rows]
    told = [_told(run_id, some) for run_id, some in zip(run_ids, rows, strict=True)]
    contents = Contents(thread_id, told, rows, masked=redact is not None)
    try:
        return container.write(target, contents, may_replace=lambda: overwrite)
    except FileExistsError:
        raise _taken(target) from None


def _taken(target: Path) -> InvalidOptionError:
    return InvalidOptionError(
        _OUT, "path", repr(str(target)), "a file is there; name another one, or pass overwrite=True"
    )


def _chosen(saver: BaseCheckpointSaver, thread_id: str, run_id: str | None) -> list[str]:
    """Return the runs that are to be written, in the order in which they began."""
    runs = saver.runs(thread_id)[::-1]
    if not runs:
        close = nearest(thread_id, saver.thread_ids())
        raise InvalidOptionError(_OUT, "thread_id", repr(thread_id), f"there is no such thread{close} in {saver!r}")
    if run_id is None:
        return runs
    if run_id not in runs:
        hint = f"the thread has {', '.join(runs[-5:])}; list_runs(saver, {thread_id!r}) lists them all"
        raise InvalidOptionError(_OUT, "run_id", repr(run_id), hint)
    key = RunKey(thread_id, run_id)
    started = cast("RunStarted", load(saver, key, first=1)[0])
    has_ended = isinstance(load(saver, key, last=1)[-1], RunReturned)
    wanted = {run_id, started.prior, None if has_ended else started.reuses}
    return [one for one in runs if one in wanted]


def _without_gaps(rows: Sequence[Row]) -> list[Row]:
    """Return the rows before the first that is still to come: those of a run at work may be stored out of order."""
    return [row for number, row in enumerate(rows) if row.seq == number]


def _told(run_id: str, rows: Sequence[Row]) -> Told:
    records = [from_row(row) for row in rows]
    workflow = cast("RunStarted", records[0]).workflow
    return Told(run_id=run_id, workflow=workflow, status=str(status_of(records)), rows=len(rows))


@by_name
def import_run(saver: BaseCheckpointSaver, path: str | os.PathLike[str], *, thread_id: str | None = None) -> str:
    """Read a file that ``export_run`` wrote into a checkpointer, as a thread with the runs, ids and times it had.

    It is looked at as any other thread is, without its workflow; where that is defined, it goes on, is answered and
    forked. All runs come in or none. No code runs and no class is imported by reading it; as with a database, values of
    classes that are not at hand show as ``Unloadable``.

    Args:
        saver: is to keep the thread.
        path: of the file.
        thread_id: what the thread is to be called; None for what it was called.

    Returns:
        The thread's id.

    Raises:
        InvalidOptionError: if there is a thread of that name; nothing was written.
        StorageError: if the file can't be read, or ``saver`` may not be written.
        CorruptFileError: if the file is damaged, cut off or something else.
        NewerFormatError: if a later nbflow wrote it.
        ThreadBusyError: if somebody works on a thread of that name.
    """
    check_given(_IN, saver)
    contents = container.read(path)
    name: object = contents.thread_id if thread_id is None else thread_id
    if not isinstance(name, str) or not name or not is_text(name):
        raise InvalidOptionError(_IN, "thread_id", repr(name), "it is the id of a thread, a text")
    segments = [
        _segment(str(path), name, told["run_id"], rows) for told, rows in zip(contents.runs, contents.rows, strict=True)
    ]
    if len({segment.run for segment in segments}) < len(segments):
        raise CorruptFileError(str(path), "it holds a run twice; get another copy of it")
    _check_free(saver, name)  # a saver that may only be read tells what is there before it refuses
    with leased(saver, _IN, name) as owner:
        _check_free(saver, name)
        saver.append_all(segments, owner)
    return name


def _check_free(saver: BaseCheckpointSaver, thread_id: str) -> None:
    if saver.runs(thread_id, limit=1):
        hint = "that thread has runs; name another one: import_run(saver, path, thread_id=...)"
        raise InvalidOptionError(_IN, "thread_id", repr(thread_id), hint)


def _segment(path: str, thread_id: str, run_id: str, rows: Sequence[Row]) -> Segment:
    """Return a run as it is to be stored, once each of its records was read."""
    try:
        started, *_ = [from_row(row) for row in rows]
    except CorruptValueError as error:
        raise CorruptFileError(path, f"run {run_id} is damaged: {error.reason}; get another copy of it") from error
    except NewerFormatError as error:
        raise NewerFormatError(f"{path}: {error.path}", error.found, error.known) from None
    if not isinstance(started, RunStarted) or started.run_id != run_id:
        raise CorruptFileError(path, f"run {run_id} does not begin with its first record; get another copy of it")
    if started.thread_id != thread_id:
        started.thread_id = thread_id
        rows = [to_row(started, 0), *rows[1:]]
    return Segment(RunKey(thread_id, run_id), rows)
