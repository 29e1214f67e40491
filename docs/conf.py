"""How Sphinx builds the pages: ``make docs``."""

from __future__ import annotations

import re
from contextlib import suppress
from importlib import metadata
from types import MethodDescriptorType
from typing import TYPE_CHECKING

from myst_parser.slugs import github_slugify as slug
from sphinx.errors import PycodeError
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import make_refnode

from docs.pages.reference import documented
from tests.house.error_page import number_of, numbered

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "nbflow"
version = release = metadata.version("nbflow")
project_copyright = "the authors of nbflow"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_js_files = ["theme.js"]
html_title = f"nbflow {version}"
html_copy_source = False
html_show_sourcelink = False

nb_execution_mode = "off"  # the committed outputs are shown; the test command runs the notebooks
nb_merge_streams = True
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_default_options = {
    "members": True,
    "inherited-members": "dict, tuple, list, BaseException, Protocol",
    "member-order": "bysource",
}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(asyncio|collections|concurrent|datetime|pathlib|pydantic|typing)\..*"),  # pages of others
    ("py:class", r".*"),  # types in signatures, which may be of the inside
]


_ERRORS = {kind.__name__: slug(f"{number_of(kind)} {kind.__name__}") for kind in numbered()}
_NAMES = {name.rpartition(".")[2]: name for name in reversed(documented())}
_LITERAL = re.compile(r"(?<!`)``(?:nbflow\.(?:\w+\.)?)?([A-Za-z_]\w*)(?:\(\))?``(?!`)")


def _link(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:  # noqa: ARG001  # what autodoc passes
    """Make links of the public names that a docstring sets as code."""
    for at, line in enumerate(lines):
        lines[at] = _LITERAL.sub(lambda found: _role(found, name), line)


def _role(found: re.Match[str], here: str) -> str:
    target = f"nbflow.errors.{found[1]}" if found[1] in _ERRORS else _NAMES.get(found[1])
    if target is None or here.startswith(target):
        return found[0]
    return f":py:obj:`{found[0].strip('`')} <{target}>`"


def _skip(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:  # noqa: ARG001, FBT001  # what autodoc passes
    """Leave out methods of Python's own classes: a TypedDict with a key ``values`` has that of ``dict``."""
    return True if isinstance(obj, MethodDescriptorType) else None


def _one_signature(app: Sphinx, obj: object, bound: object) -> None:  # noqa: ARG001  # what autodoc passes
    """Have a function shown with its own signature: its overloads, for type checkers, name no keyword."""
    with suppress(PycodeError):
        analyzer = ModuleAnalyzer.for_module(str(getattr(obj, "__module__", None)))
        analyzer.analyze()
        analyzer.overloads.clear()


def _error(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element) -> Element | None:  # noqa: ARG001  # what Sphinx passes
    """Have the name of an error lead to the page of errors."""
    name = str(node.get("reftarget", "")).rpartition(".")[2]
    if name not in _ERRORS:
        return None
    return make_refnode(app.builder, node["refdoc"], "errors", _ERRORS[name], content)


def setup(app: Sphinx) -> None:
    """Have Sphinx tell its docstrings, and what it finds no target for."""
    app.connect("autodoc-before-process-signature", _one_signature)
    app.connect("autodoc-process-docstring", _link)
    app.connect("autodoc-skip-member", _skip)
    app.connect("missing-reference", _error)
