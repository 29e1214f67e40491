"""The code of a run: the source of each function that ran, as far as it was kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.record import CallRecord, CallSettled, CodeKept, Record, RunStarted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOT_KEPT = "not kept: its source could not be read, or an earlier version of nbflow ran it"


class Code(NamedTuple):
    """The code of one function.

    Attributes:
        name: of the task or body.
        kind: ``"task"``, ``"entrypoint"``, ``"graph"`` or ``"node"``.
        digest: 16 bytes that change with it, with the helpers that it names, or with its version.
        text: its source; empty where that was not kept.
        place: where it is written: module and line, such as ``"flows:12"``; empty where that is not known.
        parts: the helpers and values that it names, each with its source or a digest; empty if not kept.
        module: code that defines it where nothing else is defined; empty if not kept.
        packages: the installed packages that it uses, each with its version; empty if not kept.
    """

    name: str
    kind: str
    digest: bytes
    text: str = ""
    place: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    module: str = ""
    packages: tuple[tuple[str, str], ...] = ()


class CodeView:
    """The code of one run, kept up to date record by record.

    Attributes:
        kept: by name and digest, in the order in which it came.
    """

    def __init__(self) -> None:
        self.kept: dict[tuple[str, bytes], Code] = {}

    def fold(self, record: Record) -> None:
        """Take a record in."""
        if isinstance(record, CodeKept):
            text, parts, module, packages = _kept(record)
            code = Code(
                record.name, record.kind, record.code, text, record.place, tuple(parts.items()), module,
                tuple(packages.items()),
            )  # fmt: skip
            self.kept[code.name, code.digest] = code

    def of(self, records: Iterable[Record]) -> Code | None:
        """Return the code of the call that some records tell of; None if they tell no code.

        Of a call that has not ended, and of the body, that is what was kept last under its name.
        """
        found: Code | None = None
        for record in records:
            if isinstance(record, CallSettled):
                found = self.kept.get((record.name, record.code)) or Code(record.name, record.kind, record.code)
            elif isinstance(record, RunStarted):
                found = self._named(record.workflow, record.kind) or Code(record.workflow, record.kind, record.code)
            elif isinstance(record, CallRecord):
                found = self._named(record.name, record.kind) or found
        return found if found is not None and found.digest else None

    def _named(self, name: str, kind: str) -> Code | None:
        return next((one for one in reversed(self.kept.values()) if (one.name, one.kind) == (name, kind)), None)


def code_of(records: Iterable[Record]) -> CodeView:
    """Return the code of a run."""
    view = CodeView()
    for record in records:
        view.fold(record)
    return view


def _kept(record: CodeKept) -> tuple[str, Mapping[str, str], str, Mapping[str, str]]:
    """Return a source, its parts, its module and its packages; empty if what is stored there is something else."""
    text, parts, module, packages = map(record.contents().get, ("text", "parts", "module", "packages"))
    return (
        text if isinstance(text, str) else "",
        parts if isinstance(parts, dict) else {},
        module if isinstance(module, str) else "",
        packages if isinstance(packages, dict) else {},
    )


__all__ = ["NOT_KEPT", "Code", "CodeView", "code_of"]
