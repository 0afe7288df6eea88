"""`nucleus upload`: files of every kind, columns, refusals, reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import nucleus
from nucleus._cli import rows_file
from nucleus._cli.output import coverage_text
from nucleus._cli.report import histogram_text
from tests.unit.cli.conftest import Cli, World, read_csv

AT = ("--dataset", "road", "--model", "detector-v3")
SCORES = {"d": 0.5, "a": 1.0, "b": 0.25, "c": 0.25}


def write_csv(name: str = "scores.csv", column: str = "custom_mAP", **scores: object) -> Path:
    """A file of scores by reference id."""
    rows = scores or SCORES
    path = Path(name)
    path.write_text(f"item_ref_id,{column}\n" + "".join(f"{ref},{score}\n" for ref, score in rows.items()))
    return path


def results(world: World) -> list[float | None]:
    """The results of the world's test, oldest first."""
    return [evaluation.result for evaluation in world.test.get_eval_history()]


def test_report(cli: Cli, world: World) -> None:
    """As tables for people: distribution, coverage, the evaluation that was made."""
    shown = cli.text("upload", write_csv(), *AT, "--function", "custom_mAP")
    assert "Detector 3" in shown and "custom_mAP" in shown and "100 % (4 of 4)" in shown and "ev_" in shown
    assert "█" in shown and "0.5000" in shown
    assert results(world) == [0.5]
    again = cli.json("upload", "scores.csv", *AT)
    assert again["replayed"] and results(world) == [0.5]
    assert "was there already" in cli.text("upload", "scores.csv", *AT)


def test_json(cli: Cli, world: World) -> None:
    """The SDK's report, and nothing else on stdout."""
    report = cli.json("upload", write_csv(), *AT)
    assert (report["status"], report["n_rows"], report["model_id"]) == ("completed", 4, world.model.id)
    (test,) = report["tests"]
    assert (test["name"], test["coverage"], test["result"]) == ("night test", 1.0, 0.5)
    assert test["evaluation_id"] == world.test.get_eval_history()[0].id


def write_rows(name: str, rows: list[dict[str, Any]]) -> None:
    """The same rows in the form that the file's name says."""
    if name.endswith("parquet"):
        pl.DataFrame(rows).write_parquet(name)
    elif name.endswith("csv"):
        pl.DataFrame(rows).write_csv(name)
    else:
        Path(name).write_text(
            "".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in rows)
        )


