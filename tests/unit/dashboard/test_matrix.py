"""The release matrix: what it shows, what it can be limited to, and that it judges as everything else does."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from bs4 import BeautifulSoup, Tag

import nucleus
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult
from nucleus_server.services import matrix as matrix_service
from nucleus_server.services.judging import judge_newest
from nucleus_server.services.matrix import MatrixQuery, release_matrix
from tests.support.api import Api
from tests.unit.dashboard.browsing import page, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE, World


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """Three models, the first the baseline, on one test."""
    log_in(sqlite_api)
    return World(sqlite_api)


def rows(api: Api, path: str = "/") -> list[Tag]:
    """The rows of the page."""
    return page(api, path).select("table.matrix tbody tr")


def names(api: Api, path: str = "/") -> list[str]:
    """The tests of the page, in order."""
    return texts(page(api, path).select("tbody.test th.name > a"))


def test_cells_say_what_came_of_them(world: World) -> None:
    """Result with its word, difference to the baseline that leads to the comparison, stored verdict with its interval."""
    shown = page(world.api, "/")
    assert texts(shown.select("table.matrix thead th")) == ["Test", "Function", "Baseline", "v3", "v2", "v1"]
    (row,) = shown.select("table.matrix tbody tr")
    baseline, _, second, first = row.select("td")
    assert "passed" in baseline.text and "v1" in baseline.text and baseline.select_one(".delta") is None
    assert first.select_one(".delta") is None and first.select_one("a.result.pass") is not None
    result, delta = second.select("a")
    assert result["href"] == f"/evaluations/{world.evaluation('v2')}" and "failed" in result.text
    assert "of the baseline v1" in str(result["title"])
    assert delta["href"] == world.compare_path() and re.match(r"−0\.\d{4} to the baseline$", texts([delta])[0])
    world.test.compare(world.models["v1"], world.models["v2"])
    delta = rows(world.api)[0].select("td")[2].select("a")[1]
    assert "fail" in delta["class"] and re.match(r"▼ −0\.\d{4} worse: difference to v1, \[.*\], on", texts([delta])[0])
    assert "worse" in str(delta["title"])


def test_a_partial_pass_is_not_coloured_and_a_failure_keeps_its_waiver(world: World) -> None:
    """Nor is there a difference of results that are not of the same items."""
    results = [EvaluationResult(item_ref_id=r, score=1.0) for r in world.ids[:40]]
    world.test.upload_external_evaluation_results(world.function, results, world.models["v3"].id)
    expires = datetime.now(UTC) + timedelta(days=3)
    world.client.validate.create_waiver(
        world.test, world.function, model=world.models["v2"], reason=HOSTILE, owner="ana", expires_at=expires
    )
    (row,) = rows(world.api)
    partial, waived = row.select("td")[1:3]
    assert "partial: 40 of 48 (83.3\u00a0%)" in partial.text and partial.select_one("a.result.none") is not None
    assert partial.select(".pass") == []
    delta = partial.select_one("a.delta")
    assert delta is not None and delta.text.startswith("–") and "Not the same items" in str(delta["title"])
    mark = waived.select_one(".waived")
    assert mark is not None and "by ana" in mark.text and HOSTILE in str(mark["title"])


def test_order_and_filters_are_in_the_address(world: World) -> None:
    """Blocking tests on top, failing first; rows by names, words, tag, failing, changed."""
    validate = world.client.validate
    low = validate.create_external_eval_function("low")
    other = world.dataset.create_slice("Rain", world.ids[:10])
    wet = validate.create_scenario_test("wet", other.id, [low, world.function])
    blocking = validate.create_scenario_test("z last", other.id, [low])
    blocking.set_blocking(True)
    wet.set_tags(["weather"])
    for test, threshold in ((wet, 0.99), (world.test, 0.1)):
        for metric in test.get_eval_functions():
            metric.set_threshold(threshold)
    world.work()
    assert names(world.api) == ["z last", "wet", "Night"]
    assert "blocks releases" in rows(world.api)[0].text
    assert len(rows(world.api)) == 4
    api = world.api
    for query, found in (
        ("sort=name", ["z last", "Night", "wet"]),
        ("slice=Rain", ["z last", "wet"]),
        ("function=low", ["z last", "wet"]),
        ("tag=weather", ["wet"]),
        ("q=WEATH", ["wet"]),
        ("q=rain&function=iou", ["wet"]),
        ("failing=yes", ["wet"]),
        ("changed=yes", []),
        ("dataset=Streets&sort=newest", ["z last", "wet", "Night"]),
        ("dataset=nothing", []),
        ("sort=none&models=x&page=99", ["z last", "wet", "Night"]),
    ):
        assert names(api, f"/?{query}") == found, query
    shown = page(api, "/?tag=weather&failing=yes")
    assert shown.select_one("select[name=tag] option[selected]")["value"] == "weather"  # type: ignore[index]
    assert shown.select_one("input[name=failing][checked]") is not None
    assert shown.select_one("a[href='/']") is not None
    assert texts(shown.select("#counts a[aria-current]")) == ["1 failed"]


def test_changed_is_the_newest_result_beside_the_one_before(world: World) -> None:
    """Whether it passes where that failed, or the reverse."""
    world.upload("v3", 0.95, 4)  # v2 is much worse than the baseline
    (row,) = rows(world.api, "/?changed=yes")
    assert "now passes" in row.text
    world.upload("v3", 0.3, 5)
    assert rows(world.api, "/?changed=yes") == []


def test_older_models_are_pages_of_the_address(world: World) -> None:
    """Newest left; the baseline stays beside the tests."""
    for i in range(7):
        name = f"n{i}"
        world.models[name] = world.client.create_model(name, name)
        world.upload(name, 0.8, i)
    header = texts(page(world.api, "/").select("thead th"))
    assert header[3:] == ["n6", "n5", "n4", "n3", "n2", "n1", "n0", "v3"]
    shown = page(world.api, "/")
    (older,) = shown.select("a[rel=next]")
    assert older["href"] == "/?models=2" and "models 1 to 8 of 10" in shown.text
    assert texts(page(world.api, "/?models=2").select("thead th"))[2:] == ["Baseline", "v2", "v1"]
    assert texts(page(world.api, "/?models=99&q=night").select("thead th"))[2:] == ["Baseline", "v2", "v1"]


def test_many_tests_are_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole tests on each."""
    monkeypatch.setattr(matrix_service, "ROWS_PER_PAGE", 2)
    for name in ("b", "c"):
        world.client.validate.create_scenario_test(name, world.part.id, [world.function])
    world.work()
    first, second = names(world.api), names(world.api, "/?page=2")
    assert len(first) == 2 and len(second) == 1 and set(first) | set(second) == {"Night", "b", "c"}
    shown = page(world.api, "/?page=2&sort=name")
    assert "Page 2 of 2 · 3 tests" in shown.text
    assert shown.select_one("a[rel=prev][href='/?sort=name']") is not None


