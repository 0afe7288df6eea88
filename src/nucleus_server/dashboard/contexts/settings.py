"""What owners decide about a test and its functions, and what the test can detect."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.shared import Frame, doc


@dataclass(frozen=True, slots=True)
class SettingsPart:
    """What the owner of a test decides beside its criteria."""

    is_blocking: bool = doc("Whether a release must not go out while the test fails.")
    tags: tuple[str, ...] = doc("Words by which suites are chosen.")
    cluster: str = doc("What makes members alike, and who said so.")
    cluster_path: str = doc("The page of the dataset's cluster key.")
    settings: Form | None = doc("The form; None if the reader may not change it.")
    baseline: Form | None = doc("The form that chooses the baseline; None if the reader may not.")
    no_form: str = doc("Why there is no form; empty if there is one.")


@dataclass(frozen=True, slots=True)
class Power:
    """What a test can detect by one of its functions."""

    function_name: str = doc("The function.")
    path: str = doc("The page of the function's criterion in this test.")
    sentence: str = doc("What can be detected, as a sentence.")
    detectable: str = doc("The minimum detectable effect, or –.")
    standard_error: str = doc("The standard error of a difference, or –.")
    clusters: str = doc("How many clusters, by what, and who said so.")
    wished: str | None = doc("How many clusters the wished effect needs, as a sentence; None if none was wished.")
    how: str = doc("From which evaluations that is known.")


@dataclass(frozen=True, slots=True)
class PowerPart:
    """What a test can detect, function by function."""

    power: tuple[Power, ...] = doc("One for each function.")


@dataclass(frozen=True, slots=True)
class MarginNote:
    """A margin that past noise suggests."""

    margin: str = doc("The margin, or – if nothing suggests one.")
    how: str = doc("How it was found.")
    use_path: str | None = doc("The same page with that margin filled in; None if there is none to fill in.")


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """One entry of the criteria history."""

    when: str = doc("When, UTC.")
    user_name: str = doc("Who.")
    what: str = doc("What was put in force, or set on a function.")


@dataclass(frozen=True, slots=True)
class RulePage:
    """The criterion of one function in one test."""

    frame: Frame = doc("What surrounds the page.")
    test_name: str = doc("The test.")
    test_path: str = doc("The test's page.")
    function_name: str = doc("The function.")
    function_path: str | None = doc("The function's page; None if it was deleted.")
    direction: str = doc("Whether higher or lower is better.")
    criterion: str = doc("Comparison and threshold in force.")
    mode: str = doc("How a gate decides, in force.")
    mode_why: str = doc("What that mode asks.")
    margin: str = doc("The margin in force.")
    cluster: str = doc("What makes members alike, and who said so.")
    form: Form | None = doc("The form; None if the reader may not change it.")
    no_form: str = doc("Why there is no form; empty if there is one.")
    proposal: MarginNote = doc("The margin that past noise suggests.")
    meter: Power = doc("What the test can detect by this function.")
    effect: Form = doc("The form that asks how many clusters a wished effect needs.")
    modes: tuple[tuple[str, str], ...] = doc("All modes, and what each asks.")
    history: tuple[CriterionRow, ...] = doc("What was set on this function in this test and as baseline, newest first.")
    notice: str | None = doc("What has just happened.")


@dataclass(frozen=True, slots=True)
class SuggestionRow:
    """Something that looks as if it made members alike."""

    name: str = doc("What it is.")
    n_clusters: str = doc("How many clusters it makes.")
    why: str = doc("Why it looks so.")


@dataclass(frozen=True, slots=True)
class ClusterKeyPage:
    """What makes items of a dataset alike."""

    frame: Frame = doc("What surrounds the page.")
    dataset_path: str = doc("The dataset's page.")
    dataset_name: str = doc("The dataset.")
    in_force: str = doc("What is set.")
    suggestions: tuple[SuggestionRow, ...] = doc("What looks as if it made items alike.")
    form: Form | None = doc("The form; None if the reader may not change it.")
    no_form: str = doc("Why there is no form; empty if there is one.")
    tests: tuple[tuple[str, str, str], ...] = doc("The dataset's tests: names, pages, and what applies to each.")
    notice: str | None = doc("What has just happened.")
