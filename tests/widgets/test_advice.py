"""Advice names what differs when a body runs again, and where; tasks may do what they like."""

from __future__ import annotations

import ast

import pytest

from nbflow_widgets.advice import advice_on


@pytest.mark.parametrize(
    "call",
    [
        "time.time()", "datetime.now()", "datetime.datetime.now()", "random.random()", "random.Random(1).random()",
        "np.random.rand(3)", "uuid.uuid4()", "open('x')", "requests.get('u')", "httpx.get('u')",
        "urllib.request.urlopen('u')",
    ],
)  # fmt: skip
def test_clocks_chance_files_and_the_network_are_named(call: str) -> None:
    found = advice_on(ast.parse(f"import time\nx = [{call}]").body)
    assert f"`{call.partition('(')[0]}()` in line 2" in found


@pytest.mark.parametrize(
    "text",
    [
        "x = fetch(1).result()",
        "@task\ndef f():\n    return time.time()",
        "@nbflow.task(name='n')\ndef f():\n    return open('x')",
        "from mine import now\nnow()",
        "clock.time()",
        "'time.time()'",
    ],
)
def test_what_is_well_or_in_a_task_is_not(text: str) -> None:
    assert advice_on(ast.parse(text).body) == ""


def test_names_are_followed_to_their_imports() -> None:
    body = ast.parse(
        "from time import time as now\nimport uuid as u\nfrom random import choice\nnow(), u.uuid4(), choice(x)"
    )
    assert advice_on(body.body).count("in line 4") == 3
