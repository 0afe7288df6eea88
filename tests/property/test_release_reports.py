"""Release reports on made-up suites, against the definitions in exact fractions: numbers, and whatever may not be a pass."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest

from nucleus import DatasetItem
from nucleus.validate import EvaluationResult
from tests.support.api import Api
from tests.support.suites import Suite

N_ITEMS = 9

Column = list[Fraction | None]


class Exact(NamedTuple):
    """A comparison over all sign vectors."""

    delta: Fraction
    p_value: Fraction
    low: Fraction | float
    high: Fraction | float
    n_clusters: int


def exact(
    a: Sequence[Fraction | None], b: Sequence[Fraction | None], weights: list[Fraction], clusters: Sequence[object]
) -> Exact | None:
    """By the definition, without a grid; None without a common member."""
    differences: dict[object, Fraction] = defaultdict(Fraction)
    totals: dict[object, Fraction] = defaultdict(Fraction)
    for before, after, weight, cluster in zip(a, b, weights, clusters, strict=True):
        if before is not None and after is not None and weight:
            differences[cluster] += weight * (after - before)
            totals[cluster] += weight
    if not totals:
        return None
    observed, total = sum(differences.values(), Fraction()), sum(totals.values(), Fraction())
    roots: list[tuple[Fraction | float, Fraction | float]] = []
    n_reaching = 0
    for signs in itertools.product((1, -1), repeat=len(totals)):
        flipped = sum((s * d for s, d in zip(signs, differences.values(), strict=True)), Fraction())
        slope = sum((s * w for s, w in zip(signs, totals.values(), strict=True)), Fraction())
        n_reaching += abs(flipped) >= abs(observed)
        if abs(slope) == total:
            roots.append((-math.inf, math.inf))
        else:
            one, other = (observed - flipped) / (total - slope), (observed + flipped) / (total + slope)
            roots.append((min(one, other), max(one, other)))
    place = math.floor(Fraction(1, 20) * len(roots))
    return Exact(
        observed / total,
        Fraction(n_reaching, len(roots)),
        sorted(low for low, _ in roots)[place],
        sorted((high for _, high in roots), reverse=True)[place],
        len(totals),
    )


class Bench:
    """Made-up suites of one application: a dataset, a test of all its items and two models, again and again."""

    def __init__(self, api: Api, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.api, self.client, self.n_made = api, api.client(), 0

    def choice(self, *values: Any) -> Any:
        """One of the values."""
        return values[int(self.rng.integers(len(values)))]

    def suite(self, clusters: Sequence[object]) -> Suite:
        """A new one, whose items carry these clusters as `group`."""
        self.n_made += 1
        name = f"suite-{self.n_made}"
        dataset = self.client.create_dataset(name)
        items = [
            DatasetItem(reference_id=f"r{i}", text="t", metadata={} if cluster is None else {"group": cluster})
            for i, cluster in enumerate(clusters)
        ]
        dataset.append(items)
        part = dataset.create_slice("all", [f"r{i}" for i in range(len(clusters))])
        direction = self.choice("higher_is_better", "lower_is_better")
        function = self.client.validate.create_external_eval_function(name, direction=direction)
        test = self.client.validate.create_scenario_test(name, part.id, [function])
        old, new = (self.client.create_model(f"{name}-{word}", f"{name}-{word}") for word in ("old", "new"))
        return Suite(self.api, self.client, dataset, function, test, old, new, [])

    def scores(self) -> list[Fraction]:
        """Scores in thirtieths, or 0 and 1."""
        size = self.choice(1, 30)
        return [Fraction(int(n), size) for n in self.rng.integers(0, size + 1, N_ITEMS)]

    def weights(self) -> list[Fraction] | None:
        """Weights in tenths, some of them 0; None half of the time."""
        if self.choice(True, False):
            return None
        return [Fraction(int(n), 10) for n in [*self.rng.choice([0, 1, 3, 10], N_ITEMS - 1), 5]]


def is_pass(found: Exact, margin: float, higher_is_better: bool) -> bool:
    """Whether a model is certainly not worse by the margin: an end that is at the margin is not above it."""
    worst = found.low if higher_is_better else -found.high
    return found.n_clusters >= 6 and (worst > -margin + 1e-9 or found.low == found.high == 0)


def upload(suite: Suite, model: Any, scores: Column, weights: list[Fraction] | None) -> None:
    """Upload the scores that are there."""
    results = [
        EvaluationResult(item_ref_id=f"r{i}", score=float(score), weight=1.0 if weights is None else float(weights[i]))
        for i, score in enumerate(scores)
        if score is not None
    ]
    suite.test.upload_external_evaluation_results(suite.function, results, model.id)


def entry_of(suite: Suite, **options: Any) -> dict[str, Any]:
    """The only entry of the report on this suite."""
    return suite.entry(test_ids=[suite.test.id], **options)


@pytest.mark.parametrize("seed", range(2))
def test_numbers_are_those_of_the_definition(sqlite_api: Api, seed: int) -> None:
    """Delta, p, interval and what follows from them, with weights, missing members and clusters of any kind."""
    bench = Bench(sqlite_api, seed)
    for _ in range(4):
        groups = bench.choice(
            None, ["a", "b", "c", "d", "e", "f", "g", None], [1, 2, 3, 4, 5, 6], [1, "1", True, "x", 2.5, None], ["one"]
        )
        clusters = [None if groups is None else bench.choice(*groups) for _ in range(N_ITEMS)]
        suite = bench.suite(clusters)
        a: Column = list(bench.scores())
        b: Column = list(
            bench.choice(bench.scores(), a, [min(x + Fraction(1, 30), Fraction(1)) for x in a if x is not None])
        )
        weights_a, weights_b = bench.weights(), bench.weights()
        for scores in (a, b):
            for i in bench.rng.choice(N_ITEMS - 1, bench.choice(0, 0, 2), replace=False).tolist():
                scores[i] = None
        upload(suite, suite.old, a, weights_a)
        upload(suite, suite.new, b, weights_b)
        if any(cluster is not None for cluster in clusters):
            body = {"cluster": {"by": "metadata", "key": "group"}}
            assert sqlite_api.post(f"validate/scenario_test/{suite.test.id}/settings", body).status_code == 200
        is_common = [x is not None and y is not None for x, y in zip(a, b, strict=True)]
        weights = list(weights_b or [Fraction(1)] * N_ITEMS)
        if weights_a and weights_b and any(weights_a[i] != weights_b[i] for i in range(N_ITEMS) if is_common[i]):
            weights = list(weights_a)
        # Equal values are one cluster as texts; a member without one is its own.
        labels = [i if c is None else str(c).lower() if isinstance(c, bool) else str(c) for i, c in enumerate(clusters)]
        margin = bench.choice(0.0, 0.05)
        suite.rule(margin=margin, mode="non-inferior")
        entry = entry_of(suite, allow_missing=True)
        expected, found = exact(a, b, weights, labels), entry["comparison"]
        assert expected is not None
        assert found["delta"] == pytest.approx(float(expected.delta), abs=1e-12)
        assert found["p_value"] == pytest.approx(float(expected.p_value), abs=1e-12)
        assert found["n_clusters"] == expected.n_clusters
        ends = [None if math.isinf(end) else float(end) for end in (expected.low, expected.high)]
        for end, end_expected in zip(found["interval"], ends, strict=True):
            assert end == (None if end_expected is None else pytest.approx(end_expected, abs=1e-12))
        low, high = (
            math.copysign(math.inf, sign) if end is None else end for end, sign in zip(ends, (-1, 1), strict=True)
        )
        assert (found["p_value"] <= 0.05) == (not low <= 0 <= high)
        assert (entry["outcome"] == "passed") == is_pass(expected, margin, entry["higher_is_better"])

        # Without leave to leave members out, only if it would pass with the worst scores in their place too.
        strict = entry_of(suite)
        filled = [Fraction(not entry["higher_is_better"]) if y is None else y for y in b]
        for i in range(N_ITEMS):
            if b[i] is None and a[i] is not None:
                both = weights_a if weights_b and weights_a else None
                weights[i] = both[i] if both else Fraction(1)
        at_worst = exact(a, filled, weights, labels)
        assert at_worst is not None
        is_sure = is_pass(at_worst, margin, entry["higher_is_better"])
        assert (strict["outcome"] == "passed") == (entry["outcome"] == "passed" and is_sure)
