"""Objects in a notebook: small tables in which no user text is markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

import nucleus
from nucleus.validate import Comparisons, Explanation, Release, ReleaseReport, ScenarioTest
from tests.unit.sdk.test_comparison import EXPLANATION
from tests.unit.sdk.verdicts import computing, entry, missing, paired, release, release_report, waiver
from tests.unit.sdk.wire import Wire, criterion, evaluation_row, function_entry, report

EVIL = "<script>alert('x')</script>&amp;\""


class Table(HTMLParser):
    """The texts of a table's caption and cells, and every element in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        assert not attrs
        if tag in ("caption", "th", "td"):
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data


ELEMENTS = {"table", "caption", "thead", "tbody", "tr", "th", "td"}


@pytest.fixture
def test(wire: Wire) -> ScenarioTest:
    """A scenario test with an evil name."""
    row = {"id": "st_1", "name": EVIL, "slice_id": "slc_1"}
    wire.routes["GET", "validate/scenario_test/st_1"] = {"unit_test": row}
    return wire.client().validate.get_scenario_test("st_1")


def test_a_scenario_test(wire: Wire, test: ScenarioTest) -> None:
    """Its functions by name and their thresholds; one that was deleted since by its id."""
    metric = {"scenario_test_id": "st_1", "eval_func_arguments": {}, "threshold_comparison": "less_than"}
    wire.routes["GET", "validate/eval_fn"] = {"eval_functions": [function_entry(EVIL, id="ef_1")]}
    wire.routes["GET", "validate/scenario_test/st_1/metrics"] = {
        "scenario_test_metrics": [
            {**metric, "eval_function_id": "ef_1", "threshold": 0.25},
            {**metric, "eval_function_id": "ef_gone", "threshold": None},
        ]
    }
    table = Table(test._repr_html_())
    assert table.elements == ELEMENTS
    assert table.texts[0] == f"Scenario test {EVIL}"
    assert table.texts[4:] == [EVIL, "<", "0.2500", "ef_gone", "<", "–"]


def test_a_history_and_an_evaluation(wire: Wire, test: ScenarioTest) -> None:
    """Undefined is a dash, and no criterion is neither passed nor failed."""
    wire.routes["GET", "validate/scenario_test/st_1/eval_history/details"] = [
        evaluation_row(model_name=EVIL),
        evaluation_row(result=None, criterion=criterion()),
        evaluation_row(criterion=criterion(), upload_number=3, n_uploads=3, **{"pass": True}),
    ]
    history = test.get_eval_history()
    table = Table(history._repr_html_())  # type: ignore[attr-defined]
    assert table.elements == ELEMENTS
    assert table.texts[0] == "3 evaluations"
    cells = table.texts[9:]
    rows = [cells[i : i + 8] for i in range(0, len(cells), 8)]
    assert [row[0] for row in rows] == [EVIL, "a model", "a model"]
    assert [row[2:6] for row in rows] == [
        ["0.5000", "–", "– no criterion", "3 of 4"],
        ["–", "≥ 0.4000", "✗ failed", "3 of 4"],
        ["0.5000", "≥ 0.4000", "✓ passed", "3 of 4"],
    ]
    assert [row[6] for row in rows] == ["upload 1 of 1", "upload 1 of 1", "upload 3 of 3"]
    assert Table(history[0]._repr_html_()).texts[9:] == rows[0]


def test_datasets_slices_and_functions(wire: Wire) -> None:
    """Each is one row."""
    wire.routes = {
        ("GET", "dataset/details"): [{"id": "ds_1", "name": EVIL}],
        ("GET", "dataset/ds_1/size"): {"count": 7},
        ("GET", "slice/slc_1/info"): {"name": EVIL, "dataset_id": "ds_1", "n_members": 2},
        ("GET", "validate/eval_fn"): {"eval_functions": [function_entry(EVIL, id="ef_1", score_range=[0, 100])]},
    }
    client = wire.client()
    assert Table(client.datasets[0]._repr_html_()).texts == [f"Dataset {EVIL}", "id", "items", "ds_1", "7"]
    assert Table(client.get_slice("slc_1")._repr_html_()).texts[-3:] == ["slc_1", "ds_1", "2"]
    function = client.validate.eval_functions.external_functions[EVIL]
    assert Table(function._repr_html_()).texts[-6:] == ["ef_1", "item", "higher_is_better", "[0, 100]", "–", "–"]


