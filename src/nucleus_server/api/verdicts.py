"""Routes of verdicts and of what they depend on: cluster keys, settings, rules; comparisons, reports, explanations, power."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from msgspec import Meta

from nucleus_server.api import codec, verdict_wire
from nucleus_server.api.http import Answer, JsonBody, Workspace, takes
from nucleus_server.api.validate import MetadataKey, parse_choice
from nucleus_server.domain import MAX_TAG, MAX_TAGS, ClusterBy, ClusterChoice, Comparison, Mode
from nucleus_server.errors import InvalidInput
from nucleus_server.services import UNCHANGED
from nucleus_server.services.clusters import Clusters, checked_choice, suggestions
from nucleus_server.services.comparing import compare_on_test
from nucleus_server.services.explanations import explain
from nucleus_server.services.power import power, propose_margin
from nucleus_server.services.release_report import release_report, report_options, report_path
from nucleus_server.services.result_history import result_history

router = APIRouter()

WaitS = Annotated[float, Meta(ge=0.0, le=30.0)]
_WAIT_S = 1.0


class ClusterBody(msgspec.Struct):
    """What makes members alike: `inherit`, `item`, or `metadata` with a key."""

    by: str
    key: MetadataKey | None = None


class SetCluster(msgspec.Struct):
    """A dataset's cluster key."""

    cluster: ClusterBody


