"""Datasets with their items, slices made from a filter, and how slices grew."""

from __future__ import annotations

import pytest

from nucleus import DatasetItem
from nucleus_server.domain import Role
from tests.support.api import Api
from tests.unit.dashboard.browsing import data_of, page, send, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE, World


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """A workspace with verdicts, logged in as admin."""
    made = World(sqlite_api)
    log_in(sqlite_api)
    return made


def shown_items(world: World, query: str = "") -> list[str]:
    """The reference ids on the dataset's page."""
    return texts(page(world.api, f"/datasets/{world.dataset.id}{query}").select("#items figcaption"))


def test_the_list_counts(world: World) -> None:
    """Without what was deleted; an empty workspace says what to run."""
    world.dataset.delete_item("i3")
    (row,) = texts(page(world.api, "/datasets").select("tbody tr"))
    assert row.startswith("Streets4711") and row.endswith("admin")
    world.client.create_dataset(HOSTILE)
    assert HOSTILE in texts(page(world.api, "/datasets").select("tbody th"))


def test_an_empty_dataset_says_what_to_run(sqlite_api: Api) -> None:
    """And so does a workspace without one."""
    log_in(sqlite_api)
    assert "create_dataset" in page(sqlite_api, "/datasets").text
    made = sqlite_api.client().create_dataset("new")
    shown = page(sqlite_api, f"/datasets/{made.id}")
    assert f'client.get_dataset("{made.id}")' in shown.text and shown.select("form[action$=slices]") == []


def test_items_are_filtered_by_id_and_metadata(world: World) -> None:
    """Letter by letter, by exact value; what cannot be a value is explained beside the field."""
    world.dataset.append(
        [
            DatasetItem(reference_id="a*b", text="x", metadata={"n": 3, "dark": True}),
            DatasetItem(reference_id="ab", text="x"),
        ]
    )
    assert len(shown_items(world)) == 50
    assert shown_items(world, "?text=a*b") == ["a*b"]
    assert shown_items(world, "?text=i4&key=weather&value=rain") == ["i41", "i43", "i45", "i47"]
    assert len(shown_items(world, "?key=weather")) == 48
    assert shown_items(world, "?key=n&value=3") == shown_items(world, "?key=n&value=3.0") == ["a*b"]
    assert shown_items(world, "?key=dark&value=true") == ["a*b"] and shown_items(world, "?key=dark&value=false") == []
    for value, expected in (
        ("n&value=three", "got 'three'"),
        ("dark&value=yes", "got 'yes'"),
        ("n&value=nan", "got 'nan'"),
    ):
        shown = page(world.api, f"/datasets/{world.dataset.id}?key={value}")
        assert expected in texts(shown.select("#filter-value-problem"))[0] and shown.select("#new-slice") == []
    unknown = page(world.api, f"/datasets/{world.dataset.id}?key={HOSTILE.replace('#', '')}")
    assert "expected a metadata key" in texts(unknown.select("[role=alert]"))[0]


def test_pages_of_items(world: World) -> None:
    """By places, so that what was deleted moves nothing."""
    world.dataset.append([DatasetItem(reference_id=f"j{i}", text="t") for i in range(70)])
    world.dataset.delete_item("i3")
    first = page(world.api, f"/datasets/{world.dataset.id}")
    assert len(first.select("#items figure")) == 59 and "Page 1 of 2" in first.text and "and 1 deleted" in first.text
    (after,) = first.select("#items a[rel=next]")
    second = page(world.api, str(after["href"]).partition("#")[0])
    assert texts(second.select("#items figcaption"))[0] == "j12" and len(second.select("#items figure")) == 58
    assert "No item is on this page." in page(world.api, f"/datasets/{world.dataset.id}?page=99").text
    filtered = page(world.api, f"/datasets/{world.dataset.id}?text=j")
    (after,) = filtered.select("#items a[rel=next]")
    assert str(after["href"]).partition("#")[0] == f"/datasets/{world.dataset.id}?text=j&page=2"


def test_a_slice_is_made_from_a_filter(world: World) -> None:
    """Of all that matches, or added to a slice; the slice says how it grew."""
    path = f"/datasets/{world.dataset.id}?key=drive&value=d1"
    made = send(world.api, path, "#slice", name=HOSTILE)
    assert made.status_code == 303 and made.headers["location"].endswith("?added=3")
    shown = page(world.api, made.headers["location"])
    assert texts(shown.select("[role=status]")) == ["Saved: 3 items added."] and texts(shown.select("h1")) == [HOSTILE]
    assert texts(shown.select("#members figcaption")) == ["i3", "i4", "i5"]
    assert "create_scenario_test" in shown.text
    slice_path = made.headers["location"].partition("?")[0]
    slice_id = slice_path.rpartition("/")[2]
    (to_item,) = [a for a in shown.select("#members figcaption a") if a.text == "i4"]
    assert "item 2 of 3 of slice" in page(world.api, str(to_item["href"])).text
    added = send(world.api, f"/datasets/{world.dataset.id}?text=i4", "#slice", into=slice_id)
    assert added.headers["location"] == f"{slice_path}?added=8"
    grown = page(world.api, slice_path)
    assert [row.split("+")[0] for row in texts(grown.select("#versions tbody tr"))] == ["11", "3"]
    again = send(world.api, f"/datasets/{world.dataset.id}?text=i4", "#slice", into=slice_id)
    assert again.headers["location"] == f"{slice_path}?added=0"
    refused = send(world.api, path, "#slice", name=" ")
    assert refused.status_code == 422 and "expected some text, got nothing" in refused.text
    assert texts(page(world.api, f"/datasets/{world.dataset.id}").select("#slices tbody th")) == [HOSTILE, "All"]


def test_a_slice_says_what_uses_it(world: World) -> None:
    """With the functions of each test."""
    shown = page(world.api, f"/slices/{world.part.id}")
    assert texts(shown.select("#tests tbody tr")) == ["Nightiou"] and len(shown.select("#members figure")) == 48
    assert world.api.http.get("/slices/slc_unknown").status_code == 404
    assert world.api.http.get("/datasets/ds_unknown").status_code == 404


def test_viewers_make_no_slice(world: World) -> None:
    """They see no form, and sending one all the same is refused; so is one without the token."""
    path = f"/datasets/{world.dataset.id}"
    form = page(world.api, path).select_one("#slice")
    assert form is not None
    data = data_of(form) | {"name": "x"}
    answer = world.api.http.post(f"{path}/slices", data=data | {"csrf_token": "wrong"})
    assert answer.status_code == 403
    log_in(world.api, key=world.api.new_key("vera", Role.VIEWER))
    shown = page(world.api, path)
    assert shown.select("main form[method=post]") == []
    token = str(page(world.api, path).select_one("form.who [name=csrf_token]")["value"])  # type: ignore[index]
    answer = world.api.http.post(f"{path}/slices", data=data | {"csrf_token": token})
    assert answer.status_code == 403 and len(world.ws.list_slices(world.dataset.id)) == 1
