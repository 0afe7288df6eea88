"""Two evaluations beside each other, and several models on the items of one test."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.choosers import CompareChooser
from nucleus_server.dashboard.contexts.evaluations import FilterChip, SavedSlice, SortLink
from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.intervals import IntervalPlot, SignedBar
from nucleus_server.dashboard.contexts.shared import Chart, Choice, Frame, Pages, Picture, Verdict, doc
from nucleus_server.dashboard.contexts.uploads import Progress
from nucleus_server.dashboard.contexts.verdicts import GateNote, SideRow, VerdictFacts, Why


@dataclass(frozen=True, slots=True)
class ChangeLink:
    """How many items were scored better, worse or equal, and the list of them."""

    change: Verdict = doc("Better, worse or equal.")
    n: str = doc("How many items.")
    share: str = doc("Of all items that were compared.")
    path: str = doc("The list of just these items.")
    is_current: bool = doc("Whether the list shows just these.")


@dataclass(frozen=True, slots=True)
class ComparedScore:
    """What one model scored on an item."""

    score: str = doc("The score.")
    path: str = doc("The evaluation's list, narrowed down to the item.")
    difference: str = doc("Less the baseline's score, with its sign; empty of the baseline itself.")
    change: Verdict | None = doc("Better, worse or equal; None of the baseline itself.")


@dataclass(frozen=True, slots=True)
class ComparedItem:
    """One item that all models scored."""

    rank: int = doc("Its place in the order shown, from 1.")
    picture: Picture = doc("Its image.")
    scores: tuple[ComparedScore, ...] = doc("What each model scored, the baseline first.")
    weight: str = doc("How much the item counts.")
    contribution: str = doc("What it adds to the chosen candidate's difference.")
    bar: SignedBar = doc("The contribution as a bar.")


@dataclass(frozen=True, slots=True)
class RangeForm:
    """Narrows the list down to ranges of two models' scores, by four numbers."""

    path: str = doc("Where it is sent.")
    hidden: tuple[tuple[str, str], ...] = doc("What stays as it is: names and values.")
    baseline_name: str = doc("The baseline.")
    candidate_name: str = doc("The chosen candidate.")
    baseline_low: str = doc("The baseline's lowest score.")
    baseline_high: str = doc("The baseline's highest score.")
    candidate_low: str = doc("The candidate's lowest score.")
    candidate_high: str = doc("The candidate's highest score.")


@dataclass(frozen=True, slots=True)
class ComparedList:
    """The items that all models scored, as far as they are shown."""

    heading: str = doc("How they are sorted.")
    orders: tuple[Choice, ...] = doc("The ways to sort that no column's head leads to: addresses and words.")
    heads: tuple[SortLink, ...] = doc("The columns of scores, the baseline first, and how each sorts.")
    contribution_head: str = doc("What contributions are to, with their unit.")
    items: tuple[ComparedItem, ...] = doc("A page of them.")
    pages: Pages = doc("Where the list is.")
    n_common: int = doc("How many items all models scored, shown or not.")
    ranges: RangeForm = doc("Narrows the list down by scores.")
    chips: tuple[FilterChip, ...] = doc("What narrows it down.")
    all_path: str = doc("The list without that.")
    problem: str | None = doc("Why nothing is shown: what was expected and what was got.")
    files: tuple[str, str] = doc("Where all its items are as a file: what stands before the ending and after it.")
    save: Form | None = doc("Keeps the list as a slice; None if there is nothing to keep, or for viewers.")
    no_save: str = doc("Why there is no such form; empty if there is one.")
    saved: SavedSlice | None = doc("The slice that has just been made.")


@dataclass(frozen=True, slots=True)
class ComparedItemsPart:
    """The list alone, as htmx replaces it."""

    frame: Frame = doc("What surrounds the page.")
    listing: ComparedList = doc("The items.")


@dataclass(frozen=True, slots=True)
class GridCell:
    """Items whose two scores fall into one cell."""

    n: str = doc("How many; empty if none.")
    path: str | None = doc("The list of them; None if there is none.")
    label: str = doc("Which scores the cell is of, in words.")
    level: int = doc("How many that is beside the fullest cell, from 0 to 4: what the stylesheet shades.")


@dataclass(frozen=True, slots=True)
class GridRow:
    """Items with the same range of the candidate's score, by the baseline's."""

    head: str = doc("The range of the candidate's score.")
    cells: tuple[GridCell, ...] = doc("One for each range of the baseline's score, lowest first.")


@dataclass(frozen=True, slots=True)
class Scatter:
    """Both models' scores of each item against each other."""

    chart: Chart = doc("The picture; its table is the grid.")
    baseline_name: str = doc("What goes to the right.")
    candidate_name: str = doc("What goes up.")
    columns: tuple[str, ...] = doc("The ranges of the baseline's score, lowest first.")
    rows: tuple[GridRow, ...] = doc("The ranges of the candidate's score, highest first.")


