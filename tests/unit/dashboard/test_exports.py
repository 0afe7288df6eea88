"""Tables as files: what is in them, who may have them, and what a spreadsheet makes of them."""

from __future__ import annotations

import csv
import io

import numpy as np
import polars as pl
import pytest
from bs4 import BeautifulSoup

from nucleus import DatasetItem
from nucleus_server.dashboard import pages
from nucleus_server.dashboard.pages import exports as exported_pages
from nucleus_server.domain import Role
from nucleus_server.services import exports
from nucleus_server.storage.ids import item_id, item_ids
from tests.support.api import Api
from tests.unit.dashboard.browsing import page, send
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE, World

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "'=1", "a=1", HOSTILE, 'a"b,c']


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """A workspace with verdicts, logged in as admin."""
    made = World(sqlite_api)
    log_in(sqlite_api)
    return made


def as_csv(api: Api, path: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    answer = api.http.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def as_parquet(api: Api, path: str) -> pl.DataFrame:
    """The rows of a Parquet file."""
    answer = api.http.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    return pl.read_parquet(io.BytesIO(answer.content))


def test_items_of_an_evaluation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All scored items in member order, also of more than one batch, and of items that were deleted since."""
    monkeypatch.setattr(exports, "_BATCH", 10)
    world.dataset.delete_item("i3")
    evaluation = world.evaluation("v2")
    shown = world.client.validate.get_scenario_test(world.test.id).get_eval_history()
    (known,) = [e.item_evals for e in shown if e.id == evaluation]
    table = as_parquet(world.api, f"/evaluations/{evaluation}/items.parquet")
    assert table.schema == exports._ITEMS
    assert table.rows() == [
        (item.dataset_item_id, item.reference_id, item.result, item.weight, item.passed, item.deleted) for item in known
    ]
    assert table.filter("deleted")["reference_id"].to_list() == ["i3"]
    rows = as_csv(world.api, f"/evaluations/{evaluation}/items.csv")
    assert [row["reference_id"] for row in rows] == world.ids
    assert [float(row["score"]) for row in rows] == table["score"].to_list()
    assert {row["passed"] for row in rows} <= {"true", "false"}


def test_ids_are_those_of_the_items() -> None:
    """A column of ids is what is made one by one."""
    ordinals = np.array([0, 1, 35, 36, 123_456_789])
    assert item_ids("p" * 13, ordinals).tolist() == [item_id("p" * 13, int(n)) for n in ordinals]


def test_no_criterion_is_neither(world: World) -> None:
    """What cannot be told is empty, in both forms."""
    world.test.set_baseline_model(None)
    path = f"/evaluations/{world.evaluation('v2')}/items"
    assert as_parquet(world.api, f"{path}.parquet")["passed"].null_count() == len(world.ids)
    assert {row["passed"] for row in as_csv(world.api, f"{path}.csv")} == {""}


def test_history_of_a_test(world: World) -> None:
    """Every evaluation beside the criterion in force."""
    path = f"/tests/{world.test.id}/history"
    table = as_parquet(world.api, f"{path}.parquet")
    assert table["model"].to_list() == ["v1", "v2", "v3"]
    assert table["evaluation_id"].to_list() == [world.evaluation(model) for model in ("v1", "v2", "v3")]
    assert table["criterion"].to_list() == ["baseline"] * 3 and table["passed"].to_list()[:2] == [True, False]
    rows = as_csv(world.api, f"{path}.csv")
    assert [float(row["result"]) for row in rows] == table["result"].to_list()
    assert rows[0]["created_at"].endswith("Z") and rows[0]["baseline_model"] == "v1"


def test_contributions_add_up(world: World) -> None:
    """Those of all common items are the difference."""
    path = f"{world.compare_path()}/items"
    table = as_parquet(world.api, f"{path}.parquet")
    delta = (table["candidate_score"] - table["baseline_score"]).mean()
    assert table["contribution"].sum() == pytest.approx(delta) and len(table) == len(world.ids)
    assert len(as_csv(world.api, f"{path}.csv")) == len(world.ids)
    other = f"/compare/{world.evaluation('v1')}/{world.evaluation('v1')}/items.csv"
    assert world.api.http.get(other).status_code == 422


def test_entries_of_a_report_and_of_a_release(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows; nothing while verdicts are computed."""
    query = f"model={world.models['v2'].id}&baseline={world.models['v3'].id}"
    monkeypatch.setattr(pages, "PATIENCE_S", 0.0)
    waiting = world.api.http.get(f"/report.csv?{query}")
    assert waiting.status_code == 409 and "0 of 1 verdicts are computed" in waiting.text
    world.work()
    release = str(send(world.api, f"/report?{query}", "#start", name="next").headers["location"])
    (entry,) = as_parquet(world.api, f"{release}/entries.parquet").to_dicts()
    assert (entry["outcome"], entry["verdict"], entry["candidate_model"]) == ("failed", "worse", "v2")
    assert entry["low"] < entry["delta"] < entry["high"] < 0 and entry["cluster_key"] == "drive"
    (row,) = as_csv(world.api, f"/report.csv?{query}")
    assert list(row) == list(exports._ENTRIES) and float(row["delta"]) == entry["delta"]  # no apostrophe before −
    assert row["waiver_reason"] == "" and row["baseline_model"] == "v3"


def test_the_audit_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it whatever the batches, or what was done to one object."""
    known = [(e.action, e.object_id) for e in world.ws.list_audit(limit=1000)]
    for size in (1, 2, 1000):
        monkeypatch.setattr(exports, "_AUDIT_BATCH", size)
        assert [(row["action"], row["object_id"]) for row in as_csv(world.api, "/audit.csv")] == known
    table = as_parquet(world.api, f"/audit.parquet?object={world.test.id}")
    assert set(table["object_id"]) == {world.test.id}
    assert as_csv(world.api, "/audit.csv?object=nothing") == []


def test_text_is_no_formula(sqlite_api: Api) -> None:
    """CSV puts an apostrophe before what spreadsheets would run; Parquet has the texts as they are."""
    client = sqlite_api.client()
    dataset = client.create_dataset("d")
    dataset.append([DatasetItem(reference_id=text, text="t") for text in FORMULAS])
    part = dataset.create_slice("all", FORMULAS)
    function = client.validate.create_external_eval_function("=2*3", score_range=(-1, 1))
    test = client.validate.create_scenario_test("t", part.id, [function])
    columns = {"item_ref_id": FORMULAS, "score": np.linspace(-1, 1, len(FORMULAS))}
    model = client.create_model("@model", "m")
    dataset.upload_scores({function: "score"}, model, columns)
    log_in(sqlite_api)
    (evaluation,) = test.get_eval_history()
    rows = as_csv(sqlite_api, f"/evaluations/{evaluation.id}/items.csv")
    assert [row["reference_id"] for row in rows] == ["'" + text for text in FORMULAS[:6]] + FORMULAS[6:]
    assert rows[0]["score"] == "-1.0"
    table = as_parquet(sqlite_api, f"/evaluations/{evaluation.id}/items.parquet")
    assert table["reference_id"].to_list() == FORMULAS
    (row,) = as_csv(sqlite_api, f"/tests/{test.id}/history.csv")
    assert (row["function"], row["model"]) == ("'=2*3", "'@model")


def test_files_are_for_readers(world: World) -> None:
    """A viewer may have them, who is not logged in may not; names of files are harmless, other files are not there."""
    paths = [
        f"/evaluations/{world.evaluation('v2')}/items",
        f"/tests/{world.test.id}/history",
        f"{world.compare_path()}/items",
        f"/report?model={world.models['v2'].id}",
        "/audit",
    ]
    of_form = [
        path.replace("/report", f"/report.{form}") if "?" in path else f"{path}.{form}"
        for path in paths
        for form in ("csv", "parquet")
    ]
    log_in(world.api, key=world.api.new_key("reader", Role.VIEWER))
    for path in of_form:
        answer = world.api.http.get(path)
        assert answer.status_code == 200, path
        name = answer.headers["content-disposition"].removeprefix("attachment; filename=")
        assert name.strip('"').replace("-", "").replace("_", "").replace(".", "").isalnum(), name
        assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/audit.xlsx", "/evaluations/ev_none/items.csv", "/tests/st_none/history.csv"):
        assert world.api.http.get(path).status_code == 404
    world.api.http.cookies.clear()
    for path in of_form:
        assert world.api.http.get(path, follow_redirects=False).status_code == 303


def test_pages_lead_to_the_files(world: World) -> None:
    """Beside each table, in both forms; every link leads somewhere."""
    release = str(send(world.api, f"/report?model={world.models['v2'].id}", "#start", name="n").headers["location"])
    for path in (
        f"/tests/{world.test.id}",
        world.compare_path(),
        f"/report?model={world.models['v2'].id}",
        release,
        "/audit",
        f"/evaluations/{world.evaluation('v2')}",
    ):
        links = [str(a["href"]) for a in page(world.api, path).select("a[download]")]
        assert {"csv", "parquet"} <= {link.split("?")[0].rpartition(".")[2] for link in links}, path
        for link in links:
            assert world.api.http.get(link).status_code == 200, link


def test_a_page_as_one_file(world: World) -> None:
    """It says what the page says, keeps its numbers, and holds nothing that runs, leads on or is loaded."""
    world.dataset.delete_item("i0")
    release = str(send(world.api, f"/report?model={world.models['v2'].id}", "#start", name=HOSTILE).headers["location"])
    for path, sentence in (
        (f"{release}/report.html", "must not be released: 1 of 1 criteria fails (iou on Night)"),
        (f"{world.compare_path()}/report.html?by=weather", "worse"),
    ):
        answer = world.api.http.get(path)
        assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"]
        assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
        shown = BeautifulSoup(answer.text, "html.parser")
        assert sentence in shown.text and "A copy of http://testserver/" in shown.text
        assert not shown.select("script, link, img, a, form, iframe, object, [src], [href], [onerror], [style]")
        assert shown.select("svg.intervals circle") and ".intervals .zero" in shown.select_one("style").text  # type: ignore[union-attr]
    assert HOSTILE in BeautifulSoup(world.api.http.get(f"{release}/report.html").text, "html.parser").text
    assert world.api.http.get(f"{world.compare_path()}/report.html?by=nothing").status_code == 422


def test_a_file_of_a_decided_release_is_frozen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its report is as it was then; an open one that is computed has no file yet."""
    started = send(world.api, f"/report?model={world.models['v2'].id}", "#start", name="n")
    path = str(started.headers["location"])
    assert send(world.api, path, "#decision", button="Reject", note="worse").status_code == 303
    before = BeautifulSoup(world.api.http.get(f"{path}/report.html").text, "html.parser").select_one("#entries")
    world.upload("v2", 0.9, 9)
    after = BeautifulSoup(world.api.http.get(f"{path}/report.html").text, "html.parser").select_one("#entries")
    assert before is not None and str(before) == str(after)
    monkeypatch.setattr(exported_pages, "PATIENCE_S", 0.0)
    waiting = world.api.http.get(f"{world.compare_path()}/report.html")
    assert waiting.status_code == 409 and "being computed" in waiting.text
