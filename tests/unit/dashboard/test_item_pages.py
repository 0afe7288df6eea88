"""One item's page: its scores in all tests, its history, its neighbours, its media."""

from __future__ import annotations

import pytest

from nucleus import DatasetItem
from tests.support.api import Api
from tests.unit.dashboard.browsing import page, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE, World


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """A workspace with verdicts, logged in as admin."""
    made = World(sqlite_api)
    log_in(sqlite_api)
    return made


def path_of(world: World, reference_id: str) -> str:
    """The item's page."""
    item = world.ws.get_item_by_reference(world.dataset.id, reference_id)
    return f"/datasets/{world.dataset.id}/items/{item.id}"


def test_scores_of_all_models(world: World) -> None:
    """Only the newest of each, against the criterion of its evaluation, with links to it; all of them in the history."""
    (entry,) = world.test.get_eval_functions()
    entry.set_threshold(0.9999)
    world.upload("v3", 0.7, 9)
    shown = page(world.api, path_of(world, "i0"))
    rows = shown.select("#scores tbody tr")
    assert [row.th.text for row in rows if row.th] == ["v3", "v2", "v1"]
    assert all("✗ failed" in row.text for row in rows)
    assert texts(shown.select("h1 .verdict")) == ["✗ always fails"]
    assert "in every one of 3 newest evaluations with a criterion" in texts(shown.select(".heading p"))[0]
    links = [str(a["href"]) for a in shown.select("#scores tbody a")]
    assert links == [f"/evaluations/{world.evaluation(name)}" for name in ("v3", "v2", "v1")]
    assert texts(shown.select("#history tbody td:nth-of-type(2)")) == ["v1", "v2", "v3", "v3"]
    entry.set_threshold(0.0)
    assert texts(page(world.api, path_of(world, "i0")).select("h1 .verdict")) == ["✓ never fails"]


def test_what_has_no_criterion_or_no_score_is_no_pass(world: World) -> None:
    """An en dash with the reason."""
    world.test.set_baseline_model(None)
    (badge,) = page(world.api, path_of(world, "i0")).select("h1 .verdict")
    assert "no criterion" in badge.text and badge["title"] == "no evaluation that has a score has a criterion"
    world.dataset.append([DatasetItem(reference_id=HOSTILE, text=HOSTILE, metadata={"k": HOSTILE, "n": [1]})])
    answer = world.api.http.get(path_of(world, HOSTILE))
    assert answer.status_code == 200 and "<script>alert" not in answer.text
    shown = page(world.api, path_of(world, HOSTILE))
    assert "No evaluation of a test has a score" in shown.text and shown.select("#history") == []
    assert texts(shown.select("#metadata tbody tr"))[1] == "n[1]"
    assert texts(shown.select(".item-text")) == [HOSTILE]


def test_columns_are_functions_on_tests(world: World) -> None:
    """A model that one of them lacks has a dash there; the address says whose history is shown."""
    other = world.client.validate.create_external_eval_function("latency", direction="lower_is_better")
    world.client.validate.create_scenario_test("Rain", world.part.id, [world.function, other])
    world.work()
    world.dataset.upload_scores({"latency": "s"}, world.models["v1"], {"item_ref_id": world.ids, "s": [0.5] * 48})
    shown = page(world.api, path_of(world, "i3"))
    assert texts(shown.select("#scores thead th")) == [
        "Model",
        "Nightiou history",
        "Rainiou history",
        "Rainlatency history",
    ]
    assert len(shown.select("#scores tbody [title^='The newest evaluation has no score']")) == 2
    (to_latency,) = shown.select("#scores thead th:last-child a.aside")
    chosen = page(world.api, str(to_latency["href"]).partition("#")[0])
    assert texts(chosen.select("#history h2")) == ["latency on Rain"]
    assert texts(chosen.select("#history tbody td")[1:]) == ["v1", "0.5000", "no criterion"]


def test_many_columns_are_paged(world: World) -> None:
    """Ten at a time; whether an item always fails is of all of them."""
    for i in range(12):
        made = world.client.validate.create_scenario_test(f"t{i:02}", world.part.id, [world.function])
        made.get_eval_functions()[0].set_threshold(0.9999 if i else 0.0)
    world.work()
    shown = page(world.api, path_of(world, "i0"))
    assert "Functions on tests 1 to 10 of 13" in texts(shown.select("#scores"))[0]
    assert len(shown.select("#scores thead th")) == 11 and len(shown.select("#scores tbody tr")) == 3
    (after,) = [a for a in shown.select("#scores .pages a")]
    rest = page(world.api, str(after["href"]).partition("#")[0])
    assert len(rest.select("#scores thead th")) == 4 and "11 to 13 of 13" in rest.text
    (badge,) = rest.select("h1 .verdict")
    assert "fails sometimes" in badge.text and "of 39 newest evaluations" in str(badge["title"])


def test_neighbours_skip_what_was_deleted(world: World) -> None:
    """In the slice that the address names, else in the dataset."""
    part = world.dataset.create_slice("Odd", ["i5", "i1", "i3", "i7"])
    world.dataset.delete_item("i1")
    shown = page(world.api, f"{path_of(world, 'i5')}?slice={part.id}&zoom=2")
    assert "item 1 of 4 of slice Odd" in shown.text and shown.select_one("a[rel=prev]") is None
    (after,) = shown.select("a[rel=next]")
    assert str(after["href"]) == f"{path_of(world, 'i3')}?slice={part.id}&zoom=2"
    assert page(world.api, str(after["href"])).select_one("a[rel=prev]") is not None
    in_dataset = page(world.api, path_of(world, "i0"))
    assert texts(in_dataset.select(".neighbours a")) == ["i2 →"] and "item 1 of 48 of the dataset" in in_dataset.text
    answer = world.api.http.get(f"{path_of(world, 'i0')}?slice={part.id}")
    assert answer.status_code == 404 and "leave slice out" in answer.text


def test_items_are_found_from_where_they_are_shown(world: World) -> None:
    """By their id alone; an item of another dataset is none of this one."""
    shown = page(world.api, f"/evaluations/{world.evaluation('v2')}")
    links = [str(a["href"]) for a in shown.select("#items figcaption a")]
    assert len(links) == 24 and links[0].startswith("/items/di_")
    answer = world.api.http.get(links[0], follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/datasets/{world.dataset.id}/items/di_")
    other = world.client.create_dataset("Other")
    item_id = answer.headers["location"].rpartition("/")[2]
    for path in (f"/datasets/{other.id}/items/{item_id}", "/items/di_unknown"):
        assert world.api.http.get(path).status_code == 404


def test_the_image_is_as_large_as_the_address_says(world: World) -> None:
    """By plain links; what cannot be shown says why."""
    world.dataset.append(
        [
            DatasetItem(reference_id="inline", image_location="data:image/png;base64,iVBORw0KGgo="),
            DatasetItem(reference_id="far", image_location="https://images.example.com/a.png"),
        ]
    )
    shown = page(world.api, path_of(world, "inline"))
    assert texts(shown.select("#media [aria-current]")) == ["Fit"] and len(shown.select(".stage.zoom-fit img")) == 1
    (twice,) = [a for a in shown.select("#media .keys a") if a.text == "2×"]
    assert len(page(world.api, str(twice["href"]).partition("#")[0]).select(".stage.zoom-2 img")) == 1
    far = page(world.api, path_of(world, "far"))
    assert "Images of https://images.example.com are not shown" in far.text and far.select("#media img") == []
