"""Comparisons, criteria and cluster keys in a real browser."""

from __future__ import annotations

import random
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, expect

import nucleus
from nucleus import DatasetItem
from nucleus.validate import ScenarioTest
from nucleus_server.app import create_app, open_services
from nucleus_server.config import load_settings
from nucleus_server.dashboard.pages import comparing
from nucleus_server.services.worker import Worker
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.images import write_png
from tests.support.server import ADMIN_KEY, LiveServer

N = 60


@dataclass(frozen=True)
class World:
    """Two models on one test."""

    client: nucleus.NucleusClient
    dataset: nucleus.Dataset
    test: ScenarioTest
    function_id: str
    compare_path: str


def build(client: nucleus.NucleusClient, image: Path) -> World:
    """Twenty drives of three items; the candidate is worse, and lacks five scores; names are hostile."""
    dataset = client.create_dataset("Street scenes")
    weather = ["sun", "rain", HOSTILE]
    items = [
        DatasetItem(str(image), f"i{i}", metadata={"drive": f"d{i // 3}", "weather": weather[i % 3]}) for i in range(6)
    ]
    items += [
        DatasetItem(reference_id=f"i{i}", text=HOSTILE, metadata={"drive": f"d{i // 3}", "weather": weather[i % 3]})
        for i in range(6, N)
    ]
    dataset.append(items)
    dataset.set_cluster_key("drive")
    part = dataset.create_slice("Night", [f"i{i}" for i in range(N)])
    function = client.validate.create_external_eval_function("error", unit="m", direction="lower_is_better")
    test = client.validate.create_scenario_test(f"Night {HOSTILE}", part.id, [function])
    test.get_eval_functions()[0].set_rule(margin=0.02)
    models = [client.create_model(name, f"m{i}") for i, name in enumerate(("Careful model", HOSTILE))]
    for seed, (model, mean, n) in enumerate(((models[0], 0.2, N), (models[0], 0.21, N), (models[1], 0.3, N - 5))):
        rng = random.Random(seed)
        scores = [abs(rng.gauss(mean, 0.05)) for _ in range(n)]
        table = {"item_ref_id": [f"i{i}" for i in range(n)], "error": scores}
        dataset.upload_scores({"error": "error"}, model, table, min_coverage=0.5)
    test.set_baseline_model(models[0].id)
    history = test.get_eval_history()
    path = f"/compare/{history[1].id}/{history[2].id}"
    return World(client, dataset, test, function.id, path)


