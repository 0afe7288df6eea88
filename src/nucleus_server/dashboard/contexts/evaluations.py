"""One evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.scenario_tests import Cell
from nucleus_server.dashboard.contexts.shared import Chart, Frame, Pages, Picture, Verdict, doc


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One scored item."""

    rank: int = doc("Its place in the order shown, from 1.")
    picture: Picture = doc("Its image.")
    score: str = doc("Its score.")
    weight: str = doc("How much the score counts.")
    verdict: Verdict = doc("The score against the evaluation's criterion.")
    metadata: tuple[tuple[str, str], ...] = doc("Its metadata.")


@dataclass(frozen=True, slots=True)
class KeyLink:
    """A metadata key to break the result down by."""

    key: str = doc("The key.")
    path: str = doc("The same page with this breakdown.")
    is_current: bool = doc("Whether it is the one that is shown.")


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The items that share a value of the chosen key."""

    value: str = doc("The value, a range of numbers, or – for items without one.")
    n_items: str = doc("How many scored items have it.")
    result: str = doc("Their weighted mean.")
    verdict: Verdict = doc("That result against the evaluation's criterion.")


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    """One evaluation."""

    frame: Frame = doc("What surrounds the page.")
    evaluation_id: str = doc("The evaluation's id.")
    test_name: str = doc("Its test.")
    test_path: str = doc("The test's page.")
    cell: Cell = doc("Model, function, result, criterion, coverage.")
    weights: str = doc("Whether scores were weighted, and the sum of weights.")
    comparison_note: str | None = doc("What was compared, if it was not simply the result.")
    chart: Chart = doc("The distribution of scores.")
    keys: tuple[KeyLink, ...] = doc("The metadata keys of the items.")
    groups: tuple[GroupRow, ...] = doc("The breakdown by the chosen key, worst first; empty if none is chosen.")
    order: str = doc("worst or best: which end the list begins with.")
    other_order_path: str = doc("The same list from its other end.")
    items: tuple[ItemRow, ...] = doc("A page of the scored items.")
    pages: Pages = doc("Where the list is.")
    n_missing: int = doc("How many members have no score.")
    missing: tuple[Picture, ...] = doc("The first of them.")
