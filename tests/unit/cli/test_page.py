"""`docs/cli.md`: its commands run, and what it says of them is what the code says."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

from tests.unit.cli.conftest import Cli

DOCS = Path(__file__).parents[3] / "docs"


def generator() -> ModuleType:
    """The script that writes the reference."""
    spec = importlib.util.spec_from_file_location("generate_cli", DOCS / "generate_cli.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_is_up_to_date() -> None:
    """If not: `.venv/bin/python docs/generate_cli.py`."""
    assert (DOCS / "cli.md").read_text() == generator().page()


def test_what_people_wrote_runs(cli: Cli) -> None:
    """The way from a file of scores to a verdict, word by word."""
    text = (DOCS / "cli.md").read_text().partition("## Names and ids")[0]
    (scores,) = re.findall(r"^    item_ref_id,[^ ]*\n(?:    .*\n)+", text, re.MULTILINE)
    rows = [line.strip() for line in scores.splitlines()]
    Path("scores.csv").write_text("\n".join(rows) + "\n")
    ids = [row.partition(",")[0] for row in rows[1:]]
    Path("items.csv").write_text("reference_id,text\n" + "".join(f"{ref},a picture\n" for ref in ids))
    Path("night.txt").write_text("\n".join(ids))
    commands = re.findall(r"^    nucleus (.*)", text, re.MULTILINE)
    assert len(commands) == 7
    shown = [cli.text(*shlex.split(command)) for command in commands]
    assert "0.5000" in shown[-1] and "✗ failed" in shown[-1] and "1 of 1" in shown[-1]


def test_examples_are_commands_with_options_that_exist(cli: Cli) -> None:
    """Every example of the reference is wrong in nothing but the names of what it is about."""
    text = (DOCS / "cli.md").read_text().partition(generator()._BEGIN)[2]
    examples = re.findall(r"^    nucleus ((?:(?!\[OPTIONS\]).)*)$", text, re.MULTILINE)
    assert len(examples) > 40
    for example in examples:
        result = cli.run(*shlex.split(example), "--help")
        assert "Usage: nucleus" in result.stdout, example
