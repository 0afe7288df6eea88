"""The release matrix: newest results of models on tests beside their criteria, their baselines and stored verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nucleus_server.domain import (
    Direction,
    EvaluationSummary,
    Judgement,
    Model,
    PairVerdict,
    ScenarioTest,
    Slice,
    TestFunction,
    Waiver,
)
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.judging import Series, judgements
from nucleus_server.services.verdicts import Question, known_verdicts
from nucleus_server.storage import WorkspaceStore

MODELS_PER_PAGE = 8
ROWS_PER_PAGE = 50
SORTS = ("failing", "worst", "name", "newest")
"""Failing first, largest worsening first, by name, newest test first."""
_RANKS = {"failed": 0, "no criterion": 1, "passed": 2, "no result": 3}


@dataclass(frozen=True, slots=True)
class MatrixQuery:
    """What of the matrix is asked for.

    Attributes:
        function, slice, dataset, tag: Names that rows are limited to; empty for all.
        text: What the names of test, slice or function, or a tag, must contain, in any case.
        is_failing, is_changed: Only rows whose newest result fails, or passes where the one before failed, or the reverse.
        sort: One of SORTS.
        models_page, tests_page: From 1; too large ones mean the last.
    """

    function: str = ""
    slice: str = ""
    dataset: str = ""
    tag: str = ""
    text: str = ""
    is_failing: bool = False
    is_changed: bool = False
    sort: str = SORTS[0]
    models_page: int = 1
    tests_page: int = 1


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """The newest result of one model by one function on one test.

    Attributes:
        baseline: What it is compared with; None without one, and of the baseline itself.
        delta: Result − baseline's, in the function's unit; None unless both are of the same members.
        verdict: What comparing it with the baseline says beyond chance, not adjusted; None unless it is stored already.
        waiver: What makes a failure acceptable for now.
    """

    evaluation: EvaluationSummary
    judgement: Judgement | None
    baseline: EvaluationSummary | None
    delta: float | None
    verdict: PairVerdict | None
    waiver: Waiver | None

    @property
    def passed(self) -> bool | None:
        """Whether it passed; None if there is no criterion."""
        return None if self.judgement is None else self.judgement.passed


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One function of one test.

    Attributes:
        baseline: The baseline model's result; None if there is none.
        cells: One for each model of the page; None where it was not evaluated.
    """

    test: ScenarioTest
    entry: TestFunction
    baseline: MatrixCell | None
    cells: tuple[MatrixCell | None, ...]

    @property
    def newest(self) -> MatrixCell | None:
        """The result of the newest model shown that has one."""
        return next((cell for cell in self.cells if cell is not None), None)

    @property
    def standing(self) -> str:
        """What came of the newest result: failed, passed, no criterion, or no result."""
        newest = self.newest
        if newest is None:
            return "no result"
        return "no criterion" if newest.passed is None else "passed" if newest.passed else "failed"

    @property
    def is_changed(self) -> bool:
        """Whether the two newest results shown differ in passing."""
        newest = [cell.passed for cell in self.cells if cell is not None][:2]
        return len(newest) == 2 and None not in newest and newest[0] is not newest[1]

    @property
    def worsening(self) -> float:
        """How much the newest result is worse than the baseline's; −infinity if that is not known."""
        newest = self.newest
        if newest is None or newest.delta is None:
            return float("-inf")
        return -newest.delta if self.entry.function.direction is Direction.HIGHER_IS_BETTER else newest.delta


