"""The pages in a real browser: what the SDK uploaded is what people read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import nucleus
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult, ScenarioTest
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.images import write_png
from tests.support.server import ADMIN_KEY, LiveServer, environment

N = 60


@dataclass(frozen=True)
class World:
    """What the SDK has uploaded."""

    client: nucleus.NucleusClient
    test: ScenarioTest
    good: nucleus.Model
    bad: nucleus.Model


@pytest.fixture(scope="module")
def world(live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A test with a threshold on one function and none on the other, two models, one of them partial."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    dataset = client.create_dataset("Street scenes")
    image = str(write_png(tmp_path_factory.mktemp("images") / "red.png"))
    items = [DatasetItem(image, f"i{i}", metadata={"lane": i % 3}) for i in range(4)]
    items += [DatasetItem(reference_id=f"i{i}", text=f"text {i}") for i in range(4, N - 2)]
    items += [DatasetItem("https://elsewhere.example/1.jpg", f"i{N - 2}")]
    items += [DatasetItem(reference_id=f"i{N - 1}", text=HOSTILE, metadata={HOSTILE: HOSTILE})]
    dataset.append(items)
    part = dataset.create_slice("Night", [f"i{i}" for i in range(N)])
    accuracy = client.validate.create_external_eval_function("accuracy")
    other = client.validate.create_external_eval_function("unjudged")
    test = client.validate.create_scenario_test("Pedestrians at night", part.id, [accuracy, other])
    test.get_eval_functions()[0].set_threshold(0.5)
    good = client.create_model("Careful model", "good")
    bad = client.create_model(HOSTILE, "bad")
    scores = [i / (N - 1) for i in range(N)]

    def upload(model: nucleus.Model, values: list[float]) -> None:
        results = [EvaluationResult(item_ref_id=f"i{i}", score=s) for i, s in enumerate(values)]
        test.upload_external_evaluation_results(accuracy, results, model.id)

    upload(good, [0.9] * N)
    upload(good, scores)
    upload(bad, scores[:45])
    results = [EvaluationResult(item_ref_id="i0", score=0.25)]
    test.upload_external_evaluation_results(other, results, good.id)
    yield World(client, test, good, bad)
    client.close()


def test_login_link_works_once(watched: Watched, live_server: LiveServer, browser: Browser) -> None:
    """The link that `serve` prints logs in the first who opens it."""
    watched.page.goto(live_server.login_link)
    expect(watched.page.get_by_role("heading", name="Scenario tests")).to_be_visible()
    other = browser.new_context().new_page()
    other.goto(live_server.login_link)
    expect(other.get_by_role("alert")).to_contain_text("used already")
    other.context.close()
    watched.page.get_by_role("button", name="Log out").click()
    expect(watched.page.get_by_label("API key")).to_be_visible()
    watched.page.goto(live_server.address)
    expect(watched.page).to_have_url(re.compile("/login"))


def test_wrong_key_is_explained(browser: Browser, live_server: LiveServer) -> None:
    """The page says what was wrong and lets one try again."""
    page = browser.new_page()
    page.goto(live_server.address)
    page.get_by_label("API key").fill("nv_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("does not know")
    page.close()


def test_release_matrix(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Newest results against their criteria, newest model left; no criterion and partial are not green; filters by keyboard."""
    log_in(watched, live_server)
    page = watched.page
    rows = page.locator("tbody.test", has_text="Pedestrians at night").locator("tr")
    expect(rows).to_have_count(2)
    texts = [re.sub(r"\s+", " ", text) for text in rows.all_text_contents()]
    assert re.search(
        r"accuracy ≥ 0.5000 ↘ now fails ✗ 0.3729 failed ◐partial: 45 of 60 \(75.0 %\) ✓ 0.5000 passed", texts[0]
    )
    assert re.search(r"unjudged no criterion – – 0.2500 no criterion ◐partial: 1 of 60", texts[1])
    expect(rows.nth(1).locator(".pass")).to_have_count(0)
    expect(page.get_by_role("columnheader", name=HOSTILE)).to_be_visible()
    watched.screenshot("tests")
    page.get_by_label("Search").fill("unjudged")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=unjudged"))
    expect(rows).to_have_count(1)
    expect(page.get_by_role("columnheader", name=HOSTILE)).to_be_visible()
    page.get_by_label("only failing").check()
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    page.get_by_role("link", name="Show all", exact=True).click()
    page.get_by_role("link", name="1 failed").click()
    expect(page).to_have_url(re.compile(r"/\?failing=yes$"))
    expect(rows).to_have_count(1)
    rows.get_by_role("link", name="0.3729 failed").click()
    expect(page.locator("#result")).to_have_text("0.3729")


