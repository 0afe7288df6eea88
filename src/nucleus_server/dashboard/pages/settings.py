"""What owners decide about tests, functions in tests and datasets, and what a test can detect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nucleus_server.dashboard.contexts import ClusterKeyPage, Form, Frame, SettingsPart, SuggestionRow
from nucleus_server.dashboard.pages.forms import FormMaker, button, may_change, no_form
from nucleus_server.dashboard.pages.shared import UNDEFINED
from nucleus_server.dashboard.pages.verdict_words import cluster_in_force, cluster_name
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.domain import (
    MAX_TAG,
    MAX_TAGS,
    ClusterBy,
    ClusterChoice,
    ScenarioTest,
    TestFunction,
    TestSettings,
)
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.clusters import Clusters, suggestions

_METADATA = "metadata:"

_NO_KEY = "no key: each function's default decides"


def settings_part(
    ws: WorkspaceStore,
    test: ScenarioTest,
    entries: Sequence[TestFunction],
    models: Mapping[str, str],
    sent: SentForm | None = None,
) -> SettingsPart:
    """The settings of a test, with forms for those who may change them; `models` are those with a result, id → name."""
    settings = ws.test_settings(test.id)
    may = may_change(ws.actor, test.owner_id)
    clusters = Clusters(ws)
    resolved = [clusters.resolve(test, entry.function) for entry in entries]
    is_open = any(cluster.source == "none" for cluster in resolved)
    return SettingsPart(
        is_blocking=settings.is_blocking,
        tags=settings.tags,
        cluster="; ".join(sorted(set(map(cluster_name, resolved)))) or UNDEFINED,
        cluster_path=f"/datasets/{test.dataset_id}/cluster-key",
        settings=_settings_form(ws, test, settings, is_open, sent) if may else None,
        baseline=_baseline_form(test, models, sent) if may else None,
        no_form=no_form(ws.actor, test.owner_id, owner_name(ws, test.owner_id), "these settings"),
    )


def cluster_key_page(
    ws: WorkspaceStore, frame: Frame, dataset_id: str, *, notice: str | None = None, sent: SentForm | None = None
) -> ClusterKeyPage:
    """What makes items of a dataset alike, and what applies to its tests."""
    dataset = ws.get_dataset(dataset_id)
    choice = ws.cluster_choice(dataset_id)
    tests = sorted((t for t in ws.list_scenario_tests() if t.dataset_id == dataset_id), key=lambda t: t.name)
    clusters = Clusters(ws)
    form = None
    if may_change(ws.actor, dataset.owner_id):
        maker = FormMaker("cluster-key", f"/datasets/{dataset_id}/cluster-key", sent)
        inherited = "by scene, as in every dataset of scenes" if dataset.is_scene else _NO_KEY
        _add_cluster_field(maker, choice, ws.metadata_keys(dataset.key), inherited, dataset.is_scene)
        form = maker.made(button("Save"))
    return ClusterKeyPage(
        frame=frame,
        dataset_path=f"/datasets/{dataset_id}",
        dataset_name=dataset.name,
        in_force=cluster_in_force(choice, dataset),
        suggestions=tuple(
            SuggestionRow(each.choice.key or "reference ids", f"{each.n_clusters:,}", each.why)
            for each in suggestions(ws, dataset.key)
        ),
        form=form,
        no_form=no_form(ws.actor, dataset.owner_id, owner_name(ws, dataset.owner_id), "the cluster key"),
        tests=tuple((test.name, f"/tests/{test.id}", _applied(ws, clusters, test)) for test in tests),
        notice=notice,
    )


def set_settings(ws: WorkspaceStore, test_id: str, sent: SentForm) -> None:
    """Put what was changed in force; nothing if something is wrong with it."""
    test = ws.get_scenario_test(test_id)
    tags = sent.words("tags", most=MAX_TAGS, longest=MAX_TAG)
    keys = ws.metadata_keys(ws.get_dataset(test.dataset_id).key)
    cluster = _sent_choice(sent, keys, ws.test_settings(test_id).cluster)
    if not sent.problems:
        ws.set_test_settings(
            test_id,
            is_blocking=sent.values.get("is_blocking") == "yes" if sent.is_changed("is_blocking") else None,
            tags=tags if sent.is_changed("tags") else None,
            cluster=cluster if sent.is_changed("cluster") else None,
        )


def set_cluster_key(ws: WorkspaceStore, dataset_id: str, sent: SentForm) -> None:
    """Put what was sent in force; nothing if something is wrong with it."""
    keys = ws.metadata_keys(ws.get_dataset(dataset_id).key)
    choice = _sent_choice(sent, keys, ws.cluster_choice(dataset_id))
    if not sent.problems:
        ws.set_dataset_cluster(dataset_id, choice)


def set_baseline(ws: WorkspaceStore, test_id: str, sent: SentForm) -> None:
    """Make the chosen model the baseline, or none."""
    model_id = sent.choice("model", ["", *(model.id for model in ws.list_models())])
    if not sent.problems:
        ws.set_baseline_model(test_id, model_id or None)


def owner_name(ws: WorkspaceStore, user_id: str) -> str:
    """The name of the user who owns something."""
    return next((user.name for user in ws.list_users() if user.id == user_id), "its owner")


def _settings_form(
    ws: WorkspaceStore, test: ScenarioTest, settings: TestSettings, is_open: bool, sent: SentForm | None
) -> Form:
    # Looking for clusters reads columns: only if nobody has said yet what they are.
    found = suggestions(ws, test.dataset_key, only_by_name=True) if is_open else ()
    dataset = ws.get_dataset(test.dataset_id)
    used = {tag for each in ws.list_scenario_tests() for tag in each.tags}
    maker = FormMaker("settings", f"/tests/{test.id}/settings", sent)
    maker.add(
        "is_blocking",
        "Blocks releases",
        "check",
        "yes" if settings.is_blocking else "",
        "A release must not go out while this test fails; its p values are adjusted more strictly.",
    )
    maker.add(
        "tags",
        "Tags",
        "line",
        ", ".join(settings.tags),
        "Words by which suites are chosen, with commas between them.",
        suggestions=sorted(used),
    )
    _add_cluster_field(
        maker,
        settings.cluster,
        ws.metadata_keys(dataset.key),
        f"as set for the dataset ({cluster_in_force(ws.cluster_choice(test.dataset_id), dataset)})",
        dataset.is_scene,
        {each.choice: f"{each.n_clusters:,} clusters; {each.why}" for each in found},
    )
    return maker.made(button("Save settings"))


def _baseline_form(test: ScenarioTest, models: Mapping[str, str], sent: SentForm | None) -> Form:
    maker = FormMaker("baseline", f"/tests/{test.id}/baseline", sent)
    maker.add(
        "model",
        "Baseline model",
        "choice",
        test.baseline_model_id or "",
        "A model that was evaluated here; its newest evaluation is what others are compared with.",
        choices=[("", "no baseline"), *sorted(models.items(), key=lambda model: model[1])],
    )
    return maker.made(button("Save baseline"))


def _add_cluster_field(
    maker: FormMaker,
    choice: ClusterChoice,
    keys: Iterable[str],
    inherited: str,
    is_scene: bool,
    suggested: dict[ClusterChoice, str] | None = None,
) -> None:
    notes = suggested or {}
    choices = [(ClusterBy.INHERIT.value, inherited), (ClusterBy.ITEM.value, "each item its own")]
    if is_scene:
        choices.append((ClusterBy.SCENE.value, "by scene"))
    known = dict.fromkeys([*keys, *([choice.key] if choice.key is not None else [])])
    for key in known:
        note = notes.get(ClusterChoice(ClusterBy.METADATA, key))
        choices.append((f"{_METADATA}{key}", f"by {key}" if note is None else f"by {key} ({note})"))
    maker.add(
        "cluster",
        "Cluster key",
        "choice",
        _choice_value(choice),
        "Items with the same value are alike, such as frames of one drive, and count as one observation together.",
        choices=choices,
    )


def _sent_choice(sent: SentForm, keys: Iterable[str], before: ClusterChoice) -> ClusterChoice:
    known = [
        ClusterBy.INHERIT.value,
        ClusterBy.ITEM.value,
        ClusterBy.SCENE.value,
        *(f"{_METADATA}{key}" for key in keys),
    ]
    value = sent.choice("cluster", [*known, _choice_value(before)])
    if value.startswith(_METADATA):
        return ClusterChoice(ClusterBy.METADATA, value.removeprefix(_METADATA))
    return ClusterChoice(ClusterBy(value)) if value in known else before


def _choice_value(choice: ClusterChoice) -> str:
    return f"{_METADATA}{choice.key}" if choice.by is ClusterBy.METADATA else choice.by.value


def _applied(ws: WorkspaceStore, clusters: Clusters, test: ScenarioTest) -> str:
    resolved = [clusters.resolve(test, entry.function) for entry in ws.list_test_functions(test.id)]
    return "; ".join(sorted({cluster_name(cluster) for cluster in resolved})) or UNDEFINED
