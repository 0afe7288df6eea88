"""Rules of slices: which items match, what a rule may be, and what a slice lacks."""

from __future__ import annotations

import re
from typing import Any

import pytest

import nucleus
from nucleus_server.domain import Role
from nucleus_server.services.matching import regex_of_glob
from tests.support.api import Api, assert_error

METADATA: dict[str, dict[str, Any]] = {
    "night/1.jpg": {"hour": 23, "weather": "rain", "speed": 10.5, "wet": True, "day": "2024-01-31"},
    "night/2.jpg": {"hour": 22, "weather": "dry", "speed": 20.0, "wet": False, "day": "2024-02-01"},
    "day/1.jpg": {"hour": 12, "weather": "rain", "speed": 30.0, "wet": True, "nested": {"a": 1}},
    "day/2.jpg": {"hour": 9, "weather": None},
    "day/3[x].jpg": {},
}
N1, N2, D1, D2, D3 = METADATA


@pytest.fixture
def dataset(sqlite_api: Api) -> nucleus.Dataset:
    """Five items with metadata."""
    made = sqlite_api.client().create_dataset("road")
    made.append([nucleus.DatasetItem(reference_id=ref, text=ref, metadata=data) for ref, data in METADATA.items()])
    return made


def ask(api: Api, dataset: nucleus.Dataset, rule: Any, **more: Any) -> Any:
    """The answer of the route."""
    return api.post(f"dataset/{dataset.id}/matching_items", {"rule": rule, **more})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"key": "weather", "eq": "rain"}, [N1, D1]),
        ({"key": "weather", "in": ["dry", "snow"]}, [N2]),
        ({"key": "weather", "in": []}, []),
        ({"key": "hour", "eq": 12.0}, [D1]),
        ({"key": "hour", "eq": 12.5}, []),
        ({"key": "hour", "eq": 10**30}, []),
        ({"key": "hour", "in": [9, 22.0]}, [N2, D2]),
        ({"key": "hour", "min": 12, "max": 22}, [N2, D1]),
        ({"key": "hour", "above": 12, "below": 22.5}, [N2]),
        ({"key": "hour", "above": 22.5}, [N1]),
        ({"key": "speed", "above": 10, "max": 20}, [N1, N2]),
        ({"key": "speed", "eq": 30}, [D1]),
        ({"key": "day", "min": "2024-02"}, [N2]),
        ({"key": "wet", "eq": False}, [N2]),
        ({"key": "wet", "in": [True]}, [N1, D1]),
        ({"key": "weather", "exists": True}, [N1, N2, D1]),
        ({"key": "weather", "exists": False}, [D2, D3]),
        ({"not": {"key": "weather", "eq": "rain"}}, [N2, D2, D3]),
        ({"reference_id": "night/*"}, [N1, N2]),
        ({"reference_id": "*/[!1].jpg"}, [N2, D2]),
        ({"reference_id": "day/?.*"}, [D1, D2]),
        ({"reference_id": "*[[]x].jpg"}, [D3]),
        ({"reference_id": "night"}, []),
        ({"reference_ids": [D2, N1, D2]}, [N1, D2]),
        ({"all": []}, list(METADATA)),
        ({"any": []}, []),
        ({"all": [{"key": "weather", "eq": "rain"}, {"key": "hour", "min": 20}]}, [N1]),
        (
            {"any": [{"key": "hour", "below": 10}, {"all": [{"reference_id": "n*"}, {"key": "wet", "eq": False}]}]},
            [N2, D2],
        ),
    ],
)
def test_rules(sqlite_api: Api, dataset: nucleus.Dataset, rule: Any, expected: list[str]) -> None:
    """Items in the order of the dataset; one without a value satisfies no comparison."""
    assert ask(sqlite_api, dataset, rule).json() == {"reference_ids": expected, "n_matching": len(expected)}


