"""Parts of a comparison that are loaded behind the page: both scores of each item, and the metadata that moved most."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from nucleus_server.dashboard import pair_charts
from nucleus_server.dashboard.contexts import Chart, GridCell, GridRow, Moved, MovedRow, Scatter
from nucleus_server.dashboard.intervals import signed, signed_bars
from nucleus_server.dashboard.pages.comparison_lists import (
    ComparisonAddress,
    condition_path,
    range_text,
    wanted_of,
)
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, percent, shortened
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.moved_values import MovedValue, moved_most
from nucleus_server.services.side_by_side import Grid, ScoreRange, SideBySide, Wanted, score_grid

_MOST_POINTS = 2_000
_N_BINS = 40
_N_CELLS = 10
_N_MOVED = 10
_LEVELS = 4


def scatter(ws: WorkspaceStore, view: SideBySide, address: ComparisonAddress) -> Scatter:
    """Both models' scores: points if they are few, else counts; the grid below leads to the items of each cell."""
    names = shortened(view.evaluations[0].model_name), shortened(view.evaluations[1].model_name)
    grid = score_grid(view, n_bins=_N_CELLS)
    extent = (float(grid.edges[0]), float(grid.edges[-1]))
    brush = _brush(address, extent)
    unit = view.entry.function.unit
    axes = (f"{names[0]}{f', {unit}' if unit else ''}", f"{names[1]}{f', {unit}' if unit else ''}")
    n = view.n_common
    if n <= _MOST_POINTS:
        spec = pair_charts.points_spec(_points(ws, view), names=axes, extent=extent, brush=brush)
        kind = "a point for each item"
    else:
        spec = pair_charts.counts_spec(_bins(score_grid(view, n_bins=_N_BINS)), names=axes, extent=extent, brush=brush)
        kind = "counts of items"
    ranges = list(pairwise(grid.edges.tolist()))
    heads = [f"{low:g} to {high:g}" for low, high in ranges]
    return Scatter(
        chart=Chart(
            name="scores",
            title=f"Scores of {names[1]} by those of {names[0]}",
            description=f"{counted(n, 'item')}, {kind}; the table below has how many are in each range.",
            note="dashed line: both scores are the same. Drag over an area to list its items below.",
            spec=spec,
            header=(),
            rows=(),
        ),
        baseline_name=names[0],
        candidate_name=names[1],
        columns=tuple(heads),
        rows=tuple(
            GridRow(heads[j], tuple(_cell(grid, address, names, ranges, heads, i, j) for i in range(len(ranges))))
            for j in reversed(range(len(ranges)))
        ),
    )


def moved_values(ws: WorkspaceStore, view: SideBySide, address: ComparisonAddress) -> Moved:
    """The metadata values that moved most."""
    found = moved_most(ws, view, limit=_N_MOVED)
    bars = signed_bars([each.contribution for each in found.values], higher_is_better=view.higher_is_better)
    looked_at = f"Looked at {', '.join(map(shortened, found.keys))}." if found.keys else ""
    uniform = ""
    if found.uniform_keys:
        names = ", ".join(map(shortened, found.uniform_keys))
        uniform = f"All items agree on {names}, which {'tells' if len(found.uniform_keys) == 1 else 'tell'} nothing."
    unit = view.entry.function.unit
    return Moved(
        rows=tuple(_moved_row(each, address, bar) for each, bar in zip(found.values, bars, strict=True)),
        keys=" ".join(text for text in (looked_at, uniform) if text),
        unit=f", {unit}" if unit else "",
        code=f"import nucleus\n\nclient = nucleus.NucleusClient()\n"
        f"dataset = client.get_dataset({view.test.dataset_id!r})\n"
        'dataset.append([nucleus.DatasetItem(reference_id="1", metadata={"weather": "rain"})], update=True)',
    )


def _moved_row(each: MovedValue, address: ComparisonAddress, bar: Any) -> MovedRow:
    by_key = replace(address.without_filter(), fixed=(("by", each.key),))
    return MovedRow(
        key=each.key,
        key_path=by_key.text("by-metadata"),
        value=UNDEFINED if each.value is None else each.value,
        path=condition_path(address, each.conditions),
        n=f"{each.n:,}",
        item_share=percent(each.weight_share),
        contribution=signed(each.contribution, 6),
        share=UNDEFINED if each.share is None else f"{signed(100 * each.share, 1)}\u00a0%",
        mean=UNDEFINED if each.mean is None else signed(each.mean),
        bar=bar,
    )


def _cell(
    grid: Grid,
    address: ComparisonAddress,
    names: tuple[str, str],
    ranges: list[tuple[float, float]],
    heads: list[str],
    i: int,
    j: int,
) -> GridCell:
    n, fullest, last = int(grid.counts[i, j]), int(grid.counts.max()), len(ranges) - 1
    path = replace(
        address.without_filter(),
        baseline_scores=range_text(*ranges[i], is_last=i == last),
        candidate_scores=range_text(*ranges[j], is_last=j == last),
    ).text()
    return GridCell(
        n=f"{n:,}" if n else "",
        path=path if n else None,
        label=f"{counted(n, 'item')}: {names[0]} {heads[i]}, {names[1]} {heads[j]}",
        # By its logarithm, as the picture shades: most items are near the line.
        level=0 if not n else 1 + round((_LEVELS - 1) * float(np.log1p(n) / np.log1p(fullest))),
    )


def _points(ws: WorkspaceStore, view: SideBySide) -> list[dict[str, Any]]:
    places = np.flatnonzero(view.is_common)
    a, b = view.scores[0][places].tolist(), view.scores[1][places].tolist()
    items = ws.items_at(view.population, view.ordinals[places])
    higher = view.higher_is_better
    return [
        {
            "baseline": x,
            "candidate": y,
            "change": "equal" if x == y else "better" if (y > x) is higher else "worse",
            "item": shortened(item.reference_id),
        }
        for x, y, item in zip(a, b, items, strict=True)
    ]


def _bins(grid: Grid) -> list[dict[str, Any]]:
    edges = grid.edges.tolist()
    return [
        {
            "baseline": edges[i],
            "baseline_end": edges[i + 1],
            "candidate": edges[j],
            "candidate_end": edges[j + 1],
            "count": int(grid.counts[i, j]),
        }
        for i, j in np.argwhere(grid.counts > 0).tolist()
    ]


def _brush(address: ComparisonAddress, extent: tuple[float, float]) -> Any:
    """What is selected at first; nothing if the list is not narrowed down by scores, or by none that can be read."""
    try:
        wanted: Wanted = wanted_of(replace(address, where=()), ())
    except InvalidInput:
        return None
    if wanted.baseline is None and wanted.candidate is None:
        return None

    def ends(found: ScoreRange | None) -> list[float]:
        low = extent[0] if found is None or found.low is None else found.low
        high = extent[1] if found is None or found.high is None else found.high
        return [max(low, extent[0]), min(high, extent[1])]

    return {"x": ends(wanted.baseline), "y": ends(wanted.candidate)}
