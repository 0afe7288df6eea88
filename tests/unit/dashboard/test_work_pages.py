"""Jobs as they run, and the settings: keys that are shown once, users, roles."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from nucleus_server.dashboard.pages.jobs import _STATUSES, _WORDS, JOBS_PAGE_SIZE
from nucleus_server.domain import JobStatus, JobType, Role
from nucleus_server.errors import Unauthenticated
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.worker import Worker
from nucleus_server.storage import LeaseLost
from tests.support.api import Api
from tests.support.server import ADMIN_KEY
from tests.unit.dashboard.browsing import data_of, page, send, texts
from tests.unit.dashboard.test_session import log_in
from tests.unit.dashboard.verdicts import HOSTILE, World


@pytest.fixture
def api(sqlite_api: Api) -> Api:
    """An empty workspace, logged in as admin."""
    log_in(sqlite_api)
    return sqlite_api


def admin(api: Api) -> WorkspaceStore:
    """The workspace as its admin sees it."""
    operator = api.services.access.operator()
    return api.services.store.workspace(operator.workspace_id, operator)


def test_jobs_are_followed_until_they_end(sqlite_api: Api) -> None:
    """The list asks for itself again while one waits or runs; afterwards it is still."""
    world = World(sqlite_api)
    log_in(sqlite_api)
    world.work()
    still = page(sqlite_api, "/jobs")
    n_before = len(still.select("#jobs tbody tr"))
    assert still.select("[hx-get]") == []
    world.ws.request_verdicts({"questions": []}, 4)
    waiting = page(sqlite_api, "/jobs")
    rows = waiting.select("#jobs tbody tr")
    assert len(rows) == n_before + 1 and "○ waiting" in rows[0].text and "compute verdicts" in rows[0].text
    assert str(waiting.select("#jobs[hx-get]")[0]["hx-get"]) == "/jobs"
    part = sqlite_api.http.get("/jobs?show=unfinished", headers={"HX-Request": "true"})
    assert "<html" not in part.text and 'hx-get="/jobs?show=unfinished"' in part.text
    assert len(page(sqlite_api, "/jobs?show=unfinished").select("#jobs tbody tr")) == 1
    assert "There is no such job." in texts(page(sqlite_api, "/jobs?show=failed").select("#jobs"))[0]


def test_a_job_that_failed_says_why(api: Api) -> None:
    """And is found among those that failed."""
    jobs = api.services.store.jobs
    for place in range(2):
        admin(api).request_verdicts({"place": place}, 1)
        job = jobs.lease(lease_s=60)
        assert job is not None
        if place == 0:
            jobs.fail(job, HOSTILE)
        else:
            jobs.refuse(job, {"error": HOSTILE})
    (again,) = page(api, "/jobs?show=unfinished").select("#jobs tbody tr")  # it is tried a second time
    assert texts(again.select(".problem")) == [f"✗ {HOSTILE}"]
    (ended,) = page(api, "/jobs?show=failed").select("#jobs tbody tr")
    assert "✗ failed" in ended.text and texts(ended.select(".problem")) == [f"✗ {HOSTILE}"]


def test_a_job_is_cancelled_on_its_page(api: Api) -> None:
    """After a second thought; then it says so, and again it is refused with the reason."""
    job_id = admin(api).request_verdicts({"verdicts": []}, 4)
    running = api.services.store.jobs.lease(lease_s=60)
    assert running is not None
    api.services.store.jobs.renew(running, n_done=1)
    shown = page(api, f"/jobs/{job_id}")
    assert "1 of 4 steps done." in shown.select("#progress")[0].text
    part = api.http.get(f"/jobs/{job_id}/progress", headers={"HX-Request": "true"})
    assert part.status_code == 200 and "<html" not in part.text and "hx-refresh" not in part.headers
    cancelled = send(api, f"/jobs/{job_id}", "#cancel form")
    assert cancelled.headers["location"] == f"/jobs/{job_id}?done=cancelled"
    after = page(api, cancelled.headers["location"])
    assert "⊘ cancelled" in after.select("h1")[0].text and "Cancelled: nothing more" in after.text
    assert after.select("#progress, #cancel") == []
    part = api.http.get(f"/jobs/{job_id}/progress", headers={"HX-Request": "true"})
    assert part.headers["hx-refresh"] == "true"
    with pytest.raises(LeaseLost):
        api.services.store.jobs.finish(running, {})
    assert "job: cancel" in page(api, str(after.select("dd a[href^='/audit']")[0]["href"])).text
    (row,) = page(api, "/jobs?show=cancelled&type=compareEvaluations").select("#jobs tbody tr")
    assert str(row.select("th a")[0]["href"]) == f"/jobs/{job_id}"
    assert page(api, "/jobs?type=uploadScores").select("#jobs tbody tr") == []
    done = admin(api).delete_dataset(api.client().create_dataset("d").id)
    assert "is not cancelled" in page(api, f"/jobs/{done.id}").text
    Worker(api.services.store, api.services.media).run_once()
    token = data_of(page(api, "/settings").select("#new-key")[0])
    refused = api.http.post(f"/jobs/{done.id}/cancel", data=token)
    assert refused.status_code == 409 and "is Completed already" in refused.text


def test_only_who_may_cancels_on_the_page(api: Api) -> None:
    """Others see why there is no button, and sending the form all the same is refused."""
    job_id = admin(api).request_verdicts({"verdicts": []}, 4)
    for role, why in ((Role.MEMBER, "Only admin, who owns it"), (Role.VIEWER, "Viewers change nothing")):
        log_in(api, key=api.new_key(role.value, role))
        shown = page(api, f"/jobs/{job_id}")
        assert shown.select("#cancel") == [] and why in shown.text
        token = str(shown.select("form.who [name=csrf_token]")[0]["value"])
        assert api.http.post(f"/jobs/{job_id}/cancel", data={"csrf_token": token}).status_code == 403


def test_every_type_of_job_has_words() -> None:
    """A new type cannot break the list."""
    assert set(_WORDS) == set(JobType) and set(_STATUSES) == set(JobStatus)


def test_jobs_have_pages(api: Api) -> None:
    """Fifty on each, and the filter stays in the address."""
    for place in range(JOBS_PAGE_SIZE + 1):
        admin(api).request_verdicts({"place": place}, 1)
    first = page(api, "/jobs?show=unfinished")
    assert len(first.select("#jobs tbody tr")) == JOBS_PAGE_SIZE and "Page 1 of 2 · 51 jobs" in texts([first])[0]
    older = str(first.select("#jobs [rel=next]")[0]["href"])
    assert older == "/jobs?show=unfinished&page=2"
    assert len(page(api, older).select("#jobs tbody tr")) == 1
    assert page(api, "/jobs?page=99").select("#jobs[hx-get='/jobs?page=2']") != []


def test_what_a_job_made_and_refused_is_a_link(sqlite_api: Api) -> None:
    """To verdicts, tests and uploads; rows that were refused stand in a table."""
    world = World(sqlite_api)
    log_in(sqlite_api)
    world.work()
    for job in world.ws.list_jobs():
        for link in page(sqlite_api, f"/jobs/{job.id}").select("#made a"):
            assert sqlite_api.http.get(str(link["href"])).status_code == 200, link
    world.ws.request_verdicts({"verdicts": [{"baseline": "ev_a", "candidate": "ev_b"}] * 12}, 12)
    queue = sqlite_api.services.store.jobs
    leased = queue.lease(lease_s=60)
    assert leased is not None
    problems = [
        {"field": "scores[3]", "value": HOSTILE, "message": "expected a number"},
        {"field": "x", "message": "y"},
    ]
    queue.refuse(leased, {"error": HOSTILE, "errors": problems, "n_errors": 7, "rejected_upload_id": "up_1"})
    shown = page(sqlite_api, f"/jobs/{leased.id}")
    assert texts(shown.select("#errors tbody tr")[0].select("th, td")) == ["scores[3]", HOSTILE, "expected a number"]
    assert "2 of 7" in shown.text and shown.select("a[href='/uploads/up_1/bad-rows']") != []
    assert len(shown.select("#made a")) == 10 and "and 2 more" in shown.text
    assert sqlite_api.http.get("/jobs/job_none").status_code == 404


def test_a_key_is_shown_once(api: Api) -> None:
    """It works, it can be revoked, and then it does not work any more."""
    made = send(api, "/settings", "#new-key", name=HOSTILE, role="member")
    assert made.status_code == 200
    (secret,) = re.findall(r"nv_[\w-]{20,}", made.text)
    actor = api.services.access.authenticate(secret)
    assert actor.role is Role.MEMBER and actor.api_key_id is not None
    again = page(api, "/settings")
    assert secret not in again.text and HOSTILE in texts(again.select("#keys tbody th"))[0]
    revoked = send(api, "/settings", f"form[action='/settings/keys/{actor.api_key_id}/revoke']")
    assert revoked.status_code == 303 and "Revoked" in page(api, revoked.headers["location"]).text
    with pytest.raises(Unauthenticated, match="revoked"):
        api.services.access.authenticate(secret)
    assert "✗ revoked" in page(api, "/settings").select("#keys tbody tr")[0].text


def test_what_cannot_be_right_is_explained(api: Api) -> None:
    """And makes no key and no user."""
    n_keys = len(admin(api).list_keys())
    for typed, expected in (
        ({"name": " "}, "expected some text, got nothing"),
        ({"name": "x", "role": "owner"}, "expected viewer or member or admin"),
        ({"name": "x", "expires_at": "2020-01-01"}, "expected a day from today on"),
        ({"name": "x", "expires_at": "soon"}, "expected a day such as"),
    ):
        refused = send(api, "/settings", "#new-key", **typed)
        assert refused.status_code == 422 and expected in refused.text, typed
    assert len(admin(api).list_keys()) == n_keys
    assert send(api, "/settings", "#new-key", name="x", expires_at="2099-01-01").status_code == 200
    assert send(api, "/settings", "#new-user", name="ana", role="viewer").status_code == 303
    refused = send(api, "/settings", "#new-user", name="ana", role="viewer")
    assert refused.status_code == 422 and "exists already" in refused.text


def test_roles_are_set_and_one_admin_stays(api: Api) -> None:
    """The last admin keeps the role."""
    send(api, "/settings", "#new-user", name="ana", role="viewer")
    (ana,) = [user for user in admin(api).list_users() if user.name == "ana"]
    saved = send(api, "/settings", f"form[action='/settings/users/{ana.id}']", role="member")
    assert saved.headers["location"] == "/settings?done=role"
    (user,) = [user for user in admin(api).list_users() if user.name == "ana"]
    assert user.role is Role.MEMBER
    me = admin(api).actor.user_id
    refused = send(api, "/settings", f"form[action='/settings/users/{me}']", role="viewer")
    assert refused.status_code == 422 and "last admin" in refused.text
    assert send(api, "/settings", f"form[action='/settings/users/{me}']", role="god").status_code == 422


def test_an_admin_makes_keys_for_others(api: Api) -> None:
    """Shown once, with whose it is; at most the user's role; not for who is out, nor for the server's own user."""
    admin(api).create_user("max", Role.MEMBER)
    shown = page(api, "/settings")
    assert texts(shown.select("#new-key-user option")) == ["admin (you)", "max"]
    made = send(api, "/settings", "#new-key", name="CI", user="max", role="viewer")
    assert "The new key of max" in made.text
    (secret,) = re.findall(r"nv_[\w-]{20,}", made.text)
    actor = api.services.access.authenticate(secret)
    assert (actor.user_name, actor.role) == ("max", Role.VIEWER)
    assert "max" in texts(page(api, "/settings").select("#other-keys tbody tr"))[0]
    refused = send(api, "/settings", "#new-key", name="CI", user="max", role="admin")
    assert refused.status_code == 422 and "at most member" in refused.text
    for name in ("nucleus", "nobody"):
        assert send(api, "/settings", "#new-key", name="x", user=name).status_code == 422
    entry = admin(api).list_audit()[0]
    assert (entry.action, entry.detail) == ("key.create", {"user": "max", "role": "viewer"})


def test_users_are_deactivated_and_let_in_again(api: Api) -> None:
    """Their keys and sessions end at once, and work again afterwards; nobody locks everybody out."""
    key = api.new_key("max", Role.ADMIN)
    (max_,) = [user for user in admin(api).list_users() if user.name == "max"]
    with TestClient(api.http.app, base_url="http://testserver") as other:
        session_of_max = Api(other, api.services)
        log_in(session_of_max, key=key)
        assert other.get("/", follow_redirects=False).status_code == 200
        form = f"form[action='/settings/users/{max_.id}/active']"
        assert send(api, "/settings", form).headers["location"] == "/settings?done=deactivated"
        assert other.get("/", follow_redirects=False).status_code == 303
        with pytest.raises(Unauthenticated, match="was deactivated"):
            api.services.access.authenticate(key)
        with pytest.raises(Unauthenticated, match="was deactivated"):
            api.services.access.redeem_login_link(api.services.access.new_login_link(max_.id))
        row = next(row for row in page(api, "/settings").select("#users tbody tr") if "max" in row.text)
        assert "✗ user is out" in texts(page(api, "/settings").select("#other-keys tbody tr"))[0]
        assert "✗ deactivated" in row.text and "max" not in texts(page(api, "/settings").select("#new-key-user option"))
        me = admin(api).actor.user_id
        token = data_of(page(api, "/settings").select("#new-key")[0])
        for user_id, active, why in ((me, "no", "last admin"), (max_.id, "perhaps", "expected yes or no")):
            refused = api.http.post(f"/settings/users/{user_id}/active", data=token | {"active": active})
            assert refused.status_code == 422 and why in refused.text
        assert send(api, "/settings", form).headers["location"] == "/settings?done=activated"
        assert other.get("/", follow_redirects=False).status_code == 200
    refused = api.http.post(f"/settings/users/{me}/active", data=token | {"active": "no"})
    assert refused.status_code == 422 and "another admin can deactivate you" in refused.text
    assert [entry.action for entry in admin(api).list_audit()][:2] == ["user.activate", "user.deactivate"]


def test_the_workspace_is_renamed(api: Api, sqlite_url: str) -> None:
    """And is found again when the server starts the next time."""
    assert send(api, "/settings", "#rename", name="").status_code == 422
    assert send(api, "/settings", "#rename", name=HOSTILE).headers["location"] == "/settings?done=renamed"
    assert HOSTILE in texts(page(api, "/settings").select("#workspace"))[0]
    assert admin(api).status().workspace_name == HOSTILE
    again = api.services.access.ensure_bootstrap(ADMIN_KEY)
    assert again.workspace_id == admin(api).actor.workspace_id
    entry = admin(api).list_audit()[0]
    assert (entry.action, entry.detail) == ("workspace.rename", {"before": "default", "after": HOSTILE})


def test_members_see_their_own_keys_only(api: Api) -> None:
    """And neither users nor anybody else's key; sending a form all the same is refused."""
    key = api.new_key("max", Role.MEMBER)
    assert "max" in texts(page(api, "/settings").select("#other-keys tbody tr"))[0]
    (others,) = [each for each in admin(api).list_keys() if each.user_name == "admin"]
    log_in(api, key=key)
    shown = page(api, "/settings")
    assert shown.select("#users") == shown.select("#other-keys") == []
    assert len(shown.select("#keys tbody tr")) == 1 and "this session" in shown.text
    assert texts(shown.select("#new-key-role option")) == ["member", "viewer"]
    data = data_of(shown.select("#new-key")[0])
    for path, typed in (
        ("/settings/users", {"name": "x", "role": "admin"}),
        (f"/settings/users/{admin(api).actor.user_id}/active", {"active": "no"}),
        ("/settings/workspace", {"name": "x"}),
        (f"/settings/users/{admin(api).actor.user_id}", {"role": "viewer"}),
        (f"/settings/keys/{others.id}/revoke", {}),
        ("/settings/keys", {"name": "x", "csrf_token": "wrong"}),
    ):
        assert api.http.post(path, data=data | typed).status_code == 403, path
    assert send(api, "/settings", "#new-key", name="x", role="admin").status_code == 422


def test_viewers_change_nothing(api: Api) -> None:
    """No form but the one that logs out."""
    log_in(api, key=api.new_key("vera", Role.VIEWER))
    shown = page(api, "/settings")
    assert shown.select("main form[method=post]") == [] and "Viewers change nothing" in shown.text
    token = str(shown.select("form.who [name=csrf_token]")[0]["value"])
    assert api.http.post("/settings/keys", data={"csrf_token": token, "name": "x"}).status_code == 403


def test_the_workspace_says_what_the_operator_set(api: Api) -> None:
    """Name and media origins; the navigation leads here by keyboard, behind More."""
    shown = page(api, "/settings")
    assert "default" in texts(shown.select("#workspace"))[0] and "NUCLEUS_MEDIA_ORIGINS" in shown.text
    assert texts(shown.select("nav.main summary.current")) == ["More"]
    assert texts(shown.select("nav.main details a")) == ["Waivers", "Jobs", "Audit log", "Settings"]
    for link in shown.select("nav.main a"):
        assert api.http.get(str(link["href"])).status_code == 200
