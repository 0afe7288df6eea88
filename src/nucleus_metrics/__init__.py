"""Functions on arrays: no input or output, no clock, no ids; usable alone, in a notebook.

PYTEST_DONT_REWRITE: whoever imports this before pytest.main() would be warned of it, because our plugin is installed with it.
"""

from nucleus_metrics.aggregate import GroupedMeans, WeightedMean, grouped_means, weighted_mean
from nucleus_metrics.comparison import (
    Comparison,
    Verdict,
    clusters_needed,
    compare,
    with_missing_scores,
)
from nucleus_metrics.errors import KernelInputError
from nucleus_metrics.explanation import (
    Decomposition,
    GroupedContributions,
    contributions,
    decompose,
    grouped_contributions,
)
from nucleus_metrics.families import benjamini_hochberg, holm
from nucleus_metrics.sign_flip import Interval
from nucleus_metrics.swap import SwapComparison, compare_metric, compare_ratios
from nucleus_metrics.thresholds import Standing, ThresholdComparison, against_threshold

__all__ = [
    "Comparison",
    "Decomposition",
    "GroupedContributions",
    "GroupedMeans",
    "Interval",
    "KernelInputError",
    "Standing",
    "SwapComparison",
    "ThresholdComparison",
    "Verdict",
    "WeightedMean",
    "against_threshold",
    "benjamini_hochberg",
    "clusters_needed",
    "compare",
    "compare_metric",
    "compare_ratios",
    "contributions",
    "decompose",
    "grouped_contributions",
    "grouped_means",
    "holm",
    "weighted_mean",
    "with_missing_scores",
]
