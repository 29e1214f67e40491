"""The page of magics and of the command line: the help that they print themselves."""

from __future__ import annotations

import argparse
import inspect

from nbflow.cli import command_line
from nbflow_widgets.magics import NbflowMagics
from nbflow_widgets.subcommands import SUBCOMMANDS, usage

HEAD = """\
# Magics and commands

What `%load_ext nbflow` brings, and the command line `nbflow`: each text below is the help that it prints itself, with
`%%entrypoint?`, `%nbflow` or `nbflow --help`.
"""


def page() -> str:
    """Return the page, in Markdown."""
    lines = [HEAD, "## Magics of cells\n"]
    for name in ("entrypoint", "task", "watch"):
        lines += [f"### `%%{name}`\n", _block(inspect.getdoc(getattr(NbflowMagics, name)) or "")]
    lines += ["## `%nbflow`\n", _cleaned(inspect.getdoc(NbflowMagics.nbflow) or ""), ""]
    lines += [_of_subcommand(name) for name in SUBCOMMANDS]
    lines += ["## Settings\n", _block(NbflowMagics.class_get_help())]
    lines += ["## The command line\n", _block(command_line().format_help())]
    for name, command in _commands().items():
        lines += [f"### `nbflow {name}`\n", _block(command.format_help())]
    return "\n".join(lines)


def _of_subcommand(name: str) -> str:
    fn = SUBCOMMANDS[name]
    first, _, rest = (inspect.getdoc(fn) or "").partition("\n\n")
    more = f"\n{_block(rest)}" if rest else ""
    return f"### `%nbflow {name}`\n\n{_block(f'%nbflow {usage(name)}')}\n{_cleaned(first)}\n{more}"


def _commands() -> dict[str, argparse.ArgumentParser]:
    of = argparse._SubParsersAction  # noqa: SLF001  # argparse has no other name for where its subcommands are
    return next({**action.choices} for action in command_line()._actions if isinstance(action, of))  # noqa: SLF001  # as above


def _block(text: str) -> str:
    bare = text.strip().replace("::\n\n", "").replace("``", "`")
    return f"```text\n{bare}\n```\n"


def _cleaned(text: str) -> str:
    return text.replace("``", "`").strip() + "\n"
