"""What checks schemas is loaded late, and without the grammar of IRIs until one is checked."""

from __future__ import annotations

import subprocess
import sys

import pytest

SEEN = """
import sys, threading
from nbflow.types import misfits

def loaded():
    return any(name.startswith("rfc3987_syntax") for name in sys.modules)

threads = [threading.Thread(target=misfits, args=("a", {"type": "string", "format": "date"})) for _ in range(4)]
for one in threads:
    one.start()
for one in threads:
    one.join()
early = loaded()
fits = [misfits(text, {"type": "string", "format": "iri"}) == [] for text in ("https://ex.org/é", "not an IRI")]
import rfc3987_syntax
print(early, loaded(), fits, rfc3987_syntax.__file__ is not None, rfc3987_syntax.is_valid_syntax("iri", "a b"))
"""


def test_the_grammar_of_iris_is_loaded_when_one_is_checked() -> None:
    pytest.importorskip("lark", reason="it is what the grammar is parsed by")
    found = subprocess.run([sys.executable, "-c", SEEN], check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["False", "True", "[True,", "False]", "True", "False"]


def test_schemas_are_checked_without_that_package() -> None:
    code = "import sys; sys.modules['rfc3987_syntax'] = None\nfrom nbflow.types import misfits\n"
    code += "print(misfits('a', {'type': 'integer'}), misfits('a b', {'format': 'iri'}))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "[([], 'must be of type integer')] []\n"
