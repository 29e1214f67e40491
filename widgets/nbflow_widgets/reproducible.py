"""``%nbflow reproducible``: whether a notebook, as it is saved, gives a stored run again from top to bottom.

The definitions of the notebook are run in a new process, in their order and without the workflows' own runs, and the
stored run is planned there: what would be taken over has the code, arguments and files of now.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow import export_run
from nbflow.views.plan import PlannedCall
from nbflow_widgets import fresh_kernel
from nbflow_widgets.as_module import module_of
from nbflow_widgets.commands import Shown, kit_here, newest_run
from nbflow_widgets.markup import note, plural, preformatted
from nbflow_widgets.notebook import file_of

if TYPE_CHECKING:
    from nbflow import Run
    from nbflow.types import BaseCheckpointSaver

LISTED = 20
"""Calls that would run that are listed."""


def reproducible(thread: str, notebook: str | None = None, saver: BaseCheckpointSaver | None = None) -> Shown:
    """Say whether the notebook, as it is saved, gives a thread's newest run again from top to bottom; if not, why.

    Its definitions are run in a new process, its workflows are not. A result is the same if the code, arguments and
    files that it rests on are; nothing is run to see whether it comes out the same, see ``repeatable``.

    Args:
        thread: its id.
        notebook: the notebook's file; None for the one of this kernel.
        saver: where the thread is kept; None for the default.

    Raises:
        LookupError: if there is no such thread, or no such notebook.
    """
    kit = kit_here()
    run = newest_run(thread, saver if saver is not None else kit.default_saver())
    file = Path(notebook) if notebook is not None else file_of(kit.names)
    if file is None or not file.exists():
        what = f"there is no file {str(file)!r}" if file is not None else "the notebook of this kernel is not known"
        msg = f"{what}: name the notebook's file after the thread"
        raise LookupError(msg)
    lines = _lines(run, _planned(run, file), file)
    html = "".join([note(lines[0]), *([preformatted("\n".join(lines[1:]))] if lines[1:] else [])])
    return Shown(html, "\n".join(lines).replace("`", ""))


def _planned(run: Run, notebook: Path) -> dict[str, Any]:
    """Return what a new process finds."""
    with tempfile.TemporaryDirectory(prefix="nbflow-") as name:
        folder = Path(name)
        module, exported, result = folder / "notebook.py", folder / "run.nbf", folder / "result.json"
        module.write_text(module_of(notebook, notebook.resolve().parent).text, encoding="utf-8")
        export_run(run.workflow.saver("reproducible()"), run.thread_id, exported, run_id=run.run_id)
        workflow = str(getattr(run.log[0], "workflow", ""))
        beside = notebook.resolve().with_suffix(".py")
        arguments = [fresh_kernel.__file__, module, beside, exported, run.thread_id, workflow, result]
        done = subprocess.run(  # noqa: S603  # the code of the user's own notebook
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if not result.exists():
            return {"error": done.stderr.strip() or f"the process ended with {done.returncode}"}
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return found


def _lines(run: Run, found: dict[str, Any], notebook: Path) -> list[str]:
    """Return what was found, the verdict first."""
    of, where = f"the run of `{run.thread_id}`", f"`{notebook.name}` as it is saved"
    if "error" in found:
        told = f"Whether {where} gives {of} again can't be told: its definitions fail in a new process."
        return [told, str(found["error"])]
    if "missing" in found:
        return [f"{where} does not give {of} again: it does not define the workflow `{found['missing']}`."]
    calls = [PlannedCall(*one) for one in found["calls"]]
    runs = [one for one in calls if one.action in {"runs", "sleeps"}]
    lines = [f"  {one.name} ({one.path}): {one.reason}" for one in runs[:LISTED]]
    lines += [f"  and {len(runs) - LISTED:,} more"] if len(runs) > LISTED else []
    lines += [f"  {one.name} ({one.path}): {one.reason}" for one in calls if one not in runs and one.reason]
    lines += [f"  the body raises {found['raised']}"] if found["raised"] else []
    lines += _not_looked_at(found)
    if runs or found["raised"]:
        return [f"{where} does not give {of} again: {len(runs):,} of {plural(len(calls), 'call')} would run.", *lines]
    if not found["is_same"]:
        told = f"{where} may not give {of} again: its calls would be the same, but the code of `{found['workflow']}`"
        return [f"{told}, or something that it names, is another one.", *lines]
    until = " as far as its first question" if found["questions"] else ""
    how = f"all {plural(len(calls), 'call')} have" if len(calls) != 1 else "its call has"
    return [f"{where} gives {of} again{until}: {how} the code, arguments and files of then.", *lines]


def _not_looked_at(found: dict[str, Any]) -> list[str]:
    if found["questions"]:
        return [f"  what follows an answer is not looked at: {'; '.join(found['questions'])}"]
    if not found["unknown"]:
        return []
    rest = ", ".join(name if count == 1 else f"{count} {name}" for name, count in found["after"].items())
    return [f"  what needs their results is not looked at{f': {rest}' if rest else ''}"]


__all__ = ["reproducible"]
