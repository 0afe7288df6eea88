"""Items and members of slices in any shape and of any number."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import httpx2
import numpy
import pandas
import polars
import pyarrow
import pytest

import nucleus
from nucleus import DatasetItem, _appending, _columns, _dataset, _slice, _tables
from tests.unit.sdk.wire import JOB_HANDLE, Wire

APPEND = ("POST", "dataset/ds_1/append")
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)


@pytest.fixture
def dataset(wire: Wire) -> nucleus.Dataset:
    """A dataset that takes items and slices; requests are small."""
    wire.routes["POST", "dataset/ds_1/append?async=1"] = JOB_HANDLE
    wire.routes[APPEND] = {"new_items": 2}
    wire.routes["POST", "dataset/ds_1/create_slice"] = {"slice_id": "slc_1"}
    wire.routes["POST", "slice/slc_1/append"] = {"slice_id": "slc_1", "new_items": 2}
    wire.routes["DELETE", "slice/slc_1"] = {"message": "Slice deleted"}
    wire.routes["GET", "slice/slc_1/info"] = {"dataset_id": "ds_1"}
    wire.http = httpx2.Client(transport=httpx2.MockTransport(lambda request: _answer(wire, request)))
    return wire.client().get_dataset("ds_1")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two items or ids to a request."""
    monkeypatch.setattr(_appending, "ITEMS_PER_REQUEST", 2)
    monkeypatch.setattr(_slice, "IDS_PER_REQUEST", 2)
    monkeypatch.setattr(_dataset, "IDS_PER_REQUEST", 2)


def _answer(wire: Wire, request: httpx2.Request) -> httpx2.Response:
    route = request.url.raw_path.decode()
    if request.method == "PUT" or "/signedUrl/" in route:
        wire.requests.append(request)
        return httpx2.Response(200, json={"signed_url": "https://storage.test/put"})
    return wire._answer(request)


def sent_items(wire: Wire) -> list[dict[str, Any]]:
    """All items that were sent, in order."""
    items: list[dict[str, Any]] = []
    for request in wire.requests:
        if request.method == "PUT":
            items += map(json.loads, request.content.splitlines())
        elif request.url.path.endswith("/append") and not request.url.query:
            items += json.loads(request.content)["items"]
    return items


