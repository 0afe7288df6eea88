"""Every table of every page can be taken away whole, or this says why not."""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from nucleus import DatasetItem
from nucleus_server.dashboard.export_tables import EXPORTS
from nucleus_server.dashboard.rendering import make_environment
from tests.support.api import Api
from tests.unit.dashboard.browsing import page, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import World

NOT_TAKEN = {
    "Metadata of the ": "one object, whole on its page",
    "Both evaluations": "one object, whole on its page",
    "The difference": "one object, whole on its page",
    "Quantiles of": "the report of one upload, which the SDK gives as a whole",
    "What the upload means": "the report of one upload, which the SDK gives as a whole",
    "Suggested cluster keys": "advice while a form is filled in",
    "What applies to each test": "settings, which `nucleus export` writes as a file",
    "What can be detected": "advice while a form is filled in",
    "Functions and criteria": "settings, which `nucleus export` writes as a file",
    "History of criteria": "is in the audit log, whose file has it",
    "History of this criterion": "is in the audit log, whose file has it",
    "What changed": "is in the audit log, whose file has it",
    "What was set": "is in the audit log, whose file has it",
    "Users of the workspace": "who may do what stays in the workspace",
    "API keys": "who may do what stays in the workspace",
    "Your API keys": "who may do what stays in the workspace",
    "Buckets whose objects": "who may do what stays in the workspace",
    "Origins and buckets": "advice while a form is filled in",
    "Bad rows": "has a file of its own, of all rows",
    "Rows and fields": "the report of one job, whose file has it",
    "Tests that use": "settings, which `nucleus export` writes as a file",
    "Active waivers": "the file of the waivers has them",
    "The result by the weights": "one object, whole on its page",
    "Result and coverage": "made of the evaluation's items, whose file has them",
    "The baseline and each": "made of the comparisons' items, whose files have them",
    "Metadata values by": "made of the comparison's items, whose file has them",
    "How many items have which": "made of the comparison's items, whose file has them",
    "Items that weigh most": "the comparisons' files have all items",
    "Items that got worse": "the comparisons' files have all items",
    "How many functions of tests": "made of the release report's entries, whose file has them",
    "Tests by models": "made of the release report's entries, whose file has them",
}


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """A workspace with verdicts, a release, a slice of two versions, logged in as admin."""
    made = World(sqlite_api)
    part = made.dataset.create_slice("Grows", ["i0", "i2", "i1"])
    part.append(["i3"])
    made.client.validate.create_release("spring", made.models["v2"])
    made.work()
    log_in(sqlite_api)
    return made


def paths(world: World) -> dict[str, str]:
    """An address of each page with a table, by its route."""
    item = world.ws.get_item_by_reference(world.dataset.id, "i0")
    grows = world.ws.list_slices(name="Grows")[0]
    release = world.ws.list_releases()[0]
    baseline, candidate = world.evaluation("v1"), world.evaluation("v2")
    return {
        "/": "/",
        "/tests/{test_id}": f"/tests/{world.test.id}",
        "/evaluations/{evaluation_id}": f"/evaluations/{candidate}",
        "/compare/{baseline_id}/{candidate_id}": f"/compare/{baseline}/{candidate}",
        "/report": f"/report?model={world.models['v2'].id}&baseline={world.models['v3'].id}",
        "/releases": "/releases",
        "/releases/{release_id}": f"/releases/{release.id}",
        "/models": "/models",
        "/models/separation": "/models/separation",
        "/models/{model_id}": f"/models/{world.models['v2'].id}",
        "/datasets": "/datasets",
        "/datasets/{dataset_id}": f"/datasets/{world.dataset.id}",
        "/datasets/{dataset_id}/metadata": f"/datasets/{world.dataset.id}/metadata?key=weather",
        "/datasets/{dataset_id}/items/{item_id}": f"/datasets/{world.dataset.id}/items/{item.id}",
        "/slices/{slice_id}": f"/slices/{world.part.id}",
        "/slices/{slice_id}/difference": f"/slices/{grows.id}/difference?from=3&by=weather",
        "/functions": "/functions",
        "/uploads": "/uploads",
        "/jobs": "/jobs",
        "/audit": "/audit",
    }


