"""The part of a dataset that is about annotations and predictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, overload
from urllib.parse import quote

from nucleus._annotation_upload import ROWS_PER_REQUEST, Destination, Sizes, upload
from nucleus._annotations import Annotation
from nucleus._answers import paged
from nucleus._async_job import AsyncJob
from nucleus._connection import Connection
from nucleus._exports import exported_row, located_item, predictions_by_kind
from nucleus._model import Model
from nucleus._model_run import ModelRun, created_run
from nucleus._predictions import Prediction, prediction_from_json
from nucleus._tables import ArrowStream


class DatasetAnnotations:
    """Ground truth, and what models predict."""

    id: str
    _connection: Connection

    # --- up

    @overload
    def annotate(
        self,
        annotations: Iterable[Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = ...,
        batch_size: int = ...,
        asynchronous: Literal[False] = ...,
        remote_files_per_upload_request: int = ...,
        local_files_per_upload_request: int = ...,
    ) -> dict[str, Any]: ...

    @overload
    def annotate(
        self,
        annotations: Iterable[Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = ...,
        batch_size: int = ...,
        *,
        asynchronous: Literal[True],
        remote_files_per_upload_request: int = ...,
        local_files_per_upload_request: int = ...,
    ) -> AsyncJob: ...

    def annotate(
        self,
        annotations: Iterable[Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = False,
        batch_size: int = ROWS_PER_REQUEST,
        asynchronous: bool = False,
        remote_files_per_upload_request: int = 20,
        local_files_per_upload_request: int = 10,
    ) -> dict[str, Any] | AsyncJob:
        """Add ground truth to items and scenes, any amount of it.

        All annotations of an item go in one request, and several requests at a time. If one fails, those before it are stored:
        call again with the same annotations, and the present ones are ignored (or replaced).

        Args:
            annotations: Objects in any iterable, also a generator. Or boxes and polygons as columns: a mapping of lists or
                arrays, or a table of polars, pandas or pyarrow. The columns are called like the fields of `BoxAnnotation`:
                `reference_id` and `label`; then `boxes_xywh` with [x, y, width, height] in each row (such as an array of
                shape (n, 4)), or the four as columns of their own, or `vertices` with [[x, y], …] for polygons; and, if you
                have them, `annotation_id`, `metadata`, `track_reference_id`, `embedding_vector`. A text instead of a column
                is the same in all rows.
            update: Replace annotations whose id is taken on their item, instead of ignoring the new ones.
            batch_size: About how many annotations go into one request: more if an item has more, fewer if they are long.
            asynchronous: Hand all over, and return a job instead of waiting until they are stored.
            remote_files_per_upload_request: How many masks by URL go into one request.
            local_files_per_upload_request: How many mask files go into one request.

        Returns:
            `dataset_id`, `annotations_processed`, `annotations_ignored` and, if there are any, `errors`: texts about
            annotations that were not stored, such as those of unknown items. Of an asynchronous upload an `AsyncJob`.

        Raises:
            InvalidUpload: Something is wrong with the annotations, such as NaN; of what is in memory nothing was sent.
                `bad_rows()` lists what.
            DuplicateIDError: Two have the same id on the same item; likewise.
            FileNotFoundError: A mask file is not there; likewise.
            NucleusAPIError: The server refused a request.
        """
        return upload(
            Destination(self._connection, f"dataset/{self.id}/annotate", dataset_id=self.id),
            annotations,
            update=update,
            sizes=Sizes(batch_size, remote_files_per_upload_request, local_files_per_upload_request),
            asynchronous=asynchronous,
        )

    @overload
    def upload_predictions(
        self,
        model: Model | str,
        predictions: Iterable[Prediction | Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = ...,
        asynchronous: Literal[False] = ...,
        batch_size: int = ...,
        remote_files_per_upload_request: int = ...,
        local_files_per_upload_request: int = ...,
        trained_slice_id: str | None = ...,
    ) -> dict[str, Any]: ...

    @overload
    def upload_predictions(
        self,
        model: Model | str,
        predictions: Iterable[Prediction | Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = ...,
        *,
        asynchronous: Literal[True],
        batch_size: int = ...,
        remote_files_per_upload_request: int = ...,
        local_files_per_upload_request: int = ...,
        trained_slice_id: str | None = ...,
    ) -> AsyncJob: ...

    def upload_predictions(
        self,
        model: Model | str,
        predictions: Iterable[Prediction | Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = False,
        asynchronous: bool = False,
        batch_size: int = ROWS_PER_REQUEST,
        remote_files_per_upload_request: int = 20,
        local_files_per_upload_request: int = 10,
        trained_slice_id: str | None = None,
    ) -> dict[str, Any] | AsyncJob:
        """Add a model's predictions on items and scenes, any number of them.

        They are sent as annotations are; see `annotate`, also for what it raises.

        Args:
            model: Whose they are, or its id.
            predictions: Objects, or columns as in `annotate`, with the columns `confidence` in [0, 1] and `class_pdf` too.
            update: Replace predictions whose id is taken on their item, instead of ignoring the new ones.
            asynchronous: Hand all over, and return a job instead of waiting until they are stored.
            batch_size: About how many predictions go into one request: more if an item has more, fewer if they are long.
            remote_files_per_upload_request: How many masks by URL go into one request.
            local_files_per_upload_request: How many mask files go into one request.
            trained_slice_id: The slice that the model was trained on.

        Returns:
            `dataset_id`, `model_run_id`, `predictions_processed`, `predictions_ignored` and, if there are any, `errors`. Of an
            asynchronous upload an `AsyncJob`.
        """
        return upload(
            self._predictions(f"model/{_id_of(model)}", trained_slice_id, asynchronous),
            predictions,
            update=update,
            sizes=Sizes(batch_size, remote_files_per_upload_request, local_files_per_upload_request),
            asynchronous=asynchronous,
        )

    def upload_predictions_for_model_run(
        self,
        model_run_id: str,
        predictions: Iterable[Prediction | Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = False,
        asynchronous: bool = False,
        batch_size: int = ROWS_PER_REQUEST,
        remote_files_per_upload_request: int = 20,
        local_files_per_upload_request: int = 10,
        trained_slice_id: str | None = None,
    ) -> Any:
        """Add predictions to a run, which then also covers this dataset; otherwise as `upload_predictions`."""
        return upload(
            self._predictions(f"modelRun/{model_run_id}", trained_slice_id, asynchronous),
            predictions,
            update=update,
            sizes=Sizes(batch_size, remote_files_per_upload_request, local_files_per_upload_request),
            asynchronous=asynchronous,
        )

    def _predictions(self, whose: str, trained_slice_id: str | None, asynchronous: bool) -> Destination:
        extra = {"trained_slice_id": trained_slice_id} if trained_slice_id or asynchronous else {}
        return Destination(
            self._connection,
            f"dataset/{self.id}/{whose}/uploadPredictions",
            what="predictions",
            dataset_id=self.id,
            extra=extra,
        )

    def delete_annotations(self, reference_ids: Iterable[str] | None = None, keep_history: bool = True) -> AsyncJob:
        """Delete the ground truth of some items; without reference ids, of all.

        Args:
            reference_ids: Of the items.
            keep_history: Accepted for compatibility: results that were computed never change.
        """
        payload = {"keep_history": keep_history, "reference_ids": None if reference_ids is None else [*reference_ids]}
        return AsyncJob.from_json(self._connection.delete(f"annotation/{self.id}", payload), self._connection)

    # --- down

    def ground_truth_loc(self, reference_id: str, annotation_id: str) -> Annotation:
        """The annotation with this id on an item."""
        route = f"dataset/{self.id}/groundTruth/loc/{quote(reference_id, safe='')}/{quote(annotation_id, safe='')}"
        return Annotation.from_json(self._connection.get(route))

    def prediction_loc(self, model: Model | str, reference_id: str, annotation_id: str) -> Prediction:
        """A model's prediction with this id on an item."""
        place = f"{quote(reference_id, safe='')}/{quote(annotation_id, safe='')}"
        return prediction_from_json(self._connection.get(f"dataset/{self.id}/model/{_id_of(model)}/loc/{place}"))

    def predictions_iloc(self, model: Model | str, index: int) -> dict[str, list[Prediction]]:
        """A model's predictions on the item at place `index` in the order of insertion, lists by kind."""
        return self._predicted(model, f"iloc/{index}")

    def predictions_refloc(self, model: Model | str, reference_id: str) -> dict[str, list[Prediction]]:
        """A model's predictions on the item with this reference id, lists by kind."""
        return self._predicted(model, f"referenceId/{quote(reference_id, safe='')}")

    def _predicted(self, model: Model | str, place: str) -> dict[str, list[Prediction]]:
        return predictions_by_kind(self._connection.get(f"dataset/{self.id}/model/{_id_of(model)}/{place}"))

    def export_predictions(self, model: Model | str) -> dict[str, list[Prediction]]:
        """All predictions of a model on this dataset, lists by kind."""
        answer = self._connection.get(f"dataset/{self.id}/model/{_id_of(model)}/export")
        return predictions_by_kind({"annotations": answer})

    def iloc(self, i: int) -> dict[str, Any]:
        """The item at place `i` in the order of insertion, as `item`, and its `annotations`, lists by kind."""
        return self._located(f"iloc/{i}")

    def refloc(self, reference_id: str) -> dict[str, Any]:
        """The item with this reference id, as `item`, and its `annotations`, lists by kind."""
        return self._located(f"refloc/{quote(reference_id, safe='')}")

    def loc(self, dataset_item_id: str) -> dict[str, Any]:
        """The item with this id of the server's, as `item`, and its `annotations`, lists by kind."""
        return self._located(f"loc/{dataset_item_id}")

    def _located(self, route: str) -> dict[str, Any]:
        return located_item(self._connection.get(f"dataset/{self.id}/{route}"))

    def items_and_annotations(self) -> list[dict[str, Any]]:
        """All items with their ground truth, as `items_and_annotation_generator` yields them."""
        return list(self.items_and_annotation_generator())

    def items_and_annotation_generator(
        self,
        query: str | None = None,
        use_mirrored_images: bool = False,
        only_most_recent_tasks: bool = True,
        page_size: int = 10_000,
    ) -> Iterator[dict[str, Any]]:
        """All items with their ground truth, read page by page.

        Args:
            query: Which items; a server without queries says so.
            use_mirrored_images: Accepted for compatibility: images are where you said they are.
            only_most_recent_tasks: Accepted for compatibility.
            page_size: How many items are asked for at a time.

        Yields:
            An item as `item`, and its `annotations`: lists by kind (`box`, `polygon`, …), and as `segmentation` the only one.
        """
        rows = paged(
            self._connection,
            f"dataset/{self.id}/exportForTrainingPage",
            page_size,
            "data",
            query=query,
            chip=use_mirrored_images,
            onlyMostRecentTask=only_most_recent_tasks,
        )
        yield from map(exported_row, rows)

    def export_class_labels(self, slice_id: str | None = None) -> list[str]:
        """The labels of its ground truth, each once; with a slice, of the items of the slice."""
        route = f"slice/{slice_id}/class_labels" if slice_id else f"dataset/{self.id}/class_labels"
        return list(self._connection.get(route).get("data") or ())

    def evaluation_label_schema(self) -> dict[str, list[str]]:
        """The labels there are: `gt_labels` of ground truth, `prediction_labels` of predictions."""
        answer: dict[str, list[str]] = self._connection.get(f"dataset/{self.id}/labelSchema")
        return answer

    # --- model runs

    @property
    def model_runs(self) -> list[str]:
        """The ids of the model runs with predictions on it."""
        return list(self._connection.get(f"dataset/{self.id}/model_runs"))

    def create_model_run(
        self,
        name: str,
        reference_id: str | None = None,
        model_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        annotation_metadata_schema: dict[str, Any] | None = None,
    ) -> ModelRun:
        """Create a run of the model with this reference id, or with this id, on this dataset.

        Raises:
            ValueError: Neither or both of `reference_id` and `model_id` are given.
        """
        if (reference_id is None) == (model_id is None):
            raise ValueError("expected either the reference_id of a model or its model_id")
        given = {
            "name": name,
            "reference_id": reference_id,
            "model_id": model_id,
            "metadata": metadata,
            "annotation_metadata_schema": annotation_metadata_schema,
        }
        return created_run(self._connection, self.id, {key: value for key, value in given.items() if value is not None})


def _id_of(model: Model | str) -> str:
    return model if isinstance(model, str) else model.id
