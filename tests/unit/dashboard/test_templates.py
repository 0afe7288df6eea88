"""A template uses exactly what its context declares, and user text is never markup."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import meta

from nucleus_server.dashboard import contexts
from nucleus_server.dashboard.pages.shared import percent
from nucleus_server.dashboard.rendering import make_environment, script_json
from nucleus_server.dashboard.session import safe_path

PAGES = {
    "login.html": contexts.LoginPage,
    "error.html": contexts.ErrorPage,
    "matrix.html": contexts.MatrixPage,
    "test.html": contexts.TestPage,
    "history.html": contexts.HistoryPart,
    "interval.html": contexts.IntervalPart,
    "test_file.html": contexts.TestFile,
    "evaluation.html": contexts.EvaluationPage,
    "uploads.html": contexts.UploadsPage,
    "upload.html": contexts.UploadPage,
    "progress.html": contexts.ProgressPart,
    "bad_rows.html": contexts.BadRowsPage,
    "functions.html": contexts.FunctionsPage,
    "function.html": contexts.FunctionPage,
    "compare.html": contexts.ComparePage,
    "scatter.html": contexts.ScatterPart,
    "moved.html": contexts.MovedPart,
    "compare_models.html": contexts.CompareModelsPage,
    "compared_items.html": contexts.ComparedItemsPart,
    "suite.html": contexts.SuitePage,
    "worse_items.html": contexts.WorseItemsPart,
    "report.html": contexts.ReportPage,
    "releases.html": contexts.ReleasesPage,
    "release.html": contexts.ReleasePage,
    "waivers.html": contexts.WaiversPage,
    "audit.html": contexts.AuditPage,
    "rule.html": contexts.RulePage,
    "power.html": contexts.PowerPart,
    "cluster_key.html": contexts.ClusterKeyPage,
    "release_file.html": contexts.ReleaseFile,
    "comparison_file.html": contexts.ComparisonFile,
    "item.html": contexts.ItemPage,
    "datasets.html": contexts.DatasetsPage,
    "dataset.html": contexts.DatasetPage,
    "slice.html": contexts.SlicePage,
    "slice_difference.html": contexts.SliceDifferencePage,
    "dataset_metadata.html": contexts.MetadataPage,
    "separation.html": contexts.SeparationPart,
    "models.html": contexts.ModelsPage,
    "model.html": contexts.ModelPage,
    "jobs.html": contexts.JobsPage,
    "job.html": contexts.JobPage,
    "settings.html": contexts.AccountPage,
}
MACROS = {
    "parts.html": "parts",
    "verdict_parts.html": "verdict_parts",
    "account_parts.html": "account_parts",
    "job_parts.html": "job_parts",
    "matrix_parts.html": "matrix_parts",
    "choosing_parts.html": "choosing",
    "comparison_parts.html": "comparison_parts",
}


def used_names(template: str) -> set[str]:
    """The names that a template, those it extends and those it includes take from their context."""
    environment = make_environment()
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, template)
    tree = environment.parse(source)
    names = meta.find_undeclared_variables(tree)
    for other in meta.find_referenced_templates(tree):
        if other is not None and other not in MACROS:
            names |= used_names(other)
    return names - set(MACROS.values())


@pytest.mark.parametrize("template", PAGES)
def test_templates_use_what_contexts_declare(template: str) -> None:
    """No name that is not declared, and none declared in vain."""
    assert used_names(template) == {f.name for f in dataclasses.fields(PAGES[template])}


@pytest.mark.parametrize(
    ("part", "page"), [("items.html", contexts.EvaluationPage), ("bad_rows_table.html", contexts.BadRowsPage)]
)
def test_a_part_that_is_swapped_uses_its_pages_context(part: str, page: type[Any]) -> None:
    """Its names are those of the whole page."""
    assert used_names(part) <= {f.name for f in dataclasses.fields(page)}


def test_every_field_has_a_help_text() -> None:
    """Docs and pages come from the same strings."""
    classes = [c for c in vars(contexts).values() if isinstance(c, type) and dataclasses.is_dataclass(c)]
    assert len(classes) > 10
    for each in classes:
        for field in dataclasses.fields(each):
            assert field.metadata["help"].endswith("."), (each, field.name)


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner, max_size=3), max_leaves=4))
def test_json_cannot_end_its_script_element(value: Any) -> None:
    """Whatever is in it, there is no `<`; and it reads back as it was."""
    text = str(script_json(value))
    assert not {"<", ">", "&"} & set(text)
    assert json.loads(text) == value


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", None, "/a\nb", "javascript:x"]
)
def test_foreign_targets_are_refused(path: str | None) -> None:
    """After logging in one stays on this server."""
    assert safe_path(path) == "/"


@given(st.text())
def test_only_local_paths_pass(text: str) -> None:
    """A single leading slash, or home."""
    path = safe_path(text)
    assert path.startswith("/") and not path.startswith(("//", "/\\"))


def test_only_all_is_a_hundredpercent() -> None:
    """Never by rounding."""
    assert percent(1) == "100\u00a0%"
    assert percent(0.99999) == "99.9\u00a0%"
    assert percent(0) == "0.0\u00a0%"
