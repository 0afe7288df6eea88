"""A test over time in a real browser: a criterion changes, a bar leads to its items, and the test is taken away as a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import nucleus
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import ARTEFACTS, Watched
from tests.support.server import ADMIN_KEY, LiveServer

N = 40
IDS = [f"h{i}" for i in range(N)]


@pytest.fixture(scope="module")
def test_path(live_server: LiveServer) -> Iterator[str]:
    """The page of a test with three models, one with a hostile name; the second was the baseline from the third on."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    dataset = client.create_dataset("Over time")
    dataset.append({"reference_id": IDS, "text": IDS, "drive": [f"drive {i // 4}" for i in range(N)]})
    function = client.validate.create_external_eval_function("crossing_recall")
    part = dataset.create_slice("Crossings", IDS)
    test = client.validate.create_scenario_test("Over time", part.id, [function])
    for i, name in enumerate(("Model 1", "Model 2", HOSTILE)):
        model = client.create_model(name, f"over-time-{i}")
        scores = [(j + 10 * i) / 100 + 0.3 for j in range(N)]
        test.upload_external_evaluation_results(function, {"item_ref_id": IDS, "score": scores}, model)
        if i == 1:
            test.set_baseline_model(model.id)
    yield f"/tests/{test.id}"
    client.close()


def test_a_criterion_change_is_a_mark_with_its_row(watched: Watched, live_server: LiveServer, test_path: str) -> None:
    """The owner sets a threshold; the chart has its line and a letter, the table below who and when."""
    log_in(watched, live_server, test_path)
    page = watched.page
    history = page.locator("section.history")
    expect(history.locator(".chart svg")).to_be_visible()
    changes = history.get_by_role("table", name="What changed")
    expect(changes.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Criterion and power of crossing_recall").click()
    page.get_by_label("Threshold").fill("0.6")
    page.get_by_role("button", name="Save criterion").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto(live_server.address + test_path)
    expect(changes.locator("tbody tr")).to_have_count(2)
    expect(changes.locator("tbody tr").first).to_contain_text("crossing_recall ≥ 0.6000")
    expect(changes.locator("tbody tr").first).to_contain_text("after result 3, the newest")
    expect(changes.locator("tbody tr").first).to_contain_text("admin")
    letters = history.locator(".chart svg text").filter(has_text="b")
    expect(letters.first).to_be_visible()
    expect(history.get_by_text("95 % interval of each single result")).to_be_visible()
    expect(page.get_by_role("heading", name="What this test can detect")).to_be_visible()
    watched.screenshot("test-history")


def test_a_bar_leads_to_its_items(watched: Watched, live_server: LiveServer, test_path: str) -> None:
    """By a click on it, and by the keyboard through the numbers below; a point of the history leads to its evaluation."""
    log_in(watched, live_server, test_path)
    page = watched.page
    page.locator("section.history .chart svg .mark-symbol.role-mark path").first.click()
    page.wait_for_url("**/evaluations/**")
    expect(page.locator("#interval")).to_contain_text("95 % interval")
    page.locator("#distribution svg .mark-rect.role-mark path").nth(6).click()
    page.wait_for_url("**score=0.3**")
    expect(page.get_by_text("Page 1 of 1 · 5 of 40 scored items")).to_be_visible()
    expect(page.get_by_role("list", name="Filters in force")).to_contain_text("0.3 ≤ score < 0.35")
    numbers = page.locator(".chart-card summary")
    numbers.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**score=0.0**")
    expect(page.get_by_text("None of 40 scored items fits the filter")).to_be_visible()


def test_the_test_as_a_file_opens_offline(
    watched: Watched, browser: Browser, live_server: LiveServer, test_path: str, tmp_path: Path
) -> None:
    """With the numbers of the page, on a phone, without anything that asks for more."""
    log_in(watched, live_server, test_path)
    page = watched.page
    results = page.locator("#evaluations tbody td:nth-of-type(2)").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="as one file").click()
    copy = tmp_path / "test.html"
    download.value.save_as(copy)
    asked: list[str] = []
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark", bypass_csp=True)
    context.set_offline(True)
    offline = context.new_page()
    offline.on("request", lambda request: asked.append(request.url))
    offline.on("console", lambda message: asked.append(message.text))
    offline.goto(copy.as_uri())
    assert offline.locator("#evaluations tbody td:nth-of-type(2)").all_inner_texts() == results and len(results) == 3
    assert (
        offline.locator("svg.drawing .point").count() == 3 and HOSTILE in offline.locator("#evaluations").inner_text()
    )
    assert offline.evaluate("document.documentElement.scrollWidth") <= 390
    assert asked == [copy.as_uri()]
    assert_accessible(offline)
    offline.screenshot(path=ARTEFACTS / "test-file.png", full_page=True)
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_are_accessible(
    browser: Browser, live_server: LiveServer, test_path: str, width: int, scheme: str
) -> None:
    """With charts drawn, in both themes, also on a phone, where nothing is wider than the page."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,
    )
    watched = Watched(context, live_server.address)
    log_in(watched, live_server, test_path)
    page = watched.page
    expect(page.locator("section.history .chart svg")).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    watched.screenshot(f"test-{width}")
    page.goto(live_server.address + str(page.locator("#evaluations td.n a").first.get_attribute("href")) + "?by=drive")
    expect(page.locator("#distribution svg")).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    watched.screenshot(f"evaluation-{width}")
    context.close()
