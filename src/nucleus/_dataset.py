"""Datasets."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from nucleus._answers import paged
from nucleus._appending import append_items
from nucleus._async_job import AsyncJob
from nucleus._connection import Connection
from nucleus._dataset_annotations import DatasetAnnotations
from nucleus._dataset_item import DatasetItem
from nucleus._dataset_metadata import DatasetMetadata
from nucleus._dataset_scenes import DatasetScenes
from nucleus._dataset_scores import upload_scores
from nucleus._exceptions import DatasetItemRetrievalError, NotFoundError, NucleusAPIError, NucleusError
from nucleus._html import html_table
from nucleus._item_folder import items_of_folder
from nucleus._item_sources import count_of, reference_ids_of
from nucleus._job_list import count_by_status, list_jobs
from nucleus._model import Model
from nucleus._scene_upload import append_scenes
from nucleus._scenes import Scene
from nucleus._slice import IDS_PER_REQUEST, Slice
from nucleus._slice_building import SliceBuilderFilters, SliceBuilderMethods, SliceType
from nucleus._tables import ArrowStream, in_blocks
from nucleus._upload_report import UploadReport
from nucleus.validate.clusters import ClusterKey, DatasetClusterKey, cluster_json
from nucleus.validate.eval_functions import EvalFunction
from nucleus.validate.evaluation import ItemScore

FunctionKey = TypeVar("FunctionKey", bound=str | EvalFunction)
WeightKey = TypeVar("WeightKey", bound=str | EvalFunction)


@dataclass(frozen=True)
class DatasetInfo:
    """What the server says of a dataset; `info.name` and `info["name"]` are the same.

    Attributes:
        length: How many items it has.
        slice_ids: Its slices.
    """

    dataset_id: str
    name: str
    length: int
    model_run_ids: list[str]
    slice_ids: list[str]
    annotation_metadata_schema: dict[str, Any] | None = None
    item_metadata_schema: dict[str, Any] | None = None
    tags: list[str] = field(default_factory=list)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)


class Dataset(DatasetAnnotations, DatasetScenes, DatasetMetadata):
    """A growing list of items, alone or in scenes, with their ground truth and what models predict."""

    def __init__(self, dataset_id: str, connection: Connection, name: str | None = None) -> None:
        self.id = dataset_id
        self._connection = connection
        self._name = name

    def __repr__(self) -> str:
        return f"Dataset(name={self.name!r}, dataset_id={self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dataset) and self.id == other.id and self._connection == other._connection

    def __hash__(self) -> int:
        return hash(self.id)

    def _repr_html_(self) -> str:
        return html_table(f"Dataset {self.name}", ["id", "items"], [[self.id, self.size]])

    @property
    def name(self) -> str:
        """Its name."""
        if self._name is None:
            self._name = str(self._connection.get(f"dataset/{self.id}/name")["name"])
        return self._name

    @property
    def is_scene(self) -> bool:
        """Whether it holds scenes."""
        return bool(self._connection.get(f"dataset/{self.id}/is_scene")["is_scene"])

    @property
    def use_privacy_mode(self) -> bool:
        """Whether its media must stay where they are."""
        return bool(self._connection.get(f"dataset/{self.id}/use_privacy_mode")["use_privacy_mode"])

    @property
    def size(self) -> int:
        """How many items it has."""
        return int(self._connection.get(f"dataset/{self.id}/size")["count"])

    @property
    def items(self) -> list[DatasetItem]:
        """All its items, in the order of insertion."""
        try:
            return list(self.items_generator())
        except NucleusAPIError as error:
            if error.status_code == 503:
                raise DatasetItemRetrievalError(
                    "the server is busy: try again in a moment, or read page by page with items_generator"
                ) from error
            raise

    def items_generator(self, page_size: int = 10_000) -> Iterator[DatasetItem]:
        """All its items in the order of insertion, read page by page."""
        yield from map(
            DatasetItem.from_json, paged(self._connection, f"dataset/{self.id}/itemsPage", page_size, "items")
        )

    @property
    def slices(self) -> list[Slice]:
        """Its slices, oldest first."""
        return [Slice(row["id"], self._connection, row) for row in self._connection.get(f"dataset/{self.id}/slices")]

    def get_slices(self, name: str | None = None, slice_type: str | SliceType | None = None) -> list[Slice]:
        """Its slices of this name and of this type.

        Raises:
            ValueError: There is no such type.
            NotFoundError: There are no such slices.
        """
        asked = {"name": name or "", "type": SliceType(slice_type).value if slice_type else ""}
        params = {key: value for key, value in asked.items() if value}
        rows = self._connection.get(f"dataset/{self.id}/slices", params or None)
        if not rows:
            wanted = " and ".join(f"{key} {value!r}" for key, value in params.items())
            raise NotFoundError(f"expected slices of dataset {self.id}{wanted and f' with {wanted}'}, got none")
        return [Slice(row["id"], self._connection, row) for row in rows]

    def info(self) -> DatasetInfo:
        """What the server says of it."""
        answer = self._connection.get(f"dataset/{self.id}/info")
        return DatasetInfo(
            dataset_id=answer["dataset_id"],
            name=answer["name"],
            length=answer["length"],
            model_run_ids=answer["model_run_ids"],
            slice_ids=answer["slice_ids"],
            annotation_metadata_schema=answer.get("annotation_metadata_schema"),
            item_metadata_schema=answer.get("item_metadata_schema"),
            tags=answer.get("tags") or [],
        )

    def append(
        self,
        items: Iterable[DatasetItem] | Iterable[Scene] | Mapping[str, Any] | ArrowStream,
        update: bool = False,
        local_files_per_upload_request: int = 10,
        asynchronous: bool | None = None,
        batch_size: int | None = None,
    ) -> AsyncJob:
        """Add items, or scenes, at the end of the dataset, any number of them.

        They are sent in requests of about 20,000, each stored whole or not at all. If one fails, those before it are stored:
        call again with the same items, and the present ones are ignored (or updated).

        Args:
            items: Items by URL, of local image files, of text or of metadata alone; they may be mixed. Objects in any
                iterable, also a generator; or a mapping of columns or a table of polars, pandas or pyarrow, in which the
                columns named like fields of `DatasetItem` are these fields and every other column is a key of the metadata.
                Or a list of lidar scenes or of video scenes, which go in one job.
            update: Replace the metadata of items and scenes whose reference id is taken, instead of ignoring them.
            local_files_per_upload_request: How many files go into one request.
            asynchronous: Accepted for compatibility and ignored.
            batch_size: Accepted for compatibility and ignored.

        Returns:
            The last job; the items are there when the call returns.

        Raises:
            ValueError: There are no items, one cannot be an item, or some have the same reference id. All items of a list or
                of a table in memory are compared before anything is sent; of a generator or a stream those of each request,
                and an id that an earlier request had counts as present.
            FileNotFoundError: A local image is not there.
            NucleusAPIError: The server refused items and says which.
        """
        for name, value in (("asynchronous", asynchronous), ("batch_size", batch_size)):
            if value is not None:
                warnings.warn(f"append ignores {name}: leave it out", DeprecationWarning, stacklevel=2)
        if isinstance(items, Sequence) and items and isinstance(items[0], Scene):
            return append_scenes(self._connection, self.id, items, update=update)
        return append_items(
            self._connection, self.id, items, update=update, n_files_per_request=local_files_per_upload_request
        )

    def add_items_from_dir(
        self,
        dirname: str | None = None,
        existing_dirname: str | None = None,
        privacy_mode_proxy: str = "",
        allowed_file_types: Iterable[str] = ("png", "jpg", "jpeg"),
        skip_size_warning: bool = False,
        update_items: bool = False,
    ) -> AsyncJob | None:
        """Add the image files of a folder, and of the folders in it; the reference id of each is its path in the folder.

        Args:
            dirname: The folder.
            existing_dirname: The same, under another name.
            privacy_mode_proxy: Not served: a dataset in privacy mode takes items by URL.
            allowed_file_types: The endings of the files' names.
            skip_size_warning: Also if there are more than 500.
            update_items: Replace the metadata of items whose reference id is taken, instead of ignoring them.

        Returns:
            The last job; None if the folder has no such files.

        Raises:
            ValueError: There is no such folder; more than 500 files are in it and nobody said that this is meant; or files are
                to be served by a proxy.
        """
        if privacy_mode_proxy:
            raise ValueError(
                "expected no privacy_mode_proxy: append items by URL, with their width and height, instead"
            )
        folder = existing_dirname or dirname
        if not folder:
            raise ValueError("expected a dirname, got none")
        items = items_of_folder(folder, allowed_file_types, may_be_many=skip_size_warning)
        return self.append(items, update=update_items) if items else None

    def upload_scores(
        self,
        functions: Mapping[FunctionKey, str],
        model: Model | str,
        table: Mapping[str, Any] | ArrowStream | Iterable[Mapping[str, Any]],
        *,
        item_ref_id: str = "item_ref_id",
        weight: str | Mapping[WeightKey, str] | None = None,
        min_coverage: float = 1.0,
        dry_run: bool = False,
    ) -> UploadReport:
        """Upload a model's scores of this dataset's items once, for one or several functions; all are stored, or none.

        Every scenario test of the dataset that has one of the functions, and whose items are covered, gets its evaluation; a
        test that is made later is filled from the same upload. A large table goes in parts of 500,000 rows: if it is
        interrupted, the same call within 24 hours sends only what is missing.

        Args:
            functions: The column that holds the scores of each function, by the function or its name. A score is in the
                function's score range; None (null) is no score of that item by that function. NaN is refused.
            model: The model that was scored, or its id.
            table: One row for each item: a mapping of column to list or array; a table of polars, pandas, pyarrow or DuckDB
                (anything with `__arrow_c_stream__`), of which a stream is read batch by batch; or rows that are mappings.
            item_ref_id: The column of the reference ids.
            weight: The column of the weights, in [0, 1], of all functions; or a column for each function that has weights.
            min_coverage: The part of a test's items, in [0, 1], that must have a score for the test to get an evaluation.
            dry_run: Check everything on the server too, and store nothing.

        Returns:
            What was accepted, how the numbers are distributed, what looks odd, and which tests got an evaluation.

        Raises:
            InvalidUpload: A function or column does not exist, or rows are wrong; nothing was stored. `bad_rows()` lists them.
            UploadRejectedError: The server found wrong rows, such as reference ids that the dataset does not have.
            NucleusAPIError: The server refused the upload for another reason; nothing was stored.
        """
        return upload_scores(
            self._connection,
            self.id,
            functions,
            model,
            table,
            reference_id=item_ref_id,
            weight=weight,
            min_coverage=min_coverage,
            dry_run=dry_run,
        )

    def item_scores(self, reference_id: str) -> list[ItemScore]:
        """Every score of one item: of all models, on all tests, in all evaluations; newest first."""
        rows = self._connection.get(f"dataset/{self.id}/scores/{quote(reference_id, safe='')}")["scores"]
        return [ItemScore(**row) for row in rows]

    def cluster_key(self) -> DatasetClusterKey:
        """What says which items are alike in the statistics of comparisons, and what its metadata speaks for."""
        return DatasetClusterKey.from_json(self._connection.get(f"dataset/{self.id}/cluster_key"))

    def set_cluster_key(self, cluster: str | ClusterKey | None) -> DatasetClusterKey:
        """Say which items are alike, such as the frames of one drive, so that they count together in the statistics.

        Args:
            cluster: The metadata key whose values group items; `nucleus.EACH_ITEM`: items are independent; None: as the
                evaluation function says.

        Raises:
            NucleusAPIError: No item has this key, or the key may not do that.
        """
        answer = self._connection.post(
            {"cluster": cluster_json(cluster)}, f"dataset/{self.id}/cluster_key", is_replay_safe=True
        )
        return DatasetClusterKey.from_json(answer)

    def create_slice(self, name: str, reference_ids: Iterable[str] | None = None) -> Slice:
        """Create a slice of the items with these reference ids, in this order; without ids, an empty one.

        Args:
            name: Its name.
            reference_ids: Any number, in a list, an array, a series, a generator. More than 500,000 go in several requests.

        Raises:
            ValueError: The ids are no texts; no slice was made.
            NucleusAPIError: The dataset has no items with some of these ids; no slice was made.
        """
        batches = in_blocks(reference_ids_of(reference_ids), IDS_PER_REQUEST)
        first = list(next(batches, ()))
        payload = {"name": name, "reference_ids": first} if first else {"name": name, "allow_empty": 1}
        answer = self._connection.post(payload, f"dataset/{self.id}/create_slice")
        created = Slice(answer["slice_id"], self._connection)
        try:
            created.append_batches(batches, count_of(reference_ids), n_done=len(first), dataset_id=self.id)
        except BaseException:  # also an interrupt: half a slice is none
            with suppress(NucleusError):
                self._connection.delete(f"slice/{created.id}")
            raise
        return created

    def create_slice_by_ids(
        self,
        name: str,
        dataset_item_ids: Iterable[str] | None = None,
        scene_ids: Iterable[str] | None = None,
        annotation_ids: Iterable[str] | None = None,
        prediction_ids: Iterable[str] | None = None,
    ) -> Slice:
        """Create a slice by the server's ids: of items, or of scenes, or of objects (annotations and predictions).

        Raises:
            ValueError: No ids are given, or ids of different kinds.
        """
        objects = [*(annotation_ids or ()), *(prediction_ids or ())]
        given = {
            "dataset_item_ids": None if dataset_item_ids is None else [*dataset_item_ids],
            "scene_ids": None if scene_ids is None else [*scene_ids],
            "object_ids": objects or None,
        }
        kinds = [kind for kind, ids in given.items() if ids]
        if len(kinds) != 1:
            raise ValueError(f"expected ids of one kind, got {' and '.join(kinds) or 'none'}")
        answer = self._connection.post({"name": name, **given}, f"dataset/{self.id}/create_slice")
        return Slice(answer["slice_id"], self._connection)

    def build_slice(
        self,
        name: str,
        sample_size: int,
        sample_method: str | SliceBuilderMethods,
        filters: SliceBuilderFilters | None = None,
    ) -> Any:
        """Create a slice of items that are drawn from the dataset.

        Args:
            name: Its name.
            sample_size: How many items to draw.
            sample_method: `Random`, or `Uniqueness`, which prefers items that are unlike one another.
            filters: From which items.

        Returns:
            The job, and the slice's id if it is known already; or, where there is no job, what the server answers.

        Raises:
            ValueError: There is no such method, or the size is less than 1.
        """
        if sample_size < 1:
            raise ValueError(f"expected a sample_size of at least 1, got {sample_size}")
        payload = {
            "name": name,
            "sampleSize": sample_size,
            "sampleMethod": SliceBuilderMethods(sample_method).value,
            "filters": filters.to_payload() if filters else {},
        }
        answer = self._connection.post(payload, f"dataset/{self.id}/build_slice")
        if "job_id" in answer:
            return AsyncJob.from_json(answer, self._connection), str(answer.get("sliceId", ""))
        return answer

    def jobs(
        self,
        job_types: Sequence[str] | None = None,
        from_date: str | datetime.datetime | None = None,
        to_date: str | datetime.datetime | None = None,
        limit: int = 50_000,
        show_completed: bool = False,
        stats_only: bool = False,
    ) -> Any:
        """Its jobs, newest first; see `NucleusClient.list_jobs`.

        Args:
            job_types: Of these types.
            from_date: Made at this time or later, UTC.
            to_date: Made at this time or earlier, UTC.
            limit: At most so many.
            show_completed: Also those that are done.
            stats_only: How many there are of each type and status, instead of the jobs.
        """
        found = list_jobs(
            self._connection,
            show_completed=show_completed,
            from_date=from_date,
            to_date=to_date,
            job_types=job_types,
            limit=limit,
            dataset_id=self.id,
        )
        return count_by_status(found) if stats_only else found

    def delete_item(self, reference_id: str) -> dict[str, Any]:
        """Delete an item; its scores in past evaluations stay."""
        answer: dict[str, Any] = self._connection.delete(f"dataset/{self.id}/refloc/{quote(reference_id, safe='')}")
        return answer
