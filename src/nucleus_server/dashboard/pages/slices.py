"""One slice: its members, its tests, its versions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from nucleus_server.dashboard.contexts import Form, Frame, SlicePage, SliceTestRow, SliceVersion
from nucleus_server.dashboard.pages.datasets import PAGE_SIZE, choosable, choose_form, list_pages
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.settings import owner_name
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, when, with_query
from nucleus_server.domain import Level, Population, Slice, SliceMember
from nucleus_server.services import WorkspaceStore
from nucleus_server.services import slice_differences as differences
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.slice_differences import slice_versions


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
    dataset = ws.get_dataset(found.dataset_id)
    others = [each for each in reversed(ws.list_slices(dataset.id)) if each.id != slice_id]
    offset = (number_ - 1) * PAGE_SIZE
    is_items = found.member is SliceMember.ITEM
    if found.member is SliceMember.SCENE:
        ordinals = ws.slice_ordinals(found.key)[offset : offset + PAGE_SIZE]
        found_scenes = ws.items_at(Population(found.dataset_key, Level.SCENE), ordinals)
        members = [scene for scene in found_scenes if scene.deleted_at is None]
    else:
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
        members=choosable(services, ws, members, dataset.id, [("slice", slice_id)]),
        choose=choose_form(dataset.id, others) if ws.actor.can_write and members and is_items else None,
        others=_others_form(slice_id, others) if others and is_items else None,
        pages=list_pages(f"/slices/{slice_id}", {}, number_, found.n_members, found.n_members),
        tests=tuple(
            SliceTestRow(f"/tests/{test.id}", test.name, ", ".join(sorted(functions[test.id])))
            for test in sorted(ws.list_scenario_tests(), key=lambda test: test.name)
            if test.slice_id == slice_id
        ),
        versions=_versions(slice_id, slice_versions(ws, found)),
        code=f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
function = client.validate.eval_functions.external_functions["YOUR_FUNCTION"]
client.validate.create_scenario_test("my test", {json.dumps(slice_id)}, [function])""",
    )


def _others_form(slice_id: str, others: Sequence[Slice]) -> Form:
    maker = FormMaker("others", f"/slices/{slice_id}/difference", method="get")
    choices = [(each.id, f"{each.name} ({each.n_members:,})") for each in others]
    maker.add("with", "Compare with", "choice", choices[0][0], "Another slice of the dataset.", choices=choices)
    return maker.made(button("Show what differs"))


def _versions(slice_id: str, versions: Sequence[differences.SliceVersion]) -> tuple[SliceVersion, ...]:
    return tuple(
        SliceVersion(
            n_members=f"{version.n_members:,}",
            n_new=f"+{version.n_new:,}",
            added_path=with_query(
                f"/slices/{slice_id}/difference", **{"from": version.n_members - version.n_new, "to": version.n_members}
            )
            if version.n_new < version.n_members
            else None,
            when=UNDEFINED if version.created_at is None else when(version.created_at),
            user_name=version.user_name or UNDEFINED,
            pins=tuple(
                (pin.test_name, f"/tests/{pin.test_id}", counted(pin.n_evaluations, "evaluation"))
                for pin in version.pins
            ),
        )
        for version in versions
    )