def test_one_test(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Criteria with their history, a chart with its numbers, every upload, and code to go on with."""
    log_in(watched, live_server, f"/tests/{world.test.id}")
    page = watched.page
    expect(page.get_by_role("heading", name="Pedestrians at night")).to_be_visible()
    page.get_by_text("History of criteria (1)").click()
    expect(page.get_by_role("cell", name="accuracy ≥ 0.5000")).to_be_visible()
    chart = page.get_by_role("img", name=re.compile("accuracy over evaluations. 3 results"))
    expect(chart.locator("svg")).to_be_visible()
    table = page.locator("section", has=page.get_by_role("heading", name="Evaluations", exact=True)).locator("tbody tr")
    expect(table).to_have_count(4)
    texts = [re.sub(r"\s+", " ", text) for text in table.all_inner_texts()]
    assert "upload 1 of 1" in texts[0] and "upload 2 of 2" in texts[2] and "upload 1 of 2" in texts[3]
    assert "0.9000" in texts[3] and "✓ passed" in texts[3]
    expect(page.get_by_text(f'get_scenario_test("{world.test.id}")')).to_be_visible()
    expect(page.locator("img[alt='Item i0']")).to_be_visible()
    watched.screenshot("test")


def test_one_evaluation(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Distribution, worst first with images, paged by the server, and what is missing."""
    evaluation = world.test.get_eval_history()[2]
    log_in(watched, live_server, f"/evaluations/{evaluation.id}")
    page = watched.page
    expect(page.locator("#result")).to_have_text("0.3729")
    expect(page.get_by_text("◐ partial: 45 of 60 (75.0 %)")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Distribution of scores. 45 scores"))).to_be_visible()
    page.locator("section.chart-card summary", has_text="The numbers").click()
    counts = page.locator("section.chart-card tbody td:nth-child(3)").all_inner_texts()
    assert sum(map(int, counts)) == 45

    def scores() -> list[float]:
        return [float(text) for text in page.locator("table.items tbody td:nth-child(4)").all_inner_texts()]

    first = scores()
    assert first == [round(i / (N - 1), 4) for i in range(24)]
    expect(page.locator("img[alt='Item i0']").first).to_be_visible()
    page.get_by_role("link", name="Next →").click()
    expect(page.get_by_text("Page 2 of 2 · 45 scored items")).to_be_visible()
    expect(page).to_have_url(re.compile("page=2"))
    assert scores() == [round(i / (N - 1), 4) for i in range(24, 45)]
    page.reload()
    assert scores()[0] == round(24 / (N - 1), 4)
    page.get_by_role("link", name="Best first instead").click()
    expect(page.get_by_role("heading", name="Best first")).to_be_visible()
    assert scores()[0] == round(44 / (N - 1), 4)
    page.get_by_role("navigation", name="Metadata keys").get_by_role("link", name="lane").click()
    rows = page.locator("#breakdown tbody tr")
    expect(rows).to_have_count(4)
    texts = [re.sub(r"\s+", " ", text) for text in rows.all_inner_texts()]
    assert texts[0].startswith("1 1 0.0169 ✗ failed") and texts[1].startswith("0 2 0.0254")
    assert texts[3].startswith("– 41 ")
    page.get_by_role("link", name="Next →").click()
    expect(page).to_have_url(re.compile("page=2.*by=lane"))
    page.reload()
    expect(rows).to_have_count(4)
    missing = page.locator("section", has=page.get_by_role("heading", name="Without a score"))
    expect(missing).to_contain_text("15 members of the slice:")
    expect(missing.locator("figure")).to_have_count(15)
    watched.screenshot("evaluation")


def test_hostile_text_is_only_text(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Names, texts and metadata of users are shown as they are; the watched page saw no script run."""
    evaluation = world.test.get_eval_history()[1]
    log_in(watched, live_server, f"/evaluations/{evaluation.id}?order=best")
    expect(watched.page.locator("dl.metadata").first).to_contain_text(HOSTILE)
    assert watched.page.locator("script:not([src]):not([type='application/json'])").count() == 0
    placeholder = watched.page.locator(".placeholder", has_text="https://elsewhere.example")
    expect(placeholder.first).to_contain_text("NUCLEUS_MEDIA_ORIGINS")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_phone(browser: Browser, live_server: LiveServer, world: World, theme: str) -> None:
    """At 390 pixels no page scrolls sideways, in both themes."""
    options = {"viewport": {"width": 390, "height": 844}, "color_scheme": theme}
    context = browser.new_context(**options)  # type: ignore[arg-type]
    watched = Watched(context, live_server.address)
    log_in(watched, live_server)
    for name, path in (
        ("tests", "/"),
        ("test", f"/tests/{world.test.id}"),
        ("evaluation", f"/evaluations/{world.test.get_eval_history()[2].id}"),
        ("nowhere", "/nowhere"),
    ):
        watched.page.goto(live_server.address + path)
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390, path
        watched.screenshot(f"phone-{theme}-{name}")
    expect(watched.page.get_by_text("There is no page /nowhere")).to_be_visible()
    context.close()
    assert [text for text in watched.wrong if "404" not in text] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessibility(browser: Browser, live_server: LiveServer, world: World, theme: str) -> None:
    """axe finds nothing on any page, in either theme."""
    context = browser.new_context(color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()

    page.goto(live_server.address)
    assert_accessible(page)
    page.get_by_label("API key").fill(ADMIN_KEY)
    page.get_by_role("button", name="Log in").click()
    assert_accessible(page)
    evaluations = world.test.get_eval_history()
    for path in (f"/tests/{world.test.id}", *(f"/evaluations/{e.id}" for e in evaluations), "/nowhere"):
        page.goto(live_server.address + path)
        assert_accessible(page)
    context.close()


def test_pages_work_without_javascript(browser: Browser, live_server: LiveServer, world: World) -> None:
    """Links and forms are plain ones underneath."""
    context = browser.new_context(java_script_enabled=False)
    watched = Watched(context, live_server.address)
    log_in(watched, live_server, f"/evaluations/{world.test.get_eval_history()[1].id}")
    watched.page.get_by_role("link", name="Next →").click()
    expect(watched.page.get_by_text("Page 2 of 3 · 60 scored items")).to_be_visible()
    context.close()


def test_keyboard(watched: Watched, live_server: LiveServer, world: World) -> None:
    """The first tab stop skips to the content."""
    log_in(watched, live_server)
    watched.page.keyboard.press("Tab")
    expect(watched.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    watched.page.keyboard.press("Enter")
    expect(watched.page.locator("main")).to_be_focused()


def test_revoked_key_ends_the_session(browser: Browser, live_server: LiveServer, world: World) -> None:
    """The next page asks to log in again."""

    def operate(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("nucleus")), *arguments]
        env = environment(NUCLEUS_ENDPOINT=live_server.endpoint, NUCLEUS_API_KEY=ADMIN_KEY)
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    key = json.loads(operate("keys", "create", "browser", "--role", "viewer", "--json"))
    page = browser.new_page()
    page.goto(live_server.address)
    page.get_by_label("API key").fill(key["secret"])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("(viewer)")).to_be_visible()
    operate("keys", "revoke", key["id"], "--yes")
    page.reload()
    expect(page.get_by_label("API key")).to_be_visible()
    page.close()
