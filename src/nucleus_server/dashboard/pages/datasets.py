"""Datasets with their items, and what is made of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qs

from nucleus_server.dashboard.contexts import (
    ChoosableItem,
    DatasetPage,
    DatasetRow,
    DatasetsPage,
    Form,
    Frame,
    Pages,
    SliceRow,
)
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.item_addresses import path_in_list
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.settings import owner_name
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, when, with_query
from nucleus_server.dashboard.pages.verdict_words import cluster_in_force
from nucleus_server.dashboard.sent_forms import SentForm, normal_text
from nucleus_server.domain import Item, Slice
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.item_search import (
    FoundItems,
    ItemSearch,
    WrongValue,
    append_chosen,
    append_found,
    find_items,
    slice_of_search,
)

PAGE_SIZE = 60
CHOSEN = "chosen"
"""What a form sends that means the ticked items."""
_MAX_NAME = 255


def datasets_page(ws: WorkspaceStore, frame: Frame, address: str) -> DatasetsPage:
    """All datasets, newest first."""
    n_slices = Counter(each.dataset_id for each in ws.list_slices())
    n_tests = Counter(test.dataset_id for test in ws.list_scenario_tests())
    owners = {user.id: user.name for user in ws.list_users()}
    return DatasetsPage(
        frame=frame,
        datasets=tuple(
            DatasetRow(
                path=f"/datasets/{dataset.id}",
                name=dataset.name,
                n_items=f"{dataset.n_live_items:,}",
                n_slices=n_slices[dataset.id],
                n_tests=n_tests[dataset.id],
                owner=owners.get(dataset.owner_id, UNDEFINED),
                created=when(dataset.created_at),
            )
            for dataset in sorted(ws.list_datasets(), key=lambda dataset: -dataset.key)
        ),
        code=f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
dataset = client.create_dataset("my dataset")
dataset.append([nucleus.DatasetItem(reference_id="1", text="a text, or image_location=", metadata={{"scene": "a"}})])""",
    )


