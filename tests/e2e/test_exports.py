"""What is taken away in a real browser: tables, pictures of charts, and pages that open without the server."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import polars as pl
from playwright.sync_api import Browser, Page

import nucleus
from nucleus import DatasetItem
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import ARTEFACTS, Watched
from tests.support.server import ADMIN_KEY, LiveServer

N = 60


def build(client: nucleus.NucleusClient) -> tuple[str, str]:
    """The pages of a test with three evaluations and of a comparison; the candidate is worse and has a hostile name."""
    dataset = client.create_dataset("Taken away")
    ids = [f"i{i}" for i in range(N)]
    dataset.append([DatasetItem(reference_id=r, text=HOSTILE, metadata={"kind": HOSTILE}) for r in ids])
    function = client.validate.create_external_eval_function("pixel_error", direction="lower_is_better")
    test = client.validate.create_scenario_test(
        f"Exports {HOSTILE}", dataset.create_slice("Taken away", ids).id, [function]
    )
    models = [client.create_model(name, f"exports-{i}") for i, name in enumerate(("Careful model", HOSTILE))]
    for seed, (model, mean, n) in enumerate(((models[0], 0.2, N), (models[0], 0.21, N), (models[1], 0.3, N - 5))):
        rng = random.Random(seed)
        table = {"item_ref_id": ids[:n], "score": [abs(rng.gauss(mean, 0.05)) for _ in range(n)]}
        dataset.upload_scores({function: "score"}, model, table, min_coverage=0.5)
    test.set_baseline_model(models[0].id)
    history = test.get_eval_history()
    return f"/tests/{test.id}", f"/compare/{history[1].id}/{history[2].id}"


def saved(page: Page, selector: str, folder: Path) -> Path:
    """The file that a click on the first of these gives."""
    with page.expect_download() as download:
        page.locator(selector).first.click()
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def test_tables_and_charts_are_taken_away(
    watched: Watched, browser: Browser, live_server: LiveServer, tmp_path: Path
) -> None:
    """From a test to its history as a table and as a picture, then to a comparison that is sent by mail."""
    with nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint) as client:
        test_path, compare_path = build(client)
    page = watched.page
    log_in(watched, live_server, test_path)
    history = pl.read_csv(saved(page, "a[href$='history.csv']", tmp_path))
    assert history["model"].to_list() == ["Careful model", "Careful model", HOSTILE]
    assert pl.read_parquet(saved(page, "a[href$='history.parquet']", tmp_path)).height == 3

    picture = saved(page, "button[aria-label^='Save as SVG']", tmp_path)
    assert picture.name == "pixel-error-over-evaluations.svg"
    assert picture.read_text().startswith("<svg") and "Careful model" in picture.read_text()
    width, height = png_size(saved(page, "button[aria-label^='Save as PNG']", tmp_path))
    assert width > 400 and height > 400

    page.goto(live_server.address + f"{compare_path}?by=kind")
    page.locator("#verdict").wait_for()
    drawing = saved(page, "#interval button[aria-label^='Save as SVG']", tmp_path)
    assert "rgb(" in drawing.read_text()  # the stylesheet's colours are in it
    assert png_size(saved(page, "#interval button[aria-label^='Save as PNG']", tmp_path))[0] > 400
    assert pl.read_parquet(saved(page, "a[href$='items.parquet']", tmp_path)).height == 55
    copy = saved(page, "a[href*='report.html']", tmp_path)
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    context = browser.new_context(viewport={"width": 390, "height": 800}, bypass_csp=True)  # for axe
    context.set_offline(True)
    offline = context.new_page()
    asked: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    offline.on("dialog", lambda dialog: asked.append(dialog.message))
    offline.on("console", lambda message: asked.append(message.text))
    offline.goto(copy.as_uri())
    assert "worse" in offline.locator("#verdict").inner_text() and HOSTILE in offline.locator("h1").inner_text()
    assert offline.locator("svg.intervals circle").first.is_visible()
    assert offline.evaluate("document.documentElement.scrollWidth") <= 390
    assert asked == [copy.as_uri()]
    assert_accessible(offline)
    offline.set_viewport_size({"width": 1280, "height": 900})
    ARTEFACTS.mkdir(exist_ok=True)
    offline.screenshot(path=ARTEFACTS / "comparison-file.png", full_page=True)
    context.close()


def png_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG in pixels."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    return width, height
