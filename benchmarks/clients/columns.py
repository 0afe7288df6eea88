"""The written inputs as each client needs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.phases import Job

_LENGTH = 21  # of a reference id


def reference_ids(job: Job) -> NDArray[np.str_]:
    """The reference ids, in the job's order."""
    raw = np.frombuffer((Path(job["inputs"]) / "ids.txt").read_bytes(), dtype=np.uint8).reshape(-1, _LENGTH + 1)
    ids = np.ascontiguousarray(raw[:, :_LENGTH]).view(f"S{_LENGTH}").ravel()
    return _ordered(job, ids).astype(f"U{_LENGTH}")


def numbers(job: Job, name: str) -> NDArray[Any]:
    """The column `scores`, `weights` or `group`, in the job's order."""
    return _ordered(job, np.load(Path(job["inputs"]) / f"{name}.npy"))


def as_lists(job: Job) -> tuple[list[str], list[float], list[float]]:
    """Reference ids, scores and weights as Python's own values."""
    return reference_ids(job).tolist(), numbers(job, "scores").tolist(), numbers(job, "weights").tolist()


def _ordered(job: Job, values: NDArray[Any]) -> NDArray[Any]:
    return values[np.load(Path(job["inputs"]) / "order.npy")] if job.get("is_shuffled") else values
