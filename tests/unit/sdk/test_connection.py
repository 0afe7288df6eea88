"""Errors as exceptions, and what is sent again."""

from __future__ import annotations

import inspect
import json

import httpx2
import pytest

import nucleus
from tests.unit.sdk.wire import KEY, Wire, one_after_the_other

BODY = {
    "error": "expected known ids",
    "code": "unknown_reference_ids",
    "request_id": "r1",
    "errors": [{"field": "x", "message": "m", "value": "a"}],
    "n_errors": 25,
}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, nucleus.BadRequestError),
        (401, nucleus.AuthenticationError),
        (403, nucleus.PermissionDeniedError),
        (404, nucleus.ObjectNotFoundError),
        (409, nucleus.ConflictError),
        (413, nucleus.PayloadTooLargeError),
        (415, nucleus.BadRequestError),
        (418, nucleus.NucleusAPIError),
        (422, nucleus.BadRequestError),
        (429, nucleus.NucleusAPIError),
        (500, nucleus.ServerError),
        (501, nucleus.NotAvailableError),
        (502, nucleus.ServerError),
        (503, nucleus.ServerError),
    ],
)
def test_every_status_has_its_exception(wire: Wire, status: int, kind: type[nucleus.NucleusAPIError]) -> None:
    """The message holds verb, address, status and the server's text, and the fields of the body are attributes."""
    wire.routes["DELETE", "slice/slc_1"] = (status, BODY)
    with pytest.raises(nucleus.NucleusAPIError) as caught:
        wire.client().delete_slice("slc_1")
    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.code, error.request_id) == (status, "unknown_reference_ids", "r1")
    assert (error.errors, error.n_errors) == (BODY["errors"], 25)
    assert error.retryable == (status in (429, 502, 503))
    expected = f"Tried to DELETE http://nucleus.test/v1/nucleus/slice/slc_1, but received {status}"
    assert error.message == str(error)
    assert error.message.startswith(expected)
    assert json.loads(error.message.partition("The detailed error is:\n")[2]) == BODY
    assert KEY not in error.message


def test_not_found_is_also_the_exception_of_listings(wire: Wire) -> None:
    """One `except NotFoundError` is enough."""
    wire.routes["GET", "model/prj_x"] = (404, {"error": "no model", "code": "model_not_found"})
    with pytest.raises(nucleus.NotFoundError):
        wire.client().get_model("prj_x")


@pytest.mark.parametrize("text", ["<html>not here</html>", '["a list"]', '{"errors":null,"n_errors":null}', ""])
def test_an_error_of_something_else_on_the_way(wire: Wire, text: str) -> None:
    """A proxy's page is shown as it is, and a wrong path is suspected."""
    wire.routes["GET", "model/prj_x"] = httpx2.Response(404, text=text)
    with pytest.raises(nucleus.ObjectNotFoundError, match="NUCLEUS_ENDPOINT") as caught:
        wire.client().get_model("prj_x")
    assert text in caught.value.message
    assert (caught.value.code, caught.value.errors, caught.value.n_errors) == ("", [], 0)


def test_an_answer_that_is_not_json(wire: Wire) -> None:
    """What answers is no server of ours."""
    wire.routes["GET", "models/"] = httpx2.Response(200, text="<html>")
    with pytest.raises(nucleus.NucleusConnectionError, match="NUCLEUS_ENDPOINT"):
        _ = wire.client().models


def test_redirects_are_not_followed(wire: Wire) -> None:
    """The key stays here; the error says where the server is."""
    wire.routes["POST", "models/add"] = httpx2.Response(301, headers={"location": "https://elsewhere.test/"})
    with pytest.raises(nucleus.NucleusConnectionError, match=r"https://elsewhere\.test/"):
        wire.client(limited_access_key=KEY).create_model("m", "m-1")
    assert len(wire.requests) == 1


FOREIGN = [
    kind
    for _, kind in inspect.getmembers(httpx2, inspect.isclass)
    if issubclass(kind, httpx2.RequestError) and kind is not httpx2.RequestError
]


@pytest.mark.parametrize("kind", [*FOREIGN, httpx2.InvalidURL])
def test_no_foreign_error_leaks(wire: Wire, kind: type[Exception]) -> None:
    """Whatever the HTTP library raises becomes one exception that says what to look at, the cause kept."""
    wire.routes["GET", "models/"] = kind("why")
    with pytest.raises(nucleus.NucleusConnectionError, match=r"http://nucleus.test: why.*nucleus serve") as caught:
        _ = wire.client().models
    assert type(caught.value.__cause__) is kind


LOST = httpx2.ReadTimeout("lost")
UNREACHED = httpx2.ConnectError("refused")


@pytest.mark.parametrize("first", [LOST, UNREACHED, *((s, {}) for s in (502, 503, 504, 520, 524))])
def test_a_question_is_asked_again(wire: Wire, pauses: list[float], first: object) -> None:
    """Reading is safe to repeat, after a pause."""
    wire.routes["GET", "models/"] = one_after_the_other(first, {"models": []})
    assert wire.client().models == []
    assert len(wire.requests) == 2
    assert len(pauses) == 1
    assert 0.1 <= pauses[0] <= 0.2


@pytest.mark.parametrize(("first", "n_requests"), [(UNREACHED, 2), ((503, {}), 2), (LOST, 1), ((504, {}), 1)])
def test_what_could_happen_twice_is_sent_again_only_if_it_did_not_happen(
    wire: Wire, first: object, n_requests: int
) -> None:
    """Creating a dataset twice makes two, so a lost answer is an error."""
    wire.routes["POST", "dataset/create"] = one_after_the_other(first, {"dataset_id": "ds_1"})
    client = wire.client()
    if n_requests == 2:
        assert client.create_dataset("d").id == "ds_1"
    else:
        with pytest.raises((nucleus.NucleusConnectionError, nucleus.ServerError)):
            client.create_dataset("d")
    assert len(wire.requests) == n_requests


def test_a_write_that_tolerates_a_replay_is_sent_again(wire: Wire) -> None:
    """Appending the same ids to a slice again changes nothing."""
    wire.routes = {
        ("GET", "slice/slc_1/info"): {"dataset_id": "ds_1"},
        ("POST", "slice/slc_1/append"): one_after_the_other(LOST, {"slice_id": "slc_1", "new_items": 1}),
    }
    assert wire.client().get_slice("slc_1").append(["a"])["new_items"] == 1
    assert wire.body() == {"reference_ids": ["a"], "dataset_id": "ds_1"}


def test_it_gives_up(wire: Wire, pauses: list[float]) -> None:
    """After four attempts, with pauses that grow."""
    wire.routes["GET", "models/"] = (503, {"error": "busy", "code": "busy"})
    with pytest.raises(nucleus.ServerError, match="busy"):
        _ = wire.client().models
    assert len(wire.requests) == 4
    assert pauses == sorted(pauses)
    assert sum(pauses) < 6
