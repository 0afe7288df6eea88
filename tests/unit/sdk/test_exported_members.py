"""The public names are those that are promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import nucleus
import nucleus.async_job
import nucleus.errors
import nucleus.validate
import nucleus.validate.constants
import nucleus.validate.errors


@pytest.mark.parametrize("module", [nucleus, nucleus.validate])
def test_all_is_complete(module: ModuleType) -> None:
    """`__all__` names exactly what is there, once; ruff keeps its order."""
    there = {
        name for name, value in vars(module).items() if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    modules = {"validate"} & set(module.__all__)
    assert sorted(module.__all__) == sorted(there | modules)


def test_paths_of_existing_scripts() -> None:
    """Names are also where the official client has them, and are the same objects."""
    assert nucleus.errors.NucleusAPIError is nucleus.NucleusAPIError
    assert nucleus.errors.NoAPIKey is nucleus.NoAPIKey
    assert nucleus.async_job.JobError is nucleus.JobError
    assert nucleus.validate.errors.CreateScenarioTestError is nucleus.validate.CreateScenarioTestError
    assert [level.value for level in nucleus.validate.constants.EntityLevel] == ["track", "item", "scene"]


def test_beside_scale_nucleus_the_import_says_what_to_do(tmp_path: Path) -> None:
    """Two distributions that own one module name are told apart at once."""
    info = tmp_path / "scale_nucleus-0.22.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scale-nucleus\nVersion: 0.22.3\n")
    source = str(Path(nucleus.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), source])}
    run = subprocess.run([sys.executable, "-c", "import nucleus"], env=environment, capture_output=True, text=True)
    assert run.returncode == 1
    assert "ImportError" in run.stderr
    assert "pip uninstall scale-nucleus" in run.stderr
