"""Fixtures of the browser tier: one server and one Chromium for all tests, a fresh page for each.

Without Chromium the tier is skipped; with NBFLOW_REQUIRE_BROWSER=1, as on CI, it fails.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser.lab import Lab
from tests.browser.server import LabServer, start_server

HERE = Path(__file__).parent
SIZE: ViewportSize = {"width": 1280, "height": 1000}
FAILED = pytest.StashKey[bool]()
expect.set_options(timeout=30_000)  # a machine may be slow
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(400))  # the longest walks take minutes on a busy machine


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a picture of the page on which a test failed."""
    report = yield
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.when == "call" and report.failed and isinstance(lab, Lab):
        item.stash[FAILED] = True
        report.sections.append(("page", f"{lab.draw(f'failed-{item.name}')}\n" + "\n".join(lab.problems)))
    return report


@pytest.fixture(scope="package")
def chromium() -> str:
    found = os.environ.get("NBFLOW_CHROMIUM") or shutil.which("chromium")
    if found:
        return found
    reason = "no Chromium: install Debian's `chromium`, or set NBFLOW_CHROMIUM to the program"
    if os.environ.get("NBFLOW_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


# Of the package, not the session: while Playwright lives, its event loop runs in the main thread.
@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab_server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = start_server(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


class Pages:
    """Hands out a page; the same one again while it is as new, since loading JupyterLab takes longer than most tests.

    Attributes:
        TIMES: how often a page is handed out.
    """

    TIMES = 12

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._page: Page | None = None
        self._left = 0

    def take(self) -> Page:
        """Return a page of the usual size."""
        if self._page is None or self._left == 0:
            self.drop()
            context = self._browser.new_context(viewport=SIZE)
            self._page, self._left = context.new_page(), self.TIMES
        self._left -= 1
        self._page.set_viewport_size(SIZE)
        return self._page

    def drop(self) -> None:
        """Close the page, and what was opened beside it."""
        if self._page is not None:
            self._page.context.close()
        self._page = None


@pytest.fixture(scope="package")
def pages(browser: Browser) -> Iterator[Pages]:
    pages = Pages(browser)
    yield pages
    pages.drop()


@pytest.fixture
def lab(pages: Pages, lab_server: LabServer, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Return a page without a notebook; its kernel ends with the test."""
    lab = Lab(pages.take(), lab_server)
    yield lab
    is_new = not request.node.stash.get(FAILED, False) and len(lab.page.context.pages) == 1 and lab.leave()
    if not is_new:
        pages.drop()
    lab_server.stop_kernels()
