"""The contexts of the uploads' pages, and who gets them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from bs4 import BeautifulSoup

import nucleus
from nucleus import DatasetItem
from nucleus_server import __version__
from nucleus_server.dashboard import pages
from nucleus_server.dashboard.contexts import Frame, UploadPage, UploadsPage
from nucleus_server.dashboard.pages.uploads import progress
from nucleus_server.domain import JobStatus, Role, ScoreUpload
from nucleus_server.services import UploadPlan, WorkspaceStore
from nucleus_server.services.staged_uploads import put_part
from nucleus_server.services.worker import Worker
from tests.support.api import Api
from tests.unit.dashboard.test_session import form_token, log_in

FRAME = Frame("t", "admin", "admin", "token", __version__, "uploads")


class World:
    """A dataset of four items, a function, a model and a test."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.client: nucleus.NucleusClient = api.client()
        self.dataset = self.client.create_dataset("Streets")
        self.dataset.append([DatasetItem(reference_id=r, text="t") for r in "abcd"])
        self.function = self.client.validate.create_external_eval_function("iou")
        self.model = self.client.create_model("Careful", "careful")
        part = self.dataset.create_slice("All", list("abcd"))
        self.test = self.client.validate.create_scenario_test("Night", part.id, [self.function])
        operator = api.services.access.operator()
        self.ws: WorkspaceStore = api.services.store.workspace(operator.workspace_id, operator)

    def upload(self, scores: list[float], **options: Any) -> str:
        """Upload scores of the first items; the upload's id."""
        table = {"item_ref_id": list("abcd")[: len(scores)], "iou": scores}
        report = self.dataset.upload_scores({"iou": "iou"}, self.model, table, **options)
        assert report.upload_id is not None
        return report.upload_id

    def plan(self, **options: Any) -> UploadPlan:
        """What an upload in parts is to be."""
        return UploadPlan(self.dataset.id, self.model.id, (self.function.id,), **options)

    def begin(self, n: int = 0, **options: Any) -> ScoreUpload:
        """An unfinished upload."""
        return self.ws.begin_upload(self.plan(**options), f"{n:064d}")[0]

    def page(self, upload_id: str, now: datetime | None = None) -> UploadPage:
        """The report's context."""
        return pages.upload_page(self.ws, FRAME, upload_id, now or datetime.now(UTC))

    def list(self, number: int = 1, **filters: str | None) -> UploadsPage:
        """The list's context."""
        chosen = {"dataset_id": None, "model_id": None, "function_id": None} | filters
        return pages.uploads_page(self.ws, FRAME, "http://n", number_=number, now=datetime.now(UTC), **chosen)


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """The workspace."""
    return World(sqlite_api)


def test_pages_need_a_login(world: World) -> None:
    """The rows of a refused upload too; a part of a page makes the whole page ask."""
    upload_id = world.upload([0.5] * 4)
    for path in ("/uploads", f"/uploads/{upload_id}", f"/uploads/{upload_id}/bad-rows.csv", "/functions"):
        answer = world.api.http.get(path, follow_redirects=False)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login?next="), path
    answer = world.api.http.get(f"/uploads/{upload_id}/progress", headers={"HX-Request": "true"})
    assert answer.status_code == 200 and answer.headers["hx-refresh"] == "true" and answer.text == ""


def test_empty_list_says_what_to_run(world: World) -> None:
    """Code for this server, that is Python."""
    log_in(world.api)
    page = BeautifulSoup(world.api.http.get("/uploads").text, "html.parser")
    code = page.select_one("section.empty code")
    assert code is not None and "http://testserver/v1/nucleus" in code.text and page.select_one(".filters") is None
    compile(code.text, "empty state", "exec")
    none = BeautifulSoup(world.api.http.get(f"/uploads?model={world.model.id}&page=x").text, "html.parser")
    assert "No upload here" in none.text and none.select_one("section.empty code") is None
    assert world.api.http.get("/uploads?dataset=ds_unknown").status_code == 404


