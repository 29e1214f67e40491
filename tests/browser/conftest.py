"""Fixtures of the browser tier: one server and one Chromium for all tests, a fresh page for each.

Without Chromium the tier is skipped; with NBFLOW_REQUIRE_BROWSER=1, as on CI, it fails.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.lab import Lab
from tests.browser.server import LabServer, start_server

HERE = Path(__file__).parent
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a picture of the page on which a test failed."""
    report = yield
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.when == "call" and report.failed and isinstance(lab, Lab):
        report.sections.append(("page", f"{lab.screenshot(f'failed-{item.name}')}\n" + "\n".join(lab.problems)))
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


@pytest.fixture
def lab(browser: Browser, lab_server: LabServer) -> Iterator[Lab]:
    """Return a page of its own; its kernel ends with the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield Lab(context.new_page(), lab_server)
    context.close()
    lab_server.stop_kernels()
