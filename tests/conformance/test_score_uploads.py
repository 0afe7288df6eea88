"""Uploads of scores in our own form: once per model, whole or in parts, with a report, on both databases."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec
import numpy as np
import pytest

import nucleus
from nucleus import DatasetItem
from nucleus_server.domain import Role
from nucleus_server.services.worker import Worker
from nucleus_server.storage import WorkspaceStore
from tests.support.api import BASE, Api, assert_error

NAN = float("nan")


def make_part(
    ids: Sequence[str], scores: Mapping[str, Sequence[float]], weights: Mapping[str, Sequence[float]] | None = None
) -> dict[str, Any]:
    """A part as clients send it."""
    return {
        "reference_ids": "\0".join(ids).encode(),
        "scores": {name: np.array(column, dtype="<f8").tobytes() for name, column in scores.items()},
        "weights": {name: np.array(column, dtype="<f8").tobytes() for name, column in (weights or {}).items()},
    }


@dataclass
class Scene:
    """A dataset of ten items (i0 … i9), three slices with a test each, two functions, two models."""

    api: Api
    client: nucleus.NucleusClient
    ids: list[str] = field(default_factory=lambda: [f"i{k}" for k in range(10)])

    def __post_init__(self) -> None:
        self.dataset = self.client.create_dataset("d")
        self.dataset.append([DatasetItem(text="t", reference_id=ref) for ref in self.ids])
        make = self.client.validate.create_external_eval_function
        self.f, self.g = make("f"), make("g")
        self.a = self.client.create_model("model a", "a").id
        self.b = self.client.create_model("model b", "b").id
        self.whole = self.make_test("whole", self.ids)
        self.odd = self.make_test("odd", ["i9", "i1", "i3"])
        self.last = self.make_test("last", ["i8", "i9"], functions=[self.f])

    def make_test(self, name: str, ids: Sequence[str], functions: Sequence[Any] | None = None) -> Any:
        """A test on these items."""
        part = self.dataset.create_slice(name, ids)
        return self.client.validate.create_scenario_test(name, part.id, functions or [self.f, self.g])

    def post(self, part: dict[str, Any], *, key: str | None = None, **changes: Any) -> httpx2.Response:
        """The upload of a part in one request."""
        body = msgspec.msgpack.encode({"model_id": self.a, "part": part} | changes)
        return self._send("POST", f"dataset/{self.dataset.id}/scores", body, key=key)

    def report(self, part: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The report of an upload that is accepted."""
        response = self.post(part, **changes)
        assert response.status_code == 200, response.text
        report: dict[str, Any] = response.json()["report"]
        return report

    def put(self, upload_id: str, number: int, part: dict[str, Any]) -> httpx2.Response:
        """One part of a staged upload."""
        return self._send("PUT", f"upload/{upload_id}/parts/{number}", msgspec.msgpack.encode(part))

    def _send(self, method: str, route: str, body: bytes, *, key: str | None = None) -> httpx2.Response:
        headers = self.api.headers(key) if key else self.api.headers()
        headers["Content-Type"] = "application/msgpack"
        return self.api.http.request(method, f"{BASE}/{route}", content=body, headers=headers)

    def results(self, test: Any, model_id: str | None = None) -> dict[str, float | None]:
        """Function name → newest result of a model on a test."""
        names = {self.f.id: "f", self.g.id: "g"}
        history = [e for e in test.get_eval_history() if e.model_id == (model_id or self.a)]
        return {names[e.eval_function_id]: e.result for e in history}

    def work(self) -> None:
        """Do what a worker would do, until there is nothing left."""
        services = self.api.services
        worker = Worker(services.store, services.media)
        while worker.run_once():
            pass

    def ws(self) -> WorkspaceStore:
        """The store, as its admin."""
        operator = self.api.services.access.operator()
        return self.api.services.store.workspace(operator.workspace_id, operator)


@pytest.fixture
def scene(api: Api) -> Iterator[Scene]:
    made = Scene(api, api.client())
    yield made


def ramp(n: int = 10) -> list[float]:
    """0, 0.1, 0.2 …"""
    return [k / 10 for k in range(n)]


