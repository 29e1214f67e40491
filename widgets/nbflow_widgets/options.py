"""What stands on the line of a magic: words, options, and expressions left as text.

Words are split at spaces outside of quotes and brackets, so ``--input {"topic": "cats"}`` is one;
a word that is quoted as a whole loses the quotes, as in a shell.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, NoReturn

from IPython.core.error import UsageError

from nbflow.errors.usage import nearest
from nbflow_widgets.display import MODES
from nbflow_widgets.echo import WHERE, Where

_OPENING, _CLOSING, _QUOTES = "([{", ")]}", "'\""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The line of ``%%entrypoint``; expressions are texts, None where not given.

    Attributes:
        name: of the workflow.
        input: expression of the input.
        thread: id of the thread; None for a new one.
        out: variable that takes the result.
        saver: expression of the checkpointer.
        answers: expression of the answers.
        display: auto, live, static or off.
        output: both, cell or row: where prints and displays appear.
        fresh: whether an unfinished run is left behind.
        reuse: whether unchanged results of the last run are taken over.
        background: whether the cell ends at once.
        plan: whether it only says what would run.
    """

    name: str | None = None
    input: str | None = None
    thread: str | None = None
    out: str | None = None
    saver: str | None = None
    answers: str | None = None
    display: str = "auto"
    output: Where = "both"
    fresh: bool = False
    reuse: bool = False
    background: bool = False
    plan: bool = False

    def of_runs(self) -> list[str]:
        """Return the options given that say something of a run, as they are written."""
        names = ("thread", "out", "answers", "fresh", "reuse", "background", "plan")
        return [f"--{name}" for name in names if getattr(self, name)]


_SPACES = " (an expression with spaces wants quotes around it)"
_GOES_ON = (",", "+", "-", "*", "/", "=", "|", "&", "<", ">", "%", ":")
"""What an expression ends with that was cut at a space."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        unknown = message.partition("unrecognized arguments: ")[2].split()
        words = [word for word in unknown if word.startswith("-")]
        known = [name for action in self._actions for name in action.option_strings]
        hint = _SPACES if unknown and not words else ""
        hint = nearest(words[0].partition("=")[0], known) if words else hint
        msg = f"%%{self.prog}: {message}{hint}"
        raise UsageError(msg)


def _entrypoint_parser() -> argparse.ArgumentParser:
    parser = _Parser("entrypoint", add_help=False, allow_abbrev=False)
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="name of the workflow; a cell that ends with a def has one already")
    add("-i", "--input", metavar="EXPR", help="run with the value of this expression as the input")
    add(
        "-t",
        "--thread",
        metavar="ID",
        help="thread to keep the run in; the cell run again continues it, or shows it again",
    )
    add("-o", "--out", metavar="VAR", help="variable that takes the result when the run returns")
    add("--saver", metavar="EXPR", help="the checkpointer; by default one on .nbflow/threads.db")
    add("--fresh", action="store_true", help="start over, even if the last run would go on or be shown again")
    add("--reuse", action="store_true", help="start over, but keep the results of unchanged tasks")
    add("--background", action="store_true", help="end the cell at once; the run goes on")
    add("--plan", action="store_true", help="run nothing, and say what would run, and why")
    add("--answers", metavar="EXPR", help="answers to its questions: a list in order, or a dict by question")
    add("--output", choices=WHERE, default="both", help="where prints and figures go: cell, row of their call, or both")
    add("--display", choices=("auto", *MODES), default="auto", help="what to show; auto looks for a person")
    return parser


def _watch_parser() -> argparse.ArgumentParser:
    parser = _Parser("watch", add_help=False, allow_abbrev=False)
    parser.add_argument("--display", choices=("auto", *MODES), default="auto")
    return parser


PARSER = _entrypoint_parser()
PARSERS = {"%%entrypoint": PARSER, "%%watch": _watch_parser()}


def parse_entrypoint(line: str) -> Options:
    """Return the options of a line.

    Raises:
        UsageError: if it can't be understood.
    """
    options = Options(**vars(PARSER.parse_args(words(line))))
    is_cut = options.name is not None and (options.input or "").endswith(_GOES_ON)
    for what, name in (("NAME", options.name), ("--out", options.out)):
        if name is not None and (not name.isidentifier() or iskeyword(name) or (is_cut and what == "NAME")):
            hint = _SPACES if what == "NAME" and options.input is not None else ""
            msg = f"%%entrypoint: {what} is {name!r}, but it must be a Python name{hint}"
            raise UsageError(msg)
    if options.thread == "":
        msg = "%%entrypoint: --thread is empty, but a thread needs a name; leave the option out for a new one"
        raise UsageError(msg)
    return options


def parse_watch(line: str) -> str:
    """Return how a ``%%watch`` line wants runs to be shown."""
    return str(PARSERS["%%watch"].parse_args(words(line)).display)


def evaluated(shell: Any, expression: str, where: str) -> Any:  # noqa: ANN401  # IPython's; whatever the user wrote
    """Return what an expression of a line gives in the notebook.

    Raises:
        UsageError: if it raises anything; ``where`` begins the message.
    """
    try:
        return shell.ev(expression)
    except Exception as error:  # noqa: BLE001  # whatever the user's expression raises
        hint = " (a text wants quotes within quotes)" if isinstance(error, (NameError, SyntaxError)) else ""
        msg = f"{where} {expression}: {type(error).__name__}: {error}{hint}"
        raise UsageError(msg) from None


def words(line: str) -> list[str]:
    """Return the words of a line.

    Raises:
        UsageError: if a quote or bracket is not closed.
    """
    found: list[str] = []
    word, quote, depth = "", "", 0
    escaped = False
    for char in line:
        if char.isspace() and not quote and not depth:
            found.append(word)
            word = ""
            continue
        word += char
        if quote:
            quote = "" if char == quote and not escaped else quote
            escaped = char == "\\" and not escaped
        elif char in _QUOTES:
            quote = char
        else:
            depth += (char in _OPENING) - (char in _CLOSING)
    if quote or depth > 0:
        msg = f"{'quote' if quote else 'bracket'} not closed in: {line}"
        raise UsageError(msg)
    return [_unquoted(one) for one in (*found, word) if one]


def _unquoted(word: str) -> str:
    """Return a word without the quotes around the whole of it."""
    head, equals, value = word.partition("=")
    if equals and head.startswith("--") and head[2:].isidentifier():
        return f"{head}={_unquoted(value)}"
    quote = word[0] if word else ""
    if len(word) > 1 and quote in _QUOTES and word.endswith(quote) and quote not in word[1:-1]:
        return word[1:-1]
    return word
