"""Rules, margins, power, settings of tests and cluster keys."""

from __future__ import annotations

from typing import Any

import pytest

import nucleus
from nucleus.validate import ClusterKey, ScenarioTest, ScenarioTestMetric, ThresholdComparison
from tests.unit.sdk.wire import Wire

RULE = {
    "scenario_test_id": "st_1",
    "eval_function_id": "ef_f",
    "eval_function_name": "f",
    "threshold": None,
    "threshold_comparison": "greater_than_equal_to",
    "mode": None,
    "margin": 0.0,
    "effective_mode": "non-inferior",
}
ROUTE = "validate/scenario_test/st_1/rules"


@pytest.fixture
def test(wire: Wire) -> ScenarioTest:
    """A scenario test."""
    return ScenarioTest("st_1", "t", "slc_1", wire.client().connection)


@pytest.fixture
def metric(wire: Wire) -> ScenarioTestMetric:
    """Its function."""
    return ScenarioTestMetric("st_1", "ef_f", None, wire.client().connection)


def test_rules_of_a_test(wire: Wire, test: ScenarioTest) -> None:
    """One for each function."""
    wire.routes["GET", ROUTE] = {"rules": [RULE, {**RULE, "threshold": 0.5, "margin": 0.01, "mode": "confident"}]}
    first, second = test.rules()
    assert str(first) == "'f': non-inferior, no threshold, margin 0"
    assert (second.threshold, second.mode, second.margin) == (0.5, "confident", 0.01)
    assert str(second) == "'f': non-inferior, threshold ≥ 0.5, margin 0.01"


def test_a_rule_is_changed(wire: Wire, metric: ScenarioTestMetric) -> None:
    """Only what is given is sent; None is given."""
    wire.routes["POST", f"{ROUTE}/ef_f"] = {
        **RULE,
        "threshold": 0.5,
        "threshold_comparison": "less_than",
        "mode": "point",
        "effective_mode": "point",
    }
    rule = metric.set_rule(threshold=0.5, comparison="less_than", mode="point", margin=0.0)
    assert wire.body() == {"threshold": 0.5, "threshold_comparison": "less_than", "mode": "point", "margin": 0.0}
    assert (rule.effective_mode, rule.threshold_comparison) == ("point", ThresholdComparison.LESS_THAN)
    assert (metric.threshold, metric.threshold_comparison) == (0.5, ThresholdComparison.LESS_THAN)
    metric.set_rule(threshold=None, mode=None)
    assert wire.body() == {"threshold": None, "mode": None}
    with pytest.raises(ValueError, match="at least one of threshold, comparison, mode, margin"):
        metric.set_rule()
    with pytest.raises(ValueError, match="'about'"):
        metric.set_rule(comparison="about")
    wire.routes["POST", f"{ROUTE}/ef_f"] = (422, {"error": "expected a margin of at least 0", "code": "invalid_input"})
    with pytest.raises(nucleus.BadRequestError, match="at least 0"):
        metric.set_rule(margin=-1)


def test_a_margin_is_proposed(wire: Wire, metric: ScenarioTestMetric) -> None:
    """Or not, and why."""
    route = "GET", f"{ROUTE}/ef_f/margin_proposal"
    wire.routes[route] = {"margin": 0.004, "how": "from 3 repeats", "n_repeats": 3, "n_steps": 0}
    assert str(metric.margin_proposal()) == "margin 0.004: from 3 repeats"
    wire.routes[route] = {"margin": None, "how": "nothing was repeated", "n_repeats": 0, "n_steps": 0}
    assert metric.margin_proposal().margin is None


POWER = {
    "minimum_detectable_effect": 0.03,
    "standard_error": 0.01,
    "n_clusters": 40,
    "n": 4000,
    "cluster": {"by": "metadata", "key": "drive", "source": "test"},
    "effect": None,
    "clusters_needed": None,
    "how": "from the two newest evaluations",
    "baseline_evaluation_id": "ev_a",
    "candidate_evaluation_id": "ev_b",
}


