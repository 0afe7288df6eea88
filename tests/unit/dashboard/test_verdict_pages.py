"""The page that compares two evaluations, and the rows of reports."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from nucleus_server.dashboard.contexts import VerdictFacts
from nucleus_server.dashboard.pages import comparing
from nucleus_server.dashboard.pages.comparing import comparison_context
from nucleus_server.dashboard.pages.entries import entry_rows, verdict_facts
from nucleus_server.dashboard.rendering import make_environment
from nucleus_server.domain import Bound, Outcome, PairVerdict, ReportEntry
from tests.support.api import Api
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import CHECK, FRAME, HOSTILE, NOBODY, PAIR, WAIVER, World, entry, side


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """A workspace with verdicts."""
    return World(sqlite_api)


def facts(pair: PairVerdict = PAIR, **changes: object) -> VerdictFacts:
    """A comparison in words."""
    return verdict_facts(entry(comparison=pair, **changes), pair)


def text_of(page: BeautifulSoup, selector: str) -> str:
    """The text of the one element."""
    (found,) = page.select(selector)
    return found.text.strip()


def test_a_verdict_in_words() -> None:
    """Verdict, difference, interval, p with its clusters, what was left out, and what could have been seen."""
    shown = facts(unit="m")
    assert (shown.verdict.word, shown.verdict.kind) == ("worse", "fail")
    assert (shown.delta, shown.interval, shown.level) == ("−0.0210\u00a0m", "[−0.0340, −0.0090]", "95\u00a0%")
    assert (shown.p_value, shown.adjusted) == ("0.0004", "0.0012 (Benjamini–Hochberg)")
    assert shown.clusters == "812 clusters by drive (from the dataset)"
    assert shown.without_value == "3 items without a value under the key count as a cluster each"
    assert shown.left_out == "188 items left out that only one of the two scored; the candidate lacks 120 of them"
    assert (shown.detectable, shown.margin, shown.needed) == ("0.0170\u00a0m", "±0.01\u00a0m", None)
    assert [(case.delta, case.interval, case.verdict.word) for case in shown.cases] == [
        ("−0.0210\u00a0m", "[−0.0340, −0.0090]", "worse"),
        ("−0.0400\u00a0m", "[−0.0600, −0.0200]", "worse"),
        ("+0.0010\u00a0m", "(−∞, +0.0100]", "inconclusive"),
    ]
    assert shown.caution is None
    assert facts(replace(PAIR, p_value=1e-7), adjusted_p=1e-7).p_value == "<\u00a00.0001"
    assert facts(replace(PAIR, cluster=NOBODY)).clusters == "812 clusters, each item its own (no cluster key is set)"
    assert facts(replace(PAIR, n_left_out=0, n_missing=0)).left_out == "nothing left out"
    assert facts(replace(PAIR, n_left_out=1, n_missing=1)).left_out.endswith("that the candidate has no score for")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("better", "pass"),
        ("worse", "fail"),
        ("equivalent", "equal"),
        ("inconclusive", "none"),
        ("too few clusters", "none"),
    ],
)
def test_could_not_tell_never_looks_like_a_pass(word: str, kind: str) -> None:
    """Colours and signs differ, and what would settle it is said where it is open."""
    shown = facts(replace(PAIR, verdict=word), verdict=word)
    assert (shown.verdict.word, shown.verdict.kind) == (word, kind)
    is_open = word in ("inconclusive", "too few clusters")
    assert shown.needed == ("about 3,400 clusters would show a difference as large as the margin" if is_open else None)


def test_missing_scores_that_could_turn_a_verdict_are_pointed_at() -> None:
    """Beside the verdict itself."""
    worst = Bound(-0.01, -0.02, 0.0, "inconclusive", is_non_inferior=False)
    pair = replace(PAIR, verdict="better", is_non_inferior=True, worst_case=worst)
    assert facts(pair, verdict="better").caution == "With the missing scores at their worst: inconclusive"


def test_rows_of_a_report() -> None:
    """Undefined is an en dash; waivers, thresholds and warnings are there; drawings of one function share an axis."""
    rows = entry_rows(
        [
            entry(waiver=WAIVER, warnings=("items may be alike",)),
            entry(
                comparison=replace(PAIR, delta=-0.1, low=-0.2, high=-0.05), verdict="inconclusive", adjustment="holm"
            ),
            entry(comparison=None, baseline=None, adjusted_p=None, verdict=None, outcome=Outcome.NEW, mode="confident"),
            entry(candidate=None, comparison=None, verdict=None, outcome=Outcome.MISSING, function_id="ef_2"),
            entry(threshold=0.85, threshold_check=CHECK, mode="confident", outcome=Outcome.PASSED),
            entry(candidate=side(n_scored=9_000, coverage=0.9), threshold=0.95, mode="point", adjusted_p=None),
        ]
    )
    assert [row.outcome.kind for row in rows] == ["fail", "fail", "none", "warn", "pass", "fail"]
    assert rows[0].waiver is not None and rows[0].waiver.text == "waived until 2026-11-24 12:00 UTC by ana"
    assert rows[0].warnings == ("Items may be alike.",)
    assert rows[1].verdict is not None and (rows[1].verdict.word, rows[1].p_value) == ("inconclusive", "0.0012 (Holm)")
    assert rows[0].plot is not None and rows[1].plot is not None and rows[0].plot.zero == rows[1].plot.zero
    new, missing = rows[2], rows[3]
    assert (new.baseline, new.delta, new.p_value, new.detectable, new.compare_path) == ("–", "–", "–", "–", None)
    assert (missing.candidate, missing.coverage, missing.plot, missing.verdict) == ("–", "–", None, None)
    assert rows[4].threshold == (
        "≥\u00a00.8500: passes, interval [0.8700, 0.9300] (Wilson, 812 clusters, each item its own (no cluster key is set))"
    )
    assert (rows[5].threshold, rows[5].coverage, rows[5].is_partial) == ("≥\u00a00.9500", "90.0\u00a0%", True)
    assert rows[5].p_value == "0.0004 (not adjusted)"


@pytest.mark.parametrize(
    "shown",
    [
        entry(
            test_name=HOSTILE, function_name=HOSTILE, unit=HOSTILE, warnings=(HOSTILE,), reason=HOSTILE, settles=HOSTILE
        ),
        entry(baseline=side(HOSTILE, model_name=HOSTILE), waiver=replace(WAIVER, reason=HOSTILE, owner=HOSTILE)),
        entry(comparison=replace(PAIR, cluster=replace(PAIR.cluster, key=HOSTILE))),
        entry(comparison=replace(PAIR, delta=None, low=None, high=None)),
        entry(comparison=None, is_computing=True),
    ],
)
def test_any_entry_is_a_page_and_no_text_is_markup(shown: ReportEntry) -> None:
    """Without inline styles or scripts, for the pages' policy forbids them."""
    context = comparison_context(FRAME, shown, None, "/compare/a/b", None)
    fields = {name: getattr(context, name) for name in type(context).__slots__}
    page = BeautifulSoup(make_environment().get_template("compare.html").render(fields), "html.parser")
    assert not page.select("[style], style, script:not([src]), [onerror], img[src=x]") and "49" not in page.text
    assert (page.select_one("#verdict") is None) is shown.is_computing


