"""The line of a magic: what counts as a word, and what is refused."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from nbflow_widgets.options import Options, parse_entrypoint, words


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("flow -i 1", ["flow", "-i", "1"]),
        ("""-i "'cats'" """, ["-i", "'cats'"]),
        ("-i {'topic': 'cats', 'n': [1, 2]} -t demo", ["-i", "{'topic': 'cats', 'n': [1, 2]}", "-t", "demo"]),
        ("-i dict(a='x y')", ["-i", "dict(a='x y')"]),
        ("-i 'a' 'b'", ["-i", "a", "b"]),
        ("--input='x + 1'", ["--input=x + 1"]),
        (r"""-i "it's" """, ["-i", "it's"]),
        ('-t ""', ["-t", ""]),
    ],
)
def test_words_end_at_spaces_outside_of_quotes_and_brackets(line: str, expected: list[str]) -> None:
    assert words(line) == expected


@pytest.mark.parametrize("line", ["-i 'cats", "-i [1, 2"])
def test_what_is_not_closed_is_told(line: str) -> None:
    with pytest.raises(UsageError, match="not closed"):
        words(line)


def test_all_options_are_read() -> None:
    line = "flow --input x --thread t --out r --saver s --answers a --fresh --reuse --background --display off"
    assert parse_entrypoint(line) == Options(
        name="flow", input="x", thread="t", out="r", saver="s", answers="a",
        fresh=True, reuse=True, background=True, display="off",
    )  # fmt: skip
    assert parse_entrypoint("-i -1") == Options(input="-1")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--inputs 1", "unrecognized arguments: --inputs"),
        ("flow x + 1", "wants quotes"),
        ("--display loud", "invalid choice"),
        ("my-flow", "must be a Python name"),
        ("-o a.b", "must be a Python name"),
        ("-i", "expected one argument"),
        ("--input 1, 2", "NAME is '2', .*wants quotes"),
        ("--input 1, x", "NAME is 'x', .*wants quotes"),
        ("flow --input x + 1", "wants quotes"),
        ("--input x + y", "wants quotes"),
        ("-t ''", "--thread is empty"),
    ],
)
def test_a_wrong_line_is_refused_in_one_line(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_entrypoint(line)
    assert str(caught.value).startswith("%%entrypoint")
    assert "\n" not in str(caught.value)
