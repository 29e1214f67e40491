"""Who imports whom: the contracts of pyproject.toml, and what a bare ``import nbflow`` may load."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.house.sources import PACKAGES, ROOT, environment

LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"

# What the runtime must not load: the notebook's packages, and what costs start-up time.
UNWANTED = {
    "IPython",
    "anywidget",
    "asyncio",
    "graphviz",
    "ipykernel",
    "ipywidgets",
    "nbflow_widgets",
    "numpy",
    "pandas",
    "traitlets",
}

# One violation per contract: the module that is planted, and the line that it may not have.
VIOLATIONS = {
    "1": ("nbflow/values/running.py", "import nbflow.codec"),
    "2a": ("nbflow/core/call.py", "import nbflow.views.rows"),
    "2b": ("nbflow/core/retry.py", "import random"),
    "2c": ("nbflow/views/calls.py", "import nbflow.drivers.threads"),
    "3a": ("nbflow/views/rows.py", "import nbflow.core.scheduler"),
    "3b": ("nbflow/config.py", "import nbflow.checkpoint.memory"),
    "3c": ("nbflow/store/memory.py", "import nbflow.config"),
    "3d": ("nbflow/cache/memory.py", "import nbflow.config"),
    "3e": ("nbflow/database/sqlite.py", "import nbflow.views.rows"),
    "3f": ("nbflow/drivers/aio.py", "import nbflow.drivers.threads"),
    "4": ("nbflow/codec.py", "import pandas"),
    "5a": ("widgets/nbflow_widgets/run_feed.py", "import nbflow.config"),
    "5b": ("widgets/nbflow_widgets/forms.py", "import nbflow_widgets.inbox"),
    "6": ("nbflow/store/memory.py", "import nbflow.graph"),  # which imports the store
}

# What stays allowed, however strict the contracts are.
ALLOWED = {
    "nbflow/errors.py": "",
    "nbflow/core/record.py": "import nbflow.values\nimport msgspec",
    "nbflow/core/path.py": "",
    "nbflow/core/states.py": "import nbflow.core.record",
    "nbflow/core/scheduler.py": "import nbflow.core.record\nimport nbflow.errors",
    "nbflow/drivers/threads.py": "import threading\nimport nbflow.core.scheduler",
    "nbflow/graph.py": "import nbflow.store.memory",
    "nbflow/__init__.py": "def load_ipython_extension(shell):\n    import nbflow_widgets",
    "widgets/nbflow_widgets/inbox.py": "import nbflow\nimport nbflow.views.rows\nimport ipywidgets",
}


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT_IMPORTS]
    return subprocess.run(command, cwd=root, env=environment(root), capture_output=True, text=True, check=False)


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a statement loads into a fresh interpreter."""
    code = f"import json, sys; old = set(sys.modules); {statement}; print(json.dumps(sorted(set(sys.modules) - old)))"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment(ROOT), capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(run.stdout)}


def circles(graph: grimp.ImportGraph) -> list[str]:
    """Return the imports that close a circle of files, an ``__init__`` counting as a file."""
    edges = ((one, two) for one in graph.modules for two in graph.find_modules_directly_imported_by(one))
    return sorted(f"{one} -> {two}" for one, two in edges if graph.find_shortest_chain(importer=two, imported=one))


def imported_from_nbflow(graph: grimp.ImportGraph, module: str) -> set[str]:
    """Return what a module imports of the runtime; nothing while it does not exist."""
    if module not in graph.modules:
        return set()
    return {name for name in graph.find_modules_directly_imported_by(module) if name.partition(".")[0] == "nbflow"}


def broken_contracts(root: Path) -> set[str]:
    return set(re.findall(r"^(\d\w?)\. .* BROKEN", lint_imports(root).stdout, re.MULTILINE))


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Write a small tree of both packages in which every planned module keeps the contracts."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = ("core", "drivers", "checkpoint", "store", "cache", "database", "values", "views")
    folders = (f"nbflow/{name}" for name in rooms)
    for folder in ("nbflow", *folders, "widgets/nbflow_widgets"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").touch()
    for path, _ in VIOLATIONS.values():
        (tmp_path / path).touch()
    for path, lines in ALLOWED.items():
        (tmp_path / path).write_text(lines)
    return tmp_path


def test_the_import_contracts_hold() -> None:
    run = lint_imports(ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*(package.name for package in PACKAGES), cache_dir=None)


def test_no_files_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    assert circles(graph) == []


def test_errors_and_values_stand_at_the_bottom(graph: grimp.ImportGraph) -> None:
    """Contract 1 names the modules that were planned; this holds for any other one too."""
    for module in ("nbflow.errors", *graph.find_descendants("nbflow.errors")):
        assert {name for name in imported_from_nbflow(graph, module) if not name.startswith("nbflow.errors.")} == set()
    for module in ("nbflow.values", *graph.find_descendants("nbflow.values")):
        imported = {name for name in imported_from_nbflow(graph, module) if not name.startswith("nbflow.values.")}
        assert imported <= {"nbflow.errors"}, module


def test_the_runtime_starts_without_the_notebook() -> None:
    assert loaded_by("import nbflow") & UNWANTED == set()


def test_what_is_loaded_is_seen() -> None:
    assert {"asyncio", "wave"} <= loaded_by("import asyncio, wave")


def test_loading_the_toolkit_loads_nothing_that_only_tables_and_texts_want() -> None:
    assert loaded_by("import nbflow_widgets") & {"pandas", "numpy", "markdown_it", "jsonschema", "matplotlib"} == set()


def test_a_circle_through_a_face_is_found() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "a.b"), ("a.b", "a.c"), ("a.c", "a"), ("a.c", "a.d")):
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == ["a -> a.b", "a.b -> a.c", "a.c -> a"]


def test_what_a_module_imports_of_the_runtime_is_seen() -> None:
    graph = grimp.ImportGraph()
    graph.add_import(importer="nbflow.types", imported="nbflow.values")
    graph.add_import(importer="nbflow.types", imported="enum")
    assert imported_from_nbflow(graph, "nbflow.types") == {"nbflow.values"}
    assert imported_from_nbflow(graph, "nbflow.no_such_module") == set()


def test_what_is_allowed_breaks_no_contract(planted: Path) -> None:
    run = lint_imports(planted)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("number", VIOLATIONS)
def test_each_contract_can_break(planted: Path, number: str) -> None:
    path, line = VIOLATIONS[number]
    (planted / path).write_text(line)
    assert number in broken_contracts(planted)


def test_each_contract_has_its_violation() -> None:
    names = re.findall(r'^name = "(\d\w?)\. ', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert names == list(VIOLATIONS)
