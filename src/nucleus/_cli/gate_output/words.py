"""The words of a report that all its forms share: the cells of an entry, and the five lines that sum up all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nucleus._cli.output import when
from nucleus._html import UNDEFINED, comparison_text

Report = Mapping[str, Any]
"""A release report, as the server sends it."""
Entry = Mapping[str, Any]
"""One function of one scenario test in a report."""

COLUMNS = (
    "test",
    "function",
    "result",
    "baseline",
    "Δ, unadjusted interval",
    "verdict",
    "adjusted p (clusters)",
    "coverage",
    "MDE",
    "outcome",
)
"""What the table says of an entry; MDE is the minimum detectable effect."""

_ICONS = {"passed": "✓", "failed": "✗", "inconclusive": "?", "new": "+", "missing": "!"}
_LISTED = 5


def name_of(entry: Mapping[str, Any]) -> str:
    """Which test and function an entry, or an item of it, is about."""
    return f"{entry['scenario_test_name']} / {entry['eval_function_name']}"


def outcome_text(entry: Entry) -> str:
    """An icon and a word, and what makes the entry count for more or for less."""
    outcome = entry["outcome"]
    marks = [mark for mark, holds in (("blocking", entry["is_blocking"]), ("waived", entry["waiver"])) if holds]
    shown = marks if outcome != "passed" else ()
    return ", ".join([f"{_ICONS[outcome]} {outcome}", *shown])


def cells(entry: Entry) -> list[str]:
    """The cells of an entry under `COLUMNS`; what is undefined is an en dash."""
    candidate, baseline = entry["candidate"], entry["baseline"]
    comparison = completed(entry)
    return [
        entry["scenario_test_name"],
        entry["eval_function_name"],
        _result_text(entry),
        UNDEFINED if baseline is None else number_text(baseline["result"], entry["unit"]),
        "computing" if is_computing(entry) else delta_text(comparison),
        verdict_text(entry),
        UNDEFINED if comparison is None else _p_with_clusters(comparison),
        UNDEFINED if candidate is None else _part_text(candidate["coverage"]),
        UNDEFINED if comparison is None else _effect_text(comparison["minimum_detectable_effect"]),
        outcome_text(entry),
    ]


def five_lines(report: Report) -> list[tuple[str, str]]:
    """Verdict, blockers, inconclusive entries with what settles them, waivers, coverage: a label and a text each."""
    entries = report["entries"]
    open_entries = [entry for entry in entries if entry["waiver"] is None]
    failed = [entry for entry in open_entries if entry["outcome"] == "failed"]
    unclear = [entry for entry in open_entries if entry["outcome"] in ("inconclusive", "new")]
    waived = [entry for entry in entries if entry["waiver"] is not None]
    return [
        ("Verdict", report["sentence"]),
        ("Blockers", _listed(f"{name_of(e)}: {why(e)}" for e in failed)),
        ("Inconclusive", _listed(f"{name_of(e)}: {why(e)}" for e in unclear)),
        ("Waivers", _listed(f"{name_of(e)}: {waiver_text(e['waiver'])}" for e in waived)),
        ("Coverage", _coverage_line(report)),
    ]


def top_item_lines(report: Report) -> list[str]:
    """The items that weigh most in what failed or is unclear, heaviest first."""
    return [
        f"{item['reference_id'] or item['item_id']}: {signed(item['contribution'])} in {name_of(item)} "
        f"({number_text(item['baseline_score'])} → {number_text(item['candidate_score'])})"
        for item in report["top_items"]
    ]


def why(entry: Entry) -> str:
    """The reason of an outcome, and of an unclear one what would settle it."""
    reason = _clause(entry["reason"])
    return f"{reason}; to settle it: {_clause(entry['settles'])}" if entry["settles"] else reason


def warnings_of(report: Report) -> list[str]:
    """What may make verdicts wrong, each thing once, with the tests that it is about."""
    tests: dict[str, dict[str, None]] = {}
    for entry in report["entries"]:
        for warning in entry["warnings"]:
            tests.setdefault(warning, {})[entry["scenario_test_name"]] = None
    return [f"{_listed(names, ', ')}: {warning}" for warning, names in tests.items()]


def missing_entries(report: Report) -> list[Entry]:
    """The entries that the candidate has no evaluation for."""
    return [entry for entry in report["entries"] if entry["outcome"] == "missing"]


def waiver_text(waiver: Mapping[str, Any]) -> str:
    """Why something is accepted, by whom and until when."""
    expires = when(waiver["expires_at"])
    until = UNDEFINED if expires is None else f"{expires:%Y-%m-%d %H:%M %Z}"
    return f"{_clause(waiver['reason'])} ({waiver['owner']}, until {until})"


def verdict_text(entry: Entry) -> str:
    """What the comparison with the baseline says, and what the threshold says, as far as there is either."""
    comparison, threshold = completed(entry), entry["threshold_check"]
    said = [] if comparison is None else [comparison["verdict"]]
    if threshold is not None:
        said.append(f"threshold {threshold['standing']}")
    return ", ".join(said) or ("computing" if is_computing(entry) else UNDEFINED)


def completed(entry: Entry) -> Mapping[str, Any] | None:
    """The comparison with the baseline, if there is one and it is computed."""
    comparison: Mapping[str, Any] | None = entry["comparison"]
    return comparison if comparison is not None and comparison["status"] == "complete" else None


def is_computing(entry: Entry) -> bool:
    """Whether the comparison with the baseline is still computed."""
    return entry["comparison"] is not None and completed(entry) is None


def delta_text(comparison: Mapping[str, Any] | None) -> str:
    """The difference to the baseline with its interval; an end that is not bounded is an infinity."""
    if comparison is None or comparison["delta"] is None:
        return UNDEFINED
    low, high = comparison["interval"]
    ends = ("−∞" if low is None else signed(low)), ("+∞" if high is None else signed(high))
    return f"{signed(comparison['delta'])} [{', '.join(ends)}]"


def p_text(p: float | None) -> str:
    """A probability; the smallest in two significant digits."""
    if p is None:
        return UNDEFINED
    return f"{p:.1e}" if p < 0.0001 else f"{p:.4f}"


def signed(value: float | None) -> str:
    """A difference, always with its sign, in three significant digits."""
    if value is None:
        return UNDEFINED
    return f"{value:+.3g}".replace("-", "−") if value else "0"


def number_text(value: float | None, unit: str | None = None) -> str:
    """A number with its unit."""
    if value is None:
        return UNDEFINED
    return f"{value:.4f} {unit}" if unit else f"{value:.4f}"


def one_line(text: str) -> str:
    """A text without line breaks, and without characters that a terminal would obey or a reader cannot see."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def _p_with_clusters(comparison: Mapping[str, Any]) -> str:
    cluster, n = comparison["cluster"], comparison["n_clusters"]
    clusters = f"{n:,} by {cluster['key']}" if cluster["key"] else f"{n:,} items"
    return f"{p_text(comparison['adjusted_p'])} ({clusters})"


