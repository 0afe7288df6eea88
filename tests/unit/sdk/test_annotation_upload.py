"""Annotations and predictions on their way up: what is sent, in which requests, and what is refused before."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy
import pandas
import polars
import pyarrow
import pytest

import nucleus
from nucleus import BoxAnnotation, BoxPrediction, CategoryAnnotation, InvalidUpload, Point, PolygonAnnotation, Segment
from nucleus import SegmentationAnnotation as Mask
from tests.support.images import write_png
from tests.unit.sdk.wire import JOB_HANDLE, Wire

ANNOTATE = ("POST", "dataset/ds_1/annotate")
PREDICT = ("POST", "dataset/ds_1/model/prj_1/uploadPredictions")
SIGNED = "https://storage.test/put/a-token?x=1"


def _count(request: httpx2.Request) -> dict[str, Any]:
    body = json.loads(request.content)
    rows = body.get("annotations", []) + body.get("segmentations", [])
    return {"dataset_id": "ds_1", "annotations_processed": len(rows), "annotations_ignored": 0}


@pytest.fixture
def dataset(wire: Wire) -> nucleus.Dataset:
    """A dataset that takes annotations."""
    wire.routes[ANNOTATE] = _count
    wire.routes[PREDICT] = _count
    return wire.client().get_dataset("ds_1")


def bodies(wire: Wire) -> list[dict[str, Any]]:
    """What was sent, in the order of the first items."""
    sent = [json.loads(request.content) for request in wire.requests if request.method == "POST"]
    return sorted(sent, key=lambda body: str((body.get("annotations") or body.get("segmentations"))[0]["reference_id"]))


def boxes(n_items: int, n_each: int) -> list[BoxAnnotation]:
    """Boxes of items in turn: those of one item are far apart."""
    return [BoxAnnotation("car", i, k, 10, 2.5, f"item {i:03}") for k in range(n_each) for i in range(n_items)]


# --- objects


def test_what_is_sent_is_what_objects_say(wire: Wire, dataset: nucleus.Dataset) -> None:
    """A key without a value may be left out; numbers stay what they are, and metadata goes as it is."""
    box = BoxAnnotation("car", 1, 2.5, 3, 4.0, "a", metadata={"n": [1, None, "ü"]}, embedding_vector=[1, 0.5])
    polygon = PolygonAnnotation("p", [Point(0, 0), Point(1, 2.5), Point(3, 4)], "a", "id", {"x": 1})
    answer = dataset.annotate([box, polygon, CategoryAnnotation("c", "b")], update=True)
    assert answer == {"dataset_id": "ds_1", "annotations_processed": 3, "annotations_ignored": 0}
    (body,) = bodies(wire)
    assert body["update"] is True
    for sent, given in zip(body["annotations"], [box, polygon, CategoryAnnotation("c", "b")]):
        whole = given.to_payload()
        assert {**{key: None for key in whole}, "metadata": {}, **sent} == whole
        assert [type(v) for v in sent["geometry"].values()] == [type(v) for v in whole["geometry"].values()]


def test_all_annotations_of_an_item_go_in_one_request(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Requests have about as many as was asked for, and their order in an item is kept; the answers are added up."""
    answer = dataset.annotate(boxes(10, 7), batch_size=15)
    assert answer["annotations_processed"] == 70 and answer["dataset_id"] == "ds_1"
    groups = [[row["reference_id"] for row in body["annotations"]] for body in bodies(wire)]
    assert [len(group) for group in groups] == [14] * 5
    assert sorted(ref for group in groups for ref in set(group)) == [f"item {i:03}" for i in range(10)]
    assert all([row["geometry"]["y"] for row in body["annotations"]] == [*range(7)] * 2 for body in bodies(wire))


def test_an_item_with_more_than_a_request_goes_whole(wire: Wire, dataset: nucleus.Dataset) -> None:
    """It is one write on the server, whatever its size."""
    dataset.annotate(boxes(2, 8), batch_size=5)
    assert [len(body["annotations"]) for body in bodies(wire)] == [8, 8]


