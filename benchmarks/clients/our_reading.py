"""Reading back by our SDK."""

from __future__ import annotations

from typing import Any

import nucleus
from benchmarks import phases


def read(job: phases.Job, measured: phases.Phases) -> dict[str, Any]:
    """One of the readings."""
    client = nucleus.NucleusClient(job["key"], endpoint=job["endpoint"])
    history = client.validate.get_scenario_test(job["test_id"]).get_eval_history()
    if job["do"] == "mean":
        return {"mean": history[-1].result}
    if job["do"] == "history":
        return {"n": len([evaluation.result for evaluation in history])}
    if job["do"] == "worst":
        return {"worst": [item.result for item in history[-1].worst_items(100)]}
    return {"n": len(history[-1].item_evals)}


if __name__ == "__main__":
    phases.run(read)
