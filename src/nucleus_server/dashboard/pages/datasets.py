"""Datasets with their items, and slices with their members."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from nucleus_server.dashboard.contexts import (
    DatasetPage,
    DatasetRow,
    DatasetsPage,
    Form,
    Frame,
    Pages,
    SlicePage,
    SliceRow,
    SliceTestRow,
    SliceVersion,
)
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.settings import owner_name
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, when, with_query
from nucleus_server.dashboard.pages.verdict_words import choice_name
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import AuditEntry, ClusterBy, Dataset, Slice
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.item_search import (
    FoundItems,
    ItemSearch,
    WrongValue,
    append_found,
    find_items,
    slice_of_search,
)

PAGE_SIZE = 60
_MAX_NAME = 255
_MOST_VERSIONS = 1_000


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
) -> DatasetPage:
    """One dataset with the items that pass the filter."""
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
    query = {"text": search.text or None, "key": search.key or None, "value": search.value or None}
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
        cluster="none" if choice.by is ClusterBy.INHERIT else choice_name(choice),
        cluster_path=f"{path}/cluster-key",
        filter=_filter_form(path, search, keys, value_problem),
        is_filtered=not search.is_empty,
        problem=problem,
        n_matching=part.n_matching,
        items=tuple(picture(services, item, ws.actor.workspace_id) for item in part.items),
        pages=_pages(path, query, number_, part.n_places, part.n_matching),
        new_slice=_slice_form(path, search, part.n_matching, slices, sent)
        if ws.actor.can_write and part.n_matching
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


def save_slice(ws: WorkspaceStore, dataset_id: str, sent: SentForm, search: ItemSearch) -> str | None:
    """Make a slice of the items that pass the filter, or add them to one; the page to go to, None if something is wrong."""
    dataset = ws.get_dataset(dataset_id)
    into = sent.choice("into", ["", *(each.id for each in ws.list_slices(dataset_id))])
    name = sent.text("name", longest=_MAX_NAME, is_required=not into)
    if sent.problems:
        return None
    try:
        if into:
            return with_query(f"/slices/{into}", added=append_found(ws, dataset, search, into))
        made = slice_of_search(ws, dataset, search, name)
        return with_query(f"/slices/{made.id}", added=made.n_members)
    except InvalidInput as error:
        sent.message = f"Nothing was saved: {error.message}"
        return None


def slice_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    slice_id: str,
    address: str,
    *,
    number_: int,
    added: str = "",
) -> SlicePage:
    """One slice with a page of its members."""
    found = ws.get_slice(slice_id)
    dataset = _dataset_of(ws, found)
    offset = (number_ - 1) * PAGE_SIZE
    members = ws.slice_items(slice_id, start=offset, limit=PAGE_SIZE)
    functions = defaultdict(list)
    for entry in ws.list_all_test_functions():
        functions[entry.test_id].append(entry.function.name)
    return SlicePage(
        frame=frame,
        slice_id=slice_id,
        name=found.name,
        dataset_name=dataset.name,
        dataset_path=f"/datasets/{dataset.id}",
        owner=owner_name(ws, found.owner_id),
        created=when(found.created_at),
        n_members=found.n_members,
        notice=f"Saved: {counted(int(added), 'item')} added." if added.isdecimal() and len(added) < 10 else None,
        members=tuple(picture(services, item, ws.actor.workspace_id, slice_id) for item in members),
        pages=_pages(f"/slices/{slice_id}", {}, number_, found.n_members, found.n_members),
        tests=tuple(
            SliceTestRow(f"/tests/{test.id}", test.name, ", ".join(sorted(functions[test.id])))
            for test in sorted(ws.list_scenario_tests(), key=lambda test: test.name)
            if test.slice_id == slice_id
        ),
        versions=_versions(ws.list_audit(limit=_MOST_VERSIONS, object_id=slice_id)),
        code=f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
function = client.validate.eval_functions.external_functions["YOUR_FUNCTION"]
client.validate.create_scenario_test("my test", {json.dumps(slice_id)}, [function])""",
    )


def _dataset_of(ws: WorkspaceStore, found: Slice) -> Dataset:
    return ws.get_dataset(found.dataset_id)


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


def _slice_form(path: str, search: ItemSearch, n_matching: int, slices: Sequence[Slice], sent: SentForm | None) -> Form:
    maker = FormMaker("slice", f"{path}/slices", sent)
    maker.add("name", "Name of the slice", "line", "", "What the new slice is called.")
    maker.add(
        "into",
        "Or add to",
        "choice",
        "",
        "Members of a slice stay where they are, and new ones come at its end.",
        choices=[("", "a new slice"), *((each.id, f"{each.name} ({each.n_members:,})") for each in slices)],
    )
    hidden = [("text", search.text), ("key", search.key), ("value", search.value)]
    return maker.made(button(f"Save {counted(n_matching, 'item')}"), hidden=hidden)


def _pages(path: str, query: Mapping[str, str | None], page: int, n_places: int, n_rows: int) -> Pages:
    n_pages = max(1, -(-n_places // PAGE_SIZE))
    return Pages(
        number=page,
        n_pages=n_pages,
        n_rows=n_rows,
        previous_path=with_query(path, **query, page=min(page - 1, n_pages)) if page > 1 else None,
        next_path=with_query(path, **query, page=page + 1) if page < n_pages else None,
    )


def _versions(entries: Sequence[AuditEntry]) -> tuple[SliceVersion, ...]:
    return tuple(
        SliceVersion(
            n_members=f"{entry.detail['n_members']:,}",
            n_new=f"+{entry.detail.get('n_new', entry.detail['n_members']):,}",
            when=when(entry.created_at),
            user_name=entry.user_name,
        )
        for entry in entries
        if entry.action in ("slice.create", "slice.append")
    )
