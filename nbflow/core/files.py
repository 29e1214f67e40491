"""The files that a call's result rests on: which those are; what is in them, nobody here reads.

A file counts with the content that it has when the call ends, as far as a call reads files: one that the call itself
has written and read is to be as it left it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nbflow.core.changed_arguments import FIXED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nbflow.core.call import Call
    from nbflow.core.file_read import FileRead

PLAIN = FIXED - {str}  # types of arguments that name no file
_LONGEST = 1024  # characters of a text that may be the name of a file
_MOST = 1000  # items of an argument that are looked at


def named_by(call: Call) -> list[object]:
    """Return which arguments of a call may be names of files: paths, and texts that look like it; asks none of them."""
    return [*_names((*call.args, *call.kwargs.values()), depth=1)]


def _names(values: Iterable[object], depth: int) -> Iterator[object]:
    for value in values:
        kind = type(value)
        if kind is str:
            if _may_be_file(cast("str", value)):
                yield value
        elif kind in FIXED:
            continue
        elif kind in {list, tuple} and depth:
            yield from _names(cast("list[object]", value)[:_MOST], depth - 1)
        elif kind is dict and depth and len(cast("dict[object, object]", value)) <= _MOST:
            yield from _names([*cast("dict[object, object]", value).values()], depth - 1)
        elif hasattr(kind, "__fspath__"):
            yield value


def _may_be_file(text: str) -> bool:
    """Whether a text may be the name of a file: it has a dot or a slash, is short, and one line."""
    return len(text) <= _LONGEST and ("." in text or "/" in text or "\\" in text) and text.isprintable()


def is_watched(call: Call) -> bool:
    """Whether the files that a call reads are recorded: neither it nor a call around it is declared otherwise."""
    one: Call | None = call
    while one is not None:
        if not one.spec.files:
            return False
        one = one.caller.call if one.caller is not None else None
    return True


def rest_on(call: Call, files: Iterable[FileRead]) -> None:
    """Have the result of a call rest on the files that results it was given rest on."""
    if call.caller is None and call.spec.cache is None:  # the body of a run, whose result nobody takes over
        return
    if call.reads is None:
        call.reads = {}
    for file in files:
        call.reads.setdefault(file.path, file)


def pass_up(call: Call, files: Iterable[FileRead]) -> None:
    """Have the result of the call around another one rest on the files of that one too."""
    if call.caller is not None:
        rest_on(call.caller.call, files)


def other_versions(made_with: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Return by package the versions that a result was made with, where they are not those of now."""
    return {name: version for name, version in made_with.items() if now.get(name, version) != version}
