"""Where items say that their media is, on both databases."""

from __future__ import annotations

import pytest

from nucleus_server.domain import NewItem
from nucleus_server.storage import WorkspaceStore
from tests.support.api import Api


@pytest.fixture
def ws(api: Api) -> WorkspaceStore:
    """The store, as its admin."""
    operator = api.services.access.operator()
    return api.services.store.workspace(operator.workspace_id, operator)


def test_the_newest_of_each_dataset_are_looked_at(ws: WorkspaceStore) -> None:
    """Images and point clouds; no deleted item, no text, no deleted dataset."""
    many, few, gone = (ws.create_dataset(name) for name in ("many", "few", "gone"))
    ws.append_items(many.id, [NewItem(f"i{i}", {}, location=f"https://a.example/{i}") for i in range(5)], update=False)
    ws.append_items(
        few.id,
        [
            NewItem("cloud", {}, pointcloud_location="s3://clouds/1.pcd"),
            NewItem("deleted", {}, location="https://b.example/1"),
            NewItem("text", {}, text="t"),
        ],
        update=False,
    )
    ws.append_items(gone.id, [NewItem("x", {}, location="https://c.example/1")], update=False)
    ws.delete_item(few.id, "deleted")
    ws.delete_dataset(gone.id)
    found = ws.sample_locations(most=6)
    assert sorted(location for _, location in found) == [
        "https://a.example/2",
        "https://a.example/3",
        "https://a.example/4",
        "s3://clouds/1.pcd",
    ]
    assert all(ws.get_item(item_id).location in (location, None) for item_id, location in found)
