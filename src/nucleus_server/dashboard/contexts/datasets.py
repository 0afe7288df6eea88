"""Datasets and slices."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.shared import Frame, Pages, Picture, doc


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset in the list."""

    path: str = doc("Its page.")
    name: str = doc("Its name.")
    n_items: str = doc("Its items, without those that were deleted.")
    n_slices: int = doc("Its slices.")
    n_tests: int = doc("The tests on them.")
    owner: str = doc("Who made it.")
    created: str = doc("When, UTC.")


@dataclass(frozen=True, slots=True)
class DatasetsPage:
    """The list of datasets."""

    frame: Frame = doc("What surrounds the page.")
    datasets: tuple[DatasetRow, ...] = doc("All datasets, newest first.")
    code: str = doc("What to run to make the first one.")


@dataclass(frozen=True, slots=True)
class SliceRow:
    """A slice in a list."""

    path: str = doc("Its page.")
    name: str = doc("Its name.")
    n_members: str = doc("Its members.")
    n_tests: int = doc("The tests on it.")
    created: str = doc("When it was made, UTC.")


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """One dataset with a page of its items."""

    frame: Frame = doc("What surrounds the page.")
    dataset_id: str = doc("The dataset's id.")
    path: str = doc("This page without a filter.")
    name: str = doc("Its name.")
    owner: str = doc("Who made it.")
    created: str = doc("When, UTC.")
    n_items: str = doc("Its items, without those that were deleted.")
    n_deleted: int = doc("How many were deleted.")
    n_tests: int = doc("The tests on its slices.")
    cluster: str = doc("Its cluster key.")
    cluster_path: str = doc("The page that says and sets it.")
    filter: Form = doc("What items are shown.")
    is_filtered: bool = doc("Whether only some are.")
    problem: str | None = doc("Why the filter cannot be used.")
    n_matching: int = doc("How many items pass the filter.")
    items: tuple[Picture, ...] = doc("A page of them.")
    pages: Pages = doc("Where the list is.")
    new_slice: Form | None = doc("Makes a slice of all that pass the filter; None for viewers and if none passes.")
    slices: tuple[SliceRow, ...] = doc("Its slices, newest first.")
    code: str = doc("What to run to add items to it.")


@dataclass(frozen=True, slots=True)
class SliceTestRow:
    """A test on the slice."""

    path: str = doc("Its page.")
    name: str = doc("Its name.")
    functions: str = doc("Its functions.")


@dataclass(frozen=True, slots=True)
class SliceVersion:
    """A step in which the slice grew."""

    n_members: str = doc("Its members after it.")
    n_new: str = doc("How many were added.")
    when: str = doc("When, UTC.")
    user_name: str = doc("Who added them.")


@dataclass(frozen=True, slots=True)
class SlicePage:
    """One slice with a page of its members."""

    frame: Frame = doc("What surrounds the page.")
    slice_id: str = doc("The slice's id.")
    name: str = doc("Its name.")
    dataset_name: str = doc("Its dataset.")
    dataset_path: str = doc("The dataset's page.")
    owner: str = doc("Who made it.")
    created: str = doc("When, UTC.")
    n_members: int = doc("Its members, with those that were deleted since.")
    notice: str | None = doc("What was done just now.")
    members: tuple[Picture, ...] = doc("A page of its members that were not deleted.")
    pages: Pages = doc("Where the list is.")
    tests: tuple[SliceTestRow, ...] = doc("The tests on it.")
    versions: tuple[SliceVersion, ...] = doc("How it grew, newest first; empty if nobody kept it.")
    code: str = doc("What to run to make a test on it.")
