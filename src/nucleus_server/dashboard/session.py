"""Who looks at a page: a signed cookie that names a key or a user, checked anew at every request."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.responses import Response

from nucleus_server.domain import Actor
from nucleus_server.errors import PermissionDenied
from nucleus_server.services.app_services import AppServices

COOKIE = "nucleus_session"
_FORM_COOKIE = "nucleus_form"
_LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """A logged-in browser: who it acts for, and the token its forms must carry."""

    actor: Actor
    csrf_token: str


class Sessions:
    """Makes, reads and ends sessions."""

    def __init__(self, services: AppServices) -> None:
        self._services = services
        self._session = URLSafeTimedSerializer(services.secret, salt="session")
        self._form = URLSafeTimedSerializer(services.secret, salt="login-form")

    def of(self, request: Request) -> Session | None:
        """The request's session; None if there is none, or its key was revoked."""
        cookie = request.cookies.get(COOKIE)
        if cookie is None:
            return None
        try:
            subject, csrf_token = self._session.loads(cookie, max_age=int(_LIFE.total_seconds()))
        except (BadSignature, ValueError):
            return None
        actor = self._services.access.actor_of_session(subject)
        return None if actor is None else Session(actor, csrf_token)

    def start(self, request: Request, response: Response, actor: Actor) -> None:
        """Log the browser in as this actor."""
        value = self._session.dumps([actor.api_key_id or actor.user_id, secrets.token_urlsafe(16)])
        self._set(request, response, COOKIE, str(value), max_age=int(_LIFE.total_seconds()))
        response.delete_cookie(_FORM_COOKIE)

    def end(self, response: Response) -> None:
        """Log the browser out."""
        response.delete_cookie(COOKIE)

    def new_form_token(self, request: Request, response: Response) -> str:
        """A token for the login form, which has no session yet: the same value in a cookie and in the form."""
        token = str(self._form.dumps(secrets.token_urlsafe(16)))
        self._set(request, response, _FORM_COOKIE, token, max_age=3600)
        return token

    def check_login_form(self, request: Request, token: str) -> None:
        """Raise PermissionDenied unless the login form came from our own page."""
        cookie = request.cookies.get(_FORM_COOKIE, "")
        try:
            self._form.loads(cookie, max_age=3600)
        except BadSignature as error:
            raise _foreign_form() from error
        if not secrets.compare_digest(cookie.encode(), token.encode()):
            raise _foreign_form()

    @staticmethod
    def check_form(session: Session, token: str) -> None:
        """Raise PermissionDenied unless a form came from our own page."""
        if not secrets.compare_digest(session.csrf_token.encode(), token.encode()):
            raise _foreign_form()

    def _set(self, request: Request, response: Response, name: str, value: str, *, max_age: int) -> None:
        public_url = self._services.public_url or str(request.base_url)
        response.set_cookie(
            name, value, max_age=max_age, httponly=True, samesite="lax", secure=public_url.startswith("https://")
        )


def _foreign_form() -> PermissionDenied:
    return PermissionDenied(
        "this form is too old, or did not come from this page: load the page again and repeat", code="foreign_form"
    )


def safe_path(text: str | None) -> str:
    """A path on this server to go on to; anything else becomes the home page."""
    if text is None or not text.startswith("/") or text.startswith(("//", "/\\")) or any(c < " " for c in text):
        return "/"
    return text
