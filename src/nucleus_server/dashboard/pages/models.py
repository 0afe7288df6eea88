"""Models: which passes most, which can be told apart, and one of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from nucleus_server.dashboard.contexts import (
    Form,
    Frame,
    ModelCell,
    ModelPage,
    ModelRow,
    ModelsPage,
    Separation,
    SeparationRow,
)
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.scenario_tests import cell
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, function_paths, shortened, when, with_query
from nucleus_server.dashboard.pages.uploads import upload_rows
from nucleus_server.domain import Model, ScenarioTest
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.judging import judge_model
from nucleus_server.services.ranking import Neighbours, RankedModel, ranking, separated

_N_SEPARATED = 8
_N_UPLOADS = 10
_WAIT_S = 0.1
_RANK = {"fail": 0, "none": 1, "pass": 2}


def models_page(
    ws: WorkspaceStore, frame: Frame, address: str, *, tag: str, dataset_id: str, is_separated: bool
) -> ModelsPage:
    """The ranking over the tests with the tag and of the dataset; empty ones choose all."""
    all_tests = ws.list_scenario_tests()
    tests = [t for t in all_tests if (not tag or tag in t.tags) and dataset_id in ("", t.dataset_id)]
    chosen = {test.key for test in tests}
    n_results = sum(entry.test_key in chosen for entry in ws.list_all_test_functions())
    ranked = ranking(ws, tests)
    models = ws.list_models()
    first = ranked[:_N_SEPARATED]
    is_asked = is_separated and len(ranked) > 1
    query = {"tag": tag or None, "dataset": dataset_id or None}
    return ModelsPage(
        frame=frame,
        filter=_filter_form(ws, all_tests, tag, dataset_id),
        is_filtered=bool(tag or dataset_id),
        n_tests=len(tests),
        n_results=n_results,
        models=(*(_ranked_row(each, n_results) for each in ranked), *_others(models, ranked, n_results)),
        separation_path=with_query("/models", **query, separate="yes") + "#separation" if len(ranked) > 1 else None,
        separation=_separation(separated(ws, tests, first, wait_s=_WAIT_S)) if is_asked else None,
        code=f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
model = client.create_model("my model", "my-model-1")""",
    )


