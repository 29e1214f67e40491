"""Histories of cells: the code that is kept with a run does in an empty namespace what the cells did, or it is told."""

from __future__ import annotations

import decimal
import os
import random

import numpy as np
import pandas as pd
import pytest

from nbflow.core.record import CallReturned
from nbflow_widgets.kept_cells import run_module
from tests.widgets.conftest import Shell
from tests.widgets.test_inbox import page
from tests.widgets.test_kept_cells import CONFIG, another_kernel, kept

HEAD = "from nbflow import entrypoint, interrupt, task\nimport nbflow"
# ruff: noqa: E501  # a table of histories, one a line
BODY = "%%entrypoint --thread t --input 2 --display off\ndef flow(n):\n    return [work(n).result(), interrupt('?')]"
BUILDER = (
    "from typing import TypedDict\nfrom nbflow.graph import StateGraph, START, END\nclass S(TypedDict):\n    n: int"
)
NODES = """\
def one(s): return {'n': s['n'] + 1}
def build(b):
    b.add_node('one', one)
    b.add_edge(START, 'one')
    b.add_edge('one', END)
    return b"""
STORE = "class Store:\n    def __init__(self): self.rows = []\n    def {0}(self, x):\n        self.rows.append(x)\n        return x\ns = Store()"
HISTORIES: dict[str, tuple[str, ...]] = {
    # a name is unbound, or bound anew
    "del": ("k = 1", "del k", "k = 2", "k"),
    "del of a name that is used before": ("k = 1\nk2 = k", "del k", "k2"),
    "del of a name of Python's": ("len = lambda x: 99", "del len", "len([1])"),
    "del in a loop": ("k = 1", "for _q in [1]:\n    del k", "'k' in globals()"),
    "a definition that another name has": ("def h(): return 1", "g = h", "def h(): return 2", "[g(), h()]"),
    "a global": ("k = 1\ndef put():\n    global k\n    k = 9", "put()", "k"),
    "a global by its text": ("k = 1", "globals()['k'] = 9", "k"),
    "code of a text": ("k = 1", "exec('k = 9')", "k"),
    # cells that failed
    "failed before a definition": ("def h(): return 1", "1 / 0\ndef h(): return 2", "h()"),
    "failed in a decorator": ("def h(): return 1", "@nowhere\ndef h(): return 2", "h()"),
    "failed after a definition": ("def h(): return 1", "def h(): return 2\n1 / 0\ndef h(): return 3", "h()"),
    "failed to be read": ("def h(): return 1", "def h(): return 2\n1 +", "h()"),
    "failed in a run": ("%%entrypoint --thread o --input 0 --display off\ndef other(x): return 1 / x", "other.name"),
    # names at their places
    "a workflow's name before it was one's": ("flow = {'a': 1}", "flow['a'] = 2\nkeep = flow['a']", "keep"),
    "a workflow's name that was a class": (
        "class other:\n    def make(self): return 5",
        "val = other().make()",
        "%%entrypoint --thread o --input 1 --display off\ndef other(x): return x",
        "val",
    ),
    "compile of a class": ("class T:\n    def compile(self): return [1]\nt = T()\ncc = t.compile()", "cc.append(2)", "cc"),
    "compile of a module": ("import re\npat = re.compile('a')\nhits = pat.findall('aa')", "hits"),
    "compile by itself": ("from re import compile\npat = compile('a')", "hits = pat.findall('aa')", "hits"),
    "a graph": (
        BUILDER, NODES, "b = StateGraph(S)\nbuilt = build(b)", "g = b.compile()", "g.invoke({'n': n})['n']",
    ),
    # other names of the same value
    "alias of a part": ("cfg = {'k': {'z': 1}}", "inner = cfg['k']", "inner['z'] = 9", "cfg['k']['z']"),
    "alias of an object": ("import types\nm = types.SimpleNamespace(w=0)", "mm = m\nmm.w = 4", "m.w"),
    "alias of a table": ("import pandas as pd\ndf = pd.DataFrame({'a': [1]})", "d2 = df", "d2['b'] = 5", "[*df.columns]"),
    "alias of a list": ("L = [1]", "M = L\nM += [2]", "L"),
    "alias by a loop": ("cfg = [{'z': 1}]", "for c in cfg:\n    c['z'] = 9", "cfg[0]['z']"),
    "alias by a loop over a copy": ("cfg = [{'z': 1}]", "for c in list(cfg):\n    c['z'] = 9", "cfg[0]['z']"),
    "alias by get": ("cfg = {'k': {}}", "cfg.get('k')['z'] = 1", "cfg"),
    "alias that is bound anew": ("cfg = {'k': {}}", "a = cfg['k']\nb = a", "a = None", "b['z'] = 1", "cfg"),
    "alias within an object": ("class M:\n    def __init__(self, c): self.c = c\ncfg = {}\nm = M(cfg)", "cfg['a'] = 1", "m.c"),
    "alias in a default": ("cfg = {}", "def h(c=cfg): return c", "cfg['a'] = 1", "cfg = 0", "h()"),
    "alias in a list": ("a, b = {}, {}", "L = [a, b]", "a['x'] = 1", "a = 0", "L"),
    "alias in a closure": (
        "REG = {}\ndef make(reg):\n    def add(f):\n        reg[f.__name__] = f\n        return f\n    return add",
        "tool = make(REG)",
        "@tool\ndef ha(): return 1",
        "sorted(REG)",
    ),
    # changed by an expression whose value is bound, or shown
    "a result that is dropped": ("cfg = {'k': 1}\ndef put(c, v):\n    c['k'] = v\n    return c", "_ = put(cfg, 9)", "cfg['k']"),
    "a result that is bound": ("cfg = {'k': 1}\ndef put(c, v):\n    c['k'] = v\n    return c", "two = put(cfg, 9)", "cfg['k']"),
    "by a function of a function": (
        "cfg = {}\ndef put(c):\n    c['k'] = 1\ndef outer(d):\n    e = d\n    put(e)\n    return 5", "x = outer(cfg)", "cfg",
    ),
    "by name": ("cfg = {}\ndef put(v, *, c):\n    c['k'] = v", "x = put(1, c=cfg)", "cfg"),
    "by a method": (STORE.format("put"), "size = s.put(7)", "s.rows"),
    "by a method in print": (STORE.format("put"), "print(s.put(7))", "s.rows"),
    "by a method called info": (STORE.format("info"), "s.info(1)", "s.rows"),
    "by a method called head": (STORE.format("head"), "first = s.head(3)", "s.rows"),
    "by a partial": ("import functools\nL = []\ndef put(l, x): l.append(x)\np = functools.partial(put, L)", "p(1)", "L"),
    "by a bound method": ("L = []\nadd = L.append", "add(1)", "L"),
    "by a lambda in a dict": ("L = []\nF = {'a': lambda: L.append(1)}", "F['a']()", "L"),
    "by getattr": ("import types\ns = types.SimpleNamespace(l=[])", "getattr(s, 'l').append(1)", "s.l"),
    "by zip": ("A = [{}, {}]", "for a, i in zip(A, range(2)):\n    a['i'] = i", "A"),
    "a closure that counts": (
        "def make():\n    n = 0\n    def inc():\n        nonlocal n\n        n += 1\n        return n\n    return inc\ninc = make()",
        "inc()",
        "x = inc()",
        "x",
    ),
    "in a comprehension": ("L = []\ndef put(l, i): l.append(i)", "[put(L, i) for i in range(3)]", "L"),
    "by map": ("L = []", "list(map(L.append, [1, 2]))", "L"),
    "in an assert": ("S = set()\ndef add(s):\n    s.add(1)\n    return True", "assert add(S)", "[*S]"),
    "in a call of len": ("L = [1]\ndef eat(l):\n    l.append(2)\n    return l", "len(eat(L))", "L"),
    "heapq": ("import heapq\nL = [3, 1, 2]", "heapq.heapify(L)", "x = heapq.heappop(L)", "L"),
    "next": ("it = iter([1, 2, 3])", "next(it)", "b = next(it)", "b"),
    "inplace": ("import pandas as pd\ndf = pd.DataFrame({'a': [1]})", "x = df.drop(columns=['a'], inplace=True)", "[*df.columns]"),
    "setattr": ("class C: k = 1", "setattr(C, 'k', 9)", "C.k"),
    "the lines of a class": ("R = {}", "class Reg:\n    R['x'] = 1", "R"),
    "a generator of numbers": ("import random\nr = random.Random(1)", "a = r.random()", "b = r.random()", "b"),
    # settings
    "random.seed": ("import random\nrandom.seed(5)", "a = random.random()", "b = random.random()", "b"),
    "seed by its name": ("from random import seed, random as rnd\nseed(5)", "rnd()"),
    "seed in a function": ("import random\ndef begin(): random.seed(5)", "begin()", "random.random()"),
    "numpy": ("import numpy as np\nnp.seterr(all='raise')\n_ = np.random.seed(5)", "[np.geterr()['divide'], float(np.random.rand())]"),
    "pandas": ("import pandas as pd\npd.set_option('display.max_rows', 3)", "pd.get_option('display.max_rows')"),
    "decimal": ("import decimal\ndecimal.getcontext().prec = 3", "str(decimal.Decimal(1) / 3)"),
    "the environment": ("def load():\n    import os\n    os.environ['ZZE'] = str(7)", "load()", "import os", "os.environ.get('ZZE')"),
    "%time": ("k = 1", "%time k = 2", "k"),
}  # fmt: skip


