"""Charts for notebooks: what is drawn, and what is said where nothing can be."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from nucleus import NotFoundError
from nucleus_server.dashboard.history_charts import result_history_spec
from tests.support.api import Api
from tests.support.suites import Suite, made_up_scores, make_suite


@pytest.fixture
def suite(sqlite_api: Api) -> Suite:
    """Two models on one test."""
    return make_suite(sqlite_api, n_items=40, n_drives=8)


def values(chart: Any) -> list[dict[str, Any]]:
    """The rows that a chart's bars or points are of; Altair moves what all layers share to the chart."""
    first = chart["layer"][0] if "layer" in chart else chart
    rows: list[dict[str, Any]] = first.get("data", chart.get("data"))["values"]
    return rows


def points(chart: Any) -> list[dict[str, Any]]:
    """The results of a history."""
    (rows,) = (layer["data"]["values"] for layer in chart["layer"] if layer["mark"]["type"] == "point")
    found: list[dict[str, Any]] = rows
    return found


def test_the_history_of_a_test(suite: Suite) -> None:
    """Every evaluation in the order of upload, with its interval, what it was compared with, and what changed."""
    suite.upload(suite.old, made_up_scores(40, 1))
    suite.upload(suite.new, made_up_scores(40, 2) - 0.3)
    suite.test.set_baseline_model(suite.old.id)
    chart = suite.test.plot_history().to_dict()
    history = suite.test.get_eval_history()
    shown = points(chart)
    assert [point["result"] for point in shown] == [e.result for e in history]
    assert [point["verdict"] for point in shown] == ["passed", "failed"]
    assert all(point["low"] < point["result"] < point["high"] for point in shown)
    kinds = [layer["mark"]["type"] for layer in chart["layer"]]
    assert kinds == ["rule", "text", "area", "rule", "rule", "line", "point", "text"]
    (mark,), (level,) = (chart["layer"][i]["data"]["values"] for i in (0, 4))
    assert (mark["place"], mark["label"]) == (2.5, "a") and mark["what"].startswith(f"baseline {suite.old.name} (")
    assert level == {"start": 2.5, "end": 3.0, "value": history[0].result, "what": "baseline"}
    assert chart["title"] == "roads" and chart["layer"][2]["encoding"]["y"]["title"] == "quality"
    assert suite.test.plot_history("quality").to_dict()["layer"] == chart["layer"]
    with pytest.raises(NotFoundError, match="no such function"):
        suite.test.plot_history("no such function")
    other = suite.client.validate.create_external_eval_function("other")
    with pytest.raises(NotFoundError, match="none of it"):
        suite.test.plot_history(other)


def test_several_functions_are_below_each_other(suite: Suite) -> None:
    """One that has no result yet is left out, and no criterion is neither passed nor failed."""
    for name in ("second", "third"):
        suite.test.add_eval_function(suite.client.validate.create_external_eval_function(name))
    table = {"item_ref_id": [f"r{i}" for i in range(40)], "x": made_up_scores(40, 1), "y": made_up_scores(40, 2)}
    suite.dataset.upload_scores({"quality": "x", "second": "y"}, suite.new, table)
    chart = suite.test.plot_history().to_dict()
    assert [part["layer"][0]["encoding"]["y"]["title"] for part in chart["vconcat"]] == ["quality", "second"]
    assert [points(part)[0]["verdict"] for part in chart["vconcat"]] == ["no criterion"] * 2
    # No threshold to draw, and nothing changed.
    kinds = [layer["mark"]["type"] for layer in chart["vconcat"][0]["layer"]]
    assert kinds == ["area", "rule", "line", "point", "text"]


def test_it_looks_like_the_dashboard(suite: Suite) -> None:
    """The same marks and the same encodings, except for the colours, which pages take from their stylesheet."""
    suite.upload(suite.new, made_up_scores(40, 1))
    suite.test.get_eval_functions()[0].set_threshold(0.4)
    ours = suite.test.plot_history().to_dict()
    rows = [{**point, "path": "/"} for point in points(ours)]
    marks, levels = (ours["layer"][i]["data"]["values"] for i in (0, 4))
    theirs = result_history_spec(rows, levels, marks, end=2.0, y_title="quality")
    assert [layer["mark"]["type"] for layer in ours["layer"]] == [layer["mark"]["type"] for layer in theirs["layer"]]
    for mine, page in zip(ours["layer"], theirs["layer"], strict=True):
        assert mine["encoding"]["x"] == page["encoding"]["x"]
        assert mine["encoding"].get("y") == page["encoding"].get("y")
        assert {k: v for k, v in mine["mark"].items() if k != "color"} == page["mark"]


def test_the_scores_of_an_evaluation(suite: Suite) -> None:
    """Twenty bins over [0, 1] that hold every item, and the criterion as a dashed line."""
    suite.upload(suite.new, [0.0, 1.0, *made_up_scores(38, 1)])
    (evaluation,) = suite.test.get_eval_history()
    bins = values(evaluation.plot().to_dict())
    assert len(bins) == 20 and (bins[0]["start"], bins[-1]["end"]) == (0.0, pytest.approx(1.0))
    assert sum(bin_["count"] for bin_ in bins) == 40 and bins[0]["count"] == bins[-1]["count"] == 1
    suite.test.get_eval_functions()[0].set_threshold(0.25)
    (evaluation,) = suite.test.get_eval_history()
    chart = evaluation.plot().to_dict()
    assert chart["layer"][1]["data"]["values"] == [{"place": 0.25}]
    assert chart["title"]["text"] == "quality of new"
    assert chart["title"]["subtitle"] == "dashed line: threshold 0.2500"


def test_scores_of_another_range_are_shown_where_they_are(sqlite_api: Api) -> None:
    """From the lowest to the highest; one value alone has room around it."""
    suite = make_suite(sqlite_api, n_items=3, n_drives=3, score_range=(0, 1000), direction="lower_is_better")
    suite.upload(suite.old, [10, 10, 10])
    suite.upload(suite.new, [10, 20, 1000])
    one, three = (values(e.plot().to_dict()) for e in suite.test.get_eval_history())
    assert (one[0]["start"], one[-1]["end"]) == (9.5, pytest.approx(10.5)) and one[10]["count"] == 3
    assert (three[0]["start"], three[-1]["end"]) == (10, pytest.approx(1000)) and three[0]["count"] == 2


def test_nothing_to_draw(suite: Suite) -> None:
    """Is said with what to do."""
    with pytest.raises(ValueError, match="upload scores first"):
        suite.test.plot_history()


@pytest.mark.parametrize("what", ["history", "scores"])
def test_without_altair(suite: Suite, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The line that installs it."""
    suite.upload(suite.new, made_up_scores(40, 1))
    (evaluation,) = suite.test.get_eval_history()
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(ImportError, match=r"pip install 'nucleus-validate\[plot\]'"):
        suite.test.plot_history() if what == "history" else evaluation.plot()
