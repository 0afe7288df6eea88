"""Several models beside each other: on a pair's page, on a test, over a suite; the address holds all of it."""

from __future__ import annotations

import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
from bs4 import BeautifulSoup, Tag

from nucleus_server.dashboard.pages import model_comparison, suite_comparison
from nucleus_server.dashboard.pages.comparison_lists import ComparisonAddress, read_comparison_address
from nucleus_server.services.side_by_side import Kind, Order
from tests.support.api import Api
from tests.unit.dashboard.browsing import data_of, page, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE, World


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """Three models on one test, and half of its items in another test."""
    made = World(sqlite_api)
    part = made.dataset.create_slice("Half", made.ids[:24])
    made.client.validate.create_scenario_test("Dawn", part.id, [made.function]).set_baseline_model(made.models["v1"].id)
    made.work()
    log_in(sqlite_api)
    return made


def models_path(world: World, *names: str, **query: str) -> str:
    """The page of these models on the test."""
    ids = ",".join(world.models[name].id for name in names)
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"/tests/{world.test.id}/compare?models={ids}{more}"


def rows_of(found: BeautifulSoup | Tag, selector: str) -> list[list[str]]:
    """Cells of a table."""
    return [texts(row.select("th, td")) for row in found.select(f"{selector} tbody tr")]


def test_counts_of_a_pair_lead_to_their_lists(world: World) -> None:
    """Better, worse and equal add up to all items, and each list has as many as its count says."""
    shown = page(world.api, world.compare_path())
    links = shown.select("#changes a")
    counts = [int(re.sub(r"\D", "", link.text)) for link in links]
    assert sum(counts) == 48 and [re.sub(r"\W|\d", "", link.text) for link in links] == ["better", "worse", "equal"]
    for link, count in zip(links, counts, strict=True):
        path = str(link["href"]).partition("#")[0]
        listed = page(world.api, path)
        text = listed.select_one("#items").text  # type: ignore[union-attr]
        assert f"{count} of 48 compared items" in text or count in (0, 48)
        assert len(listed.select("#items tbody tr")) == min(count, 24)
        assert listed.select_one("#changes [aria-current]") is not None
    worse = page(world.api, str(links[1]["href"]).partition("#")[0])
    contributions = [float(row[5].replace("−", "-")) for row in rows_of(worse, "#items")]
    assert contributions == sorted(contributions) and contributions[-1] < 0


def test_the_scatter_is_loaded_behind_the_page(world: World) -> None:
    """Its cells lead to lists as long as their numbers; without htmx the address is the page with it; ranges are its brush."""
    path = world.compare_path()
    section = page(world.api, path).select_one("#scatter")
    assert section is not None and section["hx-get"] == f"{path}/scatter"
    part = world.api.http.get(f"{path}/scatter", headers={"HX-Request": "true"})
    shown = BeautifulSoup(part.text, "html.parser")
    assert shown.select_one("html") is None
    cells = shown.select("table.grid a")
    assert sum(int(cell.text) for cell in cells) == 48
    for cell in cells[:3]:
        listed = page(world.api, str(cell["href"]).partition("#")[0])
        assert len(listed.select("#items tbody tr")) == min(int(cell.text), 24)
        assert len(listed.select("#items .chips li")) == 3
    spec = json.loads(str(shown.select("script")[0].string))
    assert len(spec["datasets"]["points"]) == 48 and "value" not in spec["params"][0]
    whole = page(world.api, f"{path}/scatter?a=0.2..0.4")
    assert whole.select_one("h1") is not None and len(whole.select("table.grid a")) == len(cells)
    spec = json.loads(str(whole.select("#scatter script")[0].string))
    assert spec["params"][0]["value"] == {"x": [0.2, 0.4], "y": [0, 1]}


