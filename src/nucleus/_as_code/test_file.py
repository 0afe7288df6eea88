"""`nucleus.toml`: functions, cluster keys of datasets, slices and scenario tests as a file says them.

NucleusError, ValueError
└── InvalidTestFile
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import msgspec

from nucleus._exceptions import NucleusError
from nucleus.validate.clusters import ClusterKey
from nucleus.validate.constants import Direction

NAME = "nucleus.toml"
COMPARISONS = {
    ">=": "greater_than_equal_to",
    ">": "greater_than",
    "<=": "less_than_equal_to",
    "<": "less_than",
}
Cluster = ClusterKey | None
Value = bool | int | float | str
Bound = int | float | str
T = TypeVar("T")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class InvalidTestFile(NucleusError, ValueError):
    """The file is not as it must be; says in which table and key, what was expected and what was got."""


class FunctionTable(msgspec.Struct, frozen=True, kw_only=True):
    """An external function; what is left out has the value here."""

    direction: Literal["higher_is_better", "lower_is_better"] = Direction.HIGHER_IS_BETTER.value
    score_range: tuple[float, float] = (0.0, 1.0)
    unit: str | None = None
    description: str | None = None
    default_cluster_key: str | None = None


class ClusterTable(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster key that is no text."""

    by: Literal["metadata", "item", "inherit"]
    key: str | None = None


class RuleTable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"not_": "not", "in_": "in"}):
    """A rule; which of its keys go together, and with which values, the server knows."""

    all: list[RuleTable] | None = None
    any: list[RuleTable] | None = None
    not_: RuleTable | None = None
    reference_id: str | None = None
    reference_ids: list[str] | None = None
    key: str | None = None
    eq: Value | None = None
    in_: list[Value] | None = None
    min: Bound | None = None
    max: Bound | None = None
    above: Bound | None = None
    below: Bound | None = None
    exists: bool | None = None


class SliceTable(msgspec.Struct, frozen=True, kw_only=True):
    """A slice: its dataset, and one of `rule`, `reference_ids` and `file`."""

    dataset: str
    name: str | None = None
    rule: RuleTable | None = None
    reference_ids: list[str] | None = None
    file: str | None = None


class CriterionTable(msgspec.Struct, frozen=True, kw_only=True):
    """By what a function of a test decides."""

    threshold: float | None = None
    comparison: Literal[">=", ">", "<=", "<"] | None = None
    mode: Literal["point", "confident", "not-proven-worse", "non-inferior"] | None = None
    margin: float = 0.0


