"""One item: its media, its scores in all tests, its history, its neighbours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from nucleus_server.dashboard.contexts import (
    Chart,
    Frame,
    ItemHistory,
    ItemHistoryRow,
    ItemListName,
    ItemPage,
    ItemScoreCell,
    ItemScoreColumn,
    ItemScoreRow,
    NeighbourLink,
    Verdict,
    ZoomLink,
)
from nucleus_server.dashboard.intervals import signed
from nucleus_server.dashboard.item_charts import item_history_spec
from nucleus_server.dashboard.pages.item_addresses import ItemAddress, read_item_address
from nucleus_server.dashboard.pages.item_lists import item_filter, list_words, page_of, read_address
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.shared import (
    UNDEFINED,
    counted,
    function_paths,
    number,
    verdict,
    when,
    with_query,
)
from nucleus_server.domain import Dataset, Item, Release
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.item_neighbours import Neighbours, in_dataset, in_evaluation, in_slice
from nucleus_server.services.item_standing import (
    N_NEWEST,
    ItemMark,
    ItemOverview,
    ScoreColumn,
    Standing,
    dataset_of_item,
    item_of_dataset,
    item_overview,
)

ZOOMS = (1.0, 2.0, 4.0, 8.0)
DEFINITION = (
    f"Of each function on a test that has a criterion, the {N_NEWEST} newest models with a score of this item count, each "
    "with its newest evaluation. Always: every one of these scores misses its criterion. Mostly: more than half of them do."
)
_AGAINST = "this score against the criterion of its evaluation"
_MAX_VALUE = 2_000
_MAX_LINKED = 200
_N_COLUMNS = 10
_MOST_RELEASES = 1_000
_MARKS = {
    "always": ("✗", "fail"),
    "mostly": ("◕", "fail"),
    "sometimes": ("◐", "warn"),
    "never": ("✓", "pass"),
}


def item_path(ws: WorkspaceStore, item_id: str) -> str:
    """The page of an item of which only the id is known."""
    return f"/datasets/{dataset_of_item(ws, ws.get_item(item_id)).id}/items/{item_id}"


def item_page(
    services: AppServices, ws: WorkspaceStore, frame: Frame, dataset_id: str, item_id: str, query: str
) -> ItemPage:
    """One item as its address asks for it; its history is of one function on one test, those of its newest score if none is
    chosen.
    """
    dataset, item = item_of_dataset(ws, dataset_id, item_id)
    address = read_item_address(f"/datasets/{dataset_id}/items/{item_id}", query)
    overview = item_overview(
        ws,
        item,
        first=address.first_column,
        n_columns=_N_COLUMNS,
        test_id=address.test_id,
        function_id=address.function_id,
    )
    around, listing, place = _neighbours(ws, dataset, item, address)
    address = replace(address, position=around.position if address.value("evaluation") else None)
    models = {model.key: f"/models/{model.id}" for model in ws.list_models()}
    image = picture(services, item, ws.actor.workspace_id)
    can_grow = image.url is not None and item.text is None
    first, n = overview.first, len(overview.columns)
    last = min(first + _N_COLUMNS, n)
    return ItemPage(
        frame=frame,
        item_id=item.id,
        reference_id=item.reference_id,
        dataset_name=dataset.name,
        dataset_path=f"/datasets/{dataset_id}",
        picture=image,
        text=item.text,
        zoom=f"{address.zoom:g}",
        zoom_step=_step_name(max(step for step in ZOOMS if step <= address.zoom)),
        at="" if address.at is None else f"{address.at[0]:g},{address.at[1]:g}",
        zooms=tuple(_zoom(address, step) for step in ZOOMS) if can_grow else (),
        facts=_facts(item),
        metadata=tuple(_metadata(dataset_id, str(key), value) for key, value in sorted(item.metadata.items())),
        standing=_standing(overview.standing, bool(n)),
        definition=DEFINITION,
        where=f"item {around.position + 1:,} of {around.n:,} {place}",
        listing=listing,
        previous=_neighbour(dataset_id, around.previous, around.previous_position, address),
        next=_neighbour(dataset_id, around.next, around.next_position, address),
        columns=_columns(ws, overview, address),
        n_columns=f"{first + 1:,} to {last:,} of {n:,}" if n > _N_COLUMNS else "",
        columns_before=replace(address, first_column=first - _N_COLUMNS).text("scores") if first else None,
        columns_after=replace(address, first_column=last).text("scores") if last < n else None,
        rows=tuple(_row(row, models) for row in overview.rows),
        scores_file=f"/datasets/{dataset_id}/items/{item_id}/scores",
        history=None if overview.chosen is None else _history(ws, overview.chosen, overview.history, models),
    )


def _neighbours(
    ws: WorkspaceStore, dataset: Dataset, item: Item, address: ItemAddress
) -> tuple[Neighbours, ItemListName | None, str]:
    """The neighbours in the list that the address names, what that is called, and what the item has a place in."""
    all_path = address.among_all().text()
    evaluation_id, slice_id = address.value("evaluation"), address.value("slice")
    if evaluation_id:
        shown = read_address(f"/evaluations/{evaluation_id}", urlencode(address.of_list))
        wanted = item_filter(shown, ws.metadata_keys(dataset.key))
        around = in_evaluation(ws, item, evaluation_id, wanted, shown.order, address.position)
        back = replace(shown, page=page_of(around.position)).text()
        evaluation = ws.get_evaluation(evaluation_id)
        words = f"scored items of {evaluation.model_name}, {list_words(shown)}"
        return around, ItemListName(words, back, all_path), "in the list"
    if slice_id:
        part = ws.get_slice(slice_id)
        around = in_slice(ws, part, item)
        return around, ItemListName(f"slice {part.name}", f"/slices/{slice_id}", all_path), f"of slice {part.name}"
    search = address.search
    around = in_dataset(ws, dataset, item, search)
    if search.is_empty:
        return around, None, "of the dataset"
    back = with_query(
        f"/datasets/{dataset.id}", text=search.text or None, key=search.key or None, value=search.value or None
    )
    return around, ItemListName("items that match the filter", f"{back}#items", all_path), "that match"


def _neighbour(dataset_id: str, item: Item | None, position: int | None, address: ItemAddress) -> NeighbourLink | None:
    if item is None:
        return None
    there = replace(
        address,
        path=f"/datasets/{dataset_id}/items/{item.id}",
        position=position if address.value("evaluation") else None,
    )
    return NeighbourLink(item.reference_id, there.text())


def _zoom(address: ItemAddress, step: float) -> ZoomLink:
    text = "Fit" if step == 1 else f"{step:g}×"
    return ZoomLink(text, f"{step:g}", replace(address, zoom=step).text("media"), step == address.zoom)


def _step_name(step: float) -> str:
    return "fit" if step == 1 else f"{step:g}"


def _columns(ws: WorkspaceStore, overview: ItemOverview, address: ItemAddress) -> tuple[ItemScoreColumn, ...]:
    paths = function_paths(ws)
    return tuple(
        ItemScoreColumn(
            test_name=column.test.name,
            test_path=f"/tests/{column.test.id}",
            function_name=column.function.name,
            function_path=paths.get(column.function.id),
            standing=_standing(column.standing, has_score=True),
            history_path=replace(address, test_id=column.test.id, function_id=column.function.id).text("history"),
            is_current=column is overview.chosen,
        )
        for column in overview.columns[overview.first : overview.first + _N_COLUMNS]
    )


def _row(marks: Sequence[ItemMark | None], models: Mapping[int, str]) -> ItemScoreRow:
    first = next(mark for mark in marks if mark is not None)
    return ItemScoreRow(first.model_name, models.get(first.model_key), tuple(map(_cell, marks)))


def _cell(mark: ItemMark | None) -> ItemScoreCell:
    if mark is None or mark.score is None:
        return ItemScoreCell(UNDEFINED, None, verdict(None, ""))
    return ItemScoreCell(number(mark.score), f"/evaluations/{mark.evaluation_id}", verdict(mark.passed, _AGAINST))


def _standing(standing: Standing, has_score: bool) -> Verdict:
    if not standing.n_judged:
        reason = "no evaluation that has a score has a criterion" if has_score else "no evaluation has a score of it"
        return Verdict("no criterion", UNDEFINED, "none", reason)
    icon, kind = _MARKS[standing.word]
    of_all = f"of {counted(standing.n_judged, 'score')} of the newest models with a criterion"
    if standing.word == "always":
        return Verdict("always fails", icon, kind, f"it fails in every one {of_all}")
    if standing.word == "never":
        return Verdict("never fails", icon, kind, f"it passes in every one {of_all}")
    word = "mostly fails" if standing.word == "mostly" else "fails sometimes"
    return Verdict(word, icon, kind, f"it fails in {standing.n_failed:,} {of_all}")


def _facts(item: Item) -> tuple[tuple[str, str], ...]:
    size = None if item.width is None or item.height is None else f"{item.width:,} × {item.height:,} pixels"
    rows = [("size", size), ("address", item.location or item.pointcloud_location), ("added", when(item.created_at))]
    return tuple((name, value) for name, value in rows if value is not None)


def _metadata(dataset_id: str, key: str, value: object) -> tuple[str, str, str | None]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    same = None
    if isinstance(value, (str, bool, int, float)) and text and len(text) <= _MAX_LINKED:
        same = with_query(f"/datasets/{dataset_id}", key=key, value=text) + "#items"
    return key, text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…", same


def _history(
    ws: WorkspaceStore, column: ScoreColumn, marks: Sequence[ItemMark], models: Mapping[int, str]
) -> ItemHistory:
    releases: dict[str, list[Release]] = {}
    for release in ws.list_releases(limit=_MOST_RELEASES):
        releases.setdefault(f"/models/{release.model_id}", []).append(release)
    rows = []
    for before, mark in zip([None, *marks], marks, strict=False):
        path = models.get(mark.model_key)
        change = UNDEFINED
        if before is not None and before.score is not None and mark.score is not None:
            change = signed(mark.score - before.score)
        rows.append(
            ItemHistoryRow(
                when=when(mark.created_at),
                model_name=mark.model_name,
                model_path=path,
                releases=tuple(
                    (each.name, each.status.value, f"/releases/{each.id}")
                    for each in reversed(releases.get(path or "", []))
                ),
                score=number(mark.score),
                change=change,
                evaluation_path=f"/evaluations/{mark.evaluation_id}",
                verdict=verdict(mark.passed, _AGAINST),
            )
        )
    return ItemHistory(_history_chart(column, marks, rows), tuple(rows))


def _history_chart(column: ScoreColumn, marks: Sequence[ItemMark], rows: Sequence[ItemHistoryRow]) -> Chart:
    points = [
        {
            "label": f"{place}. {', '.join([row.model_name, *(name for name, _, _ in row.releases)])}",
            "model": row.model_name,
            "score": mark.score,
            "verdict": row.verdict.word,
            "when": row.when,
            "path": row.evaluation_path,
        }
        for place, (mark, row) in enumerate(zip(marks, rows, strict=True), 1)
    ]
    title = f"{column.function.name} on {column.test.name}"
    return Chart(
        name="item-history",
        title=title,
        description=f"{counted(len(points), 'score')} of this item in the order of upload.",
        note="colour and shape: the score against the criterion that is in force now",
        spec=item_history_spec(points, y_title=column.function.name),
        header=(),
        rows=(),
    )
