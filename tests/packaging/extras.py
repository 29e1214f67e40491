"""Install the built wheel into empty environments, one for each extra, and use what the extra is for.

``python -m tests.packaging.extras WHEEL [EXTRA ...]``; ``core`` is msgspec and the wheel alone, an empty name the wheel
with what it depends on.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

RUN = """
from nbflow import Command, SqliteSaver, entrypoint, interrupt, task

@task
def step(n: int) -> int:
    return n + 1

@entrypoint(checkpointer=SqliteSaver("runs.db"))
def flow(n: int) -> list[object]:
    return [step(n).result(), interrupt("Go on?")]

config = {"configurable": {"thread_id": "one"}}
flow.invoke(1, config)
assert flow.invoke(Command(resume="yes"), config) == [2, "yes"]
"""

CHECKS = {
    "core": f"""
{RUN}
import sys
import nbflow.graph, nbflow.testing, nbflow.store.sqlite, nbflow.cache.sqlite
from nbflow.cli import main
assert main(["threads", "runs.db"]) == main(["show", "runs.db", "one"]) == 0
third = {{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names
known = {{"nbflow", "msgspec", "__main__", "sitecustomize", "usercustomize", "_distutils_hack", "distutils-precedence"}}
assert third <= known, third
""",
    "": f"""
{RUN}
from nbflow.cli import main
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.push({{"flow": flow}})
shell.run_line_magic("load_ext", "nbflow")
assert not shell.run_cell("%nbflow threads --saver flow.checkpointer").error_in_exec
assert main(["report", "runs.db", "one", "run.html"]) == 0
""",
    "completion": """
from nbflow.cli import main
assert main(["completion", "bash"]) == 0
""",
    "demo": """
import langchain_core, matplotlib
from nbflow.cli import main
assert main(["demo", "--no-open"]) == 0
assert main(["demo", "--no-open"]) == 0
import subprocess, sys
assert subprocess.run([sys.executable, "-m", "jupyterlab", "--version"], capture_output=True).returncode == 0
""",
    "dot": """
from nbflow_widgets.pictures import render
assert render("graphviz-pure", "digraph { load -> fit }").startswith("<svg")
""",
    "encryption": f"""
import os
from pathlib import Path
from nbflow.checkpoint.encrypted import AesCipher, EncryptedSaver
{RUN}
secret = EncryptedSaver(SqliteSaver("secret.db"), AesCipher(os.urandom(32)))
flow.with_checkpointer(secret).invoke(1, config)
assert b"Go on?" in Path("runs.db").read_bytes() + Path("runs.db-wal").read_bytes()
assert b"Go on?" not in Path("secret.db").read_bytes() + Path("secret.db-wal").read_bytes()
""",
    "pickle": """
import warnings
import nbflow
class Odd:
    def __reduce__(self):
        return (Odd, ())
with warnings.catch_warnings(record=True, action="always") as told:
    nbflow.register_type(Odd, pickle=True)
assert "stored by pickle" in str(told[0].message)

@nbflow.task
def make():
    return Odd()

@nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
def flow(_):
    return isinstance(make().result(), Odd)

assert flow.invoke(1, {"configurable": {"thread_id": "one"}})
""",
    "langchain": """
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from nbflow.prebuilt import create_react_agent

class Model(GenericFakeChatModel):
    def bind_tools(self, tools, **kwargs):
        return self

def add(a: int, b: int) -> int:
    "Add."
    return a + b

call = {"name": "add", "args": {"a": 2, "b": 3}, "id": "one"}
model = Model(messages=iter([AIMessage("", tool_calls=[call]), AIMessage("It is 5.")]))
messages = create_react_agent(model, [add]).invoke({"messages": [("user", "2 + 3?")]})["messages"]
assert [one.content for one in messages] == ["2 + 3?", "", "5", "It is 5."]
""",
    "otel": f"""
import nbflow.otel
nbflow.otel.instrument()
{RUN}
nbflow.otel.export(flow.last_run(config))
""",
    "grid": """
import pandas
from nbflow_widgets.fields.table import GridField, table_field
assert isinstance(table_field(pandas.DataFrame({"n": [1, 2]})), GridField)
""",
}
"""Code that has to run where the wheel is installed with an extra."""


def wrong_with(wheel: Path, extra: str) -> str:
    """Return what goes wrong where the wheel is installed with an extra and nothing else; empty if nothing does."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "env" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        wanted = [f"nbflow[{extra}] @ {wheel.resolve().as_uri()}" if extra else str(wheel)]
        if extra == "core":
            wanted = ["--no-deps", str(wheel), "msgspec"]
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        for arguments in (install, ["-W", "error", "-c", CHECKS[extra]]):
            done = subprocess.run([python, *arguments], cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                return done.stderr or done.stdout
    return ""


def main(wheel: str, *extras: str) -> int:
    """Check these extras, or all; print a line for each, and return an exit code."""
    failed = 0
    for extra in extras or CHECKS:
        wrong = wrong_with(Path(wheel).resolve(), extra)
        sys.stdout.write(f"{extra or 'no extra'}: {wrong or 'works'}\n")
        sys.stdout.flush()
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
