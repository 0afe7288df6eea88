"""Two files of scores, compared: joined by item, judged, and explained by the items that weigh most."""

from __future__ import annotations

import json
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from nucleus.gate import InvalidScoreFile, compare_files, score_files
from nucleus_metrics import compare

N = 60
_RNG = np.random.default_rng(7)
BASE = _RNG.uniform(0.3, 0.7, N).round(3)
CAND = np.clip(BASE + _RNG.normal(0.02, 0.05, N), 0, 1).round(3)
WEIGHTS = _RNG.uniform(0.1, 1, N).round(2)


def rows(scores: Any, **more: Any) -> list[dict[str, Any]]:
    """A row for each item, with more columns."""
    return [
        {"reference_id": f"q{i}", "score": float(score), **{name: values[i] for name, values in more.items()}}
        for i, score in enumerate(scores)
    ]


def write(path: Path, table: list[dict[str, Any]]) -> Path:
    """The rows as the kind of file that its name says; None is an empty cell or a key that is not there."""
    if path.suffix == ".parquet":
        pl.DataFrame(table, infer_schema_length=None).write_parquet(path)
    elif path.suffix == ".csv":
        pl.DataFrame(table, infer_schema_length=None).write_csv(path)
    else:
        path.write_text("".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in table))
    return path


def both(
    folder: Path, base: list[dict[str, Any]], cand: list[dict[str, Any]], ending: str = "csv"
) -> tuple[Path, Path]:
    """The two files."""
    return write(folder / f"base.{ending}", base), write(folder / f"cand.{ending}", cand)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "ndjson", "parquet", "arrow.parquet"])
