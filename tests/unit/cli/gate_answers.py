"""Release reports, releases and waivers as the server sends them, and the command line with a server that does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from typer.testing import CliRunner, Result

import nucleus
from nucleus._cli.app import create_app
from nucleus._cli.session import Session
from tests.unit.sdk.wire import ORIGIN, Wire, function_entry

MODEL_ID = "prj_00000000000000000001"
BASELINE_ID = "prj_00000000000000000002"
TEST_ID = "st_00000000000000000001"
URL = f"{ORIGIN}/report?model={MODEL_ID}"

HOSTILE = 'x"&<b>|`c`*d*[e](http://f.example)\x1b[31m\x00\n| @team #1 <!-- --> ]]>\ud800'
"""A name that would break out of every format if it were let."""


def side(model_id: str, name: str, result: float | None, n_scored: int = 40, n_members: int = 40) -> dict[str, Any]:
    """One of two evaluations that are compared."""
    return {
        "evaluation_id": "ev_00000000000000000001",
        "model_id": model_id,
        "model_name": name,
        "result": result,
        "coverage": n_scored / n_members,
        "n_scored": n_scored,
        "n_members": n_members,
        "created_at": "2026-01-01T00:00:00.000Z",
        "upload_id": None,
    }


def comparison(verdict: str = "worse", delta: float = -0.0512, **changes: Any) -> dict[str, Any]:
    """A computed comparison."""
    return {
        "status": "complete",
        "delta": delta,
        "interval": [delta - 0.01, delta + 0.01],
        "p_value": 0.00002,
        "adjusted_p": 0.0123,
        "adjustment": "benjamini-hochberg",
        "verdict": verdict,
        "unadjusted_verdict": verdict,
        "is_non_inferior": verdict != "worse",
        "standard_error": 0.005,
        "minimum_detectable_effect": 0.01434,
        "clusters_needed": None,
        "n": 40,
        "n_effective": 40.0,
        "n_clusters": 12,
        "n_left_out": 0,
        "n_draws": 4096,
        "seed": 1,
        "alpha": 0.05,
        "margin": 0.0,
        "method_version": "1",
        "cluster": {"by": "metadata", "key": "drive", "source": "dataset"},
        "n_without_cluster_value": 0,
        "weights_differ": False,
        "baseline_result": 0.8,
        "candidate_result": 0.8 + delta,
        "n_missing": 0,
        "worst_case": None,
        "best_case": None,
        **changes,
    }


def entry(outcome: str = "failed", function: str = "custom_mAP", test: str = "night", **changes: Any) -> dict[str, Any]:
    """One function of a test."""
    has_candidate, has_baseline = outcome != "missing", outcome not in ("missing", "new")
    verdicts = {"failed": "worse", "passed": "equivalent", "inconclusive": "inconclusive"}
    return {
        "scenario_test_id": f"st_{test}",
        "scenario_test_name": test,
        "slice_id": "slc_1",
        "eval_function_id": f"ef_{function}",
        "eval_function_name": function,
        "unit": None,
        "higher_is_better": True,
        "is_blocking": False,
        "tags": [],
        "mode": "non-inferior",
        "threshold": None,
        "threshold_comparison": "greater_than_equal_to",
        "margin": 0.0,
        "candidate": side(MODEL_ID, "Detector 4", 0.7488) if has_candidate else None,
        "baseline": side(BASELINE_ID, "Detector 3", 0.8) if has_baseline else None,
        "comparison": comparison(verdicts[outcome]) if has_baseline else None,
        "threshold_check": None,
        "warnings": [],
        "outcome": outcome,
        "reason": f"It is {outcome}.",
        "settles": "about 40 clusters" if outcome == "inconclusive" else None,
        "waiver": None,
        "compare_path": "/compare/ev_a/ev_b",
        **changes,
    }


def waiver(**changes: Any) -> dict[str, Any]:
    """A waiver of anybody's night test."""
    return {
        "id": "wv_00000000000000000001",
        "scenario_test_id": TEST_ID,
        "scenario_test_name": "night",
        "eval_function_id": "ef_f",
        "eval_function_name": "f",
        "model_id": None,
        "model_name": None,
        "reason": "labels of May are wrong.",
        "owner": "maria",
        "expires_at": "2030-12-31T00:00:00Z",
        "status": "active",
        "created_at": "2026-01-01T00:00:00Z",
        "user_name": "admin",
        **changes,
    }


