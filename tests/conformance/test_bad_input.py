"""Bad input: each kind has its code, names its rows, and leaves the database as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import nucleus
from nucleus import DatasetItem
from nucleus.validate import Direction, EvaluationResult, ExternalEvalFunction, InvalidUpload, ScenarioTest
from nucleus_server.api import http
from nucleus_server.domain import Role
from tests.support.api import BASE, Api, assert_error
from tests.support.store_dump import dump

N_MEMBERS = 30


@dataclass(frozen=True)
class Scene:
    """A test of 30 items, with a few things beside it that an upload must not touch."""

    api: Api
    client: nucleus.NucleusClient
    dataset: nucleus.Dataset
    test: ScenarioTest
    function: ExternalEvalFunction
    model: nucleus.Model

    def body(self, **changes: Any) -> dict[str, Any]:
        """A good upload, changed."""
        return {
            "unit_test_id": self.test.id,
            "eval_function_id": self.function.id,
            "result_per_ref_id": {"i0": 0.5, "i1": 1},
            "weight_per_ref_id": {"i0": 1, "i1": 0.5},
            "overall_metric": 2 / 3,
            "model_id": self.model.id,
            "slice_id": self.test.slice_id,
            "level": "item",
        } | changes

    def refuse(self, body: object, status: int, code: str, **headers: str) -> dict[str, Any]:
        """The upload is refused so, and nothing is stored."""
        before = dump(self.api.services.store)
        response = self.api.post("validate/scenario_test/upload_results", body, **headers)
        answer = assert_error(response, status, code)
        # When the key was last used is noted before the body is read.
        after = dump(self.api.services.store)
        assert {k: v for k, v in after.items() if k != "api_keys"} == {
            k: v for k, v in before.items() if k != "api_keys"
        }
        return answer


def raw_json(body: dict[str, Any], **texts: str) -> bytes:
    """JSON in which some fields are texts of our own, valid or not."""
    parts = [f"{json.dumps(k)}:{texts.get(k, json.dumps(v))}" for k, v in body.items()]
    return ("{" + ",".join(parts) + "}").encode()


@pytest.fixture
def scene(api: Api) -> Scene:
    client = api.client()
    dataset = client.create_dataset("d")
    refs = [f"i{i}" for i in range(N_MEMBERS)] + ["outside", "gone"]
    dataset.append([DatasetItem(f"https://example.com/{ref}.jpg", ref) for ref in refs])
    part = dataset.create_slice("s", [*refs[:N_MEMBERS], "gone"])
    dataset.delete_item("gone")
    function = client.validate.create_external_eval_function("f")
    test = client.validate.create_scenario_test("t", part.id, [function])
    return Scene(api, client, dataset, test, function, client.create_model("m", "m"))


def test_good_upload_is_stored(scene: Scene) -> None:
    """The body that all others are changes of is accepted: weights, an integer score, an exact mean."""
    response = scene.api.post("validate/scenario_test/upload_results", scene.body())
    assert response.status_code == 200, response.text
    (evaluation,) = scene.test.get_eval_history()
    assert (evaluation.result, evaluation.n_scored, evaluation.coverage) == (2 / 3, 2, 2 / N_MEMBERS)


@pytest.mark.parametrize(
    ("results", "code", "n_errors"),
    [
        ({f"no{i}": 0.5 for i in range(25)}, "unknown_reference_ids", 25),
        ({"i0": 0.5, "outside": 0.5}, "items_outside_slice", 1),
        ({"i0": 0.5, "gone": 0.5}, "deleted_items", 1),
        ({"i0": 0.5, "i1": None}, "missing_score", 1),
        ({"i0": 0.5, "i1": "0.5", "i2": [1]}, "invalid_score_type", 2),
        ({"i0": True}, "invalid_score_type", 1),
        ({f"i{i}": 1.5 for i in range(22)}, "score_out_of_range", 22),
        ({"i0": -1e-9}, "score_out_of_range", 1),
        ({"i0": 0.5, "i\u00001": 0.5}, "nul_character", 1),
    ],
)
def test_bad_scores(scene: Scene, results: dict[str, Any], code: str, n_errors: int) -> None:
    """The first twenty rows are named, and the count is complete."""
    body = scene.body(result_per_ref_id=results, weight_per_ref_id={}, overall_metric=None)
    answer = scene.refuse(body, 422, code)
    assert answer["n_errors"] == n_errors
    assert len(answer["errors"]) == min(n_errors, 20)
    assert all(row["value"] in results for row in answer["errors"])


def test_range_error_says_how_to_set_a_range(scene: Scene) -> None:
    """A score of 1.5 is no dead end."""
    body = scene.body(result_per_ref_id={"i0": 1.5}, weight_per_ref_id={}, overall_metric=1.5)
    assert "score_range=" in scene.refuse(body, 422, "score_out_of_range")["error"]


def test_own_score_range(scene: Scene) -> None:
    """A function with a range of its own takes its scores, and refuses others."""
    loss = scene.client.validate.create_external_eval_function(
        "loss", direction=Direction.LOWER_IS_BETTER, score_range=(-10, 10)
    )
    scene.test.add_eval_function(loss)
    changes = {"eval_function_id": loss.id, "weight_per_ref_id": {}, "overall_metric": None}
    scene.refuse(scene.body(result_per_ref_id={"i0": 10.1}, **changes), 422, "score_out_of_range")
    response = scene.api.post(
        "validate/scenario_test/upload_results", scene.body(result_per_ref_id={"i0": -7.5}, **changes)
    )
    assert response.json()["evaluation"]["result"] == -7.5


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ('{"i0":NaN}', 422, "non_finite_score"),
        ('{"i0":Infinity}', 422, "non_finite_score"),
        ('{"i0":-Infinity}', 422, "non_finite_score"),
        ('{"i0":1e999}', 422, "non_finite_score"),
        ('{"i0":1' + "0" * 400 + "}", 422, "non_finite_score"),
        ('{"i0":0.1,"i1":0.5,"i0":0.9}', 422, "duplicate_reference_ids"),
        ('{"i\\u0030":0.1,"i0":0.9}', 422, "duplicate_reference_ids"),
        ('{"i0":0.1,"a\\"b":0.2,"a\\"b":0.2}', 422, "duplicate_reference_ids"),
        ("[0.5]", 422, "invalid_type"),
        ("null", 422, "invalid_type"),
        ("0.5", 422, "invalid_type"),
        ("{}", 422, "no_results"),
        ("[" * 100_000, 400, "json_too_deep"),
        ("[" * 100_000 + "]" * 100_000, 400, "json_too_deep"),
        ('{"i0":' * 100_000 + "1" + "}" * 100_000, 400, "json_too_deep"),
        ('{"i0":0.5', 400, "malformed_json"),
        ('{"i0":.5}', 400, "malformed_json"),
        ('{"i0":0.5,}', 400, "malformed_json"),
    ],
)
def test_scores_that_json_libraries_let_through(scene: Scene, text: str, status: int, code: str) -> None:
    """What a careless encoder writes has its own error too."""
    scene.refuse(raw_json(scene.body(weight_per_ref_id={}), result_per_ref_id=text), status, code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"i0":1,"i1":1.5}', "weight_out_of_range"),
        ('{"i0":1,"i1":-0.1}', "weight_out_of_range"),
        ('{"i0":1,"i1":1,"i2":1}', "weight_for_unknown_result"),
        ('{"i0":0,"i1":0}', "all_weights_zero"),
        ('{"i0":1,"i1":null}', "missing_weight"),
        ('{"i0":1,"i1":"1"}', "invalid_weight_type"),
        ('{"i0":1,"i1":false}', "invalid_weight_type"),
        ('{"i0":1,"i1":NaN}', "non_finite_weight"),
        ('{"i0":1,"i1":1,"i1":1}', "duplicate_reference_ids"),
        ("[1, 1]", "invalid_type"),
    ],
)
def test_bad_weights(scene: Scene, text: str, code: str) -> None:
    """Weights are checked like scores."""
    scene.refuse(raw_json(scene.body(overall_metric=None), weight_per_ref_id=text), 422, code)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"overall_metric": 0.7}, 422, "overall_metric_mismatch"),
        ({"overall_metric": 2 / 3 + 1e-8}, 422, "overall_metric_mismatch"),
        ({"overall_metric": "x"}, 422, "invalid_type"),
        ({"slice_id": "slc_00000000000000000000"}, 422, "slice_mismatch"),
        ({"level": "scene"}, 422, "level_mismatch"),
        ({"level": "frame"}, 422, "invalid_level"),
        ({"level": 3}, 422, "invalid_type"),
        ({"unit_test_id": "st_unknown"}, 404, "scenario_test_not_found"),
        ({"model_id": "prj_unknown"}, 404, "model_not_found"),
        ({"eval_function_id": "ef_unknown"}, 404, "eval_function_not_found"),
        ({"model_id": None}, 422, "invalid_type"),
        ({"model_id": "a\u0000b"}, 422, "nul_character"),
    ],
)
def test_bad_upload_fields(scene: Scene, changes: dict[str, Any], status: int, code: str) -> None:
    """Everything beside the scores."""
    scene.refuse(scene.body(**changes), status, code)


def test_function_of_another_kind_or_test(scene: Scene) -> None:
    """A public function, and one that is not part of the test."""
    public = scene.client.validate.eval_functions.public_functions["bbox_iou"]
    scene.refuse(scene.body(eval_function_id=public.id), 422, "function_not_external")
    other = scene.client.validate.create_external_eval_function("other")
    scene.refuse(scene.body(eval_function_id=other.id), 422, "function_not_in_test")


def test_other_workspaces_objects_are_unknown(scene: Scene) -> None:
    """Test, model, function and slice of another workspace do not exist."""
    store, access = scene.api.services.store, scene.api.services.access
    workspace = store.create_workspace("other")
    store.ensure_admin(workspace, "eve", key_digest=access.digest("other-admin-key"), hint="x", key_name="k")
    response = scene.api.post("validate/scenario_test/upload_results", scene.body(), key="other-admin-key")
    assert_error(response, 404, "scenario_test_not_found")
    for route in (
        f"dataset/{scene.dataset.id}/info",
        f"slice/{scene.test.slice_id}/info",
        f"model/{scene.model.id}",
        f"validate/scenario_test/{scene.test.id}/eval_history/details",
    ):
        assert scene.api.get(route, key="other-admin-key").status_code == 404


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"not json", "malformed_json"),
        (b'{"unit_test_id":"\xff"}', "invalid_utf8"),
        (b'{"unit_test_id":"a","unit_test_id":"b"}', "duplicate_json_key"),
        (b"[" * 100_000, "json_too_deep"),
    ],
)
def test_unreadable_bodies(scene: Scene, raw: bytes, code: str) -> None:
    """Refused as such by the hot route and by an ordinary one."""
    scene.refuse(raw, 400, code)
    body = raw.replace(b"unit_test_id", b"name")
    assert_error(scene.api.post("dataset/create", body), 400, code)


def test_lists_where_objects_are_expected(scene: Scene) -> None:
    """JSON, but of another shape: the message names the field."""
    scene.refuse([1, 2], 422, "invalid_type")
    assert_error(scene.api.post("dataset/create", [1]), 422, "invalid_type")
    answer = assert_error(scene.api.post("dataset/create", {"name": 3}), 422, "invalid_type")
    assert "$.name" in answer["error"]


def test_wrong_content_type(scene: Scene) -> None:
    """Forms, plain text and compressed bodies are not read."""
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        scene.refuse(scene.body(), 415, "unsupported_media_type", **{"Content-Type": content_type})
    scene.refuse(scene.body(), 415, "unsupported_media_type", **{"Content-Encoding": "gzip"})


def test_body_over_the_limit(scene: Scene) -> None:
    """Refused by its declared length before a byte is read, and by counting where none is declared."""
    scene.refuse(b"{}", 413, "payload_too_large", **{"Content-Length": str((256 << 20) + 1)})


def test_body_over_the_limit_without_a_length(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunked body is counted while it comes, and refused at the limit."""
    monkeypatch.setattr(http, "MAX_JSON_BYTES", 1000)

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    response = scene.api.http.post(
        f"{BASE}/validate/scenario_test/upload_results", content=chunks(), headers=scene.api.headers()
    )
    assert_error(response, 413, "payload_too_large")