def test_list_is_paged_and_filtered(world: World) -> None:
    """Fifty a page, newest first; filters go along; the end is known."""
    uploads = [world.begin(n) for n in range(53)]
    first = world.list()
    assert [row.path for row in first.uploads] == [f"/uploads/{u.id}" for u in reversed(uploads[3:])]
    assert (first.turn.first, first.turn.last, first.turn.newer_path) == (1, 50, None)
    assert first.turn.older_path == "/uploads?page=2" and not first.is_filtered
    last = world.list(2, model_id=world.model.id, dataset_id="")
    assert [row.path for row in last.uploads] == [f"/uploads/{u.id}" for u in reversed(uploads[:3])]
    assert last.turn.older_path is None and (last.turn.first, last.turn.last) == (51, 53) and last.is_filtered
    assert last.turn.newer_path == f"/uploads?model={world.model.id}&page=1"
    (model_filter,) = [f for f in last.filters if f.name == "model"]
    assert [(c.text, c.is_chosen) for c in model_filter.choices] == [("all models", False), ("Careful", True)]
    row = last.uploads[0]
    assert (row.status.word, row.n_rows, row.n_warnings, row.purpose) == ("staging", "–", None, "for every test")
    assert world.list(3).uploads == () and world.list(function_id="ef_unknown").uploads == ()


def test_report_of_partial_upload(world: World) -> None:
    """A test that is not covered says why; with a lower bar it is evaluated, and that is said."""
    page = world.page(world.upload([0.5, 0.25, 0.75]))
    (row,) = page.tests
    assert (row.result, row.evaluation_path, row.verdict, row.share) == ("–", None, None, "75.0")
    assert row.note == "3 of 4 items have a score, which is below min_coverage 1"
    assert page.n_evaluated == "0 of 1" and page.rule == "for tests with 100\u00a0% of their items scored"
    page = world.page(world.upload([0.5, 0.25, 0.75], min_coverage=0.7))
    (row,) = page.tests
    assert row.result == "0.5000" and row.is_partial and row.coverage == "3 of 4 (75.0\u00a0%)" and row.note == ""
    assert row.verdict is not None and row.verdict.word == "no criterion"
    assert page.rule == "for tests with 70.0\u00a0% of their items scored"
    (section,) = page.functions
    assert section.summary == "3 scores, not weighted" and [c.name for c in section.charts] == ["scores-0"]
    assert section.spreads == (
        ("scores", ("0.2500", "0.2750", "0.3750", "0.5000", "0.6250", "0.7250", "0.7500", "0.5000", "3")),
    )


def test_test_that_was_made_later_is_there(world: World) -> None:
    """And one that has been deleted since has no links."""
    upload_id = world.upload([0.25, 0.5, 0.75, 1.0])
    part = world.dataset.create_slice("Two", ["a", "b"])
    later = world.client.validate.create_scenario_test("Later", part.id, [world.function])
    world.client.validate.delete_scenario_test(world.test.id)
    filled, gone = world.page(upload_id).tests
    assert (filled.test_name, filled.test_path, filled.result) == ("Later", f"/tests/{later.id}", "0.3750")
    assert filled.function_name == "iou" and filled.note.startswith("filled later")
    assert filled.evaluation_path == f"/evaluations/{later.get_eval_history()[0].id}"
    assert (gone.test_path, gone.evaluation_path, gone.verdict) == (None, None, None)
    assert (gone.result, gone.note) == ("0.6250", "this test was deleted")
    log_in(world.api)
    for path in (filled.test_path, filled.evaluation_path, f"/uploads/{upload_id}"):
        assert world.api.http.get(str(path)).status_code == 200


def test_upload_for_a_test_names_it(world: World) -> None:
    """Also after the test was deleted; the evaluation's page leads to the report."""
    results = [nucleus.validate.EvaluationResult(item_ref_id="a", score=1.0)]
    world.test.upload_external_evaluation_results(world.function, results, world.model.id)
    (evaluation,) = world.test.get_eval_history()
    log_in(world.api)
    page = BeautifulSoup(world.api.http.get(f"/evaluations/{evaluation.id}").text, "html.parser")
    link = page.find("a", string="upload 1 of 1")
    assert link is not None and str(link["href"]).startswith("/uploads/up_")
    upload_id = str(link["href"]).removeprefix("/uploads/")
    assert world.page(upload_id).purpose == "for test Night"
    assert world.page(upload_id).rule == "an upload for one test may leave items out"
    staged = world.begin(test_id=world.test.id)
    world.client.validate.delete_scenario_test(world.test.id)
    assert world.page(upload_id).purpose == "for test Night"
    assert world.page(staged.id).purpose == "for a deleted test"


