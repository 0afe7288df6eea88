"""Making items by the official client, in its own environment."""

from __future__ import annotations

from typing import Any

import nucleus
from benchmarks import phases
from benchmarks.clients import columns


def make(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """Build the items, append all to a new dataset, then make a slice of all of them."""
    client = nucleus.NucleusClient(job["key"], endpoint=job["endpoint"])
    ids, groups = columns.reference_ids(job).tolist(), columns.numbers(job, "group").tolist()
    dataset = client.create_dataset(job["name"], is_scene=False)
    with measured.measure("build"):
        items = [
            nucleus.DatasetItem(f"https://example.com/images/{ref}", ref, metadata={"group": group})
            for ref, group in zip(ids, groups)
        ]
    with measured.measure("append"):
        dataset.append(items)
    with measured.measure("slice"):
        created = dataset.create_slice("all", ids)
    return {"dataset_id": dataset.id, "slice_id": created.id, "size": dataset.size}


if __name__ == "__main__":
    phases.run(make)