def test_a_report(wire: Wire) -> None:
    """Functions and tests; a test without an evaluation says why."""
    tests = [{**report()["tests"][0], "name": EVIL, "evaluation_id": None, "reason": "covers 75% of its items"}]
    table = Table(nucleus.UploadReport.from_json(report(tests=tests, model_name=EVIL))._repr_html_())
    assert table.elements == ELEMENTS
    assert table.texts[8:15] == ["f", "3", "0.5000", "0.1000", "0.5000", "0.9000", "scores look like percent"]
    assert table.texts[-5:] == [EVIL, "f", "3 of 4", "0.5000", "covers 75% of its items"]


def test_comparisons(wire: Wire) -> None:
    """A row for each; undefined is a dash, and what is computed says so."""
    rows = [
        entry(scenario_test_name=EVIL, reason=EVIL, threshold=0.5, waiver=waiver()),
        entry(outcome="passed", comparison=paired(adjusted_p=0.5, minimum_detectable_effect=None)),
        computing(),
        missing(),
    ]
    answer = {"status": "computing", "entries": rows, "n_comparisons": 3, "n_computed": 2}
    found = Comparisons.from_json(answer, wire.client().connection)
    table = Table(found._repr_html_())
    assert table.elements == ELEMENTS and table.texts[0] == "4 comparisons"
    cells = table.texts[15:]
    first, second, third, last = (cells[i : i + 14] for i in range(0, len(cells), 14))
    assert first[:8] == [EVIL, "recall", "✗ failed, waived", "worse", "0.9210", "0.9000", "-0.021", "[-0.034, -0.009]"]
    assert first[8:13] == ["0.0004", "0.0004", "0.017", "812 (by drive)", "1,000 of 1,000"]
    assert first[13] == f"{EVIL} (threshold ≥ 0.5)"
    assert (second[2], second[9:11]) == ("✓ passed", ["0.5", "–"])
    assert third[2:4] == ["– inconclusive", "being computed"] and third[6:12] == ["–"] * 6
    assert last[2:6] == ["– missing", "–", "0.9210", "–"] and last[12] == "–"
    assert Table(found[0]._repr_html_()).texts[15:] == first


def test_a_release_report_and_a_release(wire: Wire) -> None:
    """The sentence above the entries, and the items that weigh most; a release with its facts and changes."""
    connection = wire.client().connection
    payload = release_report(sentence=EVIL)
    payload["top_items"][0]["reference_id"] = EVIL
    report = ReleaseReport.from_json(payload, connection)
    table = Table(report._repr_html_())
    assert table.elements == ELEMENTS and table.texts[0] == EVIL
    assert table.texts[-6:] == [EVIL, "night", "recall", "-0.001", "1.0000", "0.0000"]
    shown = Table(Release.from_json(release(name=EVIL, note=EVIL, report=payload), connection)._repr_html_())
    assert shown.elements == ELEMENTS and shown.texts[0] == f"Release {EVIL}"
    assert shown.texts[7:12] == ["model b", "open", "–", EVIL, "ann"]
    assert shown.texts[13:-9] == table.texts
    assert shown.texts[-4:] == ["night", "threshold", "–", "0.5"]
    bare = Table(Release.from_json(release(report=None, changes=[]), connection)._repr_html_())
    assert len(bare.texts) == 13
    assert Table(ReleaseReport.from_json(release_report(top_items=[]), connection)._repr_html_()).texts[-14] == "night"


def test_an_explanation() -> None:
    """Items, clusters and groups."""
    table = Table(Explanation.from_json({**EXPLANATION, "unit": EVIL})._repr_html_())
    assert table.elements == ELEMENTS and EVIL in table.texts[0]
    assert table.texts[6:11] == ["frame-1", "-0.001", "1.0000", "0.0000", "1.0000"]
    assert table.texts[-5:] == ["–", "1,000", "-0.021", "0", "-0.021"]
    assert "Groups" not in Table(Explanation.from_json({**EXPLANATION, "groups": None})._repr_html_()).texts
