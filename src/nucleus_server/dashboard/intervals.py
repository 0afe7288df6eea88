"""Where to draw differences and their intervals: numbers become shares of a drawing's width."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nucleus_server.dashboard.contexts import IntervalMark, IntervalPlot, SignedBar, Tick

_ROOM = 0.08
"""What is left free at either side, as a share of what is shown."""
_N_TICKS = 5
MINUS = "\u2212"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference with its interval, in the function's unit.

    Attributes:
        low, high: Ends of the interval; None where it is unbounded.
        kind: pass, fail, equal or none.
    """

    label: str
    delta: float
    low: float | None
    high: float | None
    kind: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of numbers, `low` < `high`."""

    low: float
    high: float

    def place(self, value: float) -> str:
        """Where the value is; the nearer end if it is outside."""
        share = (value - self.low) / (self.high - self.low)
        return f"{100 * min(max(share, 0.0), 1.0):.2f}%"

    def length(self, start: float, end: float) -> str:
        """How long it is from `start` to `end`, both inside."""
        return f"{100 * (end - start) / (self.high - self.low):.2f}%"


def axis_of(estimates: Iterable[Estimate], margin: float = 0.0) -> Axis:
    """The range that shows all estimates, their intervals, no difference, and the margin."""
    values = [0.0, -margin, margin]
    for estimate in estimates:
        values += [v for v in (estimate.delta, estimate.low, estimate.high) if v is not None]
    low, high = min(values), max(values)
    room = _ROOM * (high - low) or 1.0
    return Axis(low - room, high + room)


def interval_plot(
    estimates: Sequence[Estimate], *, axis: Axis, margin: float, higher_is_better: bool, with_ticks: bool
) -> IntervalPlot:
    """The estimates below each other on one axis."""
    sides = ("worse", "better") if higher_is_better else ("better", "worse")
    return IntervalPlot(
        description="; ".join(_words(estimate) for estimate in estimates),
        zero=axis.place(0.0),
        band_start=axis.place(-margin) if margin > 0 else None,
        band_length=axis.length(-margin, margin),
        marks=tuple(
            IntervalMark(
                label=estimate.label,
                place=axis.place(estimate.delta),
                start=axis.place(axis.low if estimate.low is None else estimate.low),
                end=axis.place(axis.high if estimate.high is None else estimate.high),
                is_open_below=estimate.low is None,
                is_open_above=estimate.high is None,
                kind=estimate.kind,
            )
            for estimate in estimates
        ),
        ticks=tuple(Tick(axis.place(value), label) for value, label in _ticks(axis)) if with_ticks else (),
        left=sides[0],
        right=sides[1],
    )


def signed_bars(values: Sequence[float], *, higher_is_better: bool) -> list[SignedBar]:
    """A bar for each contribution, all on one scale."""
    low, high = min([0.0, *values]), max([0.0, *values])
    axis = Axis(low, high if high > low else low + 1.0)
    return [
        SignedBar(
            zero=axis.place(0.0),
            start=axis.place(min(value, 0.0)),
            length=axis.length(min(value, 0.0), max(value, 0.0)),
            kind="pass" if (value > 0) is higher_is_better else "fail",
        )
        for value in values
    ]


def signed(value: float, digits: int = 4) -> str:
    """With its sign, a real minus; zero has none."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0.0:
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def interval_text(low: float | None, high: float | None) -> str:
    """`[−0.0310, +0.0110]`; unbounded ends are infinite."""
    left = f"({MINUS}∞" if low is None else f"[{signed(low)}"
    right = "∞)" if high is None else f"{signed(high)}]"
    return f"{left}, {right}"


def _words(estimate: Estimate) -> str:
    label = f"{estimate.label}: " if estimate.label else ""
    return f"{label}difference {signed(estimate.delta)}, interval {interval_text(estimate.low, estimate.high)}"


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    rough = (axis.high - axis.low) / _N_TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1.0, 2.0, 5.0, 10.0) if m * magnitude >= rough)
    digits = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(axis.low / step), math.floor(axis.high / step)
    return [(i * step, signed(i * step, digits) if i else "0") for i in range(first, last + 1)]