def test_deleted_functions_have_no_page(world: World) -> None:
    """Their scores are still there to be read about."""
    upload_id = world.upload([0.5] * 4)
    world.client.validate.delete_eval_function(world.function.id)
    assert world.page(upload_id).functions[0].path is None
    assert [row.functions for row in world.list().uploads] == ["iou"]
    log_in(world.api)
    for path in ("/", f"/tests/{world.test.id}"):
        page = BeautifulSoup(world.api.http.get(path).text, "html.parser")
        assert "iou" in page.text and not page.select(f"a[href='/functions/{world.function.id}']")


def test_upload_in_parts_from_its_beginning_to_its_end(world: World) -> None:
    """Staging, waiting for a worker, and what a worker finds wrong; in the end it has expired."""
    upload = world.begin()
    page = world.page(upload.id)
    assert page.status.word == "staging" and page.progress is not None and page.progress.share is None
    assert page.progress.text.startswith("0 parts with 0 rows received. Unless it goes on, it is removed on ")
    assert (page.n_rows, page.n_evaluated, page.functions, page.bad_rows_path) == ("–", None, (), None)
    late = datetime.now(UTC) + timedelta(days=2)
    assert world.page(upload.id, late).status.word == "given up" and world.page(upload.id, late).progress is None
    world.ws.give_up_upload(upload.id)
    given_up = world.page(upload.id)
    assert given_up.status.word == "given up" and given_up.bad_rows_path is None and given_up.note is not None


