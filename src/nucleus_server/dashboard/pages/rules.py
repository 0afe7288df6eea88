"""The criterion of one function in one test, and what the test can detect by it."""

from __future__ import annotations

from nucleus_server.dashboard.contexts import CriterionRow, Form, Frame, MarginNote, Power, PowerPart, RulePage
from nucleus_server.dashboard.pages import settings
from nucleus_server.dashboard.pages.forms import FormMaker, button, may_change, no_form
from nucleus_server.dashboard.pages.histories import criterion_words
from nucleus_server.dashboard.pages.shared import (
    UNDEFINED,
    counted,
    direction,
    entry_criterion,
    function_paths,
    when,
    with_query,
)
from nucleus_server.dashboard.pages.verdict_words import (
    cluster_name,
    clusters_text,
    margin_text,
    mode_help,
    sentence,
    unit_text,
)
from nucleus_server.dashboard.sent_forms import SentForm, plain_number, to_number
from nucleus_server.domain import Comparison, Mode, TestFunction
from nucleus_server.errors import NotFound
from nucleus_server.services import UNCHANGED, WorkspaceStore
from nucleus_server.services import power as powers
from nucleus_server.services.clusters import Clusters


def rule_page(
    ws: WorkspaceStore,
    frame: Frame,
    test_id: str,
    function_id: str,
    *,
    effect: str = "",
    margin: str = "",
    notice: str | None = None,
    sent: SentForm | None = None,
) -> RulePage:
    """The criterion with its form.

    Args:
        effect: The effect that is wished for, as it was typed.
        margin: A margin to fill in, as the page proposed it.
    """
    test = ws.get_scenario_test(test_id)
    entry = _entry(ws, test_id, function_id)
    path = f"/tests/{test_id}/functions/{function_id}"
    wished, maker = _wished(path, effect, entry)
    proposal = powers.propose_margin(ws, test_id, function_id)
    unit = entry.function.unit
    use_path = None
    if proposal.margin is not None and may_change(ws.actor, test.owner_id):
        use_path = f"{with_query(path, margin=plain_number(proposal.margin))}#rule"
    return RulePage(
        frame=frame,
        test_name=test.name,
        test_path=f"/tests/{test_id}",
        function_name=entry.function.name,
        function_path=function_paths(ws).get(function_id),
        direction=direction(entry.function),
        criterion=entry_criterion(entry, has_baseline=test.baseline_model_id is not None),
        mode=entry.effective_mode.value if entry.mode is not None else f"{entry.effective_mode.value} (by default)",
        mode_why=mode_help(entry.effective_mode.value),
        margin=margin_text(entry.margin, unit),
        cluster=cluster_name(Clusters(ws).resolve(test, entry.function)),
        form=_form(path, entry, margin, sent) if may_change(ws.actor, test.owner_id) else None,
        no_form=no_form(ws.actor, test.owner_id, settings.owner_name(ws, test.owner_id), "this criterion"),
        proposal=MarginNote(
            UNDEFINED if proposal.margin is None else f"{proposal.margin:.4g}{unit_text(unit)}",
            sentence(proposal.how),
            use_path,
        ),
        meter=power_meter(powers.power(ws, test_id, function_id, effect=wished), entry, path),
        effect=maker.made(button("Ask", kind="quiet")),
        modes=tuple((member.value, mode_help(member.value)) for member in Mode),
        history=tuple(
            CriterionRow(when(change.created_at), change.user_name, criterion_words(change))
            for change in reversed(ws.list_criteria(test_id))
            if change.function_id in (None, function_id)
        ),
        notice=notice,
    )


def power_part(ws: WorkspaceStore, test_id: str) -> PowerPart:
    """What a test can detect, function by function."""
    return PowerPart(
        tuple(
            power_meter(
                powers.power(ws, test_id, entry.function.id), entry, f"/tests/{test_id}/functions/{entry.function.id}"
            )
            for entry in ws.list_test_functions(test_id)
        )
    )


