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
    history_path: str = doc("This page with the history of this column.")
    is_current: bool = doc("Whether that history is the one that is shown.")


@dataclass(frozen=True, slots=True)
class ItemScoreRow:
    """One model."""

    model_name: str = doc("The model.")
    cells: tuple[ItemScoreCell, ...] = doc("One for each column.")


@dataclass(frozen=True, slots=True)
class ZoomLink:
    """A size of the picture."""

    text: str = doc("fit, 2×, 4×.")
    path: str = doc("This page with that size.")
    is_current: bool = doc("Whether it is the one that is shown.")


@dataclass(frozen=True, slots=True)
class NeighbourLink:
    """The item before or after this one."""

    reference_id: str = doc("The user's id of it.")
    path: str = doc("Its page, in the same slice and size.")


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
    zoom: str = doc("fit, 2 or 4: how large the image is.")
    zooms: tuple[ZoomLink, ...] = doc("The sizes; empty if there is no image to enlarge.")
    facts: tuple[tuple[str, str], ...] = doc("What is known of its media: names and values.")
    metadata: tuple[tuple[str, str], ...] = doc("Its metadata: keys and values.")
    standing: Verdict = doc(
        "Whether it always, sometimes or never fails in the newest evaluations that have a criterion."
    )
    where: str = doc("Its place in the slice or in the dataset.")
    slice_id: str | None = doc("The slice that its neighbours are of; None for the dataset.")
    out_of_slice_path: str = doc("This page with the neighbours in the dataset.")
    previous: NeighbourLink | None = doc("The item before it; None if it is the first.")
    next: NeighbourLink | None = doc("The item after it; None if it is the last.")
    columns: tuple[ItemScoreColumn, ...] = doc(
        "The functions on tests that it was scored by, some of them if they are many."
    )
    n_columns: str = doc("Which of all columns these are; empty if they are all.")
    columns_before: str | None = doc("This page with the columns before these.")
    columns_after: str | None = doc("This page with the columns after these.")
    rows: tuple[ItemScoreRow, ...] = doc("The models that have a score of it, newest first.")
    history: Chart | None = doc("Its scores by one function on one test; None if it has none.")