def test_long_polygons_make_smaller_requests(wire: Wire, dataset: nucleus.Dataset) -> None:
    """So that none becomes larger than the server takes; as objects and as columns."""
    corners = [[float(i), 0.5] for i in range(20)]
    polygons = [PolygonAnnotation("p", corners, f"item {i}", "id") for i in range(6)]  # type: ignore[arg-type]
    dataset.annotate(polygons, batch_size=30)
    assert [len(body["annotations"]) for body in bodies(wire)] == [3, 3]
    wire.requests.clear()
    references = [f"item {i}" for i in range(6)]
    dataset.annotate({"reference_id": references, "label": "p", "vertices": [corners] * 6}, batch_size=30)
    assert [len(body["annotations"]) for body in bodies(wire)] == [3, 3]


def test_errors_of_all_requests_are_listed(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Lists are joined, in the order of the annotations."""

    def answer(request: httpx2.Request) -> dict[str, Any]:
        first = json.loads(request.content)["annotations"][0]["reference_id"]
        return {
            "annotations_processed": 1,
            "annotations_ignored": 2,
            "errors": [f"Item with id {first} does not exist."],
        }

    wire.routes[ANNOTATE] = answer
    total = dataset.annotate(boxes(3, 1), batch_size=1)
    assert (total["annotations_processed"], total["annotations_ignored"]) == (3, 6)
    assert [text.split()[4] for text in total["errors"]] == ["000", "001", "002"]


def test_a_generator_is_sent_as_it_comes(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Nobody has to hold all of it."""
    assert dataset.annotate(box for box in boxes(3, 2))["annotations_processed"] == 6


def test_nothing_makes_no_request(wire: Wire, dataset: nucleus.Dataset) -> None:
    """An item without annotations is normal."""
    assert dataset.annotate([]) == {"annotations_processed": 0, "annotations_ignored": 0}
    assert wire.requests == []


def test_a_failed_request_is_the_error(wire: Wire, dataset: nucleus.Dataset) -> None:
    """No other request is begun after it."""
    wire.routes[ANNOTATE] = (400, {"error": "no", "code": "invalid_input"})
    with pytest.raises(nucleus.BadRequestError, match="no"):
        dataset.annotate(boxes(100, 1), batch_size=1)
    assert len(wire.requests) <= 8


def test_numbers_of_numpy_are_numbers(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Objects are often made of cells of arrays."""
    x: Any
    y: Any
    x, y, confidence = numpy.float32(0.5), numpy.int64(2), numpy.float64(0.25)
    dataset.upload_predictions("prj_1", [BoxPrediction("a", x, y, 3, 4, "r", confidence)])
    (row,) = wire.body()["annotations"]
    assert row["geometry"] == {"x": 0.5, "y": 2, "width": 3, "height": 4} and row["confidence"] == 0.25


NAN = math.nan
CORNER = nucleus.Point3D(0, 0, 0)


@pytest.mark.parametrize(
    ("wrong", "field", "text"),
    [
        (BoxAnnotation("a", NAN, 1, 2, 3, "r"), "geometry", "expected as geometry finite numbers"),
        (BoxAnnotation("a", "1", 1, 2, 3, "r"), "geometry", "'1' in row 1"),  # type: ignore[arg-type]
        (PolygonAnnotation("a", [Point(1, math.inf)], "r"), "geometry", "inf in row 1 (item 'r')"),
        (BoxAnnotation("a", 0, 1, -2, 3, "r"), "geometry", "expected as geometry sizes of 0 or more; got -2 in row 1"),
        (nucleus.CuboidAnnotation("a", CORNER, nucleus.Point3D(1, 2, -3), 0, "r"), "geometry", "got -3 in row 1"),
        (nucleus.MultiCategoryAnnotation([], "r"), "labels", "at least one label"),
        (nucleus.MultiCategoryAnnotation(["a", ""], "r"), "label", "got '' in row 1"),
        (CategoryAnnotation("a\0", "r"), "label", "no U+0000"),
        (BoxAnnotation("", 0, 1, 2, 3, "r"), "label", "expected as label a text that is not empty and has no U+0000"),
        (BoxAnnotation("a", 0, 1, 2, 3, ""), "reference_id", "expected as reference_id a text"),
        (BoxAnnotation("a", 0, 1, 2, 3, 7), "reference_id", "got 7 in row 1"),  # type: ignore[arg-type]
        (BoxAnnotation("a", 0, 1, 2, 3, "r", 7), "annotation_id", "or None"),  # type: ignore[arg-type]
        (BoxPrediction("a", 0, 1, 2, 3, "r", 1.5), "confidence", "expected as confidence a number in [0, 1]"),
        (BoxPrediction("a", 0, 1, 2, 3, "r", NAN), "confidence", "got nan in row 1"),
        (BoxPrediction("a", 0, 1, 2, 3, "r", class_pdf={"a": 0.5, "b": 0.2}), "class_pdf", "1 in all"),
        (BoxPrediction("a", 0, 1, 2, 3, "r", class_pdf={"a": 1.5, "b": -0.5}), "class_pdf", "a probability"),
        (BoxAnnotation("a", 0, 1, 2, 3, "r", embedding_vector=[1, NAN]), "embedding_vector", "finite numbers"),
        (BoxAnnotation("a", 0, 1, 2, 3, "r", metadata={"x": NAN}), "metadata", "what JSON can hold"),
        (BoxAnnotation("a", 0, 1, 2, 3, "r", metadata={"x": {1}}), "metadata", "what JSON can hold"),
    ],
)
def test_what_cannot_be_sent(wire: Wire, dataset: nucleus.Dataset, wrong: Any, field: str, text: str) -> None:
    """It is said which row and which value, what was expected and what to do; nothing is sent."""
    with pytest.raises(InvalidUpload) as caught:
        dataset.annotate([BoxAnnotation("a", 0, 1, 2, 3, "r"), wrong])
    assert text in str(caught.value)
    assert [(row["row"], row["field"]) for row in caught.value.bad_rows()] == [(1, field)]
    assert wire.requests == []


def test_all_wrong_rows_are_listed(dataset: nucleus.Dataset, tmp_path: Path) -> None:
    """The message names twenty; the list has all of them, also as a file."""
    with pytest.raises(InvalidUpload, match=r"and 10 more; 1 other problems, see bad_rows\(\)") as caught:
        dataset.annotate(
            [*(BoxAnnotation("a", NAN, i, 2, 3, "r") for i in range(30)), BoxAnnotation("", 0, 1, 2, 3, "r")]
        )
    assert len(caught.value.bad_rows()) == 31
    caught.value.write_bad_rows(tmp_path / "rows.csv")
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 32


@pytest.mark.parametrize("what", ["text", b"bytes", 3, None])
def test_what_is_no_list_of_annotations(dataset: nucleus.Dataset, what: Any) -> None:
    """The error says what would do."""
    with pytest.raises(InvalidUpload, match="expected annotations or predictions"):
        dataset.annotate(what)
    with pytest.raises(InvalidUpload, match="in row 1"):
        dataset.annotate([BoxAnnotation("a", 0, 1, 2, 3, "r"), what])


def test_two_with_one_id_are_refused(dataset: nucleus.Dataset) -> None:
    """As the official client does; lines and polygons without an id are all different."""
    dataset.annotate([PolygonAnnotation("a", [Point(0, 0)], "r"), PolygonAnnotation("a", [Point(0, 1)], "r")])
    with pytest.raises(nucleus.DuplicateIDError, match="'a-0-1-2-3-r' on item 'r'") as caught:
        dataset.annotate([BoxAnnotation("a", 0, 1, 2, 3, "r")] * 2)
    assert [row["row"] for row in caught.value.bad_rows()] == [0, 1]


def test_half_a_character_is_refused(dataset: nucleus.Dataset) -> None:
    """It has no place in JSON."""
    with pytest.raises(InvalidUpload, match="surrogates"):
        dataset.annotate([BoxAnnotation("\ud800", 0, 1, 2, 3, "r")])
    with pytest.raises(InvalidUpload, match="surrogates"):
        dataset.annotate([PolygonAnnotation("\ud800", [], "r")] * 2, asynchronous=True)


# --- masks


def test_masks_by_url_go_as_segmentations(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Under a key of their own, in requests of their own."""
    masks = [Mask(f"https://x/{i}.png", [Segment("a", 1)], f"r{i}") for i in range(3)]
    answer = dataset.annotate([*masks, BoxAnnotation("a", 0, 1, 2, 3, "r")], remote_files_per_upload_request=2)
    assert answer["annotations_processed"] == 4
    assert sorted(len(body.get("segmentations", ())) for body in bodies(wire)) == [0, 1, 2]


def test_mask_files_are_paired_by_order(wire: Wire, dataset: nucleus.Dataset, tmp_path: Path) -> None:
    """The JSON first, then the files; the path stays in it as it was typed."""
    path = str(write_png(tmp_path / "a mask.png"))
    wire.routes[ANNOTATE] = {"annotations_processed": 2, "annotations_ignored": 0}
    answer = dataset.annotate(
        [Mask(path, [Segment("a", 1)], f"r{i}") for i in range(4)], local_files_per_upload_request=2
    )
    assert answer["annotations_processed"] == 4 and len(wire.requests) == 2
    content = wire.last.content
    assert content.count(b'name="mask"; filename="a mask.png"') == 2 and b"Content-Type: image/png" in content
    assert b'name="serialized_request"' in content and path.encode() in content


def test_a_mask_file_that_is_not_there(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Nothing is sent then, also none of the boxes beside it."""
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        dataset.annotate([BoxAnnotation("a", 0, 1, 2, 3, "r"), Mask("nowhere.png", [], "r")])
    assert wire.requests == []


# --- jobs


@pytest.fixture
def signing(wire: Wire, dataset: nucleus.Dataset) -> Iterator[list[bytes]]:
    """What is put to signed URLs."""
    put: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "PUT":
            put.append(request.content)
            return httpx2.Response(200)
        if "/signedUrl/" in request.url.path:
            return httpx2.Response(200, json={"signed_url": SIGNED})
        return wire._answer(request)

    wire.http = httpx2.Client(transport=httpx2.MockTransport(answer))
    yield put


def test_an_asynchronous_upload_is_a_job(wire: Wire, signing: list[bytes], tmp_path: Path) -> None:
    """One object a line, shapes and masks together, then the call that names the request."""
    wire.routes[("POST", "dataset/ds_1/annotate?async=1")] = JOB_HANDLE
    dataset = wire.client().get_dataset("ds_1")
    mask = Mask("https://x/a.png", [], "r")
    job = dataset.annotate([BoxAnnotation("ü", 0, 1, 2, 3, "r"), mask], asynchronous=True, update=True)
    assert job.job_id == "job_1"
    lines = signing[0].decode().split("\n")
    assert [json.loads(line)["type"] for line in lines[:-1]] == ["box", "mask"] and lines[-1] == ""
    assert wire.body()["update"] is True and len(wire.body()["requestId"]) == 32
    with pytest.raises(ValueError, match="expected masks by URL"):
        dataset.annotate([Mask(str(write_png(tmp_path / "a.png")), [], "r")], asynchronous=True)
    with pytest.raises(ValueError, match="at least one"):
        dataset.annotate([], asynchronous=True)


def test_predictions_say_which_slice_trained_the_model(wire: Wire, signing: list[bytes]) -> None:
    """Of a job also that there is none."""
    wire.routes[("POST", "dataset/ds_1/model/prj_1/uploadPredictions?async=1")] = JOB_HANDLE
    dataset = wire.client().get_dataset("ds_1")
    dataset.upload_predictions("prj_1", [BoxPrediction("a", 0, 1, 2, 3, "r")], asynchronous=True)
    assert wire.body()["trained_slice_id"] is None
    dataset.upload_predictions("prj_1", [BoxPrediction("a", 0, 1, 2, 3, "r")], trained_slice_id="slc_1")
    assert wire.body()["trained_slice_id"] == "slc_1"
    with pytest.raises(ValueError, match="asynchronous=False"):
        nucleus.ModelRun("run_1", None, wire.client().connection).add_predictions([], asynchronous=True)


# --- columns

N = 6
REFERENCES = ["b", "a", "b", "c", "a", "b"]
XYWH = [[float(i), 0.5, 10.0, 2.25] for i in range(N)]
COLUMNS: dict[str, Any] = {
    "reference_id": REFERENCES,
    "label": [*"xyzxyz"],
    "boxes_xywh": XYWH,
    "confidence": [0.0, 0.1, 0.2, 0.3, 0.4, None],
    "metadata": [{"i": i} for i in range(N)],
}
OBJECTS = [
    BoxPrediction(label, x, y, width, height, reference, confidence, metadata=metadata)
    for reference, label, (x, y, width, height), confidence, metadata in zip(*COLUMNS.values())
]


def _as_arrow(**columns: Any) -> pyarrow.Table:
    return pyarrow.table(columns)


def _with_sides(**columns: Any) -> dict[str, Any]:
    sides = dict(zip(("x", "y", "width", "height"), zip(*columns.pop("boxes_xywh"))))
    return {**columns, **sides}


@pytest.mark.parametrize(
    "table",
    [
        COLUMNS,
        {**COLUMNS, "boxes_xywh": numpy.array(XYWH), "reference_id": numpy.array(REFERENCES)},
        _with_sides(**COLUMNS),
        polars.DataFrame(COLUMNS),
        polars.DataFrame(COLUMNS, schema_overrides={"boxes_xywh": polars.Array(polars.Float64, 4)}),
        polars.DataFrame(COLUMNS).lazy(),
        polars.DataFrame(_with_sides(**COLUMNS)).to_dict(as_series=True),
        _as_arrow(**COLUMNS),
        {name: _as_arrow(**COLUMNS)[name] for name in COLUMNS},
        pandas.DataFrame({**COLUMNS, "confidence": pandas.array(COLUMNS["confidence"], dtype="Float64")}),
    ],
    ids=[
        *("lists", "numpy", "sides", "polars", "polars array", "lazy", "series", "arrow", "arrow columns", "pandas"),
    ],
)
def test_columns_send_what_objects_send(wire: Wire, dataset: nucleus.Dataset, table: Any) -> None:
    """The same rows, grouped by item, with the ids that objects make."""
    dataset.upload_predictions("prj_1", OBJECTS, batch_size=3)
    from_objects = bodies(wire)
    wire.requests.clear()
    answer = dataset.upload_predictions("prj_1", table, batch_size=3)
    assert answer["annotations_processed"] == N
    assert bodies(wire) == from_objects
    assert [[row["reference_id"] for row in body["annotations"]] for body in from_objects] == [
        ["a", "a", "c"],
        ["b"] * 3,
    ]


def test_polygons_and_texts_for_all_rows(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Vertices may be arrays; a text is that of every row."""
    corners = [numpy.array([[0, 0], [1, 2], [3, 4]]), [[0.5, 1], [2, 3]]]
    dataset.annotate({"reference_id": ["a", "b"], "label": "tree", "vertices": corners, "annotation_id": ["i", "j"]})
    (body,) = bodies(wire)
    first = PolygonAnnotation("tree", [Point(0, 0), Point(1, 2), Point(3, 4)], "a", "i").to_payload()
    assert body["annotations"][0] == {key: value for key, value in first.items() if value}
    assert body["annotations"][1]["geometry"] == {"vertices": [{"x": 0.5, "y": 1}, {"x": 2, "y": 3}]}


def test_integers_stay_integers(wire: Wire, dataset: nucleus.Dataset) -> None:
    """So that a box has the id that an object of the same numbers has."""
    dataset.annotate({"reference_id": "a", "label": ["l"], "boxes_xywh": numpy.array([[1, 2, 3, 4]])})
    assert wire.body()["annotations"][0]["annotation_id"] == "l-1-2-3-4-a"


def test_columns_as_a_job(wire: Wire, signing: list[bytes]) -> None:
    """The same lines."""
    wire.routes[("POST", "dataset/ds_1/annotate?async=1")] = JOB_HANDLE
    wire.client().get_dataset("ds_1").annotate(COLUMNS, asynchronous=True)
    assert len(signing[0].splitlines()) == N


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"boxes_xywh": [*XYWH[:5], [NAN, 1, 2, 3]]}, "finite numbers"),
        ({"boxes_xywh": numpy.array([*XYWH[:5], [NAN, 1, 2, 3]])}, "nan in row 5 (item 'b')"),
        ({"boxes_xywh": [*XYWH[:5], [1, 2, 3, -4]]}, "expected as boxes_xywh sizes of 0 or more; got -4 in row 5"),
        (
            {"boxes_xywh": numpy.array([*XYWH[:5], [-1, -2, -3, 4]])},
            "expected as width sizes of 0 or more; got -3.0 in row 5",
        ),
        ({"label": [*"abcde", "f\0"]}, "no U+0000"),
        ({"boxes_xywh": [*XYWH[:5], [1, 2, 3]]}, "x, y, width and height of a box"),
        ({"boxes_xywh": numpy.zeros((N, 3))}, "x, y, width and height of a box"),
        ({"label": [*"abcde", None]}, "None in row 5"),
        ({"reference_id": [*"abcde", 3]}, "3 in row 5"),
        ({"confidence": [0.5] * 5 + [1.25]}, "1.25 in row 5"),
        ({"confidence": numpy.array([0.5] * 5 + [NAN])}, "nan in row 5"),
        ({"metadata": [{}] * 5 + [{"x": NAN}]}, "what JSON can hold"),
        ({"annotation_id": ["i"] * N}, "annotation_id once on an item"),
        ({"label": ["a"]}, "columns of one length"),
        ({"labels": ["a"] * N}, "got 1 others: 'labels'; put what else"),
        ({"x": [1] * N}, "expected either a column 'boxes_xywh'"),
        ({"boxes_xywh": "text"}, "a column of values as 'boxes_xywh', got str"),
        ({"boxes_xywh": numpy.ma.array(XYWH, mask=[[False] * 4] * 5 + [[True] + [False] * 3])}, "None in row 5"),
        ({"dataset_item_id": [None] * N, "reference_id": [*"abcde", None]}, "None in row 5"),
        ({"boxes_xywh": 3}, "a column of values as 'boxes_xywh'"),
    ],
)
def test_columns_that_cannot_be_sent(wire: Wire, dataset: nucleus.Dataset, changes: dict[str, Any], text: str) -> None:
    """The row is named, and nothing is sent."""
    with pytest.raises(InvalidUpload) as caught:
        dataset.upload_predictions("prj_1", {**COLUMNS, **changes})
    assert text in str(caught.value)
    assert wire.requests == []


@pytest.mark.parametrize("corners", [None, 3, [1, 2], [[1, 2, 3]], [[1, NAN]], ["ab", "c"]])
def test_vertices_that_are_none(wire: Wire, dataset: nucleus.Dataset, corners: Any) -> None:
    """The row is named."""
    with pytest.raises(InvalidUpload, match=r"expected as vertices .* in row 1"):
        dataset.annotate({"reference_id": "a", "label": "l", "vertices": [[[1, 2]], corners]})
    assert wire.requests == []


def test_nothing_but_texts_is_no_table(dataset: nucleus.Dataset) -> None:
    """Nobody can know how many rows it has."""
    with pytest.raises(InvalidUpload, match="got str"):
        dataset.annotate({"reference_id": "a", "label": "l", "vertices": "v"})


@pytest.mark.parametrize("left_out", ["boxes_xywh", "label", "reference_id"])
def test_columns_that_are_missing(dataset: nucleus.Dataset, left_out: str) -> None:
    """What must be there is said."""
    table = {name: column for name, column in COLUMNS.items() if name != left_out}
    with pytest.raises(InvalidUpload, match=f"'{left_out}'"):
        dataset.annotate(table)