def matcher(path: str) -> re.Pattern[str]:
    """What addresses of an export look like."""
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + r"\.(csv|parquet)")


def test_every_export_has_its_links_and_holds_what_its_page_shows(world: World) -> None:
    """Both forms, under the page's own filter; what heads a row on the page is in the file."""
    known = paths(world)
    for export in EXPORTS:
        if export.page == "/waivers":
            continue  # there is none: its table is tried where waivers are
        shown = page(world.api, known[export.page])
        links = [
            str(a["href"])
            for a in shown.select(".files a")
            if matcher(export.path).fullmatch(urlsplit(str(a["href"])).path)
        ]
        assert len(links) >= 2, (export.path, export.page)
        for link in links[:2]:
            answer = world.api.http.get(link)
            assert answer.status_code == 200, (link, answer.text[:300])
        rows = list(csv.reader(io.StringIO(world.api.http.get(links[0]).text)))
        cells = {cell.removeprefix("'") for row in rows[1:] for cell in row}
        assert rows[1:], export.path
        for caption in export.captions:
            tables = [t for t in shown.select("table") if caption and t.caption and t.caption.text.startswith(caption)]
            heads = [head for t in tables for head in texts(t.select("tbody th[scope=row] > a:first-child"))]
            missing = [head for head in heads if head not in cells and head != "iou" and not re.match(r"\d{4}-", head)]
            assert not missing or export.path in ("/jobs", "/audit", "/report"), (export.path, missing)


def test_every_table_can_be_taken_away() -> None:
    """By its caption: it belongs to an export, or to what is not taken away for a reason."""
    environment = make_environment()
    assert environment.loader is not None
    captions = set()
    for name in environment.list_templates():
        if not name.endswith("_file.html"):
            source = environment.loader.get_source(environment, name)[0]
            captions |= set(re.findall(r"<caption[^>]*>([^<]*)", source))
            captions |= set(re.findall(r"_table\(\w+, \"([^\"]*)\"", source))
    starts = [caption for export in EXPORTS for caption in export.captions if caption] + list(NOT_TAKEN)
    ignored = ("{{",)  # a macro's: its callers name it
    left = [c for c in captions if not c.startswith((*starts, *ignored))]
    assert left == []


def test_a_file_has_more_than_the_page(world: World) -> None:
    """All rows, whatever page of the list is open."""
    world.dataset.append([DatasetItem(reference_id=f"j{i}", text="t") for i in range(70)])
    shown = page(world.api, f"/datasets/{world.dataset.id}?text=j&page=2")
    (link,) = [str(a["href"]) for a in shown.select("#items .files a") if ".csv" in str(a["href"])]
    assert len(shown.select("#items figure")) == 10
    assert dict(parse_qsl(urlsplit(link).query)) == {"text": "j"}
    assert len(world.api.http.get(link).text.splitlines()) == 71


def test_files_keep_the_filter(world: World) -> None:
    """Of the matrix, of models, of an evaluation's items in its order."""
    assert len(world.api.http.get("/matrix.csv?failing=yes").text.splitlines()) == 4
    assert len(world.api.http.get("/matrix.csv?q=nothing").text.splitlines()) == 1
    assert len(world.api.http.get(f"/models.csv?slice={world.part.id}").text.splitlines()) == 4
    assert len(world.api.http.get("/models.csv?function=ef_none").text.splitlines()) == 1
    query = urlencode({"order": "best", "where": "weather=rain", "min": "0.5"})
    path = f"/evaluations/{world.evaluation('v1')}/items.csv"
    rows = list(csv.DictReader(io.StringIO(world.api.http.get(f"{path}?{query}").text)))
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True) and len(scores) == 24
    assert world.api.http.get(f"{path}?min=x").status_code == 422
    assert world.api.http.get("/waivers.csv?status=active").status_code == 200
    assert world.api.http.get("/models.xlsx").status_code == 404