@dataclass(frozen=True, slots=True)
class MovedRow:
    """A metadata value that moved much of the difference."""

    key: str = doc("The metadata key.")
    key_path: str = doc("The page with all values of the key.")
    value: str = doc("The value, a range of numbers, or – for items without one.")
    path: str = doc("The list of just these items.")
    n: str = doc("How many items have it.")
    item_share: str = doc("Their share of the weight.")
    contribution: str = doc("What they add to the difference.")
    share: str = doc("That as a share of the whole difference; – if there is no difference.")
    mean: str = doc("The mean change of these items.")
    bar: SignedBar = doc("The contribution as a bar.")


@dataclass(frozen=True, slots=True)
class Moved:
    """The metadata values that moved most, over all keys."""

    rows: tuple[MovedRow, ...] = doc("The values, the largest contribution first.")
    keys: str = doc("Which keys were looked at and which were not, in words.")
    unit: str = doc("The unit of contributions, with what stands before it; empty if it was not set.")
    code: str = doc("What to run to give items metadata; shown if there is nothing to break the difference down by.")


@dataclass(frozen=True, slots=True)
class ComparePage:
    """Two evaluations beside each other."""

    frame: Frame = doc("What surrounds the page.")
    path: str = doc("The page's own address, without what is chosen on it.")
    test_name: str = doc("Their test.")
    test_path: str = doc("The test's page.")
    function_name: str = doc("Their function.")
    function_path: str | None = doc("The function's page; None if it was deleted.")
    is_blocking: bool = doc("Whether a release must not go out while the test fails.")
    sides: tuple[SideRow, ...] = doc("The baseline and the candidate.")
    progress: Progress | None = doc("How far the verdict is; None if it is there.")
    facts: VerdictFacts | None = doc("The verdict; None while it is computed.")
    gate: GateNote | None = doc("What a gate says; None while that is computed.")
    warnings: tuple[str, ...] = doc("What looks odd.")
    changes: tuple[ChangeLink, ...] = doc("How many items are better, worse and equal; empty without a common item.")
    all_models_path: str | None = doc("Other models beside these two; None in a file.")
    scatter: Scatter | None = doc("Both scores of each item; None while they are loaded, or without a common item.")
    scatter_path: str = doc("Where they are loaded from; empty if there is nothing to load.")
    listing: ComparedList | None = doc("The items; None without a common one.")
    why: Why | None = doc("What makes the difference; None while the verdict is computed, or without a common member.")
    moved: Moved | None = doc("The metadata values that moved most; None while they are loaded.")
    moved_path: str = doc("Where these are loaded from; empty if there is nothing to load.")


@dataclass(frozen=True, slots=True)
class ScatterPart:
    """The scatter alone, loaded behind the page."""

    scatter: Scatter | None = doc("Both scores; None if there is no common item.")
    scatter_path: str = doc("Where the part is loaded from.")


@dataclass(frozen=True, slots=True)
class MovedPart:
    """The metadata values alone, loaded behind the page."""

    moved: Moved | None = doc("What moved most.")
    moved_path: str = doc("Where the part is loaded from.")


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """One model of the comparison, the baseline or a candidate."""

    name: str = doc("The model.")
    path: str = doc("Its page.")
    evaluation_path: str = doc("Its evaluation's page.")
    own_result: str = doc("Its result on all items that it scored, with the unit.")
    result: str = doc("Its result on the items that all scored; – while it is computed.")
    coverage: str = doc("Scored members of all, and the share.")
    is_partial: bool = doc("Whether members were left without a score.")
    left_out: str = doc("How many of its scores are left out, because another model has none.")
    compare_path: str | None = doc("The page of it and the baseline alone; None of the baseline.")
    delta: str = doc("The difference to the baseline.")
    interval: str = doc("Its interval.")
    p_value: str = doc("The p value, adjusted for all candidates shown.")
    verdict: Verdict | None = doc("Beyond chance; None of the baseline, or while it is computed.")
    plot: IntervalPlot | None = doc("The difference as a drawing; all share an axis.")
    changes: tuple[ChangeLink, ...] = doc("Items better, worse and equal; empty of the baseline.")
    choose_path: str | None = doc("This page with the list sorted for this candidate; None of the baseline.")
    is_chosen: bool = doc("Whether the list is sorted and narrowed down for it.")


@dataclass(frozen=True, slots=True)
class CompareModelsPage:
    """Several models on one function of one test."""

    frame: Frame = doc("What surrounds the page.")
    test_name: str = doc("The test.")
    test_path: str = doc("The test's page.")
    function_name: str = doc("The function.")
    function_path: str | None = doc("The function's page; None if it was deleted.")
    compare_chooser: CompareChooser = doc("Chooses what is compared.")
    problem: str | None = doc("Why nothing is compared: what was expected and what was got.")
    absent: tuple[str, ...] = doc("Chosen models that have no evaluation here.")
    code: str = doc("What to run to upload scores of a model; shown if something is missing.")
    n_common: str = doc("How many items all models scored, in words.")
    models: tuple[ComparedModel, ...] = doc("The baseline first, then the candidates; empty if nothing is compared.")
    warnings: tuple[str, ...] = doc("What looks odd about the comparisons, each once.")
    progress: Progress | None = doc("How far the verdicts are; None if they are there.")
    listing: ComparedList | None = doc("The items; None if nothing is compared.")
