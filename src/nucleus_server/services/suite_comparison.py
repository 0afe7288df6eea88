"""Several candidates against a baseline over a suite of tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nucleus_server.domain import EvaluationStatus, Mode, Model, ReportEntry, ScenarioTest, TestFunction
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services.comparing import Matter, Rules, compare_matters
from nucleus_server.services.model_comparison import MAX_CANDIDATES
from nucleus_server.storage import WorkspaceStore

OWN = "own"
NOT_COMPARED = "not compared"
COMPUTING = "computing"
_RANKS = ("worse", "inconclusive", "too few clusters", COMPUTING, "equivalent", "better", NOT_COMPARED)


@dataclass(frozen=True, slots=True)
class SuiteLine:
    """One function of one test, with what each candidate's verdict needs.

    Attributes:
        matters: One for each candidate.
        entries: Decided together with all others of the suite: p values are adjusted for them.
    """

    test: ScenarioTest
    entry: TestFunction
    matters: tuple[Matter, ...]
    entries: tuple[ReportEntry, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What came of each candidate: a verdict, `computing` or `not compared`."""
        return tuple(map(word_of, self.entries))


@dataclass(frozen=True, slots=True)
class SuiteComparison:
    """Candidates over a suite.

    Attributes:
        baseline: None if it is each test's own.
        lines: Where a candidate is worse first.
    """

    baseline: Model | None
    candidates: tuple[Model, ...]
    lines: tuple[SuiteLine, ...]
    n_comparisons: int
    n_computed: int

    def count(self, candidate: int, word: str) -> int:
        """How many functions of tests have this word for a candidate, by its place from 0."""
        return sum(line.words[candidate] == word for line in self.lines)


def word_of(entry: ReportEntry) -> str:
    """The verdict after adjustment, `computing`, or `not compared` if an evaluation or a common member is missing."""
    if entry.comparison is None:
        return COMPUTING if entry.is_computing else NOT_COMPARED
    if entry.comparison.delta is None:
        return NOT_COMPARED
    return entry.verdict or entry.comparison.verdict


def compare_suite(
    ws: WorkspaceStore,
    baseline_id: str,
    model_ids: Sequence[str],
    *,
    tags: Sequence[str] = (),
    test_ids: Sequence[str] = (),
    wait_s: float,
) -> SuiteComparison:
    """The newest evaluations of the candidates, each against the baseline's on what both scored.

    Args:
        baseline_id: A model, or `own` for each test's own baseline.
        tags: Only tests with one of them.
        test_ids: Only these tests; without tags and tests all of the workspace.

    Raises:
        NotFound: A model or a test does not exist.
        InvalidInput: There is no candidate or no test, or there are more than `MAX_CANDIDATES`.
    """
    baseline = None if baseline_id == OWN else ws.get_model(baseline_id)
    wanted = [model_id for model_id in dict.fromkeys(model_ids) if model_id != baseline_id]
    if not wanted:
        raise InvalidInput("expected at least one model beside the baseline, got none: choose one", code="no_model")
    if len(wanted) > MAX_CANDIDATES:
        raise InvalidInput(
            f"expected at most {MAX_CANDIDATES} models beside the baseline, got {len(wanted)}: leave some out",
            code="too_many_models",
        )
    candidates = tuple(map(ws.get_model, wanted))
    tests = _tests(ws, tags, test_ids)
    baseline_keys = {test.key: test.baseline_model_key if baseline is None else baseline.key for test in tests}
    keys = {model.key for model in candidates} | {key for key in baseline_keys.values() if key is not None}
    newest = {
        (e.test_key, e.function_key, e.model_key): e
        for e in ws.newest_evaluations(keys)
        if e.status is EvaluationStatus.COMPLETED and e.result is not None
    }
    by_key = {test.key: test for test in tests}
    rows: list[tuple[ScenarioTest, TestFunction, list[Matter]]] = []
    for entry in ws.list_all_test_functions():
        test = by_key.get(entry.test_key)
        if test is None:
            continue
        own_key = baseline_keys[test.key]
        of_test = []
        for model in candidates:
            of_baseline = None
            if own_key is not None and own_key != model.key:
                of_baseline = newest.get((test.key, entry.function.key, own_key))
            candidate = newest.get((test.key, entry.function.key, model.key))
            of_test.append(Matter(test, entry, candidate, of_baseline, is_baseline=own_key == model.key))
        rows.append((test, entry, of_test))
    found = compare_matters(
        ws, [matter for _, _, of_test in rows for matter in of_test], Rules(mode=Mode.POINT), wait_s=wait_s
    )
    entries = iter(found.entries)
    lines = [
        SuiteLine(test, entry, tuple(of_test), tuple(next(entries) for _ in of_test)) for test, entry, of_test in rows
    ]
    lines.sort(key=_place)
    return SuiteComparison(baseline, candidates, tuple(lines), found.n_comparisons, found.n_computed)


def _tests(ws: WorkspaceStore, tags: Sequence[str], test_ids: Sequence[str]) -> list[ScenarioTest]:
    tests = ws.list_scenario_tests()
    unknown = sorted(set(test_ids) - {test.id for test in tests})
    if unknown:
        raise NotFound(
            f"no scenario test with id {unknown[0][:40]!r} in this workspace", code="scenario_test_not_found"
        )
    if tags or test_ids:
        tests = [test for test in tests if test.id in test_ids or set(tags) & set(test.tags)]
    if not tests:
        what = "none has this tag" if tags else "there are no scenario tests yet"
        raise InvalidInput(f"expected at least one scenario test, but {what}", code="no_scenario_tests")
    return tests


def _place(line: SuiteLine) -> tuple[int, bool, str, str]:
    rank = min((_RANKS.index(word) for word in line.words), default=len(_RANKS))
    return (rank, not line.test.is_blocking, line.test.name, line.entry.function.name)