def dataset_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    dataset_id: str,
    search: ItemSearch,
    address: str,
    *,
    number_: int,
    sent: SentForm | None = None,
    chosen: Sequence[str] = (),
) -> DatasetPage:
    """One dataset with the items that pass the filter; `chosen` are the items of a form that was refused."""
    dataset = ws.get_dataset(dataset_id)
    path = f"/datasets/{dataset_id}"
    keys = ws.metadata_keys(dataset.key)
    problem, value_problem = None, None
    part = FoundItems((), 0, 0)
    offset = (number_ - 1) * PAGE_SIZE
    try:
        part = find_items(ws, dataset, search, offset=offset, limit=PAGE_SIZE)
    except WrongValue as error:
        value_problem = error.message
    except InvalidInput as error:
        problem = error.message
    query = {name: value or None for name, value in of_search(search)}
    choice = ws.cluster_choice(dataset_id)
    tests = [test for test in ws.list_scenario_tests() if test.dataset_id == dataset_id]
    n_tests = Counter(test.slice_id for test in tests)
    slices = sorted(ws.list_slices(dataset_id), key=lambda each: -each.key)
    return DatasetPage(
        frame=frame,
        dataset_id=dataset_id,
        path=path,
        name=dataset.name,
        owner=owner_name(ws, dataset.owner_id),
        created=when(dataset.created_at),
        n_items=f"{dataset.n_live_items:,}",
        n_deleted=dataset.n_items - dataset.n_live_items,
        n_tests=len(tests),
        cluster=cluster_in_force(choice, dataset),
        cluster_path=f"{path}/cluster-key",
        filter=_filter_form(path, search, keys, value_problem),
        is_filtered=not search.is_empty,
        problem=problem,
        n_matching=part.n_matching,
        items=choosable(services, ws, part.items, dataset_id, of_search(search)),
        pages=list_pages(path, query, number_, part.n_places, part.n_matching),
        items_file=(f"{path}/items", with_query("", **query)),
        metadata_path=f"{path}/metadata",
        n_keys=len(keys),
        new_slice=_slice_form(path, search, part.n_matching, slices, sent, chosen)
        if ws.actor.can_write and (part.n_matching or chosen)
        else None,
        slices=tuple(
            SliceRow(
                path=f"/slices/{each.id}",
                name=each.name,
                n_members=f"{each.n_members:,}",
                n_tests=n_tests[each.id],
                created=when(each.created_at),
            )
            for each in slices
        ),
        code=f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
dataset = client.get_dataset({json.dumps(dataset_id)})
dataset.append([nucleus.DatasetItem(reference_id="1", text="a text, or image_location=", metadata={{"scene": "a"}})])""",
    )


def read_search(query: str) -> ItemSearch:
    """The filter that a query string names."""
    said = {name: values[-1] for name, values in parse_qs(query).items()}
    return ItemSearch(normal_text(said.get("text", "")), said.get("key", ""), said.get("value", "").strip())


def of_search(search: ItemSearch) -> tuple[tuple[str, str], ...]:
    """The parameters that name a filter."""
    return (("text", search.text), ("key", search.key), ("value", search.value))


def choosable(
    services: AppServices,
    ws: WorkspaceStore,
    items: Iterable[Item],
    dataset_id: str,
    of_list: Sequence[tuple[str, str]],
) -> tuple[ChoosableItem, ...]:
    """Items to tick; their pages know the list, so that one goes on from there to the next item of it."""
    return tuple(
        ChoosableItem(
            item.id,
            # A scene is shown by the image of a frame, and has no page.
            replace(shown, page=path_in_list(dataset_id, item.id, of_list)) if shown.page is not None else shown,
        )
        for item in items
        for shown in [picture(services, item, ws.actor.workspace_id)]
    )


def save_slice(
    ws: WorkspaceStore, dataset_id: str, sent: SentForm, search: ItemSearch, chosen: Sequence[str]
) -> str | None:
    """Make a slice of the items that were ticked, or of all that pass the filter, or add them to one.

    Returns:
        The page to go to; None if something is wrong.
    """
    dataset = ws.get_dataset(dataset_id)
    into = sent.choice("into", ["", *(each.id for each in ws.list_slices(dataset_id))])
    name = sent.text("name", longest=_MAX_NAME, is_required=not into)
    is_chosen = sent.values.get("which") == CHOSEN
    if is_chosen and not chosen:
        sent.message = "Nothing was saved: no item is ticked."
    if sent.problems or sent.message is not None:
        return None
    try:
        if into:
            n_new = append_chosen(ws, dataset, into, chosen) if is_chosen else append_found(ws, dataset, search, into)
            return with_query(f"/slices/{into}", added=n_new)
        if is_chosen:
            made = ws.create_slice(dataset_id, name, item_ids=list(chosen))
        else:
            made = slice_of_search(ws, dataset, search, name)
        return with_query(f"/slices/{made.id}", added=made.n_members)
    except InvalidInput as error:
        sent.message = f"Nothing was saved: {error.message}"
        return None


def choose_form(dataset_id: str, slices: Sequence[Slice]) -> Form:
    """Makes a slice of the items that are ticked in a list."""
    maker = FormMaker("chosen", f"/datasets/{dataset_id}/slices")
    _add_target(maker, slices)
    return maker.made(button("Save the ticked items", "which", CHOSEN))


def _add_target(maker: FormMaker, slices: Sequence[Slice]) -> None:
    maker.add("name", "Name of the slice", "line", "", "What the new slice is called.")
    maker.add(
        "into",
        "Or add to",
        "choice",
        "",
        "Members of a slice stay where they are, and new ones come at its end.",
        choices=[("", "a new slice"), *((each.id, f"{each.name} ({each.n_members:,})") for each in slices)],
    )


def _filter_form(path: str, search: ItemSearch, keys: Sequence[str], value_problem: str | None) -> Form:
    refused = None
    if value_problem is not None:
        refused = SentForm("filter", {"text": search.text, "key": search.key, "value": search.value})
        refused.problems["value"] = value_problem
    maker = FormMaker("filter", path, refused, method="get")
    maker.add("text", "Reference id has", "line", search.text, "A part of it, letter by letter.")
    known = list(dict.fromkeys([*keys, *([search.key] if search.key else [])]))
    maker.add(
        "key",
        "Metadata key",
        "choice",
        search.key,
        "Only items with a value under this key.",
        choices=[("", "any"), *((key, key) for key in known)],
    )
    maker.add("value", "Its value", "line", search.value, "Exactly this value; empty for any.")
    return maker.made(button("Show"))


def _slice_form(
    path: str,
    search: ItemSearch,
    n_matching: int,
    slices: Sequence[Slice],
    sent: SentForm | None,
    chosen: Sequence[str],
) -> Form:
    maker = FormMaker("slice", f"{path}/slices", sent)
    _add_target(maker, slices)
    hidden = [*of_search(search), *(("item", item_id) for item_id in chosen)]
    ticked = f"Save the {counted(len(chosen), 'item')} ticked before" if chosen else "Save the ticked items"
    every = button(f"Save all {counted(n_matching, 'item')}", "which", "all")
    return maker.made(*([every] if n_matching else []), button(ticked, "which", CHOSEN, "quiet"), hidden=hidden)


def list_pages(path: str, query: Mapping[str, str | None], page: int, n_places: int, n_rows: int) -> Pages:
    """Where a list of items is, of `n_places` places."""
    n_pages = max(1, -(-n_places // PAGE_SIZE))
    return Pages(
        number=page,
        n_pages=n_pages,
        n_rows=n_rows,
        previous_path=with_query(path, **query, page=min(page - 1, n_pages)) if page > 1 else None,
        next_path=with_query(path, **query, page=page + 1) if page < n_pages else None,
    )
