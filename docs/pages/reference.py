"""The pages of the reference: each public name once, from its docstring.

Nothing of Sphinx is imported here: a test asks for the names without it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Page(NamedTuple):
    """One page of the reference.

    Attributes:
        module: where users import its names from.
        title: what stands above it.
        groups: its names by what they are for; empty for all that the module exports, in one group.
    """

    module: str
    title: str
    groups: Mapping[str, list[str]] = MappingProxyType({})


PAGES = (
    Page(
        "nbflow",
        "Workflows and tasks",
        {
            "Write a workflow": [
                "entrypoint", "task", "Workflow", "Run", "RunnableConfig", "RetryPolicy", "StateSnapshot",
            ],
            "Ask a person": ["interrupt", "Interrupt", "Command", "record_answer"],
            "Wait": ["sleep", "sleep_until", "asleep", "asleep_until"],
            "Inside a body or a task": [
                "get_runtime", "Runtime", "get_config", "get_store", "get_stream_writer", "StreamWriter", "emit_token",
                "is_replaying", "patch",
            ],
            "Keep runs, memories and results": [
                "SqliteSaver", "InMemorySaver", "MemorySaver", "SqliteStore", "InMemoryStore", "SqliteCache",
                "InMemoryCache", "register_type",
            ],
            "Look at what is kept": [
                "threads", "list_threads", "list_runs", "read_run", "export_run", "import_run",
            ],
            "Catch errors": ["NbflowError"],
        },
    ),
    Page("nbflow.types", "Types"),
    Page("nbflow.graph", "Graphs"),
    Page("nbflow.prebuilt", "Agents"),
    Page("nbflow.testing", "Testing"),
    Page("nbflow_widgets", "In the notebook"),
    Page("nbflow.output", "Output of calls"),
    Page("nbflow.otel", "OpenTelemetry"),
    Page("nbflow.runtime", "The runtime of a body"),
    Page(
        "nbflow.store.base",
        "Stores",
        {
            "": [
                "BaseStore", "Item", "SearchItem", "GetOp", "PutOp", "SearchOp", "ListNamespacesOp", "MatchCondition",
                "IndexConfig", "TTLConfig", "InvalidNamespaceError",
            ],
        },
    ),
    Page("nbflow.checkpoint.base", "Checkpointers"),
    Page("nbflow.checkpoint.encrypted", "Encryption", {"": ["EncryptedSaver", "AesCipher", "Cipher"]}),
    Page("nbflow.channels", "Annotations of a graph's state"),
    Page("nbflow.managed", "Values that a graph computes"),
)  # fmt: skip
UNNAMED = {"nbflow": {"entrypoint": ["nbflow.values.Final"], "task": ["nbflow.func.Task"]}}
"""What a name gives that is not imported itself, shown below it."""

ALIASES = {
    "All": "All nodes of a graph, for `interrupt_before` and `interrupt_after`.",
    "CacheKey": "Names a cached result: its namespace and its key.",
    "Checkpointer": "What `checkpointer=` takes.",
    "Durability": "When results are on the disk: as each call ends, in the background, or as the run ends.",
    "END": "The node after the last one of a graph.",
    "IsLastStep": "Annotates a field of the state that is True in the last step that `recursion_limit` allows.",
    "NO_ANSWER": "Stands where no answer was given: `None` is one. False where a truth value is wanted.",
    "OnBusy": "What happens where another one works on the thread.",
    "OnDivergence": "What happens where a replayed body makes another call than the recorded one.",
    "RemainingSteps": "Annotates a field of the state that says how many steps `recursion_limit` leaves.",
    "START": "The node before the first one of a graph.",
    "StreamMode": "What a stream gives.",
    "StreamPart": "A chunk of a stream of version `v2`, told apart by its `type`.",
    "StreamVersion": "The form of the chunks of a stream.",
    "StreamWriter": "Writes one value to the `custom` stream.",
}
"""What is said of names that stand for a value or another type, and can have no docstring."""


def names_of(page: Page) -> list[str]:
    """Return the names of a page, in their order."""
    if page.groups:
        return [name for names in page.groups.values() for name in names]
    exported: list[str] = importlib.import_module(page.module).__all__
    kept = {id(value_of(other.module, name)) for other in _before(page) for name in names_of(other)}
    return sorted(name for name in exported if id(value_of(page.module, name)) not in kept)


def documented() -> list[str]:
    """Return all names of all pages, each behind its module's."""
    return [f"{page.module}.{name}" for page in PAGES for name in names_of(page)]


def said_of(module: str, name: str) -> str:
    """Return what the reference says of a name; empty for nothing."""
    value = value_of(module, name)
    if not _has_docstring(value):
        return ALIASES.get(name, "")
    found = vars(value).get("__doc__") if inspect.isclass(value) else inspect.getdoc(value)
    return inspect.cleandoc(found or "")


def value_of(module: str, name: str) -> object:
    """Return what a name stands for."""
    value: object = getattr(importlib.import_module(module), name)
    return value


def text_of(page: Page) -> str:
    """Return a page, in reStructuredText."""
    lines = [page.title, "=" * len(page.title), "", f"``import {page.module}``", ""]
    for group, names in (page.groups or {"": names_of(page)}).items():
        if group:
            lines += [group, "-" * len(group), ""]
        for name in names:
            lines += _entry(page.module, name)
            for unnamed in UNNAMED.get(page.module, {}).get(name, []):
                lines += [f".. autoclass:: {unnamed}", ""]
    return "\n".join(lines)


def index() -> str:
    """Return the page that lists the others: each name, and the first line of what is said of it."""
    title = "Reference"
    lines = [title, "=" * len(title), "", "Each public name, where it is imported from, and what it is for.", ""]
    lines += ["Errors and warnings have :doc:`a page of their own </errors>`.", "", ".. toctree::", "   :hidden:", ""]
    lines += [f"   {page.title} <{page.module}>" for page in PAGES]
    for page in PAGES:
        heading = f":doc:`{page.title} <{page.module}>`"
        lines += ["", heading, "-" * len(heading), "", ".. list-table::", "   :widths: 30 70", ""]
        for name in names_of(page):
            first = said_of(page.module, name).partition("\n\n")[0].replace("\n", " ").replace("`", "``")
            lines += [f"   * - :py:obj:`{name} <{page.module}.{name}>`", f"     - {first.replace('````', '``')}"]
    return "\n".join(lines)


def _before(page: Page) -> tuple[Page, ...]:
    return PAGES[: PAGES.index(page)]


def _has_docstring(value: object) -> bool:
    return inspect.isclass(value) or inspect.isroutine(value) or inspect.isfunction(value)


def _entry(module: str, name: str) -> list[str]:
    value = value_of(module, name)
    if not _has_docstring(value):
        return [f".. autodata:: {module}.{name}", "", f"   {ALIASES.get(name, '').replace('`', '``')}", ""]
    directive = "autoexception" if _is_error(value) else "autoclass" if inspect.isclass(value) else "autofunction"
    return [f".. {directive}:: {module}.{name}", ""]


def _is_error(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseException)
