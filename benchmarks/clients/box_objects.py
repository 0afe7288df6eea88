"""Boxes from objects, by the official client or by ours: annotations, then predictions, then all read back."""

from __future__ import annotations

from typing import Any

import nucleus
from benchmarks import phases
from benchmarks.clients import boxes


def upload(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Annotate, upload predictions, export; what was processed and read is counted."""
    client = nucleus.NucleusClient(job["key"], endpoint=job["endpoint"])
    dataset, model = client.get_dataset(job["dataset_id"]), client.get_model(job["model_id"])
    rows = boxes.boxes(job["n"])
    with measured.measure("build"):
        annotations = [nucleus.BoxAnnotation(label, x, y, w, h, image) for image, label, x, y, w, h, _ in rows]
    with measured.measure("annotate"):
        annotated = dataset.annotate(annotations)
    predictions = [nucleus.BoxPrediction(label, x, y, w, h, image, c) for image, label, x, y, w, h, c in rows]
    with measured.measure("predict"):
        predicted = dataset.upload_predictions(model, predictions)
    with measured.measure("export"):
        n_read = sum(len(row["annotations"]["box"]) for row in dataset.items_and_annotations())
    return {
        "annotated": annotated["annotations_processed"],
        "predicted": predicted["predictions_processed"],
        "read": n_read,
    }


if __name__ == "__main__":
    phases.run(upload)
