"""How a slice grew, which evaluations hold which version of it, and what two versions or two slices have in common."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from nucleus_server.domain import AuditFilter, Dataset, Slice, SliceMember
from nucleus_server.errors import InvalidInput
from nucleus_server.storage import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_STEPS = 1_000
MOST_VALUES = 50
_STEPS = ("slice.create", "slice.append")


@dataclass(frozen=True, slots=True)
class Pin:
    """The evaluations of one test that hold one version of its slice."""

    test_id: str
    test_name: str
    n_evaluations: int


@dataclass(frozen=True, slots=True)
class SliceVersion:
    """A version: the first `n_members` members, which stay the same for ever.

    Attributes:
        n_new: Members that it has more than the version before it.
        created_at, user_name: When it came to be and by whom; None if nobody kept that.
    """

    n_members: int
    n_new: int
    created_at: datetime | None
    user_name: str | None
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SliceDifference:
    """Two lists of members of one dataset, as ordinals in the order of the list, int64.

    Attributes:
        only_first, both, only_second: Together all members of both; `both` is in the order of the first.
    """

    only_first: NDArray[np.int64]
    both: NDArray[np.int64]
    only_second: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ValueShare:
    """How many members of two lists have one value under a metadata key.

    Attributes:
        value: As text; None for members without one.
        first_share, second_share: Of all members of the list, in [0, 1]; None for an empty list.
    """

    value: str | None
    n_first: int
    n_second: int
    first_share: float | None
    second_share: float | None

    @property
    def change(self) -> float:
        """Second share − first share; an empty list counts as 0."""
        return (self.second_share or 0.0) - (self.first_share or 0.0)


def slice_versions(ws: WorkspaceStore, part: Slice) -> list[SliceVersion]:
    """The versions that somebody made or that an evaluation holds, newest first."""
    steps = {}
    for entry in reversed(ws.list_audit(AuditFilter(object_id=part.id, action="slice."), limit=MOST_STEPS)):
        if entry.action in _STEPS:
            steps[int(entry.detail["n_members"])] = entry
    pins = defaultdict(list)
    for n_members, test_id, test_name, n_evaluations in ws.pinned_versions(part.key):
        pins[n_members].append(Pin(test_id, test_name, n_evaluations))
    versions, n_before = [], 0
    for n_members in sorted({*steps, *pins, part.n_members}):
        step = steps.get(n_members)
        versions.append(
            SliceVersion(
                n_members=n_members,
                n_new=n_members - n_before,
                created_at=None if step is None else step.created_at,
                user_name=None if step is None else step.user_name,
                pins=tuple(pins[n_members]),
            )
        )
        n_before = n_members
    return versions[::-1]


def slice_difference(
    ws: WorkspaceStore, first: Slice, second: Slice, *, n_first: int, n_second: int
) -> SliceDifference:
    """The first `n_first` members of one slice beside the first `n_second` of another, or of the same one.

    Raises:
        InvalidInput: They are of different datasets.
    """
    if first.dataset_key != second.dataset_key:
        raise InvalidInput(
            f"expected two slices of one dataset, got slice {first.id} of {first.dataset_id} and slice {second.id} of "
            f"{second.dataset_id}: choose another slice",
            code="different_datasets",
        )
    for part in (first, second):
        if part.member is not SliceMember.ITEM:
            raise InvalidInput(
                f"expected slices of items, got slice {part.id} of {part.member.value}s: choose another slice",
                code="invalid_slice_members",
            )
    ours, theirs = ws.slice_ordinals(first.key, n_first), ws.slice_ordinals(second.key, n_second)
    if first.key == second.key:  # two prefixes of one list
        n = min(len(ours), len(theirs))
        return SliceDifference(ours[n:], ours[:n], theirs[n:])
    is_common = np.isin(ours, theirs)
    return SliceDifference(ours[~is_common], ours[is_common], theirs[np.isin(theirs, ours, invert=True)])


def composition(
    ws: WorkspaceStore, dataset: Dataset, found: SliceDifference, key: str, limit: int | None = MOST_VALUES
) -> list[ValueShare]:
    """How the values under a metadata key are distributed in both lists; what changed most first.

    At most `limit` of the values, None for all; the shares are of all members.
    """
    values = ws.metadata_column(dataset.key, key).cast(pl.String)
    first = np.concatenate([found.only_first, found.both])
    second = np.concatenate([found.both, found.only_second])
    counts = [
        dict(values.gather(ordinals).value_counts(name="n").iter_rows()) if len(ordinals) else {}
        for ordinals in (first, second)
    ]
    shares = [
        ValueShare(
            value=value,
            n_first=counts[0].get(value, 0),
            n_second=counts[1].get(value, 0),
            first_share=counts[0].get(value, 0) / len(first) if len(first) else None,
            second_share=counts[1].get(value, 0) / len(second) if len(second) else None,
        )
        for value in {**counts[0], **counts[1]}
    ]
    shares.sort(key=lambda share: (-round(abs(share.change), 9), -share.n_second, share.value or ""))
    return shares[:limit]
