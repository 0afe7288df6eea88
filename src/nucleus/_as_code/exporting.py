"""What the server has, as a file that plans to no change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nucleus._as_code.planning import SYMBOLS
from nucleus._as_code.server_state import ServerState
from nucleus._as_code.test_file import FunctionTable, key_text, text_of
from nucleus._dataset import Dataset
from nucleus._slice import Slice
from nucleus.validate.clusters import ClusterKey
from nucleus.validate.eval_functions import EvalFunction
from nucleus.validate.scenario_test import ScenarioTest

_MOST_INLINE = 20
_ODD_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Exported:
    """The file's text, its content as plain values, and the files of reference ids that it names, by their names."""

    text: str
    content: dict[str, Any]
    id_files: dict[str, list[str]]


def export(server: ServerState, datasets: Sequence[Dataset], *, beside: Path | None) -> Exported:
    """Functions, cluster keys, slices and tests of these datasets; of all functions if they are all there are.

    Args:
        beside: Where the file is to be: more than 20 reference ids of a slice go to a file beside it. None: they stay in it.
    """
    return _Exporting(server, datasets, beside).exported()


class _Exporting:
    def __init__(self, server: ServerState, datasets: Sequence[Dataset], beside: Path | None) -> None:
        self._server = server
        self._datasets = datasets
        self._beside = beside
        self._id_files: dict[str, list[str]] = {}
        self._notes: list[str] = []

    def exported(self) -> Exported:
        slices = {s.id: (d, s) for d in self._datasets for s in self._server.slices(d)}
        tests = [test for test in self._server.tests.values() if test.slice_id in slices]
        keys = self._slice_keys(slices.values())
        test_tables = {test.name: self._test(test, keys.get(test.slice_id, test.slice_id)) for test in tests}
        is_all = len(self._datasets) == len(self._server.datasets)
        used = {name for table in test_tables.values() for name in table["functions"]}
        content: dict[str, Any] = {
            "functions": {
                name: _function(function)
                for name, function in self._server.functions.items()
                if function.is_external_function and (is_all or name in used)
            },
            "datasets": {
                self._dataset_key(dataset): {"cluster": _cluster(cluster)}
                for dataset in self._datasets
                if (cluster := dataset.cluster_key().cluster).by != "inherit"
            },
            "slices": {keys[s.id]: self._slice(d, s, keys[s.id]) for d, s in slices.values() if s.id in keys},
            "tests": test_tables,
        }
        content = {key: tables for key, tables in content.items() if tables}
        return Exported("".join(self._text(content)), content, self._id_files)

    def _dataset_key(self, dataset: Dataset) -> str:
        """Its name, or its id if another one has the same name."""
        return dataset.name if [d.name for d in self._server.datasets].count(dataset.name) == 1 else dataset.id

    def _slice_keys(self, slices: Iterable[tuple[Dataset, Slice]]) -> dict[str, str]:
        """What the tables of slices are called, by id: their names, with the dataset's where several have one; those that
        have the name and the dataset of another cannot be told apart in a file."""
        pairs = list(slices)
        names = Counter(s.name for _, s in pairs)
        places = Counter((d.id, s.name) for d, s in pairs)
        keys = {}
        for dataset, found in pairs:
            if places[dataset.id, found.name] > 1:
                self._notes.append(
                    f"slice {found.id} is left out: dataset {dataset.name} has several slices named {found.name}"
                )
            elif names[found.name] > 1:
                keys[found.id] = f"{self._dataset_key(dataset)}/{found.name}"
            else:
                keys[found.id] = found.name
        return keys

    def _slice(self, dataset: Dataset, found: Slice, key: str) -> dict[str, Any]:
        references = self._server.members(found)
        table: dict[str, Any] = {"dataset": self._dataset_key(dataset)}
        if key != found.name:
            table["name"] = found.name
        if not references:
            self._notes.append(f"slice {found.name} has no items yet")
            return table | {"rule": {"any": []}}
        is_plain = not any("\n" in reference or "\r" in reference for reference in references)
        if self._beside is not None and len(references) > _MOST_INLINE and is_plain:
            name = self._file_name(key)
            self._id_files[name] = references
            return table | {"file": name}
        return table | {"reference_ids": references}

    def _file_name(self, key: str) -> str:
        assert self._beside is not None
        stem = f"{self._beside.stem}-{_ODD_IN_FILE_NAMES.sub('-', key).strip('-') or 'slice'}"
        name, number = f"{stem}.txt", 2
        while name in self._id_files:
            name, number = f"{stem}-{number}.txt", number + 1
        return name

    def _test(self, test: ScenarioTest, slice_key: str) -> dict[str, Any]:
        table: dict[str, Any] = {"slice": slice_key}
        settings = test.settings
        if settings.is_blocking:
            table["blocking"] = True
        if settings.tags:
            table["tags"] = list(settings.tags)
        if settings.cluster.by != "inherit":
            table["cluster"] = _cluster(settings.cluster)
        table["functions"] = {}
        for rule in test.rules():
            function = self._server.functions[rule.eval_function_name]
            criterion: dict[str, Any] = {}
            if rule.threshold is not None:
                criterion["threshold"] = rule.threshold
                symbol = SYMBOLS[rule.threshold_comparison.value]
                if symbol != ("<=" if function.eval_func_entry.direction == "lower_is_better" else ">="):
                    criterion["comparison"] = symbol
            if rule.mode is not None:
                criterion["mode"] = rule.mode
            if rule.margin:
                criterion["margin"] = rule.margin
            table["functions"][rule.eval_function_name] = criterion
        return table

    def _text(self, content: Mapping[str, Any]) -> Iterator[str]:
        for note in self._notes:
            yield f"# {note}\n"
        is_first = not self._notes
        for kind, tables in content.items():
            for name, table in tables.items():
                yield from ("" if is_first else "\n", f"[{kind}.{key_text(name)}]\n")
                is_first = False
                yield from (f"{key} = {_value(value)}\n" for key, value in table.items() if key != "functions")
                for function, criterion in table.get("functions", {}).items():
                    yield f"functions.{key_text(function)} = {_value(criterion)}\n"


def _function(function: EvalFunction) -> dict[str, Any]:
    default = FunctionTable()
    entry = function.eval_func_entry
    return {
        key: getattr(entry, key)
        for key in default.__struct_fields__
        if getattr(entry, key) != getattr(default, key) and getattr(entry, key) is not None
    }


def _cluster(cluster: ClusterKey) -> Any:
    return cluster.key if cluster.by == "metadata" else {"by": cluster.by}


def _value(value: Any) -> str:
    """A value as TOML writes it; long arrays over several lines."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key_text(key)} = {_value(inner)}" for key, inner in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        parts = [_value(inner) for inner in value]
        one_line = f"[{', '.join(parts)}]"
        return one_line if len(one_line) <= 100 else "[\n" + "".join(f"    {part},\n" for part in parts) + "]"
    return repr(value)
