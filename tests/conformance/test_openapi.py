"""Requests made from the OpenAPI document: no failure of ours, and no answer that the document does not have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nucleus import BoxAnnotation, BoxPrediction
from nucleus.validate import EvaluationResult
from tests.support.api import BASE, Api, running_api
from tests.support.server import ADMIN_KEY

N_EXAMPLES = 8
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NOT_OFFERED = 501
"""What a route of the hosted service that is not offered answers; the only status from 500 on that is meant."""


KNOWN: dict[str, str] = {}
"""Parameters of paths, with what is there: half of the requests are about it."""


@schemathesis.serializer("application/msgpack")  # type: ignore[untyped-decorator]
def any_bytes(context: object, value: Any) -> bytes:
    """Parts of scores are documented as bytes, and these are some."""
    return bytes(value.data)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    """The application's own document, over an application with a dataset, a slice, a model and a test in it."""
    folder: Path = tmp_path_factory.mktemp("openapi")
    with running_api(f"sqlite:///{folder / 'nucleus.db'}", folder) as api:
        fill(api)
        found = schemathesis.openapi.from_asgi("/openapi.json", api.http.app)
        yield found


def fill(api: Api) -> None:
    """Something to meet."""
    client = api.client()
    dataset = client.create_dataset("d")
    dataset.append({"reference_id": ["a", "b"], "text": ["t", "u"]})
    part, model = dataset.create_slice("s", ["a", "b"]), client.create_model("m", "m")
    dataset.annotate([BoxAnnotation("car", 0, 0, 1, 1, "a", "1")])
    dataset.upload_predictions(model, [BoxPrediction("car", 0, 0, 1, 1, "a", 0.5, "1")])
    function = client.validate.create_external_eval_function("f")
    test = client.validate.create_scenario_test("t", part.id, [function])
    test.upload_external_evaluation_results(
        function, [EvaluationResult(item_ref_id=name, score=0.5) for name in "ab"], model.id
    )
    KNOWN.update(
        dataset_id=dataset.id,
        slice_id=part.id,
        model_id=model.id,
        run_id=dataset.model_runs[0],
        test_id=test.id,
        function_id=function.id,
        evaluation_id=test.get_eval_history()[0].id,
        reference_id="a",
        index="0",
        place="a/1",
    )


def test_every_operation_answers_as_documented(document: schemathesis.BaseSchema) -> None:
    """Whatever is sent: every operation is tried, and all that failed are named."""
    failed: dict[str, str] = {}
    n_tried = 0
    for result in document.get_all_operations():
        operation = result.ok()
        if not operation.path.startswith(BASE):
            continue
        try:
            _try(operation)
        except (Exception, FailureGroup) as error:
            failed[operation.label] = str(error)[:600]
        n_tried += 1
    assert n_tried > 100
    assert not failed, "\n\n".join(f"{label}: {why}" for label, why in failed.items())


def _try(operation: schemathesis.APIOperation) -> None:  # type: ignore[name-defined]
    @given(case=operation.as_strategy(), data=st.data())
    @settings(max_examples=N_EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    def answers_as_documented(case: schemathesis.Case, data: st.DataObject) -> None:
        is_known = case.method != "DELETE" and data.draw(st.booleans())
        if is_known:
            known = {name: KNOWN.get(name, value) for name, value in (case.path_parameters or {}).items()}
            case.path_parameters = known
        response = case.call(headers={"x-limited-access-key": ADMIN_KEY})
        if response.status_code != NOT_OFFERED:
            case.validate_response(response, checks=CHECKS)

    answers_as_documented()
