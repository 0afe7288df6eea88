"""Releases: a report that people decide on, what changed since the last decision, and the new baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from nucleus_server.domain import (
    Json,
    Outcome,
    Release,
    ReleaseReport,
    ReleaseStatus,
    ReportOptions,
    SuiteChange,
)
from nucleus_server.errors import Conflict, InvalidInput
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.release_report import options_from_json, options_to_json, release_report
from nucleus_server.storage import WorkspaceStore

MAX_NOTE = 10_000
_ABSENT = "not in the suite"


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release as people read it.

    Attributes:
        report: As things are now; of a decided release as they were then.
        changes: What is not as it was when the release before was decided.
        previous: That release; None if there was none.
        blockers: Why it cannot be approved now; None if it can, or was decided.
        may_need_note: Whether approving it needs a reason.
    """

    release: Release
    report: ReleaseReport
    changes: tuple[SuiteChange, ...]
    previous: Release | None
    blockers: str | None
    may_need_note: bool


def create_release(ws: WorkspaceStore, name: str, options: ReportOptions) -> Release:
    """Ask whether the model of the options may be released."""
    return ws.create_release(name, options.model_id, options_to_json(options))


def list_releases(ws: WorkspaceStore, status: ReleaseStatus | None = None, limit: int = 100) -> list[Release]:
    """Releases, newest first, without their reports."""
    return ws.list_releases(status=status, limit=limit)


def get_release(ws: WorkspaceStore, release_id: str, *, wait_s: float) -> ReleaseView:
    """The release with its report: an open one's as things are now, for which up to `wait_s` seconds are spent."""
    release = ws.get_release(release_id)
    previous = ws.find_decided_release(before=release)
    before = None if previous is None else previous.snapshot
    if release.report is not None:
        changes = () if before is None else _changes(before, release.snapshot or [])
        return ReleaseView(
            release, msgspec.convert(release.report, ReleaseReport), changes, previous, None, may_need_note=False
        )
    options = options_from_json(release.options)
    report = release_report(ws, options, wait_s=wait_s)
    changes = () if before is None else _changes(before, suite_snapshot(ws, options.test_ids))
    return ReleaseView(release, report, changes, previous, _blockers(report), may_need_note=_is_unclear(report))


def decide(ws: WorkspaceStore, release_id: str, status: ReleaseStatus, note: str, *, wait_s: float) -> ReleaseView:
    """Approve or reject an open release, and freeze the report that it was decided on.

    Raises:
        Conflict: It was decided already; or it is to be approved while something fails without a waiver, has no
            evaluation, or is still being computed.
        InvalidInput: Something is inconclusive and no note says why it is approved all the same.
    """
    note = note.strip()
    if len(note) > MAX_NOTE:
        raise InvalidInput(
            f"expected a note of at most {MAX_NOTE:,} characters, got {len(note):,}", code="note_too_long"
        )
    view = get_release(ws, release_id, wait_s=wait_s)
    if status is ReleaseStatus.APPROVED and view.release.status is ReleaseStatus.OPEN:
        if view.blockers is not None:
            raise Conflict(view.blockers, code="release_blocked")
        if view.may_need_note and not note:
            raise InvalidInput(
                "expected a note that says why it is approved although something could not be told, got none",
                code="note_needed",
            )
    ws.decide_release(
        release_id,
        status,
        note,
        report=msgspec.to_builtins(view.report),
        snapshot=suite_snapshot(ws, view.report.options.test_ids),
    )
    return get_release(ws, release_id, wait_s=0)


def promote(ws: WorkspaceStore, release_id: str) -> ReleaseView:
    """Make the candidate of an approved release the baseline of those tests of its suite that it was evaluated on.

    Raises:
        Conflict: It is not approved.
        PermissionDenied: A test belongs to somebody else, and the actor is no admin.
    """
    options = options_from_json(ws.get_release(release_id).options)
    model_key = ws.get_model(options.model_id).key
    evaluated = {e.test_id for e in ws.newest_evaluations([model_key])}
    ws.promote_release(release_id, [test_id for test_id in options.test_ids if test_id in evaluated])
    return get_release(ws, release_id, wait_s=0)


