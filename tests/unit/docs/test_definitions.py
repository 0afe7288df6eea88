"""The definitions know every word that verdicts, modes, outcomes and exit codes are given in, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from nucleus._cli.outcomes import EXIT_CODES
from nucleus_metrics import Verdict
from nucleus_server.domain import Mode, Outcome

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


def section(title: str) -> str:
    """One section of the definitions."""
    text = (DOCS / "definitions.md").read_text()
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """What the rows of a table begin with, below its head."""
    return re.findall(r"^\| ([^|]+?) \|", text.partition("|---|")[2], re.MULTILINE)


def test_every_verdict_has_its_rule() -> None:
    """Each once, and no other."""
    words = [word for cell in first_cells(section("Verdicts")) for word in cell.split(", ")]
    assert sorted(words) == sorted(verdict.value for verdict in Verdict)


def test_every_mode_has_its_rule() -> None:
    """What it compares, when it has passed and when it has failed."""
    assert [cell.strip("`") for cell in first_cells(section("Outcomes"))] == [mode.value for mode in Mode]


def test_every_outcome_is_defined() -> None:
    """And where they are decided, the table of the design note ends each row in one."""
    outcomes = {outcome.value for outcome in Outcome}
    assert outcomes <= set(re.findall(r"[a-z]+", section("Outcomes")))
    table = (DOCS / "design" / "verdicts.md").read_text().partition("| if | outcome |")[2].partition("\n\n")[0]
    named = set(re.findall(r"\b(?:" + "|".join(outcomes) + r")\b", table))
    assert named == outcomes


def test_exit_codes_of_the_front_page() -> None:
    """The table of the README has those of the gate."""
    (codes,) = re.findall(r"^\| exit code \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {int(code) for code in codes.split(" | ")} == {code for code in EXIT_CODES if code < 128}
