"""Parts of an upload depend on its rows, never on how their source hands them out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import polars
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus import _score_parts
from nucleus._score_parts import FunctionColumns, Layout, Part, score_parts
from nucleus._tables import table_of
from tests.unit.sdk.wire import part_of

LAYOUT = Layout("id", [FunctionColumns("ef_f", "f", (0.0, 1.0), "s")], weight="w", may_miss=True)
REFERENCES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=5)
UNIT = st.floats(0, 1)
ROWS = st.lists(st.tuples(REFERENCES, st.none() | UNIT, UNIT), min_size=1, max_size=30, unique_by=lambda row: row[0])


@pytest.fixture(scope="module", autouse=True)
def small_parts() -> Iterator[None]:
    """Parts of seven rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_score_parts, "MAX_ROWS", 7)
        yield


def bodies(source: Any) -> list[Part]:
    """What would be sent."""
    return list(score_parts(table_of(source, LAYOUT.columns()), LAYOUT))


@given(ROWS, st.lists(st.integers(0, 9), max_size=20))
def test_parts_do_not_depend_on_the_source_s_chunks(
    rows: list[tuple[str, float | None, float]], cuts: list[int]
) -> None:
    """Columns, rows, and Arrow's batches of any sizes give the same bytes, which hold every row once and in order."""
    rows = [("first", 0.5, 1.0), *[row for row in rows if row[0] != "first"]]
    columns = {"id": [r[0] for r in rows], "s": [r[1] for r in rows], "w": [r[2] for r in rows]}
    expected = bodies(columns)
    assert [part.n_rows for part in expected[:-1]] == [7] * (len(expected) - 1)
    read = [part_of(msgspec.msgpack.decode(part.body)) for part in expected]
    assert [ref for part in read for ref in part["reference_ids"]] == columns["id"]
    assert [score for part in read for score in part["scores"]["ef_f"]] == columns["s"]
    ones = [1.0] * 7
    weights = [
        weight for part in read for weight in part.get("weights", {}).get("*", ones[: len(part["reference_ids"])])
    ]
    assert weights == columns["w"]

    schema = pyarrow.schema([("id", pyarrow.string()), ("s", pyarrow.float64()), ("w", pyarrow.float64())])
    table = pyarrow.table(columns, schema=schema)
    batches = []
    start = 0
    for size in [*cuts, table.num_rows]:
        batches += table.slice(start, size).to_batches() or []
        start += size
    reader = pyarrow.RecordBatchReader.from_batches(schema, iter(batches))
    assert bodies(reader) == expected
    assert bodies(polars.concat([polars.from_arrow(b) for b in batches], rechunk=False)) == expected
    assert bodies(dict(zip(columns, row)) for row in rows) == expected


@given(st.lists(UNIT, min_size=1, max_size=20), st.data())
def test_one_wrong_number_is_always_found(scores: list[float], data: st.DataObject) -> None:
    """NaN, an infinity or a number out of range, wherever it is, is named with its row."""
    place = data.draw(st.integers(0, len(scores) - 1))
    scores[place] = data.draw(st.sampled_from([math.nan, math.inf, -math.inf, -0.5, 1.5, 1e308]))
    columns = {"id": [f"r{i}" for i in range(len(scores))], "s": scores, "w": [1.0] * len(scores)}
    for source in (columns, polars.DataFrame(columns)):
        with pytest.raises(_score_parts.InvalidUpload) as caught:
            bodies(source)
        assert [(row["row"], row["reference_id"]) for row in caught.value.bad_rows()] == [(place, f"r{place}")]
