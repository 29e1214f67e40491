"""Which versions of installed packages code uses: told beside its results, which do not depend on them."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from nbflow.fingerprint.project import SURROUNDINGS, is_own, package_of

if TYPE_CHECKING:
    from collections.abc import Iterable


def installed(module: str | None) -> str:
    """Return the installed package that a module belongs to; empty for one's own, Python's and nbflow's."""
    package = package_of(module)
    return package if package and package not in SURROUNDINGS and not is_own(package) else ""


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of packages by their names, sorted; without those that tell none."""
    found = {package: version_of(package) for package in sorted(packages)}
    return {package: version for package, version in found.items() if version}


def version_of(package: str) -> str:
    """Return the version of a package that can be imported; empty if it tells none."""
    module = sys.modules.get(package)
    version = vars(module).get("__version__") if module is not None else None  # not getattr: some warn then
    return version if isinstance(version, str) else _recorded(package)


@lru_cache(maxsize=256)
def _recorded(package: str) -> str:
    """Return the version that a package was installed with under its own name; empty if it has another."""
    from importlib import metadata  # noqa: PLC0415  # most packages tell it themselves

    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        return ""
