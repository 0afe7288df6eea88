"""The environments of their own that other programs need, each made once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import official

OFFICIAL_VERSION = official.VERSIONS[-1]
OUR_PYTHON = Path(sys.executable)
_ROOT = Path(__file__).resolve().parents[1]
_MLFLOW = _ROOT / ".cache" / "bench" / "mlflow"
MLFLOW_PYTHON = _MLFLOW / "bin" / "python"


def official_python() -> Path:
    """The interpreter with the official client."""
    return official.official_python(OFFICIAL_VERSION)


def make_mlflow() -> None:
    """Install MLflow from its pinned requirements, unless they are installed already."""
    requirements = _ROOT / "requirements" / "bench.txt"
    stamp = _MLFLOW / "installed"
    if stamp.exists() and stamp.read_bytes() == requirements.read_bytes():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(_MLFLOW)], check=True)
    install = [str(MLFLOW_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "-r", str(requirements)], check=True, timeout=900)
    stamp.write_bytes(requirements.read_bytes())
