"""What owners set by forms: settings and baselines of tests, criteria, cluster keys; and what a test can detect."""

from __future__ import annotations

import pytest

from nucleus_server.dashboard.pages.rules import power_meter
from nucleus_server.domain import ClusterBy, ClusterChoice, Mode, Role
from nucleus_server.services.power import Power
from tests.support.api import Api
from tests.unit.dashboard.browsing import data_of, page, send, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import DRIVE, HOSTILE, World


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """A workspace with verdicts, logged in as admin."""
    made = World(sqlite_api)
    log_in(sqlite_api)
    return made


def test_settings_of_a_test(world: World) -> None:
    """What is saved is shown and logged once; what cannot be right is explained, and nothing is saved."""
    path = f"/tests/{world.test.id}"
    saved = send(world.api, path, "#settings", is_blocking="yes", tags=f"b, a,, {HOSTILE[:90]}", cluster="item")
    assert saved.headers["location"] == f"{path}?saved=yes"
    settings = world.ws.test_settings(world.test.id)
    assert settings.is_blocking and settings.tags == tuple(sorted(["a", "b", HOSTILE[:90]]))
    assert settings.cluster == ClusterChoice(ClusterBy.ITEM)
    shown = page(world.api, f"{path}?saved=yes")
    assert texts(shown.select("[role=status]")) == ["Saved."]
    assert "each item its own (from the test)" in shown.text and "blocks releases" in shown.text
    n_entries = len(world.ws.list_audit(limit=1000))
    send(world.api, path, "#settings")
    assert len(world.ws.list_audit(limit=1000)) == n_entries
    refused = send(world.api, path, "#settings", tags="x" * 101, cluster="metadata:nothing")
    assert refused.status_code == 422 and "expected at most 100 characters each" in refused.text
    assert world.ws.test_settings(world.test.id) == settings
    token = {"csrf_token": str(page(world.api, path).select_one("#settings [name=csrf_token]")["value"])}  # type: ignore[index]
    world.api.http.post(f"{path}/settings", data=token | {"tags": "", "cluster": "inherit"})
    assert not world.ws.test_settings(world.test.id).is_blocking


def test_the_baseline_is_chosen_among_evaluated_models(world: World) -> None:
    """Or taken away."""
    world.client.create_model("never evaluated", "never")
    path = f"/tests/{world.test.id}"
    assert texts(page(world.api, path).select("#baseline-model option")) == ["no baseline", "v1", "v2", "v3"]
    send(world.api, path, "#baseline", model=world.models["v2"].id)
    assert world.ws.get_scenario_test(world.test.id).baseline_model_id == world.models["v2"].id
    send(world.api, path, "#baseline", model="")
    assert world.ws.get_scenario_test(world.test.id).baseline_model_id is None
    assert send(world.api, path, "#baseline", model="prj_unknown").status_code == 422


def test_a_criterion_is_set_as_a_whole(world: World) -> None:
    """In one audited step; a form that comes back shows what was typed."""
    path = f"/tests/{world.test.id}/functions/{world.function.id}"
    n_entries = len(world.ws.list_audit(limit=1000))
    saved = send(world.api, path, "#rule", threshold="0.7", margin="0.02", mode="confident", comparison="greater_than")
    assert saved.headers["location"] == f"{path}?saved=yes"
    (entry,) = world.ws.list_test_functions(world.test.id)
    assert (entry.threshold, entry.margin, entry.mode) == (0.7, 0.02, Mode.CONFIDENT)
    assert len(world.ws.list_audit(limit=1000)) == n_entries + 1
    shown = page(world.api, path)
    assert texts(shown.select(".facts .big"))[:3] == ["> 0.7000", "confident", "±0.02"]
    assert "iou > 0.7000, mode confident, margin 0.02" in texts([page(world.api, f"/tests/{world.test.id}")])[
        0
    ].replace("\u00a0", " ")
    refused = send(world.api, path, "#rule", threshold="much", margin="-1")
    assert refused.status_code == 422 and "Nothing was saved: 2 fields below cannot be right." in refused.text
    assert world.ws.list_test_functions(world.test.id) == [entry]
    send(world.api, path, "#rule", threshold="", margin="", mode="")
    (entry,) = world.ws.list_test_functions(world.test.id)
    assert (entry.threshold, entry.margin, entry.mode) == (None, 0.0, None)
    assert world.api.http.get(f"/tests/{world.test.id}/functions/ef_unknown").status_code == 404