def test_one_upload_evaluates_every_test_it_covers(scene: Scene) -> None:
    """Several functions at once; members are gathered in slice order; weights of a function go before shared ones."""
    part = make_part(
        scene.ids,
        {scene.f.id: ramp(), scene.g.id: ramp()[::-1]},
        {"*": [1.0] * 9 + [0.5], scene.g.id: [0.5] * 10},
    )
    report = scene.report(part)
    assert report["status"] == "completed" and not report["replayed"] and report["n_rows"] == report["n_items"] == 10
    assert {(t["name"], t["function_name"], t["coverage"]) for t in report["tests"]} == {
        ("whole", "f", 1.0),
        ("whole", "g", 1.0),
        ("odd", "f", 1.0),
        ("odd", "g", 1.0),
        ("last", "f", 1.0),
    }
    assert scene.results(scene.odd) == {
        "f": pytest.approx((0.1 + 0.3 + 0.45) / 2.5, rel=1e-15),
        "g": pytest.approx((0.8 + 0.6 + 0.0) / 3, rel=1e-15),
    }
    (evaluation,) = scene.last.get_eval_history()
    assert [(i.reference_id, i.result, i.weight) for i in evaluation.item_evals] == [("i8", 0.8, 1), ("i9", 0.9, 0.5)]
    assert evaluation.upload_id == report["upload_id"]
    shown = {t["evaluation_id"] for t in report["tests"]}
    assert {e.id for test in (scene.whole, scene.odd, scene.last) for e in test.get_eval_history()} == shown


def test_coverage_decides_and_is_reported(scene: Scene) -> None:
    """Below min_coverage a test gets no evaluation and the report says why; with less asked for it gets a partial one."""
    part = make_part(scene.ids[:9], {scene.f.id: ramp(9)})
    report = scene.report(part)
    rows = {t["name"]: t for t in report["tests"]}
    assert {name: t["coverage"] for name, t in rows.items()} == {"whole": 0.9, "odd": 2 / 3, "last": 0.5}
    assert all(t["evaluation_id"] is None and "below min_coverage 1" in t["reason"] for t in rows.values())
    report = scene.report(part, min_coverage=2 / 3)
    rows = {t["name"]: t for t in report["tests"]}
    assert {name for name, t in rows.items() if t["evaluation_id"]} == {"whole", "odd"}
    assert scene.results(scene.odd) == {"f": pytest.approx(0.2)}
    (partial,) = scene.odd.get_eval_history()
    assert (partial.n_scored, partial.n_members) == (2, 3)


def test_missing_scores_of_one_function(scene: Scene) -> None:
    """NaN says that an item has no score by that function; the others count."""
    scores = {scene.f.id: ramp(), scene.g.id: [NAN] * 8 + [0.8, 0.9]}
    report = scene.report(make_part(scene.ids, scores))
    assert {f["name"]: f["n_scored"] for f in report["functions"]} == {"f": 10, "g": 2}
    assert scene.results(scene.odd) == {"f": pytest.approx((0.9 + 0.1 + 0.3) / 3)}
    body = scene.post(make_part(scene.ids, {scene.f.id: ramp(), scene.g.id: [NAN] * 10}))
    assert_error(body, 422, "no_results")


def test_a_test_that_comes_later_is_filled(scene: Scene) -> None:
    """For all past models, dated as their uploads; also with a function that is added later, and when its slice grows."""
    first = scene.report(make_part(scene.ids, {scene.f.id: ramp(), scene.g.id: [0.5] * 10}))
    second = scene.report(make_part(scene.ids, {scene.f.id: ramp()[::-1]}), model_id=scene.b)
    later = scene.make_test("later", ["i2", "i4"], functions=[scene.f])
    assert scene.results(later) == {"f": pytest.approx(0.3)} and scene.results(later, scene.b) == {
        "f": pytest.approx(0.6)
    }
    history = later.get_eval_history()
    assert [e.upload_id for e in history] == [first["upload_id"], second["upload_id"]]
    assert [e.created_at for e in history] == [first["created_at"], second["created_at"]]
    later.add_eval_function(scene.g)
    assert scene.results(later) == {"f": pytest.approx(0.3), "g": 0.5}
    scene.client.get_slice(later.slice_id).append(["i9"])
    scene.work()
    assert scene.results(later) == {"f": pytest.approx(0.5), "g": 0.5}
    assert [e.n_members for e in later.get_eval_history() if e.model_id == scene.a] == [2, 2, 3, 3]


