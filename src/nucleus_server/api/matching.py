"""Routes of reference ids alone: what the rule of a slice matches, and the members of a slice."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter

from nucleus_server.api import codec
from nucleus_server.api.http import Answer, JsonBody, Workspace, takes
from nucleus_server.services.matching import ItemRule, matching_items, member_reference_ids

router = APIRouter()


class MatchingItems(msgspec.Struct):
    """A rule; with the id of a slice, the items that it has already are left out of the answer and those beside them counted."""

    rule: ItemRule
    slice_id: str | None = None


@router.post("/dataset/{dataset_id}/matching_items", openapi_extra=takes(MatchingItems))
def find_matching_items(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """The reference ids of the items that a rule matches, in the order of the dataset."""
    body = codec.decode(raw, MatchingItems)
    found = matching_items(ws, dataset_id, body.rule, body.slice_id)
    answer: dict[str, Any] = {"reference_ids": found.reference_ids, "n_matching": found.n_matching}
    if body.slice_id is not None:
        answer |= {
            "n_members": found.n_members,
            "n_not_matching": found.n_not_matching,
            "not_matching": found.not_matching,
        }
    return Answer(answer)


@router.get("/slice/{slice_id}/reference_ids")
def slice_reference_ids(slice_id: str, ws: Workspace) -> Answer:
    """The reference ids of its items in slice order, without anything else of them."""
    return Answer({"reference_ids": member_reference_ids(ws, slice_id)})
