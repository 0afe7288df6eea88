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
class ChoosableItem:
    """An item that can be ticked."""

    item_id: str = doc("The item's id: what is sent.")
    picture: Picture = doc("Its image.")


@dataclass(frozen=True, slots=True)
class MetadataKeyRow:
    """A metadata key of the items."""

    key: str = doc("The key.")
    type: str = doc("Of what type its values are; – if no item has one.")
    n_items: str = doc("Items with a value.")
    n_values: str = doc("Different values.")
    range: str = doc("The lowest and highest number; – if they are none.")
    path: str = doc("This page with its values.")
    is_current: bool = doc("Whether its values are shown.")


@dataclass(frozen=True, slots=True)
class MetadataValueRow:
    """A value under a key."""

    value: str = doc("The value; – for items without one.")
    n_items: str = doc("Items with it.")
    share: str = doc("Their share of all items.")
    bar: str = doc("The same, as the width of a bar.")
    path: str | None = doc("These items; None for those without a value.")


@dataclass(frozen=True, slots=True)
class MetadataPage:
    """What is known of a dataset's items."""

    frame: Frame = doc("What surrounds the page.")
    dataset_name: str = doc("The dataset.")
    dataset_path: str = doc("Its page.")
    keys: tuple[MetadataKeyRow, ...] = doc("A page of its metadata keys, in alphabetical order.")
    pages: Pages = doc("Where the list of keys is.")
    key: str | None = doc("The key whose values are shown; None for none.")
    values: tuple[MetadataValueRow, ...] = doc("Its most frequent values.")
    most_values: int = doc("So many at most are shown.")
    keys_file: str = doc("All keys as a file, without the ending.")
    values_file: tuple[str, str] = doc(
        "All values of the key as a file: the address without its ending, and its query."
    )
    code: str = doc("What to run to give items metadata.")


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
    items: tuple[ChoosableItem, ...] = doc("A page of them.")
    pages: Pages = doc("Where the list is.")
    items_file: tuple[str, str] = doc("All that pass as a file: the address without its ending, and its query.")
    metadata_path: str = doc("The page of its metadata keys.")
    n_keys: int = doc("How many there are.")
    new_slice: Form | None = doc(
        "Makes a slice of all that pass the filter, or of those that are ticked; None for viewers and if none passes."
    )
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
    added_path: str | None = doc("What was added; None for the first version.")
    when: str = doc("When, UTC; – if nobody kept it.")
    user_name: str = doc("Who added them; – if nobody kept it.")
    pins: tuple[tuple[str, str, str], ...] = doc("Whose evaluations hold it: tests, their pages, how many evaluations.")


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
    members: tuple[ChoosableItem, ...] = doc("A page of its members that were not deleted.")
    choose: Form | None = doc("Makes a slice of those that are ticked; None for viewers.")
    others: Form | None = doc("Compares it with another slice of the dataset; None if there is none.")
    pages: Pages = doc("Where the list is.")
    tests: tuple[SliceTestRow, ...] = doc("The tests on it.")
    versions: tuple[SliceVersion, ...] = doc("Its versions, newest first.")
    code: str = doc("What to run to make a test on it.")
