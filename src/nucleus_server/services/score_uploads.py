"""Uploads of scores: checked whole, refused whole, stored once, for one test or for every test that they cover."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nucleus_server.domain import Dataset, EvalFunction, Level, ScenarioTest, ScoreUpload, Slice, SliceMember
from nucleus_server.errors import InvalidInput
from nucleus_server.services.score_checks import OUR_FIELDS, FieldNames, ScorePart
from nucleus_server.services.score_collector import Column, ScoreCollector, evaluation_of, pinned_members
from nucleus_server.services.upload_report import (
    FunctionReport,
    Report,
    TestReport,
    function_report,
    report_of,
    test_report,
    with_replays,
    without_evaluations,
)
from nucleus_server.storage import NewColumn, NewEvaluation, NewUpload, UploadPlan, WorkspaceStore

_OVERALL_TOLERANCE = 1e-9
_N_PAST = 5  # earlier uploads that a new one is compared with


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an upload.

    Attributes:
        upload_id: None if it was only checked.
        is_replay: Whether the same scores were there already; nothing was stored again.
        evaluation_id: The evaluation of the one test that the upload was for; None if it was for the dataset.
    """

    upload_id: str | None
    report: Report
    is_replay: bool
    evaluation_id: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CheckedPlan:
    """A plan whose objects exist and fit together."""

    plan: UploadPlan
    dataset: Dataset
    functions: tuple[EvalFunction, ...]
    test: ScenarioTest | None


def check_plan(ws: WorkspaceStore, plan: UploadPlan) -> CheckedPlan:
    """The objects that the plan names.

    Raises:
        NotFound: One of them does not exist in this workspace.
        InvalidInput: They do not fit together; `code` says how.
    """
    if not 0.0 <= plan.min_coverage <= 1.0:
        raise InvalidInput(f"expected min_coverage in [0, 1], got {plan.min_coverage!r}", code="invalid_min_coverage")
    if not plan.function_ids:
        raise InvalidInput("expected scores of at least one evaluation function, got none", code="no_eval_functions")
    ws.get_model(plan.model_id)
    dataset = ws.get_dataset(plan.dataset_id)
    test = None if plan.test_id is None else ws.get_scenario_test(plan.test_id)
    if test is not None and test.dataset_id != dataset.id:
        raise InvalidInput(
            f"scenario test {test.name!r} is of dataset {test.dataset_id}, not of {dataset.id}", code="dataset_mismatch"
        )
    if test is not None and len(plan.function_ids) != 1:
        raise InvalidInput(
            f"expected one evaluation function in an upload for a test, got {len(plan.function_ids)}: upload each apart, or "
            "all of them for the dataset, without test_id",
            code="several_functions",
        )
    found = (ws.get_eval_function(function_id) for function_id in plan.function_ids)
    functions = tuple(sorted(found, key=lambda function: function.name))
    for function in functions:
        _check_function(ws, function, test)
    return CheckedPlan(plan, dataset, functions, test)


def _check_function(ws: WorkspaceStore, function: EvalFunction, test: ScenarioTest | None) -> None:
    if not function.is_external:
        raise InvalidInput(
            f"expected an external evaluation function, got {function.name!r}, whose results the server computes itself",
            code="function_not_external",
        )
    if test is not None:
        names = {entry.function.id: entry.function.name for entry in ws.list_test_functions(test.id)}
        if function.id not in names:
            raise InvalidInput(
                f"expected one of the functions of scenario test {test.name!r} ({', '.join(sorted(names.values()))}), got "
                f"{function.name!r}: add it to the test first",
                code="function_not_in_test",
            )
    if test is None and function.level is not Level.ITEM:
        raise InvalidInput(
            f"expected a function of level item in an upload for a dataset, got {function.name!r}, which scores "
            f"{function.level.value}s: upload its results to each test, with upload_external_evaluation_results",
            code="level_mismatch",
        )
    if test is not None:
        _check_level(ws.get_dataset(test.dataset_id), ws.get_slice_by_key(test.slice_key), function)


def _check_level(dataset: Dataset, part: Slice, function: EvalFunction) -> None:
    """Refuse a function whose members the test's slice does not have."""
    if function.level is Level.ITEM and part.member is not SliceMember.ITEM:
        raise InvalidInput(
            f"expected a function of level scene or track, because slice {part.id} holds {part.member.value}s, got "
            f"{function.name!r} of level item: use another function, or a slice of items",
            code="level_mismatch",
        )
    if function.level is Level.SCENE and not dataset.is_scene:
        raise InvalidInput(
            f"expected a function of level item or track, because dataset {dataset.id} has no scenes, got {function.name!r} "
            "of level scene",
            code="level_mismatch",
        )