def test_filled_from_an_upload_for_one_test(scene: Scene) -> None:
    """An upload for a test is the same thing underneath: another test whose members it covers is filled from it."""
    scene.report(make_part(scene.ids, {scene.f.id: ramp()}), test_id=scene.whole.id)
    assert scene.odd.get_eval_history() == []  # it was for one test only
    later = scene.make_test("later", ["i3", "i1"], functions=[scene.f])
    assert scene.results(later) == {"f": pytest.approx(0.2)}
    scene.report(make_part(["i8", "i9"], {scene.f.id: [0, 0]}), test_id=scene.last.id)
    again = scene.make_test("again", ["i9"], functions=[scene.f])
    assert scene.results(again) == {"f": 0.0}  # the newest that covers it
    scene.client.validate.delete_scenario_test(scene.last.id)
    assert scene.results(scene.make_test("after", ["i8"], functions=[scene.f])) == {"f": 0.0}


def test_filling_never_outdates_a_newer_upload(scene: Scene) -> None:
    """What a test got itself is newer than what was uploaded before, and repeating the work changes nothing."""
    scene.report(make_part(scene.ids, {scene.f.id: ramp()}))
    part = scene.dataset.create_slice("p", ["i0"])
    test = scene.client.validate.create_scenario_test("t", part.id, [scene.f])
    scene.report(make_part(["i0"], {scene.f.id: [1.0]}), test_id=test.id)
    from nucleus_server.services.filling import fill_test

    assert fill_test(scene.ws(), test.id, lambda: None)
    assert [e.result for e in test.get_eval_history()] == [0.0, 1.0]
    assert [(e.upload_number, e.n_uploads) for e in test.get_eval_history()] == [(1, 2), (2, 2)]


def test_replays_store_nothing(scene: Scene) -> None:
    """The same upload again is the first one; an upload for the dataset does not repeat what a test has."""
    part = make_part(scene.ids, {scene.f.id: ramp()})
    for_test = scene.report(part, test_id=scene.whole.id)
    assert scene.report(part, test_id=scene.whole.id)["replayed"]
    report = scene.report(part)
    rows = {t["name"]: t["evaluation_id"] for t in report["tests"]}
    assert rows["whole"] == for_test["tests"][0]["evaluation_id"]
    again = scene.report(part)
    assert again["replayed"] and again["upload_id"] == report["upload_id"] and again["tests"] == report["tests"]
    assert not scene.report(part, min_coverage=0.5)["replayed"]
    assert len(scene.whole.get_eval_history()) == len(scene.odd.get_eval_history()) == 1


def test_what_came_between_makes_scores_news_again(scene: Scene) -> None:
    """A, B, A are three uploads, also if B has fewer functions or is for one test."""
    both = make_part(scene.ids, {scene.f.id: ramp(), scene.g.id: ramp()})
    other = make_part(scene.ids, {scene.f.id: ramp()[::-1]})
    first = scene.report(both)
    scene.report(other)
    assert scene.report(both)["upload_id"] != first["upload_id"]
    assert [e.result for e in scene.odd.get_eval_history() if e.eval_function_id == scene.f.id] == [
        pytest.approx(1.3 / 3),
        pytest.approx(1.4 / 3),
        pytest.approx(1.3 / 3),
    ]
    scene.report(other, test_id=scene.whole.id)
    assert not scene.report(both)["replayed"]
    of_f = [e for e in scene.whole.get_eval_history() if e.eval_function_id == scene.f.id]
    assert [(e.upload_number, e.n_uploads) for e in of_f] == [(i, 5) for i in range(1, 6)]
    of_g = [e for e in scene.whole.get_eval_history() if e.eval_function_id == scene.g.id]
    assert len(of_g) == 1  # by this function nothing came between


def test_dataset_and_slice_without_items(scene: Scene) -> None:
    """There is nothing that scores could be of; the error says so, and a report of other items too."""
    empty = scene.client.create_dataset("empty")
    part = empty.create_slice("nothing")
    test = scene.client.validate.create_scenario_test("empty", part.id, [scene.f])
    body = msgspec.msgpack.encode(
        {"model_id": scene.a, "part": make_part(["x"], {scene.f.id: [1]}), "test_id": test.id}
    )
    assert_error(scene._send("POST", f"dataset/{empty.id}/scores", body), 422, "unknown_reference_ids")
    none = scene.dataset.create_slice("none")
    scene.client.validate.create_scenario_test("none", none.id, [scene.f])
    rows = {t["name"]: t["reason"] for t in scene.report(make_part(scene.ids, {scene.f.id: ramp()}))["tests"]}
    assert rows["none"] == "its slice has no items"