@dataclass(frozen=True, slots=True)
class MatrixTest:
    """A test with those of its rows that fit.

    Attributes:
        slice_is_hidden: Whether its slice was deleted, and lives on only in its tests.
        dataset_name: Empty if the dataset was deleted.
    """

    test: ScenarioTest
    slice: Slice
    slice_is_hidden: bool
    dataset_name: str
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A page of the matrix.

    Attributes:
        models: The columns, newest left.
        tests: Those of this page, blocking ones first.
        counts: How many rows have which standing, of those that the names and the text leave.
        n_waived: How many of those that failed are waived.
        n_changed: How many rows changed, of the same.
        functions, slices, datasets, tags: What there is to choose from, in alphabetical order.
        n_all: Tests of the whole workspace.
    """

    models: tuple[Model, ...]
    n_models: int
    models_page: int
    n_models_pages: int
    tests: tuple[MatrixTest, ...]
    n_tests: int
    tests_page: int
    n_tests_pages: int
    counts: Mapping[str, int]
    n_waived: int
    n_changed: int
    functions: tuple[str, ...]
    slices: tuple[str, ...]
    datasets: tuple[str, ...]
    tags: tuple[str, ...]
    n_all: int


def release_matrix(ws: WorkspaceStore, query: MatrixQuery) -> Matrix:
    """The page of the matrix that is asked for.

    Only the results of the models shown and of baselines are read; verdicts are looked up for the tests shown.
    """
    everything = _everything(ws)
    found = [each for test in everything if (each := _limited(test, query)).rows]
    models = {model.key: model for model in ws.list_models()}
    keys = [key for key in ws.evaluated_model_keys([each.test.key for each in found]) if key in models]
    n_models_pages = max(1, -(-len(keys) // MODELS_PER_PAGE))
    models_page = min(query.models_page, n_models_pages)
    shown = keys[(models_page - 1) * MODELS_PER_PAGE : models_page * MODELS_PER_PAGE]
    results = _Results(ws, shown)
    found = results.fill(found, n_newest=2)  # what stands, and what changed
    rows = [row for each in found for row in each.rows]
    counts = {standing: sum(row.standing == standing for row in rows) for standing in _RANKS}
    found = _left(found, query)
    pages = _pages(found)
    tests_page = min(query.tests_page, len(pages))
    return Matrix(
        models=tuple(models[key] for key in shown),
        n_models=len(keys),
        models_page=models_page,
        n_models_pages=n_models_pages,
        tests=_with_verdicts(ws, results.fill(pages[tests_page - 1], n_newest=len(shown))),
        n_tests=len(found),
        tests_page=tests_page,
        n_tests_pages=len(pages),
        counts=counts,
        n_waived=sum(row.newest is not None and row.newest.waiver is not None for row in rows),
        n_changed=sum(row.is_changed for row in rows),
        functions=_names(row.entry.function.name for each in everything for row in each.rows),
        slices=_names(each.slice.name for each in everything),
        datasets=_names(each.dataset_name for each in everything),
        tags=_names(tag for each in everything for tag in each.test.tags),
        n_all=len(everything),
    )


def whole_matrix(ws: WorkspaceStore, query: MatrixQuery) -> list[MatrixTest]:
    """All tests that the query's filters leave, in its order, with the results of all models, newest first."""
    found = [each for test in _everything(ws) if (each := _limited(test, query)).rows]
    known = {model.key for model in ws.list_models()}
    keys = [key for key in ws.evaluated_model_keys([each.test.key for each in found]) if key in known]
    found = _left(_Results(ws, keys).fill(found, n_newest=len(keys)), query)
    return list(_with_verdicts(ws, found))


def _left(found: list[MatrixTest], query: MatrixQuery) -> list[MatrixTest]:
    """What the filters on results leave, in the query's order."""
    if query.is_failing:
        found = _keeping(found, lambda row: row.standing == "failed")
    if query.is_changed:
        found = _keeping(found, lambda row: row.is_changed)
    return sorted(found, key=lambda each: _order(each, query.sort))


def _everything(ws: WorkspaceStore) -> list[MatrixTest]:
    """All tests with their functions, without results."""
    tests = ws.list_scenario_tests()
    slices = {part.key: part for part in ws.list_slices()}
    # A slice that was deleted is hidden from the list, but its tests go on; so do those of a deleted dataset.
    visible = set(slices)
    slices |= {key: ws.get_slice_by_key(key) for key in {test.slice_key for test in tests} - slices.keys()}
    datasets = {dataset.key: dataset.name for dataset in ws.list_datasets()}
    entries = defaultdict(list)
    for entry in ws.list_all_test_functions():
        entries[entry.test_key].append(entry)
    return [
        MatrixTest(
            test,
            slices[test.slice_key],
            test.slice_key not in visible,
            datasets.get(test.dataset_key, ""),
            tuple(MatrixRow(test, entry, None, ()) for entry in entries[test.key]),
        )
        for test in tests
    ]


def _limited(each: MatrixTest, query: MatrixQuery) -> MatrixTest:
    """The test with the rows that the names and the text of the query leave."""
    test = each.test
    is_left = (
        query.slice in ("", each.slice.name)
        and query.dataset in ("", each.dataset_name)
        and (not query.tag or query.tag in test.tags)
    )
    words = query.text.casefold()
    is_found = any(words in text.casefold() for text in (test.name, each.slice.name, *test.tags))
    return replace(
        each,
        rows=tuple(
            row
            for row in each.rows
            if is_left
            and query.function in ("", row.entry.function.name)
            and (is_found or words in row.entry.function.name.casefold())
        ),
    )


