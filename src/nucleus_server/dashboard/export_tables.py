"""Every table that can be taken away: the page that shows it, its address, and how it is made.

Routes and tests are made of this list: a table is in it, or the test says why not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from nucleus_server.dashboard import pages
from nucleus_server.dashboard.pages.audit import audit_filter
from nucleus_server.dashboard.pages.dataset_metadata import keys_table, values_table
from nucleus_server.dashboard.pages.item_lists import item_filter, read_address
from nucleus_server.dashboard.pages.jobs import is_shown
from nucleus_server.dashboard.pages.models import chosen_tests, read_choice, separation_table
from nucleus_server.dashboard.pages.slice_differences import composition_table, difference_table, versions_table
from nucleus_server.dashboard.pages.waivers import chosen_status
from nucleus_server.domain import ReleaseStatus
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.exports import (
    ExportTable,
    audit_table,
    contribution_table,
    entry_table,
    history_table,
    item_table,
)
from nucleus_server.services.item_standing import item_of_dataset
from nucleus_server.services.list_tables import (
    dataset_items,
    dataset_list,
    function_list,
    job_list,
    release_list,
    slice_items,
    slice_list,
    slice_tests,
    upload_list,
    waiver_list,
)
from nucleus_server.services.release_report import options_of_query, release_report
from nucleus_server.services.releases import get_release
from nucleus_server.services.result_tables import item_scores, matrix_table, model_history, model_results, ranking_table


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request for a file says.

    Attributes:
        ids: The ids in its path.
        query: Its query string, with the filter of the page.
    """

    ws: WorkspaceStore
    ids: Mapping[str, str]
    query: str

    def value(self, name: str) -> str:
        """The last parameter of this name; empty without one."""
        return parse_qs(self.query).get(name, [""])[-1].strip()


@dataclass(frozen=True, slots=True)
class Export:
    """A table.

    Attributes:
        path: The file's address without its ending, with the names of ids in braces.
        page: The address of the page that shows it.
        captions: How the captions of the tables that it holds begin; empty for lists of pictures.
        make: The table; it raises what its page would.
    """

    path: str
    page: str
    captions: tuple[str, ...]
    make: Callable[[Wanted], ExportTable]


def _matrix(wanted: Wanted) -> ExportTable:
    parameters = {name: values[-1] for name, values in parse_qs(wanted.query).items()}
    return matrix_table(wanted.ws, pages.matrix_query(parameters, models_page=1, tests_page=1))


def _items(wanted: Wanted) -> ExportTable:
    """As the page lists them; without a filter and an order all scored items as the slice has them."""
    evaluation_id = wanted.ids["evaluation_id"]
    if not wanted.query:
        return item_table(wanted.ws, evaluation_id)
    address = read_address("", wanted.query)
    evaluation = wanted.ws.get_evaluation(evaluation_id)
    keys = wanted.ws.metadata_keys(wanted.ws.get_slice_by_key(evaluation.slice_key).dataset_key)
    return item_table(wanted.ws, evaluation_id, item_filter(address, keys), address.order)


def _dataset_items(wanted: Wanted) -> ExportTable:
    return dataset_items(wanted.ws, wanted.ids["dataset_id"], pages.read_search(wanted.query))


def _item_scores(wanted: Wanted) -> ExportTable:
    _, item = item_of_dataset(wanted.ws, wanted.ids["dataset_id"], wanted.ids["item_id"])
    return item_scores(wanted.ws, item)


def _models(wanted: Wanted) -> ExportTable:
    choice = read_choice(wanted.query)
    return ranking_table(wanted.ws, chosen_tests(wanted.ws.list_scenario_tests(), choice), choice.function_id)


def _jobs(wanted: Wanted) -> ExportTable:
    show, kind = wanted.value("show"), wanted.value("type")
    return job_list(wanted.ws, lambda job: is_shown(job, show, kind))


def _uploads(wanted: Wanted) -> ExportTable:
    return upload_list(
        wanted.ws,
        dataset_id=wanted.value("dataset") or None,
        model_id=wanted.value("model") or None,
        function_id=wanted.value("function") or None,
    )


def _releases(wanted: Wanted) -> ExportTable:
    status = wanted.value("status")
    known = [each.value for each in ReleaseStatus]
    return release_list(wanted.ws, ReleaseStatus(status) if status in known else None, wanted.value("model") or None)


def _report(wanted: Wanted) -> ExportTable:
    options = options_of_query(wanted.ws, parse_qs(wanted.query))
    found = release_report(wanted.ws, options, wait_s=pages.PATIENCE_S)
    return entry_table(pages.complete(found), options.model_id)