def test_margin_and_power_are_known_from_the_past(world: World) -> None:
    """With the clusters that they hold for; a wished effect is asked for by address."""
    path = f"/tests/{world.test.id}/functions/{world.function.id}"
    world.upload("v3", 0.805, 4)
    shown = page(world.api, path)
    (proposed,) = shown.select("#proposal .figure")
    assert float(proposed.text) > 0 and "successive uploads of one model" in texts(shown.select("#proposal"))[0]
    (use,) = shown.select("#proposal a")
    filled = page(world.api, str(use["href"]).partition("#")[0])
    form = filled.select_one("#rule")
    assert form is not None and data_of(form)["margin"] == proposed.text
    world.api.http.post(path, data=data_of(form))
    assert world.ws.list_test_functions(world.test.id)[0].margin == float(proposed.text)
    assert "with 80 % probability" in texts(shown.select("#power"))[0] and shown.select_one("#wished") is None
    assert "16 clusters by drive (from the dataset)" in texts(shown.select("#power"))[0]
    (wished,) = texts(page(world.api, f"{path}?effect=0.001").select("#wished"))
    assert wished.startswith("For 0.001 you would need ") and wished.endswith("; there are 16.")
    for text in ("0", "-1", "x", "nan"):
        refused = page(world.api, f"{path}?effect={text}")
        assert len(refused.select("#effect-effect-problem")) == 1 and refused.select_one("#wished") is None
    part = world.api.http.get(f"/tests/{world.test.id}/power", headers={"HX-Request": "true"})
    assert "16 clusters by drive (from the dataset)" in part.text and "<html" not in part.text
    answer = world.api.http.get(f"/tests/{world.test.id}/power", follow_redirects=False)
    assert answer.headers["location"] == f"/tests/{world.test.id}"


def test_what_is_not_known_is_said(world: World) -> None:
    """An en dash, never 0."""
    (entry,) = world.ws.list_test_functions(world.test.id)
    meter = power_meter(Power(None, None, 0, 0, DRIVE, 0.01, None, "nothing yet", None, None), entry, "/p")
    assert (meter.detectable, meter.standard_error, meter.clusters, meter.how) == ("–", "–", "–", "Nothing yet.")
    assert meter.sentence == "It is not known yet what this test can detect."
    assert meter.wished == "How many clusters a difference of 0.01 needs is not known yet."


def test_forms_opened_earlier_undo_nothing(world: World) -> None:
    """What was not touched is left as it became meanwhile."""
    rule = f"/tests/{world.test.id}/functions/{world.function.id}"
    opened = {path: page(world.api, path) for path in (rule, f"/tests/{world.test.id}")}
    (metric,) = world.test.get_eval_functions()
    metric.set_rule(threshold=0.5, mode="confident")
    world.test.set_tags(["nightly"])
    for path, form_id, typed in (
        (rule, "#rule", {"margin": "0.03"}),
        (f"/tests/{world.test.id}", "#settings", {"is_blocking": "yes"}),
    ):
        form = opened[path].select_one(form_id)
        assert form is not None
        answer = world.api.http.post(str(form["action"]), data=data_of(form) | typed, follow_redirects=False)
        assert answer.status_code == 303
    (entry,) = world.ws.list_test_functions(world.test.id)
    assert (entry.threshold, entry.margin, entry.mode) == (0.5, 0.03, Mode.CONFIDENT)
    settings = world.ws.test_settings(world.test.id)
    assert settings.is_blocking and settings.tags == ("nightly",)


def test_the_cluster_key_of_a_dataset(world: World) -> None:
    """With what looks like clusters, and what applies to each test."""
    path = f"/datasets/{world.dataset.id}/cluster-key"
    shown = page(world.api, path)
    assert texts(shown.select("#cluster h2")) == ["In force: by drive"]
    assert any(row.startswith("drive") for row in texts(shown.select("tbody tr")))
    assert "Nightby drive (from the dataset)" in texts(shown.select("tbody tr"))
    saved = send(world.api, path, "#cluster-key", cluster="inherit")
    assert saved.headers["location"] == f"{path}?saved=yes"
    assert world.ws.cluster_choice(world.dataset.id) == ClusterChoice(ClusterBy.INHERIT)
    assert "each item its own (no cluster key is set)" in page(world.api, path).text
    assert send(world.api, path, "#cluster-key", cluster="metadata:nothing").status_code == 422
    choices = texts(page(world.api, f"/tests/{world.test.id}").select("#settings-cluster option"))
    assert "by drive (16 clusters; its name says so)" in choices


def test_others_are_told_who_may(world: World) -> None:
    """Members who do not own a test have no form for it."""
    log_in(world.api, key=world.api.new_key("max", Role.MEMBER))
    for path in (
        f"/tests/{world.test.id}",
        f"/tests/{world.test.id}/functions/{world.function.id}",
        f"/datasets/{world.dataset.id}/cluster-key",
    ):
        shown = page(world.api, path)
        assert (
            "Only admin, who owns it, or an admin can change" in shown.text
            and shown.select("main form[method=post]") == []
        )