def test_dry_run_stores_nothing(scene: Scene) -> None:
    """The full check and the whole report, and nobody finds anything."""
    part = make_part(scene.ids, {scene.f.id: ramp()})
    for changes in ({}, {"test_id": scene.odd.id}):
        ids = ["i9", "i1", "i3"] if changes else scene.ids
        report = scene.report(make_part(ids, {scene.f.id: ramp(len(ids))}), dry_run=True, **changes)
        assert report["upload_id"] is None and report["dry_run"]
        assert all(t["evaluation_id"] is None and t["coverage"] == 1.0 for t in report["tests"])
    assert scene.whole.get_eval_history() == scene.odd.get_eval_history() == []
    assert scene.api.get("uploads").json() == {"uploads": []}
    assert_error(scene.post(make_part(["x"], {scene.f.id: [1]}), dry_run=True), 422, "unknown_reference_ids")
    assert scene.report(part)["upload_id"] is not None


@pytest.mark.parametrize(
    ("ids", "scores", "weights", "code"),
    [
        (["i0", "x", "y"], [1, 1, 1], None, "unknown_reference_ids"),
        (["i0", "i1", "i0"], [1, 1, 1], None, "duplicate_reference_ids"),
        (["i0", "i1", "i2"], [1, 1.5, -1], None, "score_out_of_range"),
        (["i0", "i1", "i2"], [1, float("inf"), 1], None, "non_finite_score"),
        (["i0", "i1", "i2"], [1, 1, 1], [1, 2, -1], "weight_out_of_range"),
        (["i0", "i1", "i2"], [1, 1, 1], [1, NAN, 1], "non_finite_weight"),
        (["i0", "i1", "i2"], [1, 1, 1], [0, 0, 0], "all_weights_zero"),
        (["i0", "i1", "i2"], [NAN, NAN, NAN], None, "no_results"),
        ([], [], None, "no_results"),
    ],
)
def test_refused_whole(
    scene: Scene, ids: list[str], scores: list[float], weights: list[float] | None, code: str
) -> None:
    """Nothing is stored, for the dataset or for a test, and the rows are named."""
    part = make_part(ids, {scene.f.id: scores}, None if weights is None else {"*": weights})
    for changes in ({}, {"test_id": scene.whole.id}):
        assert_error(scene.post(part, **changes), 422, code)
    assert scene.whole.get_eval_history() == []
    uploads = scene.api.get("uploads").json()["uploads"]
    assert all(u["status"] == "rejected" for u in uploads)


def test_rows_outside_the_slice_and_deleted_ones(scene: Scene) -> None:
    """Told apart from ids that never were."""
    part = make_part(["i9", "i0"], {scene.f.id: [1, 1]})
    body = assert_error(scene.post(part, test_id=scene.odd.id), 422, "items_outside_slice")
    assert [row["value"] for row in body["errors"]] == ["i0"]
    scene.dataset.delete_item("i9")
    assert_error(scene.post(part), 422, "deleted_items")
    report = scene.report(make_part(["i3", "i1"], {scene.f.id: [1, 0]}))
    rows = {t["name"]: (t["n_members"], t["coverage"]) for t in report["tests"]}
    assert rows == {"whole": (9, 2 / 9), "odd": (2, 1.0), "last": (1, 0.0)}


def test_all_bad_rows_as_a_file(scene: Scene) -> None:
    """Every wrong cell of every kind, in the order of rows, for a day."""
    part = make_part(
        ["i0", "nowhere", "i2", "i2"],
        {scene.f.id: [1, 0.5, 7, 1], scene.g.id: [1, 1, 1, 1]},
        {"*": [1, 1, 1, 3]},
    )
    body = assert_error(scene.post(part), 422, "score_out_of_range")
    answer = scene.api.get(f"upload/{body['rejected_upload_id']}/bad_rows")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(r["row"], r["reference_id"], r["function"], r["field"], r["value"]) for r in rows] == [
        ("1", "nowhere", "", "reference_id", ""),
        ("2", "i2", "f", "score", "7.0"),
        ("3", "i2", "", "weight", "3.0"),
        ("3", "i2", "", "reference_id", ""),
    ]
    accepted = scene.report(make_part(["i0"], {scene.f.id: [1]}))
    assert_error(scene.api.get(f"upload/{accepted['upload_id']}/bad_rows"), 409, "upload_not_rejected")
    assert scene.client.give_up_upload(body["rejected_upload_id"])
    scene.work()
    assert_error(scene.api.get(f"upload/{body['rejected_upload_id']}/bad_rows"), 404, "upload_not_found")


