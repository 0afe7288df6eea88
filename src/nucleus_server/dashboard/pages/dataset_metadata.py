"""The metadata keys of a dataset with their types and counts, and the values under one of them."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import polars as pl

from nucleus_server.dashboard.contexts import Frame, MetadataKeyRow, MetadataPage, MetadataValueRow, Pages
from nucleus_server.dashboard.pages.shared import UNDEFINED, percent, with_query
from nucleus_server.dashboard.site import page_number
from nucleus_server.domain import Dataset
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.exports import ExportTable, table_of_rows
from nucleus_server.services.metadata_summary import KeySummary, ValueCount, key_summaries, value_counts

KEYS_PER_PAGE = 12
"""Each is a column to read: of a million items, about 8 ms."""
MOST_VALUES = 50
_ALL_VALUES = 10_000_000


def metadata_page(ws: WorkspaceStore, frame: Frame, dataset_id: str, query: str, address: str) -> MetadataPage:
    """A page of the keys, and the values under the one that the address names."""
    dataset = ws.get_dataset(dataset_id)
    said = {name: values[-1] for name, values in parse_qs(query).items()}
    keys = ws.metadata_keys(dataset.key)
    chosen = said.get("key") if said.get("key") in keys else None
    n_pages = max(1, -(-len(keys) // KEYS_PER_PAGE))
    page = min(page_number(said.get("page", "")), n_pages)
    shown = keys[(page - 1) * KEYS_PER_PAGE : page * KEYS_PER_PAGE]
    path = f"/datasets/{dataset_id}/metadata"
    counts = [] if chosen is None else value_counts(ws, dataset, chosen, MOST_VALUES)
    return MetadataPage(
        frame=frame,
        dataset_name=dataset.name,
        dataset_path=f"/datasets/{dataset_id}",
        keys=tuple(_key_row(path, page, each, chosen) for each in key_summaries(ws, dataset, shown)),
        pages=Pages(
            number=page,
            n_pages=n_pages,
            n_rows=len(keys),
            previous_path=with_query(path, key=chosen, page=page - 1) if page > 1 else None,
            next_path=with_query(path, key=chosen, page=page + 1) if page < n_pages else None,
        ),
        key=chosen,
        values=tuple(_value_row(dataset, chosen or "", each) for each in counts),
        most_values=MOST_VALUES,
        keys_file=path,
        values_file=(f"{path}/values", with_query("", key=chosen)),
        code=f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
dataset = client.get_dataset({json.dumps(dataset_id)})
dataset.append([nucleus.DatasetItem(reference_id="1", metadata={{"weather": "rain"}})], update=True)""",
    )


def keys_table(ws: WorkspaceStore, dataset_id: str) -> ExportTable:
    """All metadata keys of a dataset, in alphabetical order."""
    dataset = ws.get_dataset(dataset_id)
    columns = {
        "key": pl.String(),
        "type": pl.String(),
        "n_items": pl.Int64(),
        "n_values": pl.Int64(),
        "lowest": pl.Float64(),
        "highest": pl.Float64(),
    }
    rows = (
        {
            "key": each.key,
            "type": each.type or None,
            "n_items": each.n_items,
            "n_values": each.n_values,
            "lowest": each.lowest,
            "highest": each.highest,
        }
        for each in key_summaries(ws, dataset, ws.metadata_keys(dataset.key))
    )
    return table_of_rows(f"metadata-{dataset.id}", columns, rows)


def values_table(ws: WorkspaceStore, dataset_id: str, key: str) -> ExportTable:
    """All values under a key, the most frequent first; none if the dataset has no such key."""
    dataset = ws.get_dataset(dataset_id)
    columns = {"value": pl.String(), "n_items": pl.Int64()}
    known = key in ws.metadata_keys(dataset.key)
    counts = value_counts(ws, dataset, key, _ALL_VALUES) if known else []
    return table_of_rows(
        f"values-{dataset.id}", columns, ({"value": each.value, "n_items": each.n_items} for each in counts)
    )


def _key_row(path: str, page: int, each: KeySummary, chosen: str | None) -> MetadataKeyRow:
    has_range = each.lowest is not None and each.highest is not None
    return MetadataKeyRow(
        key=each.key,
        type=each.type or UNDEFINED,
        n_items=f"{each.n_items:,}",
        n_values=f"{each.n_values:,}",
        range=f"{each.lowest:g} to {each.highest:g}" if has_range else UNDEFINED,
        path=with_query(path, key=each.key, page=None if page == 1 else page) + "#values",
        is_current=each.key == chosen,
    )


def _value_row(dataset: Dataset, key: str, each: ValueCount) -> MetadataValueRow:
    share = each.n_items / dataset.n_live_items if dataset.n_live_items else 0.0
    path = with_query(f"/datasets/{dataset.id}", key=key, value=each.value) + "#items" if each.value else None
    return MetadataValueRow(
        value=UNDEFINED if each.value is None else each.value,
        n_items=f"{each.n_items:,}",
        share=percent(share),
        bar=f"{100 * share:.1f}",
        path=path,
    )
