"""Routes of predictions: for a dataset and a model, in runs, and without any run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from nucleus_server.api import codec, wire
from nucleus_server.api.annotations import Objects, objects_of, signed_objects
from nucleus_server.api.http import Answer, Form, JsonBody, ObjectsBody, Services, Workspace, takes
from nucleus_server.api.names import checked_name
from nucleus_server.api.object_wire import (
    PREDICTED_KINDS,
    ObjectsAnswer,
    by_type,
    named_object,
    prediction_counts,
    shown,
    type_name,
)
from nucleus_server.domain import Item, ModelRun, ObjectCounts, ObjectKind, StoredObject
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.object_uploads import upload_payload

router = APIRouter()

_RUN_FREE_KINDS = (ObjectKind.BOX, ObjectKind.POLYGON, ObjectKind.CUBOID)


class CreateRun(msgspec.Struct):
    """A new run; its model is named by the user's own id, unless the path names it."""

    name: str
    reference_id: str | None = None
    metadata: dict[str, Any] | None = None
    annotation_metadata_schema: dict[str, Any] | None = None


class LabelMatch(msgspec.Struct):
    """A predicted label that counts as an annotated one."""

    ground_truth_label: str
    model_prediction_label: str


class CommitRun(msgspec.Struct):
    """By which rules labels match."""

    class_agnostic: bool | None = None
    allowed_label_matches: list[LabelMatch] | None = None


class MergeRuns(msgspec.Struct):
    """Runs of one model."""

    model_run_ids: list[str]
    name: str | None = None
    metadata: dict[str, Any] | None = None


class CopyRun(msgspec.Struct):
    """The run to copy from."""

    model_run_id: str


# --- for a dataset and a model


@router.post("/dataset/{dataset_id}/model/{model_id}/uploadPredictions", openapi_extra=takes(Objects))
def upload_predictions(
    dataset_id: str,
    model_id: str,
    body: ObjectsBody,
    services: Services,
    ws: Workspace,
    is_async: Annotated[str | None, Query(alias="async")] = None,
) -> Response:
    """Add predictions to the newest run of the model for the dataset, which is made if there is none."""
    return _uploaded(services, ws, body, is_async, dataset_id, model_id=model_id)


@router.post("/dataset/{dataset_id}/modelRun/{run_id}/uploadPredictions", openapi_extra=takes(Objects))
def upload_predictions_for_run(
    dataset_id: str,
    run_id: str,
    body: ObjectsBody,
    services: Services,
    ws: Workspace,
    is_async: Annotated[str | None, Query(alias="async")] = None,
) -> Response:
    """Add predictions for the dataset to a run, which is widened to it."""
    return _uploaded(services, ws, body, is_async, dataset_id, run_id=run_id)


@router.get("/dataset/{dataset_id}/model/{model_id}/iloc/{index}")
def predictions_iloc(dataset_id: str, model_id: str, index: int, ws: Workspace) -> ObjectsAnswer:
    """The model's predictions for the item at this place in the order of insertion."""
    return _located(ws, _newest_run(ws, model_id, dataset_id), ws.get_item_at(dataset_id, index))


@router.get("/dataset/{dataset_id}/model/{model_id}/referenceId/{reference_id:path}")
def predictions_refloc(dataset_id: str, model_id: str, reference_id: str, ws: Workspace) -> ObjectsAnswer:
    """The model's predictions for the item or scene with this reference id."""
    run = _newest_run(ws, model_id, dataset_id)
    found = ws.predictions_by_reference(run, reference_id, dataset_id=dataset_id)
    return ObjectsAnswer({"annotations": by_type(_readable(found))})


@router.get("/dataset/{dataset_id}/model/{model_id}/loc/{place:path}")
def prediction_loc(dataset_id: str, model_id: str, place: str, ws: Workspace) -> ObjectsAnswer:
    """One prediction, by the reference id of its item and its own id; either may have slashes."""
    run = _newest_run(ws, model_id, dataset_id)
    return ObjectsAnswer(shown(named_object(place, lambda ref, name: ws.get_prediction(run, ref, name))))


