"""Scores in any shape and of any number: what is sent, what is refused, how an interrupted upload goes on."""

from __future__ import annotations

import array
import hashlib
import importlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import numpy
import pandas
import polars
import pyarrow
import pytest

import nucleus
from nucleus import _columns, _score_parts, _tables
from nucleus.validate import EvaluationResult, InvalidUpload, ScenarioTest
from tests.unit.sdk.test_results import function
from tests.unit.sdk.wire import (
    JOB_HANDLE,
    KEY,
    Wire,
    evaluation_row,
    function_entry,
    job,
    one_after_the_other,
    packed,
    part_of,
    report,
)

SCORES = ("POST", "dataset/ds_1/scores")
REFS = ["a", "b", "ü"]
COLUMNS = {"item_ref_id": REFS, "score": [0.25, 0.5, 1.0], "weight": [1.0, 0.5, 0.0]}
PART = {"reference_ids": REFS, "scores": {"ef_f": [0.25, 0.5, 1.0]}, "weights": {"*": [1.0, 0.5, 0.0]}}


class Tensor:
    """An array of another library."""

    def __init__(self, values: Any) -> None:
        self.values = numpy.asarray(values)

    def __iter__(self) -> Any:
        return iter(self.values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values


class Stream:
    """A stream of Arrow's that can be read once."""

    def __init__(self, frame: polars.DataFrame) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.frame.__arrow_c_stream__()


def objects() -> list[EvaluationResult]:
    """The rows as objects."""
    return [EvaluationResult(item_ref_id=r, score=s, weight=w) for r, s, w in zip(*COLUMNS.values())]


def arrays(make: Callable[[Any], Any]) -> dict[str, Any]:
    """The columns, those of numbers made into arrays."""
    return {"item_ref_id": REFS, "score": make(COLUMNS["score"]), "weight": make(COLUMNS["weight"])}


SHAPES: dict[str, Callable[[], Any]] = {
    "list": objects,
    "generator": lambda: (row for row in objects()),
    "map": lambda: map(lambda row: row, objects()),
    "lists": lambda: COLUMNS,
    "tuples": lambda: {name: tuple(column) for name, column in COLUMNS.items()},
    "array.array": lambda: arrays(lambda values: array.array("d", values)),
    "array.array of floats": lambda: arrays(lambda values: array.array("f", values)),
    "numpy": lambda: {name: numpy.array(column) for name, column in COLUMNS.items()},
    "numpy float32, strided": lambda: arrays(lambda values: numpy.repeat(numpy.array(values, "f4"), 2)[::2]),
    "numpy objects": lambda: {name: numpy.array(column, dtype=object) for name, column in COLUMNS.items()},
    "tensors": lambda: arrays(Tensor),
    "polars series": lambda: {name: polars.Series(column) for name, column in COLUMNS.items()},
    "pandas series": lambda: {name: pandas.Series(column) for name, column in COLUMNS.items()},
    "arrow arrays": lambda: {name: pyarrow.array(column) for name, column in COLUMNS.items()},
    "polars": lambda: polars.DataFrame({**COLUMNS, "other": [None, {"x": 1}, None]}),
    "polars lazy": lambda: polars.LazyFrame(COLUMNS),
    "polars categories": lambda: polars.DataFrame(COLUMNS).cast({"item_ref_id": polars.Categorical}),
    "polars chunks": lambda: polars.concat([polars.DataFrame(COLUMNS).slice(i, 1) for i in range(3)], rechunk=False),
    "polars decimals": lambda: polars.DataFrame(COLUMNS).cast({"score": polars.Decimal(10, 2)}),
    "pandas": lambda: pandas.DataFrame(COLUMNS),
    "pandas, another index": lambda: pandas.DataFrame(COLUMNS, index=["x", "y", "z"]),
    "pyarrow": lambda: pyarrow.table(COLUMNS),
    "pyarrow dictionary": lambda: pyarrow.table({**COLUMNS, "item_ref_id": pyarrow.array(REFS).dictionary_encode()}),
    "pyarrow reader": lambda: pyarrow.table(COLUMNS).to_reader(max_chunksize=1),
    "any stream": lambda: Stream(polars.DataFrame(COLUMNS)),
}


@pytest.fixture
def test(wire: Wire) -> ScenarioTest:
    """A scenario test that takes results."""
    wire.routes[SCORES] = {"report": report()}
    wire.routes["GET", "validate/eval/ev_1/row"] = {"evaluation": evaluation_row()}
    return ScenarioTest("st_1", "t", "slc_1", wire.client().connection, dataset_id="ds_1")


@pytest.fixture
def dataset(wire: Wire) -> nucleus.Dataset:
    """A dataset that takes scores of three functions."""
    wire.routes[SCORES] = {"report": report(test_id=None)}
    wire.routes["GET", "validate/eval_fn"] = {
        "eval_functions": [
            function_entry("f"),
            function_entry("g", score_range=[0, 100]),
            function_entry("scenes", level="scene"),
            function_entry("built_in", is_public=True, is_external_function=False),
        ]
    }
    return wire.client().get_dataset("ds_1")


def without_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were not installed."""

    def find(name: str) -> Any:
        return None if name == "polars" else importlib.import_module(name)

    monkeypatch.setattr(_columns, "find_module", find)
    monkeypatch.setattr(_tables, "find_module", find)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_sends_the_same(wire: Wire, test: ScenarioTest, shape: str) -> None:
    """Byte by byte."""
    test.upload_external_evaluation_results(function(), SHAPES[shape](), "prj_1")
    expected = msgspec.msgpack.encode(packed(wire.requests[0])["part"])
    assert part_of(packed(wire.requests[0])["part"]) == PART
    test.upload_external_evaluation_results(function(), objects(), "prj_1")
    assert msgspec.msgpack.encode(packed(wire.requests[2])["part"]) == expected


@pytest.mark.parametrize("shape", [s for s in SHAPES if "arrow" in s or s in ("pandas", "any stream")])
def test_without_polars_arrow_is_read_by_pyarrow(
    wire: Wire, test: ScenarioTest, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    """The same again."""
    source = SHAPES[shape]()
    without_polars(monkeypatch)
    test.upload_external_evaluation_results(function(), source, "prj_1")
    assert part_of(packed(wire.requests[0])["part"]) == PART


def test_without_polars_and_pyarrow_tables_cannot_be_read(
    wire: Wire, test: ScenarioTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    monkeypatch.setattr(_tables, "find_module", lambda name: None)
    monkeypatch.setattr(_columns, "find_module", lambda name: None)
    for source in (SHAPES["pandas"](), SHAPES["pandas series"]()):
        with pytest.raises(InvalidUpload, match=r"pip install 'nucleus-validate\[frames\]'"):
            test.upload_external_evaluation_results(function(), source, "prj_1")


def test_weights_of_one_are_left_out(wire: Wire, test: ScenarioTest) -> None:
    """A column of them, and objects that have none, are the same upload as a table without weights."""
    bare = {"item_ref_id": REFS, "score": [0, 1, 0.5]}
    for source in (bare, {**bare, "weight": [1, 1, 1]}, polars.DataFrame(bare, strict=False)):
        test.upload_external_evaluation_results(function(), source, "prj_1")
    first, *others = [r.content for r in wire.requests if r.method == "POST"]
    assert all(body == first for body in others)
    assert b"weights" not in first


NAN = math.nan
LONG = polars.DataFrame({"item_ref_id": REFS, "score": [0.1, NAN, 0.2]})


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ({"item_ref_id": REFS, "score": [0.1, None, 0.2]}, "number as every score, got 1 .*'b'; leave the row out"),
        (polars.DataFrame({"item_ref_id": REFS, "score": [0.1, None, 0.2]}), "number as every score, got 1 .*'b'"),
        (pandas.DataFrame({"item_ref_id": REFS, "score": [0.1, NAN, 0.2]}), "number as every score, got 1 .*'b'"),
        ({"item_ref_id": REFS, "score": numpy.array([0.1, NAN, 0.2])}, "finite number .* 'b' .the first in row 1"),
        ({"item_ref_id": REFS, "score": array.array("d", [0.1, NAN, 0.2])}, "finite number .* 'b'"),
        (LONG, "finite number as every score, got 1 NaN or infinite: 'b'"),
        (LONG.to_arrow(), "finite number .* 'b'"),
        ({"item_ref_id": REFS, "score": numpy.array([True, False, True])}, "numbers in column 'score', got a .* bool"),
        ({"item_ref_id": REFS, "score": [True, 1, 0]}, "number as every score, got 1 of another type: 'a'"),
        (polars.DataFrame({"item_ref_id": REFS, "score": [True, False, True]}), "got a column of Boolean"),
        (pyarrow.table({"item_ref_id": REFS, "score": ["1", "2", "3"]}), "got a column of String"),
        (polars.DataFrame({"item_ref_id": [1, 2], "score": [1, 0]}), "texts in column 'item_ref_id'.*Int64"),
        ({"item_ref_id": numpy.array([1, 2]), "score": [1, 0]}, "texts in column 'item_ref_id'.*int64"),
        (polars.DataFrame({"item_ref_id": ["a", None], "score": [1, 0]}), "as a text, got 1 of another type: None"),
        (polars.DataFrame({"item_ref_id": ["a\0", "b"], "score": [1, 0]}), "without U\\+0000, got 1"),
        ({"item_ref_id": REFS, "score": [0, 1]}, "one length, .*'item_ref_id' has 3, 'score' has 2"),
        ({"item_ref_id": REFS, "scores": [0, 1, 2]}, "without 'score'; it has 'item_ref_id', 'scores'"),
        (polars.DataFrame({"ref": REFS}), "without 'item_ref_id', 'score'; it has 'ref'"),
        ({"item_ref_id": "abc", "score": [0, 1, 1]}, "column of values as 'item_ref_id', got str"),
        ({"item_ref_id": REFS, "score": numpy.zeros((3, 1))}, "one dimension"),
        ({"item_ref_id": [], "score": []}, "at least one result"),
        (polars.DataFrame({"item_ref_id": [], "score": []}), "at least one result"),
        ({"item_ref_id": REFS, "score": [0, 1, 1], "weight": [2, 0, 1]}, r"weight in \[0, 1\], got 1 outside: 'a'"),
        ({"item_ref_id": REFS, "score": [0, 1, 1], "weight": [1, None, 1]}, "a weight for every score, got 1 .*'b'"),
        ({"item_ref_id": REFS, "score": [0, 1, 1], "weight": [0, 0, 0]}, "got only zeros"),
        ({"item_ref_id": ["a", "b", "a"], "score": [0, 1, 1]}, "once, got 1 given more than once: 'a'"),
    ],
)
def test_bad_columns_are_refused_before_any_request(wire: Wire, test: ScenarioTest, source: Any, match: str) -> None:
    """The row and the id are named, whatever the shape."""
    with pytest.raises(InvalidUpload, match=match):
        test.upload_external_evaluation_results(function(), source, "prj_1")
    assert wire.requests == []


def test_the_wrong_rows_can_be_had_as_a_list_and_as_a_file(test: ScenarioTest, tmp_path: Path) -> None:
    """All of them, also those of another kind than the message is about."""
    with pytest.raises(InvalidUpload) as caught:
        test.upload_external_evaluation_results(
            function(), {"item_ref_id": REFS, "score": [2.0, 0.5, -1.0], "weight": [1, 7, 1]}, "prj_1"
        )
    rows = caught.value.bad_rows()
    assert [(r["row"], r["reference_id"], r["field"], r["value"]) for r in rows] == [
        (0, "a", "score", 2.0),
        (1, "b", "weight", 7.0),
        (2, "ü", "score", -1.0),
    ]
    caught.value.write_bad_rows(tmp_path / "bad.csv")
    lines = (tmp_path / "bad.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "row,reference_id,function,field,value,problem"
    assert lines[3] == "2,ü,f,score,-1.0,outside"


TWO = {"item_ref_id": REFS, "x": [0.1, None, 0.3], "y": [None, 50, 100], "w": [1, 0.5, 1]}


@pytest.mark.parametrize(
    "table",
    [
        TWO,
        polars.DataFrame(TWO, strict=False),
        pandas.DataFrame(TWO),
        pyarrow.table(TWO),
        [dict(zip(TWO, row)) for row in zip(*TWO.values())],
        ({key: value for key, value in zip(TWO, row) if value is not None} for row in zip(*TWO.values())),
    ],
    ids=["lists", "polars", "pandas", "pyarrow", "rows", "rows with gaps"],
)
def test_scores_of_several_functions(wire: Wire, dataset: nucleus.Dataset, table: Any) -> None:
    """One request; null is no score of that function."""
    answer = dataset.upload_scores({"f": "x", "g": "y"}, "prj_1", table, weight="w", min_coverage=0.5)
    assert answer == nucleus.UploadReport.from_json(report(test_id=None))
    body = packed(wire.last)
    assert part_of(body.pop("part")) == {
        "reference_ids": REFS,
        "scores": {"ef_f": [0.1, None, 0.3], "ef_g": [None, 50, 100]},
        "weights": {"*": [1, 0.5, 1]},
    }
    assert body == {"model_id": "prj_1", "test_id": None, "min_coverage": 0.5, "dry_run": False}


def test_each_function_may_have_weights_of_its_own(wire: Wire, dataset: nucleus.Dataset) -> None:
    """Functions may be given as objects, and so may the model; a weight without a score does not count."""
    table = {**TWO, "wx": [0.5, None, 1.0], "id": REFS}
    f = function()
    wire.routes["GET", "model/prj_1"] = {"id": "prj_1", "name": "m", "ref_id": "r", "metadata": {}}
    model = wire.client().get_model("prj_1")
    dataset.upload_scores({f: "x"}, model, table, weight={f: "wx"}, item_ref_id="id", dry_run=True)
    assert [route for _, route in wire.sent()] == ["model/prj_1", "dataset/ds_1/scores"]
    body = packed(wire.last)
    assert (body["model_id"], body["dry_run"]) == ("prj_1", True)
    assert part_of(body["part"])["weights"] == {"ef_f": [0.5, 1.0, 1.0]}


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"functions": {"h": "x"}}, r"got 'h'; there are 'f', 'g', 'scenes': .*create_external_eval_function\('h'\)"),
        ({"functions": {"built_in": "x"}}, "'built_in', whose results the server computes"),
        ({"functions": {"scenes": "x"}}, "level item, got 'scenes' of level scene"),
        ({"functions": {}}, "at least one function"),
        ({"functions": {"f": "x", function(): "y"}}, "every function once"),
        ({"functions": {"f": "z"}}, "without 'z'; it has 'item_ref_id', 'x', 'y', 'w'"),
        (
            {"functions": {"f": "x"}, "weight": {"g": "w"}},
            "weights of the functions that are uploaded, got some of 'g'",
        ),
        ({"functions": {"f": "x"}, "min_coverage": 1.5}, r"min_coverage in \[0, 1\], got 1.5"),
        ({"functions": {"f": "y"}}, "range|outside"),
        ({"functions": {"f": "x", "g": "y"}, "weight": {"f": "y"}}, "function 'f': .*weight"),
        (
            {"functions": {"f": "x", "g": "none"}, "table": {**TWO, "none": [None] * 3}},
            "'g': .* one score, got none: is",
        ),
        ({"functions": {"f": "x"}, "table": [{"item_ref_id": "a", "x": 1}, 7]}, "got int in row 1"),
        ({"functions": {"f": "x"}, "table": 7}, "mapping of columns, a table .* got int"),
    ],
)
def test_uploads_to_a_dataset_that_are_refused(
    wire: Wire, dataset: nucleus.Dataset, arguments: dict[str, Any], match: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidUpload, match=match):
        dataset.upload_scores(**{"model": "prj_1", "table": TWO, **arguments})
    assert {method for method, _ in wire.sent()} <= {"GET"}


COMMITTED = job(message={"upload_id": "up_1", "replayed": False})


class Staging:
    """The staged protocol, as far as a client sees it."""

    def __init__(self, wire: Wire, done: Any = None) -> None:
        self.wire = wire
        self.parts: dict[str, bytes] = {}
        self.n_puts = 0
        self.fail_after: int | None = None
        wire.routes["POST", "dataset/ds_1/uploads"] = lambda _: {
            "upload_id": "up_1",
            "parts": {n: hashlib.sha256(body).hexdigest() for n, body in self.parts.items()},
            "expires_at": "2026-01-02T00:00:00.000Z",
        }
        for n in range(10):
            wire.routes["PUT", f"upload/up_1/parts/{n}"] = self.put
        wire.routes["POST", "upload/up_1/commit"] = {**JOB_HANDLE, "job_type": "uploadScores"}
        wire.routes["GET", "job/job_1"] = done or COMMITTED
        wire.routes["GET", "upload/up_1"] = {"report": report()}
        wire.routes["DELETE", "upload/up_1"] = {"success": True}

    def put(self, request: httpx2.Request) -> Any:
        if self.n_puts == self.fail_after:
            raise KeyboardInterrupt
        self.n_puts += 1
        number = request.url.path.rpartition("/")[2]
        self.parts[number] = request.content
        return {"number": int(number), "digest": hashlib.sha256(request.content).hexdigest(), "n_rows": 1}


@pytest.fixture
def parts_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two rows."""
    monkeypatch.setattr(_score_parts, "MAX_ROWS", 2)


def five() -> list[EvaluationResult]:
    """Five results."""
    return [EvaluationResult(item_ref_id=f"r{i}", score=i / 10) for i in range(5)]


@pytest.mark.usefixtures("parts_of_two")
def test_parts_that_are_there_already(wire: Wire, test: ScenarioTest) -> None:
    """The report is that of the first upload, and says that nothing was stored again."""
    Staging(wire, done=job(message={"upload_id": "up_0", "replayed": True}))
    wire.routes["GET", "upload/up_0"] = {"report": report(upload_id="up_0")}
    answer = test.upload_external_evaluation_results(function(), five(), "prj_1")
    assert answer["replayed"] and answer["report"].upload_id == "up_0"


@pytest.mark.usefixtures("parts_of_two")
def test_more_than_a_part_is_staged_and_committed(wire: Wire, test: ScenarioTest) -> None:
    """Parts in order, then a commit that names all of them, then the report."""
    staging = Staging(wire, done=one_after_the_other(job("Running"), COMMITTED, COMMITTED))
    answer = test.upload_external_evaluation_results(function(), iter(five()), "prj_1")
    assert answer["report"].upload_id == "up_1" and not answer["replayed"]
    assert wire.sent() == [
        ("POST", "dataset/ds_1/uploads"),
        *(("PUT", f"upload/up_1/parts/{n}") for n in range(3)),
        ("POST", "upload/up_1/commit"),
        ("GET", "job/job_1"),
        ("GET", "job/job_1"),
        ("GET", "job/job_1"),
        ("GET", "upload/up_1"),
        ("GET", "validate/eval/ev_1/row"),
    ]
    opened = json.loads(wire.requests[0].content)
    digests = [hashlib.sha256(staging.parts[str(n)]).hexdigest() for n in range(3)]
    assert opened == {
        "model_id": "prj_1",
        "function_ids": ["ef_f"],
        "test_id": "st_1",
        "min_coverage": 1.0,
        "dry_run": False,
        "first_part": digests[0],
    }
    commit = json.loads(wire.requests[4].content)
    assert commit == {"n_parts": 3, "digest": hashlib.sha256("".join(digests).encode()).hexdigest()}
    assert [part_of(packed(r))["reference_ids"] for r in wire.requests[1:4]] == [["r0", "r1"], ["r2", "r3"], ["r4"]]


@pytest.mark.usefixtures("parts_of_two")
def test_a_killed_client_goes_on_where_it_was(wire: Wire, test: ScenarioTest) -> None:
    """The same results from another kind of source send only what the server does not have."""
    staging = Staging(wire)
    staging.fail_after = 1
    with pytest.raises(KeyboardInterrupt):
        test.upload_external_evaluation_results(function(), five(), "prj_1")
    assert ("DELETE", "upload/up_1") not in wire.sent()
    staging.fail_after = None
    wire.requests.clear()
    frame = polars.DataFrame({"item_ref_id": [f"r{i}" for i in range(5)], "score": [i / 10 for i in range(5)]})
    test.upload_external_evaluation_results(function(), frame, "prj_1")
    assert [route for method, route in wire.sent() if method == "PUT"] == ["upload/up_1/parts/1", "upload/up_1/parts/2"]


@pytest.mark.usefixtures("parts_of_two")
def test_a_lost_connection_sends_a_part_again(wire: Wire, test: ScenarioTest) -> None:
    """Parts are known by their number."""
    staging = Staging(wire)
    wire.routes["PUT", "upload/up_1/parts/1"] = one_after_the_other(httpx2.ReadError("lost"), {})
    test.upload_external_evaluation_results(function(), five(), "prj_1")
    assert staging.n_puts == 2
    assert wire.requests[2].content == wire.requests[3].content


@pytest.mark.usefixtures("parts_of_two")
def test_a_wrong_row_in_a_later_part_gives_the_upload_up(wire: Wire, test: ScenarioTest) -> None:
    """The row is counted from the first one of all; nothing is left on the server."""
    Staging(wire)
    rows = [*five(), EvaluationResult(item_ref_id="bad", score=7)]
    with pytest.raises(InvalidUpload, match=r"got 1 outside: 'bad'.*row 5") as caught:
        test.upload_external_evaluation_results(function(), rows, "prj_1")
    assert wire.sent()[-1] == ("DELETE", "upload/up_1")
    assert [row["row"] for row in caught.value.bad_rows()] == [5]


REFUSAL = {
    "error": "2 of 5 reference ids are unknown",
    "code": "unknown_reference_ids",
    "errors": [{"field": "reference_ids", "message": "unknown", "value": "r1"}],
    "n_errors": 2,
    "rejected_upload_id": "up_1",
}
CSV = 'row,reference_id,function,field,value,problem\r\n1,"r,1",,reference_id,"r,1",unknown\r\n4,r4,,reference_id,r4,unknown\r\n'


@pytest.mark.usefixtures("parts_of_two")
@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_rejected_upload_tells_all_its_bad_rows(
    wire: Wire, test: ScenarioTest, tmp_path: Path, n: int, as_text: bool
) -> None:
    """The same exception from a request and from a job; the rows are asked for when they are wanted."""
    message = json.dumps(REFUSAL) if as_text else REFUSAL
    Staging(wire, done=job("Errored_User", message))
    wire.routes[SCORES] = (422, REFUSAL)
    wire.routes["GET", "upload/up_1/bad_rows"] = httpx2.Response(200, text=CSV)
    with pytest.raises(nucleus.UploadRejectedError) as caught:
        test.upload_external_evaluation_results(function(), five()[:n], "prj_1")
    error = caught.value
    assert isinstance(error, nucleus.BadRequestError)
    assert isinstance(error, InvalidUpload)
    assert (error.code, error.upload_id, error.n_errors) == ("unknown_reference_ids", "up_1", 2)
    assert error.errors == REFUSAL["errors"]
    assert [(row["row"], row["reference_id"]) for row in error.bad_rows()] == [(1, "r,1"), (4, "r4")]
    assert wire.client().get_bad_rows("up_1") == error.bad_rows()
    error.write_bad_rows(tmp_path / "bad.csv")
    assert (tmp_path / "bad.csv").read_bytes() == CSV.encode()
    assert wire.last.headers["authorization"].startswith("Basic ")
    wire.routes["GET", "upload/up_1/bad_rows"] = (404, {"error": "gone", "code": "upload_not_found"})
    with pytest.raises(nucleus.ObjectNotFoundError, match="gone"):
        error.bad_rows()


@pytest.mark.usefixtures("parts_of_two")
def test_a_job_that_fails_by_itself(wire: Wire, test: ScenarioTest) -> None:
    """What is no refusal stays the error of a job."""
    Staging(wire, done=job("Errored_Server", "internal error; see the server's log"))
    with pytest.raises(nucleus.JobError, match="internal error"):
        test.upload_external_evaluation_results(function(), five(), "prj_1")


def test_reports_are_read_and_shown(wire: Wire) -> None:
    """As objects, as JSON again, as text; unknown keys of a newer server are ignored."""
    wire.routes = {
        ("GET", "uploads"): {"uploads": [report(), report(upload_id="up_0", functions=[], tests=[], status="staging")]},
        ("GET", "uploads?dataset_id=ds_1&model_id=prj_1&limit=5"): {"uploads": []},
        ("GET", "upload/up_1"): {"report": {**report(), "new": 1}},
    }
    client = wire.client()
    newest, open_one = client.uploads()
    assert client.uploads("ds_1", "prj_1", limit=5) == []
    assert client.get_upload("up_1") == newest
    assert newest.to_dict() == report()
    assert newest.tests[0].coverage == 0.75
    assert newest.functions[0].score is not None
    assert newest.functions[0].score.quantiles["0.5"] == 0.5
    assert str(newest).splitlines() == [
        "Upload up_1, completed: 3 rows, model 'a model', dataset 'd' (4 items)",
        "  function 'f': 3 scores, mean 0.5, from 0.1 to 0.9",
        "    warning: scores look like percent",
        "  test 't', 'f': 3 of 4 items, result 0.5 (ev_1)",
    ]
    assert "staging" in str(open_one)
    assert "nothing stored" in str(nucleus.UploadReport.from_json(report(dry_run=True, upload_id=None)))
    assert KEY not in repr(newest)


def test_a_report_of_another_form(wire: Wire) -> None:
    """It is an error of ours, not of a library."""
    wire.routes["GET", "upload/up_1"] = {"report": {"upload_id": 7}}
    with pytest.raises(nucleus.NucleusError, match="cannot read"):
        wire.client().get_upload("up_1")
