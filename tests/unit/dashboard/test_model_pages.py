"""Models: the ranking, what can be told apart in it, and one model."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.unit.dashboard.browsing import page, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE, World


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """A workspace with verdicts, logged in as admin."""
    made = World(sqlite_api)
    log_in(sqlite_api)
    return made


def ranks(world: World, query: str = "") -> list[list[str]]:
    """Place, model, passed and won of each row."""
    rows = page(world.api, f"/models{query}").select("#ranking tbody tr")
    return [texts(row.select("td, th"))[:4] for row in rows]


def test_models_are_ranked_by_what_passes(world: World) -> None:
    """Then by what is better than the baseline; partial results are no pass, and who was not evaluated has no place."""
    (entry,) = world.test.get_eval_functions()
    entry.set_threshold(0.7)
    new = world.client.create_model(HOSTILE, "new", tags=["nightly"])
    part = world.client.create_model("part", "part")
    world.dataset.upload_scores({"iou": "s"}, part, {"item_ref_id": world.ids[:30], "s": [0.95] * 30}, min_coverage=0.5)
    rows = ranks(world)
    names = [row[1] for row in rows]
    assert set(names[:2]) == {"v1", "v3"} and names[2:] == ["part", "v2", f"{HOSTILE} nightly"]
    by_name = {row[1]: row for row in rows}
    assert by_name["v1"][2:] == ["1 of 1", "–"] and by_name["v2"][2:] == ["0 of 1", "0 of 1"]
    assert by_name["part"][2:] == ["0 of 1", "1 of 1"]
    assert by_name[f"{HOSTILE} nightly"][0] == "–" and len(world.api.http.get(f"/models/{new.id}").text) > 500


def test_a_baseline_does_not_pass_against_itself(world: World) -> None:
    """Where the baseline is the criterion, its own result has none: that it equals itself is no merit."""
    by_name = {row[1]: row[2] for row in ranks(world)}
    assert by_name["v1"] == "0 of 1" == by_name["v2"]


def test_tests_are_chosen_by_tag_and_dataset(world: World) -> None:
    """A tag that no test has chooses none."""
    world.test.set_tags(["night"])
    assert len(ranks(world, "?tag=night")) == 3 and ranks(world, "?tag=night")[0][0] == "1"
    none = page(world.api, "/models?tag=day")
    assert "0 tests with 0 functions" in texts(none.select("main"))[0] and "Choose all tests" in none.text
    assert {row[0] for row in ranks(world, "?tag=day")} == {"–"}
    assert ranks(world, f"?dataset={world.dataset.id}") == ranks(world)


def test_neighbours_are_told_apart_beyond_chance(world: World) -> None:
    """The first and the third are alike, the second is worse than both."""
    (entry,) = world.test.get_eval_functions()
    entry.set_threshold(0.7)
    shown = page(world.api, "/models")
    (ask,) = shown.select("#separation a")
    path = str(ask["href"]).partition("#")[0]
    asked = page(world.api, path).select_one("#separation[hx-get]")
    assert asked is not None
    part = str(asked["hx-get"])
    waiting = world.api.http.get(part, headers={"hx-request": "true"})
    assert waiting.status_code == 200 and "<html" not in waiting.text
    world.work()
    told = page(world.api, part)  # without a script the whole page
    (sentence,) = texts(told.select("#separation .sentence"))
    assert sentence.startswith("Cannot separate places 1–2: v") and "v2" not in sentence
    rows = [texts(row.select("th, td")) for row in told.select("#separation tbody tr")]
    assert [row[2] for row in rows] == ["no", "yes"]
    assert rows[0][1] == "neither is better, beyond chance, of 1 comparison"
    assert rows[1][0].endswith("and v2") and "better in 1, beyond chance, of 1 comparison" in rows[1][1]


def test_a_workspace_without_models(sqlite_api: Api) -> None:
    """Says what to run."""
    log_in(sqlite_api)
    assert 'create_model("my model"' in page(sqlite_api, "/models").text
    made = sqlite_api.client().create_model("m", "m")
    shown = page(sqlite_api, "/models")
    assert "It takes two evaluated models." in shown.text
    assert "upload_scores" in page(sqlite_api, f"/models/{made.id}").text


def test_one_model(world: World) -> None:
    """With its newest results, failing first, its metadata, the slices it was trained on and its uploads."""
    made = world.client.create_model(
        "v4",
        "v4",
        metadata={"steps": 1000, "note": HOSTILE},
        tags=["night"],
        trained_slice_ids=[world.part.id, "slc_gone"],
    )
    world.models["v4"] = made
    world.upload("v4", 0.5, 4)
    shown = page(world.api, f"/models/{made.id}")
    (row,) = texts(shown.select("#results tbody tr"))
    assert row.startswith("Nightiou") and "✗ failed" in row
    assert "1 failed, 0 passed on all items, of 1." in shown.text
    assert texts(shown.select("#metadata tbody tr")) == ["steps1000", f"note{HOSTILE}"]
    assert [str(a["href"]) for a in shown.select("#metadata a")] == [f"/slices/{world.part.id}"]
    assert "slc_gone" in texts(shown.select("#metadata"))[0] and len(shown.select("#uploads tbody tr")) == 1
    for link in shown.select("#results a"):
        assert world.api.http.get(str(link["href"])).status_code == 200
    assert world.api.http.get("/models/prj_unknown").status_code == 404
