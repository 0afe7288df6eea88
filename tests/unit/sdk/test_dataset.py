"""Items on their way in and out, slices, jobs."""

from __future__ import annotations

import email.policy
import json
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx2
import pytest

import nucleus
from nucleus import DatasetItem
from tests.unit.sdk.wire import JOB_HANDLE, Wire, job, one_after_the_other

SIGNED = "https://storage.test/put/a-token?x=1"
APPEND = ("POST", "dataset/ds_1/append?async=1")


@pytest.fixture
def dataset(wire: Wire) -> nucleus.Dataset:
    """A dataset that takes items."""
    wire.routes[APPEND] = JOB_HANDLE
    wire.http = httpx2.Client(transport=httpx2.MockTransport(lambda request: _answer(wire, request)))
    return wire.client().get_dataset("ds_1")


def _answer(wire: Wire, request: httpx2.Request) -> httpx2.Response:
    if request.method == "PUT":
        wire.requests.append(request)
        return httpx2.Response(200)
    route = request.url.raw_path.decode()
    if "/signedUrl/" in route:
        wire.requests.append(request)
        return httpx2.Response(200, json={"signed_url": SIGNED})
    return wire._answer(request)


def _parts(request: httpx2.Request) -> list[tuple[str, str | None, str, bytes]]:
    """(name, file name, content type, content) of every part, in order."""
    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser(policy=email.policy.HTTP).parsebytes(head + request.content)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()  # type: ignore[attr-defined]
    ]


def test_items_by_url_go_as_lines_to_a_signed_url(wire: Wire, dataset: nucleus.Dataset) -> None:
    """One object a line, without a key and without a content type; then the append names the request."""
    items = [
        DatasetItem(
            image_location="s3://b/ü.jpg", reference_id="a", metadata={"n": {"x": [1, None]}}, width=3, height=2
        ),
        DatasetItem(pointcloud_location="https://x/p.json", reference_id="b"),
        DatasetItem(text="two\nlines", reference_id="c"),
        DatasetItem(reference_id="d", metadata={"k": 1.5}),
    ]
    uploaded = dataset.append(items, update=True)
    assert uploaded.job_id == "job_1"
    asked, put, appended = wire.requests
    assert asked.method == "GET"
    request_id = str(asked.url).rpartition("/")[2]
    assert asked.url.path == f"/v1/nucleus/dataset/ds_1/signedUrl/{request_id}"
    assert len(request_id) == 32
    assert str(put.url) == SIGNED
    assert "authorization" not in put.headers
    assert "content-type" not in put.headers
    assert put.content.isascii()
    assert put.content.endswith(b"\n")
    assert [json.loads(line) for line in put.content.splitlines()] == [
        {
            "metadata": {"n": {"x": [1, None]}},
            "reference_id": "a",
            "image_url": "s3://b/ü.jpg",
            "width": 3,
            "height": 2,
        },
        {"metadata": {}, "reference_id": "b", "pointcloud_url": "https://x/p.json"},
        {"metadata": {}, "reference_id": "c", "text": "two\nlines"},
        {"metadata": {"k": 1.5}, "reference_id": "d"},
    ]
    assert json.loads(appended.content) == {"requestId": request_id, "update": True}