@pytest.mark.parametrize("name", ["", " ", "x" * 256, "with blank", "tab\there", "a\u0000b"])
def test_bad_function_names(scene: Scene, name: str) -> None:
    """Refused by the server, and by the SDK before a request where it can."""
    response = scene.api.post("validate/eval_fn", {"name": name, "is_external_function": True, "level": "item"})
    assert_error(response, 422, "nul_character" if "\x00" in name else "invalid_name")
    with pytest.raises((ValueError, nucleus.NucleusAPIError)):
        scene.client.validate.create_external_eval_function(name)


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "a\u0000b"])
def test_bad_test_names(scene: Scene, name: str) -> None:
    """Empty, blank, too long, with U+0000."""
    body = {"name": name, "slice_id": scene.test.slice_id, "evaluation_functions": [{"id": scene.function.id}]}
    response = scene.api.post("validate/scenario_test", body)
    assert_error(response, 422, "nul_character" if "\x00" in name else "invalid_name")


def test_taken_names(scene: Scene) -> None:
    """409 for functions, tests and public names, also in another Unicode form of the same text."""
    for name, code in (
        ("f", "eval_function_exists"),
        ("bbox_iou", "eval_function_name_reserved"),
        ("coco_ap", "eval_function_name_reserved"),
    ):
        assert_error(scene.api.post("validate/eval_fn", {"name": name}), 409, code)
    scene.client.validate.create_external_eval_function("caf\u00e9")
    assert_error(scene.api.post("validate/eval_fn", {"name": "cafe\u0301"}), 409, "eval_function_exists")
    with pytest.raises(nucleus.ConflictError, match="exists already"):
        scene.client.validate.create_scenario_test("t", scene.test.slice_id, [scene.function])
    with pytest.raises(nucleus.ConflictError):
        scene.client.create_model("again", "m")


