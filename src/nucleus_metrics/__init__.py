"""Pure functions on arrays: no I/O, no clock, no ids."""

from nucleus_metrics.aggregate import WeightedMean, weighted_mean
from nucleus_metrics.errors import KernelInputError

__all__ = ["KernelInputError", "WeightedMean", "weighted_mean"]
