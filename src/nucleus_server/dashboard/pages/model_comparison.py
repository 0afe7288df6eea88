"""Several models on one function of one test: the baseline first, each candidate against it, item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

from nucleus_server.dashboard.contexts import (
    Choice,
    CompareChooser,
    ComparedItemsPart,
    ComparedList,
    ComparedModel,
    CompareModelsPage,
    Frame,
    IntervalPlot,
    ModelChoice,
    Progress,
)
from nucleus_server.dashboard.intervals import Estimate, axis_of, interval_plot, interval_text
from nucleus_server.dashboard.pages.comparison_lists import (
    HEAVIEST_FIRST,
    ComparisonAddress,
    change_links,
    compared_list,
    read_comparison_address,
    save_listed,
)
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, function_paths, number, percent
from nucleus_server.dashboard.pages.verdict_words import (
    adjusted_text,
    comparison_verdict,
    delta_text,
    sentence,
    unit_text,
)
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import Evaluation, ReportEntry
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.model_comparison import (
    EvaluatedModels,
    ModelComparison,
    compare_models,
    evaluated_models,
)
from nucleus_server.services.side_by_side import SideBySide

_PATIENCE_S = 0.5
_KEPT = ("function", "baseline", "models")
_MOST_LISTED = 40


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an address asks for: names of models as ids; None for what it does not name."""

    function_id: str | None
    baseline_id: str | None
    model_ids: tuple[str, ...]


def compare_models_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    test_id: str,
    query: str,
    address_of_server: str,
    *,
    saved_id: str = "",
    sent: SentForm | None = None,
) -> CompareModelsPage:
    """The comparison that the address asks for; without models only the form that chooses them."""
    asked = asked_models(query)
    known = evaluated_models(ws, test_id, asked.function_id)
    baseline_id = asked.baseline_id or known.baseline_id
    problem, comparison, listing = None, None, None
    models: tuple[ComparedModel, ...] = ()
    path = f"/tests/{known.test.id}/compare"
    if baseline_id is not None and asked.model_ids:
        try:
            comparison = compare_models(ws, known, baseline_id, asked.model_ids, wait_s=_PATIENCE_S)
        except (InvalidInput, NotFound) as error:
            problem = error.message
    elif asked.model_ids:
        problem = "This test has no baseline that was evaluated: choose one of the models as the baseline."
    elif asked.baseline_id is not None:
        problem = "Expected at least one model beside the baseline, got none: choose one."
    if comparison is not None:
        address = _address(path, query, known, baseline_id or "", comparison)
        models = _models(comparison, address)
        listing = _listing(services, ws, comparison.view, address, saved_id, sent)
    function = known.entry.function
    return CompareModelsPage(
        frame=frame,
        test_name=known.test.name,
        test_path=f"/tests/{known.test.id}",
        function_name=function.name,
        function_path=function_paths(ws).get(function.id),
        compare_chooser=compare_chooser(known, baseline_id, asked.model_ids),
        problem=problem,
        absent=() if comparison is None else tuple(model.name for model in comparison.absent),
        code=_code(known, address_of_server),
        n_common="" if comparison is None else _common_text(comparison.view),
        models=models,
        warnings=() if comparison is None else _warnings(comparison),
        progress=None if comparison is None else _progress(comparison, path, query),
        listing=listing,
    )


def model_items_part(
    services: AppServices, ws: WorkspaceStore, frame: Frame, test_id: str, query: str
) -> ComparedItemsPart:
    """The list alone."""
    view, address = _view(ws, test_id, query)
    return ComparedItemsPart(frame, _listing(services, ws, view, address, "", None))


def model_items_path(ws: WorkspaceStore, test_id: str, query: str) -> str:
    """The address of the list as links have it, in place of what a form wrote."""
    return _view(ws, test_id, query)[1].text("")


def save_model_items(ws: WorkspaceStore, test_id: str, sent: SentForm) -> str | None:
    """Keep the list that a form was sent from as a slice; returns where to go, or None if the form has problems.

    Raises:
        PermissionDenied: The actor is a viewer.
    """
    view, address = _view(ws, test_id, sent.values.get("query", ""))
    return save_listed(ws, view, ws.metadata_keys(view.population), address, sent)


def find_comparing_models(ws: WorkspaceStore, test_id: str, query: str) -> Progress | None:
    """How far the verdicts are; None if there is nothing to wait for."""
    return _progress(models_of(ws, test_id, query, wait_s=0), f"/tests/{test_id}/compare", query)