def test_many_items_are_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit there is not a point for each item."""
    monkeypatch.setattr("nucleus_server.dashboard.pages.pair_parts._MOST_POINTS", 10)
    shown = page(world.api, f"{world.compare_path()}/scatter")
    spec = json.loads(str(shown.select("#scatter script")[0].string))
    assert "points" not in spec["datasets"] and sum(b["count"] for b in spec["datasets"]["bins"]) == 48


def test_four_numbers_become_an_address(world: World) -> None:
    """A form's fields are written as ranges; a part says so to htmx; what is no number says what was expected."""
    path = world.compare_path()
    typed = f"{path}?a_min=0.5&a_max=&b_min=&b_max=0.7&sort=against"
    answer = world.api.http.get(typed, follow_redirects=False)
    assert answer.headers["location"] == f"{path}?sort=against&a=0.5..&b=..0.7#items"
    part = world.api.http.get(typed, headers={"HX-Request": "true", "HX-Target": "section#items"})
    assert part.headers["hx-push-url"] == f"{path}?sort=against&a=0.5..&b=..0.7" and "<html" not in part.text
    wrong = world.api.http.get(f"{path}?a=low..high")
    assert wrong.status_code == 422 and "expected a number such as 0.5 at either end of a range" in wrong.text
    assert world.api.http.get(f"{path}?a=0.5").status_code == 422
    for nonsense in ("sort=low-99", "sort=nothing", "of=77", "only=nothing", "page=999", "where=", "a=nan..1"):
        assert world.api.http.get(f"{path}?{nonsense}").status_code in (200, 422), nonsense


@pytest.mark.parametrize(
    "address",
    [
        ComparisonAddress("/x"),
        ComparisonAddress("/x", (("by", "a b&c"),), 2, Order(Kind.LOW, 1), 3, "0.1..<0.2", "..5", "worse", (HOSTILE,)),
    ],
)
def test_addresses_say_the_same_when_read(address: ComparisonAddress) -> None:
    """Whatever is in them."""
    query = urlsplit(address.text()).query
    assert read_comparison_address("/x", query, ("by",)) == address


def test_values_that_moved_most_lead_on(world: World) -> None:
    """Over all keys, without choosing one; each value leads to its items, each key to its table; clusters do too."""
    path = world.compare_path()
    shown = page(world.api, f"{path}/moved")
    rows = shown.select("#moved tbody tr")
    assert len(rows) == 10 and {row.select("td")[0].text for row in rows} == {"drive", "weather"}
    value = next(row for row in rows if row.select("td")[0].text == "weather")
    listed = page(world.api, str(value.select("a")[1]["href"]).partition("#")[0])
    assert len(listed.select("#items tbody tr")) == 24
    keyed = page(world.api, str(value.select("a")[0]["href"]).partition("#")[0])
    assert len(keyed.select("#by-metadata tbody tr")) == 2
    cluster = page(world.api, path).select("#by-cluster tbody a")
    assert len(cluster) == 10
    listed = page(world.api, str(cluster[0]["href"]).partition("#")[0])
    assert len(listed.select("#items tbody tr")) == 3


def test_a_list_is_saved_as_a_slice(world: World) -> None:
    """Exactly the items that the address shows, in its order; a name is needed."""
    path = f"{world.compare_path()}?sort=against&only=worse&a=0.75.."
    shown = page(world.api, path)
    form = shown.select_one("#save")
    assert form is not None
    data = data_of(form) | {"name": "Worst five", "count": "5"}
    answer = world.api.http.post(str(form["action"]), data=data, follow_redirects=False)
    assert answer.status_code == 303
    saved = page(world.api, answer.headers["location"].partition("#")[0])
    assert saved.select_one("#items .note[role=status]") is not None
    slice_id = parse_qs(urlsplit(answer.headers["location"]).query)["saved"][0]
    refs = [figure.select_one("figcaption").text.strip() for figure in shown.select("#items figure")]  # type: ignore[union-attr]
    assert [item.reference_id for item in world.ws.slice_items(slice_id)] == refs[:5]
    refused = world.api.http.post(str(form["action"]), data=data | {"name": ""})
    assert refused.status_code == 422 and "expected some text, got nothing" in refused.text


