"""The hooks of the pytest plugin, registered when a test first uses it."""

from __future__ import annotations

import functools
import unittest
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from nucleus._client import NucleusClient
from nucleus._dataset_item import DatasetItem
from nucleus._exceptions import AuthenticationError, NoAPIKey, NucleusConnectionError, NucleusError
from nucleus._pytest.finishing import Ending, Options, finish
from nucleus._pytest.item_scores import Chosen, ItemScores, Recorded, RecordError, chosen_by
from nucleus._pytest.loading import LoadedTest, RunFolder, find_model, load_test, said_by
from nucleus.pytest_plugin import Scenario
from nucleus.validate.release_report import LAST_APPROVED

_MARK = "scenario"
_SCORES = pytest.StashKey[ItemScores]()
_MAX_REASON = 100


class Plugin:
    """One run of pytest, or one worker or the controller of a run with pytest-xdist.

    Args:
        model: The model that scores are uploaded for, as it was named; None if nothing is to be uploaded.
    """

    def __init__(self, config: pytest.Config, model: str | None) -> None:
        self._config = config
        self._model = model
        self._is_worker = hasattr(config, "workerinput")
        self._has_gate = bool(config.getoption("nucleus_gate"))
        self._tests: dict[str, LoadedTest] = {}
        self._unreachable = ""
        self._by_test: dict[str, list[Recorded]] = {}
        self._broken_off = ""
        self._ending: Ending | None = None

    # --- collecting

    def generate(self, metafunc: pytest.Metafunc, mark: pytest.Mark) -> None:
        """Make one test for each item of the slice of the scenario test that the mark names."""
        where = metafunc.definition.nodeid
        if sum(m.name == _MARK for m in metafunc.definition.own_markers) > 1:
            raise pytest.Collector.CollectError(
                f"nucleus: {where} has several {_MARK} marks: write a function for each, and call what they share"
            )
        try:
            asked, names = _read(mark)
            chosen = chosen_by(self._load(asked), names)
        except NucleusError as error:
            raise pytest.Collector.CollectError(f"nucleus: {where}: {said_by(error)}") from None
        references = [str(row.get("ref_id") or row["reference_id"]) for row in chosen.test.items]
        metafunc.parametrize(
            _MARK, [(chosen, index) for index in range(len(references))], ids=references, indirect=True
        )

    def pytest_collection_modifyitems(self) -> None:
        """Without a server no test of an item can be made: that is wrong usage of the whole run."""
        if (
            self._unreachable and not self._is_worker
        ):  # a worker's end would hide the reason; its collect error shows it
            raise pytest.UsageError(f"nucleus: {self._unreachable}")

    def _load(self, asked: str) -> LoadedTest:
        if asked not in self._tests:
            if self._unreachable:
                raise NucleusError(self._unreachable)
            try:
                if not self._tests:
                    self._folder.once("models", list[str], self._find_models)
                self._tests[asked] = self._folder.once(
                    f"test {asked}", LoadedTest, lambda: load_test(self._client, asked)
                )
            except (NoAPIKey, ValueError, AuthenticationError, NucleusConnectionError) as error:
                self._unreachable = (
                    f"tests with the mark {_MARK} are made from the items that a server has: set NUCLEUS_ENDPOINT and "
                    f"NUCLEUS_API_KEY. {said_by(error)}"
                )
                raise NucleusError(self._unreachable) from error
        return self._tests[asked]

    def _find_models(self) -> list[str]:
        """The models that the end of the run needs: a wrong name is said before the tests run."""
        option = self._config.getoption
        names = [] if option("nucleus_create_model") else [self._model]
        if self._has_gate and option("nucleus_baseline") != LAST_APPROVED:
            names.append(option("nucleus_baseline"))
        return [find_model(self._client, name).id for name in names if name]

    @functools.cached_property
    def _client(self) -> NucleusClient:
        return NucleusClient()

    @functools.cached_property
    def _folder(self) -> RunFolder:
        basetemp = getattr(self._config.option, "basetemp", None)
        # pytest-xdist gives each worker on this machine a folder in the run's own, which only this user may read.
        parent = Path(basetemp).parent if self._is_worker and basetemp else None
        return RunFolder(parent if parent is not None and parent.is_dir() else None)

    # --- running

    def start(self, node: pytest.Item, param: tuple[Chosen, int]) -> Scenario:
        """What the test of an item records by."""
        chosen, index = param
        item = DatasetItem.from_json(chosen.test.items[index])
        scores = node.stash[_SCORES] = ItemScores(chosen, str(item.reference_id))
        return Scenario(item, self._model, scores)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the item's scores into the report of its test, which also brings them from a worker to its controller."""
        report = yield
        scores = item.stash.get(_SCORES, None)
        if scores is None or report.when != "call":
            return report
        error = None if call.excinfo is None else call.excinfo.value
        is_fail = error is not None and self._is_fail(error)
        if isinstance(error, (pytest.skip.Exception, unittest.SkipTest)):
            scores.forget()
        elif error is None or is_fail:
            problem = scores.end(is_passed=error is None)
            if problem is None and is_fail and self._has_gate:
                _show_as_recorded(report, scores.recorded(), error)
            elif problem is not None and error is None:
                report.outcome = "failed"
                report.longrepr = problem
            elif problem is not None:
                report.sections.append(("nucleus", problem))
        # pytest-xdist sends all attributes of a report: a worker that crashes later takes no score with it
        vars(report)["nucleus_scores"] = [list(recorded) for recorded in scores.recorded()]
        return report

    def _is_fail(self, error: BaseException) -> bool:
        """Whether the test says that the model failed, and not that the test itself did not work."""
        if isinstance(error, (AssertionError, pytest.fail.Exception, pytest.xfail.Exception)):
            return not isinstance(error, NucleusError)  # InvalidUpload is an AssertionError too
        return isinstance(error, Exception) and self._config.getoption("nucleus_exceptions") == "fail"

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Items whose fail was recorded are counted like expected failures, and say what they are."""
        word = getattr(report, "nucleus_word", None)
        return ("xfailed", "x", (word, {"yellow": True})) if word and report.when == "call" else None

    def keep(self, nodeid: str, scores: Iterable[Sequence[Any]]) -> None:
        """Take the scores of a test; if it runs again, its last ones count."""
        self._by_test[nodeid] = [Recorded(*row) for row in scores]

    # --- the end

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """A run that was stopped is no measurement."""
        text = str(excinfo.value).strip()
        self._broken_off = f"the run was stopped ({text or type(excinfo.value).__name__})"

    def pytest_internalerror(self) -> None:
        """Neither is one that broke."""
        self._broken_off = "pytest had an internal error"

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Upload the scores and ask the gate."""
        if self._is_worker or self._config.getoption("collectonly"):
            return
        if session.shouldfail or session.shouldstop:
            self._broken_off = self._broken_off or f"the run was stopped ({session.shouldfail or session.shouldstop})"
        if exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
            self._broken_off = self._broken_off or "the run was not finished"
        option = self._config.getoption
        options = Options(
            self._model,
            may_create_model=option("nucleus_create_model"),
            has_gate=self._has_gate,
            baseline=option("nucleus_baseline"),
            mode=option("nucleus_mode"),
            require_coverage=option("nucleus_require_coverage"),
            inconclusive=option("nucleus_inconclusive"),
        )
        self._ending = finish(lambda: self._client, self._by_test, options, self._broken_off)
        if self._ending.is_failed and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show what became of the scores."""
        if self._ending is None or not self._ending.lines:
            return
        terminalreporter.section("nucleus")
        for text, color in self._ending.lines:
            terminalreporter.write_line(text, **({color: True} if color else {}))


def _read(mark: pytest.Mark) -> tuple[str, Sequence[str] | None]:
    """The scenario test and the functions that a mark names; None if it names no function.

    Raises:
        RecordError: It names neither as it should.
    """
    functions = mark.kwargs.get("function")
    names = [functions] if isinstance(functions, str) else functions
    is_right = len(mark.args) == 1 and isinstance(mark.args[0], str) and set(mark.kwargs) <= {"function"}
    is_right &= names is None or (isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names))
    if not is_right:
        given = [*map(repr, mark.args), *(f"{key}={value!r}" for key, value in mark.kwargs.items())]
        raise RecordError(
            f"expected @pytest.mark.{_MARK}('name or id of a scenario test', function='name'), with one name, a list of them or "
            f"none, got @pytest.mark.{_MARK}({', '.join(given)})"
        )
    return mark.args[0], names


def _show_as_recorded(report: pytest.TestReport, recorded: list[Recorded], error: BaseException | None) -> None:
    """Make a fail that the gate decides about look like an expected failure, also to other plugins and in JUnit's file."""
    numbers = ", ".join(f"{r.score:g} by {r.function_name}" for r in recorded)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = lines[0] if len(lines[0]) <= _MAX_REASON else f"{lines[0][:_MAX_REASON]}…"
    report.outcome = "skipped"
    report.wasxfail = f"recorded {numbers}: {reason}"
    vars(report)["nucleus_word"] = f"RECORDED {recorded[0].score:g}" if len(recorded) == 1 else "RECORDED"
