"""A digest of a function's code, to tell whether a stored result still belongs to it.

It covers the normalised source (comments and layout do not count) and, recursively, the functions,
tasks, classes and plain values that the source names, as they are when a run asks for it, through the
user's own modules. What the function rebinds or changes in place is state, and left out.
What stands behind attributes of objects of installed packages is not followed.
"""

from __future__ import annotations

from nbflow.fingerprint.editions import Editions, digest_of
from nbflow.fingerprint.sources import Source, source_of

__all__ = ["Editions", "Source", "digest_of", "source_of"]
