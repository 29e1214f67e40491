"""A report in a browser: the timeline lives, a click shows a call with its code, and no request leaves the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import nbflow_widgets
from tests.browser.lab import DRAWS, SHOTS
from tests.widgets.test_report import kept


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (640, "dark")])
def test_a_report_lives_without_a_kernel(browser: Browser, tmp_path: Path, scheme: str, width: int) -> None:
    path = tmp_path / "run.html"
    nbflow_widgets.report("t", str(path), saver=kept(name="<img src=http://example.org/x>"))
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(path.as_uri())
    canvas = page.locator(".nbf-canvas")
    expect(canvas).to_be_visible()
    canvas.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    panel = page.locator(".nbf-details")
    expect(panel).to_contain_text("# why it doubles")
    ground = page.evaluate("getComputedStyle(document.querySelector('.nbf-timeline')).backgroundColor")
    assert ground == ("rgb(22, 25, 29)" if scheme == "dark" else "rgb(255, 255, 255)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if DRAWS:
        page.screenshot(path=SHOTS / f"report-{scheme}-{width}.png", full_page=True)
    page.close()
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert wrong == []
