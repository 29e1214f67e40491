"""Fixtures of the browser tier: one server and one Chromium for all tests, a fresh page for each.

Without Chromium the tier is skipped; with NBFLOW_REQUIRE_BROWSER=1, as on CI, it fails.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, ViewportSize, expect, sync_playwright

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
    """Keep a picture of each page of a test that failed."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
        for name, lab in getattr(item, "funcargs", {}).items():
            if isinstance(lab, Lab):
                told = f"{lab.draw(f'failed-{item.name}-{name}')}\n" + "\n".join(lab.problems)
                report.sections.append((f"page of {name}", told))
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
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """Yield a browser for pages that need no JupyterLab."""
    browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def profile(
    playwright: Playwright, chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """Yield a browser that keeps what it has compiled of JupyterLab, from page to page: a third of the work."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"), executable_path=chromium, args=CHROMIUM_FLAGS, viewport=SIZE
    )
    yield context
    context.close()


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

    TIMES = 20

    def __init__(self, profile: BrowserContext) -> None:
        self._profile = profile
        self._page: Page | None = None
        self._left = 0

    def take(self) -> Page:
        """Return a page of the usual size."""
        if self._page is None or self._left == 0:
            self.drop()
            self._page, self._left = self._profile.new_page(), self.TIMES
        self._left -= 1
        self._page.set_viewport_size(SIZE)
        return self._page

    def drop(self) -> None:
        """Close the page."""
        last, self._page = self._page, None
        if last is not None:
            last.close()


@pytest.fixture(scope="package")
def pages(profile: BrowserContext) -> Iterator[Pages]:
    pages = Pages(profile)
    yield pages
    pages.drop()


@pytest.fixture(scope="package")
def pages_beside(profile: BrowserContext) -> Iterator[Pages]:
    pages = Pages(profile)
    yield pages
    pages.drop()


@pytest.fixture
def idle_server(lab_server: LabServer) -> Iterator[LabServer]:
    """Return the server; kernels end with the test, once its pages have closed their notebooks."""
    yield lab_server
    lab_server.stop_kernels()


@pytest.fixture
def lab(pages: Pages, idle_server: LabServer, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Return a page without a notebook."""
    yield from _lab(pages, idle_server, request)


@pytest.fixture
def other(pages_beside: Pages, idle_server: LabServer, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Return another page without a notebook, beside the first one."""
    yield from _lab(pages_beside, idle_server, request)


@pytest.fixture
def alone(profile: BrowserContext, idle_server: LabServer) -> Iterator[Lab]:
    """Return a page for another application than JupyterLab, whose page the next test can then use again."""
    lab = Lab(profile.new_page(), idle_server)
    lab.page.set_viewport_size(SIZE)
    yield lab
    lab.page.close()


def _lab(pages: Pages, server: LabServer, request: pytest.FixtureRequest) -> Iterator[Lab]:
    lab = Lab(pages.take(), server)
    yield lab
    if request.node.stash.get(FAILED, False) or not lab.leave():
        pages.drop()
