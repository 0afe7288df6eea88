"""The bars of the design, each with what this run measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks import pages, release_reports, uploads, verdicts
from benchmarks.measurement import Measurement
from benchmarks.server import SQLITE

_MILLION = 10**6
_GB = 1e9
_MOST_BYTES = 200_000


@dataclass(frozen=True)
class Bar:
    """A number to hold.

    Attributes:
        what: What is measured.
        limit: The bar, for people.
        value: What was measured, for people; None if this run did not measure it.
        is_met: Whether it is held; None if it was not measured.
    """

    what: str
    limit: str
    value: str | None
    is_met: bool | None


def bars(measurements: Iterable[Measurement], facts: dict[str, Any]) -> list[Bar]:
    """Every bar that uploads, verdicts and pages have; sizes below a million measure none of them."""
    found = {(m.section, m.task, m.way, m.n, m.database): m for m in measurements if m.failure is None}

    def upload(way: str, n: int = _MILLION, task: str = uploads.TASK) -> Measurement | None:
        return found.get(("upload", task, way, n, SQLITE))

    rows: list[Bar] = []
    ours, official = upload(uploads.OUR_OBJECTS), upload(uploads.OFFICIAL_OBJECTS)
    what = "1M results as EvaluationResult objects: building, upload, commit; CPU of client and server"
    if ours and official:
        ratio = ours.cpu_s / official.cpu_s
        value = f"{ours.cpu_s:.2f} s of {official.cpu_s:.2f} s: 1/{1 / ratio:.1f}"
        rows.append(Bar(what, "1/5 of the official client", value, ratio <= 0.2))
    else:
        rows.append(Bar(what, "1/5 of the official client", None, None))

    for name, way in (("numpy columns", uploads.OUR_NUMPY), ("a polars table", uploads.OUR_POLARS)):
        at, at_ten = upload(way), upload(way, 10 * _MILLION)
        what = f"1M results from {name}; CPU of client and server"
        rows.append(_at_most(what, "1.5 s", at.cpu_s if at else None, 1.5, "{:.2f} s"))
        what = f"10M results from {name}: memory of the server"
        rows.append(_at_most(what, "2.5 GB", at_ten.server_peak_bytes / _GB if at_ten else None, 2.5, "{:.2f} GB"))
        what = f"cost per item from 1M to 10M, {name}; CPU of client and server"
        growth = at_ten.cpu_s / at.cpu_s / 10 if at and at_ten else None
        rows.append(_at_most(what, "1.5 times", growth, 1.5, "{:.2f} times"))

    raw = upload(uploads.RAW_OFFICIAL)
    rows.append(
        _at_most(
            "official body of 1M results: CPU of the server",
            "2.2 s",
            raw.server_cpu_s if raw else None,
            2.2,
            "{:.2f} s",
        )
    )
    known = facts.get("official body, decoding and id join, s")
    rest = None if raw is None or known is None else raw.server_cpu_s - known
    rows.append(_at_most("of it neither decoding nor id join", "0.5 s", rest, 0.5, "{:.2f} s"))

    for way in (verdicts.CLEAR, verdicts.CLOSE):
        verdict = next((m for m in found.values() if (m.task, m.way, m.n) == (verdicts.TASK, way, _MILLION)), None)
        what = f"paired verdict and interval over 1M items in 10,000 scenes, {way}; CPU"
        rows.append(_at_most(what, "0.3 s", verdict.cpu_s if verdict else None, 0.3, "{:.2f} s"))
    report = next((m for m in found.values() if m.task == verdicts.TASK_REPORT), None)
    what = "180 paired verdicts of 10,000 items each, CPU"
    rows.append(_at_most(what, "1 s", report.cpu_s if report else None, 1.0, "{:.2f} s"))

    for way in (release_reports.FIRST, release_reports.FIRST_SCENES):
        asked = next((m for m in found.values() if (m.task, m.way, m.n) == (release_reports.TASK, way, 180)), None)
        what = f"release report of 60 tests x 3 functions on 10,000 items, {way}; CPU of the server"
        rows.append(_at_most(what, "2 s", asked.server_cpu_s if asked else None, 2.0, "{:.2f} s"))

    for (section, task, _, n, _), measured in found.items():
        if section == "pages" and n >= (_MILLION if task == pages.EVALUATION else 100):
            rows += _page_bars(measured)
    return rows


def _at_most(what: str, limit: str, value: float | None, bar: float, form: str) -> Bar:
    if value is None:
        return Bar(what, limit, None, None)
    return Bar(what, limit, form.format(value), value <= bar)


def _page_bars(page: Measurement) -> list[Bar]:
    """How long the server takes, how much it sends, and when a browser paints."""
    what = f"dashboard, {page.way}, {page.database}"
    value = f"{page.wall_s * 1000:.0f} / {page.p95_wall_s * 1000:.0f} ms"
    is_quick = page.wall_s <= 0.15 and page.p95_wall_s <= 0.3
    rows = [Bar(f"{what}; median / p95", "150 / 300 ms", value, is_quick)]
    if page.body_bytes > _MOST_BYTES:
        rows.append(_at_most(f"{what}: what is sent", "200 KB", page.body_bytes / 1000, 200, "{:.0f} KB"))
    if page.paint_s:
        rows.append(_at_most(f"{what}: first paint, nothing cached", "1 s", page.paint_s, 1.0, "{:.2f} s"))
    return rows
