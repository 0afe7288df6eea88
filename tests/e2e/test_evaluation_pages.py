"""From a failure to its own test, in a browser: narrow the worst items down, look at them, save them as a slice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

import nucleus
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.images import write_png
from tests.support.server import ADMIN_KEY, LiveServer

N = 60


@dataclass(frozen=True)
class World:
    """What the SDK has uploaded, and the address of the evaluation."""

    client: nucleus.NucleusClient
    dataset: nucleus.Dataset
    path: str


@pytest.fixture(scope="module")
def world(live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Sixty items in rain and sun, one with a hostile name, fifty of them scored."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    dataset = client.create_dataset("Worst items")
    image = str(write_png(tmp_path_factory.mktemp("images") / "red.png"))
    dataset.append(
        [
            DatasetItem(image, f"w{i}", metadata={"weather": "rain" if i % 2 else "sun", "speed": i / 2})
            for i in range(N - 1)
        ]
        + [DatasetItem(image, HOSTILE, metadata={"weather": HOSTILE})]
    )
    ids = [f"w{i}" for i in range(N - 1)] + [HOSTILE]
    part = dataset.create_slice("All of them", ids)
    function = client.validate.create_external_eval_function("worst_iou")
    test = client.validate.create_scenario_test("Worst items", part.id, [function])
    test.get_eval_functions()[0].set_threshold(0.3)
    model = client.create_model("Worst items", "worst-items")
    results = [EvaluationResult(item_ref_id=ref, score=i / 100) for i, ref in enumerate(ids) if i >= 10]
    test.upload_external_evaluation_results(function, results, model.id)
    yield World(client, dataset, f"/evaluations/{test.get_eval_history()[0].id}")
    client.close()


def test_from_why_it_failed_to_a_slice_of_it(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Breakdown, one value, a filter, the gallery, and a slice of the worst three; the address holds all of it."""
    log_in(watched, live_server, world.path)
    page = watched.page
    page.get_by_role("navigation", name="Metadata keys").get_by_role("link", name="weather").click()
    page.locator("#breakdown").get_by_role("link", name="rain").click()
    expect(page.get_by_text("Page 1 of 1 · 24 of 50 scored items")).to_be_visible()
    page.get_by_role("button", name="Filter").focus()
    page.get_by_label("Score to").fill("0.2")
    page.get_by_label("Metadata", exact=True).select_option("speed")
    page.get_by_label("Comparison").select_option(label=">")
    page.get_by_label("Value", exact=True).fill("5.5")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Page 1 of 1 · 4 of 50 scored items")).to_be_visible()
    expect(page.get_by_role("list", name="Filters in force").get_by_role("listitem")).to_have_count(4)
    page.get_by_role("link", name="Best first instead").click()
    expect(page.get_by_role("heading", name="Best first")).to_be_visible()
    page.get_by_role("link", name="Worst first instead").click()
    expect(page.get_by_role("heading", name="Worst first")).to_be_visible()
    page.get_by_role("link", name="Gallery").click()
    expect(page.locator(".gallery li")).to_have_count(4)
    expect(page.locator(".gallery img").first).to_be_visible()
    expect(page.locator(".gallery li").first).to_contain_text("0.1300 ✗ failed")
    watched.screenshot("evaluation-gallery")
    page.get_by_text("Save these items as a slice").click()
    page.get_by_label("Name", exact=True).fill("Worst in the rain")
    page.get_by_label("How many").fill("3")
    page.get_by_role("button", name="Save as a slice").click()
    expect(page.get_by_role("status")).to_contain_text("Worst in the rain")
    expect(page.get_by_role("status")).to_contain_text("3 items")
    (made,) = [part for part in world.dataset.slices if part.name == "Worst in the rain"]
    assert [item.reference_id for item in made.items] == ["w13", "w15", "w17"]
    page.get_by_role("status").get_by_role("link", name="Worst in the rain").click()
    expect(page.get_by_role("heading", name="Worst in the rain")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Remove speed>5.5").click()
    expect(page).not_to_have_url(re.compile("speed"))
    expect(page.locator(".gallery li")).to_have_count(5)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lists_are_accessible_and_fit_a_phone(
    browser: Browser, live_server: LiveServer, world: World, theme: str
) -> None:
    """Table, gallery, a filter that shows nothing and one that is refused, at 390 pixels and under axe."""
    options = {"viewport": {"width": 390, "height": 844}, "color_scheme": theme, "bypass_csp": True}
    context = browser.new_context(**options)  # type: ignore[arg-type]
    watched = Watched(context, live_server.address)
    log_in(watched, live_server)
    for name, query in (
        ("table", "by=weather&where=weather!%3Drain&order=a-z"),
        ("gallery", "view=gallery"),
        ("nothing", "where=weather%3Dsnow"),
        ("refused", "where=nonsense"),
    ):
        watched.page.goto(f"{live_server.address}{world.path}?{query}")
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390, query
        assert_accessible(watched.page)
        watched.screenshot(f"phone-{theme}-evaluation-{name}")
    context.close()
    assert [text for text in watched.wrong if "422" not in text] == []
