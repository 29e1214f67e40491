"""The digest of a function's code: what changes it, and what does not."""

from __future__ import annotations

import ast
import functools
import gc
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from nbflow.core.call import Spec
from nbflow.errors import UnreadCodeWarning
from nbflow.fingerprint import content, digest_of, source_of


def of(fn: Callable[..., Any]) -> bytes:
    return digest_of(Spec("f", fn, source=source_of(fn).normal))


def digest(source: str, name: str = "f", **names: Any) -> bytes:
    """Return the digest of a function that is made from text, as one in a notebook cell."""
    import linecache

    file = f"<cell {abs(hash(source))}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space: dict[str, Any] = dict(names)
    exec(compile(source, file, "exec", dont_inherit=True), space)
    return of(space[name])


PLAIN = "def f(x):\n    return x + 1\n"


def test_comments_layout_and_decorators_do_not_count() -> None:
    commented = "import functools\n@functools.cache\ndef f(x):\n    # plus one\n    return (x +\n            1)\n"
    assert digest(PLAIN) == digest(commented)


def test_a_python_that_miscounts_while_threads_parse_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def miscounts(source: str) -> ast.Module:
        monkeypatch.setattr(ast, "parse", parse)
        raise SystemError("AST constructor recursion depth mismatch (before=129, after=182)")

    parse, expected = ast.parse, digest(PLAIN)
    monkeypatch.setattr(ast, "parse", miscounts)
    assert digest(PLAIN) == expected


def test_the_code_counts() -> None:
    assert digest(PLAIN) != digest(PLAIN.replace("1", "2"))


def test_helpers_and_constants_that_it_names_count() -> None:
    text = "def helper(x):\n    return x * {factor}\nSCALE = {scale}\ndef f(x):\n    return helper(x) * SCALE\n"
    digests = {digest(text.format(factor=factor, scale=scale)) for factor in (1, 2) for scale in (1, 2)}
    assert len(digests) == 4


def test_what_it_rebinds_is_state() -> None:
    text = "count = {n}\ndef f(x):\n    global count\n    count += 1\n    return x\n"
    assert digest(text.format(n=0)) == digest(text.format(n=7))


def test_functions_that_name_each_other_have_one() -> None:
    assert digest("def g(x):\n    return f(x)\ndef f(x):\n    return g(x)\n")


def test_closures_and_partials_are_told_apart() -> None:
    def make(n: int) -> Callable[[int], int]:
        return lambda x: x + n

    one, two = make(1), make(2)
    assert of(one) != of(two)
    assert of(functools.partial(one)) == of(one)


def test_two_lambdas_on_one_line_are_told_apart() -> None:
    one, two = lambda x: x + 1, lambda x: x + 2
    assert of(one) != of(two)


def test_a_builtin_has_none() -> None:
    assert of(len) == b""


def test_tasks_that_it_names_count_by_their_code_or_version() -> None:
    text = "from nbflow import task\n@task{options}\ndef g(x):\n    return x + {n}\ndef f(x):\n    return g(x)\n"
    assert digest(text.format(options="", n=1)) != digest(text.format(options="", n=2))
    versions = [digest(text.format(options=f"(version={v!r})", n=n)) for v, n in (("1", 1), ("1", 2), ("2", 2))]
    assert versions[0] == versions[1] != versions[2]


CALLED = """
import functools
class Meta(type):
    def __len__(cls): return {meta}
class Plain(metaclass=Meta):
    def __init__(self, k): self.k = k
    def __call__(self, x): return x + self.k
    def bound(self, x): return x + self.k
class Slotted:
    __slots__ = ("k",)
    def __init__(self, k): self.k = k
    def bound(self, x): return x + self.k
@functools.singledispatch
def various(x): return {default}
@various.register
def _(x: int): return {registered}
called, bound, slot_bound, slotted = Plain({called}), Plain({bound}).bound, Slotted({slot_bound}).bound, Slotted({slot})
def f(x):
    return called(x) + bound(x) + slot_bound(x) + slotted.k + various(x) + len(Plain)
"""
FIRST = {"meta": 1, "default": 1, "registered": 1, "called": 1, "bound": 1, "slot_bound": 1, "slot": 1}


@pytest.mark.parametrize("changed", FIRST)
def test_what_runs_or_is_read_behind_a_name_counts(changed: str) -> None:
    assert len({digest(CALLED.format(**now), __name__="__main__") for now in (FIRST, {**FIRST, changed: 2})}) == 2