def _reset() -> None:
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002  # what the cells seeded
    np.seterr(all="warn")
    pd.reset_option("display.max_rows")
    decimal.getcontext().prec = 28
    os.environ.pop("ZZE", None)


@pytest.mark.parametrize("history", HISTORIES)
def test_what_is_kept_does_what_the_cells_did(shell: Shell, history: str) -> None:
    *cells, result = HISTORIES[history]
    shell.run(HEAD)
    for cell in cells:
        shell.ip.run_cell(cell, store_history=True)
    try:
        code = kept(shell, f"@task\ndef work(n):\n    return {result}", BODY)
        flow = shell.names["flow"]
        (ran,) = [one for one in flow.last_run(CONFIG).log if isinstance(one, CallReturned) and one.name == "work"]
    finally:
        _reset()
    another_kernel(shell, flow.checkpointer)
    try:
        run_module(code, shell.names, "t")
        plan = shell.names["flow"].with_checkpointer(flow.checkpointer).plan(None, CONFIG)
        assert (plan.error, plan.changed, plan.runs) == (None, "", [])
        assert shell.names["work"].spec.fn(2) == ran.get()
    finally:
        _reset()


RUN = "{'configurable': {'thread_id': 'q'}}"


@pytest.mark.parametrize(
    "cell",
    [
        f"import functools\nrunit = functools.partial(flow.invoke)\nS.append(runit(9, {RUN}))",
        f"def go(v): return flow.invoke(v, {RUN})\nS.append(go(1))",
        f"def run_it(one, v): return one.invoke(v, {RUN})\nS.append(run_it(flow, 3))",
        f"class Agent:\n    def __init__(self): self.n = 1\n    def ask(self): return flow.invoke(1, {RUN})\nS.append(Agent().ask())",
        f"r = flow.invoke(3, {RUN})\nS.append(r)",
        f"x = [S.append(flow.invoke(i, {RUN})) for i in [1]]",
    ],
)
def test_a_workflow_is_never_run_by_what_is_kept(shell: Shell, cell: str) -> None:
    first = "%%entrypoint --thread q --input 2 --display off\ndef flow(n):\n    return n"
    code = kept(
        shell,
        HEAD,
        "S = []\nFLOWS = []",
        first,
        cell,
        "FLOWS.append(flow)",
        "@task\ndef work(n):\n    return len(S)",
        BODY,
    )
    names: dict[str, object] = {}
    run_module(code, names, "t")
    assert names["S"] == []
    assert "# left out (it" in code
    assert "FLOWS" not in code