@pytest.mark.parametrize(
    ("rule", "code", "says"),
    [
        ({}, "invalid_rule", "got none"),
        ({"key": "hour"}, "invalid_rule", "beside the key"),
        ({"key": "hour", "eq": 1, "exists": True}, "invalid_rule", "eq and exists"),
        ({"key": "hour", "eq": 1, "min": 1}, "invalid_rule", "eq and a range"),
        ({"all": [{"any": [], "reference_id": "x"}]}, "invalid_rule", "rule.all[0]"),
        ({"reference_id": "x", "eq": 5}, "invalid_rule", "a key beside eq"),
        ({"reference_id": "[z-a]"}, "invalid_rule", "'[z-a]'"),
        (
            {"key": "hour", "eq": "12"},
            "rule_type_mismatch",
            "a number at rule.eq, because the values of 'hour' are numbers",
        ),
        ({"key": "hour", "eq": True}, "rule_type_mismatch", "got true"),
        ({"not": {"key": "weather", "in": ["rain", 5]}}, "rule_type_mismatch", "a text at rule.not.in"),
        ({"key": "weather", "min": 5}, "rule_type_mismatch", "a text at rule.min"),
        ({"key": "wet", "eq": "yes"}, "rule_type_mismatch", "true or false"),
        ({"key": "wet", "min": 0}, "rule_type_mismatch", "rule.min"),
        ({"key": "wether", "eq": "rain"}, "unknown_metadata_key", "near is 'weather'"),
        ({"key": "nested", "exists": True}, "unknown_metadata_key", "nested values"),
        ({"reference_ids": [N1, "no"]}, "unknown_reference_ids", "no"),
        ({"key": "hour", "equals": 5}, "invalid_type", "equals"),
        ({"key": "hour", "eq": [5]}, "invalid_type", "eq"),
        ("night", "invalid_type", "rule"),
    ],
)
def test_what_is_no_rule(sqlite_api: Api, dataset: nucleus.Dataset, rule: Any, code: str, says: str) -> None:
    """Says where in the rule, what was expected and what was got."""
    assert says in assert_error(ask(sqlite_api, dataset, rule), 422, code)["error"]


def test_large_rules(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """Deep and long ones are refused, before anything is computed for long."""
    rule: Any = {"key": "hour", "eq": 1}
    for _ in range(40):
        rule = {"not": rule}
    assert_error(ask(sqlite_api, dataset, rule), 422, "invalid_rule")
    assert_error(ask(sqlite_api, dataset, {"any": [{"key": "hour", "eq": 1}] * 1_000}), 422, "invalid_rule")


def test_what_a_slice_lacks(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """And what it has beside; deleted items are neither."""
    part = dataset.create_slice("part", [D2, N1, D3])
    rule = {"key": "hour", "min": 12}
    answer = ask(sqlite_api, dataset, rule, slice_id=part.id).json()
    lacks = {"reference_ids": [N2, D1], "n_matching": 3, "n_members": 3, "n_not_matching": 2, "not_matching": [D2, D3]}
    assert answer == lacks
    for gone in (N2, D3):
        dataset.delete_item(gone)
    answer = ask(sqlite_api, dataset, rule, slice_id=part.id).json()
    lacks = {"reference_ids": [D1], "n_matching": 2, "n_members": 2, "n_not_matching": 1, "not_matching": [D2]}
    assert answer == lacks
    other = sqlite_api.client().create_dataset("other")
    assert_error(ask(sqlite_api, other, {"all": []}, slice_id=part.id), 422, "dataset_mismatch")
    assert_error(ask(sqlite_api, dataset, {"all": []}, slice_id="slc_none"), 404, "slice_not_found")
    assert_error(sqlite_api.post("dataset/ds_none/matching_items", {"rule": {"all": []}}), 404, "dataset_not_found")


def test_members_of_a_slice(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """In slice order, without deleted ones."""
    part = dataset.create_slice("part", [D2, N1, D3])
    dataset.delete_item(N1)
    assert sqlite_api.get(f"slice/{part.id}/reference_ids").json() == {"reference_ids": [D2, D3]}
    empty = dataset.create_slice("empty")
    assert sqlite_api.get(f"slice/{empty.id}/reference_ids").json() == {"reference_ids": []}
    assert_error(sqlite_api.get("slice/slc_none/reference_ids"), 404, "slice_not_found")


def test_viewers_may_ask(sqlite_api: Api, dataset: nucleus.Dataset) -> None:
    """Nothing is changed; a dataset without items has no keys."""
    key = sqlite_api.new_key("viewer", Role.VIEWER)
    route = f"dataset/{dataset.id}/matching_items"
    assert sqlite_api.post(route, {"rule": {"all": []}}, key=key).json()["n_matching"] == 5
    empty = sqlite_api.client().create_dataset("empty")
    assert ask(sqlite_api, empty, {"reference_id": "*"}).json() == {"reference_ids": [], "n_matching": 0}
    assert (
        "there is none"
        in assert_error(ask(sqlite_api, empty, {"key": "a", "eq": 1}), 422, "unknown_metadata_key")["error"]
    )


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a.b", "aXb", False),
        ("a\nb*", "a\nb\n", True),
        ("[a-c]?", "bz", True),
        ("[!a-c]", "b", False),
        ("[]", "[]", True),
        ("[a--]", "-", True),
        ("é*", "école", True),
        ("{1}", "{1}", True),
    ],
)
def test_patterns(pattern: str, text: str, matches: bool) -> None:
    """Only *, ? and brackets mean something; Python reads the expressions in the same way."""
    expression = regex_of_glob(pattern).replace(r"\z", r"\Z")
    assert bool(re.match(expression, text)) is matches
