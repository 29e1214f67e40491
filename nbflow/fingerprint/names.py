"""Which names a function's code reads from outside, and which of them it rebinds or changes in place.

Read from bytecode, which is what runs: the file that it came from may have changed since.
"""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType
from typing import NamedTuple

Chain = tuple[str, ...]
Place = tuple[int | None, int | None]
_LOCAL = "<local>"
_CLASS = "<class>"  # what a method calls cls
_SETS = frozenset({"STORE_ATTR", "DELETE_ATTR"})
_LOCALS = frozenset({"LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK"})
_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_REBINDS = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF"})
_WRITES = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR", "DELETE_ATTR", "STORE_SLICE"})
MUTATORS = frozenset(
    {
        "__delitem__", "__setattr__", "__setitem__", "add", "append", "appendleft", "clear", "difference_update",
        "discard", "extend", "extendleft", "insert", "intersection_update", "move_to_end", "pop", "popitem", "popleft",
        "put", "put_nowait", "remove", "reverse", "rotate", "setdefault", "sort", "subtract",
        "symmetric_difference_update", "update",
    }
)  # fmt: skip


class Import(NamedTuple):
    """A module that a function imports while it runs.

    Attributes:
        name: as it is written; empty for ``from . import x``.
        level: how many packages up it is looked for; 0 for an absolute name.
        wanted: the names that are imported from it.
    """

    name: str
    level: int
    wanted: Chain = ()


class Names(NamedTuple):
    """What a function's code reads from outside, and what it changes there.

    Attributes:
        chains: each name with the attributes that are read of it at once, such as ``("helpers", "clean")``; sorted.
        bare: those of the names that are used other than by an attribute.
        rebound: names that it binds anew by ``global`` or ``nonlocal``.
        changed: names whose values it changes in place.
        attributes: names of attributes that it sets, or whose values it changes in place, of whatever object.
        elsewhere: those of the attributes that it sets of what has a name outside, or of the class that it makes
            an object of.
        imports: modules that it imports itself.
    """

    chains: tuple[Chain, ...]
    bare: frozenset[str]
    rebound: frozenset[str]
    changed: frozenset[str]
    attributes: frozenset[str]
    elsewhere: frozenset[str]
    imports: tuple[Import, ...]


@lru_cache(maxsize=4096)
def names_of(code: CodeType) -> Names:
    """Return what a function's code reads from outside, the functions inside it included."""
    scan = _Scan(code)
    local = set(code.co_cellvars)
    chains = {chain for chain in scan.chains if chain[0] not in local}
    return Names(
        tuple(sorted(chains)),
        frozenset(scan.bare),
        frozenset(scan.rebound - local),
        frozenset(scan.changed - local),
        frozenset(scan.attributes),
        frozenset(scan.elsewhere),
        tuple(scan.imports),
    )


@lru_cache(maxsize=4096)
def chains_of(code: CodeType) -> tuple[Chain, ...]:
    """Return what a function's code reads from outside, as ``Names.chains`` has it, in the order of the code."""
    local = set(code.co_cellvars)
    return tuple(chain for chain in _Scan(code).chains if chain[0] not in local)


class _Scan:
    """One pass over the instructions of a code object and of those inside it."""

    def __init__(self, code: CodeType) -> None:
        self.chains: dict[Chain, None] = {}  # in order
        self.bare: set[str] = set()
        self.rebound: set[str] = set()
        self.changed: set[str] = set()
        self.attributes: set[str] = set()
        self.elsewhere: set[str] = set()
        self.imports: list[Import] = []
        waiting = [code]
        while waiting:
            one = waiting.pop()
            self._read(one)
            waiting += [constant for constant in one.co_consts if isinstance(constant, CodeType)]

    def _read(self, code: CodeType) -> None:
        starts: dict[Place, Chain] = {}  # what the chain that begins there has become
        aliases: dict[str, str] = {}
        constants: list[object] = []
        chain: Chain = ()
        for one in dis.get_instructions(code):
            name, place = one.opname, _place(one)
            if name == "LOAD_CONST":
                constants = [*constants[-1:], one.argval]
            elif name == "IMPORT_NAME":
                self.imports.append(_import(str(one.argval), constants))
            elif name in _REBINDS:
                self.rebound.add(one.argval)
            elif name in _WRITES or (name in _ATTRIBUTES and one.argval in MUTATORS):
                self._change(starts.get(place, ()), one.argval if name in _SETS else None)
            elif name.startswith("CALL"):
                starts.pop(place, None)  # what begins here now is what the call returns
            chain = self._chained(one, chain, aliases)
            if chain and (len(chain) == 1 or place in starts):
                starts[place] = chain

    def _chained(self, one: dis.Instruction, chain: Chain, aliases: dict[str, str]) -> Chain:
        """Return the name, with attributes, on top of the stack after an instruction; empty if there is none."""
        name = one.opname
        if len(chain) == 1 and name not in _ATTRIBUTES:
            self.bare.add(chain[0])
        if name in _LOCALS:
            return (aliases.get(one.argval, _CLASS if one.argval == "cls" else _LOCAL),)
        if name in _READS:
            chain = (one.argval,)
        elif name in _ATTRIBUTES and chain:
            chain = (*chain, one.argval)
        else:
            if name == "STORE_FAST" and len(chain) == 1:
                aliases[one.argval] = chain[0]
            return ()
        if chain[0] not in (_LOCAL, _CLASS):
            self.chains[chain] = None
        return chain

    def _change(self, chain: Chain, attribute: str | None) -> None:
        found = {attribute} if attribute is not None else {chain[-1]} if len(chain) > 1 else set()
        self.attributes |= found
        self.elsewhere |= found if chain and chain[0] != _LOCAL else set()
        if chain and len(chain) == 1 and attribute is None and chain[0] not in (_LOCAL, _CLASS):
            self.changed.add(chain[0])


def _import(name: str, constants: list[object]) -> Import:
    """Return an import by its name and what stands on the stack below it: the level, and the names that are wanted."""
    level, wanted = constants if len(constants) == len(("level", "names")) else (0, ())
    return Import(name, level if isinstance(level, int) else 0, wanted if isinstance(wanted, tuple) else ())


def _place(one: dis.Instruction) -> Place:
    """Return where in the text an instruction's expression begins; a target begins where its name does."""
    position = one.positions
    return (position.lineno, position.col_offset) if position is not None else (None, None)