def model_page(ws: WorkspaceStore, frame: Frame, model_id: str, address: str, *, now: datetime) -> ModelPage:
    """One model with its newest results."""
    model = ws.get_model(model_id)
    tests = {test.key: test for test in ws.list_scenario_tests()}
    entries = {(entry.test_key, entry.function.key): entry for entry in ws.list_all_test_functions()}
    paths, waivers = function_paths(ws), ws.list_waivers(is_active=True)
    results = []
    for judged in judge_model(ws, model):
        evaluation = judged.evaluation
        entry = entries.get((evaluation.test_key, evaluation.function_key))
        if entry is not None and evaluation.test_key in tests:
            test = tests[evaluation.test_key]
            shown = cell(judged, entry, "", paths, waivers=waivers)
            results.append(ModelCell(test.name, f"/tests/{test.id}", shown))
    results.sort(key=lambda each: (_RANK[each.cell.verdict.kind], each.test_name, each.cell.function_name))
    uploads = ws.list_uploads(model_id=model_id, limit=_N_UPLOADS + 1)
    slices = {each.id: each.name for each in ws.list_slices()}
    return ModelPage(
        frame=frame,
        model_id=model.id,
        name=model.name,
        reference_id=model.reference_id,
        created=when(model.created_at),
        tags=model.tags,
        metadata=tuple((str(key), _value(value)) for key, value in model.metadata.items()),
        slices=tuple(
            (slices.get(each, each), f"/slices/{each}" if each in slices else None) for each in model.trained_slice_ids
        ),
        results=tuple(results),
        n_passed=sum(r.cell.verdict.kind == "pass" and not r.cell.is_partial for r in results),
        n_failed=sum(r.cell.verdict.kind == "fail" for r in results),
        report_path=with_query("/report", model=model.id),
        uploads=upload_rows(ws, uploads[:_N_UPLOADS], ws.list_eval_functions(), now),
        uploads_path=with_query("/uploads", model=model.id) if len(uploads) > _N_UPLOADS else None,
        code=f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
dataset = client.get_dataset("YOUR_DATASET_ID")
table = {{"item_ref_id": ["1", "2"], "score": [0.91, 0.78]}}  # or a pandas, polars or pyarrow table
print(dataset.upload_scores({{"YOUR_FUNCTION": "score"}}, {json.dumps(model.id)}, table))""",
    )


def _value(value: object) -> str:
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _filter_form(ws: WorkspaceStore, tests: Sequence[ScenarioTest], tag: str, dataset_id: str) -> Form:
    maker = FormMaker("filter", "/models", method="get")
    tags = sorted({each for test in tests for each in test.tags} | ({tag} if tag else set()))
    maker.add(
        "tag",
        "Tests with the tag",
        "choice",
        tag,
        "Tags are set on the tests' pages.",
        choices=[("", "any"), *((each, each) for each in tags)],
    )
    used = {test.dataset_id for test in tests}
    datasets = [(each.id, each.name) for each in ws.list_datasets() if each.id in used]
    maker.add(
        "dataset",
        "Of the dataset",
        "choice",
        dataset_id,
        "Only tests on slices of it.",
        choices=[("", "any"), *sorted(datasets, key=lambda each: each[1])],
    )
    return maker.made(button("Rank"))


def _ranked_row(each: RankedModel, n_results: int) -> ModelRow:
    return ModelRow(
        rank=str(each.rank),
        path=f"/models/{each.model.id}",
        name=each.model.name,
        tags=each.model.tags,
        passed=f"{each.n_passed:,} of {n_results:,}",
        n_failed=each.n_failed,
        n_partial=each.n_partial,
        n_without_criterion=each.n_without_criterion,
        n_missing=each.n_missing,
        won=f"{each.n_won:,} of {each.n_against_baseline:,}" if each.n_against_baseline else UNDEFINED,
    )


def _others(models: Sequence[Model], ranked: Sequence[RankedModel], n_results: int) -> tuple[ModelRow, ...]:
    known = {each.model.key for each in ranked}
    return tuple(
        ModelRow(UNDEFINED, f"/models/{model.id}", model.name, model.tags, UNDEFINED, 0, 0, 0, n_results, UNDEFINED)
        for model in reversed(models)
        if model.key not in known
    )


def _separation(pairs: Sequence[Neighbours]) -> Separation:
    rows, groups, start = [], [], 1
    for place, pair in enumerate(pairs, 1):
        is_separated = pair.n_upper_better > 0 and pair.n_lower_better == 0
        rows.append(SeparationRow(f"{pair.upper.model.name} and {pair.lower.model.name}", _told(pair), is_separated))
        if is_separated:
            groups.append((start, place))
            start = place + 1
    groups.append((start, len(pairs) + 1))
    names = [pair.upper.model.name for pair in pairs] + [pair.lower.model.name for pair in pairs[-1:]]
    return Separation(
        sentences=tuple(
            f"Cannot separate places {low}–{high}: {', '.join(names[low - 1 : high])}."
            for low, high in groups
            if low < high
        ),
        rows=tuple(rows),
        n_computing=sum(pair.n_computing for pair in pairs),
    )


def _told(pair: Neighbours) -> str:
    n = pair.n_upper_better + pair.n_lower_better + pair.n_inconclusive + pair.n_computing
    if not n:
        return "were not evaluated by the same function on the same test"
    parts = [
        f"{name} better in {count:,}"
        for name, count in ((pair.upper.model.name, pair.n_upper_better), (pair.lower.model.name, pair.n_lower_better))
        if count
    ]
    told = " and ".join(parts) or "neither is better"
    rest = f", {pair.n_computing:,} still computed" if pair.n_computing else ""
    return f"{told}, beyond chance, of {counted(n, 'comparison')}{rest}"
