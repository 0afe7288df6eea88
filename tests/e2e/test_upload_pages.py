"""The pages of uploads in a real browser: what the SDK uploaded is what its report says."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

import nucleus
from nucleus import DatasetItem, UploadRejectedError, UploadReport
from nucleus.validate import EvaluationResult, ScenarioTest
from tests.e2e.browsing import HOSTILE, assert_accessible, log_in
from tests.e2e.conftest import Watched
from tests.support.server import ADMIN_KEY, LiveServer

N = 200


@dataclass(frozen=True)
class World:
    """What the SDK has uploaded."""

    client: nucleus.NucleusClient
    dataset: nucleus.Dataset
    model: nucleus.Model
    iou_id: str
    report: UploadReport
    later: ScenarioTest
    rejected_id: str
    empty_id: str


@pytest.fixture(scope="module")
def world(live_server: LiveServer) -> Iterator[World]:
    """Two functions, three tests of which one is not covered, one made after the upload; a refused upload."""
    client = nucleus.NucleusClient(ADMIN_KEY, endpoint=live_server.endpoint)
    dataset = client.create_dataset("Street scenes")
    dataset.append([DatasetItem(reference_id=f"i{i}", text=f"text {i}") for i in range(N)])
    validate = client.validate
    iou = validate.create_external_eval_function("iou")
    latency = validate.create_external_eval_function("latency", direction="lower_is_better", score_range=(0, 500))
    scored = range(150)
    night = dataset.create_slice("Night", [f"i{i}" for i in range(50)])
    rain = dataset.create_slice("Rain", [f"i{i}" for i in range(100, 180)])
    night_test = validate.create_scenario_test("Pedestrians at night", night.id, [iou, latency])
    night_test.get_eval_functions()[0].set_threshold(0.5)
    validate.create_scenario_test(HOSTILE, rain.id, [iou])
    gone = validate.create_scenario_test("Gone", night.id, [iou])
    model = client.create_model("Careful model", "careful")
    bad = client.create_model(HOSTILE, "bad")
    table = {
        "item_ref_id": [f"i{i}" for i in scored],
        "iou": [(i % 10) / 10 for i in scored],
        "ms": [20.0 + i for i in scored],
        "w": [0.5 if i % 2 else 1.0 for i in scored],
    }
    report = dataset.upload_scores({"iou": "iou", "latency": "ms"}, model, table, weight={"iou": "w"})
    dataset.upload_scores({"iou": "iou"}, bad, {"item_ref_id": table["item_ref_id"], "iou": [0.25] * 150})
    validate.delete_scenario_test(gone.id)
    late = dataset.create_slice("Late", [f"i{i}" for i in range(10)])
    later = validate.create_scenario_test("Made later", late.id, [iou])
    night_test.upload_external_evaluation_results(iou, [EvaluationResult(item_ref_id="i0", score=0.5)], bad.id)
    with pytest.raises(UploadRejectedError) as refused:
        dataset.upload_scores({"iou": "iou"}, bad, {"item_ref_id": ["i0", HOSTILE, "i2"], "iou": [0.5, 0.5, 0.5]})
    empty = client.create_model("Never scored", "never")
    assert report.upload_id is not None and refused.value.upload_id is not None
    yield World(client, dataset, model, iou.id, report, later, refused.value.upload_id, empty.id)
    client.close()


def api(server: LiveServer, method: str, path: str, body: object, *, is_packed: bool = False) -> dict[str, Any]:
    """A request that the SDK makes only in the middle of others."""
    content = msgspec.msgpack.encode(body) if is_packed else json.dumps(body).encode()
    kind = "application/msgpack" if is_packed else "application/json"
    answer = httpx2.request(
        method, f"{server.endpoint}/{path}", content=content, headers={"content-type": kind}, auth=(ADMIN_KEY, "")
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def squeezed(texts: list[str]) -> list[str]:
    """With single blanks."""
    return [re.sub(r"\s+", " ", text).strip() for text in texts]


def test_list_of_uploads(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Newest first, what each was for and what looks odd; limited by dataset, model or function in the address."""
    log_in(watched, live_server, "/uploads")
    page = watched.page
    rows = page.locator("table.uploads tbody tr")
    texts = squeezed(rows.all_inner_texts())
    assert len(texts) == 4
    assert HOSTILE in texts[0] and "✗ rejected for every test – iou 3 Street scenes admin" in texts[0]
    assert "✓ completed" in texts[1] and HOSTILE in texts[1] and "for test Pedestrians at night" in texts[1]
    assert "⚠ 1 warning" in texts[2] and "2 tests evaluated" in texts[2]
    assert "Careful model ✓ completed 2 tests evaluated none iou, latency 150 Street scenes admin" in texts[3]
    watched.screenshot("uploads")
    page.get_by_label("Model").select_option("Careful model")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(f"model={world.model.id}"))
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Model")).to_have_value(world.model.id)
    page.get_by_label("Model").select_option("Never scored")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", name="No upload here")).to_be_visible()
    page.get_by_role("link", name="Show all uploads").click()
    expect(rows).to_have_count(4)
    rows.nth(3).get_by_role("link").click()
    expect(page.get_by_role("heading", name="Scores of Careful model")).to_be_visible()


