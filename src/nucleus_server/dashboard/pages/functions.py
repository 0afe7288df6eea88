"""Evaluation functions: the list, and one of them with its properties and their history."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nucleus_server.dashboard.contexts import (
    ChangeRow,
    Choice,
    FormField,
    Frame,
    FunctionForm,
    FunctionPage,
    FunctionsPage,
    FunctionSummary,
    FunctionTestRow,
    Verdict,
)
from nucleus_server.dashboard.forms import values_of
from nucleus_server.dashboard.pages.forms import may_change
from nucleus_server.dashboard.pages.shared import (
    NBSP,
    PROPERTIES,
    UNDEFINED,
    direction,
    entry_criterion,
    number,
    property_text,
    score_range,
    shortened,
    verdict,
    when,
    with_query,
)
from nucleus_server.dashboard.pages.uploads import upload_rows
from nucleus_server.domain import Actor, Direction, EvalFunction, EvaluationSummary, Judgement, ScenarioTest
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.judging import judge_function

_N_UPLOADS = 10
_FIELDS = {
    "direction": ("choice", "Direction", "Whether a larger result is better; it decides how results meet a baseline."),
    "score_min": ("number", "Lowest score", "Uploads with a lower one are refused from now on."),
    "score_max": ("number", "Highest score", "Uploads with a higher one are refused from now on."),
    "unit": ("line", "Unit", "What a score is measured in, such as m or ms."),
    "default_cluster_key": (
        "line",
        "Default cluster key",
        "The metadata key whose values group items that are alike, such as the scene that they are from.",
    ),
    "description": ("text", "Description", "What a score says, and how it is computed."),
}


def functions_page(ws: WorkspaceStore, frame: Frame, address: str) -> FunctionsPage:
    """The list of functions, those of users first."""
    visible = {test.key for test in ws.list_scenario_tests()}
    n_tests = Counter(e.function.id for e in ws.list_all_test_functions() if e.test_key in visible)
    owners = _owners(ws)
    functions = sorted(ws.list_eval_functions(), key=lambda function: function.name)
    return FunctionsPage(
        frame=frame,
        external=tuple(_summary(f, n_tests[f.id], owners) for f in functions if not f.is_public),
        public=tuple(_summary(f, n_tests[f.id], owners) for f in functions if f.is_public),
        code=_create_code(address),
    )


def function_page(
    ws: WorkspaceStore,
    frame: Frame,
    function_id: str,
    address: str,
    *,
    now: datetime,
    notice: str | None = None,
    typed: Mapping[str, str] | None = None,
    was: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> FunctionPage:
    """One function; its form shows what was typed and what was wrong with it, if it comes back."""
    function = ws.get_eval_function(function_id)
    tests = {test.id: test for test in ws.list_scenario_tests()}
    entries = [e for e in ws.list_all_test_functions() if e.function.id == function_id and e.test_id in tests]
    datasets = {dataset.id: dataset for dataset in ws.list_datasets()}
    uploads = ws.list_uploads(function_id=function_id, limit=_N_UPLOADS + 1)
    owners = _owners(ws)
    newest = judge_function(ws, function.key)
    form = None
    if _may_set(ws.actor, function):
        shown = values_of(function)
        used = {tests[entry.test_id].dataset_id for entry in entries}
        keys = sorted({key for i in used if i in datasets for key in ws.metadata_keys(datasets[i].key)})
        form = _form(function, typed or shown, was or shown, problems or {}, tuple(keys))
    return FunctionPage(
        frame=frame,
        function_id=function.id,
        summary=_summary(function, len(entries), owners),
        level=function.level.value,
        default_cluster_key=property_text("default_cluster_key", function.default_cluster_key),
        description=function.description,
        created=when(function.created_at),
        tests=tuple(
            FunctionTestRow(
                path=f"/tests/{entry.test_id}",
                name=tests[entry.test_id].name,
                dataset_name=_dataset_name(tests[entry.test_id], {d.id: d.name for d in datasets.values()}),
                criterion=entry_criterion(entry, has_baseline=tests[entry.test_id].baseline_model_id is not None),
                **_newest_result(newest.get(entry.test_key)),
            )
            for entry in sorted(entries, key=lambda entry: tests[entry.test_id].name)
        ),
        changes=tuple(
            ChangeRow(
                when=when(change.created_at),
                user_name=change.user_name,
                property=PROPERTIES.get(change.property, change.property),
                before=shortened(property_text(change.property, change.before)),
                after=shortened(property_text(change.property, change.after)),
            )
            for change in reversed(ws.list_function_changes(function_id))
        ),
        uploads=upload_rows(ws, uploads[:_N_UPLOADS], ws.list_eval_functions(), now),
        uploads_path=with_query("/uploads", function=function_id) if len(uploads) > _N_UPLOADS else None,
        form=form,
        no_form=_no_form(ws.actor, function, owners),
        notice=notice,
        code=_upload_code(address, function.name),
    )


def _summary(function: EvalFunction, n_tests: int, owners: Mapping[str, str]) -> FunctionSummary:
    return FunctionSummary(
        path=f"/functions/{function.id}",
        name=function.name,
        description=shortened(function.description or ""),
        kind="public" if function.is_public else "external",
        direction=direction(function),
        score_range=score_range(function),
        unit=property_text("unit", function.unit),
        n_tests=n_tests,
        owner=UNDEFINED if function.is_public else owners.get(function.owner_id, UNDEFINED),
    )


def _owners(ws: WorkspaceStore) -> dict[str, str]:
    return {user.id: user.name for user in ws.list_users()}


def _newest_result(found: tuple[EvaluationSummary, Judgement | None] | None) -> dict[str, Any]:
    if found is None:
        none = Verdict("not evaluated", UNDEFINED, "none", "no model was evaluated by it on this test")
        return {"result": UNDEFINED, "result_path": None, "model_name": "", "verdict": none}
    evaluation, judgement = found
    criterion = "" if judgement is None else f"{judgement.comparison.symbol}{NBSP}{number(judgement.threshold)}"
    return {
        "result": number(evaluation.result),
        "result_path": f"/evaluations/{evaluation.id}",
        "model_name": evaluation.model_name,
        "verdict": verdict(None if judgement is None else judgement.passed, criterion),
    }


def _dataset_name(test: ScenarioTest, names: Mapping[str, str]) -> str:
    return names.get(test.dataset_id, UNDEFINED)


def _may_set(actor: Actor, function: EvalFunction) -> bool:
    return not function.is_public and may_change(actor, function.owner_id)


def _no_form(actor: Actor, function: EvalFunction, owners: Mapping[str, str]) -> str:
    if function.is_public:
        return "This is a public function, which comes with the server: its properties are fixed."
    owner = owners.get(function.owner_id, "its owner")
    if not actor.can_write:
        return f"Viewers change nothing: {owner} or an admin can set these properties."
    return f"Only {owner}, who owns this function, or an admin can set its properties."


def _form(
    function: EvalFunction,
    typed: Mapping[str, str],
    was: Mapping[str, str],
    problems: Mapping[str, str],
    keys: tuple[str, ...],
) -> FunctionForm:
    return FunctionForm(
        path=f"/functions/{function.id}",
        fields=tuple(
            FormField(
                id=name,
                name=name,
                label=label,
                help=text,
                value=typed.get(name, ""),
                was=was.get(name, ""),
                problem=problems.get(name),
                choices=tuple(
                    Choice(member.value, property_text("direction", member.value), member.value == typed.get(name))
                    for member in (Direction if kind == "choice" else ())
                ),
                suggestions=keys if name == "default_cluster_key" else (),
                kind=kind,
            )
            for name, (kind, label, text) in _FIELDS.items()
        ),
        n_problems=len(problems),
    )


def _create_code(address: str) -> str:
    return f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
client.validate.create_external_eval_function("my_metric")"""


def _upload_code(address: str, name: str) -> str:
    return f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address}/v1/nucleus")
dataset = client.get_dataset("YOUR_DATASET_ID")
table = {{"item_ref_id": ["1", "2"], "score": [0.91, 0.78]}}  # or a pandas, polars or pyarrow table
print(dataset.upload_scores({{{json.dumps(name, ensure_ascii=False)}: "score"}}, "YOUR_MODEL_ID", table))"""
