"""Says so where a future is used as if it were the result: where ``.result()`` or ``await`` was forgotten.

What can't work raises, and what would quietly work with the future itself, as its truth or its text, warns.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn
from zlib import crc32

from nbflow._support.warnings import warn
from nbflow.core.call import Promise
from nbflow.errors import UnreadFutureError, UnreadFutureWarning

if TYPE_CHECKING:
    from collections.abc import Callable

_OWNERS = frozenset({"asyncio", "concurrent"})  # they ask whether there is a future
_PLAIN = (str, bytes, int, float, list, tuple, dict, set)
_BINARY = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip
_OTHERS = {
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "neg": "-", "pos": "+", "abs": "abs()", "invert": "~",
    "int": "int()", "float": "float()", "index": "an index", "round": "round()", "len": "len()", "iter": "a loop",
    "contains": "in", "getitem": "[...]", "setitem": "[...] =", "delitem": "del [...]", "enter": "with",
}  # fmt: skip


class Unread(Promise):
    """What a future does when it is used as if it were the result."""

    __slots__ = ()

    def __getattr__(self, name: str) -> NoReturn:
        """Raise: a future does not have what the result may have."""
        if name.startswith("_"):  # what libraries look for
            msg = f"a future has no {name!r}"
            raise AttributeError(msg, name=name, obj=self)
        raise UnreadFutureError(self._named(), f".{name}", self._remedy())

    def __bool__(self) -> bool:
        """Return True, as for any object, and warn: the result may be false."""
        if sys._getframe(1).f_globals.get("__name__", "").partition(".")[0] not in _OWNERS:  # noqa: SLF001  # who asks
            self._warn("is true whatever the result is")
        return True

    def __format__(self, spec: str) -> str:
        """Return the text of the future, and warn: the result's is meant.

        Raises:
            UnreadFutureError: if it is to be in a certain form.
        """
        if spec:
            raise UnreadFutureError(self._named(), f"the format {spec!r}", self._remedy())
        self._warn("stands in a text in the place of the result")
        return str(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _PLAIN):
            self._warn(f"is never equal to {other!r:.40}")
        return self is other

    def __hash__(self) -> int:
        return crc32(self.call.path.encode())  # the same in every process

    def _named(self) -> str:
        return f"{self.call.spec.kind} {self.call.spec.name!r}, call {self.call.path}"

    def _remedy(self) -> str:
        caller = self.call.caller
        if caller is not None and caller.call.spec.is_async:
            return f"await {self.call.spec.name}(...)"
        return f"{self.call.spec.name}(...).result()"

    def _warn(self, what: str) -> None:
        warn(f"the future of {self._named()} {what}: ask for the result, {self._remedy()}", UnreadFutureWarning)


def _refusal(sign: str) -> Callable[..., NoReturn]:
    def refuse(self: Unread, *_others: object) -> NoReturn:
        raise UnreadFutureError(self._named(), f"`{sign}`", self._remedy())

    return refuse


for _name, _sign in _BINARY.items():
    setattr(Unread, f"__{_name}__", _refusal(_sign))
    setattr(Unread, f"__r{_name}__", _refusal(_sign))
for _name, _sign in _OTHERS.items():
    setattr(Unread, f"__{_name}__", _refusal(_sign))
