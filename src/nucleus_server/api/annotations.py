"""Routes of annotations, and of what a dataset says of them: labels, taxonomies, tags."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from nucleus_server.api import codec, wire
from nucleus_server.api.http import Answer, Form, JsonBody, ObjectsBody, Services, Workspace, takes
from nucleus_server.api.names import checked_name
from nucleus_server.api.object_wire import ObjectsAnswer, annotation_counts, named_object, shown
from nucleus_server.api.stored_files import stored_images
from nucleus_server.domain import (
    AnyObject,
    Box,
    Category,
    Cuboid,
    Keypoints,
    Line,
    Mask,
    Multicategory,
    ObjectCounts,
    Polygon,
    Taxonomy,
)
from nucleus_server.errors import InvalidInput, MalformedRequest
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.object_payloads import check_objects
from nucleus_server.services.object_uploads import upload_payload

router = APIRouter()

MAX_DATASET_TAGS = 1_000


class Objects(msgspec.Struct):
    """Annotations or predictions; clients name both `annotations`, and send masks apart from the rest."""

    annotations: list[Box | Line | Polygon | Keypoints | Cuboid | Category | Multicategory] = []
    segmentations: list[Mask] = []
    update: bool = False
    trained_slice_id: str | None = None

    @property
    def all(self) -> list[AnyObject]:
        """All of them."""
        return [*self.annotations, *self.segmentations]


class SignedObjects(msgspec.Struct):
    """The upload of a payload that was PUT to a signed URL."""

    requestId: str  # the wire's own spelling
    update: bool = False
    trained_slice_id: str | None = None


class DeleteAnnotations(msgspec.Struct):
    """Of which items and scenes; of all where none are named."""

    reference_ids: list[str] | None = None
    keep_history: bool = True


class Tags(msgspec.Struct):
    """Tags to add or remove."""

    tags: list[str]


class AddTaxonomy(msgspec.Struct):
    """A new taxonomy, or more labels of one."""

    taxonomy_name: str
    type: Literal["category", "multicategory"]
    labels: list[str]
    update: bool = False


def objects_of(services: AppServices, ws: WorkspaceStore, body: bytes | Form) -> tuple[Objects, list[str] | None]:
    """The objects of a JSON or multipart body, checked, and the stored files of the masks if they came with it."""
    document = body.document if isinstance(body, Form) else body
    sent = codec.decode(document, Objects)
    check_objects(sent.all)
    if not isinstance(body, Form):
        return sent, None
    if sent.annotations or len(sent.segmentations) != len(body.files):
        raise MalformedRequest(
            f"expected one mask part for each of the segmentations and nothing else, got {len(body.files)} for "
            f"{len(sent.segmentations)} segmentations and {len(sent.annotations)} annotations",
            code="mask_count_mismatch",
        )
    return sent, stored_images(services, ws, body.files, what="mask", only="image/png")


def signed_objects(body: bytes | Form) -> SignedObjects:
    """The body of an asynchronous upload."""
    if isinstance(body, Form):
        raise MalformedRequest(
            "expected JSON with a requestId, got multipart: masks of local files are uploaded without async=1",
            code="malformed_multipart",
        )
    return codec.decode(body, SignedObjects)


@router.post("/dataset/{dataset_id}/annotate", openapi_extra=takes(Objects))
def annotate(
    dataset_id: str,
    body: ObjectsBody,
    services: Services,
    ws: Workspace,
    is_async: Annotated[str | None, Query(alias="async")] = None,
) -> Response:
    """Add annotations: from the body, from multipart with masks, or (async=1) from a payload PUT to a signed URL."""
    if is_async == "1":
        signed = signed_objects(body)
        job = upload_payload(
            services.store,
            ws,
            services.media,
            dataset_id=dataset_id,
            request_id=signed.requestId,
            update=signed.update,
        )
        return Answer(wire.job_handle(job))
    sent, digests = objects_of(services, ws, body)
    counts = ObjectCounts(0, 0)
    if sent.all:
        counts = ws.annotate(dataset_id, sent.all, update=sent.update, mask_digests=digests)
    return Answer(annotation_counts(dataset_id, counts))


@router.delete("/annotation/{dataset_id}", openapi_extra=takes(DeleteAnnotations))
def delete_annotations(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Delete all annotations of the named items and scenes, or of the whole dataset."""
    body = codec.decode(raw, DeleteAnnotations)
    return Answer(wire.job_handle(ws.delete_annotations(dataset_id, body.reference_ids or None)))