def texts(n: int) -> list[DatasetItem]:
    """Items of text."""
    return [DatasetItem(text="t", reference_id=f"r{i}") for i in range(n)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_items_go_in_requests_and_the_last_is_a_job(wire: Wire, dataset: nucleus.Dataset, n: int) -> None:
    """Every item once, in order, from a list and from a generator alike."""
    for source in (texts(n), iter(texts(n))):
        wire.requests.clear()
        assert dataset.append(source, update=True).job_id == "job_1"
        routes = [route.partition("?")[0].rpartition("/")[2] for method, route in wire.sent() if method == "POST"]
        assert routes == ["append"] * ((n + 1) // 2)
        assert [item["reference_id"] for item in sent_items(wire)] == [f"r{i}" for i in range(n)]
        assert all(json.loads(r.content)["update"] is True for r in wire.requests if r.method == "POST")
        assert wire.last.url.query == b"async=1"


@pytest.mark.usefixtures("small")
def test_files_in_a_stream_go_beside_the_other_items(wire: Wire, dataset: nucleus.Dataset, tmp_path: Path) -> None:
    """As many to a request as was asked for."""
    path = tmp_path / "a.png"
    path.write_bytes(b"png")
    items = [item for i, text in enumerate(texts(5)) for item in (text, DatasetItem(str(path), reference_id=f"f{i}"))]
    dataset.append(iter(items), local_files_per_upload_request=3)
    assert [item["reference_id"] for item in sent_items(wire)] == [f"r{i}" for i in range(5)]
    forms = [r for r in wire.requests if r.headers.get("content-type", "").startswith("multipart")]
    files = [form.content.count(b'name="image"') for form in forms]
    assert files == [3, 2]


COLUMNS = {
    "reference_id": ["a", "b"],
    "image_location": ["https://x/a.jpg", None],
    "text": [None, "t"],
    "width": [640, None],
    "weather": ["rain", None],
    "speed": [1.5, 2.0],
    "taken": [NOON, None],
    "metadata": [{"k": 1}, {"k": 2}],
}
EXPECTED = [
    {
        "reference_id": "a",
        "image_url": "https://x/a.jpg",
        "width": 640,
        "metadata": {"k": 1, "weather": "rain", "speed": 1.5, "taken": "2026-01-01T12:00:00Z"},
    },
    {"reference_id": "b", "text": "t", "metadata": {"k": 2, "speed": 2.0}},
]
TABLES = {
    "columns": COLUMNS,
    "arrays": {**COLUMNS, "reference_id": numpy.array(["a", "b"]), "speed": pandas.Series([1.5, 2.0])},
    "polars": polars.DataFrame(COLUMNS),
    "lazy": polars.LazyFrame(COLUMNS),
    "pandas": pandas.DataFrame(COLUMNS, index=["x", "y"]),
    "pyarrow": pyarrow.table(COLUMNS),
    "reader": pyarrow.table(COLUMNS).to_reader(max_chunksize=1),
}


@pytest.mark.parametrize("shape", TABLES)
def test_tables_of_items(wire: Wire, dataset: nucleus.Dataset, shape: str) -> None:
    """Columns of the names of fields are fields, the others metadata; an empty cell is no key."""
    dataset.append(TABLES[shape])
    assert sent_items(wire) == EXPECTED


def test_tables_of_items_by_pyarrow_alone(
    wire: Wire, dataset: nucleus.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same again."""
    monkeypatch.setattr(_tables, "find_module", lambda name: None if name == "polars" else _columns.find_module(name))
    dataset.append(TABLES["pyarrow"])
    assert sent_items(wire) == EXPECTED


def test_numbers_of_other_libraries_in_metadata(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Decimals and numpy's numbers are numbers."""
    cells = numpy.array([numpy.int64(3)], dtype=object)
    dataset.append({"reference_id": ["a"], "price": [decimal.Decimal("1.5")], "n": cells, "ok": numpy.array([True])})
    assert sent_items(wire)[0]["metadata"] == {"price": 1.5, "n": 3, "ok": True}


NO_NUMBER = {"reference_id": ["a"], "x": numpy.array([numpy.nan])}


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ({"text": ["a"]}, "column 'reference_id', .* it has 'text'"),
        (polars.DataFrame({"text": ["a"]}), "column 'reference_id', .* it has 'text'"),
        ({"reference_id": ["a", "b"], "text": ["t"]}, "one length, got 'text' with only 1"),
        ({"reference_id": ["a", "a"], "text": ["t", "t"]}, "once, got 1 more than once, the first 'a'"),
        (pandas.DataFrame({"reference_id": ["a", "a"], "text": ["t", "t"]}), "once, got 1 more than once"),
        (pyarrow.table({"reference_id": ["a", "a"], "text": ["t", "t"]}), "once, got 1 more than once"),
        (iter([*texts(2), *texts(1)]), "once, got 1 more than once, the first 'r0'"),
        ([*texts(1), "r1"], "DatasetItem objects, got str as item 1"),
        ("photo.jpg", "DatasetItem objects, .* got str"),
        ({"reference_id": []}, "at least one item"),
        (NO_NUMBER, "item 'a': its metadata .* not JSON compliant"),
        ([DatasetItem(reference_id="a", metadata={"x": {1, 2}})], "item 'a': its metadata .* not JSON serializable"),
    ],
)
def test_sources_that_cannot_be_appended(wire: Wire, dataset: nucleus.Dataset, source: Any, match: str) -> None:
    """Said before anything is sent."""
    with pytest.raises(ValueError, match=match):
        dataset.append(source)
    assert wire.requests == []


REFS = ["r0", "r1", "r2", "r3", "r4"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "ids",
    [
        REFS,
        iter(REFS),
        dict.fromkeys(REFS).keys(),
        numpy.array(REFS),
        polars.Series(REFS),
        pandas.Series(REFS),
        pyarrow.array(REFS),
        pyarrow.chunked_array([REFS[:1], REFS[1:]]),
    ],
    ids=lambda ids: type(ids).__module__ + "." + type(ids).__name__,
)
def test_members_of_a_slice_in_any_shape(wire: Wire, dataset: nucleus.Dataset, ids: Any) -> None:
    """The first request makes the slice, the others fill it."""
    assert dataset.create_slice("s", ids).id == "slc_1"
    assert [json.loads(r.content)["reference_ids"] for r in wire.requests] == [REFS[:2], REFS[2:4], REFS[4:]]
    assert [route for _, route in wire.sent()] == ["dataset/ds_1/create_slice", *["slice/slc_1/append"] * 2]


@pytest.mark.usefixtures("small")
def test_half_a_slice_is_none(wire: Wire, dataset: nucleus.Dataset) -> None:
    """If a later request fails, or a later id is no text, the slice is deleted again."""
    wire.routes["POST", "slice/slc_1/append"] = (422, {"error": "unknown", "code": "unknown_reference_ids"})
    with pytest.raises(nucleus.BadRequestError, match="unknown"):
        dataset.create_slice("s", REFS)
    assert wire.sent()[-1] == ("DELETE", "slice/slc_1")
    with pytest.raises(ValueError, match="texts, got 7 in place 2"):
        dataset.create_slice("s", ["a", "b", 7])  # type: ignore[list-item]
    assert wire.sent()[-1] == ("DELETE", "slice/slc_1")


@pytest.mark.usefixtures("small")
def test_a_slice_grows_by_any_number(wire: Wire, dataset: nucleus.Dataset) -> None:
    """The new members of all requests are counted together; a single text is no list of ids."""
    part = wire.client().get_slice("slc_1")
    assert part.append(polars.Series(REFS)) == {"slice_id": "slc_1", "new_items": 6}
    assert part.append([]) == {"slice_id": "slc_1", "new_items": 2}
    for wrong in ("r0", polars.DataFrame({"r": REFS})):
        with pytest.raises(ValueError, match="in a list, an array"):
            part.append(wrong)
