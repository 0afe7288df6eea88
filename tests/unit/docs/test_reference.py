"""The reference is what the code says, and its example of bytes is a part that the server reads."""

from __future__ import annotations

import importlib.util
import inspect
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import nucleus
import nucleus.validate
from nucleus_server.api import wire
from nucleus_server.domain import Role
from nucleus_server.services import UploadPlan, upload_report
from nucleus_server.services.score_parts import decode_part
from nucleus_server.services.upload_report import Report
from tests.support.api import Api

DOCS = Path(__file__).parents[3] / "docs"


def generator() -> ModuleType:
    """The script that writes the pages."""
    spec = importlib.util.spec_from_file_location("generate_reference", DOCS / "generate_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_up_to_date() -> None:
    """If not: `.venv/bin/python docs/generate_reference.py`."""
    for path, text in generator().pages().items():
        assert path.read_text() == text, f"{path.name} is stale: .venv/bin/python docs/generate_reference.py"


def test_every_public_name_is_there_once() -> None:
    """In one group, with words of its own and of each member."""
    made = generator()
    public = [getattr(nucleus, name) for name in nucleus.__all__ if name != "validate"]
    public += [getattr(nucleus.validate, name) for name in nucleus.validate.__all__]
    grouped = [member for members in made.GROUPS.values() for member in members]
    assert len(grouped) == len(set(grouped)) and set(public) <= set(grouped)
    for member in grouped:
        assert member.__doc__, member
        for name, inner in made._members(member) if isinstance(member, type) else ():
            assert inner.__doc__, f"{member.__name__}.{name} has no docstring"


def test_what_is_left_out_exists() -> None:
    """Names that the page does not list are members of something that it does."""
    made = generator()
    members = {
        name for kinds in made.GROUPS.values() for kind in kinds for name in (*dir(kind), *made._fields(kind))
    } | {"check_local_files"}
    assert members >= made.OURS - {"fetch_bad_rows", "connection"}


def test_bytes_of_the_example_are_a_part() -> None:
    """The hexadecimal column, read back by the server."""
    made = generator()
    section = (DOCS / "reference" / "http.md").read_text().partition("## A part in bytes")[2].partition("## Routes")[0]
    rows = re.findall(r"^    ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?:  .*)?$", section, re.MULTILINE)
    raw = bytes.fromhex(" ".join(rows))
    assert raw == made.example_part() and f"in {len(raw)} bytes" in section
    part = decode_part(raw)
    assert part.reference_ids.to_list() == ["s1", "s2", "bär"]
    first, missing, last = part.scores[made.EXAMPLE_FUNCTION]
    assert (first, last) == (0.5, 1.0) and math.isnan(missing)
    weights = part.weights_of(made.EXAMPLE_FUNCTION)
    assert weights is not None and weights.tolist() == [1.0, 1.0, 0.25]


def test_report_of_the_page_is_what_the_server_sends(sqlite_api: Api) -> None:
    """The fields of the SDK's report, which the page lists, are the keys on the wire."""
    client = sqlite_api.client(sqlite_api.new_key("reader", Role.MEMBER))
    dataset, model = client.create_dataset("d"), client.create_model("m", "m")
    operator = sqlite_api.services.access.operator()
    ws = sqlite_api.services.store.workspace(operator.workspace_id, operator)
    row = wire.dry_run_row(ws, UploadPlan(dataset.id, model.id, ()), 0, Report(0, [], []), datetime.now(UTC))
    assert set(row) == {field.name for field in generator()._report_fields()}


def test_warnings_of_reports_are_defined() -> None:
    """Every code that a report can warn by has its rule in the definitions, and no other has."""
    table = (DOCS / "definitions.md").read_text().partition("## Columns that look like a mistake")[2]
    defined = re.findall(r"^\| `(\w+)` \|", table.partition("\n## ")[0], re.MULTILINE)
    given = re.findall(r"Oddity\(\s*\"(\w+)\"", inspect.getsource(upload_report))
    assert sorted(defined) == sorted(given) and len(set(given)) == len(given)