def test_what_nothing_needs_is_not_kept(shell: Shell) -> None:
    code = kept(
        shell,
        HEAD,
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\ncfg = {'lr': 1}",
        "df.head()\ndf.describe()\ndf.to_csv('SAVED.csv')\nprint('SHOWN', len(df))",
        "class Client:\n    def send(self, one): print('SENT', one)\nclient = Client()\nclient.send(df)",
        "def train(c):\n    print('TRAINED', c['lr'])\n    return 5\nmodel = train(cfg)",
        "copied = df[df.a > 1].copy()\ncopied['b'] = 1",
        "del copied",
        "@task\ndef work(n):\n    return len(df) + cfg['lr']",
        BODY,
    )
    assert not [word for word in ("head", "describe", "SAVED", "SHOWN", "send", "train", "copied") if word in code]


def test_what_can_not_be_kept_is_told_in_the_code_and_beside_the_button(shell: Shell) -> None:
    shell.run("table = {}")
    shell.fail("for one in [1, 0]:\n    table[one] = 1 / one")
    code = kept(
        shell,
        HEAD,
        "import os\nos.environ['ZZE'] = 'sesame'",
        "where = %pwd",
        "open('zz.py', 'w').close()",
        "%run zz.py",
        "async def get(): return 5\nloose = await get()",
        "big = '''" + "y" * 100_001 + "'''\nrows = 3",
        "unneeded = !echo hi",
        "other = 1",
        "@task\ndef work(n):\n    return [where, loose, rows, other, table]",
        BODY,
    )
    os.environ.pop("ZZE", None)
    assert "sesame" not in code
    assert [line for line in code.splitlines() if line.startswith("#")] == [
        "# left out (it failed half-way): for one in [1, 0]: ...",
        "# left out (it sets a text that may be a secret): os.environ['ZZE'] = ...",
        "# left out (a magic): where = %pwd",
        "# left out (a magic): %run zz.py",
        "# left out (it awaits): loose = await get()",
        "# left out (its cell has 100,022 characters): big, rows",
    ]
    saver = shell.names["flow"].checkpointer
    box = another_kernel(shell, saver)
    text = page(box)
    assert "6 statements of the cells that can" in text
    for name in ("loose", "rows", "where"):
        assert f"{name}</code>" in text
    assert "bind them first" in text
