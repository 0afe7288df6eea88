"""Models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nucleus._annotation_upload import ROWS_PER_REQUEST, Destination, Sizes, upload
from nucleus._annotations import Annotation
from nucleus._async_job import AsyncJob
from nucleus._connection import Connection
from nucleus._exports import predictions_by_kind
from nucleus._model_run import ModelRun, created_run
from nucleus._predictions import Prediction
from nucleus._tables import ArrowStream

if TYPE_CHECKING:
    from nucleus._dataset import Dataset


@dataclass(eq=False)
class Model:
    """A model whose scores are evaluated.

    Attributes:
        id: The server's id.
        name: Its name.
        reference_id: Your own id of it, unique in the workspace.
        metadata: Anything that JSON can hold; None if there is none.
        tags: Words to find it by.
        trained_slice_ids: Slices it was trained on.
    """

    id: str
    name: str
    reference_id: str
    metadata: dict[str, Any] | None
    connection: Connection = field(repr=False)
    tags: list[str] = field(default_factory=list)
    trained_slice_ids: list[str] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and (self.id, self.name, self.metadata) == (
            other.id,
            other.name,
            other.metadata,
        )

    def __hash__(self) -> int:
        return hash(self.id)

    @classmethod
    def from_json(cls, payload: dict[str, Any], connection: Connection) -> Model:
        """The model that the server describes."""
        return cls(
            id=payload["id"],
            name=payload["name"],
            reference_id=payload["ref_id"],
            metadata=payload["metadata"] or None,
            connection=connection,
            tags=list(payload.get("tags") or ()),
            trained_slice_ids=payload.get("trained_slice_ids"),
        )

    def evaluate(self, scenario_test_names: list[str]) -> AsyncJob:
        """Evaluate the model on these tests by their built-in functions."""
        answer = self.connection.post({"test_names": scenario_test_names}, f"validate/{self.id}/evaluate")
        return AsyncJob.from_json(answer, self.connection)

    # --- what it is found by

    def add_tags(self, tags: Iterable[str]) -> Any:
        """Add words to find it by."""
        given = list(tags)
        answer = self.connection.post({"tags": given}, f"model/{self.id}/tag")
        self.tags += [tag for tag in dict.fromkeys(given) if tag not in self.tags]
        return answer

    def remove_tags(self, tags: Iterable[str]) -> Any:
        """Take words away.

        Raises:
            BadRequestError: It has none of them.
        """
        given = list(tags)
        answer = self.connection.delete(f"model/{self.id}/tag", {"tags": given})
        self.tags = [tag for tag in self.tags if tag not in given]
        return answer

    def add_trained_slice_ids(self, slice_ids: Iterable[str]) -> Any:
        """Say that it was trained on slices, too."""
        given = list(slice_ids)
        answer = self.connection.post({"trained_slice_ids": given}, f"model/{self.id}/trainedSliceId")
        self.trained_slice_ids = list(dict.fromkeys([*(self.trained_slice_ids or ()), *given]))
        return answer

    def remove_trained_slice_ids(self, slice_ids: Iterable[str]) -> Any:
        """Say that it was not trained on slices."""
        given = list(slice_ids)
        answer = self.connection.delete(f"model/{self.id}/trainedSliceId", {"trained_slice_ids": given})
        self.trained_slice_ids = [each for each in self.trained_slice_ids or () if each not in given]
        return answer

    # --- its runs

    def model_runs(self, include_versions: bool = False) -> list[str]:
        """The ids of its runs.

        Args:
            include_versions: Also those of its other versions.
        """
        params = {"family": "true"} if include_versions else None
        return list(self.connection.get(f"model/{self.id}/modelRun", params))

    def create_run(
        self,
        name: str,
        dataset: Dataset | None = None,
        predictions: Iterable[Prediction | Annotation] | None = None,
        metadata: dict[str, Any] | None = None,
        asynchronous: bool = False,
        reference_id: str | None = None,
    ) -> ModelRun:
        """Create a run of this model, with predictions if there are some already.

        Args:
            name: Its name.
            dataset: What it predicts on; None where each prediction says that itself.
            predictions: To be added at once.
            metadata: Anything that JSON can hold.
            asynchronous: Do not wait until the predictions are stored; only with a dataset.
            reference_id: Your own id of the run; only without a dataset.
        """
        if dataset is not None:
            payload = {"name": name, "reference_id": self.reference_id, **({"metadata": metadata} if metadata else {})}
            run = created_run(self.connection, dataset.id, payload)
            if predictions is not None:
                run.predict(predictions, asynchronous=asynchronous)
            return run
        answer = self.connection.post(
            {"name": name, "reference_id": reference_id, "metadata": metadata or {}}, f"model/{self.id}/modelRun/create"
        )
        run = ModelRun(answer["model_run_id"], None, self.connection)
        if predictions is not None:
            run.add_predictions(predictions, asynchronous=asynchronous)
        return run

    # --- predictions without a run

    def upload_predictions(
        self,
        predictions: Iterable[Prediction | Annotation] | Mapping[str, Any] | ArrowStream,
        update: bool = False,
        asynchronous: bool = False,
        batch_size: int = ROWS_PER_REQUEST,
        remote_files_per_upload_request: int = 20,
        local_files_per_upload_request: int = 10,
    ) -> Any:
        """Add predictions on items of any dataset, without a run: boxes, polygons and cuboids.

        Each says its item as `dataset_item_id`, or as `dataset_id` and `reference_id`. Otherwise as
        `Dataset.upload_predictions`.

        Returns:
            `model_id`, `predictions_processed` and `predictions_ignored`.

        Raises:
            ValueError: It should be asynchronous, which is not possible here.
        """
        return upload(
            Destination(self.connection, f"model/{self.id}/predictions", what="predictions"),
            predictions,
            update=update,
            sizes=Sizes(batch_size, remote_files_per_upload_request, local_files_per_upload_request),
            asynchronous=asynchronous,
        )

    def predictions_loc(self, dataset_item_id: str) -> dict[str, list[Prediction]]:
        """Its predictions without a run on the item with this id of the server's, lists by kind."""
        return predictions_by_kind(self.connection.get(f"model/{self.id}/predictions/loc/{dataset_item_id}"))

    def predictions_refloc(self, reference_id: str) -> dict[str, list[Prediction]]:
        """Its predictions without a run on items with this reference id, lists by kind."""
        place = quote(reference_id, safe="")
        return predictions_by_kind(self.connection.get(f"model/{self.id}/predictions/refloc/{place}"))

    def predictions_iloc(self, i: int) -> dict[str, list[Prediction]]:
        """Its predictions without a run on the item at place `i` of those that have some, lists by kind."""
        return predictions_by_kind(self.connection.get(f"model/{self.id}/predictions/iloc/{i}"))

    def copy_predictions_from_run(self, model_run_id: str) -> dict[str, Any]:
        """Take the predictions of a run over as predictions without one.

        Returns:
            `predictions_copied`, and `predictions_skipped_unsupported`: those of kinds that only a run can have.
        """
        answer: dict[str, Any] = self.connection.post(
            {"model_run_id": model_run_id}, f"model/{self.id}/predictions/copyFromRun", is_replay_safe=True
        )
        return answer
