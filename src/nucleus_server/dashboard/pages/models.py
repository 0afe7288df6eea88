"""Models: which passes most, which can be told apart, and one of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import polars as pl

from nucleus_server.dashboard.contexts import (
    Form,
    Frame,
    ModelCell,
    ModelHistoryRow,
    ModelPage,
    ModelReleaseRow,
    ModelRow,
    ModelsPage,
    Pages,
    Separation,
    SeparationPart,
    SeparationRow,
)
from nucleus_server.dashboard.intervals import signed
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.scenario_tests import cell
from nucleus_server.dashboard.pages.shared import (
    UNDEFINED,
    counted,
    function_paths,
    number,
    shortened,
    when,
    with_query,
)
from nucleus_server.dashboard.pages.uploads import upload_rows
from nucleus_server.domain import Evaluation, Model, ScenarioTest, TestFunction
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.exports import ExportTable, table_of_rows
from nucleus_server.services.judging import judge_model
from nucleus_server.services.ranking import Neighbours, RankedModel, ranking, separated

_N_SEPARATED = 8
_N_UPLOADS = 10
_N_HISTORY = 30
_MOST_RELEASES = 1_000
_WAIT_S = 0.05
_RANK = {"fail": 0, "none": 1, "pass": 2}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which results the ranking is over; empty fields choose all."""

    tag: str = ""
    dataset_id: str = ""
    slice_id: str = ""
    function_id: str = ""

    @property
    def query(self) -> dict[str, str | None]:
        """The parameters of the address."""
        return {
            "tag": self.tag or None,
            "dataset": self.dataset_id or None,
            "slice": self.slice_id or None,
            "function": self.function_id or None,
        }


def read_choice(query: str) -> Choice:
    """What a query string chooses."""
    said = {name: values[-1] for name, values in parse_qs(query).items()}
    return Choice(*(said.get(name, "") for name in ("tag", "dataset", "slice", "function")))


def chosen_tests(tests: Iterable[ScenarioTest], choice: Choice) -> list[ScenarioTest]:
    """The tests that are chosen; by which function is another matter."""
    return [
        test
        for test in tests
        if (not choice.tag or choice.tag in test.tags)
        and choice.dataset_id in ("", test.dataset_id)
        and choice.slice_id in ("", test.slice_id)
    ]


