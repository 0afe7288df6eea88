"""When a browser first paints a page, with nothing cached."""

from __future__ import annotations

import shutil

from playwright.sync_api import sync_playwright

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_PAINT = "performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)"


def first_paints_s(address: str, path: str, cookies: dict[str, str], n: int) -> list[float]:
    """Seconds from the request to the first text or picture, n times, each in a window of its own.

    Args:
        cookies: Those of the session that may see the page, by name.
    """
    found = [program for program in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if program]
    assert found, "no Chromium in PATH: run `make test`, which installs it, or `apt-get install chromium`"
    paints: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found[0], args=_ARGUMENTS)
        for _ in range(n):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
            page = context.new_page()
            page.goto(address + path)
            page.wait_for_function(f"{_PAINT}.length > 0")
            paints.append(page.evaluate(_PAINT)[0] / 1000)
            context.close()
        browser.close()
    return paints
