"""`nucleus gate`: whether a model may be released, for people, for CI systems and for pull requests."""

from __future__ import annotations

import json
import os
from enum import Enum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from nucleus._cli.finding import find_model
from nucleus._cli.gate_output.comment import CodeHost, CommentError, marker_of, post_comment
from nucleus._cli.gate_output.junit import gate_junit
from nucleus._cli.gate_output.markdown import gate_markdown
from nucleus._cli.gate_output.terminal import print_gate
from nucleus._cli.gate_output.words import Report, missing_entries, name_of, one_line
from nucleus._cli.outcomes import DONE, FAILED, INCONCLUSIVE, REFUSED, fail
from nucleus._cli.output import AsJson, examples, print_json
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

_LISTED = 20


class Inconclusive(str, Enum):
    """What it means that the gate cannot tell."""

    WARN = "warn"
    FAIL = "fail"
    PASS = "pass"


_INCONCLUSIVE_CODES = {Inconclusive.WARN: INCONCLUSIVE, Inconclusive.FAIL: REFUSED, Inconclusive.PASS: DONE}


def register(app: typer.Typer) -> None:
    """Add `nucleus gate`."""
    app.command(
        epilog=examples(
            "nucleus gate --model detector-v4",
            "nucleus gate --model detector-v4 --baseline detector-v3 --tests 'night, pedestrians' --require-coverage 1.0",
            "nucleus gate --model detector-v4 --baseline last-approved --tag release --junit gate.xml --markdown gate.md",
            "nucleus gate --model detector-v4 --tag release --comment github",
        )
    )(gate)


def gate(
    context: typer.Context,
    model: ModelOption,
    baseline: BaselineOption = None,
    tests: TestsOption = None,
    tags: TagsOption = None,
    mode: ModeOption = None,
    require_coverage: RequireCoverageOption = 0.0,
    allow_missing: AllowMissingOption = False,
    false_discovery_rate: FalseDiscoveryRateOption = 0.05,
    inconclusive: Annotated[
        Inconclusive, typer.Option(help="What it means that the gate cannot tell: exit code 2, 1 or 0.")
    ] = Inconclusive.WARN,
    wait: WaitOption = True,
    timeout_s: TimeoutOption = 600.0,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML, for CI systems.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write Markdown, for people.")] = None,
    json_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the whole report as JSON.")] = None,
    comment: Annotated[
        CodeHost | None,
        typer.Option(help="Write the Markdown to the pull request of this CI job, and update it there next time."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a model may be released: exit code 0 if it passed, 1 if it failed, 2 if nobody can tell.

    3 is wrong usage, a missing evaluation of the candidate, or no answer from the server. What has neither a baseline
    evaluation nor a threshold is new, which is never a pass.
    """
    client = client_of(context)
    report = client.validate.release_report(
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
    content = report.to_json()
    if not content["entries"]:
        fail("expected at least one function of a scenario test, got none: a gate without tests is never passed")
    if as_json:
        print_json(content)
    else:
        print_gate(content, report.url)
    if json_file is not None:
        json_file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if junit is not None:
        junit.write_bytes(gate_junit(content, fail_inconclusive=inconclusive is Inconclusive.FAIL))
    text = gate_markdown(content, report.url)
    if markdown is not None:
        markdown.write_text(text, encoding="utf-8")
    if comment is not None:
        suite = {"tests": sorted(tests or ()), "tags": sorted(tags or ()), "baseline": baseline, "mode": mode}
        try:
            post_comment(comment, text, marker_of(suite), os.environ)
        except CommentError as error:  # the verdict stands, whoever could not be told
            typer.echo(f"Warning: no comment was written: {one_line(str(error))}", err=True)
    _end(content, inconclusive)


def _end(report: Report, inconclusive: Inconclusive) -> NoReturn:
    """End the command with the exit code of the report's outcome."""
    if report["status"] == "computing":
        fail(
            f"expected all verdicts, got {report['n_computed']:,} of {report['n_comparisons']:,}: the server computes the "
            "others; run the gate again, or without --no-wait"
        )
    missing = missing_entries(report)
    if missing:
        names = [one_line(name_of(entry)) for entry in missing]
        more = f"\n  and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
        typer.echo(
            f"No evaluation of {one_line(report['model']['name'])} by:\n  " + "\n  ".join(names[:_LISTED]) + more,
            err=True,
        )
    codes = {"passed": DONE, "failed": REFUSED, "inconclusive": _INCONCLUSIVE_CODES[inconclusive], "missing": FAILED}
    raise typer.Exit(codes[report["outcome"]])