def test_report_on_an_upload(watched: Watched, live_server: LiveServer, world: World) -> None:
    """Rows, tests with results and reasons, quantiles and distributions: the SDK's numbers on the page."""
    log_in(watched, live_server, f"/uploads/{world.report.upload_id}")
    page = watched.page
    expect(page.locator("#n-rows")).to_have_text("150")
    expect(page.get_by_text("of 200 items of the dataset")).to_be_visible()
    expect(page.locator("#n-evaluated")).to_have_text("4 of 5")
    rows = squeezed(page.locator("#tests tbody tr").all_inner_texts())
    assert len(rows) == 5
    iou_scores = np.arange(50) % 10 / 10
    mean = float(np.average(iou_scores, weights=np.where(np.arange(50) % 2, 0.5, 1.0)))
    assert rows[4].startswith(f"Gone iou {mean:.4f} – 50 of 50 (100 %)") and rows[4].endswith("this test was deleted")
    assert rows[0].startswith("Made later iou 0.4333 – no criterion 10 of 10 (100 %)") and "filled later" in rows[0]
    assert rows[1].startswith(f"Pedestrians at night iou {mean:.4f} ✗ failed 50 of 50 (100 %)")
    assert rows[2].startswith("Pedestrians at night latency 44.5000 – no criterion 50 of 50 (100 %)")
    assert rows[3].startswith(HOSTILE) and "– – ◐ 50 of 80 (62.5 %) not evaluated: 50 of 80 items" in rows[3]
    section = page.locator("section.function").nth(0)
    iou = next(f for f in world.report.functions if f.name == "iou")
    assert iou.score is not None and iou.weight is not None and iou.mean is not None
    expect(section.locator("header")).to_contain_text(f"{iou.mean:.4f}")
    expect(section.locator("header")).to_contain_text("150 scores, weighted, sum of weights 112.5")
    spreads = squeezed(section.locator("table").first.locator("tbody tr").all_inner_texts())
    quantiles = " ".join(f"{value:.4f}" for value in iou.score.quantiles.values() if value is not None)
    assert spreads[0] == f"scores 0.0000 {quantiles} 0.9000 {iou.score.mean:.4f} 10"
    assert spreads[1].startswith("weights 0.5000 ") and spreads[1].endswith(" 2")
    chart = section.get_by_role("img", name=re.compile("Distribution of scores. 150 scores of iou in 20 bins"))
    expect(chart.locator("svg")).to_be_visible()
    section.get_by_text("The numbers").first.click()
    counts = section.locator("details").first.locator("tbody td:nth-child(3)").all_inner_texts()
    assert list(map(int, counts)) == list(iou.score.histogram.counts)
    assert watched.page.locator("script:not([src]):not([type='application/json'])").count() == 0
    page.reload()
    expect(chart.locator("svg")).to_be_visible()
    watched.screenshot("upload")
    page.locator("#tests tbody tr").nth(1).get_by_role("link", name=f"{mean:.4f}").click()
    expect(page.locator("#result")).to_have_text(f"{mean:.4f}")
    page.get_by_role("link", name="upload 1 of 1").click()
    expect(page.locator("#n-rows")).to_have_text("150")


def test_what_looks_odd_is_said(watched: Watched, live_server: LiveServer, world: World) -> None:
    """By a sign and a word, in the list and on the report."""
    (odd,) = [u for u in world.client.uploads() if any(f.warnings for f in u.functions)]
    log_in(watched, live_server, f"/uploads/{odd.upload_id}")
    expect(watched.page.locator("ul.warnings")).to_contain_text("⚠ warning all 150 scores are 0.25 constant_scores")
    watched.screenshot("upload-odd")


