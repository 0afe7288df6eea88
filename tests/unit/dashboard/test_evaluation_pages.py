"""An evaluation's page: its list by order and filter, the breakdown that leads into it, and the slice made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from bs4 import BeautifulSoup

import nucleus
from nucleus import DatasetItem
from nucleus.validate import EvaluationResult
from nucleus_server.domain import Role
from tests.support.api import Api
from tests.unit.dashboard.browsing import data_of, page, send, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE

N = 60
HEAVY = 'a>=b "quoted"'


class World:
    """Sixty items with metadata of every kind, scored from 0 to 0.59 in steps; ten of them are left out."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.client: nucleus.NucleusClient = api.client()
        self.dataset = self.client.create_dataset("Streets")
        self.dataset.append(
            [
                DatasetItem(
                    reference_id=f"frame_{i:02d}",
                    text=HOSTILE if i == 3 else f"text {i}",
                    metadata={
                        "weather": ("rain", "sun", HOSTILE)[i % 3],
                        "speed": i / 2,
                        "lane": i % 4,
                        "night": i % 2 == 0,
                        **({HEAVY: "x"} if i < 5 else {}),
                    },
                )
                for i in range(N)
            ]
        )
        # From the last item to the first: places in the slice are not those in the dataset.
        self.part = self.dataset.create_slice("All", [f"frame_{i:02d}" for i in reversed(range(N))])
        self.function = self.client.validate.create_external_eval_function("iou")
        self.test = self.client.validate.create_scenario_test("Night", self.part.id, [self.function])
        self.test.get_eval_functions()[0].set_threshold(0.25)
        model = self.client.create_model("m", "m")
        self.test.upload_external_evaluation_results(
            self.function,
            [
                EvaluationResult(item_ref_id=f"frame_{i:02d}", score=i / 100, weight=(i % 10 + 1) / 10)
                for i in range(50)
            ],
            model.id,
        )
        self.path = f"/evaluations/{self.test.get_eval_history()[0].id}"

    def page(self, query: str = "") -> BeautifulSoup:
        """The page at an address."""
        return page(self.api, f"{self.path}?{query}")

    def ids(self, query: str = "") -> list[str]:
        """The reference ids of a page of the list, from its table."""
        return texts(self.page(query).select("table.items figcaption"))


@pytest.fixture
def world(sqlite_api: Api) -> Iterator[World]:
    """Logged in as an admin."""
    made = World(sqlite_api)
    log_in(sqlite_api)
    yield made
    made.client.close()


def frames(*numbers: int) -> list[str]:
    return [f"frame_{i:02d}" for i in numbers]


def test_the_list_is_sorted_and_paged_by_its_address(world: World) -> None:
    """Ties stay in the order of the slice; a page beyond the end is the last one."""
    for query, first in {
        "": (0, 1, 2),
        "order=best": (49, 48, 47),
        "order=heaviest": (49, 39, 29),
        "order=lightest": (40, 30, 20),
        "order=a-z": (0, 1, 2),
        "order=z-a": (49, 48, 47),
        "order=first": (49, 48, 47),
        "order=last": (0, 1, 2),
        "order=nonsense&page=x": (0, 1, 2),
        "page=2": (24, 25, 26),
        "page=999": (48, 49),
    }.items():
        assert world.ids(query)[:3] == frames(*first), query


def test_the_list_is_narrowed_down_by_its_address(world: World) -> None:
    """Scores, the criterion, parts of ids and metadata of each type, all at once."""
    for query, shown in {
        "min=0.1&max=0.12": [10, 11, 12],
        "passed=no&min=0.23": [23, 24],
        "passed=yes&max=0.26": [25, 26],
        "id=_4": list(range(40, 50)),
        "where=speed>=23": [46, 47, 48, 49],
        "where=speed>23&where=speed<24": [47],
        "where=lane=3&where=night!=true&max=0.1": [3, 7],
        "where=night=yes&max=0.03": [0, 2],
        "where=weather=rain&max=0.05": [0, 3],
        "where=weather!=rain&max=0.03": [1, 2],
        "key=weather&op=%3D&value=sun&max=0.05": [1, 4],
        "key=speed&op=<%3D&value=1": [0, 1, 2],
        'where=a>%3Db "quoted"%3Dx': [0, 1, 2, 3, 4],
        'where=a>%3Db "quoted" is missing&max=0.06': [5, 6],
        "key=weather&op=is missing&value=": [],
        "where=weather=snow": [],
    }.items():
        found = world.page(query)
        assert texts(found.select("table.items figcaption")) == frames(*shown), query
        said = f"{len(shown)} of 50 scored items" if shown else "None of 50 scored items fits the filter"
        assert found.select_one(".chips") is not None and said in found.text, query


