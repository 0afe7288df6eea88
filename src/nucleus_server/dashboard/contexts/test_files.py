"""A scenario test as a file, with its histories drawn: numbers as places in a drawing of fixed size."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.exports import Imprint
from nucleus_server.dashboard.contexts.scenario_tests import HistoryChangeRow, TestPage
from nucleus_server.dashboard.contexts.settings import Power
from nucleus_server.dashboard.contexts.shared import Chart, doc


@dataclass(frozen=True, slots=True)
class DrawnPoint:
    """One result."""

    x: str = doc("Its place from the left.")
    y: str = doc("Its place from the top.")
    kind: str = doc("pass, fail or none: by the criterion in force when the file was made.")
    low: str | None = doc("The lower end of its interval; None without one.")
    high: str | None = doc("The upper end.")
    title: str = doc("Model, result, interval and verdict.")


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A stretch of what was in force."""

    start: str = doc("Where it begins, from the left.")
    end: str = doc("Where it ends.")
    y: str = doc("Its place from the top.")
    kind: str = doc("threshold or baseline.")
    title: str = doc("What it is, and its value.")


@dataclass(frozen=True, slots=True)
class DrawnText:
    """A name below, a number beside, or a mark across the drawing."""

    place: str = doc("Where it is, from the left or the top.")
    text: str = doc("What it says.")
    title: str = doc("More of it; empty if that is all.")


@dataclass(frozen=True, slots=True)
class HistoryDrawing:
    """The results of one function on a test, drawn."""

    width: int = doc("Of the drawing, in its own unit.")
    height: int = doc("Of the drawing.")
    left: int = doc("Where results begin.")
    top: int = doc("Where the scale begins.")
    bottom: int = doc("Where the scale ends.")
    path: str = doc("The line through all results.")
    bands: tuple[str, ...] = doc("Corners of each stretch of intervals.")
    points: tuple[DrawnPoint, ...] = doc("The results.")
    lines: tuple[DrawnLine, ...] = doc("Thresholds and baselines.")
    marks: tuple[DrawnText, ...] = doc("Changes, by their letters.")
    names: tuple[DrawnText, ...] = doc("Some of the models below.")
    ticks: tuple[DrawnText, ...] = doc("The scale.")


@dataclass(frozen=True, slots=True)
class FileHistory:
    """The history of one function."""

    chart: Chart = doc("Title, description, notes and numbers.")
    drawing: HistoryDrawing = doc("The picture.")
    changes: tuple[HistoryChangeRow, ...] = doc("What changed, newest first.")


@dataclass(frozen=True, slots=True)
class TestFile:
    """One scenario test."""

    imprint: Imprint = doc("Where the file comes from.")
    test: TestPage = doc("The test as its page shows it, with all evaluations.")
    histories: tuple[FileHistory, ...] = doc("Its results over time, function by function.")
    power: tuple[Power, ...] = doc("What can be detected, function by function.")
