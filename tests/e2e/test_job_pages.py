"""A job that runs is followed and cancelled in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from nucleus_server.domain import Actor
from nucleus_server.storage import LeasedJob, LeaseLost, Store, WorkspaceStore
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.server import LiveServer, running_server


@pytest.fixture(scope="module")
def idle_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The real program without a worker: the test is one."""
    with running_server(tmp_path_factory.mktemp("idle"), None, "--no-worker") as server:
        yield server


@pytest.fixture
def store(idle_server: LiveServer) -> Iterator[Store]:
    """The server's database, as a worker has it open."""
    opened = Store(idle_server.database_url)
    yield opened
    opened.close()


def workspace(store: Store) -> WorkspaceStore:
    """As its admin sees it."""
    found = store.find_workspace("default")
    assert found is not None
    actor: Actor | None = store.find_admin(found)
    assert actor is not None
    return store.workspace(found.id, actor)


def take(store: Store) -> LeasedJob:
    """The oldest job that waits."""
    job = store.jobs.lease(lease_s=600)
    assert job is not None
    return job


def test_a_running_job_is_followed_and_cancelled(browser: Browser, idle_server: LiveServer, store: Store) -> None:
    """Its progress moves on while the page is open, by keyboard it is ended, and its worker finds the lease lost."""
    job_id = workspace(store).request_verdicts({"verdicts": []}, 4)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context, idle_server.address)
    log_in(watched, idle_server, "/jobs")
    page = watched.page
    row = page.locator("#jobs tbody tr")
    expect(row).to_contain_text("waiting")
    running = take(store)
    store.jobs.renew(running, n_done=1)
    expect(row).to_contain_text("1 of 4")  # without a touch
    watched.screenshot("jobs-running")
    page.get_by_role("link", name="compute verdicts").click()
    expect(page.locator("#progress")).to_contain_text("1 of 4 steps done.")
    page.get_by_text("Cancel this job").focus()
    page.keyboard.press("Enter")
    store.jobs.renew(running, n_done=2)
    expect(page.locator("#progress")).to_contain_text("3 of 4 steps done.")
    watched.screenshot("job-running")
    page.get_by_role("button", name="Cancel it for ever").press("Enter")  # still open: what follows along is beside it
    expect(page.get_by_role("status")).to_contain_text("Cancelled")
    expect(page.get_by_role("heading", level=1)).to_contain_text("cancelled")
    watched.screenshot("job-cancelled")
    with pytest.raises(LeaseLost):
        store.jobs.renew(running)
    assert page.url.endswith(f"/jobs/{job_id}?done=cancelled")
    page.goto(idle_server.address + "/jobs")
    expect(page.locator("#jobs[hx-get]")).to_have_count(0)
    context.close()
    assert watched.wrong == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_and_accessible(browser: Browser, idle_server: LiveServer, store: Store, theme: str) -> None:
    """Jobs that wait, failed and refused rows, in both themes."""
    ws = workspace(store)
    ws.request_verdicts({"verdicts": [{"baseline": "ev_a", "candidate": "ev_b"}], "theme": theme}, 4)
    refused = take(store)
    problems = [{"field": f"scores[{i}]", "value": HOSTILE, "message": "expected a number in [0, 1]"} for i in range(3)]
    store.jobs.refuse(refused, {"error": f"3 rows are wrong {HOSTILE}", "errors": problems, "n_errors": 3})
    waits = ws.request_verdicts({"verdicts": [], "theme": theme}, 4)
    context = browser.new_context(color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    watched = Watched(context, idle_server.address)
    log_in(watched, idle_server, "/jobs")
    page = watched.page
    for name, path in {
        "jobs-mixed": "/jobs",
        "job-refused": f"/jobs/{refused.id}",
        "job-waits": f"/jobs/{waits}",
    }.items():
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(idle_server.address + path)
        page.evaluate("document.querySelectorAll('[hx-get]').forEach((e) => e.removeAttribute('hx-get'))")
        assert_accessible(page)
        watched.screenshot(f"{theme}-{name}")
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path
        watched.screenshot(f"phone-{theme}-{name}")
    workspace(store).cancel_job(waits)
    context.close()
    assert watched.wrong == []
