"""The difference between a file and the server, and how it is made none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from nucleus._as_code.server_state import Matching, ServerState
from nucleus._as_code.test_file import (
    COMPARISONS,
    CriterionTable,
    FunctionTable,
    TestFile,
    WantedSlice,
    WantedTest,
    text_of,
)
from nucleus._exceptions import BadRequestError, ConflictError, NotFoundError
from nucleus._slice import Slice
from nucleus.validate.clusters import ClusterKey
from nucleus.validate.eval_functions import EvalFunction
from nucleus.validate.rules import Rule
from nucleus.validate.scenario_test import ScenarioTest

SYMBOLS = {word: symbol for symbol, word in COMPARISONS.items()}
"""How a file writes the comparisons of the protocol."""
_EXAMPLES = 3


class Action(str, Enum):
    """What is to happen to an object."""

    CREATE = "create"
    CHANGE = "change"
    IMPOSSIBLE = "impossible"
    UNMANAGED = "unmanaged"


@dataclass(frozen=True)
class Detail:
    """One property, before and after; None is that there is none."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """What is to happen to one object.

    Attributes:
        kind: function, dataset, slice or test.
        reason: Why it cannot be done, of an impossible one.
        carry_out: Does it, and says what it had to leave undone.
    """

    action: Action
    kind: str
    name: str
    details: Sequence[Detail] = ()
    reason: str | None = None
    carry_out: Callable[[], str | None] | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        details = [{"name": d.name, "before": d.before, "after": d.after} for d in self.details]
        return {
            "action": self.action.value,
            "kind": self.kind,
            "name": self.name,
            "details": details,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Plan:
    """All that is to happen, in the order in which it can: functions, datasets, slices, tests."""

    changes: Sequence[Change]

    def of(self, *actions: Action) -> list[Change]:
        """The changes of some kinds."""
        return [change for change in self.changes if change.action in actions]

    @property
    def to_do(self) -> list[Change]:
        """What can be done."""
        return self.of(Action.CREATE, Action.CHANGE)


def plan_of(file: TestFile, server: ServerState) -> Plan:
    """Compare; nothing is changed.

    What stands in the file is to be so, and what it leaves out of a function or a test has its default, but for the baseline
    model, which stays. What only the server has is named and never touched.
    """
    return Plan(list(_Planning(file, server).changes()))


class _Planning:
    def __init__(self, file: TestFile, server: ServerState) -> None:
        self._file = file
        self._server = server
        self._failed_slices: set[str] = set()

    def changes(self) -> Iterator[Change]:
        for name, function in self._file.functions.items():
            yield from self._function(name, function)
        for name, cluster in self._file.datasets.items():
            yield from self._dataset(name, cluster)
        for key, wanted in self._file.slices.items():
            for change in self._slice(wanted):
                if change.action is Action.IMPOSSIBLE and change.carry_out is None and not change.details:
                    self._failed_slices.add(key)
                yield change
        for name, test in self._file.tests.items():
            yield from self._test(name, test)
        yield from self._unmanaged()

    # --- functions and datasets

    def _function(self, name: str, wanted: FunctionTable) -> Iterator[Change]:
        after = {field: getattr(wanted, field) for field in wanted.__struct_fields__}
        found = self._server.functions.get(name)
        if found is None:
            details = [Detail(key, None, value) for key, value in after.items() if value is not None]
            yield Change(Action.CREATE, "function", name, details, None, lambda: self._create_function(name, after))
            return
        if not found.is_external_function:
            yield _impossible("function", name, "it is the server's own, and its properties cannot be changed")
            return
        entry = found.eval_func_entry
        changed = {
            key: Detail(key, _plain(getattr(entry, key)), _plain(value))
            for key, value in after.items()
            if _plain(getattr(entry, key)) != _plain(value)
        }
        if changed:
            properties = {key: after[key] for key in changed}
            yield Change(
                Action.CHANGE,
                "function",
                name,
                list(changed.values()),
                None,
                lambda: _done(self._server.client.validate.set_eval_function_properties(found.id, **properties)),
            )

    def _create_function(self, name: str, properties: dict[str, Any]) -> None:
        made = self._server.client.validate.create_external_eval_function(name, **properties)
        self._server.functions[name] = made

    def _dataset(self, name: str, cluster: ClusterKey | None) -> Iterator[Change]:
        try:
            dataset = self._server.dataset(name)
        except NotFoundError as error:
            yield _impossible("dataset", name, str(error))
            return
        before = dataset.cluster_key().cluster
        if _cluster_text(before) != _cluster_text(cluster):
            detail = Detail("cluster", _cluster_text(before), _cluster_text(cluster))
            yield Change(
                Action.CHANGE, "dataset", name, [detail], None, lambda: _done(dataset.set_cluster_key(cluster))
            )

    # --- slices

    def _slice(self, wanted: WantedSlice) -> Iterator[Change]:
        try:
            dataset = self._server.dataset(wanted.dataset)
            found = self._server.find_slice(dataset, wanted.name)
            matching = self._server.matching(dataset, wanted.rule, found)
        except (NotFoundError, BadRequestError) as error:
            yield _impossible("slice", wanted.name, getattr(error, "detail", str(error)))
            return
        if found is None:
            if not matching.n_matching:
                yield _impossible("slice", wanted.name, f"its rule matches no item of dataset {wanted.dataset}")
                return
            details = [Detail("dataset", None, wanted.dataset), Detail("items", None, matching.n_matching)]
            references = matching.reference_ids if wanted.reference_ids is None else wanted.reference_ids
            yield Change(
                Action.CREATE,
                "slice",
                wanted.name,
                details,
                None,
                lambda: self._server.add_slice(dataset, dataset.create_slice(wanted.name, references)),
            )
            return
        yield from _slice_change(wanted, found, matching)

    # --- tests

    def _test(self, name: str, wanted: WantedTest) -> Iterator[Change]:
        try:
            missing = [f for f in wanted.functions if f not in self._file.functions and f not in self._server.functions]
            if missing:
                raise NotFoundError(
                    f"there is no function {', '.join(map(repr, missing))}: add it to the functions of the file"
                )
            slice_found = self._slice_of(wanted.table.slice)
            baseline = None if wanted.table.baseline_model is None else self._server.model(wanted.table.baseline_model)
        except NotFoundError as error:
            yield _impossible("test", name, str(error))
            return
        found = self._server.tests.get(name)
        if found is None:
            yield self._new_test(name, wanted)
            return
        if slice_found is None or slice_found.id != found.slice_id:
            yield _impossible(
                "test",
                name,
                f"it is on slice {found.slice_id}, and a test cannot move to {wanted.table.slice!r}: give the new one a name of "
                "its own, or delete the old one first",
            )
            return
        yield from self._changed_test(name, wanted, found, None if baseline is None else baseline.id)

    def _slice_of(self, key: str) -> Slice | None:
        """The slice that a test is on; None if it is to be made."""
        if key in self._failed_slices:
            raise NotFoundError(f"its slice {key!r} cannot be made")
        wanted = self._file.slices.get(key)
        if wanted is None:
            return self._server.any_slice(key)
        return self._server.find_slice(self._server.dataset(wanted.dataset), wanted.name)

    def _new_test(self, name: str, wanted: WantedTest) -> Change:
        details = [Detail("slice", None, wanted.table.slice)]
        for function, criterion in wanted.functions.items():
            details += _rule_details(function, None, criterion, self._default_comparison(function)) or [
                Detail(function, None, "added")
            ]
        details += [
            Detail(key, before, after) for key, (before, after) in _settings_of(wanted, None).items() if before != after
        ]
        if wanted.table.baseline_model is not None:
            details.append(Detail("baseline_model", None, wanted.table.baseline_model))
        return Change(Action.CREATE, "test", name, details, None, lambda: self._create_test(name, wanted))

    def _create_test(self, name: str, wanted: WantedTest) -> str | None:
        slice_found = self._slice_of(wanted.table.slice)
        assert slice_found is not None
        functions = [self._server.functions[function] for function in wanted.functions]
        test = self._server.client.validate.create_scenario_test(name, slice_found.id, functions)
        self._server.tests[name] = test
        self._put_in_force(test, wanted, {rule.eval_function_name: rule for rule in test.rules()})
        asked = wanted.table.baseline_model
        if asked is None:
            return None
        try:
            test.set_baseline_model(self._server.model(asked).id)
        except (BadRequestError, ConflictError, NotFoundError) as error:
            return f"baseline model {asked!r} is not set: {getattr(error, 'detail', str(error))}"
        return None

    def _changed_test(
        self, name: str, wanted: WantedTest, test: ScenarioTest, baseline_id: str | None
    ) -> Iterator[Change]:
        rules = {rule.eval_function_name: rule for rule in test.rules()}
        details: list[Detail] = []
        for function, criterion in wanted.functions.items():
            if function not in rules:
                details.append(Detail(function, None, "added"))
            details += _rule_details(function, rules.get(function), criterion, self._default_comparison(function))
        details += [
            Detail(key, before, after) for key, (before, after) in _settings_of(wanted, test).items() if before != after
        ]
        if baseline_id is not None and baseline_id != test.baseline_model_id:
            detail = Detail("baseline_model", self._model_name(test.baseline_model_id), wanted.table.baseline_model)
            if any(evaluation.model_id == baseline_id for evaluation in test.get_eval_history()):
                details.append(detail)
            else:
                yield Change(
                    Action.IMPOSSIBLE,
                    "test",
                    name,
                    [detail],
                    f"model {wanted.table.baseline_model!r} has no evaluation on it yet: upload its scores first",
                )
                baseline_id = None
        if details:
            yield Change(
                Action.CHANGE,
                "test",
                name,
                details,
                None,
                lambda: self._change_test(test, wanted, rules, baseline_id),
            )
        beside = [function for function in rules if function not in wanted.functions]
        if beside:
            yield Change(Action.UNMANAGED, "test function", f"{name}: {', '.join(beside)}")

    def _change_test(
        self, test: ScenarioTest, wanted: WantedTest, rules: Mapping[str, Rule], baseline_id: str | None
    ) -> None:
        added = [function for function in wanted.functions if function not in rules]
        for function in added:
            test.add_eval_function(self._server.functions[function])
        present = {rule.eval_function_name: rule for rule in test.rules()} if added else rules
        self._put_in_force(test, wanted, present)
        if baseline_id is not None and baseline_id != test.baseline_model_id:
            test.set_baseline_model(baseline_id)

    def _put_in_force(self, test: ScenarioTest, wanted: WantedTest, rules: Mapping[str, Rule]) -> None:
        """Make rules and settings of an existing test as they are wanted, where they are not."""
        metrics = {metric.eval_function_id: metric for metric in test.get_eval_functions()}
        for function, criterion in wanted.functions.items():
            rule = rules[function]
            changes = _rule_changes(rule, criterion, self._default_comparison(function))
            if changes:
                metrics[rule.eval_function_id].set_rule(**changes)
        settings = _settings_of(wanted, test)
        changed = {key for key, (before, after) in settings.items() if before != after}
        if "blocking" in changed:
            test.set_blocking(wanted.table.blocking)
        if "tags" in changed:
            test.set_tags(wanted.table.tags)
        if "cluster" in changed:
            test.set_cluster_key(wanted.cluster)

    def _default_comparison(self, function: str) -> str:
        found: EvalFunction | None = self._server.functions.get(function)
        declared = self._file.functions.get(function)
        known = found.eval_func_entry.direction if found is not None else "higher_is_better"
        direction = known if declared is None else declared.direction
        return "<=" if direction == "lower_is_better" else ">="

    def _model_name(self, model_id: str | None) -> str | None:
        return next((model.name for model in self._server.models if model.id == model_id), model_id)

    # --- the rest

    def _unmanaged(self) -> Iterator[Change]:
        """What is on the server beside the file: external functions, tests, and slices of the datasets that it names."""
        for name, function in self._server.functions.items():
            if function.is_external_function and name not in self._file.functions:
                yield Change(Action.UNMANAGED, "function", name)
        wanted = {(s.dataset, s.name) for s in self._file.slices.values()}
        named = {s.dataset for s in self._file.slices.values()} | set(self._file.datasets)
        for dataset in self._server.datasets:
            names = {dataset.id, dataset.name} & named
            for found in self._server.slices(dataset) if names else ():
                if not any((name, found.name) in wanted for name in names):
                    yield Change(Action.UNMANAGED, "slice", found.name)
        for name in self._server.tests:
            if name not in self._file.tests:
                yield Change(Action.UNMANAGED, "test", name)


def _slice_change(wanted: WantedSlice, found: Slice, matching: Matching) -> Iterator[Change]:
    n_members = matching.n_matching - len(matching.reference_ids) + matching.n_not_matching
    if matching.n_not_matching:
        shown = ", ".join(map(repr, matching.not_matching[:_EXAMPLES]))
        more = ", …" if matching.n_not_matching > _EXAMPLES else ""
        yield Change(
            Action.IMPOSSIBLE,
            "slice",
            wanted.name,
            [Detail("items", n_members, n_members - matching.n_not_matching)],
            f"{matching.n_not_matching:,} of its items ({shown}{more}) are not what the file says, and a slice only grows: give "
            "the new one a name of its own",
        )
    if matching.reference_ids:
        new = matching.reference_ids
        if wanted.reference_ids is not None:
            lacking = set(new)
            new = [reference for reference in wanted.reference_ids if reference in lacking]
        detail = Detail("items", n_members, n_members + len(matching.reference_ids))
        yield Change(Action.CHANGE, "slice", wanted.name, [detail], None, lambda: _done(found.append(new)))


def _rule_details(function: str, rule: Rule | None, criterion: CriterionTable, default_comparison: str) -> list[Detail]:
    before = _wanted_rule(CriterionTable(), default_comparison) if rule is None else _read_rule(rule)
    after = _wanted_rule(criterion, default_comparison)
    return [
        Detail(f"{function}.{key}", before[key], after[key])
        for key in after
        if before[key] != after[key] and not (key == "comparison" and after["threshold"] is None)
    ]


def _rule_changes(rule: Rule, criterion: CriterionTable, default_comparison: str) -> dict[str, Any]:
    before, after = _read_rule(rule), _wanted_rule(criterion, default_comparison)
    changes = {key: value for key, value in after.items() if before[key] != value}
    if "comparison" in changes:
        if after["threshold"] is None:
            del changes["comparison"]  # without a threshold nothing is compared
        else:
            changes["comparison"] = COMPARISONS[changes["comparison"]]
    return changes


def _read_rule(rule: Rule) -> dict[str, Any]:
    return {
        "threshold": rule.threshold,
        "comparison": SYMBOLS[rule.threshold_comparison.value],
        "mode": rule.mode,
        "margin": rule.margin,
    }


def _wanted_rule(criterion: CriterionTable, default_comparison: str) -> dict[str, Any]:
    return {
        "threshold": criterion.threshold,
        "comparison": criterion.comparison or default_comparison,
        "mode": criterion.mode,
        "margin": criterion.margin,
    }


def _settings_of(wanted: WantedTest, test: ScenarioTest | None) -> dict[str, tuple[Any, Any]]:
    """Blocking, tags and cluster key, before and after; of a test that is not there the defaults are before."""
    before: tuple[Any, ...] = (False, [], "inherit")
    if test is not None:
        settings = test.settings
        before = (settings.is_blocking, sorted(settings.tags), _cluster_text(settings.cluster))
    after = (wanted.table.blocking, sorted(set(wanted.table.tags)), _cluster_text(wanted.cluster))
    return dict(zip(("blocking", "tags", "cluster"), zip(before, after)))


def _cluster_text(cluster: ClusterKey | None) -> str:
    """A cluster key as a file says it."""
    if cluster is None or cluster.by == "inherit":
        return "inherit"
    return text_of(cluster.key) if cluster.key is not None else f'{{ by = "{cluster.by}" }}'


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _impossible(kind: str, name: str, reason: str) -> Change:
    return Change(Action.IMPOSSIBLE, kind, name, (), reason)


def _done(_: object) -> None:
    """Of what a call answered nothing is left to say."""