@pytest.mark.parametrize("name", ["s.csv", "s.jsonl", "s.ndjson", "s.parquet", "arrow.parquet"])
def test_every_kind_of_file(cli: Cli, world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns by name, weights, no score where a cell is empty; for a dataset or for one test."""
    if name == "arrow.parquet":
        imported = rows_file.import_module

        def without_polars(module: str) -> Any:
            if module == "polars":
                raise ModuleNotFoundError
            return imported(module)

        monkeypatch.setattr(rows_file, "import_module", without_polars)
    rows = [{"id": ref, "s": score, "w": 1.0 if ref == "a" else 0.5, "more": "x"} for ref, score in SCORES.items()]
    rows[3]["s"] = None
    write_rows(name, rows)
    options = ("--function", "custom_mAP=s", "--id-column", "id", "--weight-column", "w")
    for target in (("--dataset", "road", "--min-coverage", 0.5), ("--test", "night test")):
        report = cli.json("upload", name, *target, "--model", "Detector 3", *options)
        (function,) = report["functions"]
        assert (function["n_scored"], function["weighted"]) == (3, True)
    evaluation = world.test.get_eval_history()[-1]
    assert evaluation.result == pytest.approx((0.5 * 0.5 + 1.0 + 0.25 * 0.5) / 2)
    assert evaluation.coverage == 0.75


def test_several_functions_at_once(cli: Cli, world: World) -> None:
    """Each with its column; without --function all columns that are named like a function."""
    world.client.validate.create_external_eval_function("recall")
    Path("s.csv").write_text("reference_id,recall,x\n" + "".join(f"{ref},1,0.5\n" for ref in "abcd"))
    report = cli.json("upload", "s.csv", *AT, "--function", "custom_mAP=x", "--function", "recall")
    assert {f["name"]: f["mean"] for f in report["functions"]} == {"custom_mAP": 0.5, "recall": 1.0}
    Path("t.csv").write_text("reference_id,recall,custom_mAP\n" + "".join(f"{ref},1,0\n" for ref in "abcd"))
    report = cli.json("upload", "t.csv", *AT)
    assert {f["name"]: f["mean"] for f in report["functions"]} == {"custom_mAP": 0.0, "recall": 1.0}


def test_the_column_score(cli: Cli, world: World) -> None:
    """Is taken for a single function whose name is no column."""
    assert cli.json("upload", write_csv(column="score"), *AT, "--function", "custom_mAP")["functions"][0]["mean"] == 0.5
    assert cli.json("upload", "scores.csv", *AT)["replayed"]
    assert (
        cli.json("upload", "scores.csv", "--test", "night test", "--model", "Detector 3")["functions"][0]["mean"] == 0.5
    )


def test_dry_run_stores_nothing(cli: Cli, world: World) -> None:
    """And finds what the server finds."""
    report = cli.json("upload", write_csv(), *AT, "--dry-run")
    assert (report["dry_run"], report["upload_id"], report["tests"][0]["result"]) == (True, None, 0.5)
    assert "nothing stored" in cli.text("upload", "scores.csv", *AT, "--dry-run")
    assert "nothing stored" in cli.text(
        "upload", "scores.csv", "--test", "night test", "--model", "Detector 3", "--dry-run"
    )
    assert "nowhere" in cli.error("upload", write_csv(nowhere=1), *AT, "--dry-run", code=1)
    assert results(world) == [] and cli.json("uploads", "list") == []
    for option, noun in (("--create-functions", "function"), ("--create-model", "model")):
        name = ("--function", "new=custom_mAP") if noun == "function" else ("--model", "new")
        message = cli.error("upload", write_csv(), *AT, "--dry-run", option, *name)
        assert f"{noun} 'new' does not exist" in message


def test_creation_of_what_is_missing(cli: Cli, world: World) -> None:
    """Only if asked to."""
    path = write_csv(column="new_fn")
    assert "no evaluation function" in cli.error("upload", path, *AT, "--function", "new_fn")
    asked = ("--dataset", "road", "--model", "new-model", "--function", "new_fn")
    assert "no model" in cli.error("upload", path, *asked, "--create-functions")
    report = cli.json("upload", path, *asked, "--create-functions", "--create-model")
    assert (report["model_name"], report["functions"][0]["name"]) == ("new-model", "new_fn")
    assert cli.json("models", "show", "new-model")["reference_id"] == "new-model"
    assert cli.json("upload", path, *asked, "--create-functions", "--create-model")["replayed"]


def test_cells_that_are_no_numbers(cli: Cli, world: World) -> None:
    """Are named with their lines, all of them with --bad-rows; nothing is stored."""
    Path("s.csv").write_text('item_ref_id,note,custom_mAP\na,"two\nlines",0.5\nb,,oops\nc,,NaN\nd,,\n')
    message = cli.error("upload", "s.csv", *AT, "--bad-rows", "bad.csv", code=1)
    assert "line 4, column 'custom_mAP': 'oops'" in message and "line 5" in message and "line 6" not in message
    bad = read_csv("bad.csv")
    assert [(row["row"], row["reference_id"], row["value"]) for row in bad] == [("1", "b", "oops"), ("2", "c", "NaN")]
    assert "All bad rows are in bad.csv" in message
    Path("s.jsonl").write_text('{"item_ref_id": "a", "custom_mAP": true}\n')
    assert "line 1" in cli.error("upload", "s.jsonl", *AT, code=1)
    write_csv("many.csv", **{f"r{i}": "x" for i in range(30)})
    assert "and 10 more" in cli.error("upload", "many.csv", *AT, code=1)
    assert results(world) == []


def test_rows_that_the_server_refuses(cli: Cli, world: World) -> None:
    """The first are named, all go into the file, and can be asked for later."""
    write_csv(**{**SCORES, **{f"r{i}": 0.5 for i in range(30)}})
    message = cli.error("upload", "scores.csv", *AT, "--bad-rows", "bad.csv", code=1)
    assert message.count('"r0"') == 1 and "10 more" in message and "{" not in message
    assert [row["reference_id"] for row in read_csv("bad.csv")] == [f"r{i}" for i in range(30)]
    assert "r0" in cli.error("upload", "scores.csv", *AT, code=1)
    message = cli.error("upload", "scores.csv", *AT, "--bad-rows", "no/such/folder.csv", code=1)
    assert "r0" in message and "could not be written to no/such/folder.csv" in message


def test_rows_that_the_client_refuses(cli: Cli, world: World) -> None:
    """Such as scores out of range, weights out of range, ids that come twice."""
    assert "'a'" in cli.error("upload", write_csv(a=2), *AT, "--bad-rows", "bad.csv", code=1)
    assert [row["reference_id"] for row in read_csv("bad.csv")] == ["a"]
    Path("w.csv").write_text("item_ref_id,custom_mAP,w\na,1,7\n")
    for target in (AT, ("--test", "night test", "--model", "Detector 3")):
        assert "'a'" in cli.error("upload", "w.csv", *target, "--weight-column", "w", code=1)
    Path("twice.csv").write_text("item_ref_id,custom_mAP\na,1\na,1\n")
    assert "'a'" in cli.error("upload", "twice.csv", *AT, code=1)
    Path("none.csv").write_text("item_ref_id,custom_mAP\na,\n")
    cli.error("upload", "none.csv", *AT, code=1)
    assert results(world) == []


UNREADABLE: list[tuple[str, str | bytes, int, str]] = [
    ("s.csv", "", 1, "names of columns"),
    ("s.csv", "id,x\na,1\n", 3, "--id-column"),
    ("s.csv", "item_ref_id,item_ref_id\n", 1, "more than once"),
    ("s.csv", "item_ref_id,x\na,1\n", 3, "--function NAME=COLUMN"),
    ("s.csv", "item_ref_id,custom_mAP\na,1,2\n", 1, "line 2: expected 2 cells"),
    ("s.csv", 'item_ref_id,custom_mAP\n"a,1\n', 1, "line 2"),
    ("s.csv", b"item_ref_id,custom_mAP\n\xff,1\n", 1, "UTF-8"),
    ("s.jsonl", "", 1, "one JSON object per line"),
    ("s.jsonl", "[1]\n", 1, "line 1: expected a JSON object"),
    ("s.jsonl", '{"item_ref_id": "a", "custom_mAP": 1}\n{nonsense\n', 1, "line 2"),
    ("s.parquet", "no parquet", 1, "cannot be read as one"),
    ("s.xlsx", "", 3, "expected a file that ends in"),
]


def test_files_that_cannot_be_read(cli: Cli, world: World) -> None:
    """Say what was expected."""
    for name, content, code, message in UNREADABLE:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        assert message in cli.error("upload", name, *AT, code=code), content


def test_wrong_options(cli: Cli, world: World) -> None:
    """Say what there is."""
    path = write_csv()
    assert "nothere.csv" in cli.error("upload", "nothere.csv", *AT)
    assert "--dataset or --test" in cli.error("upload", path, "--model", "Detector 3")
    assert "'nothere', got" not in cli.error("upload", path, *AT, "--id-column", "nothere")
    assert "item_ref_id, custom_mAP" in cli.error("upload", path, *AT, "--weight-column", "nothere")
    assert "item_ref_id, custom_mAP" in cli.error("upload", path, *AT, "--function", "custom_mAP=nothere")
    twice = ("--function", "custom_mAP", "--function", "custom_mAP=custom_mAP")
    assert "twice" in cli.error("upload", path, *AT, *twice)
    assert "external" in cli.error("upload", path, *AT, "--function", "bbox_iou=custom_mAP")
    other = world.client.create_dataset("other")
    assert "another dataset" in cli.error("upload", path, "--test", "night test", "--dataset", other.id, "--model", "x")
    world.client.validate.create_external_eval_function("recall")
    both = ("--function", "custom_mAP", "--function", "recall=custom_mAP")
    assert "one --function" in cli.error("upload", path, "--test", "night test", "--model", "Detector 3", *both)


def test_parquet_without_a_library(cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Says what to install."""

    def nothing(module: str) -> Any:
        raise ModuleNotFoundError(module)

    monkeypatch.setattr(rows_file, "import_module", nothing)
    Path("s.parquet").touch()
    assert "pip install 'nucleus-validate[frames]'" in cli.error("upload", "s.parquet", *AT)


def test_warnings_are_shown(cli: Cli, world: World) -> None:
    """What looks odd in a column that was accepted."""
    ids = [f"i{i}" for i in range(20)]
    world.dataset.append([nucleus.DatasetItem(reference_id=ref, text=ref) for ref in ids])
    report = cli.json("upload", write_csv(**dict.fromkeys(ids, 1.0)), *AT)
    (warning, *_) = report["functions"][0]["warnings"]
    assert warning["message"] in cli.text("uploads", "show", report["upload_id"])


def test_histograms() -> None:
    """A bar for each count; nothing is a dot, and little is not nothing."""
    assert histogram_text([0, 1, 500, 1000]) == "·▁▄█"
    assert histogram_text([1, 1]) == "██"
    assert histogram_text([]) == histogram_text(()) == ""


def test_only_what_is_complete_is_100_percent() -> None:
    """One missing item of many shows."""
    assert coverage_text(999_999, 1_000_000) == "99.9 % (999,999 of 1,000,000)"
    assert coverage_text(4, 4) == "100 % (4 of 4)"
    assert coverage_text(0, 0) is None
