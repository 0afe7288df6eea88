"""What the documents promise: their code runs, their links lead somewhere, their versions agree."""

from __future__ import annotations

import doctest
import re
from importlib.metadata import version
from pathlib import Path

import pytest

import nucleus
import nucleus_metrics.aggregate
import nucleus_metrics.comparison
import nucleus_metrics.families
import nucleus_metrics.student
from tests.support.api import BASE, Api
from tests.support.images import write_png

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


KERNELS = (
    nucleus_metrics.aggregate,
    nucleus_metrics.comparison,
    nucleus_metrics.families,
    nucleus_metrics.student,
)


def python_blocks(path: Path) -> list[str]:
    """The Python code in a document."""
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def test_readme_runs(
    sqlite_api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user's script, after the lines that make what it stands on, as the README has them."""
    script, set_up = python_blocks(ROOT / "README.md")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    write_png(tmp_path / "photos" / "2.jpg")
    client = sqlite_api.client()
    names = {"client": client, "nucleus": nucleus}
    exec(compile(set_up, "README.md, set-up", "exec"), names)

    class Module:
        """`nucleus`, with a client that needs no socket."""

        NucleusClient = staticmethod(lambda key: sqlite_api.client(key))

    lines = script.replace("import nucleus\n", "")
    exec(compile(lines, "README.md, script", "exec"), names | {"nucleus": Module, "KEY": "test-admin-key"})
    assert capsys.readouterr().out == "0.5 None ScenarioTestEvaluationStatus.COMPLETED 2\n"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link of a document is a file of the project."""
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_changelog_has_this_version() -> None:
    """Its newest entry is the version that is installed."""
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None and newest[1] == version("nucleus-validate")


def test_architecture_names_what_exists() -> None:
    """Every path and module in it is there, and it stays short."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(text.splitlines()) <= 150
    for path in re.findall(r"`((?:src|tests|docs|examples)/[\w/.]*)`", text):
        assert (ROOT / path).exists(), path


def test_examples_in_kernels_are_right() -> None:
    """The doctests of the metrics."""
    results = [doctest.testmod(module) for module in KERNELS]
    assert all(r.attempted for r in results) and not any(r.failed for r in results)


def test_every_route_is_in_the_openapi_document(sqlite_api: Api) -> None:
    """The official client's routes are all there, by their paths."""
    paths = sqlite_api.http.get("/openapi.json").json()["paths"]
    for route in (
        "/dataset/create",
        "/dataset/{dataset_id}/append",
        "/dataset/{dataset_id}/signedUrl/{request_id}",
        "/dataset/{dataset_id}/create_slice",
        "/models/add",
        "/job/{job_id}",
        "/validate/eval_fn",
        "/validate/scenario_test",
        "/validate/scenario_test/upload_results",
        "/validate/scenario_test/{test_id}/eval_history/details",
        "/validate/eval/{evaluation_id}/info",
        "/validate/metric/set_threshold/{test_id}/{function_id}",
        "/validate/scenario_test/{test_id}/set_baseline_model/{model_id}",
    ):
        assert f"{BASE}{route}" in paths
