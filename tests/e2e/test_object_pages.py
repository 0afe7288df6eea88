"""Items, datasets, slices, models, jobs and settings in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

import nucleus
from nucleus import DatasetItem
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.images import write_png
from tests.support.server import ADMIN_KEY, LiveServer


@dataclass(frozen=True)
class World:
    """Two models on a test of forty items, with hostile names."""

    dataset_path: str
    slice_path: str
    model_path: str


@pytest.fixture(scope="module")
def world(live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The second model is worse, and the first item, which has an image, always fails."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    dataset = client.create_dataset(f"Harbour {HOSTILE}")
    ids = [f"ship {i} {HOSTILE if i == 1 else ''}".strip() for i in range(40)]
    image = write_png(tmp_path_factory.mktemp("images") / "a.png")
    dataset.append(
        [
            DatasetItem(reference_id=r, image_location=str(image), metadata={"scene": "s0"})
            if i == 0
            else DatasetItem(reference_id=r, text=f"text {HOSTILE}", metadata={"scene": f"s{i // 4}", "note": HOSTILE})
            for i, r in enumerate(ids)
        ]
    )
    part = dataset.create_slice(f"Fog {HOSTILE}", ids)
    function = client.validate.create_external_eval_function("sharpness")
    test = client.validate.create_scenario_test(f"Ships {HOSTILE}", part.id, [function])
    test.get_eval_functions()[0].set_threshold(0.5)
    models = [client.create_model(f"{name} {HOSTILE}", f"objects-{name}", tags=["night"]) for name in ("good", "bad")]
    for i, model in enumerate(models):
        scores = [0.1, *(0.9 - 0.5 * i + j / 1000 for j in range(39))]
        dataset.upload_scores({"sharpness": "s"}, model, {"item_ref_id": ids, "s": scores})
    yield World(f"/datasets/{dataset.id}", f"/slices/{part.id}", f"/models/{models[1].id}")
    client.close()


def test_from_a_filter_to_a_slice_to_an_item(watched: Watched, live_server: LiveServer, world: World) -> None:
    """What matches is saved, its members are looked at one after the other, and the image grows by a link."""
    log_in(watched, live_server, world.dataset_path)
    page = watched.page
    page.get_by_label("Metadata key").select_option("scene")
    page.get_by_label("Its value").fill("s0")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#items figure")).to_have_count(4)
    page.get_by_label("Name of the slice").fill(HOSTILE)
    page.get_by_role("button", name="Save all 4 items").click()
    expect(page.get_by_role("status")).to_have_text("Saved: 4 items added.")
    watched.screenshot("slice")
    page.locator("#members").get_by_role("link", name="ship 0", exact=True).click()  # files are added after texts
    expect(page.get_by_role("heading", level=1)).to_contain_text("always fails")
    expect(page.locator("#item-history svg")).to_be_visible()
    page.get_by_role("navigation", name="Size of the image").get_by_role("link", name="2×").click()
    expect(page.locator("#zoom-now")).to_have_text("200 % of fitted")
    watched.screenshot("item")
    page.get_by_role("navigation", name="Neighbours").get_by_role("link", name="← ship 3").click()
    expect(page.locator(".item-text")).to_have_text(f"text {HOSTILE}")
    expect(page.get_by_text("item 3 of 4 of slice")).to_be_visible()


def test_an_image_is_zoomed_and_panned(watched: Watched, live_server: LiveServer, world: World) -> None:
    """By keyboard and by mouse; what is seen is in the address, so that a link shows it again."""
    log_in(watched, live_server, f"{world.dataset_path}?text=ship+0")
    page = watched.page
    page.locator("#items figcaption a").click()
    stage = page.locator(".stage.live")
    expect(page.locator("#zoom-now")).to_have_text("100 % of fitted")
    stage.focus()
    for _ in range(8):
        page.keyboard.press("+")
    expect(page.locator("#zoom-now")).to_have_text("596 % of fitted")
    page.wait_for_url("**zoom=5.96**")
    zoomed = page.url
    box = stage.bounding_box()
    assert box is not None
    before = stage.evaluate("e => e.scrollLeft")
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 60, steps=4)
    page.mouse.up()
    assert stage.evaluate("e => e.scrollLeft") == before + 80
    page.wait_for_url(lambda url: url != zoomed)
    address = page.url
    page.goto(address)
    expect(page.locator("#zoom-now")).to_have_text("596 % of fitted")
    page.wait_for_function("left => Math.abs(document.querySelector('.stage').scrollLeft - left) < 3", arg=before + 80)
    page.locator(".stage.live").focus()
    page.keyboard.press("0")
    page.wait_for_url(lambda url: "zoom" not in url)
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    expect(page.locator("#zoom-now")).to_have_text("272 % of fitted")


def test_ticked_items_become_a_slice_that_grows(watched: Watched, live_server: LiveServer, world: World) -> None:
    """From ticks to a slice, from its versions to what a step added, from there to a file."""
    log_in(watched, live_server, f"{world.dataset_path}?key=scene&value=s2")
    page = watched.page
    page.get_by_label("tick ship 8").check()
    page.get_by_label("tick ship 9").check()
    expect(page.locator("[data-ticked]")).to_have_text("(2 now)")
    page.get_by_label("Name of the slice").fill("ticked")
    page.get_by_role("button", name="Save the ticked items").click()
    expect(page.get_by_role("status")).to_have_text("Saved: 2 items added.")
    page.goto(live_server.address + f"{world.dataset_path}?key=scene&value=s5")
    page.get_by_label("tick all items of this page").check()
    page.get_by_label("Or add to").select_option(label="ticked (2)")
    page.get_by_role("button", name="Save the ticked items").click()
    page.get_by_role("link", name="What the +4 members are").click()
    expect(page.get_by_role("status")).to_have_text("4 items only in ticked; 2 in both.")
    page.get_by_role("navigation", name="Metadata keys").get_by_role("link", name="scene").click()
    expect(page.locator("#composition tbody tr").first).to_contain_text("s5")
    watched.screenshot("slice-difference")
    with page.expect_download() as started:
        page.locator("#items").get_by_role("link", name="CSV").click()
    assert started.value.suggested_filename.startswith("difference-slc_")
    assert len(started.value.path().read_text().splitlines()) == 7


def test_a_key_is_made_and_ends_by_keyboard(watched: Watched, live_server: LiveServer, world: World) -> None:
    """The settings are behind More, which a keyboard opens."""
    log_in(watched, live_server)
    page = watched.page
    page.get_by_role("navigation", name="Main").locator("summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").press("Enter")
    page.get_by_label("Name of the key").fill("browser test")
    page.keyboard.press("Enter")
    expect(page.locator("#secret code")).to_contain_text("nv_")
    row = page.locator("#keys tr", has_text="browser test")
    row.locator("summary").press("Enter")
    row.get_by_role("button", name="Revoke for ever").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Revoked")
    expect(page.locator("#keys tr", has_text="browser test")).to_contain_text("revoked")


def test_a_user_gets_a_key_and_is_kept_out(watched: Watched, live_server: LiveServer, world: World) -> None:
    """By an admin, on one page; the key is shown once, and the user's row says what is in force."""
    log_in(watched, live_server, "/settings")
    page = watched.page
    page.get_by_label("Name of the user").fill("Max of QA")
    page.get_by_role("button", name="Make a user").click()
    expect(page.get_by_role("status")).to_contain_text("Make a key for them next")
    page.get_by_label("Name of the key").fill("night runs")
    page.get_by_label("User", exact=True).select_option("Max of QA")
    page.locator("#new-key").get_by_label("Role").select_option("member")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("heading", name="The new key of Max of QA")).to_be_visible()
    page.locator("summary[aria-label='Deactivate Max of QA']").click()
    page.get_by_role("button", name="Keep the user out").click()
    expect(page.locator("#users tr", has_text="Max of QA")).to_contain_text("deactivated")
    watched.screenshot("settings-users")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_and_accessible(browser: Browser, live_server: LiveServer, world: World, theme: str) -> None:
    """At 390 pixels nothing scrolls sideways, and axe finds nothing, in both themes."""
    context = browser.new_context(color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    watched = Watched(context, live_server.address)
    log_in(watched, live_server, world.slice_path)
    page = watched.page
    page.locator("#members figcaption a").first.click()
    paths = {
        "item": page.url.removeprefix(live_server.address),
        "datasets": "/datasets",
        "dataset": world.dataset_path,
        "metadata": f"{world.dataset_path}/metadata?key=scene",
        "slice": world.slice_path,
        "difference": f"{world.slice_path}/difference?from=10&by=scene",
        "matrix": "/",
        "audit": "/audit",
        "models": "/models?separate=yes",
        "model": world.model_path,
        "jobs": "/jobs",
        "settings": "/settings",
    }
    for name, path in paths.items():
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(live_server.address + path)
        page.locator("nav.main summary").click()
        assert_accessible(page)
        watched.screenshot(f"{theme}-{name}")
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path
        if theme == "light":
            watched.screenshot(f"phone-{name}")
    context.close()
    assert watched.wrong == []
