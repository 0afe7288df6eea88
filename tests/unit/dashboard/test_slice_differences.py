"""Slices of ticked items, what is known of metadata, versions of slices and what differs."""

from __future__ import annotations

import pytest

from nucleus import DatasetItem
from tests.support.api import Api
from tests.unit.dashboard.browsing import data_of, page, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE, World


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """A workspace with verdicts, logged in as admin."""
    made = World(sqlite_api)
    log_in(sqlite_api)
    return made


def tick(world: World, at: str, form: str, names: list[str], **typed: str) -> tuple[int, str]:
    """Send a form with these items ticked; the status, and where it leads or what it says."""
    shown = page(world.api, at)
    (found,) = shown.select(form)
    boxes = {label.text.strip().removeprefix("tick "): label for label in shown.select("label:has([name=item])")}
    items = [str(boxes[name].select_one("input")["value"]) for name in names]  # type: ignore[index]
    data = {**data_of(found), "which": "chosen", **typed, "item": items}
    answer = world.api.http.post(str(found["action"]), data=data, follow_redirects=False)
    return answer.status_code, answer.headers.get("location", answer.text)


def test_a_slice_of_ticked_items(world: World) -> None:
    """From the items of a dataset, the members of a slice and the list of an evaluation; in the order of the list."""
    path = f"/datasets/{world.dataset.id}"
    status, where = tick(world, path, "#slice", ["i4", "i1"], name=HOSTILE)
    assert status == 303 and where.endswith("?added=2")
    made = where.partition("?")[0]
    assert texts(page(world.api, made).select("#members figcaption")) == ["i4", "i1"]
    status, where = tick(world, f"/slices/{world.part.id}", "#chosen", ["i7", "i1"], into=made.rpartition("/")[2])
    assert (status, where) == (303, f"{made}?added=1")
    status, where = tick(world, f"/evaluations/{world.evaluation('v1')}?order=first", "#chosen", ["i0"], name="one")
    assert status == 303 and texts(page(world.api, where).select("#members figcaption")) == ["i0"]


def test_a_refused_form_keeps_what_was_ticked(world: World) -> None:
    """Without a name it comes back; nothing ticked makes nothing, and neither does an item of elsewhere."""
    path = f"/datasets/{world.dataset.id}"
    status, text = tick(world, path, "#slice", ["i4", "i1"], name=" ")
    assert status == 422 and "Save the 2 items ticked before" in text
    status, text = tick(world, path, "#slice", [], name="none")
    assert status == 422 and "no item is ticked" in text
    form = page(world.api, path).select_one("#slice")
    assert form is not None
    data = {**data_of(form), "which": "chosen", "item": ["di_nope"]}
    for target in ({"name": "x"}, {"into": world.part.id, "name": ""}):
        answer = world.api.http.post(f"{path}/slices", data=data | target)
        assert answer.status_code in (404, 422)
    assert len(world.ws.list_slices(world.dataset.id)) == 1


def test_versions_and_what_they_added(world: World) -> None:
    """Who appended what, which tests hold which version, and what a step did to the composition."""
    part = world.dataset.create_slice("Grows", ["i0", "i2", "i1"])
    test = world.client.validate.create_scenario_test("Growing", part.id, [world.function])
    world.work()
    part.append(["i3", "i5", "i7"])
    shown = page(world.api, f"/slices/{part.id}")
    rows = [texts(row.select("th, td")) for row in shown.select("#versions tbody tr")]
    assert [row[:2] for row in rows] == [["6", "+3"], ["3", "+3"]] and [row[3] for row in rows] == ["admin", "admin"]
    assert [row[4] for row in rows] == ["–", "Growing 3 evaluations"]
    (added,) = shown.select("#versions td.n a")
    step = page(world.api, f"{added['href']}&by=weather")
    assert texts(step.select(".sentence")) == ["3 items only in Grows; 3 in both."]
    assert texts(step.select("#items figcaption")) == ["i3", "i5", "i7"]
    cells = [texts(row.select("th, td")) for row in step.select("#composition tbody tr")]
    assert sorted(cells) == [
        ["rain", "1", "33.3 %", "4", "66.7 %", "+33.3 pp"],
        ["sun", "2", "66.7 %", "2", "33.3 %", "−33.3 pp"],
    ]
    assert test.id in str(shown.select_one("#versions td a[href^='/tests/']"))


def test_two_slices(world: World) -> None:
    """Only in one, only in the other, in both; a slice of another dataset is none to compare with."""
    first, second = (
        world.dataset.create_slice(name, ids) for name, ids in (("A", ["i0", "i1", "i2"]), ("B", ["i2", "i9"]))
    )
    path = f"/slices/{first.id}/difference?with={second.id}"
    shown = page(world.api, path)
    assert texts(shown.select(".sentence")) == ["1 item only in B and 2 items only in A; 1 in both."]
    names = {}
    for link in shown.select("#items .keys a"):
        names[link.text] = texts(page(world.api, str(link["href"]).partition("#")[0]).select("#items figcaption"))
    assert names == {"Only in B (1)": ["i9"], "In both (1)": ["i2"], "Only in A (2)": ["i0", "i1"]}
    table = world.api.http.get(path.replace("difference?", "difference.csv?")).text.splitlines()
    assert [row.split(",")[::2][0] for row in table] == ["in", "first", "first", "both", "second"]
    assert "Both have the same 3 items" in page(world.api, f"/slices/{first.id}/difference").text
    other = world.client.create_dataset("Other")
    other.append([DatasetItem(reference_id="x", text="t")])
    strange = other.create_slice("C", ["x"])
    answer = world.api.http.get(f"/slices/{first.id}/difference?with={strange.id}")
    assert answer.status_code == 422 and "expected two slices of one dataset" in answer.text


def test_metadata_keys_have_types_and_counts(world: World) -> None:
    """Of live items; each value leads to its items."""
    world.dataset.delete_item("i1")
    shown = page(world.api, f"/datasets/{world.dataset.id}/metadata?key=weather")
    rows = [texts(row.select("th, td")) for row in shown.select("section:first-of-type tbody tr")]
    assert rows == [["drive", "text", "47", "16", "–"], ["weather", "text", "47", "2", "–"]]
    values = [texts(row.select("th, td"))[:3] for row in shown.select("#values tbody tr")]
    assert values == [["sun", "24", "51.1 %"], ["rain", "23", "48.9 %"]]
    (link, *_) = shown.select("#values tbody a")
    assert len(page(world.api, str(link["href"]).partition("#")[0]).select("#items figure")) == 24
    empty = world.client.create_dataset("Empty")
    assert "No metadata yet" in page(world.api, f"/datasets/{empty.id}/metadata").text
