"""Releases in a real browser: blocked, waived, approved, and then the baseline."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import nucleus
from nucleus import DatasetItem
from nucleus.validate import ScenarioTest
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.images import write_png
from tests.support.server import ADMIN_KEY, LiveServer

N = 90


@dataclass(frozen=True)
class World:
    """A baseline and two candidates on two tests."""

    client: nucleus.NucleusClient
    night: ScenarioTest
    worse_id: str
    viewer_key: str


def build(client: nucleus.NucleusClient, image: Path, endpoint: str) -> World:
    """Thirty drives; the candidate is worse at night only; there is a third model and a viewer."""
    dataset = client.create_dataset("Street scenes")
    items = [DatasetItem(str(image), "i0", metadata={"drive": "d0"})]
    items += [
        DatasetItem(reference_id=f"i{i}", text=f"text {i}", metadata={"drive": f"d{i // 3}"}) for i in range(1, N)
    ]
    dataset.append(items)
    dataset.set_cluster_key("drive")
    iou = client.validate.create_external_eval_function("iou")
    parts = {
        name: dataset.create_slice(name, [f"i{i}" for i in ids])
        for name, ids in (("Night", range(45)), (HOSTILE, range(45, N)))
    }
    tests = {name: client.validate.create_scenario_test(name, part.id, [iou]) for name, part in parts.items()}
    for test in tests.values():
        test.get_eval_functions()[0].set_rule(margin=0.05)
    models = {name: client.create_model(name, name) for name in ("perception 1", "perception 2")}
    for name, night in (("perception 1", 0.8), ("perception 2", 0.6)):
        rng = random.Random(name)
        scores = [min(rng.gauss(night if i < 45 else 0.8, 0.04), 1.0) for i in range(N)]
        dataset.upload_scores({"iou": "iou"}, models[name], {"item_ref_id": [f"i{i}" for i in range(N)], "iou": scores})
    for test in tests.values():
        test.set_baseline_model(models["perception 1"].id)
    tests["Night"].set_blocking(True)
    client.create_user("vera", "viewer")
    viewer_key = client.create_api_key("browser", user_name="vera").secret
    return World(client, tests["Night"], models["perception 2"].id, viewer_key)


@pytest.fixture(scope="module")
def world(live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """What the SDK has uploaded."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    yield build(client, write_png(tmp_path_factory.mktemp("images") / "red.png"), live_server.endpoint)
    client.close()


