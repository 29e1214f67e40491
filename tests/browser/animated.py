"""Make the animated picture of the README: a real cell in JupyterLab, from its first call to its result.

``python -m tests.browser.animated FILE.gif`` (``make picture``) starts a server and a browser, runs a study of
parallel tasks, answers its question by a click, and writes what the cell looked like as a GIF.
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import FloatRect, sync_playwright

from tests.browser.conftest import CHROMIUM_FLAGS
from tests.browser.lab import Lab
from tests.browser.server import start_server

MOST_BYTES = 2_000_000
WIDTH = 800
FRAMES_A_SECOND = 12
COLOURS = 128
LAST_SECONDS = 3.0
LONGEST_SECONDS = 2.0
TASKS = """\
%load_ext nbflow
import time
import pandas as pd
from nbflow import interrupt, task

@task
def load(path: str) -> pd.DataFrame:
    time.sleep(0.6)
    return pd.read_csv(path)

@task
def weigh(species: str, birds: pd.DataFrame) -> float:
    time.sleep(0.9 + len(species) / 10)
    return round(birds[birds["species"] == species]["body_mass_g"].mean())

@task
def report(masses: dict) -> str:
    time.sleep(0.8)
    return ", ".join(f"{species} {mass} g" for species, mass in masses.items())
"""
FLOW = """\
%%entrypoint --thread penguins --input "'penguins.csv'"
def study(path: str) -> str:
    birds = load(path).result()
    masses = {kind: weigh(kind, birds) for kind in birds["species"].unique()}  # side by side
    found = {kind: mass.result() for kind, mass in masses.items()}
    if interrupt({"question": "Publish these masses?", "masses [g]": found, "options": ["yes", "no"]}) == "no":
        return "not published"
    return report(found).result()
"""
STYLE = """
.jp-Cell { padding: 2px 6px !important; }
.jp-InputPrompt, .jp-OutputPrompt, .jp-OutputArea-promptOverlay { display: none !important; }
.jp-Collapser, .jp-Toolbar { display: none !important; }
"""


def main(target: str) -> int:
    """Write the picture, and return an exit code."""
    program = shutil.which("chromium")
    if program is None:
        sys.stderr.write("there is no chromium: apt-get install chromium\n")
        return 1
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = start_server(Path(home))
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        try:
            page = browser.new_context(viewport={"width": 1180, "height": 1000}).new_page()
            frames = _frames(Lab(page, server))
        finally:
            browser.close()
            server.stop()
    size = _write(frames, Path(target))
    sys.stdout.write(f"{target}: {len(frames)} frames, {size:,} bytes\n")
    return 0 if size <= MOST_BYTES else 1


def _frames(lab: Lab) -> list[tuple[float, Image.Image]]:
    """Return what the cell looks like, and when, in seconds."""
    shutil.copy(Path(__file__).parents[2] / "notebooks" / "data" / "penguins.csv", lab.server.root)
    lab.open_cells(TASKS, FLOW)
    lab.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    lab.page.add_style_tag(content=STYLE)
    lab.run_cell(0)
    lab.cell(0).evaluate("cell => { cell.style.display = 'none'; }")
    lab.wait(1)
    painted: list[tuple[float, str]] = []
    session = lab.page.context.new_cdp_session(lab.page)

    def keep(frame: dict[str, Any]) -> None:
        painted.append((frame["metadata"]["timestamp"], frame["data"]))
        session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "png"})
    boxes = [_play(lab, lambda: lab.run_cell(1, wait=False), "Publish these masses?", 2.0)]
    boxes.append(_play(lab, lambda: lab.click("yes", cell=1), "Publish", 1.0))
    boxes.append(_play(lab, lambda: lab.click("Submit", cell=1), "Adelie 3701 g, ", 4.0))
    session.send("Page.stopScreencast")
    left, top = boxes[0]["x"], boxes[0]["y"]
    area = (left, top, left + boxes[0]["width"], top + max(box["height"] for box in boxes))
    return [(at, _cut(data, area)) for at, data in _thinned(sorted(painted))]


def _play(lab: Lab, act: Callable[[], None], text: str, after: float) -> FloatRect:
    """Do something, wait for a text in the cell's output and some seconds more; return where the cell is then."""
    lab.wait(0.5)
    act()
    lab.expect_text(1, text, 60)
    lab.wait(after)
    box = lab.cell(1).bounding_box()
    assert box is not None, "the cell is on the page"
    return box


def _thinned(painted: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return frames that are no closer than they are to be shown; of those that are closer, the later one."""
    later = [at for at, _ in painted[1:]] + [float("inf")]
    place = [int(at * FRAMES_A_SECOND) for at, _ in painted]
    return [
        frame
        for frame, slot, following in zip(painted, place, later, strict=True)
        if following == float("inf") or int(following * FRAMES_A_SECOND) != slot
    ]


def _cut(data: str, area: tuple[float, float, float, float]) -> Image.Image:
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB").crop(area)
    return picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)


def _write(frames: list[tuple[float, Image.Image]], target: Path) -> int:
    """Write the frames that differ as an animation, and return its size in bytes."""
    height = max(picture.height for _, picture in frames)
    kept: list[Image.Image] = []
    begins: list[float] = []
    for at, picture in frames:
        whole = Image.new("RGB", (WIDTH, height), "white")
        whole.paste(picture)
        if not kept or ImageChops.difference(whole, kept[-1]).getbbox() is not None:
            kept.append(whole)
            begins.append(at)
    ends = [*begins[1:], begins[-1] + LAST_SECONDS]
    lasts = [round(min(end - begin, LONGEST_SECONDS) * 1000) for begin, end in zip(begins, ends, strict=True)]
    shared = Image.new("RGB", (WIDTH, 3 * height))  # one palette for all: most of a frame is then as in the one before
    for place, one in enumerate((kept[len(kept) // 3], kept[2 * len(kept) // 3], kept[-1])):
        shared.paste(one, (0, place * height))
    palette = shared.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE)
    few = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in kept]
    few[0].save(target, save_all=True, append_images=few[1:], duration=lasts, loop=0, optimize=True)
    return target.stat().st_size


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