def test_models_beside_each_other(world: World) -> None:
    """The baseline first; results, verdicts and counts of each candidate; lists sorted for the chosen one; links to pairs."""
    shown = page(world.api, models_path(world, "v2", "v3"))
    rows = shown.select("#models tbody tr")
    assert [row.select_one("th a").text for row in rows] == ["v1", "v2", "v3"]  # type: ignore[union-attr]
    assert "▼ worse" in rows[1].text and "48 items that all 3 models scored" in shown.text
    assert rows[1].select_one(f"a[href='{world.compare_path('v2')}']") is not None
    assert texts(shown.select("#items thead th a")) == ["v1", "v2", "v3"]
    link = rows[2].select("ul.changes a")[1]
    listed = page(world.api, str(link["href"]).partition("#")[0])
    count = int(re.sub(r"\D", "", link.text))
    assert len(listed.select("#items tbody tr")) == min(count, 24) and "worse by v3" in listed.text
    heads = listed.select("#items thead a")
    sorted_ = page(world.api, str(heads[2]["href"]))
    scores = [float(row[4][:6]) for row in rows_of(sorted_, "#items")]
    assert scores == sorted(scores)
    spread = page(world.api, models_path(world, "v2", "v3", sort="spread"))
    gaps = [[float(cell[:6]) for cell in row[2:5]] for row in rows_of(spread, "#items")]
    assert [max(g) - min(g) for g in gaps] == sorted((max(g) - min(g) for g in gaps), reverse=True)


def test_what_cannot_be_compared_says_why(world: World) -> None:
    """No candidate, an unknown one, one without an evaluation; the form is there in any case, with code where it helps."""
    other = world.client.create_model("v4", "v4")
    plain = page(world.api, f"/tests/{world.test.id}/compare")
    assert len(plain.select("input[name=models]")) == 3 and plain.select_one("#items") is None
    absent = page(world.api, f"{models_path(world, 'v2')},{other.id}")
    assert "v4: upload scores to compare it too" in absent.text and "upload_scores" in absent.text
    for query, words in (
        (f"models={other.id}", "expected at least one model beside the baseline"),
        ("models=prj_nothing", "prj_nothing"),
        (f"baseline={other.id}&models={world.models['v2'].id}", "expected a baseline that was evaluated"),
        (f"baseline={world.models['v2'].id}", "Expected at least one model"),
    ):
        answer = world.api.http.get(f"/tests/{world.test.id}/compare?{query}")
        assert answer.status_code == 422 and words in answer.text and 'name="models"' in answer.text, query
    assert world.api.http.get(f"/tests/{world.test.id}/compare?function=ef_nothing").status_code == 404
    assert len(page(world.api, f"/tests/{world.test.id}").select("#compare-models input[name=models]")) == 3


def test_a_suite_counts_verdicts(world: World) -> None:
    """Candidates by tests; counts lead to their rows; rows to the items of a test; the report leads here."""
    ids = [world.models[name].id for name in ("v2", "v3")]
    shown = page(world.api, f"/compare?baseline=own&models={','.join(ids)}")
    assert [row[0].split()[0] for row in rows_of(shown, "#suite")] == ["Dawn", "Night"]
    counts = shown.select("#counts tbody tr")[0].select("ul a")
    worse = next(a for a in counts if "worse" in a.text)
    assert "2 worse" in worse.text
    narrowed = page(world.api, str(worse["href"]).partition("#")[0])
    assert len(narrowed.select("#suite tbody tr")) == 2 and "v2: worse" in narrowed.text
    none = next(a for a in counts if "better" in a.text)
    assert page(world.api, str(none["href"]).partition("#")[0]).select("#suite tbody tr") == []
    row = shown.select("#suite tbody tr")[0]
    assert page(world.api, str(row.select("th a")[1]["href"])).select("#items tbody tr")
    report = page(world.api, f"/report?model={ids[0]}")
    link = report.select_one("#verdicts a")
    assert link is not None and "2 worse" in report.text
    assert len(page(world.api, str(link["href"])).select("#suite tbody tr")) == 2
    for query, words in (
        ("baseline=own", "Expected at least one model"),
        (f"models={ids[0]}&tag=nothing", "none has this tag"),
        (f"models={ids[0]}&test=st_no", "st_no"),
        (f"baseline={ids[0]}&models={ids[0]}", "expected at least one model"),
    ):
        answer = world.api.http.get(f"/compare?{query}")
        assert answer.status_code == 422 and words in answer.text, query
    assert page(world.api, "/compare").select("input[name=models]")