def test_a_filter_that_cannot_be_meant_shows_nothing_and_why(world: World) -> None:
    """Beside the form, with what was typed still in it."""
    for query, said in {
        "min=low": "expected a number such as 0.5 for the lowest score, got 'low'",
        "where=wether=rain": "'weather'",
        "where=speed=fast": "the values of 'speed' are numbers",
        "where=weather>3": "the values of 'weather' are texts",
        "where=night=maybe": "the values of 'night' are truth values",
        "&".join(f"where=speed>{i}" for i in range(51)): "at most 50 conditions",
    }.items():
        answer = world.api.http.get(f"{world.path}?{query}")
        found = BeautifulSoup(answer.text, "html.parser")
        alert = found.select_one("#items [role=alert]")
        assert answer.status_code == 422 and alert is not None and said in alert.text, query
        assert found.select("table.items") == [] and "until the filter can be read" in found.text
        assert found.select_one("#save") is None


def test_without_a_criterion_nothing_passes_or_fails(world: World) -> None:
    """There is no such field, and an address that asks for it is refused."""
    world.test.get_eval_functions()[0].set_threshold(None)
    assert world.page().select_one("#filter-passed") is None
    answer = world.api.http.get(f"{world.path}?passed=no")
    assert answer.status_code == 422 and "no criterion" in answer.text


def test_every_value_of_a_breakdown_leads_to_its_items(world: World) -> None:
    """As many as it says, and each item is in one group."""
    for key in ("weather", "speed", "lane", "night", HEAVY):
        seen: list[str] = []
        for row in world.page(urlencode({"by": key})).select("#breakdown tbody tr"):
            query = urlsplit(str(row.select("a")[0]["href"])).query
            assert parse_qs(query)["by"] == [key]
            n_items = int(texts(row.select("td"))[0])
            listed = world.ids(query) + (world.ids(f"{query}&page=2") if n_items > 24 else [])
            assert len(listed) == n_items, (key, row.text)
            seen += listed
        assert sorted(seen) == frames(*range(50)), key


def test_the_gallery_shows_the_same_items(world: World) -> None:
    """Large, with their scores; the address says so, and the way back is on the page."""
    found = world.page("view=gallery&max=0.02")
    assert texts(found.select(".gallery figcaption")) == frames(0, 1, 2)
    assert texts(found.select(".gallery p")) == ["0.0000 ✗ failed", "0.0100 ✗ failed", "0.0200 ✗ failed"]
    (back,) = [a for a in found.select("#items nav a") if a.text == "Table"]
    assert world.ids(urlsplit(str(back["href"])).query) == frames(0, 1, 2)


def test_a_bar_of_the_histogram_leads_to_its_items(world: World) -> None:
    """Every bin to as many as it counts, also where scores are on an edge; the range is a filter that can be taken away."""
    found = world.page("order=best&by=lane")
    rows = found.select(".chart-card details tbody tr")
    specs = [b["path"] for b in json.loads(str(found.select("#distribution-spec")[0].string))["datasets"]["bins"]]
    assert [str(row.select("a")[0]["href"]) for row in rows] == specs and len(rows) == 20
    seen: list[str] = []
    for row in rows:
        query = urlsplit(str(row.select("a")[0]["href"])).query
        assert parse_qs(query)["order"] == ["best"] and parse_qs(query)["by"] == ["lane"]
        shown = world.page(query)
        ids = texts(shown.select("table.items figcaption"))
        assert len(ids) == int(texts(row.select("td"))[2]), row.text
        seen += ids
    assert sorted(seen) == frames(*range(50))
    shown = world.page("score=0.1..0.15&passed=no")
    item = str(shown.select("table.items figcaption a")[0]["href"])
    assert parse_qs(urlsplit(item).query)["score"] == ["0.1..0.15"]
    assert texts(shown.select(".chips li"))[0].startswith("0.1 ≤ score < 0.15")
    (way,) = [a for a in shown.select(".chips a") if "score" in str(a.get("aria-label"))]
    assert "score=" not in str(way["href"])
    assert ("score", "0.1..0.15") in data_of(shown.select_one("form.filters") or shown).items()
    for wrong in ("score=low..1", "score=0.5", "score=.."):
        assert world.api.http.get(f"{world.path}?{wrong}").status_code == 422, wrong
    assert len(world.ids("score=0.45..")) == 5 and len(world.ids("score=..0.05")) == 5


