"""One evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.scenario_tests import Cell
from nucleus_server.dashboard.contexts.shared import Chart, Choice, Frame, Pages, Picture, Verdict, doc


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One scored item."""

    item_id: str | None = doc("The item's id, by which it is ticked; None if it was deleted.")
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
    path: str = doc("The list of just these items.")
    n_items: str = doc("How many scored items have it.")
    result: str = doc("Their weighted mean, or – if none has a weight.")
    missing: str = doc("How many members with it have no score.")
    missing_path: str | None = doc("The list of those; None if there are none.")
    coverage: str = doc("Scored members of those with it, as a share.")
    verdict: Verdict = doc("That result against the evaluation's criterion.")


@dataclass(frozen=True, slots=True)
class SortLink:
    """The head of a column that sorts the list."""

    label: str = doc("What the column is called.")
    path: str | None = doc("The list sorted by it, or the other way round; None if all its values are the same.")
    title: str = doc("Which way that would be.")
    direction: str = doc("ascending, descending or none, as aria-sort says it.")
    is_number: bool = doc("Whether its values are numbers.")


@dataclass(frozen=True, slots=True)
class FilterChip:
    """A part of the filter that is in force."""

    text: str = doc("What it asks for.")
    path: str = doc("The list without it.")


@dataclass(frozen=True, slots=True)
class FilterForm:
    """What the list can be narrowed down by."""

    path: str = doc("Where it is sent.")
    hidden: tuple[tuple[str, str], ...] = doc("What stays as it is: names and values.")
    score_min: str = doc("The lowest score.")
    score_max: str = doc("The highest score.")
    passed: tuple[Choice, ...] = doc("Whether the criterion is satisfied; empty if there is none.")
    reference_id: str = doc("A part of the reference id.")
    keys: tuple[Choice, ...] = doc("Metadata keys; empty if the items have none.")
    operators: tuple[Choice, ...] = doc("How a value is compared.")
    value: str = doc("What it is compared with.")
    chips: tuple[FilterChip, ...] = doc("What is in force.")
    all_path: str = doc("The list without any filter.")
    problem: str | None = doc("Why nothing is shown: what was expected and what was got.")


@dataclass(frozen=True, slots=True)
class SavedSlice:
    """A slice that was just made of the list."""

    name: str = doc("Its name.")
    n_members: str = doc("How many items it has.")
    slice_id: str = doc("Its id.")
    code: str = doc("What to run to make a scenario test of it.")


@dataclass(frozen=True, slots=True)
class ItemList:
    """The scored items, as far as the filter shows them."""

    noun: str = doc("What a member is: item, scene or track.")
    heading: str = doc("How they are sorted.")
    other_path: str = doc("The list from its other end.")
    other_text: str = doc("What that is called.")
    is_gallery: bool = doc("Whether pictures are shown instead of a table.")
    view_path: str = doc("The same items the other way: as a table, or as a gallery.")
    sorts: tuple[SortLink, ...] = doc("The columns that sort: place, item, score, weight.")
    items: tuple[ItemRow, ...] = doc("A page of them.")
    pages: Pages = doc("Where the list is.")
    n_scored: int = doc("How many items have a score, shown or not.")
    file_path: str = doc("Where the list is as a file, without the file's ending.")
    query: str = doc("What the address asks for, which a file of the list goes by too; empty if for nothing.")
    filter: FilterForm = doc("What narrows it down.")
    save: Form | None = doc("Keeps the list as a slice; None if there is nothing to keep, or for viewers.")
    choose: Form | None = doc("Keeps the ticked items as a slice; None for viewers.")
    no_save: str = doc("Why there is no such form; empty if there is one.")
    saved: SavedSlice | None = doc("The slice that has just been made.")


@dataclass(frozen=True, slots=True)
class ItemsPart:
    """The list alone, as htmx replaces it."""

    frame: Frame = doc("What surrounds the page.")
    listing: ItemList = doc("The scored items.")


@dataclass(frozen=True, slots=True)
class WeightRow:
    """A result by the weights that were uploaded, or without."""

    label: str = doc("How items are counted.")
    result: str = doc("The mean of the scores.")
    verdict: Verdict = doc("That mean against the evaluation's criterion.")


@dataclass(frozen=True, slots=True)
class PlaceNote:
    """Where a result stands among all results of its function on its test."""

    rank: str = doc("Its place by result, the best one first.")
    number: str = doc("Its place in the order of upload.")
    links: tuple[tuple[str, str], ...] = doc("Evaluations beside it, in words, and their pages.")


@dataclass(frozen=True, slots=True)
class IntervalPart:
    """The interval of a result, as htmx loads it."""

    text: str = doc("Its ends, or – if there are too few clusters.")
    why: str = doc("Which interval it is, or why there is none.")


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    """One evaluation."""

    frame: Frame = doc("What surrounds the page.")
    evaluation_id: str = doc("The evaluation's id.")
    test_name: str = doc("Its test.")
    test_path: str = doc("The test's page.")
    cell: Cell = doc("Model, function, result, criterion, coverage.")
    weights: str = doc("Whether scores were weighted, and the sum of weights.")
    weighing: tuple[WeightRow, ...] = doc("What the weights make of the result; empty if every weight is 1.")
    weight_note: str = doc("How unequal the weights are; empty if every weight is 1.")
    interval: IntervalPart | None = doc("The interval of the result; None if it is not computed yet.")
    place: PlaceNote | None = doc("The result's place in the test's history; None without a result.")
    missing_filter: str = doc("What the members without a score are narrowed down by; empty if by nothing.")
    missing_all_path: str = doc("All members without a score.")
    comparison_note: str | None = doc("What was compared, if it was not simply the result.")
    chart: Chart = doc("The distribution of scores.")
    keys: tuple[KeyLink, ...] = doc("The metadata keys of the items.")
    metadata_code: str | None = doc("What to run to give the items metadata; None of scenes and tracks.")
    groups: tuple[GroupRow, ...] = doc("The breakdown by the chosen key, worst first; empty if none is chosen.")
    listing: ItemList = doc("The scored items.")
    missing: tuple[Picture, ...] = doc("A page of the members without a score.")
    missing_pages: Pages = doc("Where that page is.")
