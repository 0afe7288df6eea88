"""The official clients, unmodified, against the real program on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from nucleus_server.domain import PUBLIC_FUNCTIONS
from tests.support.images import write_png
from tests.support.official import VERSIONS, run_driver
from tests.support.server import LiveServer

DRIVERS = Path(__file__).parent / "drivers"


@pytest.mark.parametrize("version", VERSIONS)
def test_user_script(version: str, both_servers: LiveServer, tmp_path: Path) -> None:
    """Every call behind external evaluation functions hands its user what the hosted service would."""
    image = write_png(tmp_path / "an image.png")
    seen = run_driver(version, DRIVERS / "user_script.py", both_servers, f"{version}-", str(image))
    if version == "0.18.4":
        assert seen["append"]["new_items"] == 25 and seen["append"]["upload_errors"] == 0
        assert seen["append_again"]["updated_items"] == 3
        assert seen["append_local"]["new_items"] == 12
        assert seen["append_async"]["status"] == "Completed"
        n_items = 38
    else:
        for name in ("append", "append_again", "append_local"):
            job = seen[name]
            assert (job["status"], job["job_progress"], job["job_type"]) == ("Completed", "1.00", "uploadDatasetItems")
            assert job["completed_steps"] == job["total_steps"] > 0
        assert seen["append"]["message"]["new_items"] == 25
        n_items = 37
    assert seen["dataset"] == [f"{version}-dataset", False, False, n_items, n_items]
    metadata = {"n": {"a": [1, None]}}
    assert seen["item"] == ["https://example.com/images/0.jpg", metadata, "aec019e2/93ce64eb 0.jpg", {}]
    assert seen["iloc"] == "aec019e2/93ce64eb 1.jpg"
    assert seen["listed"] and seen["items_generator"]
    assert seen["local_image"] == [True, "image/png"]

    assert seen["slice"] == [f"{version}-slice", True, 20, True]
    assert seen["slice_append"] == 2 and seen["slices"] == [True, True]
    assert seen["models"] == [True, True, None]
    assert seen["public"] == sorted(PUBLIC_FUNCTIONS)
    assert seen["taken"][0] == 409

    evaluation = seen["upload"]["evaluation"]
    assert evaluation["result"] == pytest.approx(0.795, rel=1e-12)
    assert (evaluation["n_scored"], evaluation["n_members"], evaluation["coverage"]) == (22, 22, 1.0)
    assert seen["upload"]["replayed"] is False and seen["replay"] is True
    assert seen["baseline"] is True
    assert seen["history"] == [[True, "completed", 0.795, True], [True, "completed", 0.5, False]]
    assert seen["item_evals"] == [22, True, 0.9, True]
    assert seen["no_threshold"] == [None, "greater_than_equal_to", {}]
    assert seen["threshold"] == [0.5, [True, True]]
    assert seen["added"] == [True, None, True]
    assert seen["test"] == [f"{version}-test", True, True]
    assert seen["items"] == [22, "https://example.com/images/0.jpg", True]

    assert seen["mixed"][0] == 422 and "external" in seen["mixed"][1]
    assert seen["evaluate"][0] == 501
    assert seen["unknown_model"][0] == 404
    assert seen["unknown_id"][0] == 422 and "nobody" in seen["unknown_id"][1]
    assert seen["repeated_id"][0] == 422 and "more than once" in seen["repeated_id"][1]
    assert seen["wrong_key"][0] == 401
    assert seen["deleted_test"] is True
    assert seen["deleted_item"][0] == 404
    assert seen["deleted_dataset"] == {"message": "Beginning dataset deletion..."}
