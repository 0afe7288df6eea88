"""What the pages of uploads read from the store, on both databases."""

from __future__ import annotations

import hashlib

from nucleus import DatasetItem
from nucleus.validate import EvaluationResult
from nucleus_server.services import UploadPlan
from nucleus_server.services.judging import judge_upload
from tests.support.api import Api


def test_uploads_and_what_came_of_them(api: Api) -> None:
    """Pages of the list; evaluations of tests made later and of replays; jobs of uploads; criteria beside them."""
    client = api.client()
    dataset = client.create_dataset("Streets")
    dataset.append([DatasetItem(reference_id=r, text="t") for r in "abcd"])
    function = client.validate.create_external_eval_function("iou")
    model, other = client.create_model("Careful", "careful"), client.create_model("Other", "other")
    part = dataset.create_slice("All", list("abcd"))
    test = client.validate.create_scenario_test("Night", part.id, [function])
    gone = client.validate.create_scenario_test("Gone", part.id, [function])
    table = {"item_ref_id": list("abcd"), "iou": [0.25, 0.5, 0.75, 1.0]}
    results = [EvaluationResult(item_ref_id=r, score=s) for r, s in zip(table["item_ref_id"], [0.25, 0.5, 0.75, 1.0])]
    test.upload_external_evaluation_results(function, results, model.id)
    first = dataset.upload_scores({"iou": "iou"}, model, table)
    dataset.upload_scores({"iou": "iou"}, other, table | {"iou": [0.9] * 4})
    later = client.validate.create_scenario_test("Later", dataset.create_slice("Two", ["c", "d"]).id, [function])
    client.validate.delete_scenario_test(gone.id)
    later.get_eval_functions()[0].set_threshold(0.8)
    test.set_baseline_model(other.id)

    operator = api.services.access.operator()
    ws = api.services.store.workspace(operator.workspace_id, operator)
    ids = [upload.id for upload in ws.list_uploads()]
    assert len(ids) == 3
    assert [upload.id for upload in ws.list_uploads(offset=1, limit=1)] == ids[1:2]
    assert ws.list_uploads(offset=3) == []

    assert first.upload_id is not None
    reported = [row.evaluation_id for row in first.tests if row.evaluation_id is not None]
    assert len(reported) == 2
    of_upload = ws.list_upload_evaluations(first.upload_id)
    assert [e.test_id for e in of_upload] == [later.id]  # of the first test the same scores were there already
    judged = judge_upload(ws, first.upload_id, reported)
    assert {(j.evaluation.test_id, j.passed) for j in judged} == {(test.id, False), (later.id, True)}
    assert ws.list_upload_evaluations("up_unknown") == []

    plan = UploadPlan(dataset.id, model.id, (function.id,))
    upload, _ = ws.begin_upload(plan, "0" * 64)
    assert ws.find_upload_job(upload.id) is None
    job = ws.commit_upload(upload.id, 0, hashlib.sha256(b"").hexdigest())
    assert ws.find_upload_job(upload.id) == job
