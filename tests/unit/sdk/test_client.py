"""Keys, endpoints, and the routes of datasets, slices, models and jobs."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from typing import Any

import pytest

import nucleus
from tests.unit.sdk.wire import JOB_HANDLE, KEY, Wire

MODEL = {"id": "prj_1", "name": "m", "ref_id": "m-1", "metadata": None, "tags": ["a"], "trained_slice_ids": None}
SLICE = {"id": "slc_1", "name": "s", "dataset_id": "ds_1", "created_at": "2026-01-01T00:00:00.123Z", "n_members": 2}


def test_an_api_key_goes_into_basic_authentication_with_an_empty_password(wire: Wire) -> None:
    """Every request carries it, and says that it is JSON."""
    wire.routes["GET", "dataset/details"] = []
    assert wire.client().datasets == []
    assert wire.last.headers["authorization"] == "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    assert wire.last.headers["content-type"] == "application/json"
    assert "x-limited-access-key" not in wire.last.headers


def test_a_limited_key_goes_into_its_own_header_alone(wire: Wire) -> None:
    """There is no Authorization header then, not even the one of a client that the caller brought."""
    wire.routes["GET", "dataset/details"] = []
    wire.http.auth = ("somebody", "else")  # type: ignore[assignment]
    assert wire.client(limited_access_key="nv_limited").datasets == []
    assert wire.last.headers["x-limited-access-key"] == "nv_limited"
    assert "authorization" not in wire.last.headers


def test_keys_and_the_endpoint_come_from_the_environment(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments win over variables, and an empty variable is none."""
    monkeypatch.setenv("NUCLEUS_ENDPOINT", "http://elsewhere.test/v1/nucleus/")
    monkeypatch.setenv("NUCLEUS_API_KEY", "")
    monkeypatch.setenv("NUCLEUS_LIMITED_ACCESS_KEY", " nv_limited\n")
    wire.routes["GET", "slice/"] = []
    client = nucleus.NucleusClient(http_client=wire.http)
    assert client.slices == []
    assert wire.last.url == "http://elsewhere.test/v1/nucleus/slice/"
    assert wire.last.headers["x-limited-access-key"] == "nv_limited"
    monkeypatch.setenv("NUCLEUS_API_KEY", "nv_from_the_environment")
    assert nucleus.NucleusClient() == nucleus.NucleusClient("nv_from_the_environment")
    assert nucleus.NucleusClient("another") != nucleus.NucleusClient()
    monkeypatch.delenv("NUCLEUS_ENDPOINT")
    assert nucleus.NucleusClient().endpoint == "http://127.0.0.1:8000/v1/nucleus"


def test_without_a_key_there_is_no_client() -> None:
    """The error names the variables; two keys and unsendable ones are refused as well."""
    with pytest.raises(nucleus.NoAPIKey, match="NUCLEUS_API_KEY"):
        nucleus.NucleusClient()
    with pytest.raises(ValueError, match="got both"):
        nucleus.NucleusClient("a", limited_access_key="b")
    with pytest.raises(ValueError, match="copy it again") as caught:
        nucleus.NucleusClient("nv_sécret")
    assert "sécret" not in str(caught.value)


def test_repr_never_shows_a_key(wire: Wire) -> None:
    """Neither of the client nor of anything that it hands out."""
    wire.routes = {
        ("GET", "dataset/details"): [{"id": "ds_1", "name": "d"}],
        ("GET", "models/"): {"models": [MODEL]},
        ("GET", "slice/"): [SLICE],
        ("GET", "job/job_1/info"): JOB_HANDLE,
        ("GET", "validate/scenario_test/details"): [{"id": "st_1", "name": "t", "slice_id": "slc_1"}],
    }
    for client in (wire.client(), wire.client(limited_access_key=KEY)):
        objects: list[Any] = [client, client.connection, client.validate, client.get_job("job_1")]
        objects += [*client.datasets, *client.models, *client.slices, *client.validate.scenario_tests]
        shown = " ".join(map(repr, objects))
        assert len(objects) == 8
        assert KEY not in shown
        assert base64.b64encode(f"{KEY}:".encode()).decode() not in shown


def test_close_leaves_a_client_that_the_caller_brought_open(wire: Wire) -> None:
    """Its own it closes."""
    with wire.client():
        pass
    assert not wire.http.is_closed
    with nucleus.NucleusClient("k") as client:
        http = client.connection._http
    assert http.is_closed


