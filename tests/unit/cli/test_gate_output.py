"""The forms of a release report: words, Markdown, JUnit XML."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from nucleus._cli.gate_output.junit import gate_junit
from nucleus._cli.gate_output.markdown import MAX_CHARS, escaped, gate_markdown
from nucleus._cli.gate_output.words import cells, five_lines, outcome_text, top_item_lines, warnings_of
from tests.unit.cli.gate_answers import HOSTILE, URL, comparison, entry, report, side, top_item, waiver

ALL = [
    entry("failed"),
    entry("failed", "waived", waiver=waiver()),
    entry("inconclusive", "recall"),
    entry("new", test="day"),
    entry("missing", "latency", test="day"),
    entry("passed", test="rain"),
]
"""An entry of each kind."""
ITEMS = {"by": "item", "key": None, "source": "none"}


def test_cells() -> None:
    """Every number of an entry, with its sign, unit, criterion and interval."""
    assert cells(entry(unit="ms", threshold=0.8, is_blocking=True)) == [
        "night",
        "custom_mAP",
        "0.7488 ms (≥ 0.8)",
        "0.8000 ms",
        "−0.0512 [−0.0612, −0.0412]",
        "worse",
        "0.0123 (12 by drive)",
        "100 %",
        "0.0143",
        "✗ failed, blocking",
    ]
    assert cells(entry("missing"))[2:] == ["–"] * 7 + ["! missing"]
    assert cells(entry("new"))[3:7] == ["–"] * 4


def test_cells_of_what_is_open() -> None:
    """What is computed says so, ends without a bound are infinite, a small p is not 0, undefined results are no number."""
    assert cells(entry("inconclusive", comparison={"status": "computing"}))[4:7] == ["computing", "computing", "–"]
    few = comparison(
        "too few clusters", delta=0.0, interval=[None, None], adjusted_p=0.00001, n_clusters=4, cluster=ITEMS
    )
    assert cells(entry("inconclusive", comparison=few))[4:7] == ["0 [−∞, +∞]", "too few clusters", "1.0e-05 (4 items)"]
    empty = entry(
        "inconclusive", candidate=side("m", "M", None, 0, 4), comparison=comparison(minimum_detectable_effect=None)
    )
    assert cells(empty)[2] == "–" and cells(empty)[7:9] == ["0.0 %", "–"]
    checked = entry("passed", comparison=None, threshold_check={"standing": "passes"})
    assert cells(checked)[5] == "threshold passes"


def test_five_lines() -> None:
    """Each says what it is about, or that there is nothing."""
    lines = dict(five_lines(report(ALL)))
    assert list(lines) == ["Verdict", "Blockers", "Inconclusive", "Waivers", "Coverage"]
    assert lines["Verdict"] == "Detector 4 failed."
    assert lines["Blockers"] == "night / custom_mAP: It is failed"
    assert lines["Inconclusive"] == (
        "night / recall: It is inconclusive; to settle it: about 40 clusters; day / custom_mAP: It is new"
    )
    assert lines["Waivers"] == "night / waived: labels of May are wrong (maria, until 2030-12-31 00:00 UTC)"
    assert lines["Coverage"] == "5 of 5 evaluations are complete; missing: day / latency"
    assert dict(five_lines(report([entry("passed")])))["Blockers"] == "none"


def test_long_lists_are_cut() -> None:
    """Five are named, the others counted."""
    lines = dict(five_lines(report([entry("failed", f"f{n}") for n in range(8)])))
    assert lines["Blockers"].endswith("night / f4: It is failed; and 3 more")


def test_partial_coverage_is_never_rounded_to_all() -> None:
    """The lowest is shown."""
    partial = entry(candidate=side("m", "M", 0.5, 99_999, 100_000))
    assert dict(five_lines(report([partial])))["Coverage"] == (
        "0 of 1 evaluations are complete, the lowest covers 99.9 %"
    )


def test_top_items() -> None:
    """With contribution and both scores."""
    assert top_item_lines(report(ALL, top_items=[top_item()])) == [
        "frame-17: −0.021 in night / custom_mAP (0.9000 → 0.1000)"
    ]


def test_warnings_are_said_once() -> None:
    """With the tests that they are about: in the terminal's lines, in Markdown and in JUnit."""
    answer = report([entry(test=f"t{n % 7}", warnings=["drive looks like groups"]) for n in range(14)])
    assert warnings_of(answer) == ["t0, t1, t2, t3, t4, and 2 more: drive looks like groups"]
    assert gate_markdown(answer, URL).count("drive looks like groups") == 1
    assert gate_junit(answer, fail_inconclusive=False).count(b"drive looks like groups") == 14