def collect(
    ws: WorkspaceStore, checked: CheckedPlan, parts: Iterable[ScorePart], n_rows: int, fields: FieldNames = OUR_FIELDS
) -> ScoreCollector:
    """All parts joined with what they name; the collector knows what is wrong with which rows."""
    collector = ScoreCollector(ws, checked.dataset, checked.functions, checked.test, fields, n_rows)
    for part in parts:
        collector.add(part)
    return collector


def accept(
    ws: WorkspaceStore,
    checked: CheckedPlan,
    parts: Iterable[ScorePart],
    n_rows: int,
    *,
    fields: FieldNames = OUR_FIELDS,
    overall_metric: float | None = None,
) -> Accepted:
    """Check the rows of an upload and store it, or with `is_dry_run` only say what it would do.

    Raises:
        InvalidInput: Something is wrong with the rows; nothing was stored.
    """
    collector = collect(ws, checked, parts, n_rows, fields)
    columns = collector.columns()
    if overall_metric is not None:
        _check_overall(overall_metric, columns[0])
    if checked.test is not None:
        return _accept_for_test(ws, checked, collector, columns[0], n_rows)
    return accept_for_dataset(ws, checked, collector, columns, n_rows, None)


def _accept_for_test(
    ws: WorkspaceStore, checked: CheckedPlan, collector: ScoreCollector, column: Column, n_rows: int
) -> Accepted:
    new, report = evaluation_for_test(ws, checked, collector, column)
    if checked.plan.is_dry_run:
        return Accepted(None, without_evaluations(report), is_replay=False)
    evaluation, is_replay = ws.record_evaluation(new, NewUpload(n_rows, report.to_json()))
    if is_replay:
        report = with_replays(report, {new.id: evaluation.id})
    return Accepted(evaluation.upload_id, report, is_replay, evaluation.id)


def evaluation_for_test(
    ws: WorkspaceStore, checked: CheckedPlan, collector: ScoreCollector, column: Column
) -> tuple[NewEvaluation, Report]:
    """The evaluation of the one test that an upload is for, and its report."""
    test = checked.test
    assert test is not None and collector.members is not None
    n_deleted = collector.n_deleted(collector.members)
    kept = None if column.function.level is Level.ITEM else collector.members
    new = evaluation_of(column, test, checked.plan.model_id, n_deleted, None, kept)
    assert new is not None  # a column without weight was refused
    row = test_report(
        test,
        column.function,
        n_members=new.n_members - n_deleted,
        n_scored=new.n_scored,
        evaluation_id=new.id,
        result=new.result,
        reason=None,
    )
    same_as = ws.find_same_evaluation(new)
    return new, Report(checked.dataset.n_live_items, [_function_report(ws, checked, column, same_as)], [row])


def accept_for_dataset(
    ws: WorkspaceStore,
    checked: CheckedPlan,
    collector: ScoreCollector,
    columns: Sequence[Column],
    n_rows: int,
    staged: StagedAttempt | None,
) -> Accepted:
    """Store the columns of a dataset and the evaluations of every test that they cover."""
    plan = checked.plan
    new_columns = [NewColumn(column.function.id, column.scores, column.weights) for column in columns]
    digests = {column.function_id: column.digest for column in new_columns}
    functions = [
        _function_report(
            ws,
            checked,
            column,
            ws.find_same_scores(plan.dataset_id, column.function.id, digests[column.function.id], plan.model_id),
        )
        for column in columns
    ]
    rows: list[TestReport] = []
    if not plan.is_dry_run and (equal := ws.find_equal_upload(plan, digests)) is not None:
        return Accepted(equal.id, report_of(equal.report), is_replay=True)
    evaluations = _evaluations(ws, checked, collector, columns, rows)

    def report(replayed: dict[str, str]) -> Report:
        return with_replays(Report(checked.dataset.n_live_items, functions, rows), replayed)

    if plan.is_dry_run:
        for _ in evaluations:
            pass
        return Accepted(None, without_evaluations(report({})), is_replay=False)
    if staged is None:
        staged = StagedAttempt(ws.open_upload(plan, n_rows).id, 0)
    upload = ws.record_upload(
        staged.upload_id,
        staged.fence,
        new_columns,
        evaluations,
        lambda replayed: report(replayed).to_json(),
        staged.still_ours,
    )
    return Accepted(upload.id, report_of(upload.report), is_replay=False)


