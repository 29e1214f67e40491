"""The command line ``nbflow``: look at a file of threads, answer, go on, prune, report, hand runs over.

Exit codes: 0 it is done; 1 it could not be; 2 the line can't be understood; 3 the run waits for an answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow._support.terminal import write_line, write_table
from nbflow.archive.transfer import export_run, import_run
from nbflow.checkpoint.sqlite import SqliteSaver
from nbflow.core.path import caller_of
from nbflow.core.resuming import pending_questions
from nbflow.errors import InvalidAnswerError, NbflowError
from nbflow.runs.answering import record_answer
from nbflow.schemas.written import how_to_write, read_answer
from nbflow.values import Command
from nbflow.views.calls import in_order
from nbflow.views.details import answered_before
from nbflow.views.progress import run_of
from nbflow.workflow.reading import read_run, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nbflow.core.record import Asked
    from nbflow.views.calls import CallRow

DONE, FAILED, WAITS = 0, 1, 3
_FILES = {"FILE", "PAGE", "ARCHIVE", "NOTEBOOK"}
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what a command line says, and return its exit code."""
    given = command_line().parse_args(arguments)
    try:
        code = given.run(given)
    except (NbflowError, OSError, LookupError, ImportError) as error:
        text = str(error.args[0] if isinstance(error, LookupError) else error)
        text = text.replace("pass overwrite=True", "pass --overwrite")  # as it is written in Python
        sys.stderr.write(f"nbflow {given.command}: {text}\n")
        return FAILED
    return DONE if code is None else int(code)


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the command line, with all that it says of itself."""
    parser = argparse.ArgumentParser("nbflow", description="Durable workflows: look at their threads, and go on.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version of nbflow, and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[Any], int | None], help_text: str, *positional: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, description=help_text)
        for one in positional:
            command.add_argument(one.lower(), metavar=one)
        command.set_defaults(run=run)
        return command

    for name, run, text, positional in (
        ("threads", _threads, "list the threads of a file, the one with the newest event first", ("FILE",)),
        ("show", _show, "show the newest run of a thread: its calls, states and times", ("FILE", "THREAD")),
    ):
        add(name, run, text, *positional).add_argument("--json", action="store_true", help="as JSON, for programs")
    answer = add(
        "answer", _answer, "answer a thread's question; it goes on where its workflow is", "FILE", "THREAD", "ANSWER"
    )
    answer.add_argument("--by", help="who answers; the name of the user, if left out")
    answer.add_argument("--comment", default="", help="why, for whoever reads the record")
    resume = add("resume", _resume, "go on with a thread, and wait for its end", "WORKFLOW", "THREAD")
    resume.add_argument("--answer", help="answer of its question: JSON, a text, or yes or no")
    report = add("report", _report, "write the newest run of a thread as one HTML page", "FILE", "THREAD", "PAGE")
    prune = add("prune", _prune, "drop runs that threads do not need to go on", "FILE")
    prune.add_argument("--older-than", metavar="AGE", help="only those that nothing happened in for 30m, 12h, 7d, 4w")
    prune.add_argument("--delete", action="store_true", help="whole threads, not only what they do not need")
    prune.add_argument("--dry-run", action="store_true", help="say what would be dropped")
    export = add("export", _export, "write the runs of a thread to a file", "FILE", "THREAD", "ARCHIVE")
    add("import", _import, "read a file that `export` wrote", "FILE", "ARCHIVE").add_argument(
        "--thread", help="its new name"
    )
    module = add("module", _module, "write a notebook's workflows as a module, with its threads", "NOTEBOOK", "FILE")
    for command in (report, export, module):
        command.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    add("completion", _completion, "print what a shell completes this command by: bash, zsh, fish, ...", "SHELL")
    demo = add("demo", _demo, "copy the tutorials into a folder, and open the first one in JupyterLab")
    demo.add_argument("folder", metavar="FOLDER", nargs="?", default="nbflow-demo", help="%(default)s, if left out")
    demo.add_argument("--no-open", action="store_true", help="only copy them")
    return parser


class _Version(argparse.Action):
    """Prints the version, which is looked for only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415  # only who asks pays for it

        sys.stdout.write(f"nbflow {version('nbflow')}\n")
        parser.exit()


def _threads(given: Any) -> None:  # noqa: ANN401  # argparse's namespace
    with closing(_saver(given.file, read_only=True)) as saver:
        found = threads(saver)
    if given.json:
        _write_json([{**one._asdict(), "updated_at": one.updated_at.isoformat()} for one in found])
        return
    rows = [
        (one.thread_id, one.workflow, one.status, str(one.runs), _moment(one.updated_at.timestamp())) for one in found
    ]
    write_table(("THREAD", "WORKFLOW", "STATE", "RUNS", "UPDATED"), rows)