@pytest.mark.parametrize(
    "change",
    [
        {"reference_ids": b"i0"},
        {"reference_ids": b"\xff\0i1"},
        {"scores": {}},
        {"scores": {"ef_x": b"1234567"}},
        {"weights": {"ef_other": np.ones(2).tobytes()}},
        {"weights": {"*": np.ones(3).tobytes()}},
        {"reference_ids": 7},
    ],
)
def test_broken_parts(scene: Scene, change: dict[str, Any]) -> None:
    """A body that is no part is refused before anything is looked up."""
    part = make_part(["i0", "i1"], {scene.f.id: [1, 1]}) | change
    assert_error(scene.post(part), 400, "malformed_part")


def test_what_does_not_fit_together(scene: Scene) -> None:
    """Each has its code."""
    part = make_part(["i0"], {scene.f.id: [1]})
    both = make_part(["i0"], {scene.f.id: [1], scene.g.id: [1]})
    assert_error(scene.post(part, model_id="prj_nope"), 404, "model_not_found")
    assert_error(scene.post(part, test_id="st_nope"), 404, "scenario_test_not_found")
    assert_error(scene.post(part, test_id="st_\0"), 422, "nul_character")
    assert_error(scene.post(make_part(["i0"], {"ef_nope": [1]})), 404, "eval_function_not_found")
    assert_error(scene.post(make_part(["i0"], {"ef_\0": [1]})), 422, "nul_character")
    assert_error(scene.post(part, min_coverage=1.5), 422, "invalid_min_coverage")
    assert_error(scene.post(both, test_id=scene.whole.id), 422, "several_functions")
    assert_error(scene.post(make_part(["i0"], {scene.g.id: [1]}), test_id=scene.last.id), 422, "function_not_in_test")
    public = scene.client.validate.eval_functions.public_functions["bbox_iou"]
    assert_error(scene.post(make_part(["i0"], {public.id: [1]})), 422, "function_not_external")
    viewer = scene.api.new_key("viewer", Role.VIEWER)
    assert_error(scene.post(part, key=viewer), 403, "permission_denied")
    other = scene.client.create_dataset("other")
    body = msgspec.msgpack.encode({"model_id": scene.a, "part": part, "test_id": scene.whole.id})
    assert_error(scene._send("POST", f"dataset/{other.id}/scores", body), 422, "dataset_mismatch")


def test_all_scores_of_one_item(scene: Scene) -> None:
    """Over models, tests and versions of slices, also beyond the first chunk; unscored and unknown items have none."""
    scene.report(make_part(scene.ids, {scene.f.id: ramp()}))
    scene.report(make_part(["i9", "i3"], {scene.g.id: [0.25, 0.5]}), model_id=scene.b, min_coverage=0.5)

    def scores(ref: str) -> list[tuple[str, str, str, float]]:
        rows = scene.dataset.item_scores(ref)
        return [(r.model_name, r.scenario_test_name, r.eval_function_name, r.score) for r in rows]

    assert sorted(scores("i9")) == [
        ("model a", "last", "f", 0.9),
        ("model a", "odd", "f", 0.9),
        ("model a", "whole", "f", 0.9),
        ("model b", "odd", "g", 0.25),
    ]
    assert sorted(scores("i1")) == [("model a", "odd", "f", 0.1), ("model a", "whole", "f", 0.1)]
    assert_error(scene.api.get(f"dataset/{scene.dataset.id}/scores/nope"), 404, "item_not_found")
    many = [f"m{k}" for k in range(8200)]
    scene.dataset.append([DatasetItem(text="t", reference_id=ref) for ref in many])
    test = scene.make_test("many", many, functions=[scene.f])
    scene.report(make_part(many, {scene.f.id: np.linspace(0, 1, 8200).tolist()}), test_id=test.id)
    assert scores("m8199") == [("model a", "many", "f", 1.0)]