HELD = {
    "a method of a text": "g = {text!r}.join",
    "a method of a table": "g = {{1: {n}}}.get",
    "a method of a pattern": "import re\ng = re.compile({text!r}).match",
    "a method of a series": "import pandas\ng = pandas.Series([{n}]).mean",
    "an operator of a number": "g = ({n}).__add__",
    "a public function of a package": "import numpy\ng = [None, numpy.add, numpy.multiply][{n}]",
    "one behind an unlucky name": "from numpy import {picked} as g",
    "an item": "from operator import itemgetter\ng = itemgetter({n})",
    "an attribute": "from operator import attrgetter\ng = attrgetter({text!r})",
    "a method by name": "from operator import methodcaller\ng = methodcaller('f', {n}, key={n})",
    "a packed form": "import struct\ng = struct.Struct({packed!r})",
    "a key of a comparison": "import functools\ndef h(a, b): return {n}\ng = functools.cmp_to_key(h)",
    "a cached function": "import functools\n@functools.cache\ndef g(x): return {n}",
    "a cached one, wrapped": "import functools, contextlib\n"
    "@contextlib.contextmanager\n@functools.cache\ndef g(x): yield {n}",
    "a partial of a method": "import functools\ng = functools.partial({text!r}.replace, 'x')",
    "a wrapper of a package": "import numpy\ndef h(x): return {n}\ng = numpy.vectorize(h)",
    "a wrapper without a trace": "import textwrap_installed\ndef h(x): return {n}\ng = textwrap_installed.wrap(h)",
    "its own argument": "import textwrap_installed\ng = textwrap_installed.wrap({n})",
    "a property of an item": "from operator import itemgetter\nclass g:\n    p = property(itemgetter({n}))",
    "a property that is set": "class g:\n    def h(self, v): return {n}\n    p = property(None, h)\n    del h",
    "a cached property": "import functools\nclass g:\n    @functools.cached_property\n    def p(self): return {n}",
    "a property of a cache": "import functools\nclass g:\n"
    "    @property\n    @functools.cache\n    def p(self): return {n}",
    "a static cache": "import functools\nclass g:\n    @staticmethod\n    @functools.cache\n    def p(): return {n}",
    "a partial method": "import functools\nclass g:\n    def h(self, k): return k\n"
    "    p = functools.partialmethod(h, {n})",
    "a method for types": "import functools\nclass g:\n"
    "    @functools.singledispatchmethod\n    def p(self, x): return 0\n"
    "    @p.register\n    def _(self, x: int): return {n}",
    "a special method": "import functools\nclass g:\n    @functools.cache\n    def __call__(self): return {n}",
    "a special partial": "import functools\nclass g:\n    def h(self, k): return k\n"
    "    __getitem__ = functools.partialmethod(h, {n})",
    "a descriptor": "class D:\n    def __init__(self, k): self.k = k\n    def __get__(self, *_): return self.k\n"
    "class g:\n    p = D({n})",
    "an object": "class D:\n    def __init__(self, k): self.k = k\ng = D({n})",
    "an object behind a method": "class I:\n    def __init__(self, k): self.k = k\nclass D:\n"
    "    def __init__(self, k): self.i = I(k)\n    def get(self): return self.i.k\nd = D({n})\ng = lambda: d.get()",
    "a table behind a method": "class D:\n    def __init__(self, k): self.cfg = {{'k': k}}\n"
    "    def get(self): return self.cfg['k']\nd = D({n})\ng = lambda: d.get()",
    "a function in an object": "class Logged:\n    def __init__(self, fn): self.fn = fn\n"
    "    def __call__(self, x): return self.fn(x)\n@Logged\ndef g(x): return {n}",
    "a named tuple": "import collections\nP = collections.namedtuple('P', 'a')\ng = P({n})",
    "a text of one's own": "class T(str): pass\ng = T({text!r})",
    "a namespace": "import types\ng = types.SimpleNamespace(k={n}, f=lambda: {n})",
    "a view of a table": "import types\ng = types.MappingProxyType({{'k': lambda: {n}}})",
    "a template": "import string\ng = string.Template({text!r})",
    "a union of types": "g = [None, int | str, int | bytes][{n}]",
    "a literal type": "from typing import Literal\ng = Literal[{n}]",
    "a validator of a field": "import pydantic\nfrom typing import Annotated\ndef h(v): return {n}\n"
    "class g(pydantic.BaseModel):\n    x: Annotated[int, pydantic.AfterValidator(h)]",
    "a factory of a field": "import pydantic\nclass g(pydantic.BaseModel):\n"
    "    x: int = pydantic.Field(default_factory=lambda: {n})",
    "a table as a default": "import pydantic\nclass g(pydantic.BaseModel):\n    x: dict = {{1: {n}, 2: 3 - {n}}}",
    "a table as a default of attrs": "import attrs\n@attrs.define\nclass g:\n    x: dict = {{1: {n}, 2: 3 - {n}}}",
    "a table as a private default": "import pydantic\nclass g(pydantic.BaseModel):\n"
    "    _x: dict = {{1: {n}, 2: 3 - {n}}}",
    "a private default": "import pydantic\nclass g(pydantic.BaseModel):\n    _x: int = {n}",
    "an inherited method": "import textwrap_installed\nclass D(textwrap_installed.Base):\n"
    "    def __init__(self, k): self.k = k\ng = D({n}).show",
}


