"""A function's history on a test's page: results with intervals, what was in force when they came, and what changed."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import pytest
from bs4 import BeautifulSoup

import nucleus
from nucleus import DatasetItem
from nucleus_server.dashboard.pages import histories, test_files
from nucleus_server.dashboard.pages.histories import history_chart
from nucleus_server.domain import Role
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.result_history import N_RECENT, ResultHistory, Shown, result_history
from nucleus_server.services.worker import Worker
from tests.support.api import Api
from tests.unit.dashboard.browsing import page, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE


class World:
    """A test of eight items whose threshold, baseline and slice change while models come in."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.client: nucleus.NucleusClient = api.client()
        dataset = self.client.create_dataset("Streets")
        self.ids = [f"i{i}" for i in range(12)]
        dataset.append([DatasetItem(reference_id=i, text=i) for i in self.ids])
        self.part = dataset.create_slice("All", self.ids[:8])
        self.function = self.client.validate.create_external_eval_function("iou")
        self.test = self.client.validate.create_scenario_test("Night", self.part.id, [self.function])
        self.metric = self.test.get_eval_functions()[0]
        self.models = [self.client.create_model(name, name) for name in ("m1", "m2", HOSTILE)]

    def upload(self, model: int, score: float, n: int = 8) -> None:
        """Scores that are `score` on average."""
        table = {"item_ref_id": self.ids[:n], "score": [score + (0.1 if i % 2 else -0.1) for i in range(n)]}
        self.test.upload_external_evaluation_results(self.function, table, self.models[model])

    def store(self) -> WorkspaceStore:
        """The workspace as the admin sees it."""
        operator = self.api.services.access.operator()
        return self.api.services.store.workspace(operator.workspace_id, operator)

    def history(self, shown: Shown = Shown.ALL) -> ResultHistory:
        """With all intervals."""
        return result_history(self.store(), self.test.id, self.function.id, shown, wait_s=10.0)

    @property
    def part_path(self) -> str:
        """The part of the page that holds the chart."""
        return f"/tests/{self.test.id}/history/{self.function.id}"


@pytest.fixture
def world(sqlite_api: Api) -> Iterator[World]:
    """Logged in as an admin."""
    made = World(sqlite_api)
    log_in(sqlite_api)
    yield made
    made.client.close()


def changed(world: World) -> None:
    """Two results, a threshold, a baseline; a third result, a longer slice; the baseline's next one, another threshold."""
    world.upload(0, 0.5)
    world.upload(1, 0.6)
    world.metric.set_threshold(0.55)
    world.test.set_baseline_model(world.models[0].id)
    world.upload(2, 0.7)
    world.part.append(reference_ids=world.ids[8:])
    world.upload(0, 0.8, n=12)
    world.metric.set_threshold(0.9, "less_than")


def test_what_was_in_force_when_a_result_came(world: World) -> None:
    """Not what is in force now; the baseline's line follows its own uploads."""
    changed(world)
    found = world.history()
    assert [point.threshold for point in found.points] == [None, None, 0.55, 0.55]
    assert [point.baseline for point in found.points] == pytest.approx([None, None, 0.5, 0.8])
    assert [(level.start, level.end, level.threshold) for level in found.levels] == [
        (0.5, 2.5, None),
        (2.5, 3.5, 0.55),
        (3.5, 4.5, 0.55),
        (4.5, 5.0, 0.9),
    ]
    assert [(change.after, change.kind) for change in found.changes] == [
        (2, "criterion"),
        (2, "baseline"),
        (3, "slice"),
        (4, "criterion"),
    ]
    assert [point.upload for point in found.points] == [(1, 2), (1, 1), (1, 1), (2, 2)]


