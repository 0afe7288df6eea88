"""`nucleus compare`: what it prints, how it ends, and that it needs neither a server nor, before it runs, numpy."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nucleus._cli.app import create_app


def run(*arguments: object, code: int) -> Result:
    """Run the command and expect this exit code."""
    result = CliRunner().invoke(create_app(), ["compare", *map(str, arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with files of scores: `worse.csv` is lower than `base.csv`, `partly.csv` is better and leaves out an item."""
    monkeypatch.chdir(tmp_path)
    for name, shift in (("base", 0.0), ("worse", -0.1), ("better", 0.1)):
        lines = [f"q{i},{0.5 + shift * (1 + i % 3)},log{i % 8}" for i in range(24)]
        Path(f"{name}.csv").write_text("\n".join(["id,score,log_id", *lines]) + "\n")
    Path("partly.csv").write_text(Path("better.csv").read_text().replace("q3,0.6,log3\n", ""))


def test_exit_codes() -> None:
    """0 better, 1 worse, 2 cannot tell, 3 wrong usage."""
    run("base.csv", "better.csv", "--cluster", "log_id", code=0)
    run("base.csv", "worse.csv", "--cluster", "log_id", code=1)
    run("base.csv", "worse.csv", "--cluster", "log_id", "--lower-is-better", code=0)
    lines = Path("better.csv").read_text().splitlines()
    Path("few.csv").write_text("\n".join(lines[:4]) + "\n")
    run("base.csv", "few.csv", code=2)
    for wrong in (("base.csv",), ("base.csv", "none.csv"), ("base.csv", "base.csv", "--score", "x"), ("--nonsense",)):
        run(*wrong, code=3)
    assert "line 2" in run("base.csv", _with("id,score\nq1,x\n"), code=3).stderr


def _with(text: str) -> Path:
    path = Path("wrong.csv")
    path.write_text(text)
    return path


def test_what_people_read() -> None:
    """Verdict, interval, what could have been seen, clusters needed, missing items with the worst case, the top ten."""
    shown = run("base.csv", "partly.csv", "--cluster", "log_id", "--allow-missing", code=0).output
    for words in (
        "better",
        "95 % interval",
        "p = ",
        "8 clusters by log_id",
        "could have been seen",
        "1 item (q3); with them",
    ):
        assert words in shown, words
    assert "10 items that weigh most" in shown and "!" not in shown
    unclustered = run("base.csv", "worse.csv", code=1).output
    assert "! column 'log_id' looks like groups" in unclustered


def test_json() -> None:
    """All numbers, and nothing else."""
    found = json.loads(run("base.csv", "worse.csv", "--cluster", "log_id", "--effect", "0.05", "--json", code=1).stdout)
    assert (found["verdict"], found["outcome"], found["n_clusters"], found["cluster"]) == (
        "worse",
        "failed",
        8,
        "log_id",
    )
    assert found["effect"] == 0.05 and len(found["interval"]) == 2 and len(found["top_items"]) == 10


def test_markdown() -> None:
    """A table that a comment can show."""
    shown = run("base.csv", "partly.csv", "--markdown", "--allow-missing", code=0).stdout
    assert shown.startswith("**passed**: better") and "| item | contribution |" in shown and "⚠" in shown


def test_without_numpy_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 3, and the line to type."""
    real = builtins.__import__

    def without_numpy(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "numpy":
            raise ModuleNotFoundError("No module named 'numpy'", name="numpy")
        return real(name, *arguments, **options)

    for module in [name for name in sys.modules if name.startswith("nucleus.gate")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("nucleus.gate", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_numpy)
    result = run("base.csv", "worse.csv", code=3)
    assert "pip install 'nucleus-validate[gate]'" in result.stderr


def test_no_other_command_waits_for_numpy() -> None:
    """The help loads neither numpy nor the metrics."""
    code = (
        "import sys; from nucleus._cli.app import create_app; create_app(); "
        "sys.exit(any(name.startswith(('numpy', 'nucleus_metrics', 'nucleus.gate')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