def _show(given: Any) -> None:  # noqa: ANN401  # as above
    with closing(_saver(given.file, read_only=True)) as saver:
        records = _records(saver, given.thread)
        view = run_of(records, live=saver.holder(given.thread) is not None)
    rows = in_order(view.calls.rows.values())
    if given.json:
        _write_json([_facts(row) for row in rows])
        return
    progress = view.progress
    counts = ", ".join(f"{count} {state}" for state, count in progress.counts.items())
    told = f", {progress.total} calls{f' ({counts})' if counts else ''}"
    write_line(f"{progress.name}: ", progress.state, told)
    for row in rows:
        if row.parent:
            shown = f"({row.shown})" if row.shown else ""
            error = f": {row.error!r}" if row.error is not None else ""
            write_line(f"{'  ' * _depth(row)}{row.name}{shown} ", row.state, f"{_took(row)}{error}")


def _answer(given: Any) -> int:  # noqa: ANN401  # as above
    with closing(_saver(given.file)) as saver:
        asked = pending_questions(read_run(saver, given.thread))
        with _told_how_to_write(asked):
            answer = _read(given.answer, asked)
            left = record_answer(saver, given.thread, answer, by=given.by, comment=given.comment)
    sys.stdout.write("answered\n" if not left else f"answered; {left} more to answer\n")
    return WAITS if left else DONE


def _resume(given: Any) -> int:  # noqa: ANN401  # as above
    workflow = _workflow(given.workflow)
    config: Any = {"configurable": {"thread_id": given.thread}}
    asked = pending_questions(read_run(workflow.saver("nbflow resume"), given.thread))
    with _told_how_to_write(asked):
        run = workflow.start(None if given.answer is None else Command(resume=_read(given.answer, asked)), config)
    result = run.result()
    if run.interrupts:
        for one in run.interrupts:
            before = answered_before(one.earlier, one.response_schema)
            sys.stdout.write(f"asks: {one.value!r}{f' ({before})' if before else ''}\n")
        return WAITS
    sys.stdout.write(f"{result!r}\n")
    return DONE


def _report(given: Any) -> None:  # noqa: ANN401  # as above
    toolkit = import_module("nbflow_widgets")  # by name: the runtime imports no notebook package
    with closing(_saver(given.file, read_only=True)) as saver:
        _records(saver, given.thread)
        sys.stdout.write(f"{toolkit.report(given.thread, given.page, saver, overwrite=given.overwrite)!r}\n")


def _prune(given: Any) -> None:  # noqa: ANN401  # as above
    strategy = "delete" if given.delete else "keep_latest"
    with closing(_saver(given.file)) as saver:
        found = saver.prune(
            saver.thread_ids(), strategy=strategy, older_than=_age(given.older_than), dry_run=given.dry_run
        )
    would = "would drop" if given.dry_run else "dropped"
    busy = f"; left alone, as somebody works on them: {', '.join(found.busy)}" if found.busy else ""
    sys.stdout.write(f"{would} {found.runs} runs, {found.bytes:,} bytes{busy}\n")


def _export(given: Any) -> None:  # noqa: ANN401  # as above
    with closing(_saver(given.file, read_only=True)) as saver:
        written = export_run(saver, given.thread, given.archive, overwrite=given.overwrite)
    sys.stdout.write(f"{written}\n")


def _import(given: Any) -> None:  # noqa: ANN401  # as above
    with closing(SqliteSaver(given.file)) as saver:
        sys.stdout.write(f"{import_run(saver, given.archive, thread_id=given.thread)}\n")


def _module(given: Any) -> None:  # noqa: ANN401  # as above
    engine = import_module("nbflow_widgets.as_module")  # by name, as the report
    try:
        made = engine.write_module(Path(given.notebook), Path(given.file), overwrite=given.overwrite)
    except FileExistsError:
        raise LookupError(f"{given.file} is there; name another file, or pass --overwrite") from None
    sys.stdout.write(f"{given.file}: {', '.join(made.workflows)}\n")
    if made.unbound:
        sys.stdout.write(f"not bound in it, though it is used: {', '.join(made.unbound)}\n")


