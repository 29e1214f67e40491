"""Magics of IPython's above ours, such as ``%%time``: what they would do around a cell, done around a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError
from IPython.utils.capture import capture_output

from nbflow_widgets.markup import duration

_INSTEAD = {
    "timeit": "a run is timed in its timeline; to repeat one, define the workflow in its cell, without --input, and "
    "write %timeit flow.invoke(x) in another",
    "prun": "a run works in threads of its own, which %prun does not see; profile inside a task",
}


class Around:
    """The magics above the one of a cell that runs.

    Args:
        shell: IPython's.

    Attributes:
        captures: whether one of them takes what the cell shows.
    """

    def __init__(self, shell: Any) -> None:  # noqa: ANN401  # untyped package
        self._shell = shell
        self._closers: list[Callable[[], None]] = []
        self.captures = False

    def open(self, magic: str, line: str) -> None:
        """Begin what a magic does.

        Raises:
            UsageError: if that can't be done around a run; says what to do instead.
        """
        if magic in _INSTEAD:
            msg = f"%%{magic} can't stand above a cell of nbflow: {_INSTEAD[magic]}"
            raise UsageError(msg)
        self._closers.append(self._timed(line) if magic == "time" else self._captured(line))

    def close(self) -> None:
        """End what they do, the innermost first."""
        closers, self._closers, self.captures = self._closers, [], False
        for close in reversed(closers):
            close()

    @staticmethod
    def _timed(line: str) -> Callable[[], None]:
        if line:
            msg = f"%%time takes nothing on its line above a cell of nbflow, but got {line!r}"
            raise UsageError(msg)
        wall, cpu = time.perf_counter(), time.process_time()

        def close() -> None:
            worked = time.process_time() - cpu
            print(f"CPU time: {duration(worked)}\nWall time: {duration(time.perf_counter() - wall)}")  # noqa: T201  # as %%time

        return close

    def _captured(self, line: str) -> Callable[[], None]:
        magic = self._shell.magics_manager.magics["cell"]["capture"]
        options = magic.parser.parse_argstring(line)
        capturing = capture_output(not options.no_stdout, not options.no_stderr, not options.no_display)
        taken = capturing.__enter__()
        self.captures = True

        def close() -> None:
            capturing.__exit__(None, None, None)
            if options.output:
                self._shell.user_ns[options.output] = taken

        return close
