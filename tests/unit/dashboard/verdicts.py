"""Entries of reports made by hand, and a workspace whose verdicts are real."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import nucleus
from nucleus import DatasetItem
from nucleus_server import __version__
from nucleus_server.dashboard.contexts import Frame
from nucleus_server.domain import (
    Bound,
    ClusterBy,
    Outcome,
    PairVerdict,
    ReportEntry,
    ResolvedCluster,
    Side,
    ThresholdVerdict,
    Waiver,
)
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.worker import Worker
from tests.support.api import Api

FRAME = Frame("t", "admin", "admin", "token", __version__, "releases")
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{7*7}}'
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DRIVE = ResolvedCluster(ClusterBy.METADATA, "drive", "dataset")
NOBODY = ResolvedCluster(ClusterBy.ITEM, None, "none")
PAIR = PairVerdict(
    delta=-0.021,
    low=-0.034,
    high=-0.009,
    p_value=0.0004,
    verdict="worse",
    is_non_inferior=False,
    standard_error=0.006,
    minimum_detectable_effect=0.017,
    clusters_needed=3400,
    n=9812,
    n_effective=9000.4,
    n_clusters=812,
    n_left_out=188,
    n_missing=120,
    n_draws=99_999,
    seed=7,
    alpha=0.05,
    margin=0.01,
    method_version=1,
    cluster=DRIVE,
    n_without_cluster_value=3,
    weights_differ=False,
    baseline_result=0.921,
    candidate_result=0.9,
    worst_case=Bound(-0.04, -0.06, -0.02, "worse", is_non_inferior=False),
    best_case=Bound(0.001, None, 0.01, "inconclusive", is_non_inferior=False),
)
CHECK = ThresholdVerdict(
    result=0.9,
    threshold=0.85,
    low=0.87,
    high=0.93,
    standing="passes",
    method="wilson",
    n=9812,
    n_clusters=812,
    alpha=0.05,
    seed=7,
    method_version=1,
    cluster=NOBODY,
    worst_case=None,
)
WAIVER = Waiver(
    key=1,
    id="wv_1",
    test_key=1,
    test_id="st_1",
    test_name="Night",
    function_key=1,
    function_id="ef_1",
    function_name="iou",
    model_key=None,
    model_id=None,
    model_name=None,
    reason="known",
    owner="ana",
    expires_at=NOW,
    status="active",
    user_name="admin",
    created_at=NOW,
)


def side(model: str = "a", **changes: Any) -> Side:
    """One of two evaluations."""
    made = Side(f"ev_{model}", f"prj_{model}", f"model {model}", 0.9, 1.0, 10_000, 10_000, NOW, None)
    return replace(made, **changes)


def entry(**changes: Any) -> ReportEntry:
    """A regression that failed."""
    made = ReportEntry(
        test_id="st_1",
        test_name="Night",
        slice_id="slc_1",
        function_id="ef_1",
        function_name="iou",
        unit=None,
        higher_is_better=True,
        is_blocking=False,
        tags=(),
        mode="non-inferior",
        threshold=None,
        threshold_comparison="greater_than_equal_to",
        margin=0.01,
        candidate=side("b"),
        baseline=side("a"),
        comparison=PAIR,
        is_computing=False,
        adjusted_p=0.0012,
        adjustment="benjamini-hochberg",
        verdict="worse",
        threshold_check=None,
        point_result=None,
        point_threshold=None,
        worst_case_result=None,
        warnings=(),
        outcome=Outcome.FAILED,
        reason="worse than the baseline",
        settles=None,
        waiver=None,
    )
    return replace(made, **changes)


class World:
    """Sixteen drives of three items; three models, the second much worse, the third much like the first; two tests."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.client: nucleus.NucleusClient = api.client()
        self.dataset = self.client.create_dataset("Streets")
        self.ids = [f"i{i}" for i in range(48)]
        self.dataset.append(
            [
                DatasetItem(
                    reference_id=r, text="t", metadata={"drive": f"d{i // 3}", "weather": "rain" if i % 2 else "sun"}
                )
                for i, r in enumerate(self.ids)
            ]
        )
        self.function = self.client.validate.create_external_eval_function("iou")
        self.part = self.dataset.create_slice("All", self.ids)
        self.test = self.client.validate.create_scenario_test("Night", self.part.id, [self.function])
        self.models = {name: self.client.create_model(name, name) for name in ("v1", "v2", "v3")}
        self.dataset.set_cluster_key("drive")
        self.upload("v1", 0.8, 1)
        self.upload("v2", 0.6, 2)
        self.upload("v3", 0.8, 3)
        self.test.set_baseline_model(self.models["v1"].id)
        operator = api.services.access.operator()
        self.ws: WorkspaceStore = api.services.store.workspace(operator.workspace_id, operator)

    def upload(self, model: str, mean: float, seed: int) -> None:
        """Scores around a mean."""
        rng = random.Random(seed)
        scores = [min(max(mean + rng.gauss(0, 0.05), 0.0), 1.0) for _ in self.ids]
        self.dataset.upload_scores({"iou": "iou"}, self.models[model], {"item_ref_id": self.ids, "iou": scores})

    def evaluation(self, model: str) -> str:
        """The id of the model's newest evaluation."""
        found = [e for e in self.ws.list_evaluations(self.test.id) if e.model_name == model]
        return found[-1].id

    def compare_path(self, candidate: str = "v2") -> str:
        """The page that compares a model with the first one."""
        return f"/compare/{self.evaluation('v1')}/{self.evaluation(candidate)}"

    def work(self) -> None:
        """Do what is waiting."""
        worker = Worker(self.api.services.store, self.api.services.media)
        while worker.run_once():
            pass
