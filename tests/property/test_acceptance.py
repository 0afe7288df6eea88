"""A short piece of `python -m benchmarks.acceptance`: verdicts are right about as often as they say. Seeds are fixed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks import acceptance, simulation


@pytest.mark.parametrize(("number", "power_lost"), [(5, 1.0), (7, 0.08), (11, 0.2), (13, 0.08)])
def test_rows(number: int, power_lost: float) -> None:
    """Few, unequal, nearly perfect and closely related scenes: 200 runs, with what chance leaves to rates of 5 and 95 %."""
    rates = acceptance.measure_row(simulation.ROWS[number - 1], 200)
    assert rates.false_alarms <= stats.binom.ppf(0.999, 200, 0.06) / 200
    assert rates.coverage >= stats.binom.ppf(0.001, 200, 0.94) / 200
    # Of eight scenes the t test does not hold its level; of rare failures the sign-flip test has less power than it.
    assert rates.power >= rates.t_power - power_lost


def test_the_truth_of_a_setting() -> None:
    """The difference that intervals should hold is what very many simulated members come to."""
    rng = np.random.default_rng(1)
    for row in (simulation.ROWS[6], simulation.ROWS[11]):
        large = simulation.Setting(0, 20_000, 3, 0.5, row.shared, row.within, row.binary, row.weights)
        made = simulation.evaluations(rng, large, -0.3)
        difference = np.average(made.candidate - made.baseline, weights=made.weights)
        assert difference == pytest.approx(simulation.true_difference(row, -0.3), abs=0.01)
        assert (np.bincount(made.scenes) > 0).all() and made.weights.max() <= 1


def test_false_discoveries() -> None:
    """Reports without any real difference: nearly each has a p below 0.05, and few an adjusted one."""
    rates = acceptance.measure_family(0.0, 5)
    assert rates.any_plain >= 0.8
    assert rates.any_adjusted == rates.false_discovery_rate <= stats.binom.ppf(0.999, 5, 0.06) / 5
