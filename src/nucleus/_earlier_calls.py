"""Calls of the client that objects have now: existing scripts go on working, and are told what to write instead."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nucleus._async_job import AsyncJob
from nucleus._connection import Connection
from nucleus._dataset import Dataset, DatasetInfo
from nucleus._dataset_item import DatasetItem
from nucleus._model_run import ModelRun, created_run
from nucleus._slice import Slice

if TYPE_CHECKING:
    from nucleus._model import Model


class EarlierCalls:
    """Each warns with a DeprecationWarning that names what to call."""

    connection: Connection

    def add_model(self, name: str, reference_id: str, metadata: dict[str, Any] | None = None) -> Model:
        """Now `create_model`."""
        _say("create_model")
        return self.create_model(name, reference_id, metadata)  # type: ignore[attr-defined,no-any-return]

    def append_to_slice(self, slice_id: str, reference_ids: Sequence[str], dataset_id: str) -> dict[str, Any]:
        """Now `Slice.append`."""
        _say("Slice.append")
        return Slice(slice_id, self.connection, {"dataset_id": dataset_id}).append(reference_ids)

    def commit_model_run(self, model_run_id: str, payload: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Now `ModelRun.commit`."""
        _say("ModelRun.commit")
        return self._run(model_run_id).commit(payload)

    def create_model_run(self, dataset_id: str, payload: Mapping[str, Any]) -> ModelRun:
        """Now `Dataset.create_model_run`."""
        _say("Dataset.create_model_run")
        return created_run(self.connection, dataset_id, payload)

    def create_slice(self, dataset_id: str, payload: Mapping[str, Any]) -> Slice:
        """Now `Dataset.create_slice`."""
        _say("Dataset.create_slice")
        return Dataset(dataset_id, self.connection).create_slice(payload["name"], payload["reference_ids"])

    def dataitem_iloc(self, dataset_id: str, i: int) -> Any:
        """Now `Dataset.iloc`."""
        _say("Dataset.iloc")
        return self.connection.get(f"dataset/{dataset_id}/iloc/{i}")

    def dataitem_loc(self, dataset_id: str, dataset_item_id: str) -> Any:
        """Now `Dataset.loc`."""
        _say("Dataset.loc")
        return self.connection.get(f"dataset/{dataset_id}/loc/{dataset_item_id}")

    def dataitem_ref_id(self, dataset_id: str, reference_id: str) -> Any:
        """Now `Dataset.refloc`."""
        _say("Dataset.refloc")
        return self.connection.get(f"dataset/{dataset_id}/refloc/{quote(reference_id, safe='')}")

    def dataset_info(self, dataset_id: str) -> DatasetInfo:
        """Now `Dataset.info`."""
        _say("Dataset.info")
        return Dataset(dataset_id, self.connection).info()

    def delete_annotations(
        self, dataset_id: str, reference_ids: Iterable[str] | None = None, keep_history: bool = True
    ) -> AsyncJob:
        """Now `Dataset.delete_annotations`."""
        _say("Dataset.delete_annotations")
        return Dataset(dataset_id, self.connection).delete_annotations(reference_ids, keep_history)

    def delete_dataset_item(self, dataset_id: str, reference_id: str) -> dict[str, Any]:
        """Now `Dataset.delete_item`."""
        _say("Dataset.delete_item")
        return Dataset(dataset_id, self.connection).delete_item(reference_id)

    def get_dataset_items(self, dataset_id: str) -> list[DatasetItem]:
        """Now `Dataset.items`."""
        _say("Dataset.items")
        return Dataset(dataset_id, self.connection).items

    def list_datasets(self) -> Any:
        """Now `datasets`."""
        _say("NucleusClient.datasets")
        return self.connection.get("dataset/")

    def model_run_info(self, model_run_id: str) -> dict[str, Any]:
        """Now `ModelRun.info`."""
        _say("ModelRun.info")
        return self._run(model_run_id).info()

    def predictions_iloc(self, model_run_id: str, i: int) -> Any:
        """Now `ModelRun.iloc`."""
        _say("ModelRun.iloc")
        return self.connection.get(f"modelRun/{model_run_id}/iloc/{i}")

    def predictions_loc(self, model_run_id: str, dataset_item_id: str) -> Any:
        """Now `ModelRun.loc`."""
        _say("ModelRun.loc")
        return self.connection.get(f"modelRun/{model_run_id}/loc/{dataset_item_id}")

    def predictions_ref_id(self, model_run_id: str, ref_id: str, dataset_id: str | None = None) -> Any:
        """Now `ModelRun.refloc`."""
        _say("ModelRun.refloc")
        return self._run(model_run_id).refloc(ref_id)

    def slice_info(self, slice_id: str) -> Any:
        """Now `Slice.info` and `Slice.items`."""
        _say("Slice.info or Slice.items")
        return self.connection.get(f"slice/{slice_id}")

    def _run(self, model_run_id: str) -> ModelRun:
        return ModelRun(model_run_id, None, self.connection)


def _say(instead: str) -> None:
    warnings.warn(f"this call has moved: use {instead}", DeprecationWarning, stacklevel=3)
