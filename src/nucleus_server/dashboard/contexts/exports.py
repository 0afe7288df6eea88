"""Pages as files, which are read without the server: nothing in them is a link, a form or a picture."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from nucleus_server.dashboard.contexts.releases import ReleaseRow, ReportPart, SuiteChangeRow, WaiverRow
from nucleus_server.dashboard.contexts.shared import doc
from nucleus_server.dashboard.contexts.verdicts import GateNote, SideRow, VerdictFacts, Why


@dataclass(frozen=True, slots=True)
class Imprint:
    """What a file says of itself."""

    style: Markup = doc("The stylesheet.")
    made: str = doc("When it was made, UTC, and by whom.")
    source: str = doc("The address of the page that it is a copy of.")
    version: str = doc("The version of the server that made it.")


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One release."""

    imprint: Imprint = doc("Where the file comes from.")
    release: ReleaseRow = doc("What it is, and how far.")
    baseline: str = doc("What the candidate is compared with, in words.")
    report: ReportPart = doc("The report: of a release that was decided as it was then.")
    changes: tuple[SuiteChangeRow, ...] = doc("What is not as it was when the release before was decided.")
    previous: str | None = doc("The name of the release before; None if there is none.")
    blockers: str | None = doc("Why it could not be approved.")
    waivers: tuple[WaiverRow, ...] = doc("Active waivers of this suite's tests for this candidate.")


@dataclass(frozen=True, slots=True)
class ComparisonFile:
    """Two evaluations beside each other."""

    imprint: Imprint = doc("Where the file comes from.")
    test_name: str = doc("Their test.")
    function_name: str = doc("Their function.")
    is_blocking: bool = doc("Whether a release must not go out while the test fails.")
    sides: tuple[SideRow, ...] = doc("The baseline and the candidate.")
    facts: VerdictFacts = doc("The verdict.")
    gate: GateNote | None = doc("What a gate says.")
    warnings: tuple[str, ...] = doc("What looks odd.")
    why: Why | None = doc("What makes the difference; None without a common member.")
