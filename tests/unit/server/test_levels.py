"""Results of scenes and tracks: who the members are, what comes back, comparisons, and clusters by scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import nucleus
from nucleus import DatasetItem, VideoScene
from nucleus_server.domain import Box, BoxGeometry, ClusterBy
from nucleus_server.errors import InvalidInput
from nucleus_server.services import UploadPlan, WorkspaceStore
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.score_uploads import check_plan
from tests.support.api import Api, assert_error

SCENES = ("a", "b", "c")


@dataclass
class World:
    """Three scenes of three frames; tracks `t` in a and b, `u` in c; a slice of scenes a and b, one of frames of b and c."""

    api: Api
    client: nucleus.NucleusClient
    dataset: nucleus.Dataset
    ws: WorkspaceStore
    models: list[str]

    def test(self, level: str, slice_id: str) -> tuple[Any, Any]:
        """A test of one function of this level on the slice."""
        name = f"f-{level}-{slice_id}"
        made = self.client.validate.create_external_eval_function(name, level=nucleus.validate.EntityLevel(level))
        function = self.client.validate.eval_functions.external_functions[made.name]
        return self.client.validate.create_scenario_test(name, slice_id, [function]), function

    def upload(self, test: Any, function: Any, level: str, scores: dict[str, float], model: int = 0) -> Any:
        """The raw answer to an upload in the official client's form."""
        body = {
            "unit_test_id": test.id,
            "eval_function_id": function.id,
            "result_per_ref_id": scores,
            "weight_per_ref_id": dict.fromkeys(scores, 1),
            "overall_metric": sum(scores.values()) / len(scores),
            "model_id": self.models[model],
            "slice_id": test.slice_id,
            "level": level,
        }
        return self.api.post("validate/scenario_test/upload_results", body)

    def annotate(self, item: str, track: str) -> None:
        """A box on an item."""
        box = Box(reference_id=item, label="car", geometry=BoxGeometry(0, 0, 1, 1), track_reference_id=track)
        self.ws.annotate(self.dataset.id, [box], update=False)


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """See `World`."""
    return world_of(sqlite_api)


def world_of(sqlite_api: Api) -> World:
    """See `World`."""
    client = sqlite_api.client()
    dataset = client.create_dataset("drives", is_scene=True)
    dataset.append(
        [
            VideoScene(
                s, 10, items=[DatasetItem(f"https://x/{s}{i}.jpg", f"{s}/{i}") for i in range(3)], metadata={"s": s}
            )
            for s in SCENES
        ]
    )
    models = [client.create_model(name, name).id for name in ("old", "new")]
    actor = sqlite_api.services.access.operator()
    made = World(sqlite_api, client, dataset, sqlite_api.services.store.workspace(actor.workspace_id, actor), models)
    for item, track in (("a/0", "t"), ("a/1", "t"), ("b/0", "t"), ("c/0", "u")):
        made.annotate(item, track)
    return made


def item_rows(world: World, evaluation_id: str) -> list[dict[str, Any]]:
    """The rows of an evaluation's members."""
    rows: list[dict[str, Any]] = world.api.get(f"validate/eval/{evaluation_id}/info").json()[
        "scenario_test_item_evaluations"
    ]
    return rows


def test_scenes_of_a_slice_of_scenes(world: World) -> None:
    """Are its members; rows carry the scene's id and reference id."""
    part = world.dataset.create_slice("s", ["b", "a"])
    test, function = world.test("scene", part.id)
    answer = world.upload(test, function, "scene", {"a": 0.5, "b": 1.0}).json()
    assert (answer["evaluation"]["level"], answer["evaluation"]["n_members"]) == ("scene", 2)
    rows = item_rows(world, answer["evaluation"]["id"])
    ids = {row["reference_id"]: row["id"] for row in world.dataset.scenes}
    assert [(r["scene_ref_id"], r["dataset_item_id"], r["result"]) for r in rows] == [
        ("b", ids["b"], 1.0),
        ("a", ids["a"], 0.5),
    ]
    assert "track_ref_id" not in rows[0]
    again = world.upload(test, function, "scene", {"a": 0.5, "b": 1.0}).json()
    assert again["replayed"] and again["evaluation"]["id"] == answer["evaluation"]["id"]
    worst = world.api.get(f"validate/eval/{answer['evaluation']['id']}/worst_items").json()
    assert worst["scenario_test_item_evaluations"][0]["reference_id"] == "a"


def test_scenes_of_a_slice_of_items(world: World) -> None:
    """Are those that its items are in, in the order of the slice; a scene without a score is missing."""
    part = world.dataset.create_slice("s", ["c/2", "b/0", "c/0"])
    test, function = world.test("scene", part.id)
    evaluation = world.upload(test, function, "scene", {"b": 0.25}).json()["evaluation"]
    assert (evaluation["n_members"], evaluation["n_scored"], evaluation["coverage"]) == (2, 1, 0.5)
    answer = world.upload(test, function, "scene", {"a": 1.0})
    assert_error(answer, 422, "items_outside_slice")
    assert "scenes" in answer.json()["error"]
    assert_error(world.upload(test, function, "scene", {"c/0": 1.0}), 422, "unknown_reference_ids")


