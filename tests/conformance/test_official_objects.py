"""Annotations, predictions, runs and exports with both official clients: what they hand to their user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.official import VERSIONS, run_driver
from tests.support.server import LiveServer

DRIVER = Path(__file__).parent / "drivers" / "objects.py"


@pytest.fixture(scope="module", params=VERSIONS)
def found(request: pytest.FixtureRequest, both_servers: LiveServer) -> dict[str, Any]:
    """What one client got."""
    is_new = ["--new"] if request.param == VERSIONS[-1] else []
    found = run_driver(request.param, DRIVER, both_servers, request.param, *is_new)
    return {"is new": request.param == VERSIONS[-1], **found}


def without_ids(counts: dict[str, Any]) -> list[Any]:
    """Processed, ignored, errors."""
    return [counts["annotations_processed"], counts["annotations_ignored"], counts.get("errors", [])]


def test_collisions_are_ignored_or_replaced_and_counted(found: dict[str, Any]) -> None:
    """By the user's ids; an unknown item is an error of its own, not of the call."""
    assert without_ids(found["first"]) == [7, 0, []]
    assert without_ids(found["again"]) == [0, 3, []]
    assert without_ids(found["updated"]) == [3, 0, []]
    assert without_ids(found["unknown item"]) == [1, 0, ["Item with id nobody does not exist."]]
    assert without_ids(found["masks"]) == [2, 0, []]
    assert without_ids(found["mask again"]) == [0, 1, []]


def test_taxonomies_are_created_known_and_extended(found: dict[str, Any]) -> None:
    """With the texts that scripts look at; a category of none is refused by name."""
    assert [answer["status"] for answer in found["taxonomy"]] == [
        "Taxonomy created",
        "Taxonomy already exists",
        "Taxonomy updated",
        "Taxonomy created",
    ]
    assert without_ids(found["categories"]) == [3, 0, []]
    processed, ignored, (error,) = without_ids(found["category of no taxonomy"])
    assert (processed, ignored) == (0, 0)
    assert error.startswith("Input validation failed: Taxonomy no such does not exist in dataset ds_")


def test_annotations_come_back_equal(found: dict[str, Any]) -> None:
    """To the objects that were sent, by the client's own comparison."""
    assert found["round trip"] == {
        "boxes": [True, True],
        "line": True,
        "keypoints": True,
        "cuboid": True,
        "polygon": [1, 3, 0, True],
        "categories": ["['free', None]", "['sun', 'weather']"],
        "multicategory": ["x", "y"],
        "metadata": {"s": "ü", "i": 3, "f": 0.5, "n": None, "d": {"a": [1, {"b": True}]}},
    }
    assert found["local mask is equal"] == [True, True]
    assert found["slashes"] == [True, True, "test/b/c"]
    assert found["types on a"] == {
        "box": 2, "line": 1, "polygon": 1, "keypoints": 1, "cuboid": 1, "category": 2, "multicategory": 1
    }  # fmt: skip


def test_asynchronous_uploads_are_jobs_that_name_what_they_left_out(found: dict[str, Any]) -> None:
    """At work when looked at at once, completed after the wait."""
    assert found["async status at once"] == "Running"
    assert found["async"] == ["Completed", 7, ["Item with id nobody does not exist."]]
    assert found["async progress"] == ["1.00", True]
    assert found["async predictions"] == ["Completed", 1]


def test_predictions_come_back_equal(found: dict[str, Any]) -> None:
    """With a confidence of 0 as 0."""
    assert found["predictions"] == {"predictions_processed": 5, "predictions_ignored": 0}
    assert found["predictions again"] == 1
    assert found["prediction types"] == {"box": 2, "polygon": 1, "keypoints": 1, "category": 1}
    assert found["prediction round trip"] == [True, True, True, 0.5, 0.0]
    assert found["prediction loc"] is True
    assert found["export"] == {"box": 2, "polygon": 1, "keypoints": 1, "category": 1}


def test_runs_hold_predictions_of_their_own(found: dict[str, Any]) -> None:
    """Read by reference id, place and id, exported, committed."""
    assert found["run"] == [True, 2, 2, True, {"box": 2}, True, "run", True]
    if found["is new"]:
        assert (found["run-free"], found["run-free read"]) == (1, 1)


def test_exports_have_every_item_with_its_objects(found: dict[str, Any]) -> None:
    """Of a dataset and of a slice, whole and by pages."""
    assert found["rows"] == [
        ["a", {"box": 2, "polygon": 1, "line": 1, "keypoints": 1, "cuboid": 1, "category": 2, "multicategory": 1}],
        ["test/b/c", {"box": 1}],
        ["d", {"segmentation": 1}],
        ["e", {"segmentation": 1, "box": 7}],
        ["f", {}],
    ]
    assert found["generated rows"] == 5
    assert found["slice rows"] == ["a", "d"]
    assert found["slice predictions"] == 2
    assert "sky" in found["slice labels"] and "late" not in found["slice labels"]


def test_labels_follow_what_is_deleted(found: dict[str, Any]) -> None:
    """Exactly those that stand in an annotation."""
    assert found["labels"] == ["area", "bus", "car", "free", "lane", "pose", "road", "sky", "sun", "van", "x", "y"]
    assert found["after deletion"] == [{}, True]
    assert found["after deleting an item"] is False


def test_tags_and_trained_slices_of_models(found: dict[str, Any]) -> None:
    """Removing an unknown tag has the body that clients compare."""
    assert found["model tags"] == ["one"]
    status, text = found["unknown tag"]
    assert status == 400
    assert '{"error":"Deleted 0 tags from model. The specified tag(s) were not found."}' in text
    assert found["trained slices"] is True
    assert found["dataset tags"] == ["t", "u"]
