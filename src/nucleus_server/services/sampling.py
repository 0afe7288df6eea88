"""Members drawn at random, by a seed that is made of the request: the same request draws the same ones anywhere."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from nucleus_server.domain import SliceMember
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sampled_members(
    ws: WorkspaceStore, dataset_id: str, name: str, n_wanted: int, *, slice_id: str | None = None
) -> NDArray[np.int64]:
    """Ordinals of `n_wanted` live items of the dataset, or of one of its slices, in the order of the dataset.

    Without replacement; all of them if there are no more. The seed is made of the ids, the name and the size.

    Raises:
        InvalidInput: The slice is of another dataset, or not of items.
    """
    dataset = ws.get_dataset(dataset_id)
    is_live = ws.reference_ids(dataset.key).is_not_null().to_numpy()
    pool = np.flatnonzero(is_live).astype(np.int64)
    if slice_id is not None:
        part = ws.get_slice(slice_id)
        if part.dataset_id != dataset_id or part.member is not SliceMember.ITEM:
            raise InvalidInput(
                f"expected sliceId to be a slice of items of dataset {dataset_id}, got {slice_id}: "
                f"of {part.member.value}s of dataset {part.dataset_id}",
                code="slice_of_another_dataset",
            )
        members = ws.slice_ordinals(part.key)
        pool = np.sort(members[is_live[members]])
    digest = hashlib.sha256(f"{dataset_id}/{slice_id}/{name}/{n_wanted}".encode()).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8])))
    drawn: NDArray[np.int64] = np.sort(generator.permutation(pool)[:n_wanted])
    return drawn
