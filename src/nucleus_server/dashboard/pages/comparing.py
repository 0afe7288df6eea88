"""Two evaluations beside each other, and what makes the difference."""

from __future__ import annotations

from collections.abc import Mapping

from nucleus_server.dashboard.contexts import (
    ComparePage,
    Frame,
    Picture,
    Progress,
    ShareRow,
    WeightyItem,
    Why,
)
from nucleus_server.dashboard.intervals import signed, signed_bars
from nucleus_server.dashboard.pages.entries import gate_note, side_rows, verdict_facts
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.pictures import pictures
from nucleus_server.dashboard.pages.shared import UNDEFINED, function_paths, number, with_query
from nucleus_server.dashboard.pages.verdict_words import cluster_name, sentence
from nucleus_server.domain import ClusterBy, ReportEntry
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.comparing import compare_evaluations
from nucleus_server.services.explanations import Explanation, explain

_N_SHOWN = 10
_PATIENCE_S = 0.5
"""How long a page waits for a verdict before it says that it is being computed."""


def compare_page(
    services: AppServices, ws: WorkspaceStore, frame: Frame, baseline_id: str, candidate_id: str, by: str | None
) -> ComparePage:
    """The comparison of two evaluations, or how far it is; never a verdict of settings that are not in force."""
    entry = compare_evaluations(ws, baseline_id, candidate_id, wait_s=_PATIENCE_S)
    path = f"/compare/{baseline_id}/{candidate_id}"
    why = None
    if entry.comparison is not None and entry.comparison.delta is not None:
        explanation = explain(ws, baseline_id, candidate_id, by=by or None, limit=_N_SHOWN)
        shown = pictures(services, ws, [item.item_id for item in explanation.items])
        why = why_part(explanation, path, shown, by or None, entry)
    return comparison_context(frame, entry, function_paths(ws).get(entry.function_id), path, why)


def find_comparing(ws: WorkspaceStore, baseline_id: str, candidate_id: str) -> Progress | None:
    """How far the comparison is; None if there is nothing to wait for."""
    entry = compare_evaluations(ws, baseline_id, candidate_id, wait_s=0)
    return _progress(f"/compare/{baseline_id}/{candidate_id}") if entry.is_computing else None


def comparison_context(
    frame: Frame, entry: ReportEntry, function_path: str | None, path: str, why: Why | None
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
        why=why,
    )


def why_part(
    explanation: Explanation, path: str, shown: Mapping[str, Picture], by: str | None, entry: ReportEntry
) -> Why:
    """What makes the difference: by item, by cluster, and by the values of a metadata key."""
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
    return Why(
        items=tuple(
            WeightyItem(
                picture=shown.get(item.item_id) or Picture(item.reference_id, None, None, "this item was deleted"),
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
            )
            for share, bar in zip(explanation.clusters, cluster_bars, strict=True)
            if cluster.by is ClusterBy.METADATA
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


def _progress(path: str) -> Progress:
    return Progress("The verdict is being computed.", None, f"{path}/progress", path)


def _contribution(value: float) -> str:
    # An item of a million adds little; six decimals still tell which adds most.
    return signed(value, 6)
