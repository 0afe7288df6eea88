"""Logging in, staying in, and being kept out."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from starlette.testclient import TestClient

from nucleus import DatasetItem
from nucleus_server.app import create_app, open_services
from nucleus_server.config import load_settings
from tests.support.api import Api
from tests.support.server import ADMIN_KEY


def form_token(api: Api, path: str = "/login") -> str:
    """The token in a page's form."""
    field = BeautifulSoup(api.http.get(path).text, "html.parser").select_one("input[name=csrf_token]")
    assert field is not None
    return str(field["value"])


def log_in(api: Api, **fields: str) -> str:
    """Log in by key; where the browser is sent."""
    data = {"key": ADMIN_KEY, "csrf_token": form_token(api), "next": "/"} | fields
    answer = api.http.post("/login", data=data, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_pages_need_a_login(sqlite_api: Api) -> None:
    """And lead back to where one wanted to go."""
    answer = sqlite_api.http.get("/tests/st_x?a=1", follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"] == "/login?next=%2Ftests%2Fst_x%3Fa%3D1"
    assert log_in(sqlite_api, next="/tests/st_x?a=1") == "/tests/st_x?a=1"
    assert log_in(sqlite_api, next="//evil.example") == "/"


def test_login_form_must_be_ours(sqlite_api: Api) -> None:
    """A form of another site has no token of this browser."""
    form_token(sqlite_api)
    for token in ("", "forged"):
        data = {"key": ADMIN_KEY, "csrf_token": token}
        assert sqlite_api.http.post("/login", data=data, follow_redirects=False).status_code == 403
    assert sqlite_api.http.get("/", follow_redirects=False).status_code == 303


def test_logout_must_be_ours(sqlite_api: Api) -> None:
    """Without the token one stays logged in."""
    log_in(sqlite_api)
    assert sqlite_api.http.post("/logout", data={"csrf_token": "x"}, follow_redirects=False).status_code == 403
    assert sqlite_api.http.get("/", follow_redirects=False).status_code == 200
    token = form_token(sqlite_api, "/")
    assert sqlite_api.http.post("/logout", data={"csrf_token": token}, follow_redirects=False).status_code == 303
    assert sqlite_api.http.get("/", follow_redirects=False).status_code == 303


def test_forged_cookie_is_no_session(sqlite_api: Api) -> None:
    """Signed by nobody, it is ignored."""
    for value in ("", "x", "WyJrZXlfMSIsIngiXQ.x.x"):
        sqlite_api.http.cookies.set("nucleus_session", value)
        assert sqlite_api.http.get("/", follow_redirects=False).status_code == 303
        sqlite_api.http.cookies.clear()


@pytest.mark.parametrize(("public_url", "is_secure"), [(None, False), ("https://n.example.com", True)])
def test_cookie_flags(tmp_path: Path, public_url: str | None, is_secure: bool) -> None:
    """HttpOnly and SameSite always, Secure where users come by https."""
    services = open_services(load_settings(data_dir=tmp_path, public_url=public_url, env={}))
    services.store.upgrade()
    actor = services.access.ensure_bootstrap(ADMIN_KEY)
    with TestClient(create_app(services)) as http:
        link = f"/login/{services.access.new_login_link(actor.user_id)}"
        cookie = http.get(link, follow_redirects=False).headers["set-cookie"].lower()
    services.store.close()
    assert "httponly" in cookie and "samesite=lax" in cookie
    assert ("secure" in cookie) is is_secure


def test_policy_of_pages(sqlite_api: Api) -> None:
    """No inline script or style, nothing from elsewhere, no frames; unknown addresses get a page too."""
    log_in(sqlite_api)
    for path in ("/", "/login", "/nowhere", "/tests/st_unknown", "/evaluations/ev_unknown?page=x&order=y"):
        answer = sqlite_api.http.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["content-type"].startswith("text/html")
        page = BeautifulSoup(answer.text, "html.parser")
        assert not page.select("[style], [onclick], style, script:not([src])")
    assert sqlite_api.http.get("/nowhere").status_code == 404
    assert sqlite_api.http.get("/tests/st_unknown").status_code == 404


def test_first_page_says_what_to_run(sqlite_api: Api) -> None:
    """The empty state is code for this very server."""
    log_in(sqlite_api)
    page = BeautifulSoup(sqlite_api.http.get("/").text, "html.parser")
    code = page.select_one("section.empty code")
    assert code is not None and "http://testserver/v1/nucleus" in code.text
    compile(code.text, "empty state", "exec")


def test_deleted_slices_keep_their_tests_on_the_page(sqlite_api: Api) -> None:
    """Hidden slices still have a name."""
    client = sqlite_api.client()
    dataset = client.create_dataset("Streets")
    dataset.append([DatasetItem(reference_id="a", text="t")])
    part = dataset.create_slice("Rain", ["a"])
    function = client.validate.create_external_eval_function("f")
    test = client.validate.create_scenario_test("Wet streets", part.id, [function])
    client.delete_slice(part.id)
    log_in(sqlite_api)
    page = BeautifulSoup(sqlite_api.http.get("/").text, "html.parser")
    summary = page.select_one("tbody.test th.name")
    assert summary is not None and "slice Rain" in summary.text and "dataset Streets" in summary.text
    assert sqlite_api.http.get(f"/tests/{test.id}").status_code == 200