@pytest.mark.parametrize("swapped", ["a: str\n    b: int", "b: str\n    a: int", "b: int\n    a: str"])
def test_fields_that_have_swapped_their_types_or_places_are_other_code(swapped: str) -> None:
    code = "class C:\n    {}\ndef f(x): return C\n"
    fields = ("a: int\n    b: str", swapped)
    assert len({digest(code.format(one), __name__="__main__") for one in fields}) == 2


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package whose wrappers leave no trace of what they wrap but in their closure."""
    package = types.ModuleType("textwrap_installed")
    package.__file__ = "/usr/lib/python3/site-packages/textwrap_installed.py"
    exec(
        "def wrap(inner):\n    def outer(x):\n        return inner\n    return outer\n"
        "class Base:\n    def show(self): return self.k\n",
        vars(package),
    )
    monkeypatch.setitem(sys.modules, "textwrap_installed", package)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("held", HELD)
@pytest.mark.filterwarnings("ignore::nbflow.errors.UnreadCodeWarning")
def test_whatever_holds_code_or_data_is_looked_into(held: str) -> None:
    def of_number(n: int) -> bytes:
        values = {"n": n, "text": "ab"[n - 1], "packed": "ih"[n - 1], "picked": ("add", "multiply")[n - 1]}
        return digest(HELD[held].format(**values) + "\ndef f(x):\n    return x(g)\n", __name__="__main__")

    assert of_number(1) == of_number(1)
    assert of_number(1) != of_number(2)


def test_what_a_bound_method_changes_in_place_is_state() -> None:
    text = "held = [{}]\nkeep = held.append\ndef f(x):\n    keep(x)\n"
    assert digest(text.format(1)) == digest(text.format(2)) != digest(text.format(1).replace("append", "remove"))


KEPT = """
import functools, logging
class Computed:
    @functools.cached_property
    def whole(self): return 2
    def __call__(self, x): return self.whole
class Installed(logging.Filterer):
    level = 0
def show(x): return x
computed, installed = Computed(), Installed()
{then}
def f(x): return {used}
"""


@pytest.mark.parametrize(
    ("used", "then"),
    [
        ("show(computed)", "computed.whole"),
        ("computed(x)", "computed.whole"),
        ("computed.whole", "computed.whole"),
        ("show(installed)", "installed.level = 3"),
    ],
)
def test_what_an_object_computes_once_or_installed_code_may_set_is_state(used: str, then: str) -> None:
    now, later = (digest(KEPT.format(used=used, then=one), __name__="__main__") for one in ("", then))
    assert now == later


def test_what_ipython_puts_into_a_notebook_does_not_count(recwarn: pytest.WarningsRecorder) -> None:
    from IPython.core.interactiveshell import InteractiveShell, _modified_open

    text = "def f(x):\n    get_ipython\n    return open(x)\n"
    shell = InteractiveShell()
    assert digest(text) == digest(text, open=_modified_open, get_ipython=shell.get_ipython)
    assert not recwarn.list


def test_what_would_take_long_to_tell_counts_by_its_type_and_says_so() -> None:
    for large in ("[bytearray(10**7)]", "{n: [n] for n in range(10**5)}", "Rows(bytes(10**8))"):
        text = f"class Rows:\n    def __init__(self, rows): self.rows = rows\ng = {large}\ndef f(x): return g, g\n"
        with pytest.warns(UnreadCodeWarning, match="names 'g"):
            digest(text, __name__="__main__")


def test_a_name_of_an_installed_module_says_enough(recwarn: pytest.WarningsRecorder) -> None:
    digest("from numpy.random import normal\nfrom random import choice\ndef f(x):\n    return normal(choice(x))\n")
    assert not recwarn.list


def test_what_code_sets_on_an_object_that_is_called_is_state() -> None:
    space: dict[str, Any] = {"counter": Counted(), "__name__": "__main__"}
    before = digest("def f(x):\n    return counter(x)\n", **space)
    space["counter"](1)
    assert digest("def f(x):\n    return counter(x)\n", **space) == before


class Counted:
    def __init__(self) -> None:
        self.n = 0

    def __call__(self, x: int) -> int:
        self.n += 1
        return x


def test_an_object_that_is_called_is_looked_at_again() -> None:
    text = "def f(x):\n    return held(x) + slotted.k\n"

    class Held:
        def __init__(self) -> None:
            self.k = 1

        def __call__(self, x: int) -> int:
            return x + self.k

    class Slotted:
        __slots__ = ("k",)

        def __init__(self) -> None:
            self.k = 1

    for which in ("held", "slotted"):
        names: dict[str, Any] = {"held": Held(), "slotted": Slotted()}
        space: dict[str, Any] = {"__name__": "__main__", **names}
        exec(compile(text, "<f>", "exec"), space)
        spec = Spec("f", space["f"], source=text)
        before = digest_of(spec)
        assert digest_of(spec) == before
        names[which].k = 2
        assert digest_of(spec) != before


@pytest.mark.parametrize("text", ["def f(x):\n    {}return g(x)\ndef g(x):\n    {}return x\n"])
def test_docstrings_do_not_count(text: str) -> None:
    plain, told = text.format("", ""), text.format("'what f does'\n    ", "'What g does.'\n    ")
    assert digest(plain) == digest(told)
    assert digest(plain) != digest(text.format("print('x')\n    ", ""))
    assert digest("def f(x):\n    'only this'\n") == digest("def f(x):\n    pass\n")


def test_garbage_whose_end_parses_something_does_not_get_in_the_way() -> None:
    left = 0

    def end(phase: str, _: object) -> None:
        nonlocal left
        left -= phase == "start"
        if left == 0:
            ast.parse("a + b")

    plain, before = source_of(functools.update_wrapper), gc.get_threshold()
    gc.callbacks.append(end)
    gc.set_threshold(10)
    try:
        for collections in range(1, 20):
            left = collections
            assert source_of(functools.update_wrapper) == plain
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(end)


CLASSES = """
import functools
from dataclasses import dataclass
from enum import Enum
class Side(Enum):
    LEFT = 1