def _completion(given: Any) -> None:  # noqa: ANN401  # as above
    try:
        import shtab  # noqa: PLC0415  # an optional extra
    except ImportError:
        raise ImportError("completion needs shtab: pip install 'nbflow[completion]'") from None
    if given.shell not in shtab.SUPPORTED_SHELLS:
        raise LookupError(f"there is completion for {', '.join(shtab.SUPPORTED_SHELLS)}, but not for {given.shell!r}")
    parser = command_line()
    commands = next(one for one in parser._actions if one.dest == "command").choices  # noqa: SLF001  # as shtab does
    assert isinstance(commands, dict), "its choices are the parsers by name"
    for command in commands.values():
        for action in command._actions:  # noqa: SLF001  # as above
            if action.metavar in _FILES | {"FOLDER"}:
                action.complete = shtab.FILE if action.metavar in _FILES else shtab.DIRECTORY
    sys.stdout.write(f"{shtab.complete(parser, given.shell)}\n")


def _demo(given: Any) -> int:  # noqa: ANN401  # as above
    demo = import_module("nbflow_widgets.demo")  # by name, as the report
    folder = Path(given.folder)
    copied = demo.copy_tutorials(folder)
    sys.stdout.write(f"the tutorials are in {folder}: {len(copied.written)} files are new\n")
    if copied.changed:
        sys.stdout.write(f"left as they are, as they were changed: {', '.join(copied.changed)}\n")
    missing = demo.missing()
    if missing:
        sys.stdout.write(f"they need what is not installed here: {sys.executable} -m pip install {' '.join(missing)}\n")
    if given.no_open:
        return DONE
    if "jupyterlab" in missing:
        sys.stdout.write(f"then open the first one: nbflow demo {given.folder}\n")
        return FAILED
    return int(demo.open_in_lab(folder))


def _saver(file: str, *, read_only: bool = False) -> SqliteSaver:
    """Return the saver of a file that is there."""
    if not Path(file).is_file():
        raise LookupError(f"there is no file {file!r}")
    return SqliteSaver(file, read_only=read_only)


def _records(saver: SqliteSaver, thread: str) -> list[Any]:
    records = read_run(saver, thread)
    if not records:
        known = ", ".join(saver.thread_ids()[:10])
        raise LookupError(f"there is no thread {thread!r}; there are {known or 'none'}")
    return records


def _workflow(name: str) -> Any:  # noqa: ANN401  # whatever the module has there
    """Return the workflow that ``module:name`` names; the module is looked for in the working folder too."""
    module, colon, attribute = name.partition(":")
    if not colon or not attribute:
        raise LookupError(f"a workflow is named MODULE:NAME, such as pipelines:flow, but got {name!r}")
    if module.endswith(".py"):
        meant = ".".join(Path(module).with_suffix("").parts)
        raise LookupError(f"a workflow is named by its module, not by its file: {meant}:{attribute}, but got {name!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")
    found = getattr(import_module(module), attribute, None)
    if not hasattr(found, "start"):
        raise LookupError(f"module {module!r} has no workflow {attribute!r}")
    return found


def _read(text: str, asked: Mapping[str, Asked]) -> object:
    """Return the answer to the open question that a text is meant as, or ``{id: answer}`` to several."""
    if len(asked) == 1:
        (only,) = asked.values()
        found = read_answer(text, only.schema)
        if not isinstance(found, dict) or only.id not in found:
            return found
    found = read_answer(text, None)
    if not isinstance(found, dict):
        return found
    return {
        key: read_answer(one, asked[key].schema) if isinstance(one, str) and key in asked else one
        for key, one in found.items()
    }


@contextmanager
def _told_how_to_write(asked: Mapping[str, Asked]) -> Iterator[None]:
    """Have the error about an answer that does not fit say how one that does is written."""
    try:
        yield
    except InvalidAnswerError as error:
        one = asked.get(error.interrupt_id)
        how = how_to_write(one.schema) if one is not None else ""
        if not how:
            raise
        raise LookupError(f"{error} Write it like this: {how}") from None


def _age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text[-1:] not in _UNITS or not text[:-1].isdigit():
        raise LookupError(f"an age is a number and m, h, d or w, such as 7d, but got {text!r}")
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def _facts(row: CallRow) -> dict[str, object]:
    return {
        "path": row.path, "name": row.name, "kind": row.kind, "state": row.state, "attempt": row.attempt,
        "started": row.started or None, "ended": row.ended, "arguments": row.shown,
        "error": repr(row.error) if row.error is not None else None,
    }  # fmt: skip


def _depth(row: CallRow) -> int:
    depth, path = 0, row.path
    while path := caller_of(path):
        depth += 1
    return depth


def _took(row: CallRow) -> str:
    return f" {row.ended - row.started:.3g} s" if row.ended is not None and row.started else ""


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _write_json(value: object) -> None:
    sys.stdout.write(f"{json.dumps(value, indent=2)}\n")


__all__ = ["main"]
