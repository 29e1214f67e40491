"""Loading and unloading are exact inverses; loading says nothing where nobody looks and nobody waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbflow import Run
from tests.widgets.conftest import Shell

ASKS = """\
%%entrypoint --thread demo --input 1
from nbflow import interrupt
def flow(n):
    return interrupt("Go on?")"""


def everything(ip: Any) -> dict[str, object]:
    """Return all that an extension may change in a shell."""
    return {
        "line": set(ip.magics_manager.magics["line"]),
        "cell": set(ip.magics_manager.magics["cell"]),
        "registry": set(ip.magics_manager.registry),
        "configurables": list(ip.configurables),
        "cleanup": list(ip.input_transformers_cleanup),
        "post": list(ip.input_transformers_post),
        "trees": list(ip.ast_transformers),
        "events": {name: list(found) for name, found in ip.events.callbacks.items()},
        "names": set(ip.user_ns) - {"_i", "_ii", "_iii", "_dh", "_ih", "_oh", "In", "Out", "_"},
        "hidden": set(ip.user_ns_hidden),
        "custom": ip.custom_exceptions,
        "watchers": list(Run.watchers),
    }


def test_unloading_undoes_loading(bare: Shell) -> None:
    before = everything(bare.ip)
    bare.ip.extension_manager.load_extension("nbflow")
    assert everything(bare.ip) != before
    bare.ip.extension_manager.unload_extension("nbflow")
    assert everything(bare.ip) == before


def test_loading_twice_is_loading_once(bare: Shell) -> None:
    bare.ip.extension_manager.load_extension("nbflow")
    once = everything(bare.ip)
    bare.ip.extension_manager.load_extension("nbflow")
    bare.ip.extension_manager.reload_extension("nbflow")
    assert {name: len(one) for name, one in everything(bare.ip).items() if isinstance(one, (list, set))} == {
        name: len(one) for name, one in once.items() if isinstance(one, (list, set))
    }


def test_loading_tells_a_person_what_to_try_where_nothing_has_run(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_DISPLAY", "live")
    bare.run("%load_ext nbflow")
    assert bare.shown() == [
        "%%entrypoint --input 1 above a def runs it as a durable workflow; %nbflow lists what else there is."
    ]


def test_loading_says_nothing_and_makes_no_file(bare: Shell, tmp_path: Path) -> None:
    bare.run("%load_ext nbflow")
    assert (bare.outputs, bare.text, list(tmp_path.iterdir())) == ([], "", [])


def test_loading_shows_a_person_who_waits_in_the_default_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.run(ASKS)
    monkeypatch.setenv("NBFLOW_DISPLAY", "live")
    shell.run("%reload_ext nbflow")
    assert any("1 run waits for you." in text for text in shell.shown())
    assert not any("Go on?" in text for text in shell.shown()), "one line, until it is opened"


def test_settings_survive_a_reload(shell: Shell) -> None:
    shell.run('%config NbflowMagics.display = "off"')
    shell.run("%reload_ext nbflow")
    assert shell.run("%%entrypoint flow\n5") == 5
    assert shell.outputs == []


def test_without_the_toolkit_a_cell_is_left_alone(bare: Shell) -> None:
    assert "not found" in str(bare.fail("%%entrypoint flow\n1"))
