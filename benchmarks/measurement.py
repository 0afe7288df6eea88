"""One measured way of doing something at one size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

OURS = "ours"
OFFICIAL = "official"
PEER = "peer"


@dataclass(frozen=True)
class Measurement:
    """What one way cost, per repetition.

    Attributes:
        section: What was done: `upload`, `read`, `items`, `annotations`, `compute`, `pages`.
        task: Which of the section's tasks; ways of one task are compared with each other.
        way: How, for people.
        kind: OURS, OFFICIAL or PEER.
        n: How many results, items, or evaluations.
        database: Where the result is stored, for people.
        repeats: How often it was done; the numbers are the mean of one.
        wall_s: Elapsed time; of pages the median.
        p95_wall_s: Of pages the 95th percentile.
        build_cpu_s: The client's CPU for building the objects that the way takes; 0 if it takes none.
        client_cpu_s: The client's CPU without that.
        server_cpu_s: The server's CPU.
        database_cpu_s: PostgreSQL's CPU; SQLite's is its user's.
        client_peak_bytes: The largest resident memory of the client, with its inputs.
        client_grown_bytes: Of it what came after the inputs were there.
        server_peak_bytes: The same of the server, database processes apart.
        server_grown_bytes: The same of the server.
        p95_cpu_s: Of pages the 95th percentile of the CPU of server and database, of which `server_cpu_s` is the median.
        body_bytes: Of pages what is sent, compressed, without what the page loads.
        paint_s: Of pages when a browser first paints, the median; 0 if none was asked.
        stored_bytes: What stays on disk; None if nothing is stored.
        note: What a reader must know beside the numbers.
        failure: The end of the error, if it failed; then all numbers are 0.
    """

    section: str
    task: str
    way: str
    kind: str
    n: int
    database: str = ""
    repeats: int = 1
    wall_s: float = 0.0
    p95_wall_s: float = 0.0
    build_cpu_s: float = 0.0
    client_cpu_s: float = 0.0
    server_cpu_s: float = 0.0
    database_cpu_s: float = 0.0
    client_peak_bytes: int = 0
    client_grown_bytes: int = 0
    server_peak_bytes: int = 0
    server_grown_bytes: int = 0
    p95_cpu_s: float = 0.0
    body_bytes: int = 0
    paint_s: float = 0.0
    stored_bytes: int | None = None
    note: str = ""
    failure: str | None = None

    @property
    def cpu_s(self) -> float:
        """All CPU: building, client, server, database."""
        return self.build_cpu_s + self.client_cpu_s + self.server_cpu_s + self.database_cpu_s

    @property
    def our_cpu_s(self) -> float:
        """CPU of client and server without PostgreSQL's own and without the building of objects."""
        return self.client_cpu_s + self.server_cpu_s

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"cpu_s": self.cpu_s}


def from_json(row: dict[str, Any]) -> Measurement:
    """The measurement that `to_json` made."""
    return Measurement(**{name: value for name, value in row.items() if name != "cpu_s"})
