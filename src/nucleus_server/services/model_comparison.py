"""Several models against a baseline on one function of one test, all on the members that every one of them scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nucleus_server.domain import Evaluation, EvaluationStatus, Mode, Model, ReportEntry, ScenarioTest, TestFunction
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services.comparing import Comparisons, Matter, Rules, compare_matters
from nucleus_server.services.side_by_side import SideBySide, beside, narrowing
from nucleus_server.storage import WorkspaceStore

MAX_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class EvaluatedModels:
    """What can be compared on a test by one function.

    Attributes:
        functions: All functions of the test.
        entry: The one that was chosen; the first if none was.
        newest: Model id → its newest completed evaluation with a result, newest first.
        baseline_id: The test's baseline model, if it was evaluated; else None.
    """

    test: ScenarioTest
    functions: tuple[TestFunction, ...]
    entry: TestFunction
    newest: dict[str, Evaluation]
    baseline_id: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ModelComparison:
    """Candidates beside a baseline.

    Attributes:
        entries: One for each candidate, decided together: p values are adjusted for each other.
        absent: Models that were asked for and have no evaluation here.
    """

    view: SideBySide
    entries: tuple[ReportEntry, ...]
    found: Comparisons
    absent: tuple[Model, ...]


def evaluated_models(
    ws: WorkspaceStore, test_id: str, function_id: str | None, history: Sequence[Evaluation] | None = None
) -> EvaluatedModels:
    """The models that can be compared on a test; `history` are its evaluations, oldest first, if they were read already.

    Raises:
        NotFound: The test does not exist, or the function is none of it.
    """
    test = ws.get_scenario_test(test_id)
    functions = ws.list_test_functions(test_id)
    entry = next((e for e in functions if function_id in (None, e.function.id)), None)
    if entry is None:
        raise NotFound(
            f"{(function_id or '')[:40]} is not a function of scenario test {test.name!r}", code="function_not_in_test"
        )
    newest: dict[str, Evaluation] = {}
    for evaluation in reversed(ws.list_evaluations(test_id) if history is None else history):
        if (
            evaluation.function_key == entry.function.key
            and evaluation.status is EvaluationStatus.COMPLETED
            and evaluation.result is not None
        ):
            newest.setdefault(evaluation.model_id, evaluation)
    baseline_id = test.baseline_model_id if test.baseline_model_id in newest else None
    return EvaluatedModels(test, tuple(functions), entry, newest, baseline_id)


def compare_models(
    ws: WorkspaceStore, known: EvaluatedModels, baseline_id: str, model_ids: Sequence[str], *, wait_s: float
) -> ModelComparison:
    """The newest evaluations of the models, each against the baseline's, on what all of them scored.

    Raises:
        NotFound: A model does not exist.
        InvalidInput: The baseline was not evaluated, no candidate was, or there are more than `MAX_CANDIDATES`.
    """
    wanted = [model_id for model_id in dict.fromkeys(model_ids) if model_id != baseline_id]
    if len(wanted) > MAX_CANDIDATES:
        raise InvalidInput(
            f"expected at most {MAX_CANDIDATES} models beside the baseline, got {len(wanted)}: leave some out",
            code="too_many_models",
        )
    absent = tuple(ws.get_model(model_id) for model_id in wanted if model_id not in known.newest)
    if baseline_id not in known.newest:
        raise InvalidInput(
            f"expected a baseline that was evaluated on {known.test.name!r} by {known.entry.function.name!r}, got "
            f"{ws.get_model(baseline_id).name!r}: upload its scores, or choose another one",
            code="no_evaluation",
        )
    candidates = [known.newest[model_id] for model_id in wanted if model_id in known.newest]
    if not candidates:
        raise InvalidInput(
            "expected at least one model beside the baseline that was evaluated here, got none: choose one",
            code="no_evaluation",
        )
    baseline = known.newest[baseline_id]
    matters = narrowing([Matter(known.test, known.entry, candidate, baseline) for candidate in candidates])
    # Only verdicts on the baseline are shown, so no threshold need be looked at.
    found = compare_matters(ws, matters, Rules(mode=Mode.POINT), wait_s=wait_s)
    return ModelComparison(beside(ws, matters), found.entries, found, absent)
