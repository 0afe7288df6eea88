"""What tests of pages have in common: logging in, and looking for barriers."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

from tests.e2e.conftest import Watched
from tests.support.server import ADMIN_KEY, LiveServer

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{7*7}}'


def log_in(watched: Watched, server: LiveServer, path: str = "/", *, key: str = ADMIN_KEY) -> None:
    """By API key, ending on the page that was asked for."""
    watched.page.goto(server.address + path)
    watched.page.get_by_label("API key").fill(key)
    watched.page.get_by_role("button", name="Log in").click()
    watched.page.wait_for_url(server.address + path)


def assert_accessible(page: Page) -> None:
    """Axe finds nothing; the page's context must bypass the security policy, or axe itself is kept out."""
    (axe,) = Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")
    page.wait_for_load_state("networkidle")
    page.evaluate(axe.read_text())
    violations = page.evaluate("axe.run()")["violations"]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations] == [], page.url