def test_bad_function_lists(scene: Scene) -> None:
    """Mixed, repeated, none, unknown."""
    public = scene.client.validate.eval_functions.bbox_iou
    for functions, status, code in (
        ([scene.function.id, public.id], 422, "mixed_eval_functions"),
        ([scene.function.id] * 2, 422, "duplicate_eval_function"),
        ([], 422, "no_eval_functions"),
        (["ef_unknown"], 404, "eval_function_not_found"),
    ):
        body = {
            "name": "new",
            "slice_id": scene.test.slice_id,
            "evaluation_functions": [{"id": f, "eval_func_arguments": {}} for f in functions],
        }
        assert_error(scene.api.post("validate/scenario_test", body), status, code)
    body = {"scenario_test_name": "t", "eval_function_id": public.id}
    assert_error(scene.api.post("validate/scenario_test_eval_function", body), 422, "mixed_eval_functions")
    with pytest.raises(nucleus.CreateScenarioTestError):
        scene.client.validate.create_scenario_test("new", scene.test.slice_id, [scene.function, public])
    with pytest.raises(nucleus.CreateScenarioTestError, match="criterion"):
        scene.client.validate.create_scenario_test("new", scene.test.slice_id, [scene.function > 0.5])  # type: ignore[list-item]


def test_unknown_slice(scene: Scene) -> None:
    """404, and the SDK refuses what is no slice's id at all."""
    with pytest.raises(nucleus.NotFoundError):
        scene.client.validate.create_scenario_test("new", "slc_00000000000000000000", [scene.function])
    with pytest.raises(ValueError, match="slc_"):
        scene.client.validate.create_scenario_test("new", "nonsense", [scene.function])


