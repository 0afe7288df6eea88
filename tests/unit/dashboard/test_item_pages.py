"""One item's page: its scores in all tests, its history, its neighbours, its media."""

from __future__ import annotations

import pytest

from nucleus import DatasetItem
from nucleus.validate import EvaluationResult
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
    assert "in every one of 3 scores of the newest models" in texts(shown.select(".heading p"))[0]
    links = [str(a["href"]) for a in shown.select("#scores tbody a")]
    of_models = [f"/models/{world.models[name].id}" for name in ("v3", "v2", "v1")]
    of_scores = [f"/evaluations/{world.evaluation(name)}" for name in ("v3", "v2", "v1")]
    assert links == [link for pair in zip(of_models, of_scores, strict=True) for link in pair]
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
        "Nightiou history◕ mostly fails",
        "Rainiou history– no criterion",
        "Rainlatency history– no criterion",
    ]
    assert len(shown.select("#scores tbody [title^='The newest evaluation has no score']")) == 2
    (to_latency,) = shown.select("#scores thead th:last-child a.aside")
    chosen = page(world.api, str(to_latency["href"]).partition("#")[0])
    assert texts(chosen.select("#history h2")) == ["latency on Rain, in the order of upload"]
    assert texts(chosen.select("#history tbody td")[1:]) == ["v1", "–", "0.5000", "–", "– no criterion"]


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
    assert "mostly fails" in badge.text and "35 of 39 scores of the newest models" in str(badge["title"])


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
    assert len(links) == 24 and links[0].startswith(f"/datasets/{world.dataset.id}/items/di_")
    item_id = links[0].partition("?")[0].rpartition("/")[2]
    answer = world.api.http.get(f"/items/{item_id}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/datasets/{world.dataset.id}/items/di_")
    other = world.client.create_dataset("Other")
    for path in (f"/datasets/{other.id}/items/{item_id}", "/items/di_unknown"):
        assert world.api.http.get(path).status_code == 404


def test_neighbours_are_those_of_the_list_one_came_from(world: World) -> None:
    """With the filter and the order of an evaluation's list or of the dataset's, and a way back to it."""
    evaluation = world.evaluation("v1")
    listed = page(world.api, f"/evaluations/{evaluation}?order=best&where=weather%3Drain")
    links = [str(a["href"]) for a in listed.select("#items figcaption a")]
    names = texts(listed.select("#items figcaption a"))
    second = page(world.api, f"{links[1]}&zoom=2.5&at=0.25,0.75")
    assert "item 2 of 24 in the list" in second.text
    (before,), (after,) = second.select("a[rel=prev]"), second.select("a[rel=next]")
    assert texts([before, after]) == [f"← {names[0]}", f"{names[2]} →"]
    assert f"evaluation={evaluation}&order=best&where=weather%3Drain&n=3" in str(after["href"])
    assert str(after["href"]).endswith("&zoom=2.5&at=0.25%2C0.75")
    (back,) = [a for a in second.select(".neighbours a") if a.text == "back to the list"]
    assert str(back["href"]) == f"/evaluations/{evaluation}?order=best&where=weather%3Drain#items"
    assert "scored items of v1, best first, weather=rain" in second.select(".crumbs")[0].text
    stale = page(world.api, links[1].replace("n=2", "n=9"))  # found again, wherever it is now
    assert "item 2 of 24 in the list" in stale.text
    in_dataset = page(world.api, f"{path_of(world, 'i3')}?key=weather&value=rain")
    assert "item 2 of 24 that match" in in_dataset.text
    assert texts(in_dataset.select("a[rel]:not([target])")) == ["← i1", "i5 →"]
    answer = world.api.http.get(f"{path_of(world, 'i2')}?key=weather&value=rain")
    assert answer.status_code == 404 and "leave the filter out" in answer.text


def test_neighbours_in_a_list_far_from_its_beginning(world: World) -> None:
    """Also if those between were deleted."""
    for name in ("i41", "i43"):
        world.dataset.delete_item(name)
    path = f"{path_of(world, 'i39')}?evaluation={world.evaluation('v2')}&order=first&n=40"
    shown = page(world.api, path)
    (after,) = shown.select("a[rel=next]")
    assert after.text == "i40 →" and "n=41" in str(after["href"])
    (last,) = page(world.api, str(after["href"])).select("a[rel=next]")
    assert last.text == "i42 →" and "n=43" in str(last["href"])


def test_the_newest_evaluation_without_a_score_hides_the_older_one(world: World) -> None:
    """An older score is no newest result; the history has it."""
    kept = [r for r in world.ids if r != "i0"]
    world.client.validate.scenario_tests[0].upload_external_evaluation_results(
        world.function, [EvaluationResult(item_ref_id=r, score=0.5) for r in kept], world.models["v3"].id
    )
    shown = page(world.api, path_of(world, "i0"))
    assert [row.th.text for row in shown.select("#scores tbody tr") if row.th] == ["v2", "v1"]
    assert texts(shown.select("#history tbody td:nth-of-type(2)")) == ["v1", "v2", "v3"]


def test_only_the_newest_models_decide_whether_an_item_always_fails(world: World) -> None:
    """Five of each function on a test: what older ones did is history."""
    (entry,) = world.test.get_eval_functions()
    entry.set_threshold(0.5)
    for i in range(4, 8):
        world.models[f"v{i}"] = world.client.create_model(f"v{i}", f"v{i}")
        world.dataset.upload_scores(
            {"iou": "s"}, world.models[f"v{i}"], {"item_ref_id": world.ids, "s": [0.1] * len(world.ids)}
        )
    (badge,) = page(world.api, path_of(world, "i0")).select("h1 .verdict")
    assert "mostly fails" in badge.text and "it fails in 4 of 5 scores" in str(badge["title"])
    world.upload("v3", 0.1, 5)
    (badge,) = page(world.api, path_of(world, "i0")).select("h1 .verdict")
    assert "always fails" in badge.text
    shown = page(world.api, path_of(world, "i0"))
    assert "the 5 newest models" in texts(shown.select(".heading details"))[0]


def test_releases_stand_in_the_history(world: World) -> None:
    """Beside the scores of their models, as links."""
    world.client.validate.create_release("spring", world.models["v2"])
    rows = page(world.api, path_of(world, "i0")).select("#history tbody tr")
    assert [texts(row.select("td"))[2] for row in rows] == ["–", "spring open", "–"]
    assert rows[1].select("td:nth-of-type(3) a[href^='/releases/rel_']")


@pytest.mark.parametrize(
    "query", ["zoom=nan&at=a,b&n=0&columns=x", "zoom=1e9&at=2,-1&n=99999999999", "where=&order=no"]
)
def test_an_address_that_cannot_be_meant_shows_the_item(world: World, query: str) -> None:
    """What it asks for is passed over or kept within bounds."""
    shown = page(world.api, f"{path_of(world, 'i0')}?{query}")
    assert "item 1 of 48 of the dataset" in shown.text


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
