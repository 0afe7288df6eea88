"""One item: its media, its scores in all tests, its history, its neighbours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from nucleus_server.dashboard import charts
from nucleus_server.dashboard.contexts import (
    Chart,
    Frame,
    ItemPage,
    ItemScoreCell,
    ItemScoreColumn,
    ItemScoreRow,
    NeighbourLink,
    Verdict,
    ZoomLink,
)
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, number, verdict, when, with_query
from nucleus_server.domain import Item, ItemScore
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.item_standing import (
    ItemStanding,
    dataset_of_item,
    history,
    item_of_dataset,
    neighbours,
    newest_standings,
)

ZOOMS = {"fit": "Fit", "2": "2×", "4": "4×"}
_AGAINST = "this score against the criterion of its evaluation"
_MAX_VALUE = 2_000
_N_COLUMNS = 10

Column = tuple[str, str]
"""(test id, function id)."""


def item_path(ws: WorkspaceStore, item_id: str) -> str:
    """The page of an item of which only the id is known."""
    return f"/datasets/{dataset_of_item(ws, ws.get_item(item_id)).id}/items/{item_id}"


def item_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    dataset_id: str,
    item_id: str,
    *,
    slice_id: str | None,
    test_id: str | None,
    function_id: str | None,
    zoom: str | None,
    first_column: int,
) -> ItemPage:
    """One item; its history is of one function on one test, those of its newest score if none is chosen."""
    dataset, item = item_of_dataset(ws, dataset_id, item_id)
    scores = ws.list_item_scores(dataset_id, item.reference_id)
    newest = newest_standings(ws, scores)
    columns = sorted({_column(s.score): (s.score.test_name, s.score.function_name) for s in newest}.items(), key=_name)
    keys = [key for key, _ in columns]
    first = min(first_column, max(len(keys) - 1, 0)) // _N_COLUMNS * _N_COLUMNS
    last = min(first + _N_COLUMNS, len(keys))
    asked = (test_id or "", function_id or "")
    chosen = asked if asked in keys else _column(newest[0].score) if newest else None
    size = zoom if zoom in ZOOMS else "fit"
    path = f"/datasets/{dataset_id}/items/{item_id}"
    shown = None if chosen is None else {"test": chosen[0], "function": chosen[1]}
    state = {"slice": slice_id, "zoom": None if size == "fit" else size}
    around = neighbours(ws, dataset, item, slice_id)
    place = f"item {around.position + 1:,} of {around.n:,} of "
    image = picture(services, item, ws.actor.workspace_id)
    return ItemPage(
        frame=frame,
        item_id=item.id,
        reference_id=item.reference_id,
        dataset_name=dataset.name,
        dataset_path=f"/datasets/{dataset_id}",
        picture=image,
        text=item.text,
        zoom=size,
        zooms=()
        if image.url is None or item.text is not None
        else tuple(
            ZoomLink(
                text,
                with_query(path, slice=slice_id, **(shown or {}), zoom=None if each == "fit" else each) + "#media",
                each == size,
            )
            for each, text in ZOOMS.items()
        ),
        facts=_facts(item),
        metadata=tuple((str(key), _value(value)) for key, value in sorted(item.metadata.items())),
        standing=_standing(newest),
        where=place + ("the dataset" if slice_id is None else f"slice {ws.get_slice(slice_id).name}"),
        slice_id=slice_id,
        out_of_slice_path=with_query(path, **(shown or {}), zoom=state["zoom"]),
        previous=_neighbour(dataset_id, around.previous, state),
        next=_neighbour(dataset_id, around.next, state),
        columns=tuple(
            ItemScoreColumn(
                test_name=test_name,
                test_path=f"/tests/{key[0]}",
                function_name=function_name,
                history_path=with_query(path, **state, test=key[0], function=key[1]) + "#history",
                is_current=key == chosen,
            )
            for key, (test_name, function_name) in columns[first:last]
        ),
        n_columns=f"{first + 1:,} to {last:,} of {len(keys):,}" if len(keys) > _N_COLUMNS else "",
        columns_before=with_query(path, **state, columns=first - _N_COLUMNS) + "#scores" if first else None,
        columns_after=with_query(path, **state, columns=last) + "#scores" if last < len(keys) else None,
        rows=_rows(newest, keys[first:last]),
        history=None if chosen is None else _history_chart(history(ws, scores, *chosen)),
    )


def _column(score: ItemScore) -> Column:
    return score.test_id, score.function_id


def _name(column: tuple[Column, tuple[str, str]]) -> tuple[str, str, Column]:
    key, (test_name, function_name) = column
    return test_name, function_name, key


def _rows(newest: Sequence[ItemStanding], columns: Sequence[Column]) -> tuple[ItemScoreRow, ...]:
    """Models in the order of their newest evaluation, newest first."""
    by_model: dict[str, dict[Column, ItemStanding]] = {}
    for each in newest:
        by_model.setdefault(each.score.model_id, {})[_column(each.score)] = each
    return tuple(
        ItemScoreRow(next(iter(cells.values())).score.model_name, tuple(_cell(cells.get(column)) for column in columns))
        for cells in by_model.values()
    )


def _cell(standing: ItemStanding | None) -> ItemScoreCell:
    if standing is None:
        return ItemScoreCell(UNDEFINED, None, verdict(None, ""))
    return ItemScoreCell(
        number(standing.score.score),
        f"/evaluations/{standing.score.evaluation_id}",
        verdict(standing.passed, _AGAINST),
    )


def _standing(newest: Sequence[ItemStanding]) -> Verdict:
    judged = [each.passed for each in newest if each.passed is not None]
    n_failed = judged.count(False)
    if not judged:
        reason = "no evaluation has a score of it" if not newest else "no evaluation that has a score has a criterion"
        return Verdict("no criterion", UNDEFINED, "none", reason)
    of_all = f"of {counted(len(judged), 'newest evaluation')} with a criterion"
    if n_failed == len(judged):
        return Verdict("always fails", "✗", "fail", f"its score fails in every one {of_all}")
    if n_failed:
        return Verdict("fails sometimes", "◐", "warn", f"its score fails in {n_failed:,} {of_all}")
    return Verdict("never fails", "✓", "pass", f"its score passes in every one {of_all}")


def _neighbour(dataset_id: str, item: Item | None, state: Mapping[str, str | None]) -> NeighbourLink | None:
    if item is None:
        return None
    return NeighbourLink(item.reference_id, with_query(f"/datasets/{dataset_id}/items/{item.id}", **state))


def _facts(item: Item) -> tuple[tuple[str, str], ...]:
    size = None if item.width is None or item.height is None else f"{item.width:,} × {item.height:,} pixels"
    rows = [("size", size), ("address", item.location or item.pointcloud_location), ("added", when(item.created_at))]
    return tuple((name, value) for name, value in rows if value is not None)


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"


def _history_chart(scores: Sequence[ItemStanding]) -> Chart:
    first = scores[0].score
    points = [
        {
            "label": f"{i}. {each.score.model_name}",
            "model": each.score.model_name,
            "result": each.score.score,
            "threshold": None,
            "verdict": verdict(each.passed, "").word,
            "when": when(each.score.created_at),
        }
        for i, each in enumerate(scores, 1)
    ]
    return Chart(
        name="item-history",
        title=f"{first.function_name} on {first.test_name}",
        description=f"{counted(len(points), 'score')} of this item in the order of upload.",
        note="colour and shape: the score against the criterion that is in force now",
        spec=charts.history_spec(points, y_title=first.function_name),
        header=("when (UTC)", "model", "score", "verdict"),
        rows=tuple(
            (
                when(each.score.created_at),
                each.score.model_name,
                number(each.score.score),
                verdict(each.passed, "").word,
            )
            for each in scores
        ),
    )
