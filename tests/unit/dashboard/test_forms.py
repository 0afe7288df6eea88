"""What is typed into the form of a function's properties, and what of it is to be set."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_server.dashboard.forms import FIELDS, property_changes, values_of
from nucleus_server.domain import MAX_DESCRIPTION, MAX_METADATA_KEY, MAX_UNIT, Direction, EvalFunction, Level

WAS = {
    "direction": "higher_is_better",
    "score_min": "0",
    "score_max": "1",
    "unit": "m",
    "description": "",
    "default_cluster_key": "scene",
}


def function(low: float, high: float, description: str | None = None) -> EvalFunction:
    """An external function."""
    return EvalFunction(
        key=1,
        id="ef_1",
        name="f",
        is_public=False,
        is_external=True,
        level=Level.ITEM,
        direction=Direction.LOWER_IS_BETTER,
        score_min=low,
        score_max=high,
        owner_id="usr_1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        description=description,
    )


def test_only_what_differs_is_set() -> None:
    """What the form showed and nobody touched is left alone, whatever it has become meanwhile."""
    assert property_changes(WAS, WAS).is_empty
    changes = property_changes(WAS | {"unit": " ", "score_max": "1e2", "description": "a\r\nb "}, WAS)
    assert changes.problems == {} and changes.direction is None
    assert changes.score_range == (0, 100)
    assert changes.texts == {"unit": None, "description": "a\nb"}
    assert property_changes(WAS | {"direction": "lower_is_better"}, WAS).direction is Direction.LOWER_IS_BETTER


@pytest.mark.parametrize(
    ("typed", "field", "expected"),
    [
        ({"score_min": ""}, "score_min", "expected a number such as 0.5, got nothing"),
        ({"score_max": "nan"}, "score_max", "expected a number such as 0.5, got 'nan'"),
        ({"score_max": "inf"}, "score_max", "got 'inf'"),
        ({"score_max": "0,5"}, "score_max", "got '0,5'"),
        ({"score_min": "1"}, "score_max", "expected more than the lowest score, 1, got 1"),
        ({"direction": "up"}, "direction", "expected higher_is_better or lower_is_better, got 'up'"),
        ({"unit": "x" * (MAX_UNIT + 1)}, "unit", "expected at most 40 characters, got 41"),
        ({"description": "x" * (MAX_DESCRIPTION + 1)}, "description", "expected at most 10,000 characters"),
        ({"default_cluster_key": "x" * (MAX_METADATA_KEY + 1)}, "default_cluster_key", "at most 200"),
        ({"unit": "a\0b"}, "unit", "without the character U+0000"),
    ],
)
def test_mistakes_are_explained_beside_their_field(typed: dict[str, str], field: str, expected: str) -> None:
    """What was expected, what was got."""
    problems = property_changes(WAS | typed, WAS).problems
    assert list(problems) == [field] and expected in problems[field]


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.text(min_size=1),
)
def test_a_form_that_comes_back_untouched_changes_nothing(low: float, high: float, description: str | None) -> None:
    """Numbers keep every digit, and texts their line ends as browsers send them."""
    shown = values_of(function(low, high, description))
    assert set(shown) == set(FIELDS)
    assert (float(shown["score_min"]), float(shown["score_max"])) == (low, high)
    sent = {
        name: value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n") for name, value in shown.items()
    }
    assert property_changes(sent, sent).is_empty
    assert property_changes(sent, shown).is_empty


@given(st.dictionaries(st.sampled_from(FIELDS), st.text()), st.dictionaries(st.sampled_from(FIELDS), st.text()))
def test_whatever_is_sent_is_answered(typed: dict[str, str], was: dict[str, str]) -> None:
    """Either it can be set, or it is explained."""
    changes = property_changes(typed, was)
    if changes.score_range is not None:
        assert changes.score_range[0] < changes.score_range[1]
    assert all(problem.startswith("expected ") for problem in changes.problems.values())
