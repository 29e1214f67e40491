"""Names of nbflow's face that are loaded when they are first asked for, and the modules they are in."""

from __future__ import annotations

LAZY = {
    "InMemoryCache": "nbflow.cache.memory",
    "InMemoryStore": "nbflow.store.memory",
    "SqliteCache": "nbflow.cache.sqlite",
    "SqliteSaver": "nbflow.checkpoint.sqlite",
    "SqliteStore": "nbflow.store.sqlite",
    "export_run": "nbflow.archive.transfer",
    "import_run": "nbflow.archive.transfer",
}