def test_the_verdict_is_computed_and_then_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is computed there is none, and the page follows along; under other settings it is computed anew."""
    monkeypatch.setattr(comparing, "_PATIENCE_S", 0.0)
    log_in(world.api)
    path = world.compare_path()

    def page() -> BeautifulSoup:
        return BeautifulSoup(world.api.http.get(path).text, "html.parser")

    def progress() -> str | None:
        answer = world.api.http.get(f"{path}/progress", headers={"HX-Request": "true"})
        return "reload" if answer.headers.get("hx-refresh") else answer.text

    assert page().select_one("#verdict") is None and page().select_one("#why") is None
    waiting = page().select_one("#progress")
    assert waiting is not None and waiting["hx-trigger"] == "every 1s" and "being computed" in (progress() or "")
    assert world.api.http.get(f"{path}/progress", follow_redirects=False).headers["location"] == path
    world.work()
    assert progress() == "reload"
    shown = page()
    assert text_of(shown, "#verdict") == "▼ worse" and text_of(shown, "#p-value") == "<\u00a00.0001"
    assert "16 clusters by drive (from the dataset)" in shown.text
    world.client.get_dataset(world.dataset.id).set_cluster_key("weather")
    assert page().select_one("#verdict") is None
    world.work()
    assert text_of(page(), "#verdict") == "∴ too few clusters"


def test_why_goes_by_the_address(world: World) -> None:
    """Items, clusters, and the values of the key that the address names; contributions add up to the difference."""
    log_in(world.api)
    page = BeautifulSoup(world.api.http.get(f"{world.compare_path()}?by=weather").text, "html.parser")
    assert len(page.select("#items tbody tr")) == 24 and len(page.select("#by-cluster tbody tr")) == 10
    rows = [[cell.text for cell in row.select("th, td")] for row in page.select("#by-metadata tbody tr")]
    assert {row[0] for row in rows} == {"sun", "rain"} and [row[1] for row in rows] == ["24", "24"]
    total = sum(float(row[2].replace("−", "-")) for row in rows)
    assert total == pytest.approx(float(text_of(page, "#delta").replace("−", "-")), abs=1e-4)
    assert page.select_one("#by-by option[selected]")["value"] == "weather"  # type: ignore[index]
    plain = BeautifulSoup(world.api.http.get(world.compare_path()).text, "html.parser")
    assert plain.select("#by-metadata tbody tr") == []
    unknown = world.api.http.get(f"{world.compare_path()}?by=nothing")
    assert unknown.status_code == 422 and "metadata key" in unknown.text


def test_only_what_can_be_compared_is(world: World) -> None:
    """Two evaluations of one test; the test's page leads there from every other model's evaluation."""
    log_in(world.api)
    candidate = world.evaluation("v2")
    assert world.api.http.get(f"/compare/{candidate}/{candidate}").status_code == 422
    assert world.api.http.get(f"/compare/{candidate}/ev_unknown").status_code == 404
    page = BeautifulSoup(world.api.http.get(f"/tests/{world.test.id}").text, "html.parser")
    links = [a["href"] for a in page.select("a[href^='/compare/']")]
    assert sorted(links) == sorted([world.compare_path("v2"), world.compare_path("v3")])
    page = BeautifulSoup(world.api.http.get(f"/evaluations/{candidate}").text, "html.parser")
    assert [a["href"] for a in page.select("a[href^='/compare/']")] == [world.compare_path("v2")]
