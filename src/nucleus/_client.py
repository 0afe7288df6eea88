"""The client: where every script begins."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

import httpx2

from nucleus._admin import Administration
from nucleus._async_job import AsyncJob
from nucleus._connection import DEFAULT_ENDPOINT, Connection
from nucleus._dataset import Dataset
from nucleus._earlier_calls import EarlierCalls
from nucleus._exceptions import ModelCreationError, NoAPIKey, read_bad_rows
from nucleus._item_folder import items_of_folder
from nucleus._job_list import list_jobs
from nucleus._model import Model
from nucleus._model_run import ModelRun
from nucleus._score_upload import get_upload
from nucleus._slice import Slice
from nucleus._upload_report import UploadReport
from nucleus.validate.client import Validate


class NucleusClient(Administration, EarlierCalls):
    """A connection to one workspace of one server.

    Args:
        api_key: Your API key; else NUCLEUS_API_KEY.
        use_notebook: Accepted for compatibility; notebooks are recognised by themselves.
        endpoint: The server's address with /v1/nucleus; else NUCLEUS_ENDPOINT, else a server on this machine.
        limited_access_key: A viewer's or scoped key, instead of `api_key`; else NUCLEUS_LIMITED_ACCESS_KEY.
        http_client: An httpx2.Client of your own, such as one with a proxy or certificates.

    Raises:
        NoAPIKey: There is neither key.
        ValueError: Both keys were given, or the key has characters that no key has.
    """

    def __init__(
        self,
        api_key: str | None = None,
        use_notebook: bool = False,
        endpoint: str | None = None,
        limited_access_key: str | None = None,
        *,
        http_client: httpx2.Client | None = None,
    ) -> None:
        if api_key and limited_access_key:
            raise ValueError("expected either api_key or limited_access_key, got both")
        limited = limited_access_key or (None if api_key else os.environ.get("NUCLEUS_LIMITED_ACCESS_KEY"))
        key = None if limited_access_key else api_key or os.environ.get("NUCLEUS_API_KEY")
        chosen = (key or limited or "").strip()
        if not chosen:
            raise NoAPIKey()
        if not (chosen.isascii() and chosen.isprintable()):
            raise ValueError("the key has characters that cannot be sent: copy it again")
        self.endpoint = endpoint or os.environ.get("NUCLEUS_ENDPOINT") or DEFAULT_ENDPOINT
        self.connection = Connection(chosen, self.endpoint, is_limited=not key, http_client=http_client)
        self.validate = Validate(self.connection)

    def __repr__(self) -> str:
        return f"NucleusClient(endpoint={self.endpoint!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NucleusClient) and self.connection == other.connection

    __hash__ = None  # type: ignore[assignment]

    def __enter__(self) -> NucleusClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the server."""
        self.connection.close()

    # --- datasets

    def create_dataset(
        self,
        name: str,
        is_scene: bool | None = None,
        use_privacy_mode: bool = False,
        item_metadata_schema: dict[str, Any] | None = None,
        annotation_metadata_schema: dict[str, Any] | None = None,
    ) -> Dataset:
        """Create an empty dataset.

        Args:
            name: Its name; several may have the same.
            is_scene: It takes scenes, instead of items on their own.
            use_privacy_mode: Its media must stay where they are: items by URL only, with width and height.
            item_metadata_schema: What you say about the metadata of its items; kept and given back.
            annotation_metadata_schema: Likewise of its annotations.
        """
        answer = self.connection.post(
            {
                "name": name,
                "is_scene": bool(is_scene),
                "use_privacy_mode": use_privacy_mode,
                "annotation_metadata_schema": annotation_metadata_schema,
                "item_metadata_schema": item_metadata_schema,
            },
            "dataset/create",
        )
        return Dataset(answer["dataset_id"], self.connection, name)

    def create_dataset_from_dir(
        self,
        dirname: str,
        dataset_name: str | None = None,
        use_privacy_mode: bool = False,
        privacy_mode_proxy: str = "",
        allowed_file_types: Iterable[str] = ("png", "jpg", "jpeg"),
        skip_size_warning: bool = False,
    ) -> Dataset:
        """Create a dataset of the image files of a folder; it is called like the folder if you give no name.

        The other arguments, and what it raises, as in `Dataset.add_items_from_dir`; nothing is created then.
        """
        if use_privacy_mode or privacy_mode_proxy:
            raise ValueError(
                "expected no privacy mode: create the dataset, and append items by URL with width and height"
            )
        items = items_of_folder(dirname, allowed_file_types, may_be_many=skip_size_warning)
        dataset = self.create_dataset(dataset_name or os.path.basename(os.path.abspath(dirname)))
        if items:
            dataset.append(items).sleep_until_complete()
        return dataset

    def get_dataset(self, dataset_id: str) -> Dataset:
        """The dataset with this id."""
        return Dataset(dataset_id, self.connection)

    @property
    def datasets(self) -> list[Dataset]:
        """All datasets, oldest first."""
        return [Dataset(row["id"], self.connection, row["name"]) for row in self.connection.get("dataset/details")]

    def delete_dataset(self, dataset_id: str) -> dict[str, Any]:
        """Delete a dataset with its slices, tests and evaluations, for ever."""
        answer: dict[str, Any] = self.connection.delete(f"dataset/{dataset_id}")
        return answer

    # --- slices

    def get_slice(self, slice_id: str) -> Slice:
        """The slice with this id."""
        return Slice(slice_id, self.connection)

    @property
    def slices(self) -> list[Slice]:
        """All slices, oldest first."""
        return [Slice(row["id"], self.connection, row) for row in self.connection.get("slice/")]

    def delete_slice(self, slice_id: str) -> dict[str, Any]:
        """Delete a slice; tests that were built on it keep their members."""
        answer: dict[str, Any] = self.connection.delete(f"slice/{slice_id}")
        return answer

    # --- models

    def create_model(
        self,
        name: str,
        reference_id: str,
        metadata: dict[str, Any] | None = None,
        bundle_name: str | None = None,
        tags: Sequence[str] | None = None,
        trained_slice_ids: Sequence[str] | None = None,
    ) -> Model:
        """Create a model; its reference id is unique in the workspace."""
        payload: dict[str, Any] = {"name": name, "reference_id": reference_id, "metadata": metadata or {}}
        for key, value in (("bundle_name", bundle_name), ("tags", tags), ("trained_slice_ids", trained_slice_ids)):
            if value:
                payload[key] = value
        answer = self.connection.post(payload, "models/add")
        if not answer.get("model_id"):
            raise ModelCreationError(str(answer.get("error")))
        return self.get_model(answer["model_id"])

    def get_model(self, model_id: str | None = None, model_run_id: str | None = None) -> Model:
        """The model with this id, or the model of this run.

        Raises:
            ValueError: Neither or both are given.
        """
        if (model_id is None) == (model_run_id is None):
            raise ValueError("expected either a model_id or a model_run_id")
        return Model.from_json(self.connection.get(f"model/{model_id or model_run_id}"), self.connection)

    @property
    def models(self) -> list[Model]:
        """All models, oldest first."""
        return [Model.from_json(row, self.connection) for row in self.connection.get("models/")["models"]]

    def list_models(self) -> list[Model]:
        """The same as `models`."""
        return self.models

    def delete_model(self, model_id: str) -> dict[str, Any]:
        """Delete a model; its past evaluations stay."""
        answer: dict[str, Any] = self.connection.delete(f"model/{model_id}")
        return answer

    def get_model_run(self, model_run_id: str, dataset_id: str | None = None) -> ModelRun:
        """The model run with this id; with the dataset it was made on, if you will add predictions to it."""
        return ModelRun(model_run_id, dataset_id, self.connection)

    def delete_model_run(self, model_run_id: str) -> dict[str, Any]:
        """Delete a run with its predictions; results that were computed from them stay."""
        answer: dict[str, Any] = self.connection.delete(f"modelRun/{model_run_id}")
        return answer

    def merge_model_runs(
        self, model_run_ids: Iterable[str], *, name: str | None = None, metadata: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make one run of several; they stay.

        Returns:
            `model_run_id` and `dataset_ids` of the new run, and the `job` that fills it.

        Raises:
            ValueError: There are fewer than two different ones.
        """
        given = list(dict.fromkeys(model_run_ids))
        if len(given) < 2:
            raise ValueError(f"expected at least two different model runs, got {', '.join(given) or 'none'}")
        optional = {"name": name, "metadata": metadata}
        payload = {"model_run_ids": given, **{key: value for key, value in optional.items() if value is not None}}
        answer = self.connection.post(payload, "modelRun/merge")
        return {
            "model_run_id": answer["model_run_id"],
            "dataset_ids": answer["dataset_ids"],
            "job": self.get_job(answer["job_id"]),
        }

    # --- uploads of scores

    def uploads(
        self, dataset_id: str | None = None, model_id: str | None = None, limit: int | None = None
    ) -> list[UploadReport]:
        """Uploads of scores, newest first: those of one dataset, of one model, or all; at most `limit`."""
        asked = {"dataset_id": dataset_id, "model_id": model_id, "limit": None if limit is None else str(limit)}
        params = {name: value for name, value in asked.items() if value is not None}
        return [UploadReport.from_json(row) for row in self.connection.get("uploads", params or None)["uploads"]]

    def get_upload(self, upload_id: str) -> UploadReport:
        """The report of an upload, `up_…`; its functions and tests are empty until it is completed."""
        return get_upload(self.connection, upload_id)

    def get_bad_rows(self, upload_id: str) -> list[dict[str, Any]]:
        """All wrong rows of a rejected upload: `row` (from 0), `reference_id`, `function`, `field`, `value`, `problem`.

        Raises:
            ObjectNotFoundError: There is no such upload, or it was rejected more than 24 hours ago.
        """
        content = bytearray()
        self.connection.download(f"upload/{upload_id}/bad_rows", content.extend)
        return read_bad_rows(bytes(content))

    def give_up_upload(self, upload_id: str) -> bool:
        """Give up an upload that is unfinished or was rejected; the server forgets what was sent of it.

        Raises:
            ConflictError: It is committed already.
            ObjectNotFoundError: There is no such upload, or it expired.
        """
        return bool(self.connection.delete(f"upload/{upload_id}")["success"])

    # --- jobs

    def get_job(self, job_id: str) -> AsyncJob:
        """The job with this id."""
        return AsyncJob.from_json(self.connection.get(f"job/{job_id}/info"), self.connection)

    @property
    def jobs(self) -> list[AsyncJob]:
        """All jobs that are not done, newest first."""
        return self.list_jobs()

    def list_jobs(
        self,
        show_completed: bool = False,
        from_date: str | datetime.datetime | None = None,
        to_date: str | datetime.datetime | None = None,
        job_types: Sequence[str] | None = None,
        limit: int | None = None,
        dataset_id: str | None = None,
    ) -> list[AsyncJob]:
        """Jobs, newest first.

        Args:
            show_completed: Also those that are done.
            from_date: Made at this time or later, UTC.
            to_date: Made at this time or earlier, UTC.
            job_types: Of these types; see `nucleus.job.CustomerJobTypes`.
            limit: At most so many; 50,000 if you do not say.
            dataset_id: Of this dataset.
        """
        return list_jobs(
            self.connection,
            show_completed=show_completed,
            from_date=from_date,
            to_date=to_date,
            job_types=job_types,
            limit=limit,
            dataset_id=dataset_id,
        )
