"""The pages of evaluation functions in a real browser: what is set there holds, and is remembered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

import nucleus
from nucleus import DatasetItem
from nucleus.validate import Direction, ScenarioTest
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.server import ADMIN_KEY, LiveServer


@dataclass(frozen=True)
class World:
    """A function with everything set on it, and a new one."""

    client: nucleus.NucleusClient
    test: ScenarioTest
    function_id: str
    new_id: str
    viewer_key: str
    member_key: str
    members_function_id: str


@pytest.fixture(scope="module")
def world(live_server: LiveServer) -> Iterator[World]:
    """A function that a test uses, one that nothing uses, one of another user; a viewer and a member."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    dataset = client.create_dataset("Street scenes")
    dataset.append([DatasetItem(reference_id=f"i{i}", text=f"text {i}", metadata={"scene": i // 4}) for i in range(40)])
    part = dataset.create_slice("Night", [f"i{i}" for i in range(40)])
    iou = client.validate.create_external_eval_function(
        "iou", unit="m²", description=f"Overlap of boxes.\nSecond line. {HOSTILE}"
    )
    test = client.validate.create_scenario_test("Pedestrians at night", part.id, [iou])
    test.get_eval_functions()[0].set_threshold(0.5)
    model = client.create_model(HOSTILE, "hostile")
    table = {"item_ref_id": [f"i{i}" for i in range(40)], "iou": [i / 40 for i in range(40)]}
    dataset.upload_scores({"iou": "iou"}, model, table)
    new = client.validate.create_external_eval_function("new")
    keys = {}
    for name, role in (("vera", "viewer"), ("max", "member")):
        client.create_user(name, role)
        keys[name] = client.create_api_key("browser", user_name=name).secret
    member = nucleus.NucleusClient(keys["max"], endpoint=live_server.endpoint)
    other = member.validate.create_external_eval_function("latency", direction="lower_is_better", score_range=(0, 500))
    yield World(client, test, iou.id, new.id, keys["vera"], keys["max"], other.id)
    member.close()
    client.close()


def squeezed(texts: list[str]) -> list[str]:
    """With single blanks."""
    return [re.sub(r"\s+", " ", text).strip() for text in texts]


def test_list_of_functions(watched: Watched, live_server: LiveServer, world: World) -> None:
    """One's own with what is set on them, then the public ones."""
    log_in(watched, live_server)
    watched.page.get_by_role("navigation", name="Main").get_by_role("link", name="Functions").click()
    tables = watched.page.locator("main table")
    own = squeezed(tables.nth(0).locator("tbody tr").all_inner_texts())
    assert len(own) == 3
    assert own[0].startswith("iou Overlap of boxes.") and own[0].endswith("external higher is better [0, 1] m² 1 admin")
    assert own[1] == "latency external lower is better [0, 500] – 0 max"
    public = squeezed(tables.nth(1).locator("tbody tr").all_inner_texts())
    assert "bbox_iou public higher is better [0, 1] – 0 –" in public
    watched.screenshot("functions")


def test_a_property_is_set_by_the_form(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Mistakes are explained beside the field and nothing typed is lost; what is saved is in the history of all."""
    path = f"/functions/{world.function_id}"
    log_in(watched, live_server, path)
    page = watched.page
    expect(page.get_by_text("Scores that were uploaded never change")).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value(f"Overlap of boxes.\nSecond line. {HOSTILE}")
    page.get_by_label("Highest score").fill("hundred")
    page.get_by_label("Unit").fill("")
    page.get_by_label("Direction").select_option("lower is better")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved: 1 field below")
    field = page.get_by_label("Highest score")
    expect(field).to_have_value("hundred")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#score_max-problem")).to_have_text("✗ expected a number such as 0.5, got 'hundred'")
    expect(page.get_by_label("Unit")).to_have_value("")
    expect(page.get_by_label("Direction")).to_have_value("lower_is_better")
    watched.screenshot("function-refused")
    assert world.client.validate.get_eval_function_history(world.function_id) == []
    watched.wrong = [text for text in watched.wrong if "422" not in text]
    # Meanwhile somebody else sets what this form shows as it was.
    world.client.validate.set_eval_function_properties(world.function_id, default_cluster_key="scene")
    field.fill("100")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    rows = squeezed(page.locator("#history tbody tr").all_inner_texts())
    assert [re.sub(r"^\S+ \S+ ", "", row) for row in rows] == [
        "admin score range [0, 1] [0, 100]",
        "admin direction higher is better lower is better",
        "admin unit m² –",
        "admin default cluster key – scene",
    ]
    facts = squeezed(page.locator("dl.facts .big").all_inner_texts())
    assert facts == ["lower is better", "[0, 100]", "–", "scene"]
    expect(page.get_by_role("cell", name="≥ 0.5000")).to_be_visible()
    watched.screenshot("function")
    entry = world.client.validate.eval_functions.external_functions["iou"].eval_func_entry
    assert (entry.direction, entry.score_range, entry.unit) == (Direction.LOWER_IS_BETTER, (0, 100), None)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Nothing was changed.")
    page.get_by_role("link", name="Pedestrians at night").click()
    page.get_by_text("History of criteria (5)").click()
    expect(page.get_by_role("cell", name="iou: score range [0, 1] → [0, 100]")).to_be_visible()
    expect(page.get_by_role("cell", name="iou: unit m² → not set")).to_be_visible()
    watched.screenshot("test-criteria")
    page.get_by_role("rowheader", name="iou").get_by_role("link").click()
    expect(page).to_have_url(live_server.address + path)
    page.locator("table.uploads tbody tr").get_by_role("link").click()
    expect(page.get_by_role("heading", name=f"Scores of {HOSTILE}")).to_be_visible()


def test_only_the_owner_or_an_admin_has_the_form(browser: Browser, live_server: LiveServer, world: World) -> None:
    """Others are told who may; sending the form all the same changes nothing."""
    for key, path, reason in (
        (world.viewer_key, world.function_id, "Viewers change nothing: admin or an admin can set these properties."),
        (world.member_key, world.function_id, "Only admin, who owns this function, or an admin can set"),
        (world.viewer_key, world.members_function_id, "Viewers change nothing: max or an admin"),
    ):
        context = browser.new_context()
        watched = Watched(context, live_server.address)
        log_in(watched, live_server, f"/functions/{path}", key=key)
        expect(watched.page.locator("#properties")).to_contain_text(reason)
        expect(watched.page.locator("main form")).to_have_count(0)
        expect(watched.page.locator("main input, main select, main textarea")).to_have_count(0)
        assert watched.wrong == []
        context.close()
    context = browser.new_context()
    watched = Watched(context, live_server.address)
    log_in(watched, live_server, f"/functions/{world.members_function_id}", key=world.member_key)
    expect(watched.page.locator("#properties form")).to_have_count(1)
    context.close()


def test_new_function_says_how_to_upload(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Empty states hold code for this function."""
    log_in(watched, live_server, f"/functions/{world.new_id}")
    page = watched.page
    expect(page.get_by_text("No scenario test uses it yet.")).to_be_visible()
    expect(page.get_by_text("Nothing was changed since it was made.")).to_be_visible()
    expect(page.locator("code", has_text='upload_scores({"new": "score"}')).to_be_visible()
    watched.screenshot("function-new")


def test_the_form_works_without_javascript_and_by_keyboard(
    browser: Browser, live_server: LiveServer, world: World
) -> None:
    """It is a plain form."""
    context = browser.new_context(java_script_enabled=False)
    watched = Watched(context, live_server.address)
    log_in(watched, live_server, f"/functions/{world.new_id}")
    watched.page.get_by_label("Unit").fill("ms")
    watched.page.keyboard.press("Enter")
    expect(watched.page.get_by_role("status")).to_contain_text("Saved.")
    context.close()
    assert watched.wrong == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_and_accessible(browser: Browser, live_server: LiveServer, world: World, theme: str) -> None:
    """At 390 pixels nothing scrolls sideways, and axe finds nothing, in both themes."""
    paths = {
        "functions": "/functions",
        "function": f"/functions/{world.function_id}",
        "function-new": f"/functions/{world.new_id}",
    }
    context = browser.new_context(color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    watched = Watched(context, live_server.address)
    log_in(watched, live_server)
    public = next(f.id for f in world.client.validate.eval_functions.public_functions.values())
    paths["function-public"] = f"/functions/{public}"
    for name, path in paths.items():
        watched.page.set_viewport_size({"width": 1280, "height": 900})
        watched.page.goto(live_server.address + path)
        if name == "function-new":
            watched.page.get_by_label("Lowest score").fill("2")
            watched.page.get_by_role("button", name="Save").click()
            expect(watched.page.get_by_role("alert")).to_be_visible()
        assert_accessible(watched.page)
        watched.screenshot(f"{theme}-{name}")
        watched.page.set_viewport_size({"width": 390, "height": 844})
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390, path
        watched.screenshot(f"phone-{theme}-{name}")
    context.close()
    assert [text for text in watched.wrong if "422" not in text] == []
