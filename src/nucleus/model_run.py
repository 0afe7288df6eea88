"""Model runs, under the path that existing scripts import them from."""

from nucleus._model_run import ModelRun

__all__ = ["ModelRun"]
