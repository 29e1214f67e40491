"""The code of a run beside its records: the source of each function, once, before the first record that names it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from nbflow import codec
from nbflow.core.record import CodeKept, RunResumed, RunStarted, of_kind
from nbflow.core.value import STORED, Value
from nbflow.fingerprint import Editions
from nbflow.fingerprint.files import changed_since
from nbflow.views.code import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.core.call import Spec
    from nbflow.core.record import CallFailed, CallReturned, Record


class KeptCode:
    """Which code a run has kept.

    Args:
        editions: the functions of the run, as far as it has come to them.
        past: what is recorded of the run.

    Attributes:
        known: names and digests of the functions whose code is kept, or can't be.
        untold: what was kept since the log was told.
    """

    def __init__(self, editions: Mapping[Spec, Spec], past: Sequence[Record] = ()) -> None:
        self._editions = editions
        self.known: set[tuple[str, bytes]] = set()
        if past:
            self._know(past)
        self.untold: list[CodeKept] = []

    def _know(self, records: Sequence[Record]) -> None:
        self.known |= {(record.name, record.code) for record in of_kind(records, CodeKept)}

    def new(self, record: CallReturned | CallFailed) -> list[CodeKept]:
        """Return what keeps the code of a call, to be stored before the record of its end; nothing if that is known."""
        key = record.name, record.code
        spec = next((one for one in tuple(self._editions.values()) if (one.name, one.code) == key), None)
        found = self._keep(spec, record.at)
        self.untold += found
        return found

    def opened(self, records: Sequence[Record], body: Spec) -> list[Record]:
        """Return the records that a run begins with, and among them what keeps the code of its body."""
        if not records or not isinstance(records[0], (RunStarted, RunResumed)):
            return [*records]
        first, *others = records
        if others:
            self._know(others)
        return [first, *self._keep(body, first.at), *others]

    def _keep(self, spec: Spec | None, at: float) -> list[CodeKept]:
        if spec is None or (spec.name, spec.code) in self.known:
            return []
        self.known.add((spec.name, spec.code))
        if not spec.code or not (spec.text or spec.module):
            return []
        value = Value(
            STORED,
            _encoded(spec.text, tuple(spec.parts.items()), tuple(spec.packages.items()), spec.module),
            codec.loads,
            codec.loads_whole,
        )
        return [CodeKept(at=at, name=spec.name, kind=spec.kind, code=spec.code, place=spec.place, value=value)]


def names_changed_since(records: Sequence[Record], body: Spec) -> tuple[str, ...]:
    """Return what a body names that is not as a run of it has kept it, itself first; itself alone if that is not known.

    Args:
        records: of the run.
        body: as it is now.
    """
    started = records[0] if records else None
    known = code_of(records).kept.get((started.workflow, started.code)) if isinstance(started, RunStarted) else None
    if known is None:
        return (body.name,)
    before, now = dict(known.parts), {**Editions(body, kept=True)[body].parts}
    now.pop("", None)  # the body's own source, which is kept beside its parts
    labels = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    names = [label.partition("@")[0] for label in labels]  # of a function with a version: name@version
    found = [body.name] if known.text != body.text else []
    found += [name for name in names if name.replace(".", "").isidentifier()]
    return tuple(dict.fromkeys(found)) or (body.name,)


def changed_files_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the files that results of a run rest on and that have changed since it ended."""
    files = [one for record in records for one in getattr(record, "files", ())]
    return tuple(changed_since(files, records[0].at, records[-1].at)) if files else ()


@lru_cache(maxsize=1024)
def _encoded(
    text: str, parts: tuple[tuple[str, str], ...], packages: tuple[tuple[str, str], ...], module: str
) -> bytes:
    """Return a source, and what its digest covers, as they are stored: the same bytes for all runs in memory."""
    kept: dict[str, object] = {"text": text, "parts": {name: part for name, part in parts if name}}
    if packages:
        kept["packages"] = dict(packages)
    return codec.dumps({**kept, "module": module} if module else kept)