class _Results:
    """The newest results of some models and of the baselines, each judged when somebody looks at it."""

    def __init__(self, ws: WorkspaceStore, models: Sequence[int]) -> None:
        self._ws, self._models = ws, models
        self._baselines: dict[Series, EvaluationSummary] = _by_series(ws.newest_baseline_results())
        self._newest = {**self._baselines, **_by_series(ws.newest_results(models) if models else [])}
        self._waivers = defaultdict(list)
        for waiver in ws.list_waivers(is_active=True):
            self._waivers[waiver.test_key, waiver.function_key].append(waiver)

    def fill(self, found: Sequence[MatrixTest], n_newest: int) -> list[MatrixTest]:
        """The rows with the baselines' results and those of the `n_newest` newest models that have one."""
        rows = [row for each in found for row in each.rows]
        wanted = {id(row): self._of(row, n_newest) for row in rows}
        evaluations = list({e.key: e for each in wanted.values() for e in each if e is not None}.values())
        tests, entries = (each.test for each in found), (row.entry for row in rows)
        judged = judgements(self._ws, evaluations, tests, entries, self._baselines)
        by_key = {e.key: judgement for e, judgement in zip(evaluations, judged, strict=True)}

        def filled(row: MatrixRow) -> MatrixRow:
            baseline, *newest = wanted[id(row)]
            waivers = self._waivers.get((row.test.key, row.entry.function.key), [])
            cells = [None if e is None else _cell(e, by_key[e.key], baseline, waivers) for e in (baseline, *newest)]
            return replace(row, baseline=cells[0], cells=tuple(cells[1:]))

        return [replace(each, rows=tuple(map(filled, each.rows))) for each in found]

    def _of(self, row: MatrixRow, n_newest: int) -> list[EvaluationSummary | None]:
        """The baseline's evaluation, then one for each model."""
        test, function = row.test.key, row.entry.function.key
        baseline = row.test.baseline_model_key
        found = [None if baseline is None else self._baselines.get((test, function, baseline))]
        n_left = n_newest
        for model in self._models:
            evaluation = self._newest.get((test, function, model)) if n_left else None
            n_left -= evaluation is not None
            found.append(evaluation)
        return found


def _by_series(evaluations: Iterable[EvaluationSummary]) -> dict[Series, EvaluationSummary]:
    return {(e.test_key, e.function_key, e.model_key): e for e in evaluations}


def _cell(
    evaluation: EvaluationSummary,
    judgement: Judgement | None,
    baseline: EvaluationSummary | None,
    waivers: Iterable[Waiver],
) -> MatrixCell:
    if baseline is not None and baseline.key == evaluation.key:
        baseline = None
    waiver = None
    if judgement is not None and not judgement.passed:
        waiver = next(
            (w for w in waivers if w.covers(evaluation.test_key, evaluation.function_key, evaluation.model_key)), None
        )
    return MatrixCell(evaluation, judgement, baseline, _delta(evaluation, judgement, baseline), None, waiver)


def _delta(
    evaluation: EvaluationSummary, judgement: Judgement | None, baseline: EvaluationSummary | None
) -> float | None:
    """The difference of results of the same members; None if there is none, or only a comparison can tell it."""
    if baseline is None or evaluation.is_partial or baseline.is_partial:
        return None
    if evaluation.result is None or baseline.result is None or evaluation.n_deleted != baseline.n_deleted:
        return None
    if judgement is not None and judgement.source == "baseline":
        return judgement.result - judgement.threshold
    return evaluation.result - baseline.result if evaluation.n_members == baseline.n_members else None


def _keeping(found: Iterable[MatrixTest], is_kept: Callable[[MatrixRow], bool]) -> list[MatrixTest]:
    kept = [replace(each, rows=tuple(row for row in each.rows if is_kept(row))) for each in found]
    return [each for each in kept if each.rows]


def _order(each: MatrixTest, sort: str) -> tuple[object, ...]:
    """Where the test stands: blocking ones are always on top, and names decide between equals."""
    test = each.test
    place: object
    if sort == "worst":
        place = -max(row.worsening for row in each.rows)
    elif sort == "newest":
        place = -test.key
    elif sort == "name":
        place = 0
    else:
        place = min(_RANKS[row.standing] for row in each.rows)
    return (not test.is_blocking, place, test.name.casefold(), test.key)


def _pages(found: Sequence[MatrixTest]) -> list[list[MatrixTest]]:
    """Whole tests, as many as have about ROWS_PER_PAGE rows; at least one page."""
    pages: list[list[MatrixTest]] = [[]]
    n_rows = 0
    for each in found:
        if pages[-1] and n_rows + len(each.rows) > ROWS_PER_PAGE:
            pages.append([])
            n_rows = 0
        pages[-1].append(each)
        n_rows += len(each.rows)
    return pages


def _with_verdicts(ws: WorkspaceStore, tests: Sequence[MatrixTest]) -> tuple[MatrixTest, ...]:
    """With those verdicts that are stored."""
    clusters = Clusters(ws)
    questions = {
        cell.evaluation.key: Question(
            cell.baseline,
            cell.evaluation,
            row.entry.function,
            row.test.dataset_key,
            clusters.resolve(row.test, row.entry.function),
            row.entry.margin,
        )
        for each in tests
        for row in each.rows
        for cell in row.cells
        if cell is not None and cell.baseline is not None and cell.evaluation.result is not None
    }
    found = dict(zip(questions, known_verdicts(ws, clusters, list(questions.values())), strict=True))

    def told(cell: MatrixCell | None) -> MatrixCell | None:
        verdict = None if cell is None else found.get(cell.evaluation.key)
        if cell is None or not isinstance(verdict, PairVerdict):
            return cell
        return replace(cell, verdict=verdict, delta=verdict.delta)

    return tuple(
        replace(each, rows=tuple(replace(row, cells=tuple(map(told, row.cells))) for row in each.rows))
        for each in tests
    )


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}, key=lambda name: (name.casefold(), name)))