def test_the_numbers_are_those_of_the_kernel(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From every kind of file, in any order of the candidate's rows, with weights, clusters and empty cells."""
    if ending == "arrow.parquet":

        def without_polars(module: str) -> Any:
            if module == "polars":
                raise ModuleNotFoundError
            return import_module(module)

        monkeypatch.setattr(score_files, "import_module", without_polars)
    logs = [f"log{i % 12}" for i in range(N)]
    candidate = rows(CAND)
    candidate[5]["score"] = None
    left, right = both(tmp_path, rows(BASE, weight=WEIGHTS.tolist(), log_id=logs), candidate[::-1], ending)
    found = compare_files(left, right, cluster="log_id", margin=0.01, allow_missing=True)
    scores = CAND.copy()
    scores[5] = math.nan
    expected = compare(BASE, scores, weights=WEIGHTS, clusters=logs, margin=0.01)
    assert (found.delta, found.interval, found.p_value) == (expected.delta, tuple(expected.interval), expected.p_value)
    assert (found.n, found.n_clusters, found.verdict) == (N - 1, 12, expected.verdict.value)
    assert found.minimum_detectable_effect == expected.minimum_detectable_effect
    assert found.baseline.weight_column == "weight" and found.candidate.weight_column is None
    assert math.isclose(found.candidate.result - found.baseline.result, found.delta, abs_tol=1e-12)
    assert not found.warnings


def test_ids_may_be_whole_numbers_and_columns_have_the_usual_names(tmp_path: Path) -> None:
    """A number and the same number as a text are one id."""
    left = write(tmp_path / "base.parquet", [{"item_id": i, "score": s} for i, s in enumerate(BASE)])
    right = write(tmp_path / "cand.csv", [{"item_id": str(i), "score": s} for i, s in enumerate(CAND)])
    assert compare_files(left, right).n == N


def test_columns_by_name_also_of_one_file(tmp_path: Path) -> None:
    """Two columns of one file are two models."""
    path = write(tmp_path / "s.csv", [{"key": f"q{i}", "a": a, "b": b} for i, (a, b) in enumerate(zip(BASE, CAND))])
    found = compare_files(path, path, id="key", score="a", candidate_score="b")
    assert found.delta == compare(BASE, CAND).delta
    assert (found.baseline.score_column, found.candidate.score_column) == ("a", "b")


def test_contributions_add_up(tmp_path: Path) -> None:
    """Of all items to the difference; the ten largest come first."""
    weights = WEIGHTS.tolist()
    left, right = both(tmp_path, rows(BASE, weight=weights), rows(CAND, weight=weights))
    found = compare_files(left, right, n_top=N)
    assert math.isclose(math.fsum(item.contribution for item in found.top_items), found.delta, abs_tol=1e-12)
    sizes = [abs(item.contribution) for item in found.top_items]
    assert sizes == sorted(sizes, reverse=True)
    assert compare_files(left, right).top_items == found.top_items[:10]


@pytest.mark.parametrize(
    ("shift", "options", "verdict", "outcome"),
    [
        (0.05, {}, "better", "passed"),
        (-0.05, {}, "worse", "failed"),
        (-0.05, {"lower_is_better": True}, "better", "passed"),
        (0.0, {}, "equivalent", "passed"),
        (-0.002, {"margin": 0.01}, "equivalent", "passed"),
    ],
)
def test_outcomes(tmp_path: Path, shift: float, options: dict[str, Any], verdict: str, outcome: str) -> None:
    """By verdict, margin and direction."""
    left, right = both(tmp_path, rows(BASE), rows(BASE + shift))
    found = compare_files(left, right, **options)
    assert (found.verdict, found.outcome) == (verdict, outcome)


def test_not_worse_by_the_margin_passes(tmp_path: Path) -> None:
    """Though the verdict is inconclusive."""
    noise = np.random.default_rng(3).normal(0, 0.05, N)
    left, right = both(tmp_path, rows(BASE), rows(BASE + noise - noise.mean()))
    assert compare_files(left, right).outcome == "inconclusive"
    found = compare_files(left, right, margin=0.03)
    assert found.is_non_inferior and found.outcome == "passed"
    assert found.effect == 0.03 and found.clusters_needed is not None


def test_few_clusters_are_no_pass(tmp_path: Path) -> None:
    """No p below 0.05 exists."""
    left, right = both(tmp_path, rows(BASE, drive=["a", "b", "c"] * 20), rows(BASE + 0.1))
    found = compare_files(left, right, cluster="drive")
    assert (found.verdict, found.outcome, found.n_clusters) == ("too few clusters", "inconclusive", 3)


def test_leaving_hard_items_out_turns_nothing_green(tmp_path: Path) -> None:
    """Unless it is said that missing items are fine; the worst case is shown."""
    worse = BASE - 0.02
    order = np.argsort(worse)
    better = worse + 0.03
    kept = [row for i, row in enumerate(rows(better)) if i not in set(order[: N // 5])]
    left, right = both(tmp_path, rows(BASE), kept)
    found = compare_files(left, right)
    assert (found.verdict, found.outcome, found.missing.n) == ("better", "inconclusive", N // 5)
    assert found.missing.worst_case is not None and found.missing.worst_case.verdict == "worse"
    assert "leaves items out" in found.warnings[-1]
    assert compare_files(left, right, allow_missing=True).outcome == "passed"
    outside = write(tmp_path / "wide.csv", [{**row, "score": row["score"] * 100} for row in kept])
    wide = write(tmp_path / "wide_base.csv", [{**row, "score": row["score"] * 100} for row in rows(BASE)])
    assert "--score-range" in compare_files(wide, outside).warnings[-1]
    assert compare_files(wide, outside, score_range=(0, 100)).missing.worst_case is not None


def test_what_the_intersection_left_out(tmp_path: Path) -> None:
    """Items of one file only, by count and by name."""
    left, right = both(tmp_path, rows(BASE)[2:], rows(CAND)[:-1])
    found = compare_files(left, right)
    assert (found.n, found.n_only_in_candidate, found.missing.n, found.missing.examples) == (N - 3, 2, 1, [f"q{N - 1}"])


def test_different_weights_are_said(tmp_path: Path) -> None:
    """The baseline's count."""
    ones, halves = [1.0] * N, [1.0] * (N - 1) + [0.5]
    left, right = both(tmp_path, rows(BASE, weight=halves), rows(CAND, weight=ones))
    found = compare_files(left, right)
    assert found.weights_differ and "different weights" in found.warnings[-1]
    assert found.delta == compare(BASE, CAND, weights=halves).delta
    only = write(tmp_path / "only.csv", rows(BASE))
    assert compare_files(only, right).delta == compare(BASE, CAND).delta


def test_empty_cluster_cells_are_their_own_cluster(tmp_path: Path) -> None:
    """And counted; the column may be in the candidate's file, or in both."""
    drives: list[str | None] = [f"d{i % 10}" for i in range(N)]
    drives[0] = drives[1] = None
    left, right = both(tmp_path, rows(BASE), rows(CAND, drive=drives))
    found = compare_files(left, right, cluster="drive")
    assert (found.n_clusters, found.n_without_cluster_value) == (12, 2)
    again = write(tmp_path / "again.csv", rows(BASE, drive=drives))
    assert compare_files(again, right, cluster="drive").interval == found.interval
    drives[5] = "elsewhere"
    with pytest.raises(InvalidScoreFile, match="'q5'"):
        compare_files(write(tmp_path / "other.csv", rows(BASE, drive=drives)), right, cluster="drive")


def test_groups_are_noticed(tmp_path: Path) -> None:
    """In columns and in ids, with what they would change; not where every row or no row differs."""
    by_drive = np.repeat(np.random.default_rng(1).normal(0, 0.1, 12), N // 12)
    drives = [f"d{i // 5}" for i in range(N)]
    more = {"drive": drives, "model": ["m"] * N, "text": [f"t{i}" for i in range(N)], "hour": [i / 7 for i in range(N)]}
    left, right = both(tmp_path, rows(BASE, **more), rows(BASE + by_drive))
    (warning,) = compare_files(left, right, score_range=(-1, 2)).warnings
    assert "'drive'" in warning and "12 of 60 items" in warning and "times as large" in warning
    assert not compare_files(left, right, cluster="drive").warnings
    named = [{"id": f"{drive}/frame_{i}.png", "score": s} for i, (drive, s) in enumerate(zip(drives, BASE))]
    path = write(tmp_path / "named.csv", named)
    (warning,) = compare_files(path, path).warnings
    assert "item ids look like groups (12 of 60 items)" in warning and "hardly matters" in warning
    in_candidate = write(tmp_path / "in_candidate.csv", rows(CAND, drive=drives)[:-1])
    plain = write(tmp_path / "plain.csv", rows(BASE))
    assert any("'drive'" in warning for warning in compare_files(plain, in_candidate).warnings)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "reference_id,score\na,0.5\nb,high\nc,nan\n", ["line 3", "'high'", "line 4", "'nan'", "2 cells"]),
        ("a.csv", 'reference_id,score\n"a\nb",0.5\n\nc,x\n', ["line 5", "'x'"]),
        ("a.csv", "reference_id,score\na,1\nb,0\na,0\n", ["every item once", "line 2", "line 4", "'a'"]),
        ("a.csv", "reference_id,score\na,1\n,0\n", ["line 3", "an empty cell"]),
        ("a.csv", "reference_id,score,weight\na,1,1\nb,0,\nc,1,-1\n", ["line 3", "an empty cell", "line 4", "-1.0"]),
        ("a.csv", "reference_id,score\na,1\nb\n", ["line 3", "expected 2 cells", "got 1"]),
        ("a.csv", "reference_id,score\na,\n", ["empty cells only"]),
        ("a.csv", "reference_id,score\n", ["expected rows"]),
        ("a.csv", "\n", ["names of columns"]),
        ("a.csv", "score,score\n1,1\n", ["'score' more than once"]),
        ("a.csv", "name,score\na,1\n", ["reference_id or item_ref_id", "name, score", "--id"]),
        ("a.csv", "id,f1\na,1\n", ["expected a column score", "id, f1", "--score"]),
        ("a.csv", 'id,score\n"a,1\n', ["expected CSV"]),
        ("a.jsonl", '{"id": "a", "score": 1}\n{"id": "b", "score": tru}\n', ["line 2", "JSON object"]),
        ("a.jsonl", '{"id": "a", "score": true}\n', ["line 1", "True"]),
        ("a.jsonl", '{"id": 1.5, "score": 1}\n', ["line 1", "1.5"]),
        ("a.jsonl", "", ["one JSON object per line"]),
        ("a.parquet", "no", ["expected a Parquet file"]),
        ("a.txt", "x", ["ends in .csv"]),
    ],
)
def test_wrong_files(tmp_path: Path, name: str, text: str, says: list[str]) -> None:
    """What was expected, what was got, and in which line."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidScoreFile) as caught:
        compare_files(path, path)
    assert all(words in str(caught.value) for words in [*says, name]), caught.value


def test_other_wrong_input(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, no file, nothing in common, columns in neither file, scores out of range, many wrong rows."""
    left, right = both(tmp_path, rows(BASE), [{"reference_id": "x", "score": 1.0}])
    with pytest.raises(InvalidScoreFile, match=r"in both files, got none: .*'q0', 'q1', 'q2', …"):
        compare_files(left, right)
    for option in ("cluster", "weight"):
        with pytest.raises(InvalidScoreFile, match="in neither"):
            compare_files(left, left, **{option: "drive"})  # type: ignore[arg-type]
    with pytest.raises(InvalidScoreFile, match=r"scores in \[0, 0.5\]"):
        compare_files(left, left, score_range=(0, 0.5))
    with pytest.raises(InvalidScoreFile, match="not there"):
        compare_files(left, tmp_path / "missing.csv")
    right.write_bytes(b"id,score\n\xff,1\n")
    with pytest.raises(InvalidScoreFile, match="UTF-8, got the byte 0xff"):
        compare_files(left, right)
    right.write_text("id,score\n" + "a,x\n" * 30)
    with pytest.raises(InvalidScoreFile, match="and 20 more"):
        compare_files(left, right)
    zero = write(tmp_path / "zero.csv", rows(BASE, weight=[0.0] * N))
    with pytest.raises(InvalidScoreFile, match="only zeros"):
        compare_files(zero, zero)
    for options in ({"margin": -1}, {"effect": 0}, {"score_range": (1, 0)}):
        with pytest.raises(ValueError, match="expected"):
            compare_files(left, left, **options)
