"""Recorded calls that a resumed body does not make any more are reported at its end."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from nbflow import Command, interrupt
from nbflow.errors import UnreachedCallsWarning
from tests.behaviour.flavours import Flavour


def asking(flow: Flavour, *, shorter: bool) -> Any:
    @flow.task
    def part(name: str) -> str:
        return name

    @flow.task
    def whole(name: str) -> Any:
        return (yield part(name))

    @flow.entrypoint(name="body")
    def body(_: int) -> Any:
        done = [(yield whole("a"))]
        if not shorter:
            done += [(yield whole("b"))]
        return done, interrupt("?")

    return body


def test_a_body_that_leaves_calls_out_is_told(flow: Flavour) -> None:
    flow.invoke(asking(flow, shorter=False), 1)
    with pytest.warns(UnreachedCallsWarning, match=r"'whole' \(0\.1\)"):
        result = flow.invoke(asking(flow, shorter=True), Command(resume="x"))
    assert result == (["a"], "x")


def test_a_body_that_makes_all_its_calls_again_is_not(flow: Flavour) -> None:
    flow.invoke(asking(flow, shorter=False), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert flow.invoke(asking(flow, shorter=False), Command(resume="x")) == (["a", "b"], "x")
