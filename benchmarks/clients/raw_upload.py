"""Upload of ready-made bodies by plain HTTP: what is left of the client's cost is sending the bytes."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import msgspec

from benchmarks import phases
from benchmarks.clients import columns


def upload(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Build a body for each of the job's models, then send them."""
    with measured.measure("build", repeats=len(job["model_ids"])):
        build = _binary if job["how"] == "binary" else official_body
        bodies = [build(job, model_id) for model_id in job["model_ids"]]
    route, content_type = (
        (f"dataset/{job['dataset_id']}/scores", "application/msgpack")
        if job["how"] == "binary"
        else ("validate/scenario_test/upload_results", "application/json")
    )
    endpoint = urlsplit(job["endpoint"])
    connection = http.client.HTTPConnection(endpoint.netloc, timeout=600)
    token = base64.b64encode(f"{job['key']}:".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": content_type}
    with measured.measure("upload", repeats=len(bodies)):
        for body in bodies:
            connection.request("POST", f"{endpoint.path}/{route}", body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(f"{response.status}: {answer[:2000]!r}")
    return {"body_bytes": len(bodies[0])}


def official_body(job: phases.Job, model_id: str) -> bytes:
    """The body as the official client sends it: its keys, their order, and the spaces of `json.dumps`."""
    ids, scores, weights = columns.as_lists(job)
    total = sum(score * weight for score, weight in zip(scores, weights))
    return json.dumps(
        {
            "unit_test_id": job["test_id"],
            "eval_function_id": job["function_id"],
            "result_per_ref_id": dict(zip(ids, scores)),
            "weight_per_ref_id": dict(zip(ids, weights)),
            "overall_metric": total / sum(weights),
            "model_id": model_id,
            "slice_id": job["slice_id"],
            "level": "item",
        }
    ).encode()


def _binary(job: phases.Job, model_id: str) -> bytes:
    part = {
        "reference_ids": "\0".join(columns.reference_ids(job).tolist()).encode(),
        "scores": {job["function_id"]: columns.numbers(job, "scores").astype("<f8").tobytes()},
        "weights": {"*": columns.numbers(job, "weights").astype("<f8").tobytes()},
    }
    return msgspec.msgpack.encode({"model_id": model_id, "test_id": job["test_id"], "part": part})


if __name__ == "__main__":
    phases.run(upload)
