"""Defines the workflows of a notebook in a new process, and plans a stored run there: the script of ``reproducible``.

It is run by its path, so that nothing of the toolkit is loaded, with the arguments of ``main``.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from nbflow import InMemorySaver, Workflow, import_run


def main(module: str, beside: str, exported: str, thread: str, workflow: str, result: str) -> None:
    """Write as JSON what a run would do that takes over what a stored one has done, or why that can't be told.

    Args:
        module: file of the notebook's definitions.
        beside: that file as if it stood beside the notebook.
        exported: file of the run.
        thread: of the run.
        workflow: its name.
        result: file to write.
    """
    sys.path[0] = os.getcwd()  # noqa: PTH109  # as in a kernel; else this file's folder
    space = ModuleType("__main__")
    space.__file__ = beside  # where the module would be: its threads are kept beside it
    sys.modules["__main__"] = space
    told: dict[str, object]
    try:
        exec(compile(Path(module).read_text(encoding="utf-8"), module, "exec"), vars(space))  # noqa: S102  # the user's
        told = _planned(vars(space), exported, thread, workflow)
    except Exception:  # noqa: BLE001  # whatever the notebook's code raises is told
        told = {"error": traceback.format_exc(limit=-1).strip()}
    Path(result).write_text(json.dumps(told), encoding="utf-8")


def _planned(space: dict[str, object], exported: str, thread: str, workflow: str) -> dict[str, object]:
    found = next((one for one in space.values() if isinstance(one, Workflow) and one.spec.name == workflow), None)
    if found is None:
        return {"missing": workflow}
    found.checkpointer = InMemorySaver()
    import_run(found.checkpointer, exported)
    config = {"configurable": {"thread_id": thread}}
    run = found.last_run(config)
    assert run is not None, "it has just been brought in"
    plan = found.plan(run.input, config, reuse=True)
    return {
        "calls": [[call.path, call.name, call.action, call.reason] for call in plan.calls],
        "questions": [*plan.questions],
        "unknown": plan.unknown,
        "after": dict(plan.after),
        "raised": repr(plan.error) if plan.error is not None else "",
        "is_same": run.is_current,
        "workflow": workflow,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