@pytest.fixture(scope="module")
def world(live_server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """What the SDK has uploaded."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    yield build(client, write_png(tmp_path_factory.mktemp("images") / "red.png"))
    client.close()


def test_from_a_test_to_why(watched: Watched, live_server: LiveServer, world: World) -> None:
    """The verdict with its interval drawn and in a table, and what makes the difference; all of it is in the address."""
    log_in(watched, live_server, f"/tests/{world.test.id}")
    page = watched.page
    expect(page.locator("#power tbody tr")).to_contain_text("19 clusters by drive (from the dataset)")
    page.get_by_role("link", name=re.compile("Compare with the baseline: <script>")).click()
    expect(page).to_have_url(live_server.address + world.compare_path)
    expect(page.locator("#verdict")).to_have_text("▼ worse")
    expect(page.locator("#verdict .fail")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("items that both scored: difference \\+0."))).to_be_visible()
    rows = page.locator("#interval tbody tr")
    assert [re.sub(r"\s+", " ", text).split(" +")[0] for text in rows.locator("th").all_inner_texts()] == [
        "items that both scored",
        "missing scores at their worst",
        "missing scores at their best",
    ]
    expect(page.locator("#sides")).to_contain_text("5 items left out that the candidate has no score for")
    expect(page.locator("#gate .verdict").first).to_have_text("✗ failed")
    expect(page.locator("main img[alt^='Item i']").first).to_be_visible()
    page.get_by_label("Metadata key").select_option("weather")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"by=weather"))
    groups = page.locator("#by-metadata tbody th")
    expect(groups).to_have_count(3)
    page.reload()
    assert set(groups.all_inner_texts()) == {"sun", "rain", HOSTILE}
    watched.screenshot("compare")
    page.locator("#by-metadata").get_by_role("link", name="Careful model").click()
    expect(page.locator("#breakdown tbody tr")).to_have_count(3)


def test_a_criterion_is_set_by_what_is_proposed(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Past noise proposes a margin; the power meter says what can be detected; the keyboard is enough."""
    path = f"/tests/{world.test.id}/functions/{world.function_id}"
    log_in(watched, live_server, path)
    page = watched.page
    proposed = page.locator("#proposal .figure").inner_text().split("\u00a0")[0]
    page.get_by_role("link", name="Fill it in").click()
    expect(page.get_by_label("Margin")).to_have_value(proposed)
    page.get_by_label("Threshold").fill("a half")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("1 field below cannot be right")
    expect(page.get_by_label("Threshold")).to_have_attribute("aria-invalid", "true")
    watched.wrong = [text for text in watched.wrong if "422" not in text]
    page.get_by_label("Threshold").fill("")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(page.locator("dl.facts")).to_contain_text(f"±{proposed}")
    page.get_by_label("Difference that must not be missed").fill("0.001")
    page.keyboard.press("Enter")
    expect(page.locator("#wished")).to_contain_text("you would need")
    watched.screenshot("criterion")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_and_accessible(browser: Browser, live_server: LiveServer, world: World, theme: str) -> None:
    """At 390 pixels nothing scrolls sideways, and axe finds nothing, in both themes."""
    context = browser.new_context(color_scheme=theme, bypass_csp=True)  # type: ignore[arg-type]
    watched = Watched(context, live_server.address)
    log_in(watched, live_server)
    for name, path in {
        "compare": f"{world.compare_path}?by=weather",
        "criterion": f"/tests/{world.test.id}/functions/{world.function_id}?effect=0",
        "cluster-key": f"/datasets/{world.dataset.id}/cluster-key",
        "test-settings": f"/tests/{world.test.id}",
    }.items():
        watched.page.set_viewport_size({"width": 1280, "height": 900})
        watched.page.goto(live_server.address + path)
        assert_accessible(watched.page)
        watched.screenshot(f"{theme}-{name}")
        watched.page.set_viewport_size({"width": 390, "height": 844})
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390, path
        watched.screenshot(f"phone-{theme}-{name}")
    context.close()
    assert watched.wrong == []


@contextmanager
def served_here(folder: Path) -> Iterator[tuple[LiveServer, Worker]]:
    """The server in this process without a worker at work, so that a test decides when a job is done."""
    settings = load_settings(data_dir=folder, env={"NUCLEUS_SECRET_KEY": "test-secret"})
    services = open_services(settings)
    services.store.upgrade()
    services.access.ensure_bootstrap(ADMIN_KEY)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(services), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield LiveServer(address, "", folder, settings.database_url), Worker(services.store, services.media)
        server.should_exit = True
        thread.join(timeout=30)
    services.store.close()


def test_computing_becomes_a_verdict_by_itself(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the job is done there is no verdict; then the page shows it, without anybody doing anything."""
    monkeypatch.setattr(comparing, "_PATIENCE_S", 0.0)
    with served_here(tmp_path) as (server, worker):
        client = nucleus.NucleusClient(ADMIN_KEY, endpoint=server.endpoint)
        made = build(client, write_png(tmp_path / "red.png"))
        context = browser.new_context()
        watched = Watched(context, server.address)
        log_in(watched, server, made.compare_path)
        expect(watched.page.locator("#progress")).to_contain_text("The verdict is being computed.")
        expect(watched.page.locator("#verdict")).to_have_count(0)
        with watched.page.expect_response(re.compile("/progress$")) as polled:
            pass
        assert "hx-refresh" not in polled.value.headers
        while worker.run_once():
            pass
        expect(watched.page.locator("#verdict")).to_have_text("▼ worse")
        expect(watched.page.locator("#progress")).to_have_count(0)
        context.close()
        client.close()
        assert watched.wrong == []
