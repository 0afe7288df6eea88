"""Making items and a slice of them by our SDK."""

from __future__ import annotations

from typing import Any

import polars as pl

import nucleus
from benchmarks import phases
from benchmarks.clients import columns


def make(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Append all items to a new dataset, then make a slice of all of them; `seeded` items are there already."""
    client = nucleus.NucleusClient(job["key"], endpoint=job["endpoint"])
    ids = columns.reference_ids(job)
    if job["how"] == "seeded":
        return _slice(client.get_dataset(job["dataset_id"]), ids, measured)
    dataset = client.create_dataset(job["name"])
    if job["how"] == "objects":
        with measured.measure("build"):
            items: Any = [
                nucleus.DatasetItem(f"https://example.com/images/{ref}", ref, metadata={"group": group})
                for ref, group in zip(ids.tolist(), columns.numbers(job, "group").tolist())
            ]
    else:
        items = pl.DataFrame(
            {"reference_id": pl.Series(ids, dtype=pl.String), "group": columns.numbers(job, "group")}
        ).with_columns(image_location=pl.lit("https://example.com/images/") + pl.col("reference_id"))
    with measured.measure("append"):
        dataset.append(items)
    return _slice(dataset, ids.tolist() if job["how"] == "objects" else ids, measured)


def _slice(dataset: nucleus.Dataset, ids: Any, measured: phases.Phases) -> dict[str, Any]:
    with measured.measure("slice"):
        created = dataset.create_slice("all", ids)
    return {"dataset_id": dataset.id, "slice_id": created.id, "size": dataset.size}


if __name__ == "__main__":
    phases.run(make)
