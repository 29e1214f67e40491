"""The digest of a function's code: what changes it, and what does not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from nbflow.core.call import Spec
from nbflow.fingerprint import digest_of, source_of


def of(fn: Callable[..., Any]) -> bytes:
    return digest_of(Spec("f", fn, source=source_of(fn)))


def digest(source: str, name: str = "f", **names: Any) -> bytes:
    """Return the digest of a function that is made from text, as one in a notebook cell."""
    import linecache

    file = f"<cell {abs(hash(source))}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space: dict[str, Any] = dict(names)
    exec(compile(source, file, "exec"), space)
    return of(space[name])


PLAIN = "def f(x):\n    return x + 1\n"


def test_comments_layout_and_decorators_do_not_count() -> None:
    commented = "import functools\n@functools.cache\ndef f(x):\n    # plus one\n    return (x +\n            1)\n"
    assert digest(PLAIN) == digest(commented)


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
