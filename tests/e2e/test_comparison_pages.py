"""Models beside each other in a real browser: an area of the chart becomes a list, and the list a slice."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

import nucleus
from nucleus import DatasetItem
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.server import ADMIN_KEY, LiveServer

N = 60


@dataclass(frozen=True)
class World:
    """Addresses of what the SDK has uploaded."""

    pair: str
    models: str
    suite: str
    test: str


@pytest.fixture(scope="module")
def world(live_server: LiveServer) -> Iterator[World]:
    """A baseline and two candidates on two tests, one of them a good deal worse on some items; names are hostile."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    dataset = client.create_dataset("Streets")
    ids = [f"i{i}" for i in range(N - 1)] + [HOSTILE]
    dataset.append(
        [
            DatasetItem(reference_id=ref, text=HOSTILE, metadata={"weather": HOSTILE if i % 3 else "sun"})
            for i, ref in enumerate(ids)
        ]
    )
    function = client.validate.create_external_eval_function("iou")
    tests = [
        client.validate.create_scenario_test(name, dataset.create_slice(name, part).id, [function])
        for name, part in (("Night", ids), ("Dawn", ids[: N // 2]))
    ]
    models = [client.create_model(name, f"m{i}") for i, name in enumerate(("Careful", "Bold", HOSTILE))]
    rng = random.Random(4)
    base = [rng.uniform(0.55, 0.95) for _ in ids]
    for shift, model in zip((0.0, -0.3, 0.01), models, strict=True):
        scores = [min(1.0, max(0.0, s + (shift if i % 4 == 0 else 0.002))) for i, s in enumerate(base)]
        dataset.upload_scores({"iou": "iou"}, model, {"item_ref_id": ids, "iou": scores})
    for test in tests:
        test.set_baseline_model(models[0].id)
    history = {e.model_id: e.id for e in tests[0].get_eval_history()}
    candidates = ",".join(model.id for model in models[1:])
    yield World(
        pair=f"/compare/{history[models[0].id]}/{history[models[1].id]}",
        models=f"/tests/{tests[0].id}/compare?models={candidates}",
        suite=f"/compare?baseline=own&models={candidates}",
        test=f"/tests/{tests[0].id}",
    )
    client.close()


def test_an_area_of_the_chart_becomes_a_slice(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Drag over the lower half: the address and the list follow; the list is saved, and the slice has those items."""
    log_in(watched, live_server, world.pair)
    page = watched.page
    chart = page.locator("#scatter .chart svg")
    expect(chart).to_be_visible()
    plot = chart.locator("g.mark-group.role-frame .background").first
    box = plot.bounding_box()
    assert box is not None
    chart.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    with page.expect_response(lambda r: "a_min=" in r.url):
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.98 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
        page.mouse.move(box["x"] + 0.99 * box["width"], box["y"] + 0.4 * box["height"], steps=4)
        page.mouse.up()
    chips = page.get_by_role("list", name="Filters in force").get_by_role("listitem")
    expect(chips).to_have_count(3)
    expect(page).to_have_url(re.compile(r"\?a=[\d.]+\.\.[\d.]+&b=[\d.]+\.\.[\d.]+$"))
    label = page.locator("#items nav[aria-label=Pages]").inner_text()
    n = int(re.findall(r"(\d+) of 60 compared items", label)[0])
    assert 0 < n < N
    watched.screenshot("compare-brush")
    address = page.url
    page.reload()
    expect(chips).to_have_count(3)  # a link is a finding
    expect(page.locator("#scatter .chart svg")).to_be_visible()
    assert page.url == address
    page.get_by_text("Save these items as a slice").click()
    page.get_by_label("Name", exact=True).fill("Lost by Bold")
    page.get_by_role("button", name="Save as a slice").click()
    note = page.locator("#items").get_by_role("status")
    expect(note).to_contain_text(f"Lost by Bold with {n} item")
    note.get_by_role("link", name="Lost by Bold").click()
    expect(page.get_by_role("heading", name="Lost by Bold")).to_be_visible()


def test_the_same_by_keyboard(watched: Watched, live_server: LiveServer, world: World) -> None:
    """A cell of the table is a link to its items; four numbers do what the mouse does; sorting stays in the address."""
    log_in(watched, live_server, world.pair)
    page = watched.page
    cell = page.locator("table.grid a").first
    n = int(cell.inner_text())
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#items tbody tr")).to_have_count(n)
    page.get_by_role("link", name="Show all").first.click()
    page.get_by_text("Narrow down by scores").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Bold to").fill("0.5")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?b=\.\.0\.5$"))
    expect(page.get_by_role("list", name="Filters in force")).to_contain_text("Bold ≤ 0.5")
    page.get_by_role("link", name="most against the candidate").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"sort=against"))
    expect(page.get_by_role("heading", name="What speaks most against the candidate first")).to_be_visible()


def test_from_a_test_to_several_models(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Check boxes on the test's page; each candidate leads to its items, to the two alone, and over the suite."""
    log_in(watched, live_server, world.test)
    page = watched.page
    for box in page.locator("#compare-models input[type=checkbox]").all():
        box.check()
    page.locator("#compare-models").get_by_role("button", name="Compare").click()
    rows = page.locator("#models tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Careful")
    rows.filter(has_text="Bold").get_by_role("link", name="15 worse").click()
    expect(page.locator("#items tbody tr")).to_have_count(15)
    page.goto(live_server.address + world.suite)
    expect(page.locator("#worse tbody tr")).not_to_have_count(0)
    page.locator("#worse tbody a", has_text="iou on Dawn").first.click()
    expect(page.get_by_role("list", name="Filters in force")).to_contain_text("worse by Bold")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_and_accessible(browser: Browser, live_server: LiveServer, world: World, theme: str) -> None:
    """At 390 pixels nothing scrolls sideways, and axe finds nothing, in both themes."""
    context = browser.new_context(color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    watched = Watched(context, live_server.address)
    log_in(watched, live_server)
    for name, path in {"pair": world.pair, "models": world.models, "suite": world.suite}.items():
        watched.page.set_viewport_size({"width": 1280, "height": 900})
        watched.page.goto(live_server.address + path)
        assert_accessible(watched.page)
        watched.screenshot(f"{theme}-compare-{name}")
        watched.page.set_viewport_size({"width": 390, "height": 844})
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390, path
        watched.screenshot(f"phone-{theme}-compare-{name}")
    context.close()
    assert watched.wrong == []