def test_outcomes_have_an_icon_and_a_word() -> None:
    """No meaning is in the colour alone."""
    assert [outcome_text(one) for one in ALL] == [
        "✗ failed",
        "✗ failed, waived",
        "? inconclusive",
        "+ new",
        "! missing",
        "✓ passed",
    ]


# --- Markdown


def rendered(markdown: str) -> str:
    """What a reader of the Markdown gets, as HTML."""
    return MarkdownIt("gfm-like", {"linkify": False}).render(markdown)


def test_markdown_is_short() -> None:
    """Five lines, three items, one link; the table is folded away."""
    text = gate_markdown(report(ALL, top_items=[top_item(f"frame-{n}") for n in range(3)]), URL)
    above, _, table = text.partition("<details>")
    assert len(re.findall(r"^\*\*\w+:\*\* ", above, re.MULTILINE)) == 5
    assert above.count("* frame-") == 3 and text.count("](") == 1 and f"]({URL})" in above
    html = rendered(table)
    assert html.count("<tr>") == 1 + len(ALL) and html.count("<td>") == 10 * len(ALL)
    assert "custom_mAP" in table, "names that are harmless stay as they are"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("night, pedestrians (custom_mAP) 100 %", "night, pedestrians (custom_mAP) 100 %"),
        ("a|b\\|c\\", "a&#124;b\\\\&#124;c\\\\"),
        ("`x` *y* _z_ [l](u)", "&#96;x&#96; \\*y\\* \\_z\\_ \\[l](u)"),
        ("<img src=x>&lt;", "&lt;img src=x&gt;&amp;&#8203;lt;"),
        ("a\r\n\t b", "a b"),
        ("\x1b[2J\u202e", "\ufffd\\[2J\ufffd"),
        ("@team a@b.c #1 !2 %3 ~4", "@&#8203;team a@&#8203;b.c #&#8203;1 !&#8203;2 %&#8203;3 \\~&#8203;4"),
        ("https://a.b www.c.d GH-7", "https:&#8203;//a.b www&#8203;.c.d GH&#8203;-7"),
        ("$x$", "&#36;&#8203;x&#36;"),
    ],
)
def test_escaped(text: str, shown: str) -> None:
    """Nothing of a user is markup, a mention, a reference or a link; what is harmless stays readable."""
    assert escaped(text) == shown


def test_hostile_names_stay_in_their_cells() -> None:
    """Whatever they hold: as many cells as ever, no element, no link, no mention."""
    bad = entry(
        function=HOSTILE,
        test=HOSTILE,
        reason=HOSTILE,
        unit=HOSTILE,
        candidate=side("m", HOSTILE, 0.5),
        waiver=None,
    )
    other = entry("failed", waiver=waiver(reason=HOSTILE, owner=HOSTILE))
    answer = report([bad, other], sentence=HOSTILE, model={"id": "m", "name": HOSTILE}, top_items=[top_item(HOSTILE)])
    text = gate_markdown(answer, URL)
    assert "\x1b" not in text and "\x00" not in text and "\ud800" not in text
    html = rendered(text)
    assert html.count("<td>") == 20 and html.count("<a ") == 1 and html.count("<!--") == 0
    assert not re.search(r"<(b|em|code)>", html) and "@team" not in html and "#1" not in html


def test_markdown_fits_into_a_comment() -> None:
    """Rows that do not fit are counted; blockers come first and stay."""
    rows = [entry("failed", f"function-{n}") for n in range(2_000)]
    text = gate_markdown(report(rows), URL)
    assert len(text) <= MAX_CHARS
    n_shown = rendered(text.partition("<details>")[2]).count("<tr>") - 1
    assert 100 < n_shown < 2_000 and f"{2_000 - n_shown:,} more are in the whole report." in text
    longest = "x\n" * 100_000
    assert len(gate_markdown(report([entry(reason=longest)] * 6, sentence=longest), URL)) <= MAX_CHARS


# --- JUnit

