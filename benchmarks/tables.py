"""Measurements as tables of texts, the same for the terminal and for the document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks import bars, reading, uploads
from benchmarks.measurement import OURS, Measurement


@dataclass(frozen=True)
class Table:
    """A title, and rows under a header; the first column is text, the others are numbers."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


_REFERENCES = (uploads.OUR_POLARS, reading.SDK)
"""Ways that others of their table are compared with; where there is none of them, it is the first of ours."""


def cost_table(title: str, measurements: Sequence[Measurement]) -> Table:
    """What ways of one task at one size cost, and how many times the reference's CPU that is."""
    good = [m for m in measurements if m.failure is None]
    ours = [m for m in good if m.kind == OURS]
    reference = next((m for m in ours if m.way in _REFERENCES), ours[0] if ours else None)
    header = [
        "",
        "CPU s",
        "ratio",
        "building",
        "client",
        "server",
        "database",
        "wall s",
        "client MB",
        "server MB",
        "stored MB",
    ]
    rows = [
        [
            m.way + (f" ({m.database})" if m.database and len({x.database for x in good}) > 1 else ""),
            _seconds(m.cpu_s),
            "–" if reference is None else f"{m.cpu_s / reference.cpu_s:.1f}",
            _seconds(m.build_cpu_s),
            _seconds(m.client_cpu_s),
            _seconds(m.server_cpu_s),
            _seconds(m.database_cpu_s),
            _seconds(m.wall_s),
            _megabytes(m.client_peak_bytes),
            _megabytes(m.server_peak_bytes),
            _megabytes(m.stored_bytes),
        ]
        for m in good
    ]
    failed = [[f"{m.way}: failed", *["–"] * (len(header) - 1)] for m in measurements if m.failure is not None]
    return _without_empty(Table(title, header, rows + failed))


def page_table(title: str, measurements: Sequence[Measurement]) -> Table:
    """Pages: elapsed time and CPU of server and database, what is sent, and when a browser paints."""
    rows = [
        [
            f"{m.way} ({m.database})",
            *(f"{s * 1000:.0f}" for s in (m.wall_s, m.p95_wall_s, m.server_cpu_s, m.p95_cpu_s)),
            f"{m.body_bytes / 1000:.1f}",
            f"{m.paint_s * 1000:.0f}" if m.paint_s else "–",
        ]
        for m in measurements
        if m.failure is None
    ]
    return _without_empty(Table(title, ["", "median ms", "p95 ms", "CPU ms", "p95 CPU ms", "KB", "paint ms"], rows))


def bar_table(found: Iterable[bars.Bar]) -> Table:
    """The bars of the design."""
    verdicts = {None: "not measured", True: "met", False: "MISSED"}
    rows = [[bar.what, bar.limit, bar.value or "–", verdicts[bar.is_met]] for bar in found]
    return Table("Bars", ["", "bar", "this run", ""], rows)


def growth_table(title: str, measurements: Sequence[Measurement]) -> Table:
    """Microseconds of CPU per result over the sizes, a row for each way."""
    sizes = sorted({m.n for m in measurements})
    ways = list(dict.fromkeys((m.way, m.database) for m in measurements))
    found = {(m.way, m.database, m.n): m for m in measurements if m.failure is None}
    rows = []
    for way, database in ways:
        cells = [found.get((way, database, n)) for n in sizes]
        rows.append([f"{way} ({database})", *("–" if m is None else f"{m.cpu_s / m.n * 1e6:.2f}" for m in cells)])
    return Table(title, ["", *(f"{n:,}" for n in sizes)], rows)


def all_tables(measurements: Sequence[Measurement]) -> list[Table]:
    """A table for every task and size, in the order of measuring; databases apart only where something is stored by us."""
    groups: dict[tuple[str, str, int], list[Measurement]] = {}
    for measured in measurements:
        if measured.section in ("upload", "items", "annotations", "read", "compute", "pages"):
            groups.setdefault((measured.section, measured.task, measured.n), []).append(measured)
    tables = []
    for (section, task, n), group in groups.items():
        title = f"{section}: {task}, {n:,}"
        tables.append(page_table(title, group) if section == "pages" else cost_table(title, group))
    return tables


def _seconds(value: float) -> str:
    return "–" if value == 0 else f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _megabytes(value: int | None) -> str:
    return "–" if not value else f"{value / 1e6:.1f}" if value < 1e8 else f"{value / 1e6:.0f}"


def _without_empty(table: Table) -> Table:
    """The table without columns that say nothing."""
    kept = [i for i in range(len(table.header)) if i == 0 or any(row[i] != "–" for row in table.rows)]
    return Table(table.title, [table.header[i] for i in kept], [[row[i] for i in kept] for row in table.rows])
