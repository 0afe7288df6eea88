"""Whether the annotations that an evaluation saw are still those that are there."""

from __future__ import annotations

from collections.abc import Iterator

from nucleus_server.domain import Evaluation, Level
from nucleus_server.services import WorkspaceStore


class GroundTruth:
    """Changes of annotations since evaluations were made, each dataset and member list looked up once."""

    def __init__(self, ws: WorkspaceStore) -> None:
        self._ws = ws
        self._revisions: dict[int, int] = {}
        self._n_changed: dict[tuple[int, int, int], int] = {}

    def n_changed(self, evaluation: Evaluation, dataset_key: int) -> int:
        """How many of the evaluation's items have had annotations added, replaced or deleted since it was made.

        0 for evaluations of scenes and tracks, and for those made before changes were counted.
        """
        seen = evaluation.annotation_revision
        if seen is None or evaluation.level is not Level.ITEM:
            return 0
        if dataset_key not in self._revisions:
            self._revisions[dataset_key] = self._ws.annotation_revision(dataset_key)
        if self._revisions[dataset_key] == seen:
            return 0
        place = (evaluation.slice_key, evaluation.n_members, seen)
        if place not in self._n_changed:
            ordinals = self._ws.slice_ordinals(evaluation.slice_key, evaluation.n_members)
            self._n_changed[place] = self._ws.n_changed_annotations(dataset_key, seen, ordinals)
        return self._n_changed[place]

    def warnings(self, candidate: Evaluation, baseline: Evaluation | None, dataset_key: int) -> Iterator[str]:
        """A sentence for each of the two that saw other annotations than there are now."""
        for who, evaluation in (("candidate", candidate), ("baseline", baseline)):
            n = 0 if evaluation is None else self.n_changed(evaluation, dataset_key)
            if n:
                yield (
                    f"the ground truth of {n:,} item{'s' * (n > 1)} changed after the {who} was evaluated: evaluate it again, "
                    "unless its scores do not depend on annotations"
                )
