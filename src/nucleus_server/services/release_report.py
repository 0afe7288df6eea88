"""The release report: may this model replace that one, over a suite of tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from urllib.parse import urlencode

from nucleus_server.domain import (
    Evaluation,
    Json,
    Mode,
    Outcome,
    ReleaseReport,
    ReportEntry,
    ReportOptions,
    ScenarioTest,
    TopItem,
)
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services.comparing import Comparisons, Matter, Rules, compare_matters
from nucleus_server.services.explanations import heaviest_items
from nucleus_server.storage import WorkspaceStore

OWN, LAST_APPROVED, MODEL = "own", "last-approved", "model"
_ORDER = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.NEW, Outcome.MISSING, Outcome.PASSED)
_N_TOP = 3
_NAMED = 3
_MAX_LISTED_IDS = 50  # a link names so many tests; more of them are all tests, or those of some tags


def report_options(
    ws: WorkspaceStore,
    *,
    model_id: str,
    baseline: str = OWN,
    baseline_model_id: str | None = None,
    test_ids: Sequence[str] | None = None,
    test_names: Sequence[str] | None = None,
    tags: Sequence[str] = (),
    mode: str | None = None,
    allow_missing: bool = False,
    require_coverage: float = 0.0,
    false_discovery_rate: float = 0.05,
) -> ReportOptions:
    """Options that name things that exist; without tests and tags, all tests of the workspace.

    Raises:
        NotFound: A model or a test does not exist.
        InvalidInput: An option is outside of its range, or there is no test, or none with one of the tags.
    """
    ws.get_model(model_id)
    if baseline_model_id is not None:
        baseline = MODEL
        ws.get_model(baseline_model_id)
        if baseline_model_id == model_id:
            raise InvalidInput(
                "expected two models, got the same one as candidate and baseline: choose another baseline",
                code="same_model_twice",
            )
    elif baseline not in (OWN, LAST_APPROVED):
        raise InvalidInput(
            f"expected baseline to be {OWN} or {LAST_APPROVED}, or a baseline_model_id, got {baseline[:40]!r}",
            code="invalid_baseline",
        )
    if mode is not None and mode not in {known.value for known in Mode}:
        raise InvalidInput(
            f"expected mode to be one of {', '.join(known.value for known in Mode)}, got {mode[:40]!r}",
            code="invalid_mode",
        )
    if not 0.0 <= require_coverage <= 1.0:
        raise InvalidInput(
            f"expected require_coverage in [0, 1], got {require_coverage!r}", code="invalid_require_coverage"
        )
    if not 0.0 < false_discovery_rate < 1.0:
        raise InvalidInput(
            f"expected false_discovery_rate above 0 and below 1, got {false_discovery_rate!r}",
            code="invalid_false_discovery_rate",
        )
    chosen = _chosen(ws, test_ids, test_names, tags)
    if not chosen:
        what = "none was named" if ws.list_scenario_tests() else "there are no scenario tests yet"
        raise InvalidInput(f"expected at least one scenario test, but {what}", code="no_scenario_tests")
    return ReportOptions(
        model_id=model_id,
        baseline=baseline,
        baseline_model_id=baseline_model_id,
        test_ids=tuple(test.id for test in chosen),
        mode=mode,
        allow_missing=allow_missing,
        require_coverage=require_coverage,
        false_discovery_rate=false_discovery_rate,
    )


def options_to_json(options: ReportOptions) -> Json:
    """The options as they are stored and sent."""
    return {**asdict(options), "test_ids": list(options.test_ids)}


def options_from_json(stored: Json) -> ReportOptions:
    """The options that were stored."""
    return ReportOptions(**{**stored, "test_ids": tuple(stored["test_ids"])})


def options_of_query(ws: WorkspaceStore, query: Mapping[str, Sequence[str]]) -> ReportOptions:
    """The options in the query of a page's address; see `report_path`.

    Raises:
        InvalidInput: A number is none, or the model is missing.
        NotFound: A model or a test does not exist.
    """

    def one(name: str) -> str | None:
        values = [value for value in query.get(name, ()) if value]
        return values[-1] if values else None

    model_id = one("model")
    if model_id is None:
        raise InvalidInput("expected ?model=… in the address, got none", code="no_model")
    baseline = one("baseline") or OWN
    is_kind = baseline in (OWN, LAST_APPROVED)
    return report_options(
        ws,
        model_id=model_id,
        baseline=baseline if is_kind else MODEL,
        baseline_model_id=None if is_kind else baseline,
        test_ids=[test_id for test_id in query.get("test", ()) if test_id] or None,
        tags=[tag for tag in query.get("tag", ()) if tag],
        mode=one("mode"),
        allow_missing=one("allow_missing") == "yes",
        require_coverage=_share(one("require_coverage"), 0.0, "require_coverage"),
        false_discovery_rate=_share(one("q"), 0.05, "q"),
    )


def report_path(ws: WorkspaceStore, options: ReportOptions) -> str:
    """The page that shows the report of these options, as it is then."""
    query: list[tuple[str, str]] = [("model", options.model_id)]
    if options.baseline != OWN:
        query.append(("baseline", options.baseline_model_id or options.baseline))
    if len(options.test_ids) <= _MAX_LISTED_IDS and len(options.test_ids) < len(ws.list_scenario_tests()):
        query += [("test", test_id) for test_id in options.test_ids]
    if options.mode is not None:
        query.append(("mode", options.mode))
    if options.allow_missing:
        query.append(("allow_missing", "yes"))
    if options.require_coverage:
        query.append(("require_coverage", f"{options.require_coverage:g}"))
    if options.false_discovery_rate != ReportOptions.__dataclass_fields__["false_discovery_rate"].default:
        query.append(("q", f"{options.false_discovery_rate:g}"))
    return f"/report?{urlencode(query)}"


def release_report(ws: WorkspaceStore, options: ReportOptions, *, wait_s: float) -> ReleaseReport:
    """The report as things are now; what takes longer than about `wait_s` seconds is left to a job.

    Tests that were deleted since the options were made are left out.
    """
    model = ws.get_model(options.model_id)
    all_tests = {test.id: test for test in ws.list_scenario_tests()}
    tests = [all_tests[test_id] for test_id in options.test_ids if test_id in all_tests]
    rules = Rules(
        mode=None if options.mode is None else Mode(options.mode),
        allow_missing=options.allow_missing,
        require_coverage=options.require_coverage,
        false_discovery_rate=options.false_discovery_rate,
    )
    baseline_keys = _baseline_keys(ws, options, tests)
    models = {options.model_id} | {m.id for m in ws.list_models() if m.key in baseline_keys.values()}
    # Counted before the evaluations are read: one that is complete by then is read, one that is not is waited for.
    n_uploads = ws.count_running_uploads({test.id for test in tests}, models)
    found = compare_matters(ws, _matters(ws, model.key, baseline_keys, tests), rules, wait_s=wait_s)
    entries = sorted(found.entries, key=_place)
    outcome = _outcome(entries)
    if n_uploads and outcome is Outcome.PASSED:
        outcome = Outcome.INCONCLUSIVE  # what is judged is not all that there will be
    coverages = [e.candidate.coverage for e in entries if e.candidate is not None and e.candidate.coverage is not None]
    baseline_name = None
    if options.baseline_model_id is not None:
        baseline_name = ws.get_model(options.baseline_model_id).name
    return ReleaseReport(
        options=options,
        model_name=model.name,
        baseline_model_name=baseline_name,
        n_comparisons=found.n_comparisons,
        n_computed=found.n_computed,
        job_id=found.job_id,
        n_uploads_running=n_uploads,
        outcome=outcome,
        sentence=_sentence(model.name, outcome, entries, found, n_uploads),
        entries=tuple(entries),
        n_complete=sum(coverage >= 1.0 for coverage in coverages),
        n_partial=sum(coverage < 1.0 for coverage in coverages),
        lowest_coverage=min(coverages, default=None),
        top_items=_top_items(ws, entries),
    )


def _chosen(
    ws: WorkspaceStore, test_ids: Sequence[str] | None, test_names: Sequence[str] | None, tags: Sequence[str]
) -> list[ScenarioTest]:
    """Tests named by id or name, and those with one of the tags; all of them if nothing is named. Each once, in order."""
    tests = ws.list_scenario_tests()
    if test_ids is None and test_names is None and not tags:
        return tests
    by_id, by_name = {t.id: t for t in tests}, {t.name: t for t in tests}
    chosen: dict[str, ScenarioTest] = {}
    for names, known, noun in ((test_ids or (), by_id, "with id"), (test_names or (), by_name, "named")):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise NotFound(
                f"no scenario test {noun} {', '.join(repr(name) for name in unknown[:5])} in this workspace",
                code="scenario_test_not_found",
            )
        chosen |= {known[name].id: known[name] for name in names}
    unknown = sorted(set(tags) - {tag for t in tests for tag in t.tags})
    if unknown:
        # Its tests would be left out without a word.
        raise InvalidInput(
            f"expected tags that tests have, but no test has {', '.join(repr(tag[:40]) for tag in unknown[:5])}",
            code="no_scenario_tests",
        )
    chosen |= {t.id: t for t in tests if set(tags) & set(t.tags)}
    return list(chosen.values())


def _matters(
    ws: WorkspaceStore, model_key: int, baseline_keys: Mapping[int, int | None], tests: Sequence[ScenarioTest]
) -> list[Matter]:
    """Each function of each test with the newest evaluations of the candidate and of the test's baseline."""
    wanted = {model_key} | {key for key in baseline_keys.values() if key is not None}
    newest: dict[tuple[int, int, int], Evaluation] = {
        (e.test_key, e.function_key, e.model_key): e for e in ws.newest_evaluations(wanted)
    }
    by_test: dict[int, list[Matter]] = {}
    tests_by_key = {test.key: test for test in tests}
    for entry in ws.list_all_test_functions():
        test = tests_by_key.get(entry.test_key)
        if test is None:
            continue
        baseline_key = baseline_keys[test.key]
        candidate = newest.get((test.key, entry.function.key, model_key))
        baseline = None
        is_baseline = baseline_key == model_key
        if baseline_key is not None and not is_baseline:
            baseline = newest.get((test.key, entry.function.key, baseline_key))
        by_test.setdefault(test.key, []).append(Matter(test, entry, candidate, baseline, is_baseline))
    return [matter for test in tests for matter in by_test.get(test.key, [])]


