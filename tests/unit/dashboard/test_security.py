"""What holds for every page and every form, also those that nobody has written yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie

import pytest
from bs4 import BeautifulSoup
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from nucleus_server.domain import Role
from tests.support.api import Api
from tests.unit.dashboard.test_session import form_token, log_in

_BEFORE_LOGIN = {"/login"}
_FILES = re.compile(r"/(static|media|card)/|\.(csv|parquet|html|\{form\})$")


def routes_of(found: list[BaseRoute]) -> Iterator[APIRoute]:
    """All routes, also those of routers that are included whole."""
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from routes_of(getattr(getattr(route, "original_router", route), "routes", None) or [])


def dashboard_routes(api: Api) -> list[APIRoute]:
    """The routes of pages and forms."""
    app = api.http.app
    found = [r for r in routes_of(app.routes) if not r.include_in_schema]  # type: ignore[attr-defined]
    assert len(found) > 50
    return found


def addresses(api: Api, *, reading: bool) -> list[tuple[str, str]]:
    """(method, address) of every route, with names for what stands in braces."""
    return [
        (method, re.sub(r"\{[^}]+\}", "x_unknown", route.path))
        for route in dashboard_routes(api)
        for method in sorted(route.methods)
        if (method in ("GET", "HEAD")) is reading and (reading or route.path != "/{path:path}")  # 405 for all else
    ]


def test_every_form_needs_the_token_of_its_session(sqlite_api: Api) -> None:
    """Without it, with a wrong one, and with that of another session: refused, whoever sends it."""
    log_in(sqlite_api)
    other_token = form_token(sqlite_api, "/settings")
    sqlite_api.http.cookies.clear()
    log_in(sqlite_api)
    assert form_token(sqlite_api, "/settings") != other_token
    found = [(m, path) for m, path in addresses(sqlite_api, reading=False) if path not in _BEFORE_LOGIN]
    assert len(found) >= 20 and {method for method, _ in found} == {"POST"}
    for method, path in found:
        for data in ({}, {"csrf_token": ""}, {"csrf_token": "wrong"}, {"csrf_token": other_token}):
            answer = sqlite_api.http.request(method, path, data={"name": "x"} | data, follow_redirects=False)
            assert answer.status_code == 403 and "form" in answer.text, (path, data, answer.status_code)
    assert sqlite_api.http.get("/", follow_redirects=False).status_code == 200  # not even logged out


def test_no_form_does_anything_without_a_session(sqlite_api: Api) -> None:
    """One is sent to log in first; what was sent is not done later."""
    for method, path in addresses(sqlite_api, reading=False):
        if path not in _BEFORE_LOGIN:
            answer = sqlite_api.http.request(method, path, data={"csrf_token": "x"}, follow_redirects=False)
            assert answer.status_code == 303 and answer.headers["location"].startswith("/login"), path


def test_viewers_change_nothing_by_any_form(sqlite_api: Api) -> None:
    """Also with the right token: 403, or there is no such object."""
    log_in(sqlite_api, key=sqlite_api.new_key("vera", Role.VIEWER))
    token = form_token(sqlite_api, "/settings")
    for _, path in addresses(sqlite_api, reading=False):
        if path not in ("/login", "/logout"):
            answer = sqlite_api.http.post(path, data={"csrf_token": token, "name": "x"}, follow_redirects=False)
            assert answer.status_code in (403, 404, 422), (path, answer.status_code)
    operator = sqlite_api.services.access.operator()
    ws = sqlite_api.services.store.workspace(operator.workspace_id, operator)
    assert {entry.user_name for entry in ws.list_audit()} == {"admin"}


@pytest.mark.parametrize("is_logged_in", [True, False])
def test_every_page_has_the_policy(sqlite_api: Api, is_logged_in: bool) -> None:
    """Pages, parts of pages, files and failures: no inline script or style, no eval, no frame, no cache, no sniffing."""
    if is_logged_in:
        log_in(sqlite_api)
    found = [path for method, path in addresses(sqlite_api, reading=True) if method == "GET"]
    assert len(found) >= 30
    for path in found:
        for headers in ({}, {"HX-Request": "true"}):
            answer = sqlite_api.http.get(path, headers=headers, follow_redirects=False)
            if answer.status_code == 303 or _FILES.search(path):
                continue
            assert answer.status_code in (200, 401, 404, 422), (path, answer.status_code)
            policy = dict(
                part.strip().split(" ", 1)
                for part in answer.headers["content-security-policy"].split(";")
                if part.strip()
            )
            assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'", path
            assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'", path
            assert policy["img-src"] == "'self' data:" and "unsafe" not in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff", path
            assert answer.headers["cache-control"] == "no-store", path
            assert answer.headers["referrer-policy"] == "same-origin", path
            page = BeautifulSoup(answer.text, "html.parser")
            inline = "[style], style, script:not([src]):not([type='application/json'])"
            assert page.select(inline) == [], path
            assert [tag for tag in page.find_all() if any(name.startswith("on") for name in tag.attrs)] == [], path


def test_cookies_cannot_be_read_by_scripts_or_made_up(sqlite_api: Api) -> None:
    """HttpOnly and SameSite for both; a changed signature is no session."""
    cookies = SimpleCookie()
    cookies.load(sqlite_api.http.get("/login").headers["set-cookie"])
    form = cookies["nucleus_form"]
    assert form["httponly"] and form["samesite"] == "lax" and form["path"] == "/"
    log_in(sqlite_api)
    value = sqlite_api.http.cookies["nucleus_session"]
    sqlite_api.http.cookies.clear()
    for forged in (value[:-1] + ("a" if value[-1] != "a" else "b"), "x" + value, value.rpartition(".")[0]):
        sqlite_api.http.cookies.set("nucleus_session", forged)
        assert sqlite_api.http.get("/", follow_redirects=False).status_code == 303
        sqlite_api.http.cookies.clear()
