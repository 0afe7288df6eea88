"""Reading back by our SDK."""

from __future__ import annotations

from operator import attrgetter
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
    items = history[-1].item_evals
    if job["do"] == "worst":
        return {"worst": [item.result for item in sorted(items, key=attrgetter("result"))[:100]]}
    return {"n": len(items)}


if __name__ == "__main__":
    phases.run(read)
