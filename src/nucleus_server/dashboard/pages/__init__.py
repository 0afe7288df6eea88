"""Fills the pages' contexts from the services: words and formats, no numbers of its own."""

from nucleus_server.dashboard.pages.evaluations import evaluation_page
from nucleus_server.dashboard.pages.functions import function_page, functions_page
from nucleus_server.dashboard.pages.scenario_tests import test_page, tests_page
from nucleus_server.dashboard.pages.uploads import (
    bad_rows_csv,
    bad_rows_page,
    earlier_path,
    find_progress,
    upload_page,
    uploads_page,
)

__all__ = [
    "bad_rows_csv",
    "bad_rows_page",
    "earlier_path",
    "evaluation_page",
    "find_progress",
    "function_page",
    "functions_page",
    "test_page",
    "tests_page",
    "upload_page",
    "uploads_page",
]
