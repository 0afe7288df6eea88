"""Where differences are drawn, and how they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_server.dashboard.contexts import IntervalPlot
from nucleus_server.dashboard.intervals import Estimate, axis_of, interval_plot, interval_text, signed, signed_bars

NUMBERS = st.floats(-1e9, 1e9, allow_subnormal=False)


def plot(*estimates: Estimate, margin: float = 0.0, higher_is_better: bool = True) -> IntervalPlot:
    """The estimates on their own axis."""
    axis = axis_of(estimates, margin)
    return interval_plot(list(estimates), axis=axis, margin=margin, higher_is_better=higher_is_better, with_ticks=True)


def share(place: str) -> float:
    """A place as a number of percent."""
    assert place.endswith("%")
    return float(place[:-1])


@given(NUMBERS, NUMBERS, NUMBERS, st.floats(0, 1e6))
def test_everything_is_in_sight(a: float, b: float, c: float, margin: float) -> None:
    """Ends, estimate, no difference and margin, in their order, whatever the numbers are."""
    low, delta, high = sorted([a, b, c])
    drawn = plot(Estimate("x", delta, low, high, "none"), margin=margin)
    (mark,) = drawn.marks
    places = [share(mark.start), share(mark.place), share(mark.end)]
    assert 0 <= places[0] <= places[1] <= places[2] <= 100
    assert 0 < share(drawn.zero) < 100
    assert all(0 <= share(tick.place) <= 100 for tick in drawn.ticks) and 1 <= len(drawn.ticks) <= 8
    assert (drawn.band_start is None) is (margin == 0)


def test_unbounded_intervals_reach_the_edge() -> None:
    """And say so, also in words."""
    (mark,) = plot(Estimate("", 0.1, None, None, "none")).marks
    assert (mark.start, mark.end, mark.is_open_below, mark.is_open_above) == ("0.00%", "100.00%", True, True)
    assert interval_text(None, 0.5) == "(−∞, +0.5000]" and interval_text(-0.25, None) == "[−0.2500, ∞)"


@pytest.mark.parametrize(("higher_is_better", "sides"), [(True, ("worse", "better")), (False, ("better", "worse"))])
def test_sides_are_named_by_direction(higher_is_better: bool, sides: tuple[str, str]) -> None:
    """Left of no difference is worse only if higher is better; so are the colours of contributions."""
    drawn = plot(Estimate("", -0.1, -0.2, 0.0, "fail"), higher_is_better=higher_is_better)
    assert (drawn.left, drawn.right) == sides
    bars = signed_bars([-1.0, 0.5], higher_is_better=higher_is_better)
    assert [bar.kind for bar in bars] == (["fail", "pass"] if higher_is_better else ["pass", "fail"])
    assert [bar.start for bar in bars] == ["0.00%", "66.67%"] and {bar.zero for bar in bars} == {"66.67%"}


def test_bars_of_nothing() -> None:
    """Neither none nor zeros divide by zero."""
    assert signed_bars([], higher_is_better=True) == []
    assert [bar.length for bar in signed_bars([0.0, 0.0], higher_is_better=True)] == ["0.00%", "0.00%"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.021, "+0.0210"), (-0.021, "−0.0210"), (0.0, "0.0000"), (-0.00001, "0.0000"), (12.5, "+12.5000")],
)
def test_signs(value: float, text: str) -> None:
    """A real minus, and none before zero."""
    assert signed(value) == text
