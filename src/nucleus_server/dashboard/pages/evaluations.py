"""One evaluation with its items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nucleus_server.dashboard import charts
from nucleus_server.dashboard.contexts import (
    Chart,
    EvaluationPage,
    Frame,
    GroupRow,
    IntervalPart,
    ItemList,
    ItemsPart,
    KeyLink,
    Pages,
    PlaceNote,
    Verdict,
    WeightRow,
)
from nucleus_server.dashboard.pages.histories import interval_words
from nucleus_server.dashboard.pages.item_lists import (
    PAGE_SIZE,
    ListAddress,
    condition_path,
    item_filter,
    item_list,
    read_address,
    score_path,
)
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.scenario_tests import cell, upload_label
from nucleus_server.dashboard.pages.shared import (
    NBSP,
    UNDEFINED,
    criterion_text,
    function_paths,
    number,
    percent,
    shortened,
    verdict,
)
from nucleus_server.dashboard.pages.verdict_words import clusters_text
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import (
    Evaluation,
    JudgedEvaluation,
    Level,
    ResolvedCluster,
    ScenarioTest,
    Slice,
    TestFunction,
)
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.breakdown import breakdown
from nucleus_server.services.clusters import Clusters
from nucleus_server.services.item_filters import Condition, satisfying
from nucleus_server.services.item_slices import MAX_MEMBERS, save_items
from nucleus_server.services.judging import judge_one
from nucleus_server.services.result_history import ResultInterval, place_of, result_interval
from nucleus_server.services.results import (
    Members,
    WeightEffect,
    missing_items,
    read_members,
    score_histogram,
    weight_effect,
)

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
    effect = weight_effect(read.members)
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
        weighing=() if effect is None else _weighing(judged, effect),
        weight_note="" if effect is None else _weight_note(judged, effect),
        interval=_interval_part(
            result_interval(ws, evaluation, entry, read.test, may_compute=False),
            Clusters(ws).resolve(read.test, entry.function),
        )
        if evaluation.result is not None
        else IntervalPart("", ""),
        place=_place(ws, read),
        comparison_note=_comparison_note(judged),
        chart=_distribution_chart(read, address),
        keys=tuple(
            KeyLink(key, replace(address, by=key, page=1).text("breakdown"), key == address.by) for key in read.keys
        ),
        metadata_code=_metadata_code(read.part.dataset_id) if evaluation.level is Level.ITEM else None,
        groups=_groups(ws, read, address),
        listing=_listing(services, ws, read, address, saved_id, sent),
        **_missing(services, ws, read, address),
    )


def interval_part(ws: WorkspaceStore, evaluation_id: str) -> IntervalPart:
    """The interval of an evaluation's result, computed now if it is not known."""
    evaluation = ws.get_evaluation(evaluation_id)
    test = ws.get_scenario_test(evaluation.test_id)
    entry = _entry(ws, test, evaluation)
    found = result_interval(ws, evaluation, entry, test, may_compute=True)
    part = _interval_part(found, Clusters(ws).resolve(test, entry.function))
    return part or IntervalPart(UNDEFINED, "There is no result.")


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
        entry=_entry(ws, test, evaluation),
        part=ws.get_slice_by_key(evaluation.slice_key),
        members=members,
        keys=ws.metadata_keys(members.population),
    )


def _entry(ws: WorkspaceStore, test: ScenarioTest, evaluation: Evaluation) -> TestFunction:
    return next(e for e in ws.list_test_functions(test.id) if e.function.key == evaluation.function_key)


def _interval_part(interval: ResultInterval | None, cluster: ResolvedCluster) -> IntervalPart | None:
    if interval is None:
        return None
    clusters = clusters_text(interval.n_clusters, cluster)
    if interval.low is None:
        return IntervalPart(UNDEFINED, f"fewer than six clusters: {clusters}")
    return IntervalPart(interval_words(interval), f"95{NBSP}% interval ({interval.method}), {clusters}")


def _weighing(judged: JudgedEvaluation, effect: WeightEffect) -> tuple[WeightRow, ...]:
    judgement, criterion = judged.judgement, criterion_text(judged)
    if judgement is not None and judgement.n_common is not None:
        without = Verdict("not compared", UNDEFINED, "none", "the baseline has other members")
    elif judgement is None:
        without = verdict(None, criterion)
    else:
        without = verdict(judgement.comparison.holds(effect.unweighted, judgement.threshold), criterion)
    return (
        WeightRow("by their weights: the result", number(judged.evaluation.result), verdict(judged.passed, criterion)),
        WeightRow("each once, without weights", number(effect.unweighted), without),
    )


