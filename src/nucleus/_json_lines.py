"""Files of JSON lines: one object a line, blank lines are passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

_ROWS_FOR_COLUMNS = 1_000


def json_columns(path: Path, refused: Callable[[str], Exception]) -> list[str]:
    """The keys of the first thousand objects, in the order in which they come; `refused` makes the error that is raised."""
    rows = islice(json_rows(path, refused), _ROWS_FOR_COLUMNS)
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    if not columns:
        raise refused(f"expected rows in {path}, one JSON object per line, got none")
    return columns


def json_rows(path: Path, refused: Callable[[str], Exception]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line number, from 1, and object of each line; `refused` makes the error that is raised where there is none."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            if text.isspace():
                continue
            try:
                yield line, decode(text.removeprefix(b"\xef\xbb\xbf") if line == 1 else text)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise refused(f"{path}, line {line}: expected a JSON object, got something else: {error}") from error