class SetTestSettings(msgspec.Struct):
    """Settings of a test; what is left out stays."""

    is_blocking: bool | msgspec.UnsetType = msgspec.UNSET
    tags: (
        Annotated[list[Annotated[str, Meta(min_length=1, max_length=MAX_TAG)]], Meta(max_length=MAX_TAGS)]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    cluster: ClusterBody | msgspec.UnsetType = msgspec.UNSET


class SetRule(msgspec.Struct):
    """How a gate decides on one function of a test; what is left out stays, null clears a threshold or a mode."""

    threshold: float | msgspec.UnsetType | None = msgspec.UNSET
    threshold_comparison: str | msgspec.UnsetType = msgspec.UNSET
    mode: str | msgspec.UnsetType | None = msgspec.UNSET
    margin: float | msgspec.UnsetType = msgspec.UNSET


class Compare(msgspec.Struct):
    """Two models to compare on a test, by all its functions or some."""

    baseline_model_id: str
    candidate_model_id: str
    eval_function_ids: list[str] | None = None
    wait_s: WaitS = _WAIT_S


class ReportBody(msgspec.Struct, kw_only=True):
    """What a release report is asked for; without tests and tags, of all tests."""

    model_id: str
    baseline_model_id: str | None = None
    baseline: str = "own"
    test_ids: list[str] | None = None
    test_names: list[str] | None = None
    tags: list[str] | None = None
    mode: str | None = None
    allow_missing: bool = False
    require_coverage: float = 0.0
    false_discovery_rate: float = 0.05
    wait_s: WaitS = _WAIT_S

    def options(self, ws: Workspace) -> Any:
        """The options, checked against what exists."""
        return report_options(
            ws,
            model_id=self.model_id,
            baseline=self.baseline,
            baseline_model_id=self.baseline_model_id,
            test_ids=self.test_ids,
            test_names=self.test_names,
            tags=self.tags or (),
            mode=self.mode,
            allow_missing=self.allow_missing,
            require_coverage=self.require_coverage,
            false_discovery_rate=self.false_discovery_rate,
        )


@router.get("/dataset/{dataset_id}/cluster_key")
def get_cluster_key(dataset_id: str, ws: Workspace) -> Answer:
    """The dataset's cluster key, and what looks like one."""
    dataset = ws.get_dataset(dataset_id)
    return Answer(verdict_wire.dataset_cluster_row(ws.cluster_choice(dataset_id), suggestions(ws, dataset.key)))


@router.post("/dataset/{dataset_id}/cluster_key", openapi_extra=takes(SetCluster))
def set_cluster_key(dataset_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Set what makes the dataset's items alike."""
    dataset = ws.get_dataset(dataset_id)
    choice = checked_choice(ws, dataset.key, _choice(codec.decode(raw, SetCluster).cluster))
    ws.set_dataset_cluster(dataset_id, choice)
    return Answer(verdict_wire.dataset_cluster_row(choice, suggestions(ws, dataset.key)))


@router.get("/validate/scenario_test/{test_id}/settings")
def get_settings(test_id: str, ws: Workspace) -> Answer:
    """Whether the test blocks releases, its tags and its cluster key."""
    return Answer(_settings_row(ws, test_id))


@router.post("/validate/scenario_test/{test_id}/settings", openapi_extra=takes(SetTestSettings))
def set_settings(test_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Change the test's settings."""
    body = codec.decode(raw, SetTestSettings)
    choice = None
    if body.cluster is not msgspec.UNSET:
        choice = checked_choice(ws, ws.get_scenario_test(test_id).dataset_key, _choice(body.cluster))
    ws.set_test_settings(
        test_id,
        is_blocking=None if body.is_blocking is msgspec.UNSET else body.is_blocking,
        tags=None if body.tags is msgspec.UNSET else body.tags,
        cluster=choice,
    )
    return Answer(_settings_row(ws, test_id))


@router.get("/validate/scenario_test/{test_id}/rules")
def list_rules(test_id: str, ws: Workspace) -> Answer:
    """How a gate decides on each function of the test."""
    return Answer({"rules": [verdict_wire.rule_row(entry) for entry in ws.list_test_functions(test_id)]})


@router.post("/validate/scenario_test/{test_id}/rules/{function_id}", openapi_extra=takes(SetRule))
def set_rule(test_id: str, function_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Put threshold, comparison, mode and margin in force, in one step."""
    body = codec.decode(raw, SetRule)
    comparison, mode = body.threshold_comparison, body.mode
    entry = ws.set_criterion(
        test_id,
        function_id,
        threshold=UNCHANGED if body.threshold is msgspec.UNSET else body.threshold,
        comparison=None
        if comparison is msgspec.UNSET
        else parse_choice(Comparison, comparison, "invalid_comparison", "threshold_comparison"),
        mode=UNCHANGED
        if mode is msgspec.UNSET
        else None
        if mode is None
        else parse_choice(Mode, mode, "invalid_mode", "mode"),
        margin=None if body.margin is msgspec.UNSET else body.margin,
    )
    return Answer(verdict_wire.rule_row(entry))


@router.get("/validate/scenario_test/{test_id}/rules/{function_id}/margin_proposal")
def margin_proposal(test_id: str, function_id: str, ws: Workspace) -> Answer:
    """A margin that past noise speaks for."""
    return Answer(verdict_wire.margin_row(propose_margin(ws, test_id, function_id)))


@router.get("/validate/scenario_test/{test_id}/rules/{function_id}/power")
def power_meter(test_id: str, function_id: str, ws: Workspace, effect: str | None = None) -> Answer:
    """The difference that the test can see by this function, and what it would take to see `effect`."""
    wished = None if effect is None else _positive(effect)
    return Answer(verdict_wire.power_row(power(ws, test_id, function_id, wished)))


@router.get("/validate/scenario_test/{test_id}/rules/{function_id}/history")
def history(
    test_id: str, function_id: str, ws: Workspace, wait_s: Annotated[float, Query(ge=0, le=30)] = _WAIT_S
) -> Answer:
    """The function's results with their intervals, oldest first, what was in force when they came, and what changed.

    Intervals that take longer than `wait_s` seconds are left to a job: ask again.
    """
    return Answer(verdict_wire.history_row(result_history(ws, test_id, function_id, wait_s=wait_s)))


@router.post("/validate/scenario_test/{test_id}/compare", openapi_extra=takes(Compare))
def compare(test_id: str, raw: JsonBody, ws: Workspace) -> Answer:
    """Compare two models on a test; what takes longer than `wait_s` seconds is left to a job: ask again."""
    body = codec.decode(raw, Compare)
    found = compare_on_test(
        ws,
        test_id,
        body.baseline_model_id,
        body.candidate_model_id,
        body.eval_function_ids,
        wait_s=body.wait_s,
    )
    return Answer(verdict_wire.comparisons_row(found))


@router.post("/validate/release_report", openapi_extra=takes(ReportBody))
def report(raw: JsonBody, ws: Workspace) -> Answer:
    """May this model replace that one; what takes longer than `wait_s` seconds is left to a job: ask again."""
    body = codec.decode(raw, ReportBody)
    options = body.options(ws)
    return Answer(verdict_wire.report_row(release_report(ws, options, wait_s=body.wait_s), report_path(ws, options)))


@router.get("/validate/compare/{baseline_evaluation_id}/{candidate_evaluation_id}/explanation")
def explanation(
    baseline_evaluation_id: str,
    candidate_evaluation_id: str,
    ws: Workspace,
    by: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10,
) -> Answer:
    """What items, clusters and (with `by`) the values of a metadata key add to the difference."""
    found = explain(ws, baseline_evaluation_id, candidate_evaluation_id, by=by, limit=limit)
    return Answer(verdict_wire.explanation_row(found))


def _settings_row(ws: Workspace, test_id: str) -> dict[str, Any]:
    test, entries = ws.get_scenario_test(test_id), ws.list_test_functions(test_id)
    resolved = Clusters(ws).resolve(test, entries[0].function)
    return verdict_wire.settings_row(ws.test_settings(test_id), resolved)


def _choice(body: ClusterBody) -> ClusterChoice:
    by: ClusterBy = parse_choice(ClusterBy, body.by, "invalid_cluster", "cluster.by")
    return ClusterChoice(by, body.key)


def _positive(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput(f"expected effect as a number, got {text[:40]!r}", code="invalid_effect") from error
