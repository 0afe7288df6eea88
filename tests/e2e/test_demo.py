"""The demo, as `make demo DEMO_ARGS=--exit` runs it, twice on one folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from nucleus_server.storage import Store
from tests.support.server import environment
from tests.support.store_dump import dump

ROOT = Path(__file__).parents[2]


def run_demo(folder: Path) -> str:
    """Run it to its end; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.digits", "--exit", "--port", "0", "--data-dir", str(folder)],
        cwd=ROOT,
        env=environment(COLUMNS="200"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_demo_twice(tmp_path: Path) -> None:
    """Real results with criteria, coverage and verdicts beyond chance; the second run neither fails nor duplicates."""
    first = run_demo(tmp_path)
    for text in ("Easily confused", "Support vector machine", "✓ passed", "✗ failed", "719/719 scored", "baseline 0."):
        assert text in first
    assert "Support vector machine beside the baseline, Logistic regression:" in first
    assert re.search(r"'correct' of test 'All digits': passed, better by 0\.\d+ \[.*\], p = .* over 719 items\n", first)
    assert re.search(
        r"'probability_of_true_digit' of test 'All digits': inconclusive: .* could have been seen\n", first
    )
    assert "Dashboard, logged in: http://127.0.0.1:" in first
    assert re.search(
        r"^The last comparison, and why: http://127\.0\.0\.1:\d+/compare/ev_\w+/ev_\w+$", first, re.MULTILINE
    )

    def rows() -> dict[str, int]:
        store = Store(f"sqlite:///{tmp_path / 'nucleus.db'}")
        counted = {name: len(rows) for name, rows in dump(store).items() if name != "login_links"}
        store.close()
        return counted

    before = rows()
    assert (before["scenario_tests"], before["models"], before["evaluations"], before["items"]) == (4, 2, 16, 1119)
    second = run_demo(tmp_path)
    assert rows() == before
    assert first.partition("Dashboard")[0] == second.partition("Dashboard")[0]
