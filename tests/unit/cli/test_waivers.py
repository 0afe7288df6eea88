"""`nucleus waivers`."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.unit.cli.gate_answers import MODEL_ID, TEST_ID, GateCli, waiver

WAIVER = "wv_00000000000000000001"
CREATE = ("waivers", "create", "night", "f", "--reason", "why", "--owner", "maria", "--expires")


@pytest.fixture
def waivers() -> GateCli:
    """The command line, with one waiver in force and one that is not."""
    cli = GateCli()
    expired = waiver(id="wv_00000000000000000002", status="expired", model_id=MODEL_ID, model_name="Detector 4")
    cli.wire.routes |= {
        ("GET", "validate/waivers?active=true"): {"waivers": [waiver()]},
        ("GET", "validate/waivers"): {"waivers": [waiver(), expired]},
        ("POST", "validate/waivers"): waiver(),
        ("POST", f"validate/waivers/{WAIVER}/revoke"): waiver(status="revoked"),
    }
    return cli


def test_list(waivers: GateCli) -> None:
    """Those in force, or all."""
    assert [row["id"] for row in waivers.json("waivers", "list")] == [WAIVER]
    assert [row["status"] for row in waivers.json("waivers", "list", "--all")] == ["active", "expired"]
    shown = waivers.run("waivers", "list").stdout
    assert all(word in shown for word in ("night", "maria", "any", "labels of May are wrong."))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-12-31", "2030-12-31T23:59:59.999999+00:00"),
        ("2030-12-31T18:00:00+01:00", "2030-12-31T18:00:00+01:00"),
        ("2030-12-31T18:00:00Z", "2030-12-31T18:00:00+00:00"),
    ],
)
def test_create(waivers: GateCli, text: str, moment: str) -> None:
    """Until the end of a day, or a moment with its zone."""
    assert waivers.json(*CREATE, text, "--model", "detector-v4")["id"] == WAIVER
    asked = waivers.wire.body()
    assert datetime.fromisoformat(asked.pop("expires_at")) == datetime.fromisoformat(moment)
    assert asked == {
        "scenario_test_id": TEST_ID,
        "eval_function_id": "ef_f",
        "model_id": MODEL_ID,
        "reason": "why",
        "owner": "maria",
    }


def test_of_any_model(waivers: GateCli) -> None:
    """Without --model."""
    assert "any" in waivers.run(*CREATE, "2030-12-31").stdout
    assert waivers.wire.body()["model_id"] is None


@pytest.mark.parametrize("text", ["2030-12-31T18:00:00", "soon", "2030-02-30", ""])
def test_bad_moments(waivers: GateCli, text: str) -> None:
    """What has no zone, and what is no date."""
    assert f"got {text!r}" in waivers.run(*CREATE, text, code=3).stderr


def test_revoke(waivers: GateCli) -> None:
    """After a question that says what counts again."""
    assert "night / f" in waivers.run("waivers", "revoke", WAIVER, answer="n\n", code=3).stderr
    assert "counts again" in waivers.run("waivers", "revoke", WAIVER, "--yes").stdout
    assert waivers.json("waivers", "revoke", WAIVER, "--yes")["status"] == "revoked"
    assert "no waiver" in waivers.run("waivers", "revoke", "wv_x", "--yes", code=3).stderr