def models_of(ws: WorkspaceStore, test_id: str, query: str, *, wait_s: float) -> ModelComparison:
    """What an address asks for.

    Raises:
        NotFound: The test, its function or a model does not exist.
        InvalidInput: There is nothing to compare.
    """
    asked = asked_models(query)
    known = evaluated_models(ws, test_id, asked.function_id)
    baseline_id = asked.baseline_id or known.baseline_id
    if baseline_id is None:
        raise InvalidInput("expected a baseline in the address, as baseline=<model id>, got none", code="no_model")
    return compare_models(ws, known, baseline_id, asked.model_ids, wait_s=wait_s)


def asked_models(query: str) -> _Asked:
    """What the address names: `models` with commas between them, or several times, as check boxes send them."""
    found = parse_qs(query)
    models = [part.strip() for text in found.get("models", []) for part in text.split(",")]
    function_id, baseline_id = (found.get(name, [""])[-1].strip() or None for name in ("function", "baseline"))
    return _Asked(function_id, baseline_id, tuple(dict.fromkeys(model for model in models if model)))


def compare_chooser(known: EvaluatedModels, baseline_id: str | None, model_ids: Sequence[str]) -> CompareChooser:
    """The form that chooses models of a test; the newest ones if they are many, and all that are chosen."""
    unit = unit_text(known.entry.function.unit)
    chosen = set(model_ids)
    listed = [
        evaluation
        for place, evaluation in enumerate(known.newest.values())
        if place < _MOST_LISTED or evaluation.model_id in chosen or evaluation.model_id == baseline_id
    ]
    return CompareChooser(
        path=f"/tests/{known.test.id}/compare",
        functions=tuple(
            Choice(e.function.id, e.function.name, e.function.key == known.entry.function.key) for e in known.functions
        ),
        baselines=tuple(Choice(e.model_id, e.model_name, e.model_id == baseline_id) for e in listed),
        models=tuple(
            ModelChoice(e.model_id, e.model_name, e.model_id in chosen, f"{number(e.result)}{unit}") for e in listed
        ),
        n_more=len(known.newest) - len(listed),
    )


def test_chooser(ws: WorkspaceStore, test_id: str, history: Sequence[Evaluation]) -> CompareChooser | None:
    """The form on the test's own page; None if there are not two models to compare.

    `history` are the test's evaluations, oldest first.
    """
    known = evaluated_models(ws, test_id, None, history)
    return compare_chooser(known, known.baseline_id, ()) if len(known.newest) > 1 else None


def _view(ws: WorkspaceStore, test_id: str, query: str) -> tuple[SideBySide, ComparisonAddress]:
    comparison = models_of(ws, test_id, query, wait_s=0)
    known = evaluated_models(ws, test_id, asked_models(query).function_id)
    baseline_id = comparison.view.evaluations[0].model_id
    return comparison.view, _address(f"/tests/{test_id}/compare", query, known, baseline_id, comparison)


def _address(
    path: str, query: str, known: EvaluatedModels, baseline_id: str, comparison: ModelComparison
) -> ComparisonAddress:
    """The address with the baseline and the function in it, whatever becomes the test's baseline later."""
    models = [*(e.model_id for e in comparison.view.evaluations[1:]), *(model.id for model in comparison.absent)]
    fixed = (("function", known.entry.function.id), ("baseline", baseline_id), ("models", ",".join(models)))
    address = read_comparison_address(path, query, ())
    return replace(address, fixed=fixed).within(len(comparison.view.evaluations))


def _listing(
    services: AppServices,
    ws: WorkspaceStore,
    view: SideBySide,
    address: ComparisonAddress,
    saved_id: str,
    sent: SentForm | None,
) -> ComparedList:
    whole = ComparisonAddress(f"{address.path}/items", address.fixed).text("")
    before, _, after = whole.partition("?")
    keys = ws.metadata_keys(view.population)
    return compared_list(services, ws, view, keys, address, (before, f"?{after}"), saved_id=saved_id, sent=sent)


def _models(comparison: ModelComparison, address: ComparisonAddress) -> tuple[ComparedModel, ...]:
    view = comparison.view
    first = next((e.comparison for e in comparison.entries if e.comparison is not None), None)
    rows = [
        _model(view, 0, number(None if first is None else first.baseline_result)),
        *(
            _candidate(view, place, entry, plot, address)
            for place, (entry, plot) in enumerate(zip(comparison.entries, _plots(comparison.entries), strict=True), 1)
        ),
    ]
    return tuple(rows)


