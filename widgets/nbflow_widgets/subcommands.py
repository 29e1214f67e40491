"""What ``%nbflow WORDS`` does: finds the subcommand, reads its arguments and options, and calls it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from nbflow.errors import InvalidAnswerError, InvalidOptionError, NewerFormatError, StorageError
from nbflow.errors.usage import nearest
from nbflow.types import how_to_write, read_answer
from nbflow_widgets.commands import (
    Shown,
    callgraph,
    calls,
    diff,
    explore,
    export_run,
    graph,
    history,
    import_run,
    inbox,
    nest,
    newest_run,
    record_answers,
    repeatable,
    report,
    resume,
    threads,
    timeline,
    timing,
    trace,
    whatif,
)
from nbflow_widgets.failure import prepared
from nbflow_widgets.markup import code_span, escaped, note
from nbflow_widgets.nest import NestError
from nbflow_widgets.options import evaluated
from nbflow_widgets.reproducible import reproducible
from nbflow_widgets.trying import sweep, try_call

if TYPE_CHECKING:
    from nbflow_widgets.toolkit import Toolkit

SUBCOMMANDS: dict[str, Callable[..., object]] = {
    fn.__name__.removesuffix("_run"): fn  # `import` is a word of Python's
    for fn in (
        threads,
        history,
        calls,
        timing,
        whatif,
        timeline,
        callgraph,
        graph,
        diff,
        repeatable,
        reproducible,
        report,
        trace,
        export_run,
        import_run,
        resume,
        inbox,
        explore,
        record_answers,
        sweep,
        nest,
    )
} | {"try": try_call}


_SHOWN = {"inbox", "explore", "try"}  # they show themselves
_OF_FILES = {"export", "import"}  # they end with an error because of what they were told
_EXPRESSIONS = {("graph", 0), ("sweep", 2)}  # arguments that are Python; so is the one of `resume`, but for yes and no


def run_subcommand(words: Sequence[str], kit: Toolkit) -> object:
    """Do what ``%nbflow WORDS`` says; options such as ``--saver EXPR`` and ``--archived`` may stand anywhere.

    Raises:
        UsageError: if it can't be understood.
    """
    rest, options = _split(words, kit, "--saver")
    given = [word for word in rest if not word.startswith("--")]
    if not given:
        return subcommands()
    name = given[0]
    fn = SUBCOMMANDS.get(name)
    if fn is None:
        hint = nearest(name, SUBCOMMANDS)
        msg = f"%nbflow: there is no subcommand {name!r}{hint}; known are {', '.join(map(usage, SUBCOMMANDS))}"
        raise UsageError(msg)
    for option in valued(name):
        rest, found = _split(rest, kit, option)
        options |= found
    given = [word for word in rest if not word.startswith("--")]
    options |= _switches(name, [word for word in rest if word.startswith("--")])
    arguments = [
        _evaluated(word, kit) if (name, place) in _EXPRESSIONS else word for place, word in enumerate(given[1:])
    ]
    if name == "resume" and len(arguments) > 1:
        arguments[1] = _answer(arguments[1], arguments[0], options.get("saver"), kit)
    try:
        inspect.signature(fn).bind(*arguments, **options)
    except TypeError as error:
        msg = f"%nbflow {usage(name)}: {error}"
        raise UsageError(msg) from None
    shown = _done(name, fn, arguments, options, kit)
    return None if name in _SHOWN else shown


def _done(
    name: str, fn: Callable[..., object], arguments: Sequence[Any], options: dict[str, Any], kit: Toolkit
) -> object:
    """Do what a subcommand does; what was asked wrongly is told in a line, anything else with a traceback."""
    try:
        return fn(*arguments, **options)
    except InvalidAnswerError as error:
        how = _how_to_answer(error, arguments, options.get("saver"), kit)
        if not how:
            prepared(error)
            raise
        raise UsageError(f"{error} Write it like this: {how}") from None
    except (LookupError, NestError, FileExistsError) as error:
        raise UsageError(str(error.args[0])) from None
    except (InvalidOptionError, StorageError, NewerFormatError) as error:  # what was named is not what it should be
        if name not in _OF_FILES:
            prepared(error)
            raise
        raise UsageError(str(error)) from None
    except Exception as error:
        prepared(error)
        raise


def subcommands() -> Shown:
    """Return the subcommands of ``%nbflow``, each with what it does."""
    rows = {f"%nbflow {usage(name)}": (fn.__doc__ or "").partition("\n")[0] for name, fn in SUBCOMMANDS.items()}
    cells = "".join(f"<tr><td>{code_span(escaped(name))}</td><td>{escaped(it)}</td></tr>" for name, it in rows.items())
    width = max(map(len, rows))
    lines = [f"{name:{width}}  {text}" for name, text in rows.items()]
    return Shown(f"<table>{cells}</table>{note(_OF_ALL)}", "\n".join([*lines, _OF_ALL.replace("`", "")]))


_OF_ALL = "`--saver EXPR` looks in another checkpointer than the notebook's; each is a function of nbflow_widgets too."


def usage(name: str) -> str:
    """Return a subcommand with its arguments: ``resume THREAD ANSWER``."""
    parameters = [one for one in inspect.signature(SUBCOMMANDS[name]).parameters.values() if one.name != "saver"]
    given = [one for one in parameters if one.kind is not one.KEYWORD_ONLY]
    shown = [one.name.upper() if one.default is one.empty else f"[{one.name.upper()}]" for one in given]
    return " ".join(
        [name, *shown, *(f"[{word} EXPR]" for word in valued(name)), *(f"[{word}]" for word in switches(name))]
    )


def switches(name: str) -> list[str]:
    """Return what may be said of a subcommand by a word alone: ``--archived``."""
    parameters = inspect.signature(SUBCOMMANDS[name]).parameters.values()
    return [f"--{one.name}" for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is False]


def valued(name: str) -> list[str]:
    """Return what is said of a subcommand by a word and an expression: ``--redact``."""
    parameters = inspect.signature(SUBCOMMANDS[name]).parameters.values()
    return [f"--{one.name}" for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is None]


def _switches(name: str, words: Sequence[str]) -> dict[str, object]:
    known = switches(name)
    for word in words:
        if word not in known:
            offered = f"it takes {', '.join([*(f'{one} EXPR' for one in valued(name)), *known, '--saver EXPR'])}"
            msg = f"%nbflow {usage(name)}: there is no option {word}{nearest(word, [*known, *valued(name)])}; {offered}"
            raise UsageError(msg)
    return {word.removeprefix("--"): True for word in words}


def _split(words: Sequence[str], kit: Toolkit, option: str) -> tuple[list[str], dict[str, object]]:
    """Return the words without an option and its expression, and what that gives."""
    rest = list(words)
    if option not in rest:
        return rest, {}
    at = rest.index(option)
    if at + 1 == len(rest):
        msg = f"%nbflow: {option} wants an expression"
        raise UsageError(msg)
    return rest[:at] + rest[at + 2 :], {option.removeprefix("--"): _evaluated(rest[at + 1], kit)}


def _how_to_answer(error: InvalidAnswerError, arguments: Sequence[Any], saver: Any, kit: Toolkit) -> str:  # noqa: ANN401  # a checkpointer, or None
    """Return how an answer that fits is written on a line of Python, several as they were given; empty for any."""
    asked = newest_run(arguments[0], kit.default_saver() if saver is None else saver).interrupts
    schema = next((one.response_schema for one in asked if one.id == error.interrupt_id), None)
    how = how_to_write(schema, python=True)
    return f"{{{error.interrupt_id!r}: {how}}}" if how and len(asked) > 1 and how != "yes or no" else how


def _evaluated(expression: str, kit: Toolkit) -> Any:  # noqa: ANN401  # whatever the user wrote
    return evaluated(kit.shell, expression, "%nbflow:")


def _answer(word: str, thread: str, saver: Any, kit: Toolkit) -> object:  # noqa: ANN401  # a checkpointer, or None
    """Return the answer that a word is meant as: yes or no where a boolean is asked for, else an expression."""
    if word.isidentifier() and word not in kit.names:
        with suppress(LookupError):  # no such thread, which is told when it is answered
            asked = newest_run(thread, kit.default_saver() if saver is None else saver).interrupts
            found = read_answer(word, asked[0].response_schema) if len(asked) == 1 else word
            if isinstance(found, bool):
                return found
    return _evaluated(word, kit)