@dataclass(frozen=True, slots=True)
class StagedAttempt:
    """One attempt at storing an upload that has its row already.

    Attributes:
        still_ours: Called between transactions; raises if the attempt was overtaken.
    """

    upload_id: str
    fence: int
    still_ours: Callable[[], None] = lambda: None


def _evaluations(
    ws: WorkspaceStore,
    checked: CheckedPlan,
    collector: ScoreCollector,
    columns: Sequence[Column],
    rows: list[TestReport],
) -> Iterator[NewEvaluation]:
    """The evaluations that the columns give, one after the other; each test's line goes into `rows` as it is looked at."""
    by_function = {column.function.id: column for column in columns}
    tests = {test.key: test for test in ws.list_scenario_tests() if test.dataset_key == checked.dataset.key}
    slice_keys = {test.slice_key for test in tests.values()}
    of_items = {key for key in slice_keys if ws.get_slice_by_key(key).member is SliceMember.ITEM}
    entries = [
        entry
        for entry in ws.list_all_test_functions()
        if entry.test_key in tests and tests[entry.test_key].slice_key in of_items and entry.function.id in by_function
    ]
    members = _Members(ws)
    for entry in entries:
        test, column = tests[entry.test_key], by_function[entry.function.id]
        ordinals = pinned_members(members.of(test.slice_key), collector.dataset.n_items)
        n_deleted = collector.n_deleted(ordinals)
        n_members = len(ordinals) - n_deleted
        n_scored = int(np.count_nonzero(~np.isnan(column.scores[ordinals])))
        new, reason = None, reason_against(n_scored, n_members, checked.plan.min_coverage)
        if reason is None:
            new = evaluation_of(column, test, checked.plan.model_id, n_deleted, ordinals)
            reason = None if new is not None else "all weights of its members are zero"
        rows.append(
            test_report(
                test,
                column.function,
                n_members=n_members,
                n_scored=n_scored,
                evaluation_id=None if new is None else new.id,
                result=None if new is None else new.result,
                reason=reason,
            )
        )
        if new is not None:
            yield new


class _Members:
    """The member lists of slices; of neighbouring tests with one slice it is read once."""

    def __init__(self, ws: WorkspaceStore) -> None:
        self._ws = ws
        self._last: tuple[int, np.typing.NDArray[np.int64]] | None = None

    def of(self, slice_key: int) -> np.typing.NDArray[np.int64]:
        """The slice's ordinals."""
        if self._last is None or self._last[0] != slice_key:
            self._last = (slice_key, self._ws.slice_ordinals(slice_key))
        return self._last[1]


def reason_against(n_scored: int, n_members: int, min_coverage: float) -> str | None:
    """Why scores of so many members are not enough for an evaluation; None if they are."""
    if n_members == 0:
        return "its slice has no items"
    if n_scored == 0:
        return "none of its items has a score"
    if n_scored / n_members < min_coverage:
        return f"{n_scored:,} of {n_members:,} items have a score, which is below min_coverage {min_coverage:g}"
    return None


def _function_report(ws: WorkspaceStore, checked: CheckedPlan, column: Column, same_as: str | None) -> FunctionReport:
    present = ~np.isnan(column.scores)
    past = ws.list_uploads(dataset_id=checked.dataset.id, function_id=column.function.id, limit=_N_PAST)
    return function_report(
        column.function,
        column.scores[present],
        None if column.weights is None else column.weights[present],
        column.mean,
        past=[f for upload in past for f in report_of(upload.report).functions if f.function_id == column.function.id],
        same_as=same_as,
    )


def _check_overall(sent: float, column: Column) -> None:
    mean = column.mean
    tolerance = _OVERALL_TOLERANCE * max(abs(mean.value), mean.magnitude)
    if not math.isfinite(sent) or abs(sent - mean.value) > tolerance:
        raise InvalidInput(
            f"expected overall_metric to be the weighted mean of the results, {mean.value!r}, got {sent!r}: most often "
            "the caller's list names some reference ids more than once, so that results overwrote each other; send "
            "each id once",
            code="overall_metric_mismatch",
        )


def plan_of(upload: ScoreUpload) -> UploadPlan:
    """The plan that a staged upload was begun with."""
    return UploadPlan(
        dataset_id=upload.dataset_id,
        model_id=upload.model_id,
        function_ids=upload.function_ids,
        test_id=upload.test_id,
        min_coverage=upload.min_coverage,
        is_dry_run=upload.is_dry_run,
    )
