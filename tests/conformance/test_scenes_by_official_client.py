"""The official clients, unmodified, on scenes and tracks, against the real program on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.official import VERSIONS, run_driver
from tests.support.server import LiveServer

DRIVER = Path(__file__).parent / "drivers" / "scenes.py"


@pytest.mark.parametrize("version", VERSIONS)
def test_scenes_and_tracks(version: str, both_servers: LiveServer) -> None:
    """What its user gets: scenes as sent, merged metadata, tracks, slices, and results of scenes and tracks."""
    p = f"{version}-"
    seen = run_driver(version, DRIVER, both_servers, p)
    assert seen["lidar_append"] == ["uploadLidarScene", "Completed", "1.00", True, []]
    assert seen["lidar_listed"] == [[f"{p}second", "lidar", {"day": 1}], [f"{p}first", "lidar", {}]]
    assert seen["lidar_equal"] == [True, True] and seen["camera"] and seen["from_item"]
    assert seen["lidar_frames"] == [[f"{p}second-c{i}", f"{p}second-f{i}"] for i in range(3)]
    assert seen["is_scene"] == [True, 8, 8]
    assert seen["lidar_update"][:4] == ["uploadLidarScene", "Completed", "1.00", True]
    assert len(seen["lidar_update"][4]) == 1 and f"{p}second" in seen["lidar_update"][4][0]
    assert seen["updated_metadata"] == {"new": True}
    assert seen["ignored"] == ["uploadLidarScene", "Completed", "1.00", True, []]

    assert seen["video_append"] == ["uploadVideoScene", "Completed", "1.00", True, []]
    assert seen["video_equal"] == [True] * 4
    assert (seen["video_rate"], seen["video_url"]) == ("5", "https://example.com/v.mp4")
    assert seen["wrong_dataset"][0] == 422

    a, b, c = (f"{p}{name}" for name in "abc")
    assert seen["scene_metadata"] == {"name": a, "new": 1}
    assert seen["item_metadata"] == {"i": 7, "j": {"k": 1}}
    assert seen["async_metadata"] == ["metadataUpdate", "Completed", "1.00", True, []]
    assert seen["async_merged"] == {"name": b, "later": True}

    assert seen["annotate"] == 4
    assert seen["tracks"] == [["t", True], ["u", True]] and seen["scene_tracks"] == ["u"]
    assert seen["track_metadata"] == {"a": 1, "b": 2} and seen["track_overwritten"] == {"c": 3}

    assert seen["slice"] == ["scene", [b, a]] and seen["slice_grown"] == [b, a, c]
    assert seen["slice_by_ids"] == [c]
    assert seen["slice_types"] == [f"{p}by_ids", f"{p}slice"]

    assert seen["scene_members"] == [b, a, c] and seen["item_members"] == 6
    assert seen["scene_upload"] == 3
    assert seen["scene_history"] == [["completed", 0.5]]
    assert seen["scene_evals"] == [[True, 0.0], [True, 0.5], [True, 1.0]]
    assert seen["track_members"] == ["t", "u"] and seen["track_upload"] == 0.5
    assert seen["track_evals"] == [["t", 0.25], ["u", 0.75]]
    assert seen["wrong_level"][0] == 422 and "is track, got level scene" in seen["wrong_level"][1]
    assert seen["unknown_track"][0] == 422 and "nobody" in seen["unknown_track"][1]
    assert seen["tracks_left"] == ["t"]
    assert seen["scenes_left"] == [a, b, f"{p}url"]
