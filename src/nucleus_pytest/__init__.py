"""What pytest loads of the plugin in every run of every project that has this distribution: it imports nothing but pytest.

`import nucleus` takes longer than starting pytest, and pytest rewrites the assertions of the package that an entry point is in.
So this is a package of its own, and the plugin itself, `nucleus._pytest`, is loaded when a test first uses it.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nucleus import DatasetItem
    from nucleus._pytest.plugin import Plugin
    from nucleus.pytest_plugin import Scenario

MARK = "scenario"

_NAME = "nucleus-scenarios"

_MARKER = (
    f"{MARK}(test, function=None): run the test function once for each item of the scenario test with this name or id, and "
    "record scores by its function, by several, or (by default) by all that it has."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("nucleus", "scenario tests (nucleus)")
    group.addoption(
        "--nucleus-model",
        metavar="MODEL",
        help="Upload the recorded scores as those of this model (name, reference id or id); else the environment variable "
        "NUCLEUS_MODEL, else the ini option nucleus_model. Without any, nothing is uploaded.",
    )
    group.addoption(
        "--nucleus-create-model", action="store_true", help="Create the model if there is none of that name."
    )
    group.addoption(
        "--nucleus-gate",
        action="store_true",
        help="Let the release report decide: a test that fails for an item is recorded, and the run fails if the report does.",
    )
    group.addoption(
        "--nucleus-baseline",
        metavar="MODEL",
        help="What the gate compares with: a model, or last-approved; each test's own baseline model by default.",
    )
    group.addoption(
        "--nucleus-mode",
        choices=("point", "confident", "not-proven-worse", "non-inferior"),
        help="How the gate decides; each function's own mode by default.",
    )
    group.addoption(
        "--nucleus-require-coverage",
        metavar="PART",
        type=_part,
        default=0.0,
        help="The part of a test's items, in [0, 1], without which the gate does not pass.",
    )
    group.addoption(
        "--nucleus-inconclusive",
        choices=("warn", "fail", "pass"),
        default="warn",
        help="What the gate does if it cannot tell: warn (default), fail or pass.",
    )
    group.addoption(
        "--nucleus-exceptions",
        choices=("error", "fail"),
        default="error",
        help="What an exception other than a failed assertion is in a test of an item: an error, which gives no score "
        "(default), or a fail like an assertion.",
    )
    parser.addini("nucleus_model", "The model that scores are uploaded for; see --nucleus-model.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark; a gate is nothing without a model."""
    config.addinivalue_line("markers", _MARKER)
    if config.getoption("nucleus_gate"):
        if not model_of(config):
            raise pytest.UsageError(
                "--nucleus-gate needs to know the model: pass --nucleus-model, or set NUCLEUS_MODEL or the ini option "
                "nucleus_model"
            )
        plugin_of(config)  # so that a run without a single score is no pass either
    config.pluginmanager.register(_Reports(config), "nucleus-reports")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each item of a marked function."""
    mark = metafunc.definition.get_closest_marker(MARK)
    if mark is None:
        return
    if _takes_ours(metafunc):
        plugin_of(metafunc.config).generate(metafunc, mark)
    elif MARK not in metafunc.fixturenames and ("function" in mark.kwargs or model_of(metafunc.config)):
        raise pytest.Collector.CollectError(
            f"nucleus: {metafunc.definition.nodeid} is marked with {MARK} but takes neither the fixture {MARK} nor item: "
            "add one of them to its arguments"
        )


@pytest.fixture(scope="session")
def nucleus_model(pytestconfig: pytest.Config) -> str | None:
    """The model that scores are uploaded for, as it was named; None if nothing is uploaded."""
    return model_of(pytestconfig)


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> Scenario:
    """Records the scores of the item that the test is about; of tests with the mark `scenario`."""
    if not hasattr(request, "param"):
        pytest.fail(
            f"the fixtures {MARK} and item are for tests of items: mark this one with @pytest.mark.{MARK}('name of a scenario "
            "test')",
            pytrace=False,
        )
    return plugin_of(request.config).start(request.node, request.param)


@pytest.fixture
def item(scenario: Scenario) -> DatasetItem:
    """The item that the test is about; of tests with the mark `scenario`."""
    return scenario.item


def model_of(config: pytest.Config) -> str | None:
    """The model's name by option, environment or ini file; None if there is none."""
    return (
        config.getoption("nucleus_model") or os.environ.get("NUCLEUS_MODEL") or config.getini("nucleus_model") or None
    )


def plugin_of(config: pytest.Config) -> Plugin:
    """The plugin, loaded when it is first needed."""
    plugin: Any = config.pluginmanager.get_plugin(_NAME)
    if plugin is None:
        from nucleus._pytest.plugin import Plugin

        plugin = Plugin(config, model_of(config))
        config.pluginmanager.register(plugin, _NAME)
    found: Plugin = plugin
    return found


class _Reports:
    """Hands over the scores that a report brings, also from a worker of pytest-xdist, whose controller collects no tests."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the scores before the report is shown."""
        scores = getattr(report, "nucleus_scores", None)
        if scores is not None:
            plugin_of(self._config).keep(report.nodeid, scores)


def _takes_ours(metafunc: pytest.Metafunc) -> bool:
    """Whether the function takes the fixture `scenario` of this module, and not another plugin's or project's of that name."""
    # pytest has no public way to ask; without the attribute the mark is taken for ours.
    fixtures = getattr(metafunc, "_arg2fixturedefs", {}).get(MARK)
    return MARK in metafunc.fixturenames and (not fixtures or fixtures[-1].func.__module__ == __name__)


def _part(text: str) -> float:
    """A number in [0, 1]."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"expected a number in [0, 1], got {text!r}")
    return number