def _baseline_keys(ws: WorkspaceStore, options: ReportOptions, tests: Sequence[ScenarioTest]) -> dict[int, int | None]:
    """Test key → key of the model that it is compared with; None if there is none."""
    if options.baseline == MODEL:
        assert options.baseline_model_id is not None
        return dict.fromkeys((test.key for test in tests), ws.get_model(options.baseline_model_id).key)
    if options.baseline == LAST_APPROVED:
        keys = {model.id: model.key for model in ws.list_models()}
        approved = ws.last_approved_models()
        return {test.key: keys.get(approved.get(test.id, "")) for test in tests}
    return {test.key: test.baseline_model_key for test in tests}


def _place(entry: ReportEntry) -> tuple[bool, int, bool, float, str, str]:
    p = 1.0 if entry.adjusted_p is None else entry.adjusted_p
    place = _ORDER.index(entry.outcome)
    return (entry.waiver is not None, place, not entry.is_blocking, p, entry.test_name, entry.function_name)


def _outcome(entries: Sequence[ReportEntry]) -> Outcome:
    open_ = {entry.outcome for entry in entries if entry.waiver is None}
    if Outcome.FAILED in open_:
        return Outcome.FAILED
    if Outcome.MISSING in open_:
        return Outcome.MISSING
    return Outcome.INCONCLUSIVE if open_ & {Outcome.INCONCLUSIVE, Outcome.NEW} or not entries else Outcome.PASSED


