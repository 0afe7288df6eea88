"""The examples in the docstrings of the kernels."""

from __future__ import annotations

import doctest
import importlib
import math
import pkgutil

import numpy as np
import pytest

import nucleus_metrics

MODULES = [module.name for module in pkgutil.iter_modules(nucleus_metrics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """Each shows what it says."""
    module = importlib.import_module(f"nucleus_metrics.{name}")
    assert doctest.testmod(module, extraglobs={"np": np, "math": math}).failed == 0


def test_every_public_function_is_documented() -> None:
    """What can be imported from the package has a docstring; functions name their source or show an example."""
    for name in nucleus_metrics.__all__:
        public = getattr(nucleus_metrics, name)
        assert public.__doc__ and not public.__doc__.startswith(f"{name}("), name
