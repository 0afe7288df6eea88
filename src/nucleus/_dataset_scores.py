"""`Dataset.upload_scores`: one upload of per-item scores of a model, for several functions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from nucleus._connection import Connection
from nucleus._exceptions import InvalidUpload
from nucleus._model import Model
from nucleus._score_parts import FunctionColumns, Layout, score_parts
from nucleus._score_upload import Target, send_scores
from nucleus._tables import table_of
from nucleus._upload_report import UploadReport
from nucleus.validate.constants import EntityLevel
from nucleus.validate.eval_functions import EvalFunction, EvalFunctionEntry


def upload_scores(
    connection: Connection,
    dataset_id: str,
    functions: Mapping[Any, str],
    model: Model | str,
    table: Any,
    *,
    reference_id: str,
    weight: str | Mapping[Any, str] | None,
    min_coverage: float,
    dry_run: bool,
) -> UploadReport:
    """Read, check and send the scores; see `Dataset.upload_scores`."""
    if not 0 <= min_coverage <= 1:
        raise InvalidUpload(f"expected a min_coverage in [0, 1], got {min_coverage!r}")
    if not isinstance(functions, Mapping) or not functions:
        raise InvalidUpload("expected at least one function: a mapping of function name to column, got none")
    weights = weight if isinstance(weight, Mapping) else {}
    known = _known_entries(connection, [*functions, *weights])
    weight_of = {known[key].id: column for key, column in weights.items()}
    columns = [
        FunctionColumns(entry.id, entry.name, entry.score_range, column, weight_of.pop(entry.id, None))
        for key, column in functions.items()
        for entry in (known[key],)
    ]
    if len({c.function_id for c in columns}) < len(columns):
        raise InvalidUpload("expected every function once, got one by its name and as an object")
    if weight_of:
        names = ", ".join(repr(known[key].name) for key in weights if known[key].id in weight_of)
        raise InvalidUpload(f"expected weights of the functions that are uploaded, got some of {names}")
    layout = Layout(reference_id, columns, None if isinstance(weight, Mapping) else weight, may_miss=True)
    source = table_of(table, layout.columns())
    parts = score_parts(source, layout)
    first = next(parts)  # what is wrong in it is said before anything is sent
    target = Target(
        dataset_id,
        model.id if isinstance(model, Model) else model,
        [c.function_id for c in columns],
        min_coverage=min_coverage,
        dry_run=dry_run,
    )
    return send_scores(connection, target, itertools.chain((first,), parts), source.n_rows)


def _known_entries(connection: Connection, keys: Iterable[Any]) -> dict[Any, EvalFunctionEntry]:
    """What the server says of each function.

    Raises:
        InvalidUpload: One does not exist, is computed by the server, or is not for items.
    """
    asked = list(dict.fromkeys(keys))
    known = {key: key.eval_func_entry for key in asked if isinstance(key, EvalFunction)}
    if len(known) < len(asked):
        rows = connection.get("validate/eval_fn")["eval_functions"]
        by_name = {row["name"]: EvalFunctionEntry.from_json(row) for row in rows}
        external = sorted(name for name, entry in by_name.items() if entry.is_external_function)
        unknown = [key for key in asked if key not in known and key not in by_name]
        if unknown:
            raise InvalidUpload(
                f"expected names of external evaluation functions, got {', '.join(map(repr, unknown))}; there are "
                f"{', '.join(map(repr, external)) or 'none'}: create what is missing with "
                f"client.validate.create_external_eval_function({unknown[0]!r})"
            )
        known |= {key: by_name[key] for key in asked if key not in known}
    for entry in known.values():
        if not entry.is_external_function:
            raise InvalidUpload(
                f"expected external evaluation functions, got {entry.name!r}, whose results the server computes itself"
            )
        if entry.level is not EntityLevel.ITEM:
            raise InvalidUpload(
                f"expected functions of level item, got {entry.name!r} of level {entry.level.value}: upload its results to a test"
            )
    return known