def _entries(wanted: Wanted) -> ExportTable:
    view = get_release(wanted.ws, wanted.ids["release_id"], wait_s=pages.PATIENCE_S)
    return entry_table(pages.complete(view.report), view.release.id)


EXPORTS = (
    Export("/matrix", "/", ("Newest result",), _matrix),
    Export(
        "/tests/{test_id}/history",
        "/tests/{test_id}",
        ("Evaluations, newest first",),
        lambda wanted: history_table(wanted.ws, wanted.ids["test_id"]),
    ),
    Export("/evaluations/{evaluation_id}/items", "/evaluations/{evaluation_id}", ("Items, ",), _items),
    Export(
        "/compare/{baseline_id}/{candidate_id}/items",
        "/compare/{baseline_id}/{candidate_id}",
        ("Items by what they add",),
        lambda wanted: contribution_table(wanted.ws, wanted.ids["baseline_id"], wanted.ids["candidate_id"]),
    ),
    Export("/report", "/report", ("All entries",), _report),
    Export("/releases/{release_id}/entries", "/releases/{release_id}", ("All entries",), _entries),
    Export("/releases", "/releases", ("Releases, newest first", "Releases of the model"), _releases),
    Export(
        "/waivers",
        "/waivers",
        ("Waivers, newest first",),
        lambda wanted: waiver_list(wanted.ws, chosen_status(wanted.value("status"))),
    ),
    Export("/models", "/models", ("Models by results",), _models),
    Export(
        "/models/{model_id}/results",
        "/models/{model_id}",
        ("Newest result by each function",),
        lambda wanted: model_results(wanted.ws, wanted.ids["model_id"]),
    ),
    Export(
        "/models/{model_id}/history",
        "/models/{model_id}",
        ("All evaluations of the model",),
        lambda wanted: model_history(wanted.ws, wanted.ids["model_id"]),
    ),
    Export(
        "/models/separation",
        "/models/separation",
        ("Neighbours in the ranking",),
        lambda wanted: separation_table(wanted.ws, wanted.query),
    ),
    Export("/datasets", "/datasets", ("Datasets, newest first",), lambda wanted: dataset_list(wanted.ws)),
    Export("/datasets/{dataset_id}/items", "/datasets/{dataset_id}", (), _dataset_items),
    Export(
        "/datasets/{dataset_id}/slices",
        "/datasets/{dataset_id}",
        ("Slices of this dataset",),
        lambda wanted: slice_list(wanted.ws, wanted.ids["dataset_id"]),
    ),
    Export(
        "/datasets/{dataset_id}/metadata",
        "/datasets/{dataset_id}/metadata",
        ("Metadata keys",),
        lambda wanted: keys_table(wanted.ws, wanted.ids["dataset_id"]),
    ),
    Export(
        "/datasets/{dataset_id}/metadata/values",
        "/datasets/{dataset_id}/metadata",
        ("Values of ",),
        lambda wanted: values_table(wanted.ws, wanted.ids["dataset_id"], wanted.value("key")),
    ),
    Export(
        "/datasets/{dataset_id}/items/{item_id}/scores",
        "/datasets/{dataset_id}/items/{item_id}",
        ("Newest score of each model", ""),
        _item_scores,
    ),
    Export(
        "/slices/{slice_id}/items",
        "/slices/{slice_id}",
        (),
        lambda wanted: slice_items(wanted.ws, wanted.ids["slice_id"]),
    ),
    Export(
        "/slices/{slice_id}/versions",
        "/slices/{slice_id}",
        ("Versions of the slice",),
        lambda wanted: versions_table(wanted.ws, wanted.ids["slice_id"]),
    ),
    Export(
        "/slices/{slice_id}/tests",
        "/slices/{slice_id}",
        ("Tests on this slice",),
        lambda wanted: slice_tests(wanted.ws, wanted.ids["slice_id"]),
    ),
    Export(
        "/slices/{slice_id}/composition",
        "/slices/{slice_id}/difference",
        ("Members by ",),
        lambda wanted: composition_table(wanted.ws, wanted.ids["slice_id"], wanted.query),
    ),
    Export(
        "/slices/{slice_id}/difference",
        "/slices/{slice_id}/difference",
        (),
        lambda wanted: difference_table(wanted.ws, wanted.ids["slice_id"], wanted.query),
    ),
    Export(
        "/functions", "/functions", ("External functions", "Public functions"), lambda wanted: function_list(wanted.ws)
    ),
    Export("/uploads", "/uploads", ("Uploads, newest first", "Newest uploads of"), _uploads),
    Export("/jobs", "/jobs", ("Jobs, newest first",), _jobs),
    Export(
        "/audit",
        "/audit",
        ("Entries of the audit log",),
        lambda wanted: audit_table(wanted.ws, audit_filter(wanted.query)),
    ),
)
