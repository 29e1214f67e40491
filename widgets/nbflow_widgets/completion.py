"""What the tab key offers on the lines of our magics: subcommands, options and ids of threads."""

from __future__ import annotations

import inspect
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbflow_widgets.options import PARSERS
from nbflow_widgets.toolkit import Toolkit

HOOK = "complete_command"
_RUNS = frozenset({"thread", "other", "thread_or_file"})  # parameters that name a run
KEYS = ("%nbflow", *PARSERS)


class Completer:
    """Completes a line of a magic; a hook of IPython's.

    Args:
        kit: the shell's toolkit.
    """

    def __init__(self, kit: Toolkit) -> None:
        self._kit = kit

    def __call__(self, _shell: object, event: Any) -> list[str]:  # noqa: ANN401  # untyped package
        """Return what may stand at the cursor; nothing leaves the line to IPython."""
        words = str(event.text_until_cursor).split()
        if event.symbol:
            words = words[:-1]
        offered = self._after_nbflow(words[1:]) if words[0] == "%nbflow" else self._after_cell(words)
        return [word for word in offered if word.startswith(event.symbol)]

    def _after_nbflow(self, words: list[str]) -> list[str]:
        from nbflow_widgets.subcommands import SUBCOMMANDS, switches, valued  # noqa: PLC0415  # they bring the widgets

        if not words:
            return [*SUBCOMMANDS]
        parameters = list(inspect.signature(SUBCOMMANDS[words[0]]).parameters) if words[0] in SUBCOMMANDS else []
        place = len(words) - 1
        wants_thread = place < len(parameters) and parameters[place] in _RUNS
        options = [*switches(words[0]), *valued(words[0])] if words[0] in SUBCOMMANDS else []
        if words == ["import"]:
            return _files(_RUN_FILES)
        files = _files(_THREAD_FILES) if wants_thread and parameters[place] == "thread_or_file" else []
        return [*self._threads(), *files] if wants_thread else [*options, "--saver"]

    def _after_cell(self, words: list[str]) -> list[str]:
        options = {name: one for one in PARSERS[words[0]]._actions for name in one.option_strings}  # noqa: SLF001  # argparse lists its options in no other way
        before = options.get(words[-1])
        if before is None or before.nargs == 0:
            return [name for name in options if name.startswith("--")]
        if before.dest == "thread":
            return self._threads()
        return [str(choice) for choice in before.choices or ()]

    def _threads(self) -> list[str]:
        with suppress(Exception):  # a file that can't be read has no threads to offer
            return self._kit.default_saver().thread_ids() if self._kit.file.exists() else []
        return []


def _files(ends: tuple[str, ...]) -> list[str]:
    """Return the files in the kernel's folder whose names end so."""
    return sorted(str(path) for end in ends for path in Path().glob(f"*.{end}"))


_THREAD_FILES = ("db", "sqlite", "sqlite3")
_RUN_FILES = ("nbf",)


def load(shell: Any, kit: Toolkit) -> None:  # noqa: ANN401  # untyped package
    """Offer completions in a shell."""
    for key in KEYS:
        shell.set_hook(HOOK, Completer(kit), str_key=key)


def unload(shell: Any) -> None:  # noqa: ANN401  # as above
    """Offer them no more."""
    known = shell.strdispatchers.get(HOOK)
    for key in KEYS if known is not None else ():
        known.strs.pop(key, None)