def test_every_result_has_its_interval_once(world: World) -> None:
    """It holds the result, is not asked for again when the threshold changes, and is none with few clusters."""
    changed(world)
    for point in world.history().points:
        result, interval = point.judged.evaluation.result, point.interval
        assert result is not None and interval is not None and interval.low is not None and interval.high is not None
        assert 0 <= interval.low < result < interval.high <= 1 and interval.n_clusters in (8, 12)
    world.metric.set_threshold(0.1)
    known = result_history(world.store(), world.test.id, world.function.id, wait_s=0.0)
    assert known.job_id is None and known.n_computed == 4
    small = world.client.validate.create_scenario_test(
        "Few",
        world.client.get_dataset(world.part.dataset_id).create_slice("Five", world.ids[:5]).id,
        [world.function],
    )
    few = result_history(world.store(), small.id, world.function.id, wait_s=10.0).points
    assert [p.interval.low for p in few if p.interval is not None] == [None] * len(few) and few


def test_the_newest_of_each_model_or_of_all(world: World) -> None:
    """Numbers stay those of the whole history; changes before the first result shown are not listed."""
    changed(world)
    found = world.history(Shown.MODELS)
    assert [(p.number, p.judged.evaluation.model_name) for p in found.points] == [(2, "m2"), (3, HOSTILE), (4, "m1")]
    assert (found.n_results, [c.after for c in found.changes]) == (4, [1, 1, 2, 3])
    assert len(world.history(Shown.RECENT).points) == 4 < N_RECENT


def test_the_chart_has_band_lines_and_marks(world: World) -> None:
    """A valid specification whose numbers are in the table below it, each row a link to its evaluation."""
    changed(world)
    chart = history_chart(world.history())
    alt.Chart.from_dict(chart.spec)
    data = chart.spec["datasets"]
    assert [(level["what"], level["start"], level["end"]) for level in data["levels"]] == [
        ("threshold", 2.5, 4.5),
        ("threshold", 4.5, 5.0),
        ("baseline", 2.5, 3.5),
        ("baseline", 3.5, 5.0),
    ]
    assert [(mark["place"], mark["label"]) for mark in data["marks"]] == [(2.5, "a"), (3.5, "b"), (4.5, "c")]
    assert "iou ≥\u00a00.5500" in data["marks"][0]["what"] and "baseline m1" in data["marks"][0]["what"]
    assert len(data["bands"]) == 4 and "95\u00a0% interval" in chart.note
    assert [row[0] for row in chart.rows] == ["4", "3", "2", "1"] and len(chart.paths) == 4
    assert chart.rows[0][5] == "≥\u00a00.5500" and chart.rows[0][7] == "<\u00a00.9000"


