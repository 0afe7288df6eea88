"""Results on their way into the store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nucleus_server.domain import Json, Level
from nucleus_server.storage import columns
from nucleus_server.storage.ids import new_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class NewEvaluation:
    """A checked result, ready to be stored.

    Attributes:
        n_members: Length of the slice prefix, or of the list of scenes or tracks, that the columns are aligned with.
        n_deleted: Members of it that had been deleted when the results came.
        members: Of scenes or tracks their ordinals, int64 [n_members]; None of items, which are the slice's.
        id: Its id, if it is stored and no replay.
        scores: float64 [n_members], NaN where a member has no score.
        weights: float64 [n_members], or None if every weight is 1.
        digest: SHA-256 of scores and weights: equal digests over one member list mean equal uploads.
    """

    test_id: str
    function_id: str
    model_id: str
    level: Level
    n_members: int
    n_deleted: int
    n_scored: int
    result: float
    weight_sum: float
    scores: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    members: NDArray[np.int64] | None = None
    id: str = field(default_factory=lambda: new_id("ev"))
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        hasher = hashlib.sha256(columns.pack_scores(self.scores))
        if self.weights is not None:
            hasher.update(self.weights.astype("<f8", copy=False).tobytes())
        object.__setattr__(self, "digest", hasher.digest())


@dataclass(frozen=True, slots=True)
class NewUpload:
    """The upload that a test's results came with; `report` says what was accepted."""

    n_rows: int
    report: Json
