"""Jobs: listed, shown, cancelled."""

from __future__ import annotations

from nucleus_server.services import WorkspaceStore
from nucleus_server.services.worker import Worker
from tests.unit.cli.conftest import Cli


def admin(cli: Cli) -> WorkspaceStore:
    """The workspace as its admin sees it."""
    operator = cli.api.services.access.operator()
    return cli.api.services.store.workspace(operator.workspace_id, operator)


def test_jobs(cli: Cli) -> None:
    """Cancelling asks; what has ended is not cancelled."""
    job_id = admin(cli).request_verdicts({"verdicts": []}, 4)
    (listed,) = cli.json("jobs", "list")
    assert (listed["job_id"], listed["job_type"], listed["status"]) == (job_id, "compareEvaluations", "Running")
    assert job_id in cli.text("jobs", "list") and "0 of 4" in cli.text("jobs", "show", job_id)
    assert "Cancel job" in cli.run("jobs", "cancel", job_id, code=3, answer="no\n").stderr
    assert f"Cancelled {job_id}" in cli.text("jobs", "cancel", job_id, "--yes")
    assert cli.json("jobs", "cancel", job_id)["status"] == "Cancelled"  # again: nothing to ask, nothing changed
    shown = cli.json("jobs", "show", job_id)
    assert shown["status"] == "Cancelled" and shown["message"] == {"cancelled_by": "admin"}
    assert "cancelled by" in cli.text("jobs", "show", job_id)
    deletion = admin(cli).delete_dataset(cli.api.client().create_dataset("d").id)
    assert "is not cancelled" in cli.error("jobs", "cancel", deletion.id, "--yes")
    Worker(cli.api.services.store, cli.api.services.media).run_once()
    assert [job["status"] for job in cli.json("jobs", "list", "--all")] == ["Completed", "Cancelled"]
    assert "Completed already" in cli.error("jobs", "cancel", deletion.id)
    assert "no job" in cli.error("jobs", "show", "job_none")
