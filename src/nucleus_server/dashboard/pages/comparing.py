"""Two evaluations beside each other, and what makes the difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nucleus_server.dashboard.contexts import (
    ChangeLink,
    ComparedItemsPart,
    ComparedList,
    ComparePage,
    Frame,
    Moved,
    MovedPart,
    Picture,
    Progress,
    Scatter,
    ScatterPart,
    ShareRow,
    WeightyItem,
    Why,
)
from nucleus_server.dashboard.intervals import signed, signed_bars
from nucleus_server.dashboard.pages.comparison_lists import (
    ComparisonAddress,
    change_links,
    compared_list,
    condition_path,
    read_comparison_address,
    save_listed,
)
from nucleus_server.dashboard.pages.entries import gate_note, side_rows, verdict_facts
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.pair_parts import moved_values, scatter
from nucleus_server.dashboard.pages.pictures import without_picture
from nucleus_server.dashboard.pages.shared import UNDEFINED, function_paths, number, with_query
from nucleus_server.dashboard.pages.verdict_words import cluster_name, sentence
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import ClusterBy, ReportEntry
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.comparing import compare_evaluations
from nucleus_server.services.explanations import Explanation, explain
from nucleus_server.services.item_filters import Condition, Operator
from nucleus_server.services.side_by_side import SideBySide, contributions_of, pair_beside

_N_SHOWN = 10
_PATIENCE_S = 0.5
"""How long a page waits for a verdict before it says that it is being computed."""
_KEPT = ("by",)


@dataclass(frozen=True, slots=True)
class PairParts:
    """What the page shows of single items."""

    changes: tuple[ChangeLink, ...]
    listing: ComparedList
    all_models_path: str
    scatter: Scatter | None
    scatter_path: str
    moved: Moved | None
    moved_path: str


def compare_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    baseline_id: str,
    candidate_id: str,
    query: str,
    *,
    saved_id: str = "",
    sent: SentForm | None = None,
    is_whole: bool = False,
) -> ComparePage:
    """The comparison of two evaluations, or how far it is; never a verdict of settings that are not in force.

    Args:
        saved_id: The slice that was just made of the list.
        sent: A form that was refused.
        is_whole: Whether the parts that are loaded behind the page are in it, for who has no JavaScript.
    """
    entry = compare_evaluations(ws, baseline_id, candidate_id, wait_s=_PATIENCE_S)
    address = _address(baseline_id, candidate_id, query)
    by = dict(address.fixed).get("by")
    view = pair_beside(ws, baseline_id, candidate_id)
    why = parts = None
    if view.n_common:
        parts = _parts(services, ws, view, address, saved_id, sent, is_whole=is_whole)
    if entry.comparison is not None and entry.comparison.delta is not None:
        explanation = explain(ws, baseline_id, candidate_id, by=by, limit=_N_SHOWN, parts=contributions_of(view))
        why = why_part(explanation, address.path, {}, by, entry, address)
    return comparison_context(frame, entry, function_paths(ws).get(entry.function_id), address.path, why, parts)


def compared_items_part(
    services: AppServices, ws: WorkspaceStore, frame: Frame, baseline_id: str, candidate_id: str, query: str
) -> ComparedItemsPart:
    """The list alone."""
    view, address = pair_beside(ws, baseline_id, candidate_id), _address(baseline_id, candidate_id, query)
    return ComparedItemsPart(frame, _listing(services, ws, view, address, "", None))


def scatter_part(ws: WorkspaceStore, baseline_id: str, candidate_id: str, query: str) -> ScatterPart:
    """The scatter alone."""
    view, address = pair_beside(ws, baseline_id, candidate_id), _address(baseline_id, candidate_id, query)
    return ScatterPart(scatter(ws, view, address) if view.n_common else None, "")


def moved_part(ws: WorkspaceStore, baseline_id: str, candidate_id: str, query: str) -> MovedPart:
    """The metadata values that moved most alone."""
    view, address = pair_beside(ws, baseline_id, candidate_id), _address(baseline_id, candidate_id, query)
    return MovedPart(moved_values(ws, view, address), "")


def compared_items_path(baseline_id: str, candidate_id: str, query: str) -> str:
    """The address of the list as links have it, in place of what a form wrote."""
    return _address(baseline_id, candidate_id, query).text("")


def save_compared(ws: WorkspaceStore, baseline_id: str, candidate_id: str, sent: SentForm) -> str | None:
    """Keep the list that a form was sent from as a slice; returns where to go, or None if the form has problems.

    Raises:
        PermissionDenied: The actor is a viewer.
    """
    view = pair_beside(ws, baseline_id, candidate_id)
    address = _address(baseline_id, candidate_id, sent.values.get("query", ""))
    return save_listed(ws, view, ws.metadata_keys(view.population), address, sent)


def find_comparing(ws: WorkspaceStore, baseline_id: str, candidate_id: str) -> Progress | None:
    """How far the comparison is; None if there is nothing to wait for."""
    entry = compare_evaluations(ws, baseline_id, candidate_id, wait_s=0)
    return _progress(f"/compare/{baseline_id}/{candidate_id}") if entry.is_computing else None


def comparison_context(
    frame: Frame,
    entry: ReportEntry,
    function_path: str | None,
    path: str,
    why: Why | None,
    parts: PairParts | None = None,
) -> ComparePage:
    """An entry as a page."""
    pair = None if entry.is_computing else entry.comparison
    return ComparePage(
        frame=frame,
        path=path,
        test_name=entry.test_name,
        test_path=f"/tests/{entry.test_id}",
        function_name=entry.function_name,
        function_path=function_path,
        is_blocking=entry.is_blocking,
        sides=side_rows(entry),
        progress=_progress(path) if entry.is_computing else None,
        facts=None if pair is None else verdict_facts(entry, pair),
        gate=None if entry.is_computing else gate_note(entry),
        warnings=() if entry.is_computing else tuple(map(sentence, entry.warnings)),
        changes=() if parts is None else parts.changes,
        all_models_path=None if parts is None else parts.all_models_path,
        scatter=None if parts is None else parts.scatter,
        scatter_path="" if parts is None else parts.scatter_path,
        listing=None if parts is None else parts.listing,
        why=why,
        moved=None if parts is None else parts.moved,
        moved_path="" if parts is None else parts.moved_path,
    )


def why_part(
    explanation: Explanation,
    path: str,
    shown: Mapping[str, Picture],
    by: str | None,
    entry: ReportEntry,
    address: ComparisonAddress | None = None,
) -> Why:
    """What makes the difference: by item, by cluster, and by the values of a metadata key; without links in a file."""
    higher = entry.higher_is_better
    item_bars = signed_bars([item.contribution for item in explanation.items], higher_is_better=higher)
    cluster_bars = signed_bars([share.contribution for share in explanation.clusters], higher_is_better=higher)
    groups = explanation.groups or ()
    group_bars = signed_bars([group.contribution for group in groups], higher_is_better=higher)
    keys = explanation.metadata_keys
    chooser = None
    if keys:
        choices = [("", "choose a key"), *((key, key) for key in keys)]
        maker = FormMaker("by", f"{path}#by-metadata", method="get")
        maker.add(
            "by",
            "Metadata key",
            "choice",
            by or "",
            "The difference is shown apart for each of its values.",
            choices=choices,
        )
        chooser = maker.made(button("Show", kind="quiet"))
    is_grouped = by is not None and explanation.groups is not None
    cluster = explanation.cluster

    def cluster_path(value: str | None) -> str | None:
        if address is None or cluster.key is None:
            return None
        operator = Operator.MISSING if value is None else Operator.EQUAL
        return condition_path(address, [Condition(cluster.key, operator, value or "")])

    return Why(
        items=tuple(
            WeightyItem(
                picture=shown.get(item.item_id) or without_picture(item.reference_id, item.item_id),
                baseline_score=number(item.baseline_score),
                candidate_score=number(item.candidate_score),
                weight=f"{item.weight:.4g}",
                contribution=_contribution(item.contribution),
                bar=bar,
            )
            for item, bar in zip(explanation.items, item_bars, strict=True)
        ),
        clusters=tuple(
            ShareRow(
                value=UNDEFINED if share.value is None else share.value,
                n=f"{share.n:,}",
                contribution=_contribution(share.contribution),
                mix=UNDEFINED,
                quality=UNDEFINED,
                bar=bar,
                path=cluster_path(share.value),
            )
            for share, bar in zip(explanation.clusters, cluster_bars, strict=True)
            if cluster.by is not ClusterBy.ITEM
        ),
        clusters_title=f"Clusters: {cluster_name(cluster)}.",
        chooser=chooser,
        by=by if is_grouped else None,
        groups=tuple(
            ShareRow(
                value=UNDEFINED if group.value is None else group.value,
                n=f"{group.n:,}",
                contribution=_contribution(group.contribution),
                mix=_contribution(group.mix_effect),
                quality=_contribution(group.quality_effect),
                bar=bar,
                path=None if address is None else condition_path(address, group.conditions),
            )
            for group, bar in zip(groups, group_bars, strict=True)
        ),
        breakdowns=tuple(
            (side.model_name, f"{with_query(f'/evaluations/{side.evaluation_id}', by=by)}#breakdown")
            for side in (entry.baseline, entry.candidate)
            if side is not None and is_grouped
        ),
        unit=f", {entry.unit}" if entry.unit else "",
    )


def _parts(
    services: AppServices,
    ws: WorkspaceStore,
    view: SideBySide,
    address: ComparisonAddress,
    saved_id: str,
    sent: SentForm | None,
    *,
    is_whole: bool,
) -> PairParts:
    baseline, candidate = view.evaluations
    function_id = view.entry.function.id
    return PairParts(
        changes=change_links(view, address, 1),
        listing=_listing(services, ws, view, address, saved_id, sent),
        all_models_path=with_query(
            f"/tests/{view.test.id}/compare",
            function=function_id,
            baseline=baseline.model_id,
            models=candidate.model_id,
        ),
        scatter=scatter(ws, view, address) if is_whole else None,
        scatter_path="" if is_whole else replace(address, path=f"{address.path}/scatter", page=1).text(""),
        moved=moved_values(ws, view, address) if is_whole else None,
        moved_path="" if is_whole else replace(address, path=f"{address.path}/moved", page=1).text(""),
    )


def _listing(
    services: AppServices,
    ws: WorkspaceStore,
    view: SideBySide,
    address: ComparisonAddress,
    saved_id: str,
    sent: SentForm | None,
) -> ComparedList:
    keys = ws.metadata_keys(view.population)
    return compared_list(services, ws, view, keys, address, (f"{address.path}/items", ""), saved_id=saved_id, sent=sent)


def _address(baseline_id: str, candidate_id: str, query: str) -> ComparisonAddress:
    return read_comparison_address(f"/compare/{baseline_id}/{candidate_id}", query, _KEPT).within(2)


def _progress(path: str) -> Progress:
    return Progress("The verdict is being computed.", None, f"{path}/progress", path)


def _contribution(value: float) -> str:
    # An item of a million adds little; six decimals still tell which adds most.
    return signed(value, 6)