@dataclass
class Box:
    size: int
    inner: Side
    boxes: 'list[Box] | None' = None
@functools.singledispatch
def show(x): return x
@show.register
def _(x: Box): return x.size
class Odd(Exception):
    def __str__(self): return "odd"
def f(x):
    try:
        return show(Box(x, Side.LEFT))
    except Odd:
        return repr(Box)
"""


def test_a_module_may_have_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook's code can go to a file, and a script's to a module: what it did before is not run again."""
    for name in ("flows", "flows.one"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    digests = {digest(CLASSES, __name__=name) for name in ("__main__", "flows", "flows.one")}
    assert len(digests) == 1
    assert digest(CLASSES.replace("size: int", "size: str"), __name__="__main__") not in digests
    assert digest(CLASSES.replace("inner: Side", "inner: 'Odd'"), __name__="__main__") not in digests


def test_what_counts_by_its_name_counts_by_the_module_that_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two things of one name in two of one's own modules, one is not taken for the other."""
    for name in ("fast_a", "fast_b"):
        module = types.ModuleType(name)
        exec("class Box: pass", vars(module))
        vars(module)["kernel"] = type("builtin", (), {})
        monkeypatch.setitem(sys.modules, name, module)
    code = """
import functools
@functools.singledispatch
def show(x): return x
@show.register(fast_a.Box)
def _(x): return 1
@show.register(fast_b.Box)
def _(x): return 2
def f(x): return show(x)
"""
    space: dict[str, Any] = {"fast_a": sys.modules["fast_a"], "fast_b": sys.modules["fast_b"]}
    swapped: dict[str, Any] = {"fast_a": space["fast_b"], "fast_b": space["fast_a"]}
    assert digest(code, __name__="flows", **space) != digest(code, __name__="flows", **swapped)


@pytest.mark.parametrize(
    ("one", "other"), [("'flows.fast'", "'fast'"), ("\"Literal['flows.fast']\"", "\"Literal['fast']\"")]
)
def test_an_annotation_that_is_a_text_counts_as_it_stands(
    monkeypatch: pytest.MonkeyPatch, one: str, other: str
) -> None:
    monkeypatch.setitem(sys.modules, "flows", types.ModuleType("flows"))
    code = "class Box:\n    size: {}\ndef f(x): return Box"
    assert digest(code.format(one), __name__="flows") != digest(code.format(other), __name__="flows")


def test_data_is_measured_in_one_look_at_each_object(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    size_of = content._size_of

    def look(value: object) -> int:
        looked.append(value)
        return size_of(value)

    monkeypatch.setattr(content, "_size_of", look)
    half = ["x" * (content.LARGE // 2)]
    assert not content.is_large([half, 1])
    assert content.is_large([half, half]), "it is written twice"
    ring: list[object] = [1]
    ring.append({"ring": [ring]})
    assert content.is_large(ring), "it has no end"
    doubled: list[object] = ["text"]
    for _ in range(60):
        doubled = [doubled, doubled]
    assert content.is_large(doubled)
    assert len(looked) < 100
