"""What is a secret, by names of keys and by patterns, and texts without it."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MASK = "***"
_SHORTEST = 4  # characters of a secret that is looked for elsewhere; shorter ones stand in any text
_CUT = "…"  # stands at the end of a short text, where there was more


class Secrets:
    """Names of keys, patterns, and the secrets that were found by them.

    Args:
        names: of keys, in any case; ``*`` and ``?`` stand for any characters and for one, ``-`` is ``_``.
        patterns: find secrets in texts.
    """

    def __init__(self, names: Iterable[str], patterns: Sequence[re.Pattern[str]]) -> None:
        keys = "|".join(_as_pattern(name) for name in names)
        self._named = re.compile(f"(?:{keys})", re.IGNORECASE) if keys else None
        # `name='...'`, `"name": "..."`, and `name=...` up to what ends a part of a line
        after = rf"(?<![\w-])(?:{keys})['\"]?\s*[=:]\s*"
        told = (
            rf"(?P<before>{after})(?:(?P<quote>['\"])(?:\\.|(?!(?P=quote)).)*(?P=quote)?|[^\s,;)\]}}'\"][^,;)\]}}\n]*)"
        )
        self._told = re.compile(told, re.IGNORECASE) if keys else None
        self._patterns = tuple(patterns)
        self._found: set[str] = set()
        self._any: re.Pattern[str] | None = None

    def is_named(self, key: str) -> bool:
        """Whether what stands under a key is a secret."""
        return self._named is not None and self._named.fullmatch(key) is not None

    def names_in(self, data: bytes) -> bool:
        """Whether one of the names may stand in stored bytes."""
        return self._named is not None and self._named.search(_readable(data)) is not None

    def learn(self, text: str, *, is_secret: bool) -> None:
        """Take in a text that is a secret, or in which there may be some."""
        found = {text} if is_secret else set[str]()
        for pattern in self._patterns:
            found |= {match[0] for match in pattern.finditer(text)}
        for secret in found:
            if len(secret) >= _SHORTEST and MASK not in secret:
                self._found |= {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], escape(secret)}
                self._any = None

    def text(self, text: str) -> str:
        """Return a text without the secrets in it."""
        whole = self._whole()
        text = whole.sub(MASK, text) if whole is not None else text
        for pattern in self._patterns:
            text = pattern.sub(MASK, text)
        if _CUT in text:
            text = self._without_starts(text)
        return self._told.sub(rf"\g<before>{MASK}", text) if self._told is not None else text

    def in_bytes(self, data: bytes) -> bool:
        """Whether a secret stands in bytes, in UTF-8 or, of ASCII, in two or four bytes a character."""
        text, whole = _readable(data), self._whole()
        return (whole is not None and whole.search(text) is not None) or any(one.search(text) for one in self._patterns)

    def _whole(self) -> re.Pattern[str] | None:
        if self._any is None and self._found:
            self._any = re.compile("|".join(map(re.escape, sorted(self._found, key=len, reverse=True))))
        return self._any

    def _without_starts(self, text: str) -> str:
        """Mask the start of a secret before the sign that the rest of it was cut off."""
        *heads, last = text.split(_CUT)
        shortened = []
        for head in heads:
            ends = [size for secret in self._found for size in _ends_with_start(head, secret)]
            shortened.append(head[: -max(ends)] + MASK if ends else head)
        return _CUT.join([*shortened, last])


def _ends_with_start(text: str, secret: str) -> list[int]:
    """Return how many characters at the end of a text are the start of a secret, the most of them; none if too few."""
    most = min(len(text), len(secret))
    return next(([size] for size in range(most, _SHORTEST - 1, -1) if text.endswith(secret[:size])), [])


def _as_pattern(name: str) -> str:
    parts = {"*": r"[\w-]*", "?": r"[\w-]", "-": "[-_]", "_": "[-_]"}
    return "".join(parts.get(sign, re.escape(sign)) for sign in name)


def _readable(data: bytes) -> str:
    return data.replace(b"\0", b"").decode("utf-8", "ignore")
