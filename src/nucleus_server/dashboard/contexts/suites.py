"""Several models beside each other over a suite of tests."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.choosers import ModelChoice
from nucleus_server.dashboard.contexts.evaluations import SavedSlice
from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.shared import Choice, Frame, Pages, Picture, Verdict, doc
from nucleus_server.dashboard.contexts.uploads import Progress


@dataclass(frozen=True, slots=True)
class SuiteCell:
    """One candidate by one function of one test."""

    model_name: str = doc("The candidate.")
    path: str | None = doc("The page of it and the baseline; None if there is nothing to compare.")
    verdict: Verdict = doc("Beyond chance; or that there is nothing to compare, or that it is computed.")
    delta: str = doc("The difference, with its unit; empty without one.")
    interval: str = doc("Its interval; empty without one.")
    partial: str = doc("How many members were scored if some were not; else empty.")


@dataclass(frozen=True, slots=True)
class SuiteRow:
    """One function of one test over candidates."""

    test_name: str = doc("The test.")
    test_path: str = doc("The test's page.")
    is_blocking: bool = doc("Whether a release must not go out while it fails.")
    function_name: str = doc("The function.")
    baseline_name: str = doc("What the candidates are compared with; – if it has none.")
    baseline: str = doc("The baseline's result.")
    baseline_path: str | None = doc("The baseline's evaluation; None if there is none.")
    compare_path: str | None = doc("All candidates on this test, item by item; None if nothing can be compared.")
    cells: tuple[SuiteCell, ...] = doc("One for each candidate.")


@dataclass(frozen=True, slots=True)
class SuiteCount:
    """How many functions of tests have one verdict."""

    verdict: Verdict = doc("Better, worse, equivalent, inconclusive, too few clusters, or not compared.")
    n: str = doc("How many.")
    path: str = doc("Just these rows.")
    is_current: bool = doc("Whether only these are shown.")


@dataclass(frozen=True, slots=True)
class SuiteModel:
    """One candidate over the suite."""

    name: str = doc("The model.")
    path: str = doc("Its page.")
    report_path: str = doc("Its release report over the same tests.")
    worse_path: str = doc("The items that got worse in several tests, of this candidate.")
    is_chosen: bool = doc("Whether these items are shown.")
    counts: tuple[SuiteCount, ...] = doc("How many functions of tests have which verdict.")


@dataclass(frozen=True, slots=True)
class WorseWhere:
    """One function of one test in which an item got worse."""

    text: str = doc("The function and the test.")
    path: str = doc("The page that compares both models there, what got worse first.")
    scores: str = doc("What the baseline and the candidate scored.")


@dataclass(frozen=True, slots=True)
class WorseItemRow:
    """An item that got worse in several tests."""

    rank: int = doc("Its place, from 1.")
    picture: Picture = doc("Its image.")
    n_tests: str = doc("In how many tests.")
    loss: str = doc("How much in all, as shares of the functions' score ranges.")
    where: tuple[WorseWhere, ...] = doc("In which ones, the largest loss first.")
    n_more: int = doc("How many more there are.")


@dataclass(frozen=True, slots=True)
class WorseItems:
    """The items that got worse in several tests at once."""

    model_name: str = doc("The candidate.")
    dataset_name: str = doc("The dataset of the items.")
    datasets: tuple[Choice, ...] = doc("Datasets of the suite: addresses and names; empty if there is one.")
    rows: tuple[WorseItemRow, ...] = doc("A page of them: what is worse in most tests first, then by how much.")
    pages: Pages = doc("Where the list is.")
    n_tests: int = doc("How many tests of the dataset were compared.")
    least: int = doc("In how many tests an item is worse at least.")
    leasts: tuple[Choice, ...] = doc("Such numbers to choose from: addresses and numbers.")
    files: tuple[str, str] = doc("Where they are as a file: what stands before the ending and after it.")
    save: Form | None = doc("Keeps them as a slice; None if there is nothing to keep, or for viewers.")
    no_save: str = doc("Why there is no such form; empty if there is one.")
    saved: SavedSlice | None = doc("The slice that has just been made.")


@dataclass(frozen=True, slots=True)
class WorseItemsPart:
    """These items alone, loaded behind the page."""

    frame: Frame = doc("What surrounds the page.")
    worse: WorseItems | None = doc("The items; None if nothing can be compared.")
    worse_path: str | None = doc("Where the part is loaded from; None if it is there.")


@dataclass(frozen=True, slots=True)
class SuiteChooser:
    """Chooses a baseline, candidates and tests."""

    baselines: tuple[Choice, ...] = doc("Each test's own, or a model.")
    models: tuple[ModelChoice, ...] = doc("The models, newest first.")
    n_more: int = doc("How many more models there are than are listed.")
    tags: tuple[Choice, ...] = doc("Tags of tests.")
    tests: tuple[str, ...] = doc("Ids of tests that are chosen one by one.")


@dataclass(frozen=True, slots=True)
class SuitePage:
    """Several candidates against a baseline over a suite of tests."""

    frame: Frame = doc("What surrounds the page.")
    chooser: SuiteChooser = doc("Chooses what is compared.")
    problem: str | None = doc("Why nothing is compared: what was expected and what was got.")
    baseline: str = doc("What candidates are compared with, in words.")
    models: tuple[SuiteModel, ...] = doc("The candidates; empty if nothing is compared.")
    rows: tuple[SuiteRow, ...] = doc("A page of functions of tests: where a candidate is worse first.")
    pages: Pages = doc("Where the table is.")
    only: str = doc("What rows are limited to, in words; empty for all.")
    all_path: str = doc("All rows.")
    files: tuple[str, str] = doc("Where the table is as a file: what stands before the ending and after it.")
    progress: Progress | None = doc("How far the verdicts are; None if they are there.")
    worse: WorseItems | None = doc("Items that got worse in several tests; None while they are loaded, or without any.")
    worse_path: str | None = doc("Where these are loaded from; None if there is nothing to load.")
    code: str = doc("What to run to get a model to compare; shown if there is none.")
