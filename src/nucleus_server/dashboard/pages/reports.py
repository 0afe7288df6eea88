"""A release report: the sentence, the five lines, the entries, and the items that weigh most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from nucleus_server.dashboard.contexts import Picture, Progress, ReportLine, ReportPart, TopItemRow
from nucleus_server.dashboard.intervals import signed
from nucleus_server.dashboard.pages.entries import entry_rows
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, number, percent, when
from nucleus_server.dashboard.pages.verdict_words import outcome_verdict
from nucleus_server.domain import Outcome, ReleaseReport, ReportEntry, ReportOptions
from nucleus_server.services.release_report import LAST_APPROVED
from nucleus_server.services.suite_comparison import NOT_COMPARED, OWN

_N_NAMED = 5
_MOST_TESTS = 50
_VERDICTS = ("better", "worse", "equivalent", "inconclusive")


def report_part(report: ReleaseReport, shown: Mapping[str, Picture], files: tuple[str, str]) -> ReportPart:
    """The report; while verdicts are computed only what it was asked for, so that no half of an answer is read as one.

    `files` is where its entries are as files: what stands before the ending and what after it.
    """
    if not report.is_complete:
        return ReportPart(
            None, "", (), (), (), options_text(report.options, report.baseline_model_name), files, "", None
        )
    paths = {(entry.test_id, entry.function_id): entry.compare_path for entry in report.entries}
    return ReportPart(
        outcome=outcome_verdict(report.outcome, report.sentence),
        sentence=report.sentence,
        lines=_lines(report),
        entries=entry_rows(report.entries),
        top_items=tuple(
            TopItemRow(
                picture=shown.get(top.item.item_id)
                or Picture(top.item.reference_id, None, None, "this item was deleted"),
                where=f"{top.function_name} on {top.test_name}",
                compare_path=paths.get((top.test_id, top.function_id)),
                scores=f"{number(top.item.baseline_score)} → {number(top.item.candidate_score)}",
                contribution=signed(top.item.contribution, 6),
            )
            for top in report.top_items
        ),
        options=options_text(report.options, report.baseline_model_name),
        files=files,
        verdicts=_verdicts(report),
        compare_path=_compare_path(report.options),
    )


def report_progress(report: ReleaseReport, path: str, page_path: str) -> Progress | None:
    """How far the report is; None if nothing is left to compute."""
    if report.is_complete:
        return None
    text = f"{report.n_computed:,} of {counted(report.n_comparisons, 'verdict')} computed."
    return Progress(text, 100 * report.n_computed / report.n_comparisons, path, page_path)


def baseline_text(options: ReportOptions, model_name: str | None) -> str:
    """What the candidate is compared with."""
    if options.baseline == "last-approved":
        return "the release approved last" if model_name is None else f"{model_name}, approved last"
    return "each test's own baseline" if model_name is None else model_name


def options_text(options: ReportOptions, baseline_name: str | None) -> tuple[tuple[str, str], ...]:
    """What a report was asked for, as names and values."""
    rows = [
        ("Baseline", baseline_text(options, baseline_name)),
        ("Tests", f"{len(options.test_ids):,}"),
        ("Mode", options.mode or "each test's own"),
        ("False discovery rate", f"{options.false_discovery_rate:g}"),
    ]
    if options.require_coverage > 0:
        rows.append(("Required coverage", percent(options.require_coverage)))
    if options.allow_missing:
        rows.append(("Missing items", "are fine"))
    return tuple(rows)


def _lines(report: ReleaseReport) -> tuple[ReportLine, ...]:
    failed = _of(report, lambda e: e.outcome is Outcome.FAILED and e.waiver is None)
    missing = _of(report, lambda e: e.outcome is Outcome.MISSING and e.waiver is None)
    unclear = _of(report, lambda e: e.outcome in (Outcome.INCONCLUSIVE, Outcome.NEW) and e.waiver is None)
    waived = _of(report, lambda e: e.waiver is not None)
    n_blocking = sum(entry.is_blocking for entry in failed)
    blockers = "none"
    if failed or missing:
        parts = [f"{len(failed):,} failed"] if failed else []
        parts += [f"{n_blocking:,} of them in tests that block releases"] if n_blocking else []
        parts += [f"{len(missing):,} without an evaluation of the candidate"] if missing else []
        blockers = ", ".join(parts)
    return (
        ReportLine("Verdict", _counts(report), (), 0),
        _line("Blockers", blockers, [*failed, *missing], lambda e: f"{_name(e)}: {e.reason}"),
        _line(
            "Inconclusive",
            f"{len(unclear):,}" if unclear else "none",
            unclear,
            lambda e: f"{_name(e)}: {e.settles or e.reason}",
        ),
        _line("Waivers", f"{len(waived):,}" if waived else "none", waived, _waived),
        ReportLine("Coverage", _coverage(report), (), 0),
    )


def _verdicts(report: ReleaseReport) -> str:
    counts = Counter(
        NOT_COMPARED if entry.comparison is None else entry.verdict or entry.comparison.verdict
        for entry in report.entries
    )
    words = [*(word for word in _VERDICTS if counts[word]), *(word for word in counts if word not in _VERDICTS)]
    return ", ".join(f"{counts[word]:,} {word}" for word in words)


def _compare_path(options: ReportOptions) -> str | None:
    """The same tests with the same baseline; many tests are all of them."""
    if options.baseline == LAST_APPROVED:
        return None
    tests = options.test_ids if len(options.test_ids) <= _MOST_TESTS else ()
    query = {"baseline": options.baseline_model_id or OWN, "models": options.model_id, "test": tests}
    return f"/compare?{urlencode(query, doseq=True)}"


def _line(label: str, text: str, entries: Sequence[ReportEntry], words: Callable[[ReportEntry], str]) -> ReportLine:
    return ReportLine(label, text, tuple(words(e) for e in entries[:_N_NAMED]), max(0, len(entries) - _N_NAMED))


def _of(report: ReleaseReport, is_meant: Callable[[ReportEntry], bool]) -> list[ReportEntry]:
    return [entry for entry in report.entries if is_meant(entry)]


def _counts(report: ReleaseReport) -> str:
    counts = [(outcome.value, report.count(outcome)) for outcome in Outcome] + [("waived", report.n_waived)]
    return ", ".join(f"{n:,} {word}" for word, n in counts if n) or "no entries"


def _name(entry: ReportEntry) -> str:
    return f"{entry.function_name} on {entry.test_name}"


def _waived(entry: ReportEntry) -> str:
    if entry.waiver is None:
        return _name(entry)
    return f"{_name(entry)}, until {when(entry.waiver.expires_at)} UTC by {entry.waiver.owner}: {entry.waiver.reason}"


def _coverage(report: ReleaseReport) -> str:
    lowest = UNDEFINED if report.lowest_coverage is None else percent(report.lowest_coverage)
    if not report.n_partial:
        return f"{counted(report.n_complete, 'evaluation')} complete"
    return f"{report.n_complete:,} complete, {report.n_partial:,} partial; the lowest is {lowest}"