def test_keys(scene: Scene) -> None:
    """No key, a wrong one, a malformed header, both headers, a revoked one."""
    url = f"{BASE}/validate/eval_fn"
    http = scene.api.http
    assert_error(http.get(url), 401, "missing_key")
    for header in ("Bearer abc", "Basic", "Basic !!!", "Basic YWJj", "Basic Og==", "nonsense"):
        assert_error(http.get(url, headers={"Authorization": header}), 401, "malformed_authorization")
    assert_error(http.get(url, headers=scene.api.headers("nv_unknown")), 401, "unknown_key")
    assert_error(http.get(url, headers={"x-limited-access-key": "nv_unknown"}), 401, "unknown_key")
    both = scene.api.headers() | {"x-limited-access-key": "x"}
    assert_error(http.get(url, headers=both), 401, "ambiguous_key")
    key = scene.api.new_key("alice", Role.MEMBER)
    assert scene.api.get("validate/eval_fn", key=key).status_code == 200
    operator = scene.api.services.access.operator()
    ws = scene.api.services.store.workspace(operator.workspace_id, operator)
    ws.revoke_key(next(k.id for k in ws.list_keys() if k.user_name == "alice"))
    assert_error(scene.api.get("validate/eval_fn", key=key), 401, "revoked_key")


