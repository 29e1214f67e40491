"""The workflows of a notebook as a module that runs without one, and goes on with the notebook's threads.

Kept are functions and classes, and of the other statements those that give or change what these name. The rest is
left out, and a comment says so.
"""

from __future__ import annotations

import ast
import builtins
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbflow_widgets.code_effects import last_name
from nbflow_widgets.code_needs import Needs
from nbflow_widgets.code_parts import Part, is_decorated, is_future, part_of
from nbflow_widgets.notebook import OWN_FOLDER
from nbflow_widgets.notebook_code import FUNCTIONS, Dropped, Piece, cells_of, pieces_in, pieces_of
from nbflow_widgets.options import Options
from nbflow_widgets.toolkit import DEFAULT_FILE

LEFT_OUT = "# left out"
"""How a comment begins that stands for a statement."""
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
    needs = Needs([part_of(one) for one in found], all_settings=True)
    needed = needs.all()
    told = {id(one.piece): one.why for one in needed}
    kept = [one for one in needed if not one.why]
    blocks = [
        _block(one, why=told.get(id(one), "no workflow needs it")) if isinstance(one, Piece) else _left_out(one)
        for one in found
    ]
    return NotebookModule(
        text="\n".join([*_head(notebook, folder, kept), *_spaced(blocks)]) + "\n",
        workflows=sorted(needs.workflows(kept)),
        unbound=_unbound(kept),
    )


def _unbound(parts: Sequence[Part]) -> list[str]:
    """Return the names that statements use and none of them binds."""
    used = {name for one in parts for name in one.uses}
    bound = {name for one in parts for name in one.binds}
    bound |= {name for one in parts for function in one.functions for name in function.sets}
    return [] if "*" in bound else sorted(used - bound - _GIVEN)


def cell_module(parts: Sequence[Part]) -> str:
    """Return some statements of cells as code that defines their workflows in another kernel, without checkpointers."""
    futures = sorted({ast.unparse(one.piece.node) for one in parts if is_future(one.piece.node)})
    blocks: list[str] = []
    for one in parts:
        block = _left_out_part(one) if one.why else _block(_unsaved(one.piece), is_moved=False)
        if not one.why or block not in blocks:  # what was run again and again is told once
            blocks.append(block)
    return "\n".join([*futures, "import nbflow", *_spaced(blocks)]) + "\n"


def unbound_in(module: str) -> list[str]:
    """Return the names that the code of a module uses and nothing in it binds."""
    return _unbound([part_of(one) for one in pieces_in(module) if isinstance(one, Piece)])


def _left_out_part(part: Part) -> str:
    node, text = part.piece.node, part.piece.text
    if part.has_secret and isinstance(node, ast.Assign):
        text = f"{ast.unparse(node.targets[0])} = ..."
    elif part.has_secret and isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        text = f"{ast.unparse(node.value.func)}(...)"
    return _left_out(Dropped(text=text, why=part.why))


def _unsaved(piece: Piece) -> Piece:
    """Return a workflow's function without a place for its runs; who runs it has one."""
    options = piece.workflow
    if options is None or not isinstance(piece.node, FUNCTIONS):
        return piece
    is_made = is_decorated(piece.node, "entrypoint")
    return replace(piece, workflow=None if is_made else replace(options, saver="None"))


def _block(piece: Piece, *, why: str = "", is_moved: bool = True) -> str:
    """Return what stands in the module for a statement.

    Args:
        piece: the statement.
        why: why it is left out; empty if it is not.
        is_moved: whether the module has another name than what the statement comes from.
    """
    node = piece.node
    if is_future(node):
        return ""  # it stands at the top
    if why:
        return _left_out(Dropped(text=ast.unparse(node), why=why))
    above = f"{piece.above}\n" if piece.above else ""
    if isinstance(node, FUNCTIONS) and piece.workflow is not None:
        return above + _workflow_text(node, piece.text, piece.workflow)
    if isinstance(node, FUNCTIONS) and piece.is_task and not is_decorated(node, "task"):
        return f"{above}@nbflow.task\n{piece.text}"
    if isinstance(node, ast.ClassDef) and is_moved and _is_stored(node):
        name = f"nbflow.register_type({node.name}, name='__main__:{node.name}')"
        return f"{above}{piece.text}\n\n\n{name}  # what the notebook calls it"
    return above + piece.text


def _workflow_text(node: ast.FunctionDef | ast.AsyncFunctionDef, text: str, options: Options) -> str:
    saver = options.saver or "_SAVER"
    if not is_decorated(node, "entrypoint"):
        cache = "nbflow.InMemoryCache()" if options.saver else "_CACHE"
        name = f", name={options.name!r}" if options.name else ""
        return f"@nbflow.entrypoint(checkpointer={saver}, cache={cache}{name})\n{text}"
    chosen = saver if options.saver else f"{node.name}.checkpointer or _SAVER"
    return f"{text}\n\n\n{node.name} = {node.name}.with_checkpointer({chosen})"


def _is_stored(node: ast.ClassDef) -> bool:
    """Whether values of a class may be stored, under the name that it has in a notebook."""
    bases = {last_name(one.value if isinstance(one, ast.Subscript) else one) for one in node.bases}
    named = is_decorated(node, "register_type") or bases & {"Protocol", "TypedDict", "ABC"}
    return bool(node.bases or node.decorator_list) and not named


def _left_out(one: Dropped) -> str:
    first, *more = one.text.strip().split("\n")
    first = "".join(letter if letter.isprintable() else " " for letter in first)
    return f"{LEFT_OUT} ({one.why}): {first}{' ...' if more else ''}"


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


def _head(notebook: Path, folder: Path, kept: Sequence[Part]) -> Iterator[str]:
    """Yield the lines above the notebook's own."""
    nodes = [one.piece.node for one in kept]
    futures = [one for one in nodes if is_future(one)]
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