def test_the_part_waits_for_its_intervals(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While any is missing it is asked for again, and answered only when it is complete; without htmx the page is shown."""
    changed(world)
    monkeypatch.setattr(histories, "_WAIT_S", 0.0)
    part = {"hx-request": "true"}
    first = world.api.http.get(world.part_path, headers=part).text
    assert "4 of 4 intervals are being computed" in first and HOSTILE not in first
    assert world.api.http.get(f"{world.part_path}?waiting=4", headers=part).status_code == 204
    services = world.api.services
    while Worker(services.store, services.media).run_once():
        pass
    done = world.api.http.get(f"{world.part_path}?waiting=4", headers=part)
    assert done.status_code == 200 and "being computed" not in done.text
    answer = world.api.http.get(f"{world.part_path}?show=models", follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"] == f"/tests/{world.test.id}?show=models#history"
    assert world.api.http.get(f"/tests/{world.test.id}/history/ef_none", headers=part).status_code == 404


def test_a_criterion_change_is_a_mark_and_a_row(world: World) -> None:
    """With who and when; the mark's letter is in the row."""
    world.upload(0, 0.5)
    world.metric.set_threshold(0.4)
    shown = page(world.api, f"/tests/{world.test.id}")
    (place,) = shown.select("[hx-get*='/history/']")
    answer = world.api.http.get(str(place["hx-get"]), headers={"hx-request": "true"})
    assert 'data-spec="' in answer.text and "a</b>" in answer.text
    assert "after result 1, the newest" in answer.text and "admin" in answer.text


def test_evaluations_are_paged_and_the_slice_leads_on(world: World) -> None:
    """Fifty a page; the newest first; the page is in the address."""
    for i in range(52):
        world.upload(i % 2, 0.3 + i / 200)
    shown = page(world.api, f"/tests/{world.test.id}?page=2")
    assert len(shown.select("#evaluations tbody tr")) == 2 and "Page 2 of 2 · 52 evaluations" in shown.text
    assert len(page(world.api, f"/tests/{world.test.id}").select("#evaluations tbody tr")) == 50
    assert {f"/slices/{world.part.id}", f"/datasets/{world.part.dataset_id}"} <= {
        str(a["href"]) for a in shown.select("main a[href]")
    }
    assert texts(shown.select("#evaluations thead th"))[5] == "Against the baseline, p unadjusted"


def test_who_is_no_owner_reads_why_criteria_cannot_be_set(world: World) -> None:
    """Beside the criteria, with the owner's name."""
    assert "Only" not in page(world.api, f"/tests/{world.test.id}").select(".columns section")[0].text
    log_in(world.api, key=world.api.new_key("bob", Role.MEMBER))
    assert (
        "Only admin, who owns it, or an admin can change these criteria."
        in page(world.api, f"/tests/{world.test.id}").select(".columns section")[0].text
    )


def test_the_file_of_a_test_holds_all_of_it(world: World) -> None:
    """Evaluations, criteria, changes, power and drawn histories; no script, no link, no picture from elsewhere."""
    changed(world)
    answer = world.api.http.get(f"/tests/{world.test.id}/report.html")
    assert answer.status_code == 200 and f"test-{world.test.id}.html" in answer.headers["content-disposition"]
    found = BeautifulSoup(answer.text, "html.parser")
    assert found.select("script, a, form, img, link") == [] and "<script>" not in answer.text
    history = world.history()
    assert len(found.select("svg.drawing .point")) == 4 and len(found.select("#evaluations tbody tr")) == 4
    assert [title.text for title in found.select("svg.drawing .threshold title")] == [
        "threshold 0.5500",
        "threshold 0.9000",
    ]
    assert texts(found.select("svg.drawing .letter")) == ["a", "b", "c"]
    numbers = [texts(row.select("td"))[3] for row in found.select(".history details tbody tr")]
    assert numbers == [f"{point.judged.evaluation.result:.4f}" for point in reversed(history.points)]
    assert HOSTILE in texts(found.select("#evaluations tbody th")) and "What this test can detect" in found.text
    assert len(found.select("#criteria tbody tr")) == 3
    (link,) = page(world.api, f"/tests/{world.test.id}").select("a[download][href$='report.html']")
    assert link["href"] == f"/tests/{world.test.id}/report.html"


def test_a_file_is_not_made_of_half_an_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While intervals are computed it is refused, with the code that says so; a test without results has a file."""
    monkeypatch.setattr(test_files, "PATIENCE_S", 0.0)
    assert "Nothing had been evaluated" in world.api.http.get(f"/tests/{world.test.id}/report.html").text
    changed(world)
    answer = world.api.http.get(f"/tests/{world.test.id}/report.html")
    assert answer.status_code == 409 and "being computed" in answer.text


def test_a_functions_page_has_the_newest_result_of_each_test(world: World) -> None:
    """With its model and the verdict by the criterion in force; a dash where nothing was evaluated."""
    dataset = world.client.get_dataset(world.part.dataset_id)
    world.client.validate.create_scenario_test("Empty", dataset.create_slice("None", []).id, [world.function])
    world.upload(0, 0.5)
    world.upload(1, 0.8)
    world.metric.set_threshold(0.6)
    rows = {texts(r.select("th"))[0]: r for r in page(world.api, f"/functions/{world.function.id}").select("tbody tr")}
    assert texts(rows["Night"].select("td"))[2] == "0.8000 ✓ passedm2"
    assert texts(rows["Empty"].select("td"))[2] == "–"


def test_a_criterions_page_says_who_set_it(world: World) -> None:
    """Newest first, with baselines; the way leads to the results of that time."""
    changed(world)
    shown = page(world.api, f"/tests/{world.test.id}/functions/{world.function.id}")
    assert [text.replace("\u00a0", " ") for text in texts(shown.select("#history tbody th"))] == [
        "iou < 0.9000",
        "baseline m1",
        "iou ≥ 0.5500",
    ]
    assert [a["href"] for a in shown.select("#history a")] == [f"/tests/{world.test.id}#history"]
