"""Differences with their intervals, as drawings: places are shares of the width, such as 12.5%."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.shared import Verdict, doc


@dataclass(frozen=True, slots=True)
class IntervalMark:
    """An estimate with its interval."""

    label: str = doc("What it is of; empty if that is said beside the drawing.")
    place: str = doc("Where the estimate is.")
    start: str = doc("Where the interval begins.")
    end: str = doc("Where the interval ends.")
    is_open_below: bool = doc("Whether the interval goes on without end to the left.")
    is_open_above: bool = doc("Whether the interval goes on without end to the right.")
    kind: str = doc("pass, fail, equal or none: what the stylesheet colours.")


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on the axis."""

    place: str = doc("Where it is.")
    label: str = doc("The number.")


@dataclass(frozen=True, slots=True)
class IntervalPlot:
    """Estimates on one axis, with the line of no difference and the band of differences that do not matter."""

    description: str = doc("What a reader who cannot see it should know.")
    zero: str = doc("Where no difference is.")
    band_start: str | None = doc("Where the margin begins; None without a margin.")
    band_length: str = doc("How wide both margins are together.")
    marks: tuple[IntervalMark, ...] = doc("The estimates.")
    ticks: tuple[Tick, ...] = doc("The numbers of the axis; none of a small drawing.")
    left: str = doc("What being left of no difference means: worse or better.")
    right: str = doc("What being right of it means.")


@dataclass(frozen=True, slots=True)
class CaseRow:
    """The comparison under one assumption about missing scores, in words."""

    label: str = doc("The assumption.")
    delta: str = doc("Candidate − baseline.")
    interval: str = doc("The interval of it.")
    verdict: Verdict = doc("What that says.")
    non_inferior: str = doc("Whether the candidate is certainly not worse by the margin or more: yes or no.")


@dataclass(frozen=True, slots=True)
class SignedBar:
    """A contribution as a bar that begins at the line of no difference."""

    zero: str = doc("Where that line is.")
    start: str = doc("Where the bar begins.")
    length: str = doc("How long it is.")
    kind: str = doc("pass if it speaks for the candidate, else fail.")
