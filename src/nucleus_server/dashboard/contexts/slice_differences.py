"""What two versions of a slice, or two slices, have in common."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.shared import Frame, Pages, Picture, doc


@dataclass(frozen=True, slots=True)
class DifferenceSide:
    """One of the two lists."""

    name: str = doc("The slice and its version.")
    path: str = doc("The slice's page.")
    n_members: str = doc("Its members.")


@dataclass(frozen=True, slots=True)
class DifferencePart:
    """The members that are only in one list, or in both."""

    text: str = doc("What they are.")
    n_items: str = doc("How many.")
    path: str = doc("This page with these shown.")
    is_current: bool = doc("Whether they are the ones that are shown.")


@dataclass(frozen=True, slots=True)
class CompositionRow:
    """One value under a metadata key."""

    value: str = doc("The value; – for members without one.")
    path: str | None = doc("The items of the dataset with it; None for members without one.")
    n_first: str = doc("Members of the first list with it.")
    first_share: str = doc("Their share.")
    n_second: str = doc("Members of the second list with it.")
    second_share: str = doc("Their share.")
    change: str = doc("The second share − the first, in percentage points.")


@dataclass(frozen=True, slots=True)
class SliceDifferencePage:
    """Two versions of a slice, or two slices, beside each other."""

    frame: Frame = doc("What surrounds the page.")
    name: str = doc("The slice.")
    path: str = doc("Its page.")
    dataset_name: str = doc("Its dataset.")
    dataset_path: str = doc("The dataset's page.")
    first: DifferenceSide = doc("The list that is compared.")
    second: DifferenceSide = doc("The list that it is compared with.")
    sentence: str = doc("The difference in a sentence.")
    choice: Form = doc("Which lists are compared.")
    sections: tuple[DifferencePart, ...] = doc("Only in the first, in both, only in the second.")
    items: tuple[Picture, ...] = doc("A page of the members that are shown.")
    pages: Pages = doc("Where that list is.")
    files: tuple[str, str] = doc("The files of the difference: their address without the ending, and their query.")
    keys: tuple[tuple[str, str, bool], ...] = doc("Metadata keys: name, this page by it, whether it is the chosen one.")
    key: str | None = doc("The chosen key; None for none.")
    composition: tuple[CompositionRow, ...] = doc("How both lists are made up by the key, what changed most first.")
    composition_file: tuple[str, str] = doc("The same as files: their address without the ending, and their query.")
    most_values: int = doc("So many values at most are shown.")