def _effect_text(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.3g}"


def _result_text(entry: Entry) -> str:
    candidate = entry["candidate"]
    shown = UNDEFINED if candidate is None else number_text(candidate["result"], entry["unit"])
    if entry["threshold"] is None:
        return shown
    return f"{shown} ({comparison_text(entry['threshold_comparison'])} {entry['threshold']:g})"


def _coverage_line(report: Report) -> str:
    coverage = report["coverage"]
    n = coverage["n_complete"] + coverage["n_partial"]
    text = f"{coverage['n_complete']:,} of {n:,} evaluations are complete" if n else "no evaluations"
    if coverage["n_partial"] and coverage["lowest"] is not None:
        text += f", the lowest covers {_part_text(coverage['lowest'])}"
    if missing := missing_entries(report):
        text += f"; missing: {_listed(map(name_of, missing))}"
    return text


def _part_text(part: float | None) -> str:
    """A part of 1 in percent; only all of it is 100 %."""
    if part is None:
        return UNDEFINED
    return "100 %" if part >= 1 else f"{min(100 * part, 99.9):.1f} %"


def _listed(texts: Iterable[str], separator: str = "; ") -> str:
    parts: Sequence[str] = list(texts)
    shown = separator.join(parts[:_LISTED])
    return f"{shown}{separator}and {len(parts) - _LISTED:,} more" if len(parts) > _LISTED else shown or "none"


def _clause(sentence: str) -> str:
    return sentence.strip().removesuffix(".")
