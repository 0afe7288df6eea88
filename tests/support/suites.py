"""A workspace with two models on one test, made through the API: what verdicts are tried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nucleus
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult, ScenarioTest
from nucleus.validate.eval_functions import ExternalEvalFunction
from tests.support.api import Api


@dataclass(frozen=True)
class Suite:
    """A dataset whose items belong to drives, one test of all of them, and two models: `old` and `new`."""

    api: Api
    client: nucleus.NucleusClient
    dataset: nucleus.Dataset
    function: ExternalEvalFunction
    test: ScenarioTest
    old: nucleus.Model
    new: nucleus.Model
    drives: list[str]

    @property
    def n_items(self) -> int:
        """Items of the dataset."""
        return len(self.drives)

    def upload(
        self,
        model: nucleus.Model,
        scores: Sequence[float] | NDArray[np.float64],
        *,
        weights: Sequence[float] | None = None,
        left_out: Sequence[int] = (),
        test: ScenarioTest | None = None,
    ) -> str:
        """Upload a score for each item but those left out; returns the evaluation's id."""
        results = [
            EvaluationResult(
                item_ref_id=f"r{i}", score=float(score), weight=1.0 if weights is None else float(weights[i])
            )
            for i, score in enumerate(scores)
            if i not in set(left_out)
        ]
        answer = (test or self.test).upload_external_evaluation_results(self.function, results, model.id)
        return str(answer["evaluation"]["id"])

    def report(self, **options: Any) -> dict[str, Any]:
        """The release report of the new model."""
        body = {"model_id": self.new.id, "baseline_model_id": self.old.id, "wait_s": 30} | options
        body = {key: value for key, value in body.items() if value is not None}
        answer = self.api.post("validate/release_report", body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def entry(self, **options: Any) -> dict[str, Any]:
        """The only entry of that report."""
        (entry,) = self.report(**options)["entries"]
        return dict(entry)

    def rule(self, **rule: Any) -> None:
        """Set the criterion of the test's function."""
        answer = self.api.post(f"validate/scenario_test/{self.test.id}/rules/{self.function.id}", rule)
        assert answer.status_code == 200, answer.text


def make_suite(api: Api, *, n_items: int = 240, n_drives: int = 24, **function: Any) -> Suite:
    """Build one."""
    client = api.client()
    dataset = client.create_dataset("roads")
    drives = [f"drive-{i % n_drives}" for i in range(n_items)]
    items = [
        DatasetItem(reference_id=f"r{i}", text="t", metadata={"drive": drive, "night": i % 3 == 0})
        for i, drive in enumerate(drives)
    ]
    dataset.append(items)
    part = dataset.create_slice("all", [f"r{i}" for i in range(n_items)])
    fn = client.validate.create_external_eval_function("quality", **function)
    test = client.validate.create_scenario_test("roads", part.id, [fn])
    old, new = client.create_model("old", "old"), client.create_model("new", "new")
    return Suite(api, client, dataset, fn, test, old, new, drives)


def made_up_scores(n: int, seed: int) -> NDArray[np.float64]:
    """Scores in [0.3, 0.7]."""
    return np.random.default_rng(seed).uniform(0.3, 0.7, n)