def test_tracks(world: World) -> None:
    """Are those that annotations and predictions on the slice name; a later upload has new ones behind the old."""
    part = world.dataset.create_slice("s", ["c", "b"])
    test, function = world.test("track", part.id)
    first = world.upload(test, function, "track", {"t": 0.5, "u": 1.0}).json()["evaluation"]
    assert (first["level"], first["n_members"]) == ("track", 2)
    assert [(r["track_ref_id"], r["dataset_item_id"]) for r in item_rows(world, first["id"])] == [
        ("t", "t"),
        ("u", "u"),
    ]
    world.ws.upload_predictions(
        [
            Box(
                reference_id="b/1",
                label="car",
                confidence=0.5,
                geometry=BoxGeometry(0, 0, 1, 1),
                track_reference_id="v",
            )
        ],
        update=False,
        dataset_id=world.dataset.id,
        model_id=world.models[0],
    )
    second = world.upload(test, function, "track", {"t": 0.5, "u": 0.5, "v": 1.0}, model=1).json()["evaluation"]
    assert second["n_members"] == 3
    test.set_baseline_model(world.models[0])
    row = world.api.get(f"validate/eval/{second['id']}/row").json()["evaluation"]
    assert row["criterion"]["n_common"] == 2 and row["criterion"]["result_on_common"] == 0.5
    compared = test.compare(world.models[0], world.models[1])
    assert compared[0].comparison.n == 2
    world.dataset.delete_tracks(["t"])
    third = world.upload(test, function, "track", {"u": 1.0, "v": 1.0}).json()["evaluation"]
    assert (third["n_members"], third["n_deleted"], third["coverage"]) == (3, 1, 1.0)
    assert_error(world.upload(test, function, "track", {"t": 1.0}), 422, "deleted_items")


def test_wrong_levels_are_refused(world: World) -> None:
    """With what was expected and got."""
    scenes, items = world.dataset.create_slice("s", ["a"]), world.dataset.create_slice("i", ["a/0"])
    test, function = world.test("item", scenes.id)
    answer = world.upload(test, function, "item", {"a/0": 1.0})
    assert_error(answer, 422, "level_mismatch")
    assert "level scene or track" in answer.json()["error"] and "level item" in answer.json()["error"]
    test, function = world.test("scene", items.id)
    assert_error(world.upload(test, function, "item", {"a/0": 1.0}), 422, "level_mismatch")
    flat = world.client.create_dataset("flat")
    flat.append([DatasetItem("https://x/1.jpg", "1")])
    test, function = world.test("scene", flat.create_slice("s", ["1"]).id)
    answer = world.upload(test, function, "scene", {"1": 1.0})
    assert_error(answer, 422, "level_mismatch")
    assert "has no scenes" in answer.json()["error"]
    plan = UploadPlan(world.dataset.id, world.models[0], (function.id,))
    with pytest.raises(InvalidInput, match="upload its results to each test") as refusal:
        check_plan(world.ws, plan)
    assert refusal.value.code == "level_mismatch"


def test_items_scenes_and_tracks_of_a_test(world: World) -> None:
    """One answer has all three."""
    test, _ = world.test("scene", world.dataset.create_slice("s", ["b", "a"]).id)
    answer = world.api.get(f"validate/scenario_test/{test.id}/items").json()
    assert [row["reference_id"] for row in answer["dataset_items"]] == [f"{s}/{i}" for s in "ba" for i in range(3)]
    assert [(row["reference_id"], row["metadata"]) for row in answer["scenes"]] == [
        ("b", {"s": "b"}),
        ("a", {"s": "a"}),
    ]
    assert [(row["reference_id"], row["dataset_id"]) for row in answer["tracks"]] == [("t", world.dataset.id)]
    test, _ = world.test("item", world.dataset.create_slice("i", ["c/1", "a/0"]).id)
    answer = world.api.get(f"validate/scenario_test/{test.id}/items").json()
    assert [row["reference_id"] for row in answer["dataset_items"]] == ["c/1", "a/0"]
    assert [row["reference_id"] for row in answer["scenes"]] == ["c", "a"]
    assert [row["reference_id"] for row in answer["tracks"]] == ["t"]


def test_items_cluster_by_scene(world: World) -> None:
    """By default; overridable by the dataset and by the test; each scene or track is its own."""
    part = world.dataset.create_slice("i", [f"{s}/{i}" for s in SCENES for i in range(3)])
    test, function = world.test("item", part.id)
    for model, shift in ((0, 0.0), (1, 0.1)):
        scores = {f"{s}/{i}": 0.1 * i + shift for s in SCENES for i in range(3)}
        assert world.upload(test, function, "item", scores, model).status_code == 200
    pair = test.compare(world.models[0], world.models[1])[0].comparison
    assert (pair.cluster.by, pair.cluster.source, pair.n_clusters) == ("scene", "scenes", 3)
    stored, own = world.ws.get_scenario_test(test.id), world.ws.get_eval_function(function.id)
    assert Clusters(world.ws).resolve(stored, own).by is ClusterBy.SCENE
    world.dataset.set_cluster_key(nucleus.EACH_ITEM)
    pair = test.compare(world.models[0], world.models[1])[0].comparison
    assert (pair.cluster.by, pair.cluster.source, pair.n_clusters) == ("item", "dataset", 9)
    test.set_cluster_key(nucleus.validate.ClusterKey("scene"))
    pair = test.compare(world.models[0], world.models[1])[0].comparison
    assert (pair.cluster.by, pair.cluster.source, pair.n_clusters) == ("scene", "test", 3)
    flat = world.client.create_dataset("flat")
    with pytest.raises(nucleus.NucleusAPIError, match="without scenes"):
        flat.set_cluster_key(nucleus.validate.ClusterKey("scene"))
    scene_test, scene_function = world.test("scene", part.id)
    resolved = Clusters(world.ws).resolve(
        world.ws.get_scenario_test(scene_test.id), world.ws.get_eval_function(scene_function.id)
    )
    assert (resolved.by, resolved.source) == (ClusterBy.ITEM, "level")