def test_worst_items(scene: Scene) -> None:
    """By the function's direction, page by page, with what the criterion says of each; deleted ones are marked."""
    scene.report(make_part(scene.ids, {scene.f.id: ramp()}), test_id=scene.whole.id)
    scene.whole.get_eval_functions()[0].set_threshold(0.15)
    (evaluation,) = scene.whole.get_eval_history()
    worst = evaluation.worst_items(limit=3)
    assert [(i.reference_id, i.result, i.passed) for i in worst] == [
        ("i0", 0, False),
        ("i1", 0.1, False),
        ("i2", 0.2, True),
    ]
    assert [i.reference_id for i in evaluation.worst_items(limit=2, offset=8)] == ["i8", "i9"]
    assert evaluation.worst_items(offset=10) == []
    assert worst == evaluation.item_evals[:3]
    scene.client.validate.set_eval_function_properties(scene.f.id, direction="lower_is_better")
    scene.dataset.delete_item("i9")
    assert [(i.reference_id, i.deleted) for i in evaluation.worst_items(limit=2)] == [("i9", True), ("i8", False)]


# --- in parts


def begin(scene: Scene, parts: Sequence[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Begin a staged upload of these parts."""
    body = {
        "model_id": scene.a,
        "function_ids": sorted(parts[0]["scores"]),
        "first_part": hashlib.sha256(msgspec.msgpack.encode(parts[0])).hexdigest(),
    } | changes
    response = scene.api.post(f"dataset/{scene.dataset.id}/uploads", body)
    assert response.status_code == 200, response.text
    begun: dict[str, Any] = response.json()
    return begun


def commit(scene: Scene, upload_id: str, parts: Sequence[dict[str, Any]]) -> httpx2.Response:
    """Close a staged upload."""
    digests = [hashlib.sha256(msgspec.msgpack.encode(part)).hexdigest() for part in parts]
    digest = hashlib.sha256("".join(digests).encode()).hexdigest()
    return scene.api.post(f"upload/{upload_id}/commit", {"n_parts": len(parts), "digest": digest})


def halves(scene: Scene) -> list[dict[str, Any]]:
    """The ramp in two parts."""
    return [
        make_part(scene.ids[:6], {scene.f.id: ramp()[:6]}),
        make_part(scene.ids[6:], {scene.f.id: ramp()[6:]}, {"*": [0.5] * 4}),
    ]


def staged(scene: Scene, parts: Sequence[dict[str, Any]], **changes: Any) -> tuple[str, dict[str, Any]]:
    """The id of an upload in parts, and how its job ended."""
    upload_id = begin(scene, parts, **changes)["upload_id"]
    for number, part in enumerate(parts):
        scene.put(upload_id, number, part)
    job = commit(scene, upload_id, parts).json()["job_id"]
    scene.work()
    return upload_id, scene.api.get(f"job/{job}").json()["message"]


def test_parts_become_visible_all_at_once(scene: Scene) -> None:
    """Nothing is seen before the job is done; then it is as one upload would be."""
    parts = halves(scene)
    upload_id = begin(scene, parts)["upload_id"]
    for number in (1, 0):
        assert scene.put(upload_id, number, parts[number]).json()["n_rows"] == (6, 4)[number]
    job = commit(scene, upload_id, parts).json()
    assert job["job_type"] == "uploadScores" and job["job_last_known_status"] == "Running"
    assert commit(scene, upload_id, parts).json() == job
    assert scene.whole.get_eval_history() == []
    assert scene.api.get(f"upload/{upload_id}").json()["report"]["status"] == "committing"
    scene.work()
    status = scene.api.get(f"job/{job['job_id']}").json()
    assert status["status"] == "Completed" and status["completed_steps"] == status["total_steps"]
    report = scene.api.get(f"upload/{upload_id}").json()["report"]
    assert report["status"] == "completed" and report["n_rows"] == 10
    result = (sum(ramp()[:6]) + 0.5 * sum(ramp()[6:])) / 8
    assert scene.results(scene.whole) == {"f": pytest.approx(result, rel=1e-15)}
    (whole,) = scene.whole.get_eval_history()
    assert [i.result for i in whole.item_evals] == ramp()
    assert scene.ws().list_upload_parts(upload_id) == []  # the worker swept what nobody needs any more
    media = scene.api.services.media
    digest = hashlib.sha256(msgspec.msgpack.encode(parts[0])).hexdigest()
    assert not media.path(scene.ws().actor.workspace_id, digest).exists()


def test_an_interrupted_upload_goes_on(scene: Scene) -> None:
    """Who begins again is told what is there; other content, models or users get uploads of their own."""
    parts = halves(scene)
    first = begin(scene, parts)
    assert first["parts"] == {}
    digest = scene.put(first["upload_id"], 0, parts[0]).json()["digest"]
    again = begin(scene, parts)
    assert again["upload_id"] == first["upload_id"] and again["parts"] == {"0": digest}
    assert begin(scene, parts, model_id=scene.b)["upload_id"] != first["upload_id"]
    assert begin(scene, parts[1:])["upload_id"] != first["upload_id"]
    assert begin(scene, parts, dry_run=True)["upload_id"] != first["upload_id"]
    member = scene.api.new_key("member", Role.MEMBER)
    body = {"model_id": scene.a, "function_ids": [scene.f.id], "first_part": digest}
    other = scene.api.post(f"dataset/{scene.dataset.id}/uploads", body, key=member).json()
    assert other["upload_id"] != first["upload_id"] and other["parts"] == {}
    assert_error(
        scene.api.post(f"upload/{first['upload_id']}/commit", {"n_parts": 1, "digest": digest}, key=member),
        403,
        "not_upload_owner",
    )
    assert_error(commit(scene, first["upload_id"], parts), 409, "parts_changed")
    scene.put(first["upload_id"], 2, parts[0])  # of a longer upload that was never finished
    scene.put(first["upload_id"], 1, parts[1])
    commit(scene, first["upload_id"], parts)
    scene.work()
    assert scene.whole.get_eval_history() != []
    assert_error(scene.put(first["upload_id"], 1, parts[1]), 409, "upload_finished")


def test_parts_for_one_test_and_dry_runs(scene: Scene) -> None:
    """The same protocol; a test's upload is one evaluation, a dry run none."""
    parts = halves(scene)
    for changes in ({"test_id": scene.whole.id}, {"dry_run": True}, {"test_id": scene.whole.id, "dry_run": True}):
        upload_id, message = staged(scene, parts, **changes)
        assert message == {"upload_id": upload_id, "replayed": False}
        report = scene.api.get(f"upload/{upload_id}").json()["report"]
        assert report["status"] == "completed" and report["tests"][0]["coverage"] == 1.0, report
        assert (report["tests"][0]["evaluation_id"] is None) == ("dry_run" in changes)
    assert len(scene.whole.get_eval_history()) == 1 and scene.odd.get_eval_history() == []
    assert [u["test_id"] for u in scene.api.get("uploads").json()["uploads"]] == [scene.whole.id]


def test_parts_that_are_there_already(scene: Scene) -> None:
    """The same parts again are answered by the first upload, for the dataset and for a test."""
    for changes in ({}, {"test_id": scene.whole.id}):
        first, _ = staged(scene, halves(scene), **changes)
        second, message = staged(scene, halves(scene), **changes)
        assert second != first
        if changes:  # the test's newest evaluation came with the dataset's upload
            first = scene.whole.get_eval_history()[-1].upload_id
        assert message == {"upload_id": first, "replayed": True}
        assert second not in {u["upload_id"] for u in scene.api.get("uploads").json()["uploads"]}
    assert len(scene.whole.get_eval_history()) == 1


def test_parts_that_are_refused(scene: Scene) -> None:
    """The job fails with the error of a refused request; rows are counted over all parts; duplicates meet across them."""
    parts = [
        make_part(scene.ids[:6], {scene.f.id: ramp()[:6]}),
        make_part(["i0", "i9", "nowhere"], {scene.f.id: [1, 1, 1]}),
    ]
    upload_id = begin(scene, parts)["upload_id"]
    for number, part in enumerate(parts):
        scene.put(upload_id, number, part)
    job = commit(scene, upload_id, parts).json()["job_id"]
    scene.work()
    status = scene.api.get(f"job/{job}").json()
    assert status["status"] == "Errored"
    message = status["message"]
    assert message["code"] == "unknown_reference_ids" and message["rejected_upload_id"] == upload_id
    assert "nowhere" in scene.api.get(f"job/{job}/errors").json()[0]
    rows = list(csv.DictReader(io.StringIO(scene.api.get(f"upload/{upload_id}/bad_rows").text)))
    assert [(r["row"], r["reference_id"]) for r in rows] == [("6", "i0"), ("8", "nowhere")]
    assert scene.whole.get_eval_history() == []
    assert begin(scene, parts)["upload_id"] != upload_id
    wrong = make_part(["i0"], {scene.g.id: [1]})
    assert_error(scene.put(begin(scene, parts)["upload_id"], 0, wrong), 422, "function_mismatch")


# --- reports


def test_report_says_how_scores_lie(scene: Scene) -> None:
    """Distribution, weights, and whose upload it was; the same from the upload's own route and the list."""
    report = scene.report(make_part(scene.ids, {scene.f.id: ramp()}, {"*": [0.5] * 5 + [1.0] * 5}))
    (column,) = report["functions"]
    assert column["score"]["min"] == 0.0 and column["score"]["max"] == 0.9
    assert column["score"]["quantiles"]["0.5"] == pytest.approx(0.45)
    assert sum(column["score"]["histogram"]["counts"]) == 10 and len(column["score"]["histogram"]["edges"]) == 21
    assert column["weighted"] and column["weight_sum"] == 7.5 and column["weight"]["n_distinct"] == 2
    assert column["mean"] == pytest.approx((0.5 * 1.0 + 3.5) / 7.5)
    assert (report["user_name"], report["model_name"], report["dataset_name"]) == ("admin", "model a", "d")
    assert scene.api.get(f"upload/{report['upload_id']}").json()["report"] == report
    assert scene.api.get(f"uploads?model_id={scene.a}&dataset_id={scene.dataset.id}").json()["uploads"] == [report]
    assert scene.api.get(f"uploads?model_id={scene.b}").json()["uploads"] == []


@pytest.mark.parametrize(
    "scores",
    [[-1e100, 1e100, 0.0], [1.0, 1.0 + 2.3e-16, 1.0], [1e100, 1e100, 1e100], [5e-324, 0.0, 0.0], [0.0, 0.0, -0.0]],
)
def test_extreme_scores(scene: Scene, scores: list[float]) -> None:
    """The largest, the nearest and the smallest numbers that there are have a report and pages like others."""
    scene.client.validate.set_eval_function_properties(scene.f.id, score_range=(-1e100, 1e100))
    report = scene.report(make_part(["i9", "i1", "i3"], {scene.f.id: scores}), test_id=scene.odd.id)
    (column,) = report["functions"]
    assert (column["score"]["min"], column["score"]["max"]) == (min(scores), max(scores))
    assert sum(column["score"]["histogram"]["counts"]) == 3
    (evaluation,) = scene.odd.get_eval_history()
    assert evaluation.result == pytest.approx(sum(scores) / 3, rel=1e-15, abs=1e-323)
    link = scene.api.services.access.new_login_link(scene.ws().actor.user_id)
    page = scene.api.http.get(f"/login/{link}?next=/evaluations/{evaluation.id}")
    assert page.status_code == 200 and "Distribution" in page.text


def test_ranges_that_no_sum_could_hold(scene: Scene) -> None:
    """Are refused, at once and later."""
    for score_range in ([-1e308, 1e308], [1, 0], [0, 0]):
        body = {"name": "wide", "score_range": score_range}
        assert_error(scene.api.post("validate/eval_fn", body), 422, "invalid_score_range")
        route = f"validate/eval_fn/{scene.f.id}/properties"
        assert_error(scene.api.post(route, {"score_range": score_range}), 422, "invalid_score_range")


def test_odd_columns_are_pointed_out(scene: Scene) -> None:
    """All equal, only 0 and 1 where there were values between, of another scale, or another model's very scores."""

    def codes(scores: Sequence[float], **changes: Any) -> set[str]:
        report = scene.report(make_part(scene.ids, {scene.f.id: scores}), **changes)
        return {w["code"] for f in report["functions"] for w in f["warnings"]}

    several = np.linspace(0.4, 0.9, 10).tolist()
    assert codes([0.5] * 10) == {"constant_scores"}
    assert codes([0.0, 1.0] * 5) == set()
    assert codes([*several[:-1], 0.95]) == set()
    fine = [*several, 0.5, 0.6]
    scene.dataset.append([DatasetItem(text="t", reference_id=ref) for ref in ("x", "y")])
    scene.ids += ["x", "y"]
    assert codes(fine) == set()
    assert codes([1.0, 0.0] * 6) == {"binary_scores"}
    assert codes([s / 100 for s in fine]) == {"looks_divided_twice"}
    assert codes([s - 0.01 for s in fine], model_id=scene.b) == set()
    assert codes(fine, model_id=scene.b) == {"same_scores_as_other_model"}
    scene.client.validate.set_eval_function_properties(scene.f.id, score_range=(0, 100))
    assert codes([100 * s for s in fine]) == {"looks_like_percent"}