def models_page(ws: WorkspaceStore, frame: Frame, address: str, query: str) -> ModelsPage:
    """The ranking over the chosen tests; which models can be told apart is asked for by itself."""
    choice = read_choice(query)
    all_tests = ws.list_scenario_tests()
    tests = chosen_tests(all_tests, choice)
    entries = ws.list_all_test_functions()
    chosen = {test.key for test in tests}
    n_results = sum(e.test_key in chosen and choice.function_id in ("", e.function.id) for e in entries)
    ranked = ranking(ws, tests, choice.function_id)
    has_two = len(ranked) > 1
    return ModelsPage(
        frame=frame,
        filter=_filter_form(ws, all_tests, entries, choice),
        is_filtered=any(choice.query.values()),
        n_tests=len(tests),
        n_results=n_results,
        models=(
            *(_ranked_row(each, n_results) for each in ranked),
            *_others(ws.list_models(), ranked, n_results),
        ),
        files_query=with_query("", **choice.query),
        separation_path=_separation_path(choice) if has_two else None,
        part_path=with_query("/models/separation", **choice.query),
        is_asked=has_two and bool(parse_qs(query).get("separate")),
        separation=None,
        code=f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
model = client.create_model("my model", "my-model-1")""",
    )


def separation_page(ws: WorkspaceStore, frame: Frame, address: str, query: str) -> ModelsPage:
    """The ranking with what can be told apart of its first models, as far as that is computed."""
    return replace(models_page(ws, frame, address, query), separation=_separation_of(ws, read_choice(query)))


def separation_part(ws: WorkspaceStore, query: str) -> SeparationPart:
    """That alone."""
    choice = read_choice(query)
    separation = _separation_of(ws, choice)
    return SeparationPart(
        separation=separation,
        separation_path=None if separation is None else _separation_path(choice),
        part_path=with_query("/models/separation", **choice.query),
        files_query=with_query("", **choice.query),
        is_asked=False,
    )


def separation_table(ws: WorkspaceStore, query: str) -> ExportTable:
    """Each of the first models beside the next one: on how many results which is better beyond chance."""
    columns = {
        "upper_model": pl.String(),
        "upper_model_id": pl.String(),
        "lower_model": pl.String(),
        "lower_model_id": pl.String(),
        "n_upper_better": pl.Int64(),
        "n_lower_better": pl.Int64(),
        "n_neither": pl.Int64(),
        "n_computing": pl.Int64(),
    }
    choice = read_choice(query)
    tests = chosen_tests(ws.list_scenario_tests(), choice)
    first = ranking(ws, tests, choice.function_id)[:_N_SEPARATED]
    pairs = separated(ws, tests, first, choice.function_id, wait_s=_WAIT_S) if len(first) > 1 else []
    rows = (
        {
            "upper_model": pair.upper.model.name,
            "upper_model_id": pair.upper.model.id,
            "lower_model": pair.lower.model.name,
            "lower_model_id": pair.lower.model.id,
            "n_upper_better": pair.n_upper_better,
            "n_lower_better": pair.n_lower_better,
            "n_neither": pair.n_inconclusive,
            "n_computing": pair.n_computing,
        }
        for pair in pairs
    )
    return table_of_rows("model-separation", columns, rows)


def _separation_path(choice: Choice) -> str:
    return with_query("/models", **choice.query, separate="yes") + "#separation"


def _separation_of(ws: WorkspaceStore, choice: Choice) -> Separation | None:
    tests = chosen_tests(ws.list_scenario_tests(), choice)
    first = ranking(ws, tests, choice.function_id)[:_N_SEPARATED]
    if len(first) < 2:
        return None
    return _separation(separated(ws, tests, first, choice.function_id, wait_s=_WAIT_S), len(first))


def model_page(ws: WorkspaceStore, frame: Frame, model_id: str, address: str, *, now: datetime, page: int) -> ModelPage:
    """One model with its newest results, its releases and a page of its history."""
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
        missing=_missing(tests, entries.values(), results),
        n_passed=sum(r.cell.verdict.kind == "pass" and not r.cell.is_partial for r in results),
        n_failed=sum(r.cell.verdict.kind == "fail" for r in results),
        report_path=with_query("/report", model=model.id),
        releases=tuple(
            ModelReleaseRow(
                each.name,
                f"/releases/{each.id}",
                each.status.value,
                UNDEFINED if each.decided_at is None else when(each.decided_at),
                each.decided_by or UNDEFINED,
            )
            for each in ws.list_releases(limit=_MOST_RELEASES)
            if each.model_id == model_id
        ),
        **_history(ws, model, tests, entries, paths, page),
        files=f"/models/{model_id}",
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


def _missing(
    tests: Mapping[int, ScenarioTest], entries: Iterable[TestFunction], results: Sequence[ModelCell]
) -> tuple[tuple[str, str, str], ...]:
    known = {(each.test_path, each.cell.function_name) for each in results}
    found: dict[int, list[str]] = {}
    for entry in entries:
        if entry.test_key in tests and (f"/tests/{tests[entry.test_key].id}", entry.function.name) not in known:
            found.setdefault(entry.test_key, []).append(entry.function.name)
    rows = ((tests[key].name, f"/tests/{tests[key].id}", ", ".join(sorted(names))) for key, names in found.items())
    return tuple(sorted(rows))


def _history(
    ws: WorkspaceStore,
    model: Model,
    tests: Mapping[int, ScenarioTest],
    entries: Mapping[tuple[int, int], TestFunction],
    paths: Mapping[str, str],
    page: int,
) -> dict[str, Any]:
    """All evaluations of the model, each beside the one before it of the same function on the same test."""
    found = [e for e in ws.list_model_evaluations(model.key) if (e.test_key, e.function_key) in entries]
    before: dict[tuple[int, int], Evaluation] = {}
    changes = {}
    for each in found:
        series = each.test_key, each.function_key
        last = before.get(series)
        if last is not None and last.result is not None and each.result is not None:
            changes[each.key] = signed(each.result - last.result)
        before[series] = each
    newest_first = found[::-1]
    n_pages = max(1, -(-len(found) // _N_HISTORY))
    page = min(page, n_pages)
    path = f"/models/{model.id}"
    return {
        "history": tuple(
            ModelHistoryRow(
                when=when(each.created_at),
                test_name=tests[each.test_key].name,
                test_path=f"/tests/{each.test_id}",
                function_name=entries[each.test_key, each.function_key].function.name,
                function_path=paths.get(each.function_id),
                result=number(each.result),
                evaluation_path=f"/evaluations/{each.id}",
                change=changes.get(each.key, UNDEFINED),
                user_name=each.user_name,
            )
            for each in newest_first[(page - 1) * _N_HISTORY : page * _N_HISTORY]
        ),
        "history_pages": Pages(
            number=page,
            n_pages=n_pages,
            n_rows=len(found),
            previous_path=with_query(path, page=page - 1) + "#history" if page > 1 else None,
            next_path=with_query(path, page=page + 1) + "#history" if page < n_pages else None,
        ),
    }


def _filter_form(
    ws: WorkspaceStore, tests: Sequence[ScenarioTest], entries: Iterable[TestFunction], choice: Choice
) -> Form:
    maker = FormMaker("filter", "/models", method="get")
    tags = sorted({each for test in tests for each in test.tags} | ({choice.tag} if choice.tag else set()))
    functions = {entry.function.id: entry.function.name for entry in entries}
    slices = {each.id: each.name for each in ws.list_slices()}
    datasets = {each.id: each.name for each in ws.list_datasets()}
    for name, label, help_, chosen, known in (
        ("tag", "Tests with the tag", "Tags are set on the tests’ pages.", choice.tag, {tag: tag for tag in tags}),
        ("function", "By the function", "Only results by it.", choice.function_id, functions),
        (
            "slice",
            "On the slice",
            "Only tests on it.",
            choice.slice_id,
            {test.slice_id: slices.get(test.slice_id, "a deleted slice") for test in tests},
        ),
        (
            "dataset",
            "Of the dataset",
            "Only tests on slices of it.",
            choice.dataset_id,
            {test.dataset_id: datasets.get(test.dataset_id, "a deleted dataset") for test in tests},
        ),
    ):
        names = {**known, **({chosen: chosen} if chosen and chosen not in known else {})}
        choices = sorted(names.items(), key=lambda each: (each[1].casefold(), each[0]))
        maker.add(name, label, "choice", chosen, help_, choices=[("", "any"), *choices])
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


def _separation(pairs: Sequence[Neighbours], n_models: int) -> Separation:
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
        n_models=n_models,
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