def _sentence(
    model_name: str, outcome: Outcome, entries: Sequence[ReportEntry], found: Comparisons, n_uploads: int
) -> str:
    if n_uploads:
        return f"Scores are still being stored: {n_uploads:,} upload{'s' if n_uploads > 1 else ''} under way."
    if found.job_id is not None:
        return f"{found.n_computed:,} of {found.n_comparisons:,} verdicts on {model_name} are computed."
    if not entries:
        return f"{model_name} cannot be judged: none of the suite's tests is there any more."
    of = f"of {len(entries):,} criteria"
    concerned = [e for e in entries if e.outcome is outcome and e.waiver is None]
    fail, have = ("fails", "has") if len(concerned) == 1 else ("fail", "have")
    named = ", ".join(f"{e.function_name} on {e.test_name}" for e in concerned[:_NAMED])
    more = f" and {len(concerned) - _NAMED:,} more" if len(concerned) > _NAMED else ""
    if outcome is Outcome.FAILED:
        return f"{model_name} must not be released: {len(concerned):,} {of} {fail} ({named}{more})."
    if outcome is Outcome.MISSING:
        return f"{model_name} cannot be judged: {len(concerned):,} {of} {have} no evaluation of it ({named}{more})."
    n_waived = sum(e.waiver is not None for e in entries)
    waived = f", {n_waived:,} by a waiver" if n_waived else ""
    if outcome is Outcome.INCONCLUSIVE:
        concerned = [e for e in entries if e.outcome in (Outcome.INCONCLUSIVE, Outcome.NEW) and e.waiver is None]
        named = ", ".join(f"{e.function_name} on {e.test_name}" for e in concerned[:_NAMED])
        more = f" and {len(concerned) - _NAMED:,} more" if len(concerned) > _NAMED else ""
        return f"Nothing speaks against {model_name}, but {len(concerned):,} {of} could not tell ({named}{more})."
    passing = "its only criterion passes" if len(entries) == 1 else f"all {len(entries):,} criteria pass"
    return f"{model_name} may be released: {passing}{waived}."


def _top_items(ws: WorkspaceStore, entries: Sequence[ReportEntry]) -> tuple[TopItem, ...]:
    """The members that weigh most against the candidate in the first entry that did not pass for want of quality."""
    for entry in entries:
        if entry.outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE) and entry.comparison is not None:
            if entry.candidate is None or entry.baseline is None:
                continue
            items = heaviest_items(
                ws,
                entry.baseline.evaluation_id,
                entry.candidate.evaluation_id,
                limit=_N_TOP,
                against_candidate=True,
            )
            return tuple(
                TopItem(entry.test_id, entry.test_name, entry.function_id, entry.function_name, item) for item in items
            )
    return ()


def _share(text: str | None, default: float, name: str) -> float:
    if text is None:
        return default
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput(f"expected {name} as a number, got {text[:40]!r}", code="invalid_number") from error
