"""Answers about verdicts, in the server's shape."""

from __future__ import annotations

from typing import Any

TEST_ID = "st_00000000000000000001"
FUNCTION_ID = "ef_00000000000000000001"


def side(model: str = "prj_a", **changes: Any) -> dict[str, Any]:
    """One of two compared evaluations."""
    row = {
        "evaluation_id": f"ev_{model[-1]}",
        "model_id": model,
        "model_name": f"model {model[-1]}",
        "result": 0.9,
        "coverage": 1.0,
        "n_scored": 1000,
        "n_members": 1000,
        "created_at": "2026-01-01T00:00:00.000Z",
        "upload_id": "up_1",
    }
    return {**row, **changes}


def paired(**changes: Any) -> dict[str, Any]:
    """A paired comparison: worse, after adjustment too."""
    row = {
        "status": "complete",
        "delta": -0.021,
        "interval": [-0.034, -0.009],
        "p_value": 0.0004,
        "adjusted_p": 0.0004,
        "adjustment": "benjamini-hochberg",
        "verdict": "worse",
        "unadjusted_verdict": "worse",
        "is_non_inferior": False,
        "standard_error": 0.006,
        "minimum_detectable_effect": 0.017,
        "clusters_needed": None,
        "n": 1000,
        "n_effective": 990.5,
        "n_clusters": 812,
        "n_left_out": 0,
        "n_draws": 10_000,
        "seed": 7,
        "alpha": 0.05,
        "margin": 0.0,
        "method_version": 1,
        "cluster": {"by": "metadata", "key": "drive", "source": "dataset"},
        "n_without_cluster_value": 0,
        "weights_differ": False,
        "baseline_result": 0.921,
        "candidate_result": 0.9,
        "n_missing": 0,
        "worst_case": None,
        "best_case": None,
    }
    return {**row, **changes}


def entry(**changes: Any) -> dict[str, Any]:
    """A function of a test that failed against its baseline."""
    row = {
        "scenario_test_id": TEST_ID,
        "scenario_test_name": "night",
        "slice_id": "slc_1",
        "eval_function_id": FUNCTION_ID,
        "eval_function_name": "recall",
        "unit": None,
        "higher_is_better": True,
        "is_blocking": False,
        "tags": ["perception"],
        "mode": "non-inferior",
        "threshold": None,
        "threshold_comparison": "greater_than_equal_to",
        "margin": 0.0,
        "candidate": side("prj_b"),
        "baseline": side("prj_a", result=0.921),
        "comparison": paired(),
        "threshold_check": None,
        "worst_case_result": None,
        "warnings": [],
        "outcome": "failed",
        "reason": "the candidate is worse than the baseline",
        "settles": None,
        "waiver": None,
        "compare_path": "/compare/ev_a/ev_b",
    }
    return {**row, **changes}


def computing(**changes: Any) -> dict[str, Any]:
    """The same, while its verdict is computed."""
    return entry(
        comparison={"status": "computing"}, outcome="inconclusive", reason="the verdict is being computed", **changes
    )


def missing(**changes: Any) -> dict[str, Any]:
    """A function without an evaluation of the candidate."""
    gone = {"candidate": None, "comparison": None, "compare_path": None}
    return entry(**gone, outcome="missing", reason="the candidate has no evaluation here", **changes)


def comparisons(*entries: dict[str, Any], job_id: str | None = None) -> dict[str, Any]:
    """The answer of a test that compares two models."""
    states = [row["comparison"]["status"] for row in entries if row["comparison"]]
    return {
        "status": "computing" if "computing" in states else "complete",
        "job_id": job_id,
        "n_comparisons": len(states),
        "n_computed": states.count("complete"),
        "entries": list(entries),
    }


def release_report(*entries: dict[str, Any], job_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """A report of these entries, by default of one that failed."""
    rows = entries or (entry(),)
    outcomes = [row["outcome"] for row in rows]
    report = {
        **comparisons(*rows, job_id=job_id),
        "model": {"id": "prj_b", "name": "model b"},
        "baseline": {"kind": "model", "model_id": "prj_a", "model_name": "model a"},
        "outcome": "failed",
        "sentence": "model b fails 1 of 1 functions of 1 test: recall of night is worse by 0.021",
        "counts": {o: outcomes.count(o) for o in ("passed", "failed", "inconclusive", "new", "missing")}
        | {"waived": 0},
        "coverage": {"n_complete": 1, "n_partial": 0, "lowest": 1.0},
        "options": {"model_id": "prj_b"},
        "top_items": [
            {
                "scenario_test_id": TEST_ID,
                "scenario_test_name": "night",
                "eval_function_id": FUNCTION_ID,
                "eval_function_name": "recall",
                "item_id": "di_1",
                "reference_id": "frame-1",
                "contribution": -0.001,
                "baseline_score": 1.0,
                "candidate_score": 0.0,
                "weight": 1.0,
            }
        ],
        "path": "/report?model=prj_b",
    }
    return {**report, **changes}


def release(**changes: Any) -> dict[str, Any]:
    """An open release."""
    row = {
        "id": "rel_1",
        "name": "v2",
        "status": "open",
        "model_id": "prj_b",
        "model_name": "model b",
        "options": {"model_id": "prj_b", "test_ids": [TEST_ID]},
        "created_at": "2026-01-02T00:00:00.000Z",
        "user_name": "ann",
        "decided_at": None,
        "decided_by": None,
        "note": None,
        "promoted_at": None,
        "changes": [{"scenario_test_name": "night", "what": "threshold", "before": None, "after": "0.5"}],
        "previous_release_id": None,
        "blockers": "1 criterion fails without a waiver",
        "may_need_note": False,
        "report": release_report(),
        "path": "/releases/rel_1",
    }
    return {**row, **changes}


def waiver(**changes: Any) -> dict[str, Any]:
    """A waiver in force."""
    row = {
        "id": "wv_1",
        "scenario_test_id": TEST_ID,
        "scenario_test_name": "night",
        "eval_function_id": FUNCTION_ID,
        "eval_function_name": "recall",
        "model_id": None,
        "model_name": None,
        "reason": "labels are wrong there",
        "owner": "ann",
        "expires_at": "2026-12-31T00:00:00.000Z",
        "status": "active",
        "created_at": "2026-01-01T00:00:00.000Z",
        "user_name": "bob",
    }
    return {**row, **changes}
