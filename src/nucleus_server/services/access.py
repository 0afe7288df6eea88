"""Who is asking: keys, login links and sessions. Only keyed hashes of secrets are ever stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from nucleus_server.domain import Actor, ApiKey, Role
from nucleus_server.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from nucleus_server.storage import Store, WorkspaceStore

WORKSPACE = "default"
"""What the first workspace is called until an admin says otherwise."""
ADMIN = "admin"
LOGIN_LINK_LIFE = timedelta(minutes=15)
_SHORTEST_KEY = 8


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Access:
    """Turns secrets into actors."""

    def __init__(self, store: Store, secret: bytes, clock: Callable[[], datetime] = _utc_now) -> None:
        self._store = store
        self._secret = secret
        self._clock = clock

    def digest(self, text: str) -> bytes:
        """The keyed hash under which a secret is stored."""
        return hmac.new(self._secret, text.encode(), hashlib.sha256).digest()

    def authenticate(self, key: str) -> Actor:
        """The actor of an API key.

        Raises:
            Unauthenticated: The key is unknown, revoked or expired, or its user was deactivated; `code` says which.
        """
        found = self._store.find_key(self.digest(key))
        if found is None:
            raise Unauthenticated(
                "expected an API key of this server, got one it does not know: check NUCLEUS_API_KEY, or ask an admin for "
                "a key",
                code="unknown_key",
            )
        actor, api_key = found
        self._refuse_ended(api_key)
        _refuse_inactive(actor)
        self._store.touch_key(api_key.id)
        return actor

    def actor_of_session(self, subject: str) -> Actor | None:
        """The actor that a session's subject (a key's or a user's id) stands for now; None once it may not act."""
        if subject.startswith("key_"):
            found = self._store.find_key_by_id(subject)
            actor = found[0] if found is not None and self._is_valid(found[1]) else None
        else:
            actor = self._store.find_actor(subject)
        return actor if actor is not None and actor.is_active else None

    def new_login_link(self, user_id: str) -> str:
        """A token that logs this user in once, within a quarter of an hour."""
        token = secrets.token_urlsafe(24)
        self._store.add_login_link(self.digest(token), user_id, self._clock() + LOGIN_LINK_LIFE)
        return token

    def redeem_login_link(self, token: str) -> Actor:
        """The user of a login link, the first time it is used."""
        actor = self._store.redeem_login_link(self.digest(token))
        if actor is None:
            raise Unauthenticated(
                "this login link was used already or is older than 15 minutes: log in with an API key, or start again "
                "with `nucleus login-link`",
                code="login_link_ended",
            )
        _refuse_inactive(actor)
        return actor

    def ensure_bootstrap(self, key: str) -> Actor:
        """The first workspace and its admin, with this key; changes nothing if they exist."""
        if len(key) < _SHORTEST_KEY or key.strip() != key or ":" in key:
            raise InvalidInput(
                f"expected an admin key of at least {_SHORTEST_KEY} characters without blanks at its ends and without a "
                "colon; choose another NUCLEUS_BOOTSTRAP_KEY",
                code="invalid_bootstrap_key",
            )
        try:
            return self._ensure_admin(key)
        except Conflict:  # another process that starts at the same moment was first
            return self._ensure_admin(key)

    def _ensure_admin(self, key: str) -> Actor:
        workspace = self._store.find_first_workspace() or self._store.create_workspace(WORKSPACE)
        return self._store.ensure_admin(
            workspace, ADMIN, key_digest=self.digest(key), hint=_hint(key), key_name="first admin key"
        )

    def operator(self) -> Actor:
        """The admin as whom the operator's own commands act."""
        workspace = self._store.find_first_workspace()
        if workspace is None:
            raise NotFound("this database has no workspace yet: run `nucleus serve` once", code="no_workspace")
        actor = self._store.find_admin(workspace)
        if actor is None:
            raise NotFound("this workspace has no admin: run `nucleus serve` once", code="no_admin")
        return actor

    def create_key(
        self,
        ws: WorkspaceStore,
        name: str,
        *,
        user_name: str | None = None,
        role: Role | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[str, ApiKey]:
        """A new key and its secret, which is shown this once."""
        secret = new_secret()
        key = ws.create_key(
            name,
            digest=self.digest(secret),
            hint=_hint(secret),
            user_name=user_name,
            role=role,
            expires_at=expires_at,
        )
        return secret, key

    def _is_valid(self, key: ApiKey) -> bool:
        return key.revoked_at is None and (key.expires_at is None or key.expires_at > self._clock())

    def _refuse_ended(self, key: ApiKey) -> None:
        if key.revoked_at is not None:
            raise Unauthenticated(
                f"this API key ({key.hint}) was revoked on {key.revoked_at:%Y-%m-%d}: ask an admin for a new one",
                code="revoked_key",
            )
        if not self._is_valid(key):
            raise Unauthenticated(
                f"this API key ({key.hint}) expired on {key.expires_at:%Y-%m-%d}: ask an admin for a new one",
                code="expired_key",
            )


def new_secret() -> str:
    """A fresh API key: 192 random bits."""
    return "nv_" + secrets.token_urlsafe(24)


def _refuse_inactive(actor: Actor) -> None:
    if not actor.is_active:
        raise Unauthenticated(
            f"the user {actor.user_name!r} was deactivated: an admin can activate the user again",
            code="user_deactivated",
        )


def _hint(secret: str) -> str:
    return f"{secret[:6]}…"