class TestTable(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario test, but for its functions and its cluster key."""

    __test__ = False

    slice: str
    blocking: bool = False
    tags: list[str] = []
    baseline_model: str | None = None


@dataclass(frozen=True)
class WantedSlice:
    """A slice of a dataset: all that a rule matches, or these items."""

    name: str
    dataset: str
    rule: Mapping[str, Any]
    reference_ids: Sequence[str] | None


@dataclass(frozen=True)
class WantedTest:
    """A scenario test; `slice` is a key of the file's slices, or the name or id of one that the server has."""

    table: TestTable
    functions: Mapping[str, CriterionTable]
    cluster: Cluster


@dataclass(frozen=True)
class TestFile:
    """What a file says, by name. A cluster key of None is `inherit`."""

    __test__ = False

    functions: Mapping[str, FunctionTable]
    datasets: Mapping[str, Cluster]
    slices: Mapping[str, WantedSlice]
    tests: Mapping[str, WantedTest]


def read_test_file(path: Path) -> TestFile:
    """The file, checked as far as it can be without the server.

    Raises:
        InvalidTestFile: It is no TOML, has a key that nothing has or a value of another type; or this Python is older than 3.11
            and has no reader for TOML.
    """
    if sys.version_info < (3, 11):
        raise InvalidTestFile(
            f"reading {path.name} needs Python 3.11 or newer, because older ones cannot read TOML; this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}"
        )
    import tomllib

    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InvalidTestFile(
            f"expected a file {path}, there is none: name it by --file, or write one with nucleus export"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidTestFile(f"expected {path} in UTF-8, got the byte 0x{error.object[error.start]:02x}") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidTestFile(f"expected TOML in {path}, got something else: {error}") from error
    return _Reader(path).read(raw)


@dataclass(frozen=True)
class _Reader:
    path: Path

    def read(self, raw: Mapping[str, Any]) -> TestFile:
        self._refuse_unknown(raw, ("functions", "datasets", "slices", "tests"), "")
        functions = {
            name: self._converted(table, FunctionTable, place) for name, table, place in self._tables(raw, "functions")
        }
        for name, function in functions.items():
            low, high = function.score_range
            if not low < high:
                self._fail(
                    f"functions.{key_text(name)}.score_range", "two numbers, lowest first", f"[{low:g}, {high:g}]"
                )
        slices = {name: self._slice(table, name, place) for name, table, place in self._tables(raw, "slices")}
        tests = {name: self._test(table, place) for name, table, place in self._tables(raw, "tests")}
        datasets = {name: self._dataset(table, place) for name, table, place in self._tables(raw, "datasets")}
        return TestFile(functions, datasets, slices, tests)

    def _dataset(self, table: Any, place: str) -> Cluster:
        self._refuse_unknown(self._table(table, place), ("cluster",), place)
        if "cluster" not in table:
            self._fail(place, "a key cluster", "none")
        return self._cluster(table["cluster"], f"{place}.cluster")

    def _slice(self, table: Any, name: str, place: str) -> WantedSlice:
        self._check_rules(table, place)
        read = self._converted(table, SliceTable, place)
        given = [key for key in ("rule", "reference_ids", "file") if getattr(read, key) is not None]
        if len(given) != 1:
            self._fail(place, "exactly one of rule, reference_ids and file", " and ".join(given) or "none")
        references = read.reference_ids
        if read.file is not None:
            references = self._lines(read.file, f"{place}.file")
        if references is not None and not references:
            self._fail(place, "at least one reference id", "none")
        rule = {"reference_ids": references} if references is not None else msgspec.to_builtins(read.rule)
        return WantedSlice(read.name or name, read.dataset, rule, references)

    def _lines(self, name: str, place: str) -> list[str]:
        path = self.path.parent / name
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            self._fail(
                place, "a file of reference ids, one per line, in UTF-8", f"{path}, which cannot be read: {error}"
            )
        return [line for line in text.replace("\r\n", "\n").split("\n") if line]

    def _check_rules(self, table: Any, place: str) -> None:
        """Look for unknown keys in rules of rules too, which the conversion would let pass."""
        if isinstance(table, Mapping) and isinstance(table.get("rule"), Mapping):
            self._check_rule(table["rule"], f"{place}.rule")

    def _check_rule(self, rule: Mapping[str, Any], place: str) -> None:
        self._refuse_unknown(rule, RuleTable.__struct_encode_fields__, place)
        for key in ("all", "any"):
            parts = rule.get(key)
            for number, part in enumerate(parts if isinstance(parts, list) else ()):
                if isinstance(part, Mapping):
                    self._check_rule(part, f"{place}.{key}[{number}]")
        if isinstance(rule.get("not"), Mapping):
            self._check_rule(rule["not"], f"{place}.not")

    def _test(self, table: Any, place: str) -> WantedTest:
        known = (*TestTable.__struct_fields__, "functions", "cluster")
        rest = dict(self._table(table, place))
        self._refuse_unknown(rest, known, place)
        functions = {
            name: self._criterion(criterion, inner) for name, criterion, inner in self._tables(rest, "functions", place)
        }
        if not functions:
            self._fail(place, "a table functions with at least one function", "none")
        cluster = None if "cluster" not in rest else self._cluster(rest["cluster"], f"{place}.cluster")
        own = {key: value for key, value in rest.items() if key in TestTable.__struct_fields__}
        return WantedTest(self._converted(own, TestTable, place), functions, cluster)

    def _criterion(self, table: Any, place: str) -> CriterionTable:
        read = self._converted(table, CriterionTable, place)
        if not 0 <= read.margin < float("inf"):
            self._fail(f"{place}.margin", "a number of at least 0", f"{read.margin:g}")
        return read

    def _cluster(self, value: Any, place: str) -> Cluster:
        if isinstance(value, str):
            return ClusterKey("metadata", value)
        if not isinstance(value, Mapping):
            self._fail(place, "a metadata key, or a table with by", repr(value))
        read = self._converted(value, ClusterTable, place)
        if (read.by == "metadata") != (read.key is not None):
            self._fail(place, 'a key with by = "metadata", and only there', repr(dict(value)))
        return None if read.by == "inherit" else ClusterKey(read.by, read.key)

    def _tables(self, raw: Mapping[str, Any], key: str, place: str = "") -> list[tuple[str, Any, str]]:
        """Name, value and place of each entry under a key."""
        where = f"{place}.{key}" if place else key
        return [
            (name, value, f"{where}.{key_text(name)}") for name, value in self._table(raw.get(key, {}), where).items()
        ]

    def _table(self, value: Any, place: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self._fail(place, "a table", repr(value))
        return value

    def _converted(self, value: Any, kind: type[T], place: str) -> T:
        self._refuse_unknown(self._table(value, place), kind.__struct_encode_fields__, place)  # type: ignore[attr-defined]
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$")
            raise InvalidTestFile(f"{self.path}, {place}{where.rstrip('`')}: {_in_toml_words(message)}") from error

    def _refuse_unknown(self, table: Mapping[str, Any], known: Sequence[str], place: str) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key, known, 1)
                meant = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
                where = f"{place}.{key_text(key)}" if place else key_text(key)
                raise InvalidTestFile(f"{self.path}, {where}: expected a key that there is, got {key!r}; {meant}")

    def _fail(self, place: str, expected: str, got: str) -> NoReturn:
        raise InvalidTestFile(f"{self.path}, {place}: expected {expected}, got {got}")


_WORDS = {
    "object": "a table",
    "array": "an array",
    "str": "a text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
}


def _in_toml_words(message: str) -> str:
    """msgspec's words, in those of TOML."""
    message = message.replace("Object missing required field", "expected the key")

    def translated(quoted: re.Match[str]) -> str:
        return " or ".join(_WORDS.get(word, word) for word in quoted[1].split(" | ") if word != "null")

    message = re.sub(r"`([^`]*)`", translated, message)
    return message[:1].lower() + message[1:]


def key_text(name: str) -> str:
    """A key as TOML writes it."""
    return name if _BARE_KEY.fullmatch(name) else text_of(name)


def text_of(text: str) -> str:
    """A text as TOML writes it: JSON's form is TOML's but for U+007F."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
