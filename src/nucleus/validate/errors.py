"""Errors of this package, under the path that existing scripts import them from."""

from nucleus._exceptions import CreateScenarioTestError, InvalidUpload

__all__ = ["CreateScenarioTestError", "InvalidUpload"]