def test_power(wire: Wire, metric: ScenarioTestMetric) -> None:
    """What can be seen, and how much is needed to see what was asked for."""
    wire.routes["GET", f"{ROUTE}/ef_f/power"] = POWER
    assert str(metric.power()) == "sees a difference of 0.03 with 40 clusters: from the two newest evaluations"
    wire.routes["GET", f"{ROUTE}/ef_f/power?effect=0.02"] = {**POWER, "effect": 0.02, "clusters_needed": 90}
    power = metric.power(0.02)
    assert power.clusters_needed == 90 and power.cluster == ClusterKey("metadata", "drive")
    assert "; 0.02 needs 90 clusters: " in str(power)
    nothing = dict.fromkeys(POWER) | {"how": "no two models were evaluated here", "n": 0, "n_clusters": 0}
    wire.routes["GET", f"{ROUTE}/ef_f/power"] = nothing
    assert str(metric.power()) == "sees a difference of – with 0 clusters: no two models were evaluated here"


SETTINGS = {
    "scenario_test_id": "st_1",
    "is_blocking": False,
    "tags": [],
    "cluster": {"by": "inherit", "key": None},
    "resolved_cluster": {"by": "item", "key": None, "source": "none"},
}


def test_settings_of_a_test(wire: Wire, test: ScenarioTest) -> None:
    """Each call changes one."""
    route = "validate/scenario_test/st_1/settings"
    wire.routes["GET", route] = SETTINGS
    settings = test.settings
    assert (settings.is_blocking, settings.tags, str(settings.cluster)) == (False, (), "inherited")
    assert settings.resolved_cluster == nucleus.EACH_ITEM and settings.resolved_cluster.source == "none"
    wire.routes["POST", route] = {**SETTINGS, "is_blocking": True, "tags": ["b", "a"]}
    assert test.set_blocking(True).is_blocking and wire.body() == {"is_blocking": True}
    assert test.set_tags(t for t in ("b", "a")).tags == ("b", "a") and wire.body() == {"tags": ["b", "a"]}
    with pytest.raises(ValueError, match="a list of tags, got the text 'ab'"):
        test.set_tags("ab")


@pytest.mark.parametrize(
    "given, sent",
    [
        ("drive", {"by": "metadata", "key": "drive"}),
        (None, {"by": "inherit"}),
        (nucleus.EACH_ITEM, {"by": "item"}),
        (ClusterKey("metadata", "drive", "dataset"), {"by": "metadata", "key": "drive"}),
    ],
)
def test_cluster_keys(wire: Wire, test: ScenarioTest, given: Any, sent: dict[str, str]) -> None:
    """Of a test and of a dataset, by the same words."""
    wire.routes["POST", "validate/scenario_test/st_1/settings"] = {**SETTINGS, "cluster": sent}
    assert str(test.set_cluster_key(given).cluster) == str(ClusterKey(**sent))
    assert wire.body() == {"cluster": sent}
    suggestion = {"cluster": {"by": "metadata", "key": "drive"}, "n_clusters": 12, "why": "12 values"}
    wire.routes["POST", "dataset/ds_1/cluster_key"] = {"cluster": sent, "suggestions": []}
    wire.routes["GET", "dataset/ds_1/cluster_key"] = {"cluster": sent, "suggestions": [suggestion]}
    dataset = wire.client().get_dataset("ds_1")
    assert str(dataset.set_cluster_key(given)) == str(ClusterKey(**sent))
    assert wire.body() == {"cluster": sent}
    found = dataset.cluster_key()
    assert str(found.suggestions[0].cluster) == "by drive" and found.suggestions[0].n_clusters == 12


def test_no_cluster_key(test: ScenarioTest) -> None:
    """Any other thing is refused before it is sent."""
    with pytest.raises(TypeError, match=r"EACH_ITEM or None, got int"):
        test.set_cluster_key(1)  # type: ignore[arg-type]
