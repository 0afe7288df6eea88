"""One evaluation with its items."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nucleus_server.dashboard import charts
from nucleus_server.dashboard.contexts import (
    Chart,
    EvaluationPage,
    Frame,
    GroupRow,
    ItemList,
    ItemsPart,
    KeyLink,
    Pages,
)
from nucleus_server.dashboard.pages.item_lists import (
    PAGE_SIZE,
    ListAddress,
    condition_path,
    item_filter,
    item_list,
    read_address,
)
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.scenario_tests import cell, upload_label
from nucleus_server.dashboard.pages.shared import UNDEFINED, criterion_text, function_paths, number, verdict
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import Evaluation, JudgedEvaluation, ScenarioTest, Slice, TestFunction
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.breakdown import breakdown
from nucleus_server.services.item_slices import MAX_MEMBERS, save_items
from nucleus_server.services.judging import judge_one
from nucleus_server.services.results import Members, missing_items, read_members, score_histogram

_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class _Reading:
    """What every part of the page is made of."""

    judged: JudgedEvaluation
    test: ScenarioTest
    entry: TestFunction
    part: Slice
    members: Members
    keys: list[str]


def evaluation_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    evaluation_id: str,
    query: str,
    *,
    saved_id: str = "",
    sent: SentForm | None = None,
) -> EvaluationPage:
    """One evaluation as its address asks for it; `saved_id` is the slice that was just made, `sent` a refused form."""
    read = _read(ws, evaluation_id)
    judged, evaluation, entry = read.judged, read.judged.evaluation, read.entry
    address = _address(evaluation_id, query)
    return EvaluationPage(
        frame=frame,
        evaluation_id=evaluation.id,
        test_name=read.test.name,
        test_path=f"/tests/{read.test.id}",
        cell=cell(
            judged,
            entry,
            upload_label(ws.count_uploads(evaluation)),
            function_paths(ws),
            _baselines(ws, read.test, evaluation),
            waivers=ws.list_waivers(is_active=True),
        ),
        weights=f"weighted, sum of weights {evaluation.weight_sum:.4g}" if evaluation.is_weighted else "not weighted",
        comparison_note=_comparison_note(judged),
        chart=_distribution_chart(read),
        keys=tuple(
            KeyLink(key, replace(address, by=key, page=1).text("breakdown"), key == address.by) for key in read.keys
        ),
        metadata_code=_metadata_code(read.part.dataset_id),
        groups=_groups(ws, read, address),
        listing=_listing(services, ws, read, address, saved_id, sent),
        **_missing(services, ws, read, address),
    )


def items_part(services: AppServices, ws: WorkspaceStore, frame: Frame, evaluation_id: str, query: str) -> ItemsPart:
    """The list alone."""
    read = _read(ws, evaluation_id)
    return ItemsPart(frame, _listing(services, ws, read, _address(evaluation_id, query), "", None))


def save_list(ws: WorkspaceStore, evaluation_id: str, sent: SentForm) -> str | None:
    """Keep the list that a form was sent from as a slice; returns where to go, or None if the form has problems.

    Raises:
        PermissionDenied: The actor is a viewer.
    """
    address = _address(evaluation_id, sent.values.get("query", ""))
    name = sent.text("name", longest=_LONGEST_NAME, is_required=True)
    count = sent.number("count", lowest=1)
    if count is not None and "count" not in sent.problems and (not count.is_integer() or count > MAX_MEMBERS):
        sent.problems["count"] = f"expected a whole number from 1 to {MAX_MEMBERS:,}, got {sent.values['count'][:40]}"
    if sent.problems:
        return None
    read = _read(ws, evaluation_id)
    try:
        saved = save_items(
            ws,
            read.judged,
            read.entry.function,
            name,
            item_filter(address, read.keys),
            address.order,
            n_first=None if count is None else int(count),
        )
    except InvalidInput as error:
        sent.message = error.message
        return None
    path, mark, _ = address.text().partition("#")
    return f"{path}{'&' if '?' in path else '?'}saved={saved.made.id}{mark}items"


def _address(evaluation_id: str, query: str) -> ListAddress:
    return read_address(f"/evaluations/{evaluation_id}", query)


def _read(ws: WorkspaceStore, evaluation_id: str) -> _Reading:
    judged = judge_one(ws, evaluation_id)
    evaluation = judged.evaluation
    test = ws.get_scenario_test(evaluation.test_id)
    members = read_members(ws, evaluation)
    return _Reading(
        judged=judged,
        test=test,
        entry=next(e for e in ws.list_test_functions(test.id) if e.function.key == evaluation.function_key),
        part=ws.get_slice_by_key(evaluation.slice_key),
        members=members,
        keys=ws.metadata_keys(members.dataset_key),
    )


def _listing(
    services: AppServices,
    ws: WorkspaceStore,
    read: _Reading,
    address: ListAddress,
    saved_id: str,
    sent: SentForm | None,
) -> ItemList:
    return item_list(
        services,
        ws,
        read.judged,
        read.entry.function,
        read.part,
        read.members,
        read.keys,
        address,
        saved_id=saved_id,
        sent=sent,
    )


def _metadata_code(dataset_id: str) -> str:
    return (
        f"import nucleus\n\nclient = nucleus.NucleusClient()\n"
        f"dataset = client.get_dataset({dataset_id!r})\n"
        'dataset.append([nucleus.DatasetItem(reference_id="1", metadata={"weather": "rain"})], update=True)'
    )


def _groups(ws: WorkspaceStore, read: _Reading, address: ListAddress) -> tuple[GroupRow, ...]:
    if address.by not in read.keys:
        return ()
    return tuple(
        GroupRow(
            value=UNDEFINED if group.value is None else group.value,
            path=condition_path(address, group.conditions),
            n_items=f"{group.n_items:,}",
            result=number(group.result),
            verdict=verdict(group.passed, criterion_text(read.judged)),
        )
        for group in breakdown(ws, read.judged, read.entry.function, read.members, address.by)
    )


def _missing(services: AppServices, ws: WorkspaceStore, read: _Reading, address: ListAddress) -> dict[str, Any]:
    evaluation = read.judged.evaluation
    n_left_out = evaluation.n_members - evaluation.n_scored  # at least as many as are missing
    page = min(address.missing, max(1, -(-n_left_out // PAGE_SIZE)))
    n_missing, items = missing_items(ws, evaluation, read.members, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
    n_pages = max(1, -(-n_missing // PAGE_SIZE))

    def path(number_: int) -> str:
        return replace(address, missing=number_).text("missing")

    return {
        "missing": tuple(picture(services, item, ws.actor.workspace_id, read.part.id) for item in items),
        "missing_pages": Pages(
            number=page,
            n_pages=n_pages,
            n_rows=n_missing,
            previous_path=path(min(page - 1, n_pages)) if page > 1 else None,
            next_path=path(page + 1) if page < n_pages else None,
        ),
    }


def _baselines(ws: WorkspaceStore, test: ScenarioTest, evaluation: Evaluation) -> dict[int, str]:
    if test.baseline_model_key is None:
        return {}
    baseline = ws.find_newest_evaluation(test.key, evaluation.function_key, test.baseline_model_key)
    return {} if baseline is None or baseline.result is None else {evaluation.function_key: baseline.id}


def _comparison_note(judged: JudgedEvaluation) -> str | None:
    judgement = judged.judgement
    if judgement is None or judgement.n_common is None:
        return None
    return (
        f"The slice grew between this evaluation and the baseline's: both are compared on the {judgement.n_common:,} members "
        f"that they share, where this result is {number(judgement.result)} and the baseline's {number(judgement.threshold)}."
    )


def _distribution_chart(read: _Reading) -> Chart:
    judgement = read.judged.judgement
    histogram = score_histogram(read.members, read.entry.function)
    edges, counts = histogram.edges.tolist(), histogram.counts.tolist()
    bins: list[dict[str, Any]] = [
        {"start": start, "end": end, "count": count}
        for start, end, count in zip(edges, edges[1:], counts, strict=False)
    ]
    rule = None if judgement is None else ("threshold", judgement.threshold)
    return Chart(
        name="distribution",
        title="Distribution of scores",
        description=f"{sum(counts):,} scores in {len(counts)} bins from {edges[0]:g} to {edges[-1]:g}.",
        note="" if rule is None else f"dashed line: {rule[0]} {number(rule[1])}",
        spec=charts.histogram_spec(bins, rule=rule),
        header=("from", "to", "items"),
        rows=tuple((f"{b['start']:.3f}", f"{b['end']:.3f}", f"{b['count']:,}") for b in bins),
    )