def test_viewers_and_strangers(scene: Scene) -> None:
    """A viewer reads but does not write, by either header; only a slice's owner or an admin builds on it."""
    viewer = scene.api.new_key("viewer", Role.VIEWER)
    assert scene.api.get("validate/eval_fn", key=viewer).status_code == 200
    response = scene.api.post("validate/scenario_test/upload_results", scene.body(), key=viewer)
    assert_error(response, 403, "permission_denied")
    limited = nucleus.NucleusClient(
        limited_access_key=viewer, endpoint=f"http://testserver{BASE}", http_client=scene.api.http
    )
    assert [test.id for test in limited.validate.scenario_tests] == [scene.test.id]
    with pytest.raises(nucleus.PermissionDeniedError):
        limited.create_dataset("d")
    member = scene.api.client(scene.api.new_key("member", Role.MEMBER))
    with pytest.raises(nucleus.PermissionDeniedError, match="owner of this slice"):
        member.validate.create_scenario_test("mine", scene.test.slice_id, [scene.function])
    member.validate.get_scenario_test(scene.test.id).upload_external_evaluation_results(
        scene.function, [EvaluationResult(item_ref_id="i0", score=1)], scene.model.id
    )


def test_sdk_stops_what_it_can_see(scene: Scene) -> None:
    """Before any request, with the rows named."""

    def upload(*results: EvaluationResult) -> None:
        scene.test.upload_external_evaluation_results(scene.function, results, scene.model.id)

    def result(ref: str = "i0", **fields: Any) -> EvaluationResult:
        return EvaluationResult(item_ref_id=ref, **fields)

    before = dump(scene.api.services.store)
    for match, results in (
        ("at least one result", []),
        ("once.*'i0'", [result(), result()]),
        ("finite.*score.*'i1'", [result(), result("i1", score=float("nan"))]),
        ("finite", [result(score=float("inf"))]),
        ("number.*score", [result(score="0.5")]),
        ("number.*score", [result(score=True)]),
        ("number.*score", [result(score=None)]),
        ("only zeros", [result(weight=0)]),
        ("one level", [result(), EvaluationResult(scene_ref_id="s")]),
        ("level of the function", [EvaluationResult(scene_ref_id="s")]),
    ):
        with pytest.raises(InvalidUpload, match=match):
            upload(*results)
    for fields in ({"weight": 1.1}, {"weight": -0.1}, {"weight": float("nan")}, {"scene_ref_id": "s"}):
        with pytest.raises(ValueError):
            result(**fields)
    with pytest.raises(ValueError):
        EvaluationResult(score=1)
    with pytest.raises(InvalidUpload, match="external"):
        scene.test.upload_external_evaluation_results(
            scene.client.validate.eval_functions.bbox_iou, [result()], scene.model.id
        )
    assert dump(scene.api.services.store) == before


