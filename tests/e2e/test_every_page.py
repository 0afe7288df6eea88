"""Every page with real data: no barrier, no mistake in the console, nothing asked of others, neither too wide nor too heavy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page

import nucleus
from nucleus_server.app import open_services
from nucleus_server.config import load_settings
from nucleus_server.dashboard.routes import create_router
from tests.e2e.browsing import log_in
from tests.e2e.conftest import Watched
from tests.e2e.streets import Streets, build
from tests.support.server import ADMIN_KEY, LiveServer

_MAX_BYTES = 200_000
# What is loaded into a page, what is taken away, and the answer for addresses that are no page.
_NO_PAGE = re.compile(
    r"/(progress|scatter|moved|worse|power|interval|separation)$|/history/|\.(csv|html|\{form\})$|^/login|:path"
)
_WEIGHT = """() => performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource"))
    .filter((e) => e.initiatorType !== "img" && !e.name.includes("/vega.js"))
    .reduce((sum, e) => sum + e.encodedBodySize, 0)"""
_LINKS = "() => [...document.querySelectorAll('a[href^=\"/\"]')].map((a) => a.getAttribute('href'))"
_DRAWN = "() => [...document.querySelectorAll('[data-spec]')].every((e) => e.querySelector('svg'))"


@pytest.fixture(scope="module")
def streets(live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streets]:
    """What the SDK has uploaded."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    yield build(client, tmp_path_factory.mktemp("streets"))
    client.close()


@pytest.fixture
def patterns(sqlite_url: str, tmp_path: Path) -> dict[str, re.Pattern[str]]:
    """The addresses of all pages, as the routes declare them."""
    services = open_services(
        load_settings(data_dir=tmp_path, database_url=sqlite_url, env={"NUCLEUS_SECRET_KEY": "test"})
    )
    routes = [r for r in create_router(services).routes if isinstance(r, APIRoute) and "GET" in (r.methods or ())]
    services.store.close()
    found = {r.path for r in routes if not _NO_PAGE.search(r.path)}
    return {path: re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"(\?.*)?$") for path in found}


class Walk:
    """A window in which one page after the other is looked at."""

    def __init__(self, browser: Browser, server: LiveServer) -> None:
        self.server = server
        self.context = browser.new_context(reduced_motion="reduce")
        (axe,) = Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")
        self.context.add_init_script(axe.read_text())
        self.watched = Watched(self.context, server.address)
        self.problems: list[str] = []

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return self.watched.page

    def look_at(self, path: str, name: str) -> list[str]:
        """Look at one page in both themes and widths; the addresses it links to."""
        page = self.page
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        answer = page.goto(self.server.address + path)
        page.wait_for_load_state("networkidle")
        page.wait_for_function(_DRAWN)
        assert answer is not None
        facts = {
            "status": (answer.status, 200),
            "number of h1": (page.locator("h1").count(), 1),
            "title": (bool(re.fullmatch(r".*\S.* · Nucleus Validate", page.title())), True),
        }
        self.problems += [f"{path}: {what} is {got}, not {want}" for what, (got, want) in facts.items() if got != want]
        weight = page.evaluate(_WEIGHT)
        if not 0 < weight <= _MAX_BYTES:
            self.problems.append(f"{path}: {weight:,} bytes")
        links: list[str] = page.evaluate(_LINKS)
        self._look(f"every-{name}", "light", is_whole=True)
        self._look(f"every-dark-{name}", "dark", is_whole=False)
        page.set_viewport_size({"width": 390, "height": 844})
        self._look(f"every-phone-{name}", "dark", is_whole=True)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width != 390:
            self.problems.append(f"{path}: {width} pixels wide on a phone")
        return links

    def _look(self, name: str, theme: str, *, is_whole: bool) -> None:
        """Axe with everything unfolded; only the theme's colours if the rest was looked at in the other one."""
        self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        self.watched.screenshot(name)
        self.page.evaluate("document.querySelectorAll('main details').forEach((e) => { e.open = true; })")
        options = {"resultTypes": ["violations"], **({} if is_whole else {"runOnly": ["color-contrast"]})}
        heard = len(self.watched.wrong)
        found = self.page.evaluate("(options) => axe.run({exclude: '.chart svg'}, options)", options)  # images to axe
        # Axe may parse stylesheets in a document of its own, about which the browser complains; the page itself is at rest.
        del self.watched.wrong[heard:]
        for v in found["violations"]:
            self.problems.append(f"{name} {self.page.url}: {v['id']} {[node['html'] for node in v['nodes']][:3]}")


def test_every_page(
    browser: Browser, live_server: LiveServer, streets: Streets, patterns: dict[str, re.Pattern[str]]
) -> None:
    """Those that are named and, for each kind of address, the first that a page links to: so every page can be reached."""
    walk = Walk(browser, live_server)
    log_in(walk.watched, live_server)
    todo = [(path, name) for name, path in streets.paths.items()]
    todo += [("/login", "login")]
    missing = {kind for kind, pattern in patterns.items() if not any(pattern.match(path) for path, _ in todo)}
    for path, name in todo:  # grows while one goes along it
        for link in walk.look_at(path, name):
            for kind in [kind for kind in missing if patterns[kind].match(link.split("#")[0])]:
                missing.remove(kind)
                todo.append((link.split("#")[0], re.sub(r"\W+", "-", kind.replace("_id", "")).strip("-")))
    walk.context.close()
    assert walk.problems == []
    assert walk.watched.wrong == []
    assert missing == set(), "nothing links to these"
