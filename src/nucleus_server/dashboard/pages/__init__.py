"""Fills the pages' contexts from the services: words and formats, no numbers of its own."""

from nucleus_server.dashboard.pages.account import (
    NOTICES,
    account_page,
    create_key,
    create_user,
    rename_workspace,
    set_active,
    set_role,
)
from nucleus_server.dashboard.pages.audit import audit_page
from nucleus_server.dashboard.pages.comparing import (
    compare_page,
    compared_items_part,
    compared_items_path,
    find_comparing,
    moved_part,
    save_compared,
    scatter_part,
)
from nucleus_server.dashboard.pages.comparison_lists import is_typed
from nucleus_server.dashboard.pages.dataset_metadata import metadata_page
from nucleus_server.dashboard.pages.datasets import dataset_page, datasets_page, read_search, save_slice
from nucleus_server.dashboard.pages.evaluations import evaluation_page, interval_part, items_part, save_list
from nucleus_server.dashboard.pages.exports import PATIENCE_S, comparison_file, complete, release_file
from nucleus_server.dashboard.pages.functions import function_page, functions_page
from nucleus_server.dashboard.pages.histories import history_part, shown_results
from nucleus_server.dashboard.pages.items import item_page, item_path
from nucleus_server.dashboard.pages.jobs import job_page, job_progress, jobs_page
from nucleus_server.dashboard.pages.matrix import matrix_page, matrix_query
from nucleus_server.dashboard.pages.model_comparison import (
    compare_models_page,
    find_comparing_models,
    model_items_part,
    model_items_path,
    models_of,
    save_model_items,
)
from nucleus_server.dashboard.pages.models import model_page, models_page, separation_page, separation_part
from nucleus_server.dashboard.pages.releases import (
    find_deciding,
    find_reporting,
    release_page,
    releases_page,
    report_page,
)
from nucleus_server.dashboard.pages.rules import power_part, rule_page, set_rule
from nucleus_server.dashboard.pages.scenario_tests import test_page
from nucleus_server.dashboard.pages.settings import cluster_key_page, set_baseline, set_cluster_key, set_settings
from nucleus_server.dashboard.pages.slice_differences import difference_page
from nucleus_server.dashboard.pages.slices import slice_page
from nucleus_server.dashboard.pages.suite_comparison import (
    find_comparing_suite,
    found_worse,
    save_worse_items,
    suite_of,
    suite_page,
    worse_part,
)
from nucleus_server.dashboard.pages.test_files import test_file
from nucleus_server.dashboard.pages.uploads import (
    bad_rows_csv,
    bad_rows_page,
    earlier_path,
    find_progress,
    upload_page,
    uploads_page,
)
from nucleus_server.dashboard.pages.waivers import waivers_page

__all__ = [
    "NOTICES",
    "PATIENCE_S",
    "account_page",
    "audit_page",
    "bad_rows_csv",
    "bad_rows_page",
    "cluster_key_page",
    "compare_models_page",
    "compare_page",
    "compared_items_part",
    "compared_items_path",
    "comparison_file",
    "complete",
    "create_key",
    "create_user",
    "dataset_page",
    "datasets_page",
    "difference_page",
    "earlier_path",
    "evaluation_page",
    "find_comparing",
    "find_comparing_models",
    "find_comparing_suite",
    "find_deciding",
    "find_progress",
    "find_reporting",
    "found_worse",
    "function_page",
    "functions_page",
    "history_part",
    "interval_part",
    "is_typed",
    "item_page",
    "item_path",
    "items_part",
    "job_page",
    "job_progress",
    "jobs_page",
    "matrix_page",
    "matrix_query",
    "metadata_page",
    "model_items_part",
    "model_items_path",
    "model_page",
    "models_of",
    "models_page",
    "moved_part",
    "power_part",
    "read_search",
    "release_file",
    "release_page",
    "releases_page",
    "rename_workspace",
    "report_page",
    "rule_page",
    "save_compared",
    "save_list",
    "save_model_items",
    "save_slice",
    "save_worse_items",
    "scatter_part",
    "separation_page",
    "separation_part",
    "set_active",
    "set_baseline",
    "set_cluster_key",
    "set_role",
    "set_rule",
    "set_settings",
    "shown_results",
    "slice_page",
    "suite_of",
    "suite_page",
    "test_file",
    "test_page",
    "upload_page",
    "uploads_page",
    "waivers_page",
    "worse_part",
]
