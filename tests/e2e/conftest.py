"""A real Chromium, and pages that complain about everything a page should not do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.server import LiveServer

ARTEFACTS = Path(__file__).parents[1] / "artefacts"
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium from PATH."""
    found = [p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p]
    assert found, "no Chromium in PATH: run `make test`, which installs it, or `apt-get install chromium`"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found[0], args=_ARGUMENTS)
        yield running
        running.close()


class Watched:
    """A page, and what it did wrong: console messages, errors, requests to elsewhere."""

    def __init__(self, context: BrowserContext, *addresses: str) -> None:
        self.page: Page = context.new_page()
        self.wrong: list[str] = []
        self._addresses = (*addresses, "data:")
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("request", lambda r: self._check(r.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            at = message.location
            self.wrong.append(f"{self.page.url}, {at['url']} line {at['lineNumber']}: {message.text}")

    def _check(self, url: str) -> None:
        if not url.startswith(self._addresses):
            self.wrong.append(f"request to {urlsplit(url).netloc}")

    def screenshot(self, name: str) -> None:
        """Keep a picture for people to look at."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


@pytest.fixture
def watched(browser: Browser, live_server: LiveServer) -> Iterator[Watched]:
    """A fresh browser window; at the end nothing must have gone wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = Watched(context, live_server.address)
    yield page
    context.close()
    assert page.wrong == []
