"""Datasets, under the path that existing scripts import them from."""

from nucleus._dataset import Dataset

__all__ = ["Dataset"]
