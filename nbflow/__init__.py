"""nbflow: durable, human-supervised workflows, in notebooks first.

``@entrypoint`` makes a workflow of a function, ``@task`` makes its steps durable, ``interrupt``
asks a person. ``%load_ext nbflow`` adds the notebook's magics and widgets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nbflow._support.lazy import LAZY
from nbflow.checkpoint.memory import InMemorySaver, MemorySaver
from nbflow.codec import register_type
from nbflow.config import emit_token, get_config, get_store, get_stream_writer
from nbflow.core.call import is_replaying
from nbflow.errors import NbflowError
from nbflow.func import entrypoint, task
from nbflow.runs.answering import record_answer
from nbflow.runs.run import Run
from nbflow.runtime import Runtime, get_runtime, interrupt, patch
from nbflow.sleeping import asleep, asleep_until, sleep, sleep_until
from nbflow.values import Command, Interrupt, RunnableConfig, StateSnapshot, StreamWriter
from nbflow.values.policies import RetryPolicy
from nbflow.workflow import Workflow
from nbflow.workflow.reading import list_runs, list_threads, read_run, threads

if TYPE_CHECKING:
    from nbflow.archive.transfer import export_run, import_run
    from nbflow.cache.memory import InMemoryCache
    from nbflow.cache.sqlite import SqliteCache
    from nbflow.checkpoint.sqlite import SqliteSaver
    from nbflow.store.memory import InMemoryStore
    from nbflow.store.sqlite import SqliteStore

__all__ = [
    "Command",
    "InMemoryCache",
    "InMemorySaver",
    "InMemoryStore",
    "Interrupt",
    "MemorySaver",
    "NbflowError",
    "RetryPolicy",
    "Run",
    "RunnableConfig",
    "Runtime",
    "SqliteCache",
    "SqliteSaver",
    "SqliteStore",
    "StateSnapshot",
    "StreamWriter",
    "Workflow",
    "asleep",
    "asleep_until",
    "emit_token",
    "entrypoint",
    "export_run",
    "get_config",
    "get_runtime",
    "get_store",
    "get_stream_writer",
    "import_run",
    "interrupt",
    "is_replaying",
    "list_runs",
    "list_threads",
    "patch",
    "read_run",
    "record_answer",
    "register_type",
    "sleep",
    "sleep_until",
    "task",
    "threads",
]

_TOOLKIT = "nbflow_widgets"  # the one door to it, opened by name: the runtime imports no notebook package


def __getattr__(name: str) -> object:
    """Load what few programs need when it is first asked for, such as a database."""
    if name in LAZY:
        return getattr(import_module(LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: object) -> None:
    """Load the notebook toolkit: what ``%load_ext nbflow`` calls."""
    import_module(_TOOLKIT).load_ipython_extension(shell)


def unload_ipython_extension(shell: object) -> None:
    """Take the notebook toolkit away again: what ``%unload_ext nbflow`` calls."""
    import_module(_TOOLKIT).unload_ipython_extension(shell)