@pytest.mark.parametrize(
    ("item", "what"),
    [
        ({"reference_id": "x"}, "none of them"),
        ({"reference_id": "", "text": "t"}, "reference_id"),
        ({"reference_id": "x" * 513, "text": "t"}, "reference_id"),
        ({"reference_id": "x", "image_url": "/home/me/a.png"}, "URL"),
        ({"reference_id": "x", "image_url": "javascript:alert(1)"}, "URL"),
        ({"reference_id": "x", "image_url": "https://e.com/a.png", "pointcloud_url": "https://e.com/a.json"}, "both"),
    ],
)
def test_bad_items(scene: Scene, item: dict[str, Any], what: str) -> None:
    """The row is named, and the good rows beside it are not stored."""
    before = dump(scene.api.services.store)
    body = {"items": [{"reference_id": "good", "text": "t"}, item]}
    answer = assert_error(scene.api.post(f"dataset/{scene.dataset.id}/append", body), 422, "invalid_items")
    assert answer["errors"][0]["field"] == "items[1]" and what in answer["error"]
    assert dump(scene.api.services.store) == before


def test_bad_image_files(scene: Scene) -> None:
    """An SVG is no image here; a number of files that differs from the items' is refused."""
    url = f"{BASE}/dataset/{scene.dataset.id}/append"
    headers = {k: v for k, v in scene.api.headers().items() if k != "Content-Type"}
    document = ("items", (None, json.dumps([{"reference_id": "new", "image_url": "a.svg"}]), "application/json"))
    svg = ("image", ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"))
    png = ("image", ("a.png", b"\x89PNG\r\n\x1a\n", "image/png"))
    assert_error(scene.api.http.post(url, files=[document, svg], headers=headers), 415, "not_an_image")
    assert_error(scene.api.http.post(url, files=[document, png, png], headers=headers), 400, "image_count_mismatch")
    assert_error(scene.api.http.post(url, files=[png], headers=headers), 400, "malformed_multipart")
    broken = headers | {"Content-Type": "multipart/form-data; boundary=x"}
    assert_error(scene.api.http.post(url, content=b"--y\r\n\r\n", headers=broken), 400, "malformed_multipart")


def test_signed_uploads(scene: Scene) -> None:
    """A forged URL, an append without a PUT, and a payload whose third line is broken."""
    assert_error(scene.api.http.put("/storage/forged", content=b"x"), 401, "invalid_signed_url")
    route = f"dataset/{scene.dataset.id}/append?async=1"
    assert_error(scene.api.post(route, {"requestId": "nothing"}), 404, "upload_not_found")
    url = scene.api.get(f"dataset/{scene.dataset.id}/signedUrl/r1").json()["signed_url"]
    lines = b'{"reference_id":"a","text":"t"}\n{"reference_id":"b","text":"t"}\n{"reference_id":3}\n'
    assert scene.api.http.put(url, content=lines).status_code == 200
    answer = assert_error(scene.api.post(route, {"requestId": "r1"}), 422, "invalid_type")
    assert "line 3" in answer["error"]
    assert scene.dataset.size == N_MEMBERS + 1


def test_unknown_and_later_routes(scene: Scene) -> None:
    """A route that does not exist is told apart from one that is not offered yet."""
    assert_error(scene.api.get("nonsense"), 404, "route_not_found")
    assert_error(scene.api.post(f"dataset/{scene.dataset.id}/queryItemsPage", {}), 501, "not_available")
    assert_error(scene.api.http.delete("/healthz"), 405, "method_not_allowed")
    body = {"test_names": ["t"]}
    response = scene.api.post(f"validate/{scene.model.id}/evaluate", body)
    assert_error(response, 501, "built_in_functions_not_available")


def test_bad_page_tokens(scene: Scene) -> None:
    """Page sizes and tokens are checked."""
    for body, code in (
        ({"pageToken": "x"}, "invalid_page_token"),
        ({"pageSize": 0}, "invalid_type"),
        ({"pageSize": 10**9}, "invalid_type"),
    ):
        assert_error(scene.api.post(f"dataset/{scene.dataset.id}/itemsPage", body), 422, code)


def test_nothing_was_promised_that_failed(scene: Scene) -> None:
    """An unexpected error is a 500 with a request id and no internals."""
    scene.api.services.store.close()

    def explode(*args: object) -> None:
        raise RuntimeError("secret internals")

    scene.api.services.access.authenticate = explode  # type: ignore[method-assign, assignment]
    answer = assert_error(scene.api.get("validate/eval_fn"), 500, "internal_error")
    assert "secret" not in answer["error"]