CREATE_DATASET = {
    "name": "d",
    "is_scene": False,
    "use_privacy_mode": False,
    "annotation_metadata_schema": None,
    "item_metadata_schema": None,
}
ALL_JOBS = {"dataset_id": None, "job_types": [], "from_date": None, "to_date": None, "limit": 50_000}
Call = Callable[[nucleus.NucleusClient], Any]


@pytest.mark.parametrize(
    ("call", "method", "route", "body", "answer", "expected"),
    [
        (lambda c: c.create_dataset("d").id, "POST", "dataset/create", CREATE_DATASET, {"dataset_id": "ds_1"}, "ds_1"),
        (lambda c: c.delete_dataset("ds_1"), "DELETE", "dataset/ds_1", None, {"message": "gone"}, {"message": "gone"}),
        (lambda c: c.get_dataset("ds_1").name, "GET", "dataset/ds_1/name", None, {"name": "d"}, "d"),
        (lambda c: c.get_dataset("ds_1").is_scene, "GET", "dataset/ds_1/is_scene", None, {"is_scene": False}, False),
        (lambda c: c.get_dataset("ds_1").size, "GET", "dataset/ds_1/size", None, {"count": 7}, 7),
        (
            lambda c: c.get_dataset("ds_1").use_privacy_mode,
            "GET",
            "dataset/ds_1/use_privacy_mode",
            None,
            {"use_privacy_mode": True},
            True,
        ),
        (lambda c: c.slices[0].name, "GET", "slice/", None, [SLICE], "s"),
        (lambda c: c.get_slice("slc_1").dataset_id, "GET", "slice/slc_1/info", None, SLICE, "ds_1"),
        (
            lambda c: c.get_slice("slc_1").created_at,
            "GET",
            "slice/slc_1/info",
            None,
            SLICE,
            datetime.datetime(2026, 1, 1, 0, 0, 0, 123_000, datetime.timezone.utc),
        ),
        (
            lambda c: c.delete_slice("slc_1"),
            "DELETE",
            "slice/slc_1",
            None,
            {"slice_id": "slc_1"},
            {"slice_id": "slc_1"},
        ),
        (lambda c: c.models[0].reference_id, "GET", "models/", None, {"models": [MODEL]}, "m-1"),
        (lambda c: c.list_models()[0].tags, "GET", "models/", None, {"models": [MODEL]}, ["a"]),
        (lambda c: c.get_model("prj_1").name, "GET", "model/prj_1", None, MODEL, "m"),
        (lambda c: c.delete_model("prj_1"), "DELETE", "model/prj_1", None, {"msg": "gone"}, {"msg": "gone"}),
        (lambda c: c.jobs, "POST", "jobs/", {**ALL_JOBS, "show_completed": False}, [], []),
        (
            lambda c: c.list_jobs(show_completed=True, from_date=datetime.datetime(2024, 1, 1), limit=3),  # noqa: DTZ001
            "POST",
            "jobs/",
            {**ALL_JOBS, "show_completed": True, "from_date": "2024-01-01 00:00:00", "limit": 3},
            [],
            [],
        ),
    ],
)
def test_routes(wire: Wire, call: Call, method: str, route: str, body: Any, answer: Any, expected: Any) -> None:
    """Each call is one request of this shape, and hands out what was answered."""
    wire.routes[method, route] = answer
    assert call(wire.client()) == expected
    assert wire.sent() == [(method, route)]
    assert (wire.body() if wire.last.content else None) == body


def test_create_model_reads_the_model_back(wire: Wire) -> None:
    """Empty optional fields are left out; an answer without an id is an error."""
    wire.routes = {("POST", "models/add"): {"model_id": "prj_1"}, ("GET", "model/prj_1"): MODEL}
    client = wire.client()
    model = client.create_model("m", "m-1", tags=["a"])
    assert wire.sent() == [("POST", "models/add"), ("GET", "model/prj_1")]
    assert wire.requests[0].content == b'{"name":"m","reference_id":"m-1","metadata":{},"tags":["a"]}'
    assert model == client.get_model("prj_1")
    assert model.metadata is None
    wire.routes["POST", "models/add"] = {"model_id": None, "error": "because"}
    with pytest.raises(nucleus.ModelCreationError, match="because"):
        client.create_model("m", "m-1")