def _weight_note(judged: JudgedEvaluation, effect: WeightEffect) -> str:
    return (
        f"The weights make {judged.evaluation.n_scored:,} scored items worth {effect.n_effective:,.0f} of equal weight; "
        f"the tenth with the largest weights has {percent(effect.heaviest_tenth)} of all weight."
    )


def _place(ws: WorkspaceStore, read: _Reading) -> PlaceNote | None:
    found = place_of(ws, read.judged.evaluation, read.entry)
    if found is None:
        return None
    links = []
    if found.rank > 1:
        links.append((f"the best: {number(found.best.result)} of {found.best.model_name}", found.best))
    if found.before is not None:
        links.append((f"this model's upload before: {number(found.before.result)}", found.before))
    if found.after is not None:
        links.append((f"this model's next upload: {number(found.after.result)}", found.after))
    return PlaceNote(
        rank=f"{found.rank:,} of {found.n_results:,}",
        number=f"upload {found.number:,} of {found.n_results:,} by {read.entry.function.name} on this test",
        links=tuple((text, f"/evaluations/{other.id}") for text, other in links),
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
            missing=f"{group.n_missing:,}",
            missing_path=_missing_path(address, group.conditions) if group.n_missing else None,
            coverage=percent(group.n_items / (group.n_items + group.n_missing)),
            verdict=verdict(group.passed, criterion_text(read.judged))
            if group.result is not None
            else Verdict("not scored", UNDEFINED, "none", "no item with this value has a score that counts"),
        )
        for group in breakdown(ws, read.judged, read.entry.function, read.members, address.by)
    )


def _missing_path(address: ListAddress, conditions: Sequence[Condition]) -> str:
    return replace(address.without_filter(), where=tuple(map(str, conditions)), missing=1).text("missing")


def _missing(services: AppServices, ws: WorkspaceStore, read: _Reading, address: ListAddress) -> dict[str, Any]:
    evaluation = read.judged.evaluation
    n_left_out = evaluation.n_members - evaluation.n_scored  # at least as many as are missing
    page = min(address.missing, max(1, -(-n_left_out // PAGE_SIZE)))
    is_meant, words = None, ""
    if address.where and evaluation.is_partial:
        try:
            conditions = item_filter(replace(address.without_filter(), where=address.where), read.keys).conditions
            is_meant = satisfying(ws, read.members.population, read.members.ordinals, conditions)
            words = ", ".join(map(str, conditions))
        except InvalidInput:  # the list above says what is wrong with the filter
            pass
    n_missing, items = missing_items(
        ws, evaluation, read.members, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE, is_meant=is_meant
    )
    n_pages = max(1, -(-n_missing // PAGE_SIZE))

    def path(number_: int) -> str:
        return replace(address, missing=number_).text("missing")

    return {
        "missing_filter": shortened(words),
        "missing_all_path": replace(address, where=(), missing=1).text("missing"),
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


def _distribution_chart(read: _Reading, address: ListAddress) -> Chart:
    judgement = read.judged.judgement
    histogram = score_histogram(read.members, read.entry.function)
    edges, counts = histogram.edges.tolist(), histogram.counts.tolist()
    last = len(counts) - 1
    bins: list[dict[str, Any]] = [
        {
            "start": edges[i],
            "end": edges[i + 1],
            "count": count,
            # A bin ends before the next one begins, but for the last, which ends with the highest score.
            "path": score_path(address, edges[i], None if i == last else edges[i + 1]),
        }
        for i, count in enumerate(counts)
    ]
    noun = read.members.population.level.value
    rule = None if judgement is None else ("threshold", judgement.threshold)
    line = "" if rule is None else f"dashed line: {rule[0]} {number(rule[1])}; "
    return Chart(
        name="distribution",
        title="Distribution of scores",
        description=f"{sum(counts):,} scores in {len(counts)} bins from {edges[0]:g} to {edges[-1]:g}.",
        note=f"{line}a bar leads to its {noun}s, as does its row in the numbers",
        spec=charts.histogram_spec(bins, rule=rule, counted=f"{noun}s"),
        header=("from", "to", f"{noun}s"),
        rows=tuple((f"{b['start']:.3f}", f"{b['end']:.3f}", f"{b['count']:,}") for b in bins),
        paths=tuple(b["path"] for b in bins),
    )