def suite_snapshot(ws: WorkspaceStore, test_ids: Sequence[str]) -> list[Json]:
    """What a suite's verdicts are judged by: tests, slices, criteria and cluster keys, as they are now."""
    tests = {test.id: test for test in ws.list_scenario_tests()}
    slices: dict[int, int] = {}
    models = {model.id: model.name for model in ws.list_models()}
    clusters = Clusters(ws)
    entries: dict[int, list[Json]] = {}
    for entry in ws.list_all_test_functions():
        test = tests.get(entry.test_id)
        if test is None or test.id not in test_ids:
            continue
        resolved = clusters.resolve(test, entry.function)
        entries.setdefault(entry.test_key, []).append(
            {
                "function": entry.function.name,
                "threshold": None if entry.threshold is None else f"{entry.comparison.symbol} {entry.threshold:g}",
                "mode": entry.effective_mode.value,
                "margin": f"{entry.margin:g}",
                "cluster key": resolved.key,
            }
        )
    snapshot: list[Json] = []
    for test in (tests[test_id] for test_id in test_ids if test_id in tests):
        if test.slice_key not in slices:
            slices[test.slice_key] = ws.get_slice_by_key(test.slice_key).n_members
        snapshot.append(
            {
                "id": test.id,
                "name": test.name,
                "slice": f"{slices[test.slice_key]:,} members",
                "baseline": None if test.baseline_model_id is None else models.get(test.baseline_model_id, "deleted"),
                "blocking": "yes" if test.is_blocking else "no",
                "functions": entries.get(test.key, []),
            }
        )
    return snapshot


def _changes(before: Iterable[Json], after: Iterable[Json]) -> tuple[SuiteChange, ...]:
    old, new = {test["id"]: test for test in before}, {test["id"]: test for test in after}
    found = []
    for test_id in [*new, *(old.keys() - new.keys())]:
        was, is_ = old.get(test_id), new.get(test_id)
        if was is None or is_ is None:
            name = (was or is_ or {})["name"]
            found.append(SuiteChange(name, "test", _ABSENT if was is None else name, _ABSENT if is_ is None else name))
            continue
        for what in ("name", "slice", "baseline", "blocking"):
            if was[what] != is_[what]:
                found.append(SuiteChange(is_["name"], what, was[what], is_[what]))
        old_functions = {entry["function"]: entry for entry in was["functions"]}
        new_functions = {entry["function"]: entry for entry in is_["functions"]}
        for function in [*new_functions, *(old_functions.keys() - new_functions.keys())]:
            one, other = old_functions.get(function), new_functions.get(function)
            if one is None or other is None:
                parts = (None if one is None else function, None if other is None else function)
                found.append(SuiteChange(is_["name"], "function", *parts))
                continue
            found += [
                SuiteChange(is_["name"], f"{what} of {function}", one[what], other[what])
                for what in ("threshold", "mode", "margin", "cluster key")
                if one[what] != other[what]
            ]
    return tuple(found)


def _blockers(report: ReleaseReport) -> str | None:
    if report.n_uploads_running:
        return "scores of these models are still being stored: wait a moment"
    if not report.is_complete:
        return f"verdicts are still being computed ({report.n_computed:,} of {report.n_comparisons:,} are there): wait a moment"
    if not report.entries:
        return "none of the suite's tests is there any more: create another release"
    for outcome, verbs, what, do in (
        (Outcome.FAILED, ("fails", "fail"), "without a waiver", "mend the model, or waive what is known and accepted"),
        (Outcome.MISSING, ("has", "have"), "no evaluation of the candidate", "upload its scores"),
    ):
        if n := report.count(outcome):
            names = [
                f"{e.function_name} on {e.test_name}"
                for e in report.entries
                if e.outcome is outcome and e.waiver is None
            ]
            more = f" and {n - 3:,} more" if n > 3 else ""
            return (
                f"{n:,} of {len(report.entries):,} criteria {verbs[n > 1]} {what} ({', '.join(names[:3])}{more}): {do}"
            )
    return None


def _is_unclear(report: ReleaseReport) -> bool:
    return report.count(Outcome.INCONCLUSIVE) + report.count(Outcome.NEW) > 0
