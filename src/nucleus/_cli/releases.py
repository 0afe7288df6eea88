"""`nucleus releases`: candidates that a team approves or rejects."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any

import typer

from nucleus._cli.finding import find_model, find_release
from nucleus._cli.gate_output.terminal import print_gate
from nucleus._cli.outcomes import CheckFailed, explained
from nucleus._cli.output import AsJson, Yes, confirm, examples, print_fields, print_json, print_line, print_table
from nucleus._cli.release_options import (
    AllowMissingOption,
    BaselineOption,
    FalseDiscoveryRateOption,
    ModelOption,
    ModeOption,
    RequireCoverageOption,
    TagsOption,
    TestsOption,
    TimeoutOption,
    WaitOption,
    find_baseline,
    suite_of,
)
from nucleus._cli.session import client_of
from nucleus._exceptions import ConflictError
from nucleus.validate.releases import Release

app = typer.Typer(no_args_is_help=True, help="Releases: a candidate, a baseline and tests, approved or rejected.")

ReleaseArgument = Annotated[str, typer.Argument(metavar="RELEASE", help="Its id or name.")]
_BLOCKED = "release_blocked"


class Status(str, Enum):
    """How far a release is."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@app.command("list", epilog=examples("nucleus releases list --status open"))
def list_releases(
    context: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only those.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="So many at most.")] = None,
    as_json: AsJson = False,
) -> None:
    """List releases, newest first."""
    found = client_of(context).validate.releases(None if status is None else status.value, limit)
    if as_json:
        print_json([_facts(release) for release in found])
        return
    print_table(
        ["id", "name", "status", "candidate", "who", "when", "decided by", "decided"],
        [[r.id, r.name, r.status, r.model_name, r.user_name, r.created_at, r.decided_by, r.decided_at] for r in found],
    )


@app.command(epilog=examples("nucleus releases show 2025.6"))
def show(context: typer.Context, release: ReleaseArgument, as_json: AsJson = False) -> None:
    """Show a release: its report as the gate shows it, and what changed in its tests since the one before."""
    _print(find_release(client_of(context), release), as_json)


@app.command(
    epilog=examples(
        "nucleus releases create 2025.6 --model detector-v4 --baseline last-approved --tag release --require-coverage 1.0"
    )
)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it, unique in the workspace.")],
    model: ModelOption,
    baseline: BaselineOption = None,
    tests: TestsOption = None,
    tags: TagsOption = None,
    mode: ModeOption = None,
    require_coverage: RequireCoverageOption = 0.0,
    allow_missing: AllowMissingOption = False,
    false_discovery_rate: FalseDiscoveryRateOption = 0.05,
    wait: WaitOption = True,
    timeout_s: TimeoutOption = 600.0,
    as_json: AsJson = False,
) -> None:
    """Open a release, to be approved or rejected."""
    client = client_of(context)
    made = client.validate.create_release(
        name,
        find_model(client, model),
        find_baseline(client, baseline),
        **suite_of(client, tests, tags),
        mode=None if mode is None else mode.value,
        allow_missing=allow_missing,
        require_coverage=require_coverage,
        false_discovery_rate=false_discovery_rate,
        wait=wait,
        timeout_s=timeout_s,
    )
    _print(made, as_json)


@app.command(epilog=examples("nucleus releases approve 2025.6 --note 'night is unclear, and we drive by day'"))
def approve(
    context: typer.Context,
    release: ReleaseArgument,
    note: Annotated[str, typer.Option(help="Why; needed if something is inconclusive.")] = "",
    as_json: AsJson = False,
) -> None:
    """Approve a release; its report is frozen. Exit code 1 if failed tests, missing evaluations or open verdicts block it."""
    found = find_release(client_of(context), release)
    _print(_unless_blocked(lambda: found.approve(note)), as_json)


@app.command(epilog=examples("nucleus releases reject 2025.6 --note 'pedestrians at night'"))
def reject(
    context: typer.Context,
    release: ReleaseArgument,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: AsJson = False,
) -> None:
    """Reject a release; its report is frozen."""
    found = find_release(client_of(context), release)
    _print(_unless_blocked(lambda: found.reject(note)), as_json)


@app.command(epilog=examples("nucleus releases promote 2025.6"))
def promote(context: typer.Context, release: ReleaseArgument, yes: Yes = False, as_json: AsJson = False) -> None:
    """Make the candidate of an approved release the baseline of all tests of its suite, in one step."""
    found = find_release(client_of(context), release)
    confirm(f"Make {found.model_name} the baseline of the tests of {found.name} ({found.id})?", is_sure=yes)
    _print(found.promote(), as_json)


def _unless_blocked(decide: Callable[[], Release]) -> Release:
    try:
        return decide()
    except ConflictError as error:
        if error.code != _BLOCKED:
            raise
        raise CheckFailed(explained(error)) from error


def _facts(release: Release) -> dict[str, Any]:
    """A release without its report."""
    return {
        "id": release.id,
        "name": release.name,
        "status": release.status,
        "model_id": release.model_id,
        "model_name": release.model_name,
        "options": release.options,
        "created_at": release.created_at,
        "user_name": release.user_name,
        "decided_at": release.decided_at,
        "decided_by": release.decided_by,
        "note": release.note,
        "promoted_at": release.promoted_at,
        "previous_release_id": release.previous_release_id,
        "changes": [
            {"scenario_test_name": c.scenario_test_name, "what": c.what, "before": c.before, "after": c.after}
            for c in release.changes
        ],
        "url": release.url,
    }


def _print(release: Release, as_json: bool) -> None:
    report = None if release.report is None else release.report.to_json()
    facts = _facts(release)
    if as_json:
        print_json({**facts, "report": report})
        return
    hidden = ("model_id", "options", "changes", "url")
    print_fields({name: value for name, value in facts.items() if name not in hidden})
    if release.changes:
        print_table(
            ["test", "what", "before", "after"],
            [[c.scenario_test_name, c.what, c.before, c.after] for c in release.changes],
            title="Changed since the release before",
        )
    if report is not None:
        print_gate(report, release.url)
    else:
        print_line(release.url)