@router.get("/dataset/{dataset_id}/model/{model_id}/export")
def export_predictions(dataset_id: str, model_id: str, ws: Workspace) -> Response:
    """All of the model's predictions for the dataset, by type."""
    return _ungrouped(ws, _newest_run(ws, model_id, dataset_id), dataset_id)


# --- runs


@router.post("/dataset/{dataset_id}/modelRun/create", openapi_extra=takes(CreateRun))
def create_model_run(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Create a run for the dataset, of the model with the reference id given."""
    body = codec.decode(raw, CreateRun)
    if body.reference_id is None:
        raise InvalidInput("expected the reference_id of a model, got none", code="reference_id_missing")
    model = ws.find_model(body.reference_id)
    if model is None:
        raise NotFound(
            f"no model with reference id {body.reference_id!r}: create it first, with client.create_model",
            code="model_not_found",
        )
    run = ws.create_model_run(
        model.id,
        checked_name(body.name, "model run"),
        dataset_id=dataset_id,
        metadata=body.metadata,
        annotation_metadata_schema=body.annotation_metadata_schema,
    )
    return Answer({"model_run_id": run.id, "model_id": model.id})


@router.post("/model/{model_id}/modelRun/create", openapi_extra=takes(CreateRun))
def create_model_run_anywhere(model_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Create a run of the model that is of no dataset yet."""
    body = codec.decode(raw, CreateRun)
    run = ws.create_model_run(model_id, checked_name(body.name, "model run"), metadata=body.metadata)
    return Answer({"model_run_id": run.id, "model_id": model_id})


@router.get("/model/{model_id}/modelRun")
def list_model_runs(model_id: str, ws: Workspace) -> Answer:
    """The ids of the model's runs, oldest first."""
    return Answer([run.id for run in ws.list_model_runs(model_id=model_id)])


@router.post("/modelRun/merge", status_code=202, openapi_extra=takes(MergeRuns))
def merge_model_runs(raw: JsonBody, ws: Workspace) -> Response:
    """A new run with the predictions of several; where two have the same one, the later run's counts."""
    body = codec.decode(raw, MergeRuns)
    run, job = ws.merge_model_runs(body.model_run_ids, body.name, body.metadata)
    return Answer({"model_run_id": run.id, "dataset_ids": list(run.dataset_ids), "job_id": job.id}, status_code=202)


@router.post("/modelRun/{run_id}/predict", openapi_extra=takes(Objects))
def predict(
    run_id: str,
    body: ObjectsBody,
    services: Services,
    ws: Workspace,
    is_async: Annotated[str | None, Query(alias="async")] = None,
) -> Response:
    """Add predictions to a run, for its dataset."""
    return _uploaded(services, ws, body, is_async, _dataset_of(ws.get_model_run(run_id)), run_id=run_id)


@router.post("/modelRun/{run_id}/uploadPredictions", openapi_extra=takes(Objects))
def add_predictions(run_id: str, body: ObjectsBody, services: Services, ws: Workspace) -> Response:
    """Add predictions that name their items by id, whatever dataset they are of."""
    sent, digests = objects_of(services, ws, body)
    run, counts = ws.upload_predictions(sent.all, update=sent.update, run_id=run_id, mask_digests=digests)
    return Answer(prediction_counts(counts, model_run_id=run.id))


@router.get("/modelRun/{run_id}/info")
def model_run_info(run_id: str, ws: Workspace) -> Answer:
    """What there is to know about a run."""
    run = ws.get_model_run(run_id)
    return Answer(
        {
            "model_run_id": run.id,
            "model_id": run.model_id,
            "name": run.name,
            "status": "committed" if run.committed else "created",
            "metadata": run.metadata or None,
            "dataset_ids": list(run.dataset_ids),
        }
    )


@router.post("/modelRun/{run_id}/commit", openapi_extra=takes(CommitRun))
def commit_model_run(run_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Note that a run is complete, and by which rules its labels match."""
    body = codec.decode(raw, CommitRun)
    options = {"class_agnostic": body.class_agnostic, "allowed_label_matches": None}
    if body.allowed_label_matches is not None:
        options["allowed_label_matches"] = msgspec.to_builtins(body.allowed_label_matches)
    ws.commit_model_run(run_id, options)
    return Answer({"model_run_id": run_id})


@router.delete("/modelRun/{run_id}")
def delete_model_run(run_id: str, ws: Workspace) -> Answer:
    """Delete a run with its predictions; results that used them stay."""
    ws.delete_model_run(run_id)
    return Answer({"model_run_id": run_id, "message": "Model run deleted"})


@router.get("/modelRun/{run_id}/refloc/{reference_id:path}")
def run_refloc(run_id: str, reference_id: str, ws: Workspace) -> ObjectsAnswer:
    """The run's predictions for the item or scene with this reference id."""
    found = ws.predictions_by_reference(ws.get_model_run(run_id), reference_id)
    return ObjectsAnswer({"annotations": by_type(_readable(found))})


@router.get("/modelRun/{run_id}/iloc/{index}")
def run_iloc(run_id: str, index: int, ws: Workspace) -> ObjectsAnswer:
    """The run's predictions for the item at this place of its dataset."""
    run = ws.get_model_run(run_id)
    return _located(ws, run, ws.get_item_at(_dataset_of(run), index))


@router.get("/modelRun/{run_id}/loc/{item_id}")
def run_loc(run_id: str, item_id: str, ws: Workspace) -> ObjectsAnswer:
    """The run's predictions for the item with this id."""
    return _located(ws, ws.get_model_run(run_id), ws.get_item(item_id))


@router.get("/modelRun/{run_id}/prediction/loc/{place:path}")
def run_prediction_loc(run_id: str, place: str, ws: Workspace) -> ObjectsAnswer:
    """One prediction of a run, by the reference id of its item and its own id; either may have slashes."""
    run = ws.get_model_run(run_id)
    return ObjectsAnswer(shown(named_object(place, lambda ref, name: ws.get_prediction(run, ref, name))))


@router.get("/modelRun/{run_id}/ungrouped")
def run_ungrouped(run_id: str, ws: Workspace) -> Response:
    """All predictions of a run, by type."""
    return _ungrouped(ws, ws.get_model_run(run_id))


# --- without a run


@router.post("/model/{model_id}/predictions", openapi_extra=takes(Objects))
def upload_run_free(model_id: str, body: ObjectsBody, services: Services, ws: Workspace) -> Response:
    """Add or replace predictions that belong to no run; each names its item by id, or by dataset and reference id."""
    sent, _ = objects_of(services, ws, body)
    odd = sorted({type(value).__name__.lower() for value in sent.all} - {kind.value for kind in _RUN_FREE_KINDS})
    if odd:
        raise InvalidInput(
            f"expected boxes, polygons and cuboids, got {', '.join(odd)}: upload those to a model run",
            code="kind_needs_a_run",
        )
    counts = ObjectCounts(0, 0)
    if sent.all:
        _, counts = ws.upload_predictions(sent.all, update=True, model_id=model_id)
    return Answer(prediction_counts(counts, model_id=model_id))


@router.post("/model/{model_id}/predictions/copyFromRun", openapi_extra=takes(CopyRun))
def copy_from_run(model_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Copy a run's predictions to those without a run."""
    run = ws.get_model_run(codec.decode(raw, CopyRun).model_run_id)
    if run.model_id != model_id:
        raise InvalidInput(f"run {run.id} is of model {run.model_id}, not of {model_id}", code="run_of_another_model")
    n_copied, n_unsupported = ws.copy_predictions(run.id)
    return Answer(
        {
            "model_id": model_id,
            "model_run_ids": [run.id],
            "predictions_copied": n_copied,
            "predictions_skipped_unsupported": n_unsupported,
        }
    )


@router.get("/model/{model_id}/predictions/loc/{item_id}")
def run_free_loc(model_id: str, item_id: str, ws: Workspace) -> ObjectsAnswer:
    """The model's predictions without a run for the item with this id."""
    return _run_free(ws, model_id, lambda run: _of_item(ws, run, ws.get_item(item_id)))


@router.get("/model/{model_id}/predictions/refloc/{reference_id:path}")
def run_free_refloc(model_id: str, reference_id: str, ws: Workspace) -> ObjectsAnswer:
    """The model's predictions without a run for the items with this reference id."""
    return _run_free(ws, model_id, lambda run: ws.predictions_by_reference(run, reference_id))


@router.get("/model/{model_id}/predictions/iloc/{index}")
def run_free_iloc(model_id: str, index: int, ws: Workspace) -> ObjectsAnswer:
    """The model's predictions without a run for the item at this place of their dataset."""
    return _run_free(ws, model_id, lambda run: _of_item(ws, run, ws.get_item_at(_dataset_of(run), index)))


def _run_free(ws: WorkspaceStore, model_id: str, read: Callable[[ModelRun], list[StoredObject]]) -> ObjectsAnswer:
    run = ws.run_free_predictions(model_id)
    return ObjectsAnswer({"annotations": by_type(_readable([] if run is None else read(run)))})


def _uploaded(
    services: AppServices,
    ws: WorkspaceStore,
    body: bytes | Form,
    is_async: str | None,
    dataset_id: str,
    *,
    model_id: str | None = None,
    run_id: str | None = None,
) -> Answer:
    """Store predictions for a dataset and answer with what was done, or (async=1) with the job that did it."""
    if is_async == "1":
        signed = signed_objects(body)
        _note_trained_slice(ws, model_id, signed.trained_slice_id)
        job = upload_payload(
            services.store,
            ws,
            services.media,
            dataset_id=dataset_id,
            request_id=signed.requestId,
            update=signed.update,
            model_id=model_id,
            run_id=run_id,
        )
        return Answer(wire.job_handle(job))
    sent, digests = objects_of(services, ws, body)
    _note_trained_slice(ws, model_id, sent.trained_slice_id)
    run, counts = ws.upload_predictions(
        sent.all,
        update=sent.update,
        dataset_id=dataset_id,
        model_id=model_id,
        run_id=run_id,
        mask_digests=digests,
    )
    return Answer(prediction_counts(counts, dataset_id=dataset_id, model_run_id=run.id))


def _note_trained_slice(ws: WorkspaceStore, model_id: str | None, slice_id: str | None) -> None:
    if model_id is not None and slice_id is not None:
        ws.change_model(model_id, add_slices=[slice_id])


def _newest_run(ws: WorkspaceStore, model_id: str, dataset_id: str) -> ModelRun:
    run = ws.find_model_run(model_id, dataset_id)
    if run is None:
        raise NotFound(
            f"model {model_id} has no predictions for dataset {dataset_id}: upload them first", code="no_predictions"
        )
    return run


def _dataset_of(run: ModelRun) -> str:
    if len(run.dataset_ids) != 1:
        raise InvalidInput(
            f"expected run {run.id} to be of one dataset, it is of {len(run.dataset_ids)}: name the dataset, or the items by id",
            code="run_of_several_datasets",
        )
    return run.dataset_ids[0]


def _readable(found: list[StoredObject]) -> list[StoredObject]:
    """Those of the kinds that clients read of runs."""
    return [stored for stored in found if type_name(stored) != ObjectKind.MULTICATEGORY.value]


def _of_item(ws: WorkspaceStore, run: ModelRun, item: Item) -> list[StoredObject]:
    return ws.predictions_of(run, item.dataset_key, [item.ordinal], kinds=PREDICTED_KINDS)[item.ordinal]


def _located(ws: WorkspaceStore, run: ModelRun, item: Item) -> ObjectsAnswer:
    return ObjectsAnswer({"annotations": by_type(_of_item(ws, run, item), item.id)})


def _ungrouped(ws: WorkspaceStore, run: ModelRun, dataset_id: str | None = None) -> ObjectsAnswer:
    return ObjectsAnswer(by_type(_readable(list(ws.iter_predictions(run, dataset_id)))))