def test_rejected_upload(watched: Watched, live_server: LiveServer, world: World, tmp_path: Path) -> None:
    """What is wrong is listed on the page, and all of it is a file; hostile ids are only text."""
    log_in(watched, live_server, f"/uploads/{world.rejected_id}")
    page = watched.page
    expect(page.get_by_text("✗ rejected")).to_be_visible()
    row = page.locator("#bad-rows tbody tr")
    expect(row).to_have_count(1)
    assert squeezed(row.all_inner_texts())[0].startswith(f"1 {HOSTILE} – reference id – ")
    watched.screenshot("upload-rejected")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as CSV").click()
    assert download.value.suggested_filename == f"bad-rows-{world.rejected_id}.csv"
    download.value.save_as(tmp_path / "bad.csv")
    with (tmp_path / "bad.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["row"], line["reference_id"], line["field"]) == ("1", HOSTILE, "reference_id")
    address = f"{live_server.address}/uploads/{world.rejected_id}/bad-rows.csv"
    assert httpx2.get(address, follow_redirects=False).headers["location"].startswith("/login?")
    page.goto(f"{live_server.address}/uploads/{world.rejected_id}/bad-rows")
    expect(page.get_by_role("heading", name="Bad rows")).to_be_visible()
    expect(row).to_have_count(1)


def test_unfinished_upload_is_followed(watched: Watched, live_server: LiveServer, world: World) -> None:
    """The page says how many parts are here, and becomes the report once they are all checked."""
    model = world.client.create_model("Slow line", "slow")
    scores = np.linspace(0, 1, N)
    part = {
        "reference_ids": "\0".join(f"i{i}" for i in range(N)).encode(),
        "scores": {world.iou_id: scores.astype("<f8").tobytes()},
        "weights": {},
    }
    digest = hashlib.sha256(msgspec.msgpack.encode(part)).hexdigest()
    plan = {"model_id": model.id, "function_ids": [world.iou_id], "first_part": digest}
    upload_id = api(live_server, "POST", f"dataset/{world.dataset.id}/uploads", plan)["upload_id"]
    log_in(watched, live_server, f"/uploads/{upload_id}")
    page = watched.page
    expect(page.get_by_text("… staging")).to_be_visible()
    expect(page.locator("#progress")).to_contain_text("0 parts with 0 rows received.")
    watched.screenshot("upload-staging")
    sent = api(live_server, "PUT", f"upload/{upload_id}/parts/0", part, is_packed=True)
    expect(page.locator("#progress")).to_contain_text("1 part with 200 rows received.")
    commit = {"n_parts": 1, "digest": hashlib.sha256(sent["digest"].encode()).hexdigest()}
    api(live_server, "POST", f"upload/{upload_id}/commit", commit)
    expect(page.get_by_text("✓ completed")).to_be_visible(timeout=20_000)
    expect(page.locator("#n-evaluated")).to_have_text("3 of 3")
    expect(page.locator("#progress")).to_have_count(0)
    again = api(live_server, "POST", f"dataset/{world.dataset.id}/uploads", plan)["upload_id"]
    page.goto(f"{live_server.address}/uploads/{again}")
    api(live_server, "PUT", f"upload/{again}/parts/0", part, is_packed=True)
    expect(page.locator("#progress")).to_contain_text("1 part with 200 rows received.")
    api(live_server, "POST", f"upload/{again}/commit", commit)
    expect(page).to_have_url(f"{live_server.address}/uploads/{upload_id}", timeout=20_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_and_accessible(browser: Browser, live_server: LiveServer, world: World, theme: str) -> None:
    """At 390 pixels nothing scrolls sideways, and axe finds nothing, in both themes."""
    paths = {
        "uploads": "/uploads",
        "uploads-none": f"/uploads?model={world.empty_id}",
        "upload": f"/uploads/{world.report.upload_id}",
        "upload-rejected": f"/uploads/{world.rejected_id}",
        "bad-rows": f"/uploads/{world.rejected_id}/bad-rows",
    }
    options = {"color_scheme": theme, "bypass_csp": True}
    context = browser.new_context(**options)  # type: ignore[arg-type]
    watched = Watched(context, live_server.address)
    log_in(watched, live_server)
    for name, path in paths.items():
        watched.page.set_viewport_size({"width": 1280, "height": 900})
        watched.page.goto(live_server.address + path)
        assert_accessible(watched.page)
        watched.screenshot(f"{theme}-{name}")
        watched.page.set_viewport_size({"width": 390, "height": 844})
        watched.page.reload()
        watched.page.wait_for_load_state("networkidle")
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390, path
        watched.screenshot(f"phone-{theme}-{name}")
    context.close()
    assert watched.wrong == []