def test_the_file_of_the_list_is_asked_for_as_the_list_is(world: World) -> None:
    """With its filter and order."""
    links = [str(a["href"]) for a in world.page("passed=no&order=best").select("#items .files a")]
    assert [urlsplit(link).path for link in links] == [f"{world.path}/items.csv", f"{world.path}/items.parquet"]
    assert parse_qs(urlsplit(links[0]).query) == {"passed": ["no"], "order": ["best"]}


def test_where_scores_are_missing(world: World) -> None:
    """A breakdown counts them for each value, and each number leads to just those members."""
    found = world.page("by=weather")
    rows = {texts(r.select("th"))[0]: r for r in found.select("#breakdown tbody tr")}
    assert {name: texts(row.select("td"))[3] for name, row in rows.items()} == {"rain": "3", "sun": "3", HOSTILE: "4"}
    assert texts(rows["sun"].select("td"))[4] == "◐ 85.0\u00a0%".replace("\u00a0", " ")
    query = urlsplit(str(rows["sun"].select("a")[1]["href"])).query
    shown = world.page(query)
    assert texts(shown.select("#missing figcaption")) == frames(58, 55, 52)
    missing = shown.select_one("#missing")
    assert missing is not None and "Only those with weather=sun" in missing.text


def test_the_result_by_weights_with_its_interval_and_place(world: World) -> None:
    """What it would be without weights, against the same criterion; what it is certain of; where it stands."""
    found = world.page()
    weights = [texts(row.select("td")) for row in found.select("#weights tbody tr")]
    assert [row[1] for row in weights] == ["✓ passed", "✗ failed"] and weights[1][0] == "0.2450"
    waiting = found.select_one("#interval[hx-get]")
    assert waiting is not None
    part = world.api.http.get(str(waiting["hx-get"]), headers={"hx-request": "true"})
    low, high = (float(text) for text in re.findall(r"0\.\d{4}", part.text)[:2])
    assert low < float(found.select_one("#result").text) < high and "50 clusters" in part.text  # type: ignore[union-attr]
    assert f"{low:.4f} to {high:.4f}" in world.page().text
    table = {"item_ref_id": frames(*range(60)), "score": [0.9] * 60}
    world.test.upload_external_evaluation_results(world.function, table, world.client.create_model("n", "n").id)
    again = world.page()
    assert "2 of 2" in again.text and "the best: 0.9000 of n" in again.text


def test_what_is_missing_is_paged(world: World) -> None:
    """In the order of the slice; a deleted member is not missing."""
    found = world.page()
    assert texts(found.select("#missing figcaption")) == frames(*range(59, 49, -1))
    world.dataset.delete_item("frame_59")
    found = world.page()
    assert "9 members of the slice:" in found.select_one("#missing").text  # type: ignore[union-attr]
    assert texts(found.select("#missing figcaption")) == frames(*range(58, 49, -1))


def test_filters_are_taken_away_one_by_one(world: World) -> None:
    """Each has its own link; the form keeps order, view and conditions, and forgets the page."""
    found = world.page("order=best&view=gallery&page=1&min=0.1&where=lane=1&where=night=false&id=frame")
    chips = found.select(".chips .tag")
    assert texts(chips)[0] == "score ≥ 0.1 ✕" and len(chips) == 4
    query = parse_qs(urlsplit(str(chips[2].select("a")[0]["href"])).query)
    assert query["where"] == ["night=false"] and query["min"] == ["0.1"] and query["order"] == ["best"]
    form = found.select_one("#items form.filters")
    assert form is not None
    hidden = [(i["name"], i["value"]) for i in form.select("input[type=hidden]")]
    assert hidden == [("view", "gallery"), ("order", "best"), ("where", "lane=1"), ("where", "night=false")]
    assert world.ids("page=3&min=0.4&max=0.41") == frames(40, 41)


def test_a_part_of_the_page_is_the_list(world: World) -> None:
    """What htmx swaps is the list alone, with the page's own links."""
    answer = world.api.http.get(f"{world.path}?page=2", headers={"HX-Request": "true", "HX-Target": "items"})
    assert answer.text.lstrip().startswith('<section class="card" id="items"') and "frame_24" in answer.text