def report(entries: Iterable[dict[str, Any]] = (), **changes: Any) -> dict[str, Any]:
    """A report of these entries."""
    rows = list(entries)
    counts = {
        word: sum(row["outcome"] == word for row in rows)
        for word in ("failed", "missing", "inconclusive", "new", "passed")
    }
    first = next((word for word, n in counts.items() if n), "passed")
    sides = [row["candidate"] for row in rows if row["candidate"] is not None]
    return {
        "status": "complete",
        "job_id": None,
        "n_comparisons": len(rows),
        "n_computed": len(rows),
        "model": {"id": MODEL_ID, "name": "Detector 4"},
        "baseline": {"kind": "own", "model_id": None, "model_name": None},
        "outcome": {"new": "inconclusive"}.get(first, first),
        "sentence": f"Detector 4 {first}.",
        "counts": {**counts, "waived": sum(row["waiver"] is not None for row in rows)},
        "coverage": {
            "n_complete": sum(one["coverage"] == 1 for one in sides),
            "n_partial": sum(one["coverage"] < 1 for one in sides),
            "lowest": min((one["coverage"] for one in sides), default=None),
        },
        "options": {},
        "entries": rows,
        "top_items": [],
        "path": URL.removeprefix(ORIGIN),
        **changes,
    }


def top_item(reference_id: str = "frame-17", contribution: float = -0.021) -> dict[str, Any]:
    """An item that weighs much."""
    return {
        "scenario_test_id": TEST_ID,
        "scenario_test_name": "night",
        "eval_function_id": "ef_custom_mAP",
        "eval_function_name": "custom_mAP",
        "item_id": "di_1",
        "reference_id": reference_id,
        "contribution": contribution,
        "baseline_score": 0.9,
        "candidate_score": 0.1,
    }


def release(status: str = "open", **changes: Any) -> dict[str, Any]:
    """A release with its report."""
    return {
        "id": "rel_00000000000000000001",
        "name": "2026.1",
        "status": status,
        "model_id": MODEL_ID,
        "model_name": "Detector 4",
        "options": {"test_ids": [TEST_ID]},
        "created_at": "2026-01-01T00:00:00Z",
        "user_name": "admin",
        "decided_at": None,
        "decided_by": None,
        "note": None,
        "promoted_at": None,
        "changes": [{"scenario_test_name": "night", "what": "threshold", "before": 0.7, "after": 0.8}],
        "previous_release_id": None,
        "report": report([entry()]),
        "path": "/releases/rel_00000000000000000001",
        **changes,
    }


@dataclass
class GateCli:
    """`nucleus` with a server of prepared answers: two models, a test `night` and a function `f`."""

    wire: Wire = field(default_factory=Wire)

    def __post_init__(self) -> None:
        names = {MODEL_ID: ("Detector 4", "detector-v4"), BASELINE_ID: ("Detector 3", "detector-v3")}
        models = [{"id": i, "name": name, "ref_id": ref, "metadata": {}} for i, (name, ref) in names.items()]
        self.wire.routes |= {
            ("GET", "models/"): {"models": models},
            ("GET", "validate/eval_fn"): {"eval_functions": [function_entry("f")]},
            ("GET", "validate/scenario_test/details"): [{"id": TEST_ID, "name": "night", "slice_id": "slc_1"}],
        }

    def run(self, *arguments: object, code: int = 0, answer: str | None = None) -> Result:
        """Run a command, with an answer to its question, and expect this exit code."""

        def connect(endpoint: str | None, api_key: str | None) -> nucleus.NucleusClient:
            return self.wire.client()

        result = CliRunner().invoke(create_app(), [*map(str, arguments)], input=answer, obj=Session(connect))
        assert result.exit_code == code, result.output + repr(result.exception)
        assert "Traceback" not in result.output
        return result

    def gate(self, answer: object, *options: object, code: int) -> Result:
        """Run the gate for Detector 4 with this report, and expect this exit code."""
        self.wire.routes["POST", "validate/release_report"] = answer
        return self.run("gate", "--model", "detector-v4", *options, code=code)

    def json(self, *arguments: object) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.run(*arguments, "--json").stdout)
