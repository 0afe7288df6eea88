"""Pages of scenes and tracks: named as what they are, shown by a first image, without a link that leads nowhere."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.unit.dashboard.browsing import page, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.server.test_levels import World, world_of


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """Scenes and tracks, logged in as admin."""
    made = world_of(sqlite_api)
    log_in(sqlite_api)
    return made


def assert_links_lead_somewhere(world: World, path: str) -> None:
    """Every link of the page is to a page that is there."""
    links = {str(a["href"]) for a in page(world.api, path).select("main a[href^='/']")}
    assert links
    for link in links:
        assert world.api.http.get(link).status_code < 400, link


@pytest.mark.parametrize("level", ["scene", "track"])
def test_pages_name_members(world: World, level: str) -> None:
    """An evaluation's page, the test's and the comparison."""
    test, function = world.test(level, world.dataset.create_slice("s", ["c", "b"]).id)
    names = ("b", "c") if level == "scene" else ("t", "u")
    ids = [
        world.upload(test, function, level, dict(zip(names, scores, strict=True)), model).json()["evaluation"]["id"]
        for model, scores in enumerate([(0.25, 0.75), (0.5, 1.0)])
    ]
    test.set_baseline_model(world.models[0])
    path = f"/evaluations/{ids[1]}"
    shown = page(world.api, path)
    assert texts(shown.select("#items figcaption")) == list(names)
    assert not shown.select("#items figcaption a")
    assert f"2 scored {level}s" in shown.text and "scored items" not in shown.text
    assert [str(img["src"]) for img in shown.select("#items img")] == (
        ["https://x/b0.jpg", "https://x/c0.jpg"] if level == "scene" and shown.select("#items img") else []
    )
    assert bool(shown.select(f"#items summary:-soup-contains('Save these {level}s')")) is (level == "scene")
    for each in (path, f"/tests/{test.id}", f"/compare/{ids[0]}/{ids[1]}", "/"):
        assert_links_lead_somewhere(world, each)
    assert "each scene or track its own" in page(world.api, f"/compare/{ids[0]}/{ids[1]}").text


@pytest.mark.parametrize("level", ["item", "scene", "track"])
def test_code_to_upload_runs(world: World, level: str) -> None:
    """What the test's page says to run uploads results of the function's level."""
    members = ["b/0", "c/0"] if level == "item" else ["c", "b"]
    test, _ = world.test(level, world.dataset.create_slice("s", members).id)
    shown = page(world.api, f"/tests/{test.id}")
    assert "2 members" in shown.text
    code = next(code.text for code in shown.select("pre") if "upload_external_evaluation_results" in code.text)
    code = code.replace("import nucleus\n", "", 1).replace('"YOUR_MODEL_ID"', f'"{world.models[0]}"')
    names = {"nucleus": _Nucleus(world), "my_score": lambda member: 0.5}
    exec(compile(code, "the page", "exec"), names)
    (evaluation,) = test.get_eval_history()
    assert (evaluation.level, evaluation.n_scored) == (level, 2)


class _Nucleus:
    """`nucleus`, whose client needs no socket."""

    def __init__(self, world: World) -> None:
        self.NucleusClient = lambda key, endpoint: world.client


def test_slice_of_scenes(world: World) -> None:
    """Its page shows the scenes, which have no pages."""
    part = world.dataset.create_slice("s", ["c", "b"])
    path = f"/slices/{part.id}"
    assert texts(page(world.api, path).select("figcaption")) == ["c", "b"]
    assert_links_lead_somewhere(world, path)


def test_clusters_by_scene_are_said(world: World) -> None:
    """On the dataset's page and where the key is set."""
    path = f"/datasets/{world.dataset.id}"
    for each in (path, f"{path}/cluster-key"):
        assert "by scene, the default of a dataset of scenes" in page(world.api, each).text