def test_a_signed_url_gets_no_key_of_either_kind(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Nor the authentication of a client that the caller brought."""
    wire.http.auth = ("somebody", "else")  # type: ignore[assignment]
    limited = wire.client(limited_access_key="nv_limited").get_dataset("ds_1")
    limited.append([DatasetItem(text="t", reference_id="a")])
    put = wire.requests[1]
    assert put.method == "PUT"
    assert not {"authorization", "x-limited-access-key"} & set(put.headers)


def test_local_files_go_as_parts_in_the_order_of_the_items(
    wire: Wire, dataset: nucleus.Dataset, tmp_path: Path
) -> None:
    """The items as JSON first, then one image for each, also when a file occurs twice."""
    png, jpg = tmp_path / "a b.png", tmp_path / "c.jpg"
    png.write_bytes(b"png")
    jpg.write_bytes(b"jpg")
    items = [DatasetItem(str(path), reference_id=f"r{i}") for i, path in enumerate((png, jpg, png))]
    dataset.append(items, local_files_per_upload_request=2)
    first, second = wire.requests
    assert first.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert "authorization" in first.headers
    (name, filename, content_type, content), *images = _parts(first)
    assert (name, filename, content_type) == ("items", None, "application/json")
    assert json.loads(content) == [
        {"metadata": {}, "reference_id": "r0", "image_url": str(png), "update": False},
        {"metadata": {}, "reference_id": "r1", "image_url": str(jpg), "update": False},
    ]
    assert images == [("image", "a b.png", "image/png", b"png"), ("image", "c.jpg", "image/jpeg", b"jpg")]
    assert [part[3] for part in _parts(second)[1:]] == [b"png"]


def test_local_and_other_items_may_be_mixed(wire: Wire, dataset: nucleus.Dataset, tmp_path: Path) -> None:
    """Each kind takes its way."""
    path = tmp_path / "a.png"
    path.write_bytes(b"png")
    dataset.append([DatasetItem(path, reference_id="a"), DatasetItem("HTTPS://x/b.png", reference_id="b")])  # type: ignore[arg-type]
    assert [request.method for request in wire.requests] == ["GET", "PUT", "POST", "POST"]
    assert json.loads(wire.requests[1].content)["reference_id"] == "b"
    assert json.loads(_parts(wire.last)[0][3])[0]["reference_id"] == "a"


def test_what_cannot_be_appended_is_refused_before_any_request(wire: Wire, dataset: nucleus.Dataset) -> None:
    """No items, a file that is not there, a reference id twice, NaN in metadata."""
    url = "https://x/a.jpg"
    with pytest.raises(ValueError, match="at least one item"):
        dataset.append([])
    with pytest.raises(FileNotFoundError, match=r"1 of 2.*nowhere\.png"):
        dataset.append([DatasetItem(url, reference_id="a"), DatasetItem("nowhere.png", reference_id="b")])
    with pytest.raises(ValueError, match="once, got 1 more than once, the first 'a'"):
        dataset.append([DatasetItem(url, reference_id="a"), DatasetItem(url, reference_id="a")])
    assert wire.requests == []


def test_arguments_of_older_scripts_are_ignored_with_a_warning(dataset: nucleus.Dataset) -> None:
    """`asynchronous` and `batch_size` change nothing."""
    with pytest.warns(DeprecationWarning, match="ignores batch_size"):
        dataset.append([DatasetItem(text="t", reference_id="a")], batch_size=20)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"image_location": "https://x/a.jpg"}, "reference_id"),
        ({"image_location": "https://x", "pointcloud_location": "https://y", "reference_id": "a"}, "got both"),
        ({"reference_id": "a"}, "none of them"),
    ],
)
def test_items_that_cannot_be(arguments: dict[str, str], match: str) -> None:
    """Without an id, with two media, with nothing."""
    with pytest.raises(ValueError, match=match):
        DatasetItem(**arguments)  # type: ignore[arg-type]


def test_metadata_that_is_not_json() -> None:
    """NaN is not a number in JSON."""
    with pytest.raises(ValueError, match="JSON compliant"):
        DatasetItem(reference_id="a", metadata={"x": float("nan")}).to_json()


ROW = {
    "reference_id": "a/b c",
    "dataset_item_id": "di_1",
    "metadata": {"k": 1},
    "image_url": "https://x/a.jpg",
    "original_image_url": "https://x/a.jpg",
    "text": "t",
    "width": 3,
}
ITEM = DatasetItem("https://x/a.jpg", reference_id="a/b c", metadata={"k": 1}, text="t", width=3)


def test_items_come_back_as_they_were_sent(wire: Wire) -> None:
    """Page by page; ids of the server do not count when items are compared."""
    pages = ({"items": [ROW], "nextPageToken": "2"}, {"items": [{**ROW, "ref_id": "z"}], "nextPageToken": None})
    for prefix in ("dataset/ds_1", "slice/slc_1"):
        wire.routes["POST", f"{prefix}/itemsPage"] = one_after_the_other(*pages, *pages)
    client = wire.client()
    dataset, part = client.get_dataset("ds_1"), client.get_slice("slc_1")
    assert [item.reference_id for item in dataset.items] == ["a/b c", "z"]
    assert wire.body() == {"pageToken": "2", "pageSize": 10_000}
    for source in (dataset, part):
        (first, _) = source.items_generator(page_size=1)
        assert first == ITEM
        assert first.dataset_item_id == "di_1"
    assert json.loads(wire.requests[-2].content) == {"pageToken": None, "pageSize": 1}
    wire.routes["GET", "slice/slc_1"] = {"items": [ROW]}
    assert part.items == part.dataset_items() == [ITEM]


def test_one_item_by_place_reference_id_and_id(wire: Wire) -> None:
    """Reference ids are one segment of the path, whatever they hold."""
    answer = {"item": ROW, "annotations": {}}
    encoded = "dataset/ds_1/refloc/a%2Fb%20c"
    for route in ("dataset/ds_1/iloc/0", encoded, "dataset/ds_1/loc/di_1"):
        wire.routes["GET", route] = answer
    wire.routes["DELETE", encoded] = {"message": "gone"}
    dataset = wire.client().get_dataset("ds_1")
    expected: dict[str, Any] = {"item": ITEM, "annotations": {}}
    assert dataset.iloc(0) == dataset.refloc("a/b c") == dataset.loc("di_1") == expected
    assert dataset.delete_item("a/b c") == {"message": "gone"}


def test_a_busy_server_points_to_pages(wire: Wire) -> None:
    """The exception keeps its known name."""
    wire.routes["POST", "dataset/ds_1/itemsPage"] = (503, {"error": "busy"})
    with pytest.raises(nucleus.DatasetItemRetrievalError, match="items_generator"):
        _ = wire.client().get_dataset("ds_1").items


def test_dataset_info_is_read_by_attribute_and_by_key(wire: Wire) -> None:
    """Null tags are no tags; keys of newer servers are ignored."""
    wire.routes["GET", "dataset/ds_1/info"] = {
        "dataset_id": "ds_1",
        "name": "d",
        "length": 4,
        "model_run_ids": [],
        "slice_ids": ["slc_1"],
        "tags": None,
        "new": 1,
    }
    info = wire.client().get_dataset("ds_1").info()
    assert (info.length, info["slice_ids"], info.tags) == (4, ["slc_1"], [])


def test_slices_of_a_dataset(wire: Wire) -> None:
    """Made with ids in order, or empty; found by name."""
    row = {"id": "slc_1", "name": "s & t", "dataset_id": "ds_1"}
    wire.routes = {
        ("POST", "dataset/ds_1/create_slice"): {"slice_id": "slc_1"},
        ("GET", "dataset/ds_1/slices"): [row],
        ("GET", "dataset/ds_1/slices?name=s+%26+t"): [row],
        ("GET", "dataset/ds_1/slices?name=other"): [],
    }
    dataset = wire.client().get_dataset("ds_1")
    made = dataset.create_slice("s & t", (ref for ref in "ba"))
    assert wire.body() == {"name": "s & t", "reference_ids": ["b", "a"]}
    dataset.create_slice("empty", [])
    assert wire.body() == {"name": "empty", "allow_empty": 1}
    assert dataset.slices == dataset.get_slices() == dataset.get_slices(name="s & t") == [made]
    with pytest.raises(nucleus.NotFoundError, match="'other'"):
        dataset.get_slices(name="other")


def test_waiting_for_a_job_looks_often_at_first(wire: Wire, pauses: list[float]) -> None:
    """The pauses grow to a second."""
    wire.routes = {
        ("GET", "job/job_1/info"): JOB_HANDLE,
        ("GET", "job/job_1"): one_after_the_other(*[job("Running")] * 7, job()),
    }
    waiting = wire.client().get_job("job_1")
    waiting.sleep_until_complete()
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert waiting.job_last_known_status == "Completed"


def test_a_failed_job_raises(wire: Wire) -> None:
    """With the server's message; the rows are asked for apart."""
    wire.routes = {
        ("GET", "job/job_1/info"): JOB_HANDLE,
        ("GET", "job/job_1"): job("Errored_User", "no such image"),
        ("GET", "job/job_1/errors"): ["row 1"],
    }
    failing = wire.client().get_job("job_1")
    with pytest.raises(nucleus.JobError, match="job_1 failed: no such image") as caught:
        failing.sleep_until_complete(verbose_std_out=False)
    assert caught.value.job_id == "job_1"
    assert failing.errors() == ["row 1"]


def test_waiting_ends_after_the_time_that_was_given(wire: Wire) -> None:
    """The job itself goes on."""
    wire.routes = {("GET", "job/job_1/info"): JOB_HANDLE, ("GET", "job/job_1"): job("Running")}
    with pytest.raises(nucleus.JobTimeoutError, match="it goes on"):
        wire.client().get_job("job_1").sleep_until_complete(timeout_s=0)
