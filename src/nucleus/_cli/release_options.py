"""The options that say what a release report is about, for every command that asks for one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any

import typer

from nucleus._cli.finding import find_model, find_test
from nucleus._cli.outcomes import fail
from nucleus._client import NucleusClient
from nucleus._model import Model

LAST_APPROVED = "last-approved"


class Mode(str, Enum):
    """By what a function of a test is decided."""

    POINT = "point"
    CONFIDENT = "confident"
    NOT_PROVEN_WORSE = "not-proven-worse"
    NON_INFERIOR = "non-inferior"


ModelOption = Annotated[
    str, typer.Option("--model", metavar="MODEL", help="The candidate: its id, reference id or name.")
]
BaselineOption = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="MODEL",
        help=f"The model to compare with, or {LAST_APPROVED}: the candidate of the release that was approved last. "
        r"\[default: the baseline model of each test]",
    ),
]
TestsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tests", "--test", metavar="TEST", help="Id or name of a test; repeat for more. Without: all tests."
    ),
]
TagsOption = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="All tests with this tag, instead of --tests; repeat for more."),
]
ModeOption = Annotated[
    Mode | None,
    typer.Option("--mode", help=r"By what everything is decided. \[default: the mode of each function in its test]"),
]
AllowMissingOption = Annotated[
    bool, typer.Option("--allow-missing", help="Items that the candidate leaves out do not matter.")
]
RequireCoverageOption = Annotated[
    float,
    typer.Option(
        "--require-coverage", metavar="X", min=0, max=1, help="Part of a test's items, in 0 to 1, that need a score."
    ),
]
FalseDiscoveryRateOption = Annotated[
    float,
    typer.Option(
        "--false-discovery-rate",
        metavar="Q",
        min=0,
        max=1,
        help="Part of better and worse verdicts that may be chance.",
    ),
]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all verdicts are computed.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", metavar="S", min=0, help="Wait this many seconds at most.")]


def find_baseline(client: NucleusClient, asked: str | None) -> Model | str | None:
    """The baseline that is asked for; None for each test's own."""
    return asked if asked is None or asked == LAST_APPROVED else find_model(client, asked)


def suite_of(client: NucleusClient, tests: Sequence[str] | None, tags: Sequence[str] | None) -> dict[str, Any]:
    """The tests that are asked for, as arguments of the SDK: by id or name, or by tag."""
    if tests and tags:
        fail("expected --tests or --tag, got both: leave one of them out")
    return {"tests": [find_test(client, test) for test in tests] if tests else None, "tags": list(tags or ()) or None}