def test_progress_is_a_part_until_there_is_none(world: World) -> None:
    """Then the whole page is loaded again; asked for as a page it leads to the upload's."""
    log_in(world.api)
    unfinished, done = world.begin().id, world.upload([0.5] * 4)
    part = world.api.http.get(f"/uploads/{unfinished}/progress", headers={"HX-Request": "true"})
    assert "0 parts" in part.text and "<html" not in part.text and "hx-refresh" not in part.headers
    for upload_id in (done, "up_unknown"):
        answer = world.api.http.get(f"/uploads/{upload_id}/progress", headers={"HX-Request": "true"})
        assert answer.headers["hx-refresh"] == "true" and answer.text == ""
    answer = world.api.http.get(f"/uploads/{done}/progress", follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"] == f"/uploads/{done}"
    assert world.api.http.get("/uploads/up_unknown").status_code == 404


def test_bad_rows_as_page_and_file(world: World) -> None:
    """All of them in the file, the first twenty on the page; of other uploads there are none."""
    world.dataset.append([DatasetItem(reference_id=f"x{i}", text="t") for i in range(30)])
    with pytest.raises(nucleus.UploadRejectedError) as refused:
        table = {"item_ref_id": [f"y{i}" for i in range(30)], "iou": [0.5] * 30}
        world.dataset.upload_scores({"iou": "iou"}, world.model, table)
    upload_id = refused.value.upload_id
    assert upload_id is not None
    page = world.page(upload_id)
    assert page.status.word == "rejected" and page.bad_rows_path == f"/uploads/{upload_id}/bad-rows"
    assert page.note is not None and page.note.startswith(
        "Nothing was stored, because rows are wrong. It is kept until"
    )
    assert world.list().uploads[0].status.word == "rejected"
    log_in(world.api)
    answer = world.api.http.get(f"/uploads/{upload_id}/bad-rows.csv")
    assert answer.headers["content-type"].startswith("text/csv") and answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == f'attachment; filename="bad-rows-{upload_id}.csv"'
    assert len(answer.text.splitlines()) == 31
    rows = BeautifulSoup(world.api.http.get(f"/uploads/{upload_id}/bad-rows").text, "html.parser").select("tbody tr")
    assert len(rows) == 20
    world.dataset.append([DatasetItem(reference_id=f"y{i}", text="t") for i in range(30)])
    assert "no row is wrong" in world.api.http.get(f"/uploads/{upload_id}/bad-rows").text
    done = world.upload([0.5] * 4)
    assert world.api.http.get(f"/uploads/{done}/bad-rows.csv").status_code == 409
    part = world.api.http.get(f"/uploads/{done}/bad-rows", headers={"HX-Request": "true"})
    assert "The rows cannot be listed" in part.text and "<html" not in part.text


def test_another_workspace_is_not_there(world: World) -> None:
    """Neither its uploads nor its functions."""
    log_in(world.api)
    for path in ("/uploads/up_x", "/uploads/up_x/bad-rows", "/uploads/up_x/bad-rows.csv", "/functions/ef_x"):
        assert world.api.http.get(path).status_code == 404, path


def test_what_is_set_on_a_function_is_among_the_criteria(world: World) -> None:
    """With what it was and what it became."""
    world.client.validate.set_eval_function_properties(
        world.function.id, score_range=(0, 100), description="x" * 300, direction="lower_is_better"
    )
    page = pages.test_page(world.api.services, world.ws, FRAME, world.test.id, "http://n")
    assert {c.what for c in page.criteria} == {
        "iou: score range [0, 1] → [0, 100]",
        "iou: direction higher is better → lower is better",
        f"iou: description not set → {'x' * 119}…",
    }
    assert page.baseline is None and page.functions[0].path == f"/functions/{world.function.id}"


def form(world: World, **typed: str) -> dict[str, str]:
    """What a browser sends if only these fields were touched."""
    page = BeautifulSoup(world.api.http.get(f"/functions/{world.function.id}").text, "html.parser")
    sent = {}
    for field in page.select("#properties form [name]"):
        if field.name == "select":
            option = field.select_one("option[selected]")
            assert option is not None
            sent[str(field["name"])] = str(option["value"])
        else:
            sent[str(field["name"])] = str(field.get("value", field.text.removeprefix("\n")))
    return sent | typed


def test_properties_are_set_by_the_form(world: World) -> None:
    """Saved, refused, or nothing to do; a form of another site sets nothing."""
    log_in(world.api)
    path = f"/functions/{world.function.id}"
    saved = world.api.http.post(path, data=form(world, unit="ms", score_max="10"), follow_redirects=False)
    assert saved.status_code == 303 and saved.headers["location"] == f"{path}?saved=yes"
    assert world.api.http.post(path, data=form(world), follow_redirects=False).headers["location"].endswith("saved=no")
    refused = world.api.http.post(path, data=form(world, unit="x" * 41, score_min="20"))
    assert refused.status_code == 422
    page = BeautifulSoup(refused.text, "html.parser")
    assert [str(e["id"]) for e in page.select("[aria-invalid]")] == ["score_max", "unit"]
    assert page.select_one("#score_min")["value"] == "20"  # type: ignore[index]
    for token in ("", "forged"):
        assert world.api.http.post(path, data=form(world, unit="s", csrf_token=token)).status_code == 403
    assert world.api.http.post(path, data=form(world, description="x" * 200_000)).status_code == 413
    history = world.client.validate.get_eval_function_history(world.function.id)
    assert {(h["property"], str(h["after"])) for h in history} == {("unit", "ms"), ("score_range", "[0.0, 10.0]")}


def test_a_form_opened_earlier_undoes_nothing(world: World) -> None:
    """Only what was touched is set."""
    log_in(world.api)
    opened = form(world, unit="ms")
    world.client.validate.set_eval_function_properties(world.function.id, description="what it says")
    world.api.http.post(f"/functions/{world.function.id}", data=opened)
    function = world.ws.get_eval_function(world.function.id)
    assert (function.unit, function.description) == ("ms", "what it says")


def test_only_the_owner_or_an_admin_sets_properties(world: World) -> None:
    """Others have no form, and are refused if they send one; public functions belong to nobody."""
    keys = {role: world.api.new_key(role.value, role) for role in (Role.VIEWER, Role.MEMBER)}
    path = f"/functions/{world.function.id}"
    log_in(world.api)
    sent = form(world, unit="ms")
    for key in keys.values():
        log_in(world.api, key=key)
        page = BeautifulSoup(world.api.http.get(path).text, "html.parser")
        assert page.select("main form") == [] and "or an admin can set" in page.text
        token = form_token(world.api, "/functions")
        assert world.api.http.post(path, data=sent | {"csrf_token": token}).status_code == 403
    log_in(world.api)
    public = next(f for f in world.ws.list_eval_functions() if f.is_public)
    page = BeautifulSoup(world.api.http.get(f"/functions/{public.id}").text, "html.parser")
    assert page.select("main form") == [] and "comes with the server" in page.text
    assert world.api.http.post(f"/functions/{public.id}", data=sent).status_code == 403
    assert world.client.validate.get_eval_function_history(world.function.id) == []


def test_code_on_a_functions_page_is_python_whatever_its_name(world: World) -> None:
    """Quotes in a name end no string."""
    function = world.client.validate.create_external_eval_function("""f'"\\<b>é""")
    context = pages.function_page(world.ws, FRAME, function.id, "http://n", now=datetime.now(UTC))
    compile(context.code, "code", "exec")
    compile(pages.functions_page(world.ws, FRAME, "http://n").code, "code", "exec")
    assert {f.name: f.n_tests for f in pages.functions_page(world.ws, FRAME, "http://n").external}["iou"] == 1


def test_what_a_worker_does_is_followed(world: World) -> None:
    """Waiting, checking, storing; then what was wrong, or that the server failed."""
    part = {
        "reference_ids": b"a\0unknown",
        "scores": {world.function.id: np.array([0.5, 0.5]).tobytes()},
        "weights": {},
    }
    raw = msgspec.msgpack.encode(part)
    upload = world.begin()
    stored = put_part(world.ws, world.api.services.media, upload.id, 0, raw)
    job = world.ws.commit_upload(upload.id, 1, hashlib.sha256(stored.digest.encode()).hexdigest())
    waiting = world.page(upload.id)
    assert waiting.status.word == "committing" and waiting.n_rows == "2" and waiting.note is None
    assert waiting.progress is not None and waiting.progress.text == "Waiting for a worker."
    committed, now = world.ws.get_upload(upload.id), datetime.now(UTC)
    job = replace(job, status=JobStatus.RUNNING, total_steps=4)
    seen = [progress(world.ws, committed, replace(job, completed_steps=n), now) for n in (0, 2, 3)]
    assert [p and (p.text, p.share) for p in seen] == [
        ("0 of 3 parts checked.", 0),
        ("2 of 3 parts checked.", 50),
        ("All parts are checked; storing them.", 75),
    ]
    failed = replace(job, status=JobStatus.ERRORED, message={"final_error": "no disk"})
    assert progress(world.ws, committed, failed, now) is None
    assert Worker(world.api.services.store, world.api.services.media).run_once()
    page = world.page(upload.id)
    assert page.status.word == "rejected" and page.bad_rows_path is not None and page.progress is None
    assert page.note is not None and page.note.startswith("expected reference ids of the dataset's items; ")


def test_the_same_upload_again_leads_to_the_first(world: World) -> None:
    """Also when nothing of the second is left but its job."""
    first = world.upload([0.5] * 4)
    part = {
        "reference_ids": b"a\0b\0c\0d",
        "scores": {world.function.id: np.full(4, 0.5).tobytes()},
        "weights": {},
    }
    again = world.begin()
    stored = put_part(world.ws, world.api.services.media, again.id, 0, msgspec.msgpack.encode(part))
    world.ws.commit_upload(again.id, 1, hashlib.sha256(stored.digest.encode()).hexdigest())
    log_in(world.api)
    assert world.api.http.get(f"/uploads/{again.id}", follow_redirects=False).status_code == 200
    assert Worker(world.api.services.store, world.api.services.media).run_once()
    answer = world.api.http.get(f"/uploads/{again.id}", follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"] == f"/uploads/{first}"
    assert [row.path for row in world.list().uploads] == [f"/uploads/{first}"]
