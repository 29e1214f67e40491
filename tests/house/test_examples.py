"""Examples of docstrings, of the README and of the documentation run, and give what they say."""

from __future__ import annotations

import ast
import doctest
import gc
import inspect
import re
from pathlib import Path

import pytest

from docs.pages.reference import documented, value_of
from tests.house.sources import ROOT

CHECKER = doctest.OutputChecker()
TEXTS = ("README.md", "docs/index.md")
WRONG_ON_PURPOSE = ROOT / "docs" / "errors.md"
MUST_HAVE = {
    "nbflow.entrypoint",
    "nbflow.task",
    "nbflow.interrupt",
    "nbflow.Command",
    "nbflow.SqliteSaver",
    "nbflow.patch",
    "nbflow.sleep",
    "nbflow.Workflow.fork",
    "nbflow.Workflow.plan",
    "nbflow.Workflow.sweep",
    "nbflow.Workflow.try_call",
    "nbflow.func.Task.map",
}


def examples() -> dict[str, doctest.DocTest]:
    """Return the examples of the public names and of what classes have, by name; what is inherited once."""
    parser, found = doctest.DocTestParser(), {}
    seen: set[str] = set()
    for name in [*documented(), "nbflow.func.Task"]:
        value = value_of(*name.rsplit(".", 1))
        members = inspect.getmembers(value) if inspect.isclass(value) else []
        for label, one in [(name, value), *((f"{name}.{member}", one) for member, one in members)]:
            doc = inspect.getdoc(one) or ""
            if ">>>" in doc and doc not in seen:
                seen.add(doc)
                found[label] = parser.get_doctest(doc, {"__name__": "example"}, label, None, 0)
    return found


EXAMPLES = examples()


def blocks(text: str) -> list[str]:
    """Return the Python of a page, without cells that are a notebook's."""
    found = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [block for block in found if "%" not in re.sub(r'".*?"', "", block) and "..." not in block.partition("#")[0]]


def told(source: str) -> dict[int, str]:
    """Return what lines say that they give, ``call()  # [1, 2]``, by the number of the line."""
    pairs = (line.rsplit("  # ", 1) for line in source.splitlines())
    return {at: pair[1] for at, pair in enumerate(pairs, 1) if len(pair) > 1 and pair[1][0] in "[{('\"0123456789"}


def run(path: Path, names: dict[str, object]) -> list[str]:
    """Run a file statement by statement, then its tests; return where it gives other values than it tells."""
    source = path.read_text(encoding="utf-8")
    wanted, wrong = told(source), []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Expr) or node.end_lineno not in wanted:
            exec(compile(ast.Module([node], []), str(path), "exec", dont_inherit=True), names)
            continue
        code = compile(ast.Expression(node.value), str(path), "eval", dont_inherit=True)
        got, want = repr(eval(code, names)), wanted[node.end_lineno]
        if not want.startswith(got) and not CHECKER.check_output(want, got, doctest.ELLIPSIS):
            wrong.append(f"{path.name}:{node.lineno} tells {want}, and gives {got}")
    for name in [name for name in names if name.startswith("test_")]:
        names.pop(name)()  # type: ignore[operator]  # a test of the page's
    return wrong


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_main_names_have_examples() -> None:
    assert MUST_HAVE - EXAMPLES.keys() == set()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_docstrings_give_what_they_say(name: str) -> None:
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(EXAMPLES[name], out=told.append)
    gc.collect()
    assert runner.summarize(verbose=False).failed == 0, "".join(told)


@pytest.mark.parametrize("page", TEXTS)
def test_python_of_pages_runs_and_gives_what_it_tells(page: str, tmp_path: Path) -> None:
    names: dict[str, object] = {"__name__": "page"}
    found = blocks((ROOT / page).read_text(encoding="utf-8"))
    assert found
    for number, block in enumerate(found):
        path = tmp_path / f"block_{number}.py"
        path.write_text(block, encoding="utf-8")
        assert run(path, names) == []


def test_what_is_wrong_on_purpose_is_python() -> None:
    found = re.findall(r"^```python\n(.*?)^```", WRONG_ON_PURPOSE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert [ast.parse(block) for block in found]


def test_a_wrong_value_is_found(tmp_path: Path) -> None:
    path = tmp_path / "page.py"
    path.write_text("a = 1\na + 1  # 2\na + 2  # [4]\na + 3  # as it is meant\n", encoding="utf-8")
    assert run(path, {}) == ["page.py:3 tells [4], and gives 3"]
