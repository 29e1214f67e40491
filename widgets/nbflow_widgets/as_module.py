"""The workflows of a notebook as a module that runs without one, and goes on with the notebook's threads.

Kept are functions and classes, and of the other statements those that give or change what these name. The rest is
left out, and a comment says so.
"""

from __future__ import annotations

import ast
import builtins
import os
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbflow_widgets.notebook import OWN_FOLDER
from nbflow_widgets.notebook_code import FUNCTIONS, Dropped, Piece, cells_of, pieces_of
from nbflow_widgets.options import Options
from nbflow_widgets.rewrite import assigned_names
from nbflow_widgets.toolkit import DEFAULT_FILE

_DEFINES = (*FUNCTIONS, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_MAKERS = {"compile", "create_react_agent", "entrypoint", "with_checkpointer"}
"""What gives a workflow when it is called, by its last name."""
_SETTINGS = ("sys.path.", "os.environ.", "warnings.", "logging.", "register_", "nbflow.register_")
"""Calls of these matter though they bind nothing."""
_GIVEN = {*dir(builtins), "__name__", "__file__", "__doc__", "__annotations__"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookModule:
    """A module.

    Attributes:
        text: its code.
        workflows: the names of its workflows.
        unbound: names that its functions use and nothing in it binds.
    """

    text: str
    workflows: list[str]
    unbound: list[str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """A statement, and names.

    Attributes:
        piece: the statement.
        binds: what it binds where it stands; ``*`` for an import of all.
        uses: what it uses of the module's names, in functions too.
        sets: what it or its functions bind of them.
        changes: whose values it changes in place.
        workflows: those of its workflows.
    """

    piece: Piece
    binds: set[str]
    uses: set[str]
    sets: set[str]
    changes: set[str]
    workflows: set[str]


def write_module(notebook: Path, file: Path, *, overwrite: bool = False) -> NotebookModule:
    """Write the workflows of a notebook to a file of Python.

    Args:
        notebook: the file of the notebook; its threads are in ``.nbflow`` beside it.
        file: the module.
        overwrite: whether a file that is there is replaced.

    Raises:
        FileExistsError: if the file is there.
        LookupError: if the notebook's file is none, or has no workflow, or the module's is a notebook's.
        OSError: if a file can't be read or written.
    """
    if file.suffix == ".ipynb" or file.resolve() == notebook.resolve():
        raise LookupError(f"{str(file)!r} is a notebook's file, and a module was to be written: give a name with .py")
    made = module_of(notebook, file.resolve().parent)
    if not made.workflows:
        raise LookupError(f"{str(notebook)!r} has no workflow: no %%entrypoint, @entrypoint or compiled graph")
    with file.open("w" if overwrite else "x", encoding="utf-8") as target:
        target.write(made.text)
    return made


def module_of(notebook: Path, folder: Path) -> NotebookModule:
    """Return the workflows of a notebook as a module that will stand in a folder."""
    found = [one for cell in cells_of(notebook) for one in pieces_of(cell)]
    parts = {id(one): _part(one) for one in found if isinstance(one, Piece)}
    kept = _kept(list(parts.values()))
    blocks = [_block(one, kept=parts[id(one)] in kept) if isinstance(one, Piece) else _left_out(one) for one in found]
    stars = [one for one in kept if "*" in one.binds]
    used = {name for one in kept for name in one.uses}
    bound = {name for one in kept for name in one.binds | one.sets}
    return NotebookModule(
        text="\n".join([*_head(notebook, folder, kept), *_spaced(blocks)]) + "\n",
        workflows=sorted({name for one in kept for name in one.workflows}),
        unbound=[] if stars else sorted(used - bound - _GIVEN),
    )


def _part(piece: Piece) -> _Part:
    node, saver = piece.node, piece.workflow.saver if piece.workflow else None
    tables = [symtable.symtable(ast.unparse(node), "<cell>", "exec")]
    uses: set[str] = {one.id for one in ast.walk(ast.parse(saver or "")) if isinstance(one, ast.Name)}
    sets: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        of_module = [one for one in table.get_symbols() if table.get_type() == "module" or one.is_global()]
        uses |= {one.get_name() for one in of_module if one.is_referenced()}
        sets |= {one.get_name() for one in of_module if one.is_assigned()}
    binds = {"*"} if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" else assigned_names([node])
    return _Part(
        piece=piece, binds=binds, uses=uses, sets=sets, changes=_changes(node), workflows=_workflows(piece, binds)
    )


def _workflows(piece: Piece, binds: set[str]) -> set[str]:
    """Return the names of a statement's workflows."""
    node = piece.node
    if isinstance(node, FUNCTIONS):
        is_one = piece.workflow is not None or _is_decorated(node, "entrypoint")
        return {node.name} if is_one else set()
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    while isinstance(value, ast.Call):  # entrypoint(...)(function)
        if _last_name(value.func) in _MAKERS and _root(value.func) != "re":
            return binds
        value = value.func
    return set()


def _kept(parts: Sequence[_Part]) -> list[_Part]:
    """Return the statements that a module needs, in their order."""
    workflows = {name for one in parts for name in one.workflows}
    fixed = {name for one in parts if isinstance(one.piece.node, (*_DEFINES, *_IMPORTS)) for name in one.binds}
    able = [one for one in parts if _can_stand(one.piece.node) and not _runs(one, workflows)]
    kept = [one for one in able if isinstance(one.piece.node, _DEFINES) or one.workflows or _is_setting(one.piece.node)]
    count = 0
    while len(kept) != count:
        count = len(kept)
        needed = {name for one in kept for name in one.uses} | {"*", "annotations"}
        data = needed - workflows - fixed
        kept = [one for one in able if one in kept or one.binds & needed or one.changes & data]
    return kept


def _can_stand(node: ast.stmt) -> bool:
    """Whether a statement is one of a module: none that awaits."""
    try:
        compile(ast.Module(body=[node], type_ignores=[]), "<cell>", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _runs(part: _Part, workflows: set[str]) -> bool:
    """Whether a statement runs a workflow where it stands."""
    if isinstance(part.piece.node, _DEFINES):
        return False
    calls = [one for one in ast.walk(part.piece.node) if isinstance(one, ast.Call)]
    return any(_root(one.func) in workflows and _last_name(one.func) not in _MAKERS for one in calls)


def _changes(node: ast.stmt) -> set[str]:
    """Return the names whose values a statement changes in place, as far as can be seen."""
    if isinstance(node, _DEFINES):
        return set()
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call) and isinstance(one.value.func, ast.Attribute):
            found.add(_root(one.value.func))
        elif isinstance(one, (ast.Subscript, ast.Attribute)) and isinstance(one.ctx, (ast.Store, ast.Del)):
            found.add(_root(one))
    return found


def _is_setting(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func).startswith(_SETTINGS)
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("os.environ[")


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _root(node: ast.expr) -> str:
    """Return the name at which an expression begins: ``builder`` of ``builder.add_node(f).add_edge``."""
    while not isinstance(node, ast.Name):
        inner = getattr(node, "func", None) or getattr(node, "value", None)
        if not isinstance(inner, ast.expr):
            return ""
        node = inner
    return node.id


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_decorated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, name: str) -> bool:
    calls = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return any(_last_name(one) == name for one in calls)


def _block(piece: Piece, *, kept: bool) -> str:
    """Return what stands in the module for a statement."""
    node = piece.node
    if _is_future(node):
        return ""  # it stands at the top
    if not kept:
        return _left_out(Dropped(text=ast.unparse(node), why="no workflow needs it"))
    above = f"{piece.above}\n" if piece.above else ""
    if isinstance(node, FUNCTIONS) and piece.workflow is not None:
        return above + _workflow_text(node, piece.text, piece.workflow)
    if isinstance(node, FUNCTIONS) and piece.is_task and not _is_decorated(node, "task"):
        return f"{above}@nbflow.task\n{piece.text}"
    if isinstance(node, ast.ClassDef) and _is_stored(node):
        name = f"nbflow.register_type({node.name}, name='__main__:{node.name}')"
        return f"{above}{piece.text}\n\n\n{name}  # what the notebook calls it"
    return above + piece.text


def _workflow_text(node: ast.FunctionDef | ast.AsyncFunctionDef, text: str, options: Options) -> str:
    saver = options.saver or "_SAVER"
    if not _is_decorated(node, "entrypoint"):
        cache = "nbflow.InMemoryCache()" if options.saver else "_CACHE"
        name = f", name={options.name!r}" if options.name else ""
        return f"@nbflow.entrypoint(checkpointer={saver}, cache={cache}{name})\n{text}"
    chosen = saver if options.saver else f"{node.name}.checkpointer or _SAVER"
    return f"{text}\n\n\n{node.name} = {node.name}.with_checkpointer({chosen})"


def _is_stored(node: ast.ClassDef) -> bool:
    """Whether values of a class may be stored, under the name that it has in a notebook."""
    bases = {_last_name(one.value if isinstance(one, ast.Subscript) else one) for one in node.bases}
    named = _is_decorated(node, "register_type") or bases & {"Protocol", "TypedDict", "ABC"}
    return bool(node.bases or node.decorator_list) and not named


def _left_out(one: Dropped) -> str:
    first, *more = one.text.strip().split("\n")
    first = "".join(letter if letter.isprintable() else " " for letter in first)
    return f"# left out ({one.why}): {first}{' ...' if more else ''}"


def _spaced(blocks: Sequence[str]) -> Iterator[str]:
    """Yield the lines of statements: two empty ones around what is longer than a line, none among others."""
    before = "\n"
    for block in blocks:
        if not block:
            continue
        if "\n" in before or "\n" in block:
            yield "\n"
        yield block
        before = block


def _head(notebook: Path, folder: Path, kept: Sequence[_Part]) -> Iterator[str]:
    """Yield the lines above the notebook's own."""
    nodes = [one.piece.node for one in kept]
    futures = [one for one in nodes if _is_future(one)]
    name = "".join(letter if letter.isalnum() or letter in " ._-()" else "_" for letter in notebook.name)
    yield f'"""Workflows of {name}, written by `nbflow module`; they go on with its threads."""\n'
    yield from sorted({ast.unparse(one) for one in futures})
    options = [one.piece.workflow for one in kept if one.piece.workflow is not None]
    if not any(one.saver is None for one in options):
        yield "\nimport nbflow"
        return
    beside = Path(os.path.relpath(notebook.resolve().parent, folder)).as_posix()
    yield "import pathlib as _pathlib\n\nimport nbflow\n"
    yield f"_FOLDER = _pathlib.Path(__file__).resolve().parent / {f'{beside}/{OWN_FOLDER}'.removeprefix('./')!r}"
    yield "_FOLDER.mkdir(mode=0o700, exist_ok=True)"
    yield f"_SAVER = nbflow.SqliteSaver(_FOLDER / {Path(DEFAULT_FILE).name!r})"
    yield f"_CACHE = nbflow.SqliteCache(_FOLDER / {Path(DEFAULT_FILE).name!r})"