@router.get("/dataset/{dataset_id}/groundTruth/loc/{place:path}")
def ground_truth_loc(dataset_id: str, place: str, ws: Workspace) -> ObjectsAnswer:
    """One annotation, by the reference id of its item and its own id; either may have slashes."""
    return ObjectsAnswer(shown(named_object(place, lambda ref, name: ws.get_annotation(dataset_id, ref, name))))


@router.get("/dataset/{dataset_id}/class_labels")
def class_labels(dataset_id: str, ws: Workspace) -> Answer:
    """The different labels of its annotations."""
    return Answer({"data": ws.annotation_labels(dataset_id)})


@router.get("/dataset/{dataset_id}/tags")
def dataset_tags(dataset_id: str, ws: Workspace) -> Answer:
    """Its tags."""
    return Answer({"tags": list(ws.get_dataset(dataset_id).tags)})


@router.post("/dataset/{dataset_id}/tags", openapi_extra=takes(Tags))
def add_dataset_tags(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Add tags; those that are there are fine."""
    tags = [checked_name(tag, "tag") for tag in codec.decode(raw, Tags).tags]
    if len({*ws.get_dataset(dataset_id).tags, *tags}) > MAX_DATASET_TAGS:
        raise InvalidInput(f"expected at most {MAX_DATASET_TAGS} tags of a dataset, got more", code="too_many_tags")
    return Answer({"tags": list(ws.change_dataset_tags(dataset_id, add=tags))})


@router.delete("/dataset/{dataset_id}/tags", openapi_extra=takes(Tags))
def remove_dataset_tags(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Remove tags; those that are not there are fine."""
    return Answer({"tags": list(ws.change_dataset_tags(dataset_id, remove=codec.decode(raw, Tags).tags))})


_STATUS = {
    "created": "Taxonomy created",
    "exists": "Taxonomy already exists",
    "updated": "Taxonomy updated",
}


@router.post("/dataset/{dataset_id}/add_taxonomy", openapi_extra=takes(AddTaxonomy))
def add_taxonomy(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Create a taxonomy, or with `update` add labels to it."""
    body = codec.decode(raw, AddTaxonomy)
    if not body.labels:
        raise InvalidInput("expected at least one label of the taxonomy, got none", code="label_missing")
    taxonomy = Taxonomy(checked_name(body.taxonomy_name, "taxonomy"), body.type, tuple(body.labels))
    done = ws.put_taxonomy(dataset_id, taxonomy, update=body.update)
    return Answer(_taxonomy_answer(dataset_id, taxonomy.name, _STATUS[done]))


@router.get("/dataset/{dataset_id}/taxonomies")
def list_taxonomies(dataset_id: str, ws: Workspace) -> Answer:
    """Its taxonomies, by name."""
    return Answer(
        {
            "taxonomies": [
                {"taxonomy_name": taxonomy.name, "type": taxonomy.kind, "labels": list(taxonomy.labels)}
                for taxonomy in ws.list_taxonomies(dataset_id)
            ]
        }
    )


@router.delete("/dataset/{dataset_id}/taxonomy/{name:path}")
def delete_taxonomy(dataset_id: str, name: str, ws: Workspace) -> Answer:
    """Delete a taxonomy; annotations that use it stay."""
    ws.delete_taxonomy(dataset_id, name)
    return Answer(_taxonomy_answer(dataset_id, name, "Taxonomy successfully deleted"))


def _taxonomy_answer(dataset_id: str, name: str, status: str) -> dict[str, Any]:
    return {"dataset_id": dataset_id, "taxonomy_name": name, "status": status}
