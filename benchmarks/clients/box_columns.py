"""Boxes as columns, by our SDK: annotations, then predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

import nucleus
from benchmarks import phases
from benchmarks.clients import boxes


def upload(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Annotate and upload predictions from arrays; what was processed is counted."""
    client = nucleus.NucleusClient(job["key"], endpoint=job["endpoint"])
    dataset, model = client.get_dataset(job["dataset_id"]), client.get_model(job["model_id"])
    images, labels, *numbers = zip(*boxes.boxes(job["n"]), strict=True)
    columns = {
        "reference_id": np.array(images),
        "label": np.array(labels),
        "boxes_xywh": np.array(numbers[:4], dtype=np.float64).T.copy(),
    }
    with measured.measure("annotate"):
        annotated = dataset.annotate(columns)
    columns["confidence"] = np.array(numbers[4], dtype=np.float64)
    with measured.measure("predict"):
        predicted = dataset.upload_predictions(model, columns)
    return {"annotated": annotated["annotations_processed"], "predicted": predicted["predictions_processed"]}


if __name__ == "__main__":
    phases.run(upload)