def test_without_results(sqlite_api: Api) -> None:
    """A test without any model is a row without columns, and names of users are text."""
    log_in(sqlite_api)
    client = sqlite_api.client()
    dataset = client.create_dataset("d")
    dataset.append([DatasetItem(reference_id="a", text="t")])
    function = client.validate.create_external_eval_function("f")
    test = client.validate.create_scenario_test(HOSTILE, dataset.create_slice("s", ["a"]).id, [function])
    shown = page(sqlite_api, "/")
    assert texts(shown.select("thead th")) == ["Test", "Function"]
    assert "No results yet" in shown.text and HOSTILE in shown.text
    assert shown.select_one(f"a[href='/tests/{test.id}']") is not None
    assert BeautifulSoup(sqlite_api.http.get("/").text, "html.parser").select("main img, main script") == []


@pytest.mark.parametrize("seed", range(3))
def test_it_judges_as_everything_else_does(sqlite_api: Api, seed: int) -> None:
    """On random workspaces each cell is the newest result with the very judgement of `judge_newest`."""
    rng = random.Random(seed)
    client = sqlite_api.client()
    dataset = client.create_dataset("d")
    ids = [f"i{i}" for i in range(12)]
    dataset.append([DatasetItem(reference_id=r, text="t") for r in ids])
    functions = [client.validate.create_external_eval_function(f"f{i}") for i in range(3)]
    models = [client.create_model(f"m{i}", f"m{i}") for i in range(5)]
    tests = []
    for i in range(5):
        chosen = rng.sample(functions, rng.randint(1, 3))
        part = dataset.create_slice(f"s{i}", rng.sample(ids, 6))
        tests.append((client.validate.create_scenario_test(f"t{i}", part.id, chosen), part, chosen))
    for _ in range(60):
        test, part, chosen = rng.choice(tests)
        if rng.random() < 0.15:
            part.append(reference_ids=[rng.choice(ids)])
        members = [item.reference_id for item in test.get_items()]
        scored = members if rng.random() < 0.7 else rng.sample(members, rng.randint(1, len(members)))
        results = [EvaluationResult(item_ref_id=r, score=rng.random(), weight=rng.random()) for r in scored]
        test.upload_external_evaluation_results(rng.choice(chosen), results, rng.choice(models).id)
    for test, _, _ in tests:
        for metric in test.get_eval_functions():
            if rng.random() < 0.4:
                metric.set_threshold(rng.random())
        model = rng.choice(models)
        if rng.random() < 0.9:
            try:
                test.set_baseline_model(model.id)
            except nucleus.NucleusAPIError:
                continue
    client.validate.delete_scenario_test(tests[0][0].id)
    operator = sqlite_api.services.access.operator()
    ws = sqlite_api.services.store.workspace(operator.workspace_id, operator)
    matrix = release_matrix(ws, MatrixQuery())
    shown = {}
    for each in matrix.tests:
        for row in each.rows:
            for column, cell in zip(matrix.models, row.cells, strict=True):
                if cell is not None:
                    assert cell.evaluation.model_id == column.id
                    shown[cell.evaluation.id] = cell.judgement
            if row.baseline is not None:
                assert row.baseline.evaluation.model_id == row.test.baseline_model_id
                assert shown[row.baseline.evaluation.id] == row.baseline.judgement
    expected = {j.evaluation.id: j.judgement for j in judge_newest(ws)}
    assert shown == expected and len(expected) > 10
    assert {None if j is None else j.source for j in expected.values()} >= {"threshold", "baseline"}
