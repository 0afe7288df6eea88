"""Bad rows of an upload as a CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

COLUMNS = ("row", "reference_id", "function", "field", "value", "problem")


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write them under the columns that the server uses too."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