def _model(view: SideBySide, place: int, result: str) -> ComparedModel:
    evaluation = view.evaluations[place]
    n_left_out = view.n_left_out(place)
    return ComparedModel(
        name=evaluation.model_name,
        path=f"/models/{evaluation.model_id}",
        evaluation_path=f"/evaluations/{evaluation.id}",
        own_result=f"{number(evaluation.result)}{unit_text(view.entry.function.unit)}",
        result=result,
        coverage=_coverage(evaluation),
        is_partial=evaluation.is_partial,
        left_out=f"{n_left_out:,} left out" if n_left_out else "nothing left out",
        compare_path=None,
        delta="",
        interval="",
        p_value="",
        verdict=None,
        plot=None,
        changes=(),
        choose_path=None,
        is_chosen=False,
    )


def _candidate(
    view: SideBySide, place: int, entry: ReportEntry, plot: IntervalPlot | None, address: ComparisonAddress
) -> ComparedModel:
    pair = entry.comparison
    here = replace(address.without_filter(), candidate=place, order=HEAVIEST_FIRST)
    return replace(
        _model(view, place, number(None if pair is None else pair.candidate_result)),
        compare_path=f"/compare/{view.evaluations[0].id}/{view.evaluations[place].id}",
        delta=UNDEFINED if pair is None else delta_text(pair.delta, entry.unit),
        interval="" if pair is None or pair.delta is None else interval_text(pair.low, pair.high),
        p_value=UNDEFINED if pair is None else adjusted_text(entry.adjusted_p or 0.0, entry.adjustment),
        verdict=None if pair is None else comparison_verdict(entry.verdict or pair.verdict),
        plot=plot,
        changes=change_links(view, address, place),
        choose_path=here.text(),
        is_chosen=address.candidate == place,
    )


def _warnings(comparison: ModelComparison) -> tuple[str, ...]:
    """Each once; what members are left out of which comparison is said in the table."""
    found = [warning for entry in comparison.entries for warning in entry.warnings if "left out" not in warning]
    return tuple(map(sentence, dict.fromkeys(found)))


def _plots(entries: Sequence[ReportEntry]) -> list[IntervalPlot | None]:
    """The differences on one axis."""
    estimates: Mapping[int, Estimate] = {
        place: Estimate(
            "",
            entry.comparison.delta,
            entry.comparison.low,
            entry.comparison.high,
            comparison_verdict(entry.verdict or entry.comparison.verdict).kind,
        )
        for place, entry in enumerate(entries)
        if entry.comparison is not None and entry.comparison.delta is not None
    }
    if not estimates:
        return [None] * len(entries)
    margin = entries[0].margin
    axis = axis_of(estimates.values(), margin)
    return [
        interval_plot(
            [estimates[place]],
            axis=axis,
            margin=margin,
            higher_is_better=entry.higher_is_better,
            with_ticks=False,
        )
        if place in estimates
        else None
        for place, entry in enumerate(entries)
    ]


def _coverage(evaluation: Evaluation) -> str:
    if evaluation.coverage is None:
        return UNDEFINED
    n_live = evaluation.n_members - evaluation.n_deleted
    return f"{evaluation.n_scored:,} of {n_live:,} ({percent(evaluation.coverage)})"


def _common_text(view: SideBySide) -> str:
    n = view.n_common
    if not n:
        return "There is no item that all of them scored: choose fewer models."
    return f"Everything here is on the {counted(n, 'item')} that all {len(view.evaluations)} models scored."


def _progress(comparison: ModelComparison, path: str, query: str) -> Progress | None:
    found = comparison.found
    if found.n_computed >= found.n_comparisons:
        return None
    text = f"{found.n_computed:,} of {counted(found.n_comparisons, 'verdict')} computed."
    share = 100 * found.n_computed / found.n_comparisons
    return Progress(text, share, f"{path}/progress?{query}", f"{path}?{query}")


def _code(known: EvaluatedModels, address_of_server: str) -> str:
    return f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address_of_server}/v1/nucleus")
dataset = client.get_dataset({known.test.dataset_id!r})
model = client.create_model("my model", "my-model-1")
table = {{"item_ref_id": ["1", "2"], "score": [0.91, 0.78]}}  # or a pandas, polars or pyarrow table
print(dataset.upload_scores({{{known.entry.function.name!r}: "score"}}, model, table))"""
