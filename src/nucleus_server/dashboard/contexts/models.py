"""Models."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.scenario_tests import Cell
from nucleus_server.dashboard.contexts.shared import Frame, Pages, doc
from nucleus_server.dashboard.contexts.uploads import UploadRow


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model in the ranking."""

    rank: str = doc("Its place; – if it was not evaluated on the chosen tests.")
    path: str = doc("Its page.")
    name: str = doc("Its name.")
    tags: tuple[str, ...] = doc("Its tags.")
    passed: str = doc("Results that pass, of all functions on the chosen tests.")
    n_failed: int = doc("Results that fail.")
    n_partial: int = doc("Results that would pass, but leave members out.")
    n_without_criterion: int = doc("Results without a criterion.")
    n_missing: int = doc("Functions on tests by which it was not evaluated.")
    won: str = doc("Results better than the baseline's, of those with one; – without any.")


@dataclass(frozen=True, slots=True)
class SeparationRow:
    """Neighbours in the ranking."""

    names: str = doc("Both models.")
    text: str = doc("Which is better beyond chance, and where.")
    is_separated: bool = doc("Whether the upper one is better somewhere and worse nowhere.")


@dataclass(frozen=True, slots=True)
class Separation:
    """What can be told apart of the first models of the ranking."""

    sentences: tuple[str, ...] = doc("The groups that cannot be separated, as sentences; empty if all can.")
    rows: tuple[SeparationRow, ...] = doc("Each model and the next one.")
    n_computing: int = doc("How many verdicts are not there yet.")
    n_models: int = doc("How many models, the first in the ranking, are compared.")


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """The ranking of models over chosen tests."""

    frame: Frame = doc("What surrounds the page.")
    filter: Form = doc("Which tests are chosen.")
    is_filtered: bool = doc("Whether only some are.")
    n_tests: int = doc("How many are chosen.")
    n_results: int = doc("Their functions, each counted on each test.")
    models: tuple[ModelRow, ...] = doc(
        "All models, the first in the ranking first, those that were not evaluated last."
    )
    files_query: str = doc("What limits the ranking's files in the same way, from the question mark on.")
    separation_path: str | None = doc(
        "The page that says which can be told apart; None if there are no two to compare."
    )
    part_path: str = doc("That part alone, for htmx.")
    is_asked: bool = doc("Whether the part is to be loaded at once.")
    separation: Separation | None = doc("What can be told apart; None if it was not asked for, or is loaded later.")
    code: str = doc("What to run to make the first model.")


@dataclass(frozen=True, slots=True)
class ModelCell:
    """A newest result of the model, and the test that it is of."""

    test_name: str = doc("The test.")
    test_path: str = doc("The test's page.")
    cell: Cell = doc("The result.")


@dataclass(frozen=True, slots=True)
class SeparationPart:
    """What can be told apart, alone."""

    separation: Separation | None = doc("What can be told apart; None if there are no two to compare.")
    separation_path: str | None = doc("The whole page with it.")
    part_path: str = doc("This part.")
    files_query: str = doc("What limits its files in the same way, from the question mark on.")
    is_asked: bool = doc("Whether it is to be loaded at once.")


@dataclass(frozen=True, slots=True)
class ModelHistoryRow:
    """One evaluation of the model."""

    when: str = doc("When it was uploaded, UTC.")
    test_name: str = doc("The test.")
    test_path: str = doc("The test's page.")
    function_name: str = doc("The evaluation function.")
    function_path: str | None = doc("The function's page; None if it was deleted.")
    result: str = doc("The weighted mean, or – if undefined.")
    evaluation_path: str = doc("The evaluation's page.")
    change: str = doc("How it differs from the model's result before it there; – for the first.")
    user_name: str = doc("Who uploaded it.")


@dataclass(frozen=True, slots=True)
class ModelReleaseRow:
    """A release of the model."""

    name: str = doc("The release.")
    path: str = doc("Its page.")
    status: str = doc("open, approved or rejected.")
    decided: str = doc("When it was decided, UTC; – if it is open.")
    decided_by: str = doc("Who decided; – if it is open.")


@dataclass(frozen=True, slots=True)
class ModelPage:
    """One model."""

    frame: Frame = doc("What surrounds the page.")
    model_id: str = doc("The model's id.")
    name: str = doc("Its name.")
    reference_id: str = doc("The user's id of it.")
    created: str = doc("When it was made, UTC.")
    tags: tuple[str, ...] = doc("Its tags.")
    metadata: tuple[tuple[str, str], ...] = doc("Its metadata: keys and values.")
    slices: tuple[tuple[str, str | None], ...] = doc("The slices it was trained on, as it says: names and pages.")
    results: tuple[ModelCell, ...] = doc("Its newest results, failing first.")
    n_passed: int = doc("How many of them pass, on all members.")
    n_failed: int = doc("How many fail.")
    missing: tuple[tuple[str, str, str], ...] = doc("Tests without a result of it: names, pages and functions.")
    report_path: str = doc("The release report on it.")
    releases: tuple[ModelReleaseRow, ...] = doc("Its releases, newest first.")
    history: tuple[ModelHistoryRow, ...] = doc("A page of all its evaluations, newest first.")
    history_pages: Pages = doc("Where that list is.")
    files: str = doc("Its files, without what each is of and the ending.")
    uploads: tuple[UploadRow, ...] = doc("Its newest uploads.")
    uploads_path: str | None = doc("All its uploads; None if these are all.")
    code: str = doc("What to run to upload scores of it.")
