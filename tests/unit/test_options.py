"""The shared keywords: seen by help and completion, refused when unknown."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from nbflow import entrypoint
from nbflow.errors import UnknownOptionError
from nbflow.runs.request import Request
from nbflow.workflow.options import OPTIONS, OWN


@entrypoint()
def body(n: int) -> int:
    return n


METHODS = ["invoke", "ainvoke", "stream", "astream", "start"]


@pytest.mark.parametrize("method", METHODS)
def test_help_shows_the_real_keywords(method: str) -> None:
    shown = inspect.signature(getattr(body, method)).parameters
    assert list(shown)[:2] == ["input", "config"]
    for name in OPTIONS:
        assert shown[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert shown[name].default == Request._field_defaults[name]
    assert str(shown["on_divergence"]) == "on_divergence: 'OnDivergence' = 'error'"
    assert set(shown) == {"input", "config", *OWN.get(f"{method}()", ()), *OPTIONS}


def test_every_option_is_a_field_of_the_request_with_a_default() -> None:
    assert set(OPTIONS) <= set(Request._field_defaults)


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_keyword_is_refused_at_the_call(method: str) -> None:
    call: Any = getattr(body, method)
    with pytest.raises(UnknownOptionError, match=r"has no option 'zzz'; it knows .*context, ") as caught:
        asyncio.run(call(1, zzz=1)) if method == "ainvoke" else call(1, zzz=1)
    assert caught.value.where == f"{method}()"
