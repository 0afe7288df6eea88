"""Reports, releases, waivers and the audit log: what is shown, who may do what, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from bs4 import BeautifulSoup

from nucleus_server.dashboard.pages import audit, releases
from nucleus_server.domain import Role
from tests.support.api import Api
from tests.unit.dashboard.browsing import page, send, texts
from tests.unit.dashboard.test_session import form_token, log_in
from tests.unit.dashboard.verdicts import HOSTILE, World

SOON = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"


@pytest.fixture
def world(sqlite_api: Api) -> World:
    """A workspace with verdicts, logged in as admin."""
    made = World(sqlite_api)
    log_in(sqlite_api)
    return made


def started(world: World, model: str) -> str:
    """The page of a new release of a model."""
    answer = send(world.api, f"/report?model={world.models[model].id}", "#start", name=f"release of {model}")
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_a_report_sums_up_and_leads_on(world: World) -> None:
    """The sentence, five lines, the entries with what they weigh, and the three items that weigh most."""
    shown = page(world.api, f"/report?model={world.models['v2'].id}")
    assert texts(shown.select(".sentence")) == [
        "✗ failed v2 must not be released: 1 of 1 criteria fails (iou on Night)."
    ]
    assert texts(shown.select(".lines dt")) == ["Verdict", "Blockers", "Inconclusive", "Waivers", "Coverage"]
    assert texts(shown.select(".lines dd"))[2:] == ["none", "none", "1 evaluation complete"]
    (row,) = shown.select("#entries tbody tr")
    assert "▼ worse" in row.text and "(Benjamini–Hochberg)" in row.text and "16 clusters by drive" in row.text
    assert len(shown.select("#top-items tbody tr")) == 3
    link = row.select_one("a[href^='/compare/']")
    assert link is not None and link["href"] == world.compare_path()
    assert shown.select_one("#progress") is None and not shown.select("[style], style")


def test_a_report_is_asked_for_by_form(world: World) -> None:
    """Without a candidate there is only the form; what cannot be reported is explained above it."""
    empty = page(world.api, "/report")
    assert texts(empty.select("#chooser-model option")) == ["choose a model", "v1", "v2", "v3"]
    assert empty.select_one("#entries") is None and empty.select_one("#start") is None
    for query in ("model=prj_unknown", f"model={world.models['v2'].id}&tag=none", f"model={world.models['v2'].id}&q=x"):
        answer = world.api.http.get(f"/report?{query}")
        refused = BeautifulSoup(answer.text, "html.parser")
        assert answer.status_code == 422 and len(texts(refused.select("[role=alert]"))) == 1
        assert refused.select_one("#chooser") is not None
    empty_values = page(world.api, f"/report?model={world.models['v3'].id}&baseline=&tag=&mode=")
    assert empty_values.select_one("#entries") is not None


def test_a_report_that_is_computed_shows_no_half(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """How far it is, polled each second; then all of it."""
    monkeypatch.setattr(releases, "_PATIENCE_S", 0.0)
    path = f"/report?model={world.models['v2'].id}"
    waiting = page(world.api, path)
    assert texts(waiting.select("#progress p"))[0] == "0 of 1 verdict computed."
    assert waiting.select_one("#entries") is None and waiting.select_one(".sentence") is None
    poll = waiting.select_one("#progress")
    assert poll is not None and poll["hx-trigger"] == "every 1s"
    progress = str(poll["hx-get"])
    assert "hx-refresh" not in world.api.http.get(progress, headers={"HX-Request": "true"}).headers
    assert world.api.http.get(progress, follow_redirects=False).headers["location"] == path
    release = started(world, "v2")
    assert page(world.api, release).select_one("#progress") is not None
    world.work()
    for place in (progress, f"{release}/progress"):
        assert world.api.http.get(place, headers={"HX-Request": "true"}).headers["hx-refresh"] == "true"
    assert page(world.api, path).select_one("#entries") is not None


def test_blocked_then_waived_then_approved_then_the_baseline(world: World) -> None:
    """The life of a release; what was decided on stays as it was."""
    release = started(world, "v2")
    refused = send(world.api, release, "#decision", button="Approve", note="please <b>")
    assert refused.status_code == 409
    shown = BeautifulSoup(refused.text, "html.parser")
    assert "criteria fails without a waiver (iou on Night)" in texts(shown.select("main > .problem"))[0]
    assert texts(shown.select("#decision textarea")) == ["please <b>"]
    assert page(world.api, release).select_one("#decision") is not None

    form = "#waivers form.fields"
    late = send(world.api, release, form, reason="", expires="2020-01-01")
    assert late.status_code == 422
    shown = BeautifulSoup(late.text, "html.parser")
    assert texts(shown.select("#waivers details[open] .problem"))[1:] == [
        "✗ expected some text, got nothing",
        "✗ expected a day that is not over yet",
    ]
    assert send(world.api, release, form, reason="known since May", owner=HOSTILE, expires=SOON).status_code == 303
    shown = page(world.api, release)
    assert shown.select_one("#waivers form.fields") is None
    assert f"waived until {SOON} 23:59 UTC by {HOSTILE}: known since May" in texts(shown.select("#entries .waiver"))[0]
    assert texts(shown.select("#decision-card .verdict")) == ["✓ can be approved"]
    for path, place in (("/", ".waived .hidden"), (f"/tests/{world.test.id}", "td p.aside")):
        assert f"waived until {SOON} 23:59 UTC by {HOSTILE}" in texts(page(world.api, path).select(place)), path

    assert (
        send(world.api, release, "#decision", button="Approve", note="fine")
        .headers["location"]
        .endswith("done=approved")
    )
    shown = page(world.api, release)
    assert texts(shown.select("h1 .verdict")) == ["✓ approved"] and shown.select_one("#decision") is None
    assert "The report below is as it was then." in shown.text
    world.upload("v2", 0.1, 9)
    assert texts(page(world.api, release).select("#entries .n"))[:3] == texts(shown.select("#entries .n"))[:3]
    assert world.api.http.post(f"{release}/decision", data=_token(world) | {"decision": "rejected"}).status_code == 409

    assert send(world.api, release, "#promote").headers["location"].endswith("done=promoted")
    assert world.ws.get_scenario_test(world.test.id).baseline_model_id == world.models["v2"].id
    shown = page(world.api, release)
    assert shown.select_one("#promote") is None and "The candidate is the baseline of these tests since" in shown.text
    assert texts(page(world.api, "/releases").select("tbody th")) == ["release of v2"]

    later = page(world.api, started(world, "v3"))
    rows = [texts(row.select("th, td")) for row in later.select("#changes tbody tr")]
    assert rows == [["Night", "baseline", "v1", "v2"]]


def _token(world: World) -> dict[str, str]:
    return {"csrf_token": form_token(world.api, "/releases")}


def test_waivers_are_listed_and_revoked(world: World) -> None:
    """By status; revoked ones stay in the list, and what they were for counts again."""
    release = started(world, "v2")
    assert "Nothing was waived." in page(world.api, "/waivers").text
    send(world.api, release, "#waivers form.fields", reason="known", expires=SOON, scope="any")
    shown = page(world.api, "/waivers")
    cells = texts(shown.select("tbody th, tbody td"))
    assert cells[:7] == ["⚑ active", "Night", "iou", "any model", "known", "admin", f"{SOON} 23:59"]
    assert texts(page(world.api, f"/tests/{world.test.id}").select("#waivers tbody th")) == ["Night"]
    answer = send(world.api, "/waivers", "tbody form")
    assert answer.headers["location"] == "/waivers?done=revoked"
    shown = page(world.api, "/waivers?status=revoked&done=revoked")
    assert texts(shown.select("tbody .verdict")) == ["✗ revoked"] and shown.select_one("tbody form") is None
    assert page(world.api, "/waivers?status=active").select_one("table") is None
    assert texts(page(world.api, release).select("#decision-card .verdict")) == ["✗ blocked"]


def test_rejecting_needs_no_waiver(world: World) -> None:
    """A decision that is neither is refused."""
    release = started(world, "v2")
    assert world.api.http.post(f"{release}/decision", data=_token(world) | {"decision": "x"}).status_code == 422
    assert send(world.api, release, "#decision", button="Reject").headers["location"].endswith("done=rejected")
    shown = page(world.api, release)
    assert texts(shown.select("h1 .verdict")) == ["✗ rejected"] and shown.select_one("#promote") is None
    answer = world.api.http.post(f"{release}/promote", data=_token(world))
    assert answer.status_code == 409


def test_viewers_have_no_forms_and_are_refused(world: World) -> None:
    """On every page that has one; nothing changes."""
    release = started(world, "v2")
    send(world.api, release, "#waivers form.fields", reason="known", expires=SOON)
    (waiver,) = world.ws.list_waivers()
    log_in(world.api, key=world.api.new_key("vera", Role.VIEWER))
    rule = f"/tests/{world.test.id}/functions/{world.function.id}"
    cluster = f"/datasets/{world.dataset.id}/cluster-key"
    test = f"/tests/{world.test.id}"
    before = len(world.ws.list_audit(limit=1000))
    for path in (
        release,
        f"/report?model={world.models['v2'].id}",
        "/waivers",
        test,
        rule,
        cluster,
        world.compare_path(),
    ):
        assert page(world.api, path).select("main form[method=post]") == [], path
    posts = {
        "/releases": {"name": "x", "report": f"/report?model={world.models['v2'].id}"},
        f"{release}/decision": {"decision": "rejected", "note": ""},
        f"{release}/promote": {},
        f"{release}/waivers": {"test": world.test.id, "function": world.function.id, "reason": "r", "owner": "o"}
        | {"scope": "any", "expires": SOON},
        f"/waivers/{waiver.id}/revoke": {},
        f"{test}/settings": {"tags": "a", "cluster": "item"},
        f"{test}/baseline": {"model": ""},
        rule: {"threshold": "0.1", "margin": "0", "mode": "", "comparison": "greater_than"},
        cluster: {"cluster": "item"},
    }
    for path, data in posts.items():
        assert world.api.http.post(path, data=data | _token(world)).status_code == 403, path
    assert len(world.ws.list_audit(limit=1000)) == before
    log_in(world.api)
    for path, data in posts.items():
        assert world.api.http.post(path, data=data | {"csrf_token": "forged"}).status_code == 403, path
    assert len(world.ws.list_audit(limit=1000)) == before


def test_the_audit_log_is_paged_and_filtered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first, nothing twice and nothing left out; changes say what was and what became of it."""
    everything = world.ws.list_audit(limit=1000)
    monkeypatch.setattr(audit, "PAGE_SIZE", 4)
    path, seen = "/audit", 0
    while path:
        shown = page(world.api, path)
        seen += len(shown.select("tbody tr"))
        older = shown.select_one("a[rel=next]")
        path = str(older["href"]) if older is not None else ""
    assert seen == len(everything) > 8
    mine = page(world.api, f"/audit?object={world.test.id}")
    assert {a.text for a in mine.select("tbody code a")} == {world.test.id}
    world.test.set_tags(["nightly", HOSTILE])
    (row, *_) = page(world.api, f"/audit?object={world.test.id}").select("tbody tr")
    assert texts(row.select("dd")) == [f"– → {', '.join(sorted(['nightly', HOSTILE]))}"]
    assert "There is no such entry." in page(world.api, "/audit?object=nothing").text
    for query in ("before=yesterday", "since=1.2.2026", "until=2026-13-01"):
        assert world.api.http.get(f"/audit?{query}").status_code == 422
    made = page(world.api, "/audit?action=slice%3A+create")
    assert set(texts(made.select("tbody th"))) == {"slice: create"}
    files = [str(a["href"]) for a in made.select(".files a")]
    assert files[0] == "/audit.csv?action=slice%3A+create"
    assert "eval_function.create" not in world.api.http.get(files[0]).text
    (user,) = [each for each in world.ws.list_users() if each.name == everything[0].user_name]
    today = f"{everything[0].created_at:%Y-%m-%d}"
    assert page(world.api, f"/audit?user={user.id}&since={today}&until={today}").select("tbody tr")
    assert not page(world.api, f"/audit?user={user.id}&since=2099-01-01").select("tbody tr")