ALLOWED = {
    "testsuites": ({"testsuite"}, {"name", "time", "tests", "failures", "errors"}),
    "testsuite": ({"properties", "testcase"}, {"name", "tests", "failures", "errors", "skipped", "time"}),
    "properties": ({"property"}, set()),
    "property": (set(), {"name", "value"}),
    "testcase": ({"failure", "error", "skipped", "system-out"}, {"name", "classname", "time"}),
    "failure": (set(), {"type", "message"}),
    "error": (set(), {"type", "message"}),
    "skipped": (set(), {"type", "message"}),
    "system-out": (set(), set()),
}
"""What the schema of Jenkins (junit-10.xsd) lets each element hold, as far as it is used here: elements and attributes."""


def junit(answer: dict[str, Any], *, fail_inconclusive: bool = False) -> ElementTree.Element:
    """The parsed document, which is as the schema wants it."""
    root = ElementTree.fromstring(gate_junit(answer, fail_inconclusive=fail_inconclusive))
    for element in root.iter():
        children, attributes = ALLOWED[element.tag]
        assert {child.tag for child in element} <= children, element.tag
        assert set(element.attrib) <= attributes, element.tag
        assert element.tag != "properties" or len(element)
    for suite in root:
        cases = suite.findall("testcase")
        assert [int(suite.attrib[a]) for a in ("tests", "failures", "errors", "skipped")] == [
            len(cases),
            *(sum(case.find(kind) is not None for case in cases) for kind in ("failure", "error", "skipped")),
        ]
    return root


def test_junit() -> None:
    """A suite for each test, a case for each function; the kind of each outcome, with the reason."""
    root = junit(report(ALL))
    assert root.attrib == {"name": "nucleus gate Detector 4", "time": "0", "tests": "6", "failures": "1", "errors": "1"}
    assert [suite.attrib["name"] for suite in root] == ["night", "day", "rain"]
    found = {
        (case.attrib["classname"], case.attrib["name"]): (case[0].tag, case[0].attrib.get("message"))
        for case in root.iter("testcase")
    }
    assert found == {
        ("night", "custom_mAP"): ("failure", "It is failed"),
        ("night", "waived"): (
            "skipped",
            "waived: labels of May are wrong (maria, until 2030-12-31 00:00 UTC); It is failed",
        ),
        ("night", "recall"): ("skipped", "It is inconclusive; to settle it: about 40 clusters"),
        ("day", "custom_mAP"): ("skipped", "It is new"),
        ("day", "latency"): ("error", "It is missing"),
        ("rain", "custom_mAP"): ("system-out", None),
    }


def test_junit_has_the_numbers() -> None:
    """Difference, p and interval are properties."""
    (suite,) = junit(report([entry(comparison=comparison(interval=[None, 0.25]))]))
    assert {p.attrib["name"]: p.attrib["value"] for p in suite.iter("property")} == {
        "custom_mAP.candidate_result": "0.7488",
        "custom_mAP.baseline_result": "0.8",
        "custom_mAP.delta": "-0.0512",
        "custom_mAP.p_value": "2e-05",
        "custom_mAP.adjusted_p": "0.0123",
        "custom_mAP.verdict": "worse",
        "custom_mAP.minimum_detectable_effect": "0.01434",
        "custom_mAP.n_clusters": "12",
        "custom_mAP.interval": "-inf 0.25",
    }


def test_junit_fails_what_the_gate_fails() -> None:
    """Inconclusive and new are failures if the gate takes them so; what is waived is not."""
    root = junit(report(ALL), fail_inconclusive=True)
    assert root.attrib["failures"] == "3"


def test_junit_without_numbers() -> None:
    """A suite that has none has no list of them."""
    (suite,) = junit(report([entry("missing")]))
    assert [child.tag for child in suite] == ["testcase"]


def test_junit_of_hostile_names() -> None:
    """Every text of XML 1.0 arrives, everything else is replaced."""
    bad = entry(function=HOSTILE, test=HOSTILE, reason=HOSTILE + "\uffff\ufffe")
    root = junit(report([bad, entry("missing", HOSTILE, HOSTILE)]))
    (suite,) = root
    assert suite[0].tag == "properties"
    name = HOSTILE.replace("\x1b", "\ufffd").replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert suite.attrib["name"] == name == suite[1].attrib["name"]
    assert suite[1][0].attrib["message"] == name + "\ufffd\ufffd"
