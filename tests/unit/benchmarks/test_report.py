"""The benchmarks judge and show what they measured; the measuring itself is run by `make bench` only."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from benchmarks import processes, uploads
from benchmarks.bars import bars
from benchmarks.measurement import OFFICIAL, OURS, Measurement, from_json
from benchmarks.phases import Phases
from benchmarks.report import document
from benchmarks.tables import cost_table

MILLION = 1_000_000


def measured(way: str, kind: str, cpu_s: float, n: int = MILLION, **more: Any) -> Measurement:
    """An upload to SQLite that cost this much in the client."""
    return Measurement("upload", uploads.TASK, way, kind, n, "SQLite", client_cpu_s=cpu_s, **more)


@pytest.mark.parametrize(("ours_s", "is_met"), [(2.0, True), (2.1, False)])
def test_bar_against_the_official_client(ours_s: float, is_met: bool) -> None:
    """Our objects may cost a fifth of the official client's, the building of both included."""
    found = [
        measured(uploads.OFFICIAL_OBJECTS, OFFICIAL, 4.0, build_cpu_s=6.0),
        measured(uploads.OUR_OBJECTS, OURS, ours_s - 0.5, build_cpu_s=0.5),
    ]
    assert bars(found, {})[0].is_met is is_met


def test_bars_that_were_not_measured() -> None:
    """A failed measurement, and a size that was left out, meet no bar and miss none."""
    held = bars([measured(uploads.OUR_NUMPY, OURS, 0.0, failure="it broke")], {})
    assert held and {bar.is_met for bar in held} == {None}


def test_cost_per_item_at_ten_million() -> None:
    """Ten times the results may cost fifteen times the CPU."""
    found = [measured(uploads.OUR_NUMPY, OURS, 1.0), measured(uploads.OUR_NUMPY, OURS, 15.1, 10 * MILLION)]
    (bar,) = [bar for bar in bars(found, {}) if bar.what.startswith("cost per item") and bar.value is not None]
    assert (bar.value, bar.is_met) == ("1.51 times", False)


def test_ratio_is_against_our_table() -> None:
    """The table's ratios compare with our SDK and a polars table; what failed is named; empty columns are left out."""
    found = [
        measured(uploads.OFFICIAL_OBJECTS, OFFICIAL, 12.0),
        measured(uploads.OUR_POLARS, OURS, 1.5),
        measured(uploads.OUR_NUMPY, OURS, 0.0, failure="it broke"),
    ]
    table = cost_table("one million", found)
    assert table.header == ["", "CPU s", "ratio", "client"]
    assert [row[2] for row in table.rows] == ["8.0", "1.0", "–"]
    assert table.rows[2][0] == f"{uploads.OUR_NUMPY}: failed"


def test_document_has_every_table() -> None:
    """The template's places are all filled, with tables or with the word that they were not measured."""
    machine = {
        "when": "2026-01-02T03:04:05+00:00",
        "commit": "abc1234",
        "is_changed": False,
        "took_s": 61.0,
        "processor": "a processor",
        "cores": 2,
        "memory_bytes": 2**30,
        "system": "Linux",
        "load_before": 0.1,
        "python": "3",
        "sqlite": "3",
        "packages": {"numpy": "2"},
        "peers": {"mlflow": "3"},
    }
    found = measured(uploads.OUR_POLARS, OURS, 1.25)
    assert from_json(found.to_json()) == found
    text = document({"machine": machine, "facts": {}, "measurements": [found.to_json()]})
    assert "{{" not in text
    assert "| our SDK, polars table | 1.25 | 1.0 | 1.25 |" in text
    assert "1M results from a polars table; CPU of client and server | 1.5 s | 1.25 s | met |" in text


def test_phases_measure_this_process() -> None:
    """A phase has the CPU, time and memory of its block, divided by the repeats."""
    phases = Phases({"watched": os.getpid()})
    with phases.measure("busy", repeats=2):
        block = bytearray(os.urandom(1 << 20) * 64)
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
    entry = phases.entries["busy"]
    assert len(block) == 64 << 20
    assert 0.1 <= entry["client"]["cpu_s"] < 1 and entry["wall_s"] >= 0.1
    assert abs(entry["watched"]["cpu_s"] - entry["client"]["cpu_s"]) < 0.05
    assert entry["client"]["grown_bytes"] >= 60 << 20
    assert os.getpid() in processes.tree(os.getpid())