def test_the_list_becomes_a_slice(world: World) -> None:
    """In its order, as far as it is filtered; the page then says how to make a test of it."""
    at = f"{world.path}?order=best&where=lane=1"
    answer = send(world.api, at, "#save", name="Fast lane")
    assert answer.status_code == 303, answer.text
    target = answer.headers["location"]
    found = page(world.api, target)
    note = found.select_one("#items [role=status]")
    assert note is not None and "Fast lane" in note.text and "13 items" in note.text
    (made,) = [s for s in world.dataset.slices if s.name == "Fast lane"]
    expected = frames(*[i for i in reversed(range(50)) if i % 4 == 1])
    assert [item.reference_id for item in made.items] == expected
    code = note.select_one("code")
    assert code is not None and made.id in code.text and "create_scenario_test('Fast lane'" in code.text
    lines = [line for line in code.text.splitlines() if not line.startswith(("import", "client ="))]
    exec("\n".join(lines), {"client": world.client})
    assert [t.name for t in world.client.validate.scenario_tests if t.name == "Fast lane"] == ["Fast lane"]


def test_the_worst_ones_become_a_slice_without_deleted_items(world: World) -> None:
    """The first of the list; a member that was deleted since is left out."""
    world.dataset.delete_item("frame_01")
    answer = send(world.api, world.path, "#save", name="Worst", count="3")
    assert answer.status_code == 303
    (made,) = [s for s in world.dataset.slices if s.name == "Worst"]
    assert [item.reference_id for item in made.items] == frames(0, 2)


def test_a_slice_that_cannot_be_is_explained(world: World) -> None:
    """Nothing is made, and what was typed is still there."""
    cases: list[tuple[dict[str, str], str]] = [
        ({"name": ""}, "expected some text"),
        ({"name": "x" * 256}, "at most 255 characters"),
        ({"name": "a", "count": "0"}, "of at least 1"),
        ({"name": "a", "count": "1.5"}, "a whole number"),
        ({"name": "a", "count": "1000001"}, "a whole number from 1 to 1,000,000"),
        ({"name": "a", "count": "many"}, "expected a number"),
        ({"name": "a", "query": "where=weather%3Dsnow"}, "no scored item fits"),
        ({"name": "a", "query": "where=nothing"}, "metadata keys"),
    ]
    for typed, said in cases:
        answer = send(world.api, world.path, "#save", **typed)
        found = BeautifulSoup(answer.text, "html.parser")
        assert answer.status_code == 422 and said in found.text, typed
        name = found.select_one("#save-name")
        assert name is not None and name["value"] == typed["name"] and found.select_one(".saving[open]") is not None
    assert [s.name for s in world.dataset.slices] == ["All"]


def test_only_members_make_slices(world: World) -> None:
    """A viewer sees no form and is refused; a form without its token is refused."""
    form = world.page().select_one("#save")
    assert form is not None
    data = data_of(form) | {"name": "x"}
    assert world.api.http.post(f"{world.path}/slice", data=data | {"csrf_token": "no"}).status_code == 403
    log_in(world.api, key=world.api.new_key("eve", Role.VIEWER))
    found = world.page()
    assert found.select_one("#save") is None and "a member can save this list" in found.text
    token = found.select_one("[name=csrf_token]")
    assert token is not None
    assert world.api.http.post(f"{world.path}/slice", data=data | {"csrf_token": token["value"]}).status_code == 403
    assert [s.name for s in world.dataset.slices] == ["All"]


def test_hostile_text_stays_text(world: World) -> None:
    """In filters, breakdown, metadata, and in an address that somebody else made."""
    found = world.page("by=weather&where=" + "weather%3D" + "%3Cscript%3Ealert(1)%3C/script%3E")
    assert found.select("script:not([src]):not([type='application/json'])") == [] and found.select("img[src=x]") == []
    found = world.page("by=weather")
    assert HOSTILE in texts(found.select("#breakdown tbody th")) and "49" not in texts(found.select("#breakdown h2"))


def test_items_without_metadata_say_what_to_run(world: World) -> None:
    """There is nothing to break down by, and how to change that."""
    other = world.client.create_dataset("Bare")
    other.append([DatasetItem(reference_id="1", text="t")])
    test = world.client.validate.create_scenario_test("Bare", other.create_slice("s", ["1"]).id, [world.function])
    test.upload_external_evaluation_results(
        world.function, [EvaluationResult(item_ref_id="1", score=0.5)], world.client.create_model("b", "b").id
    )
    found = page(world.api, f"/evaluations/{test.get_eval_history()[0].id}")
    section = found.select_one("#breakdown")
    assert section is not None and "no metadata" in section.text and other.id in section.text
    assert found.select_one("#filter-key") is None
