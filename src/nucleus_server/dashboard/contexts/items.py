"""One item."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.shared import Chart, Frame, Picture, Verdict, doc


@dataclass(frozen=True, slots=True)
class ItemScoreCell:
    """A model's newest score of the item by one function on one test."""

    score: str = doc("The score; – if the newest evaluation has none.")
    evaluation_path: str | None = doc("The evaluation's page; None if there is none.")
    verdict: Verdict = doc("The score against the evaluation's criterion.")


@dataclass(frozen=True, slots=True)
class ItemScoreColumn:
    """One function on one test."""

    test_name: str = doc("The test.")
    test_path: str = doc("The test's page.")
    function_name: str = doc("The evaluation function.")
    function_path: str | None = doc("The function's page; None if it was deleted.")
    standing: Verdict = doc("Whether the newest models fail on the item by it: always, mostly, sometimes, never.")
    history_path: str = doc("This page with the history of this column.")
    is_current: bool = doc("Whether that history is the one that is shown.")


@dataclass(frozen=True, slots=True)
class ItemScoreRow:
    """One model."""

    model_name: str = doc("The model.")
    model_path: str | None = doc("Its page; None if it was deleted.")
    cells: tuple[ItemScoreCell, ...] = doc("One for each column.")


@dataclass(frozen=True, slots=True)
class ItemHistoryRow:
    """One score of the history."""

    when: str = doc("When it was uploaded, UTC.")
    model_name: str = doc("The model.")
    model_path: str | None = doc("Its page; None if it was deleted.")
    releases: tuple[tuple[str, str, str], ...] = doc("The model's releases: name, status and page.")
    score: str = doc("The score.")
    change: str = doc("How it differs from the score before it; – for the first.")
    evaluation_path: str = doc("The evaluation's page.")
    verdict: Verdict = doc("The score against the criterion in force now.")


@dataclass(frozen=True, slots=True)
class ItemHistory:
    """The item's scores by one function on one test in the order of upload."""

    chart: Chart = doc("The picture of it; its table is made of the rows.")
    rows: tuple[ItemHistoryRow, ...] = doc("Its scores, oldest first.")


@dataclass(frozen=True, slots=True)
class ZoomLink:
    """A size of the picture."""

    text: str = doc("Fit, 2×, 4×, 8×.")
    zoom: str = doc("How many times larger than fitted.")
    path: str = doc("This page with that size.")
    is_current: bool = doc("Whether it is the one that is shown.")


@dataclass(frozen=True, slots=True)
class NeighbourLink:
    """The item before or after this one."""

    reference_id: str = doc("The user's id of it.")
    path: str = doc("Its page, in the same list and size.")


@dataclass(frozen=True, slots=True)
class ItemListName:
    """The list that the item was reached from."""

    text: str = doc("What it is a list of, with its filter and order.")
    path: str | None = doc("Its page; None for all items of the dataset.")
    all_path: str = doc("This page among all items of the dataset.")


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One item with its scores in all tests."""

    frame: Frame = doc("What surrounds the page.")
    item_id: str = doc("The item's id.")
    reference_id: str = doc("The user's id of it.")
    dataset_name: str = doc("Its dataset.")
    dataset_path: str = doc("The dataset's page.")
    picture: Picture = doc("Its image.")
    text: str | None = doc("Its text; None if it is none.")
    zoom: str = doc("How many times larger than fitted the image is.")
    zoom_step: str = doc("fit, 2, 4 or 8: the same without a script.")
    at: str = doc("The point of the image in the middle of its frame, as shares of width and height; empty for none.")
    zooms: tuple[ZoomLink, ...] = doc("The sizes; empty if there is no image to enlarge.")
    facts: tuple[tuple[str, str], ...] = doc("What is known of its media: names and values.")
    metadata: tuple[tuple[str, str, str | None], ...] = doc(
        "Its metadata: keys, values, and the items of the dataset with the same value; None where they cannot be listed."
    )
    standing: Verdict = doc("Whether the newest models always, mostly, sometimes or never fail on it.")
    definition: str = doc("What that means.")
    where: str = doc("Its place in the list.")
    listing: ItemListName | None = doc("The list that its neighbours are of; None for all items of the dataset.")
    previous: NeighbourLink | None = doc("The item before it; None if it is the first.")
    next: NeighbourLink | None = doc("The item after it; None if it is the last.")
    columns: tuple[ItemScoreColumn, ...] = doc(
        "The functions on tests that it was scored by, some of them if they are many."
    )
    n_columns: str = doc("Which of all columns these are; empty if they are all.")
    columns_before: str | None = doc("This page with the columns before these.")
    columns_after: str | None = doc("This page with the columns after these.")
    rows: tuple[ItemScoreRow, ...] = doc("The models that have a score of it, newest first.")
    scores_file: str = doc("All its scores as a file, without the ending.")
    history: ItemHistory | None = doc("Its scores by one function on one test; None if it has none.")
