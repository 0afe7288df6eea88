"""Model runs: the predictions that a model made at one time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from nucleus._annotation_upload import ROWS_PER_REQUEST, Destination, Sizes, upload
from nucleus._annotations import Annotation
from nucleus._connection import Connection
from nucleus._exceptions import ModelRunCreationError
from nucleus._exports import predictions_by_kind
from nucleus._predictions import Prediction, prediction_from_json
from nucleus._tables import ArrowStream


class ModelRun:
    """Predictions of one model, made at one time.

    Attributes:
        model_run_id: The server's id.
        dataset_id: The dataset it was made on; None if it was made for several.
    """

    def __init__(self, model_run_id: str, dataset_id: str | None, connection: Connection) -> None:
        self.model_run_id = model_run_id
        self.dataset_id = dataset_id
        self._connection = connection

    def __repr__(self) -> str:
        return f"ModelRun(model_run_id={self.model_run_id!r}, dataset_id={self.dataset_id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelRun) and self.model_run_id == other.model_run_id

    def __hash__(self) -> int:
        return hash(self.model_run_id)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.model_run_id

    def info(self) -> dict[str, Any]:
        """Ask for `model_id`, `name`, `status` and `metadata`."""
        answer: dict[str, Any] = self._connection.get(f"modelRun/{self.id}/info")
        return answer

    def commit(self, payload: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Say that the predictions are complete.

        Args:
            payload: `class_agnostic`, and `allowed_label_matches` with the labels that count as the same.
        """
        answer: dict[str, Any] = self._connection.post(dict(payload or {}), f"modelRun/{self.id}/commit")
        return answer

    def predict(
        self,
        annotations: Iterable[Prediction | Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = False,
        asynchronous: bool = False,
        batch_size: int = ROWS_PER_REQUEST,
        remote_files_per_upload_request: int = 20,
        local_files_per_upload_request: int = 10,
    ) -> Any:
        """Add predictions on the dataset of this run; arguments and answer as in `Dataset.upload_predictions`."""
        return upload(
            Destination(self._connection, f"modelRun/{self.id}/predict", "predictions", self.dataset_id),
            annotations,
            update=update,
            sizes=Sizes(batch_size, remote_files_per_upload_request, local_files_per_upload_request),
            asynchronous=asynchronous,
        )

    def add_predictions(
        self,
        predictions: Iterable[Prediction | Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = False,
        asynchronous: bool = False,
        batch_size: int = ROWS_PER_REQUEST,
        remote_files_per_upload_request: int = 20,
        local_files_per_upload_request: int = 10,
    ) -> Any:
        """Add predictions on items of any dataset, each of which says its `dataset_item_id`, or `dataset_id` and
        `reference_id`; otherwise as `predict`.

        Raises:
            ValueError: It should be asynchronous, which a run of several datasets cannot be.
        """
        return upload(
            Destination(self._connection, f"modelRun/{self.id}/uploadPredictions", "predictions"),
            predictions,
            update=update,
            sizes=Sizes(batch_size, remote_files_per_upload_request, local_files_per_upload_request),
            asynchronous=asynchronous,
        )

    def iloc(self, i: int) -> dict[str, list[Prediction]]:
        """Its predictions on the item at place `i` in the order of insertion, lists by kind."""
        return predictions_by_kind(self._connection.get(f"modelRun/{self.id}/iloc/{i}"))

    def refloc(self, reference_id: str) -> dict[str, list[Prediction]]:
        """Its predictions on the item with this reference id, lists by kind."""
        return predictions_by_kind(self._connection.get(f"modelRun/{self.id}/refloc/{quote(reference_id, safe='')}"))

    def loc(self, dataset_item_id: str) -> dict[str, list[Prediction]]:
        """Its predictions on the item with this id of the server's, lists by kind."""
        return predictions_by_kind(self._connection.get(f"modelRun/{self.id}/loc/{dataset_item_id}"))

    def prediction_loc(self, reference_id: str, annotation_id: str) -> Prediction:
        """Its prediction with this id on an item."""
        place = f"{quote(reference_id, safe='')}/{quote(annotation_id, safe='')}"
        return prediction_from_json(self._connection.get(f"modelRun/{self.id}/prediction/loc/{place}"))

    def ungrouped_export(self) -> dict[str, list[Prediction]]:
        """All its predictions, lists by kind."""
        return predictions_by_kind({"annotations": self._connection.get(f"modelRun/{self.id}/ungrouped")})


def created_run(connection: Connection, dataset_id: str, payload: Mapping[str, Any]) -> ModelRun:
    """A new run on a dataset; raises ModelRunCreationError if the server says that there is none."""
    answer = connection.post(payload, f"dataset/{dataset_id}/modelRun/create")
    if answer.get("status_code") or not answer.get("model_run_id"):
        raise ModelRunCreationError(str(answer.get("error")))
    return ModelRun(answer["model_run_id"], dataset_id, connection)