def test_items_that_got_worse_in_several_tests(world: World) -> None:
    """Those in most tests first, then by the loss; where and by how much; kept as a slice; one test is enough if asked."""
    suite = f"baseline=own&models={world.models['v2'].id}"
    shown = page(world.api, f"/compare/worse?{suite}")
    rows = rows_of(shown, "#worse")
    assert rows and all(row[2] == "2 tests" for row in rows)
    losses = [float(row[3]) for row in rows]
    assert losses == sorted(losses, reverse=True)
    where = shown.select("#worse tbody tr")[0].select(".where li")
    drops = [[float(n) for n in re.findall(r"\d\.\d{4}", each.text)] for each in where]
    assert len(drops) == 2 and losses[0] == pytest.approx(sum(a - b for a, b in drops), abs=2e-4)
    assert page(world.api, str(where[0].select_one("a")["href"]).partition("#")[0]).select("#items tbody tr")  # type: ignore[index]
    part = world.api.http.get(f"/compare/worse?{suite}&least=1", headers={"HX-Request": "true"})
    assert (
        "<html" not in part.text and "1 test</td>" in world.api.http.get(f"/compare/worse?{suite}&least=1&page=2").text
    )
    form = shown.select_one("#save")
    assert form is not None
    answer = world.api.http.post(
        str(form["action"]), data=data_of(form) | {"name": "Twice worse", "count": ""}, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text
    slice_id = parse_qs(urlsplit(answer.headers["location"]).query)["saved"][0]
    assert f"{world.ws.get_slice(slice_id).n_members} items" in shown.select_one("#worse .pages").text  # type: ignore[union-attr]
    assert page(world.api, answer.headers["location"].partition("#")[0]).select_one("#worse .note") is not None


def test_tables_as_files(world: World) -> None:
    """Items by models, tests by candidates, and items that got worse, as CSV and Parquet with the same rows."""
    ids = ",".join(world.models[name].id for name in ("v2", "v3"))
    for path, n_rows in (
        (models_path(world, "v2", "v3").replace("compare?", "compare/items.{}?"), 48),
        (f"/compare.{{}}?baseline=own&models={ids}", 4),
        (f"/compare/worse.{{}}?baseline=own&models={ids}", None),
    ):
        csv = world.api.http.get(path.format("csv"))
        parquet = world.api.http.get(path.format("parquet"))
        assert csv.status_code == parquet.status_code == 200, csv.text
        read, again = pl.read_csv(csv.content), pl.read_parquet(io.BytesIO(parquet.content))
        assert read.columns == again.columns and len(read) == len(again) > 0
        assert n_rows is None or len(read) == n_rows
        assert world.api.http.get(path.format("xlsx")).status_code == 404


def test_verdicts_are_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both pages say how far they are, and never show a verdict that is not there."""
    monkeypatch.setattr(model_comparison, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(suite_comparison, "_PATIENCE_S", 0.0)
    ids = [world.models[name].id for name in ("v2", "v3")]
    for path, progress in (
        (models_path(world, "v2", "v3"), f"/tests/{world.test.id}/compare/progress?models={','.join(ids)}"),
        (f"/compare?baseline=own&models={','.join(ids)}", f"/compare/progress?baseline=own&models={','.join(ids)}"),
    ):
        world.dataset.set_cluster_key("weather" if "tests" in path else "drive")
        world.upload("v2", 0.6, 9)
        shown = page(world.api, path)
        assert shown.select_one("#progress") is not None and "… computing" in re.sub(r"\s+", " ", shown.text)
        assert "computed" in world.api.http.get(progress, headers={"HX-Request": "true"}).text
        assert world.api.http.get(progress, follow_redirects=False).status_code == 303
        world.work()
        assert world.api.http.get(progress, headers={"HX-Request": "true"}).headers.get("hx-refresh") == "true"
        assert page(world.api, path).select_one("#progress") is None
