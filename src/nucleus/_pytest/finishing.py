"""The end of a run: the scores are uploaded, the gate is asked, and lines say what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nucleus._client import NucleusClient
from nucleus._exceptions import NotFoundError, NucleusError
from nucleus._html import UNDEFINED
from nucleus._model import Model
from nucleus._pytest.item_scores import Recorded
from nucleus._pytest.loading import find_model, said_by
from nucleus.validate.decoding import dashboard_url
from nucleus.validate.evaluation import ScenarioTestEvaluation
from nucleus.validate.release_report import LAST_APPROVED
from nucleus.validate.scenario_test import ScenarioTest

_SHOWN_DUPLICATES = 5
_COLORS = {"passed": "green", "failed": "red", "missing": "red", "inconclusive": "yellow", "new": "yellow"}


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        model: The model that scores are uploaded for, as it was named; None to upload nothing.
        baseline: A model, `last-approved`, or None for each test's own.
        require_coverage: The part of a test's items, in [0, 1], that the gate demands.
        inconclusive: `warn`, `fail` or `pass`.
    """

    model: str | None
    may_create_model: bool = False
    has_gate: bool = False
    baseline: str | None = None
    mode: str | None = None
    require_coverage: float = 0.0
    inconclusive: str = "warn"


@dataclass
class Ending:
    """What is said at the end, and whether it makes the run fail.

    Attributes:
        lines: Texts, each with a colour or an empty text.
    """

    lines: list[tuple[str, str]] = field(default_factory=list)
    is_failed: bool = False

    def say(self, text: str, color: str = "") -> None:
        """Add a line."""
        self.lines.append((text, color))

    def fail(self, text: str) -> None:
        """Add a line that says why the run fails."""
        self.say(text, "red")
        self.is_failed = True


def finish(
    connect: Callable[[], NucleusClient], by_test: Mapping[str, list[Recorded]], options: Options, broken_off: str
) -> Ending:
    """Upload what was recorded if it may be uploaded, ask the gate if there is one, and say so.

    Args:
        by_test: The scores of each test, by its node id.
        broken_off: Why the run did not come to its end; empty if it did.
    """
    ending = Ending()
    columns, duplicates = _columns_of(by_test)
    if broken_off:
        if options.has_gate:  # pytest.exit can end a run with any exit code
            ending.fail(f"gate: failed. Nothing was uploaded, so there is nothing to judge: {broken_off}")
        elif columns:
            ending.say(f"nothing was uploaded: {broken_off}", "yellow")
    elif duplicates:
        ending.fail(
            f"nothing was uploaded: {len(duplicates)} scores were recorded by more than one test, the first "
            f"{', '.join(duplicates[:_SHOWN_DUPLICATES])}: an item has one score by a function"
        )
    elif not columns:
        if options.has_gate:
            ending.fail(
                "gate: failed. No score was recorded, so there is nothing to judge: did a test with the mark scenario run?"
            )
    elif options.model is None:
        for rows in columns.values():
            ending.say(_local_line(rows))
        ending.say(
            "nothing was uploaded, because no model is named: --nucleus-model, NUCLEUS_MODEL or the ini option nucleus_model"
        )
    else:
        try:
            client = connect()
            model = _model(client, options.model, may_create=options.may_create_model)
            _upload(client, model, columns, ending)
            if options.has_gate:
                _ask_gate(client, model, sorted({rows[0].test_id for rows in columns.values()}), options, ending)
        except NucleusError as error:
            ending.fail(
                f"{'gate: failed. ' if options.has_gate else ''}The server could not do all of it: {said_by(error)}"
            )
    return ending


def _columns_of(by_test: Mapping[str, list[Recorded]]) -> tuple[dict[tuple[str, str], list[Recorded]], list[str]]:
    """The scores of each scenario test and function, in the order of the reference ids; and what was recorded twice."""
    found: dict[tuple[str, str], dict[str, Recorded]] = {}
    duplicates = []
    for recorded in (row for rows in by_test.values() for row in rows):
        column = found.setdefault((recorded.test_name, recorded.function_name), {})
        if recorded.reference_id in column:
            duplicates.append(f"{recorded.reference_id!r} by {recorded.function_name!r} of {recorded.test_name!r}")
        column[recorded.reference_id] = recorded
    return {key: [column[ref] for ref in sorted(column)] for key, column in sorted(found.items())}, duplicates


def _model(client: NucleusClient, asked: str, *, may_create: bool) -> Model:
    try:
        return find_model(client, asked)
    except NotFoundError:
        if not may_create or any(asked == model.name for model in client.models):
            raise
        return client.create_model(asked, asked)


def _upload(
    client: NucleusClient, model: Model, columns: Mapping[tuple[str, str], list[Recorded]], ending: Ending
) -> None:
    """One upload for each function of each scenario test."""
    functions = client.validate.eval_functions
    tests: dict[str, ScenarioTest] = {}
    ending.say(f"model {model.name} ({model.id})")
    for rows in columns.values():
        first = rows[0]
        if first.test_id not in tests:
            tests[first.test_id] = client.validate.get_scenario_test(first.test_id)
        answer = tests[first.test_id].upload_external_evaluation_results(
            functions.from_id(first.function_id),
            {
                "item_ref_id": [row.reference_id for row in rows],
                "score": [row.score for row in rows],
                "weight": [row.weight for row in rows],
            },
            model,
        )
        evaluation = ScenarioTestEvaluation.from_json(answer["evaluation"], client.connection)
        n_members = evaluation.n_members - evaluation.n_deleted
        is_partial = evaluation.n_scored < n_members
        coverage = f", coverage {evaluation.coverage:.1%}" if is_partial and evaluation.coverage is not None else ""
        before = ", uploaded before" if answer["replayed"] else ""
        ending.say(
            f"{_named(first)}: {len(rows):,} of {n_members:,} items recorded{coverage}, result "
            f"{_number(evaluation.result)}{before}",
            "yellow" if is_partial else "",
        )
        ending.say("    " + dashboard_url(client.connection, f"/evaluations/{evaluation.id}"))


def _ask_gate(client: NucleusClient, model: Model, test_ids: list[str], options: Options, ending: Ending) -> None:
    """Let the release report of these tests decide."""
    baseline: Model | str | None = options.baseline
    if baseline not in (None, LAST_APPROVED):
        baseline = find_model(client, str(baseline))
    report = client.validate.release_report(
        model, baseline, tests=test_ids, mode=options.mode, require_coverage=options.require_coverage
    )
    for entry in report.entries:
        line = str(entry)
        ending.say(line, _COLORS.get(entry.outcome, ""))
        reason = "" if entry.outcome == "passed" or entry.reason in line else entry.reason
        for said in (reason, *entry.warnings, entry.settles, entry.url):
            if said:
                ending.say(f"    {said}")
    text = f"gate: {report.outcome}. {report.sentence}"
    is_failed = report.outcome in ("failed", "missing") or (
        report.outcome == "inconclusive" and options.inconclusive == "fail"
    )
    if is_failed:
        ending.fail(text)
    else:
        ending.say(text, "" if options.inconclusive == "pass" else _COLORS.get(report.outcome, ""))
    ending.say(f"    {report.url}")


def _local_line(rows: list[Recorded]) -> str:
    total = math.fsum(row.weight for row in rows)
    mean = math.fsum(row.score * row.weight for row in rows) / total if total else None
    return f"{_named(rows[0])}: {len(rows):,} items recorded, mean {_number(mean)}"


def _named(recorded: Recorded) -> str:
    return f"test {recorded.test_name!r}, {recorded.function_name!r}"


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.4g}"
