"""Which code is the user's own: neither Python's, nor installed, nor nbflow's."""

from __future__ import annotations

import sys
import sysconfig
from functools import lru_cache
from types import ModuleType

_OURS = frozenset({"nbflow", "nbflow_widgets", "builtins"})
SURROUNDINGS = frozenset({"nbflow", "IPython"})  # packages whose objects code runs in, as a cell's get_ipython tells
_INSTALLED = ("/site-packages/", "/dist-packages/")


def is_own(module: str | None) -> bool:
    """Whether the code of a module is the user's own; one that nobody knows, such as a cell's, is."""
    if not module or module == "__main__":
        return True
    if module.partition(".")[0] in _OURS:
        return False
    return _is_own_file(module, _file_of(sys.modules.get(module)))


def package_of(module: str | None) -> str:
    """Return the package at the top of a module's name; empty for nbflow's and Python's own."""
    package = (module or "").partition(".")[0]
    return "" if package in _OURS or is_standard(package) else package


def is_standard(module: str | None) -> bool:
    """Whether a module is Python's own."""
    return (module or "").partition(".")[0] in sys.stdlib_module_names


def is_own_path(path: str) -> bool:
    """Whether a file is the user's own."""
    path = path.replace("\\", "/")
    return not any(part in path for part in _INSTALLED) and not path.startswith(_standard_folders())


def _file_of(module: ModuleType | None) -> str | None:
    if module is None:
        return None
    origin = getattr(vars(module).get("__spec__"), "origin", None)
    file = vars(module).get("__file__") or origin
    return file if isinstance(file, str) else None


@lru_cache(maxsize=4096)
def _is_own_file(module: str, file: str | None) -> bool:
    if is_standard(module):
        return False
    return file is None or is_own_path(file)


@lru_cache(maxsize=1)
def _standard_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({paths[name].replace("\\", "/") + "/" for name in ("stdlib", "platstdlib")})