def test_blocked_waived_approved_and_the_new_baseline(watched: Watched, live_server: LiveServer, world: World) -> None:
    """From the question to the answer, and what remains of it."""
    log_in(watched, live_server)
    page = watched.page
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Releases").click()
    page.get_by_role("link", name="New report").click()
    page.get_by_label("Candidate").select_option("perception 2")
    page.get_by_role("button", name="Show the report").click()
    expect(page.locator(".sentence")).to_have_text(
        "✗ failed perception 2 must not be released: 1 of 2 criteria fails (iou on Night)."
    )
    rows = [re.sub(r"\s+", " ", text) for text in page.locator("#entries tbody tr").all_inner_texts()]
    assert rows[0].startswith("✗ failed Night iou blocks releases") and "▼ worse" in rows[0] and "(Holm)" in rows[0]
    assert "15 clusters by drive (from the dataset)" in rows[0] and rows[1].startswith(f"✓ passed {HOSTILE} iou")
    expect(page.locator("#top-items tbody tr")).to_have_count(3)
    watched.screenshot("report")
    page.get_by_label("Name of the release").fill("2027.1")
    page.get_by_role("button", name="Start a release from this report").click()

    expect(page.get_by_role("heading", name="2027.1")).to_be_visible()
    expect(page.locator("#decision-card")).to_contain_text("1 of 2 criteria fails without a waiver (iou on Night)")
    page.get_by_label("Note").fill("Looks fine to me.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert").first).to_contain_text("fails without a waiver")
    expect(page.get_by_label("Note")).to_have_value("Looks fine to me.")
    watched.wrong = [text for text in watched.wrong if "409" not in text]

    page.get_by_text("Waive iou on Night").click()
    page.get_by_label("Reason").fill(f"Known since May {HOSTILE}")
    page.get_by_label("Until the end of").fill(f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}")
    page.get_by_role("button", name="Waive").click()
    expect(page.get_by_role("status")).to_contain_text("Waived.")
    expect(page.locator("#entries .waiver")).to_contain_text(f"Known since May {HOSTILE}")
    expect(page.locator("#decision-card")).to_contain_text("can be approved")
    watched.screenshot("release-waived")
    page.get_by_label("Note").fill("With the waiver.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_contain_text("Approved.")
    expect(page.locator("#decision-card")).to_contain_text("With the waiver.")
    page.get_by_role("button", name="Make the candidate the baseline of these tests").click()
    expect(page.get_by_role("status")).to_contain_text("now the baseline")
    watched.screenshot("release-approved")
    page.goto(f"{live_server.address}/tests/{world.night.id}")
    expect(page.locator(".heading")).to_contain_text("baseline perception 2")
    expect(page.locator("#waivers")).to_contain_text("Known since May")

    page.get_by_role("navigation", name="Main").get_by_text("More", exact=True).click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Audit log").click()
    done = page.locator("tbody th").all_inner_texts()
    assert done[:4] == ["release: promote", "release: approved", "waiver: create", "release: create"]
    watched.screenshot("audit")
    page.get_by_role("navigation", name="Main").get_by_text("More", exact=True).click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Waivers").click()
    watched.screenshot("waivers")
    page.get_by_role("button", name="Revoke the waiver of iou on Night").click()
    expect(page.get_by_role("status")).to_contain_text("Revoked.")
    expect(page.locator("tbody .verdict")).to_have_text("✗ revoked")


def test_viewers_read_all_and_change_nothing(browser: Browser, live_server: LiveServer, world: World) -> None:
    """They see an open release, and who can decide it."""
    release = world.client.validate.create_release("open", world.worse_id)
    context = browser.new_context()
    watched = Watched(context, live_server.address)
    log_in(watched, live_server, f"/releases/{release.id}", key=world.viewer_key)
    expect(watched.page.locator("#decision-card")).to_contain_text("Viewers decide nothing")
    expect(watched.page.locator("#entries tbody tr")).to_have_count(2)
    for path in (f"/releases/{release.id}", f"/report?model={world.worse_id}", "/waivers", f"/tests/{world.night.id}"):
        watched.page.goto(live_server.address + path)
        expect(watched.page.locator("main form[method=post]")).to_have_count(0)
    context.close()
    assert watched.wrong == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_and_accessible(browser: Browser, live_server: LiveServer, world: World, theme: str) -> None:
    """At 390 pixels nothing scrolls sideways, and axe finds nothing, in both themes; without a result the forms are there."""
    releases = world.client.validate.releases()
    context = browser.new_context(color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    watched = Watched(context, live_server.address)
    log_in(watched, live_server)
    for name, path in {
        "report-form": "/report",
        "report": f"/report?model={world.worse_id}",
        "releases": "/releases",
        **{f"release-{release.status}": f"/releases/{release.id}" for release in releases},
        "waivers": "/waivers",
        "audit": "/audit",
    }.items():
        watched.page.set_viewport_size({"width": 1280, "height": 900})
        watched.page.goto(live_server.address + path)
        for summary in watched.page.locator("main summary").all():
            summary.click()
        assert_accessible(watched.page)
        watched.screenshot(f"{theme}-{name}")
        watched.page.set_viewport_size({"width": 390, "height": 844})
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390, path
        watched.screenshot(f"phone-{theme}-{name}")
    context.close()
    assert watched.wrong == []