def power_meter(power: powers.Power, entry: TestFunction, path: str) -> Power:
    """What can be detected, in words."""
    unit = unit_text(entry.function.unit)
    effect = power.minimum_detectable_effect
    detectable = UNDEFINED if effect is None else f"{effect:.4f}{unit}"
    answer = "It is not known yet what this test can detect."
    if effect is not None:
        answer = f"This test can detect a difference of {detectable} with 80 % probability."
    wished = None
    if power.effect is not None:
        wished = f"How many clusters a difference of {power.effect:g}{unit} needs is not known yet."
        if power.clusters_needed is not None:
            wished = f"For {power.effect:g}{unit} you would need {counted(power.clusters_needed, 'cluster')}"
            wished += f"; there are {power.n_clusters:,}."
    return Power(
        function_name=entry.function.name,
        path=path,
        sentence=answer,
        detectable=detectable,
        standard_error=UNDEFINED if power.standard_error is None else f"{power.standard_error:.4f}{unit}",
        clusters=clusters_text(power.n_clusters, power.cluster) if power.n_clusters else UNDEFINED,
        wished=wished,
        how=sentence(power.how),
    )


def set_rule(ws: WorkspaceStore, test_id: str, function_id: str, sent: SentForm) -> None:
    """Put what was changed in force; nothing if something is wrong with it."""
    _entry(ws, test_id, function_id)
    threshold = sent.number("threshold")
    margin = sent.number("margin", lowest=0.0)
    mode = sent.choice("mode", ["", *(member.value for member in Mode)])
    comparison = sent.choice("comparison", [member.value for member in Comparison])
    if not sent.problems:
        ws.set_criterion(
            test_id,
            function_id,
            threshold=threshold if sent.is_changed("threshold") else UNCHANGED,
            comparison=Comparison(comparison) if sent.is_changed("comparison") else None,
            mode=(Mode(mode) if mode else None) if sent.is_changed("mode") else UNCHANGED,
            margin=(margin or 0.0) if sent.is_changed("margin") else None,
        )


def _entry(ws: WorkspaceStore, test_id: str, function_id: str) -> TestFunction:
    for entry in ws.list_test_functions(test_id):
        if entry.function.id == function_id:
            return entry
    raise NotFound(f"expected a function of scenario test {test_id}, got {function_id!r}: it has none with this id")


def _wished(path: str, typed: str, entry: TestFunction) -> tuple[float | None, FormMaker]:
    sent = SentForm("effect", {"effect": typed})
    value = to_number(typed) if typed.strip() else None
    if typed.strip() and (value is None or value <= 0):
        sent.problems["effect"] = f"expected a number above 0 such as 0.01, got {typed[:40]!r}"
        value = None
    maker = FormMaker("effect", f"{path}#power", sent, method="get")
    unit = f", in {entry.function.unit}" if entry.function.unit else ""
    maker.add("effect", "Difference that must not be missed", "number", typed, f"Such as 0.01{unit}.")
    return value, maker


def _form(path: str, entry: TestFunction, margin: str, sent: SentForm | None) -> Form:
    unit = f", in {entry.function.unit}" if entry.function.unit else ""
    default = "by default: point with a threshold, else non-inferior"
    maker = FormMaker("rule", path, sent)
    maker.add(
        "comparison",
        "Comparison",
        "choice",
        entry.comparison.value,
        "How a result is compared with the threshold, or with the baseline's result.",
        choices=[(member.value, member.symbol) for member in Comparison],
    )
    maker.add(
        "threshold",
        "Threshold",
        "number",
        "" if entry.threshold is None else plain_number(entry.threshold),
        f"What a result is compared with{unit}; empty for none.",
    )
    maker.add(
        "margin",
        "Margin",
        "number",
        margin.strip() if to_number(margin) is not None else plain_number(entry.margin),
        f"A worsening up to it is of no importance{unit}; 0 for none.",
        was=plain_number(entry.margin),
    )
    maker.add(
        "mode",
        "Mode",
        "choice",
        "" if entry.mode is None else entry.mode.value,
        "How a gate decides; what each mode asks is said below.",
        choices=[("", default), *((member.value, member.value) for member in Mode)],
    )
    return maker.made(button("Save criterion"))
