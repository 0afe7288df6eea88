"""Secrets become actors, and stop being ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nucleus_server.domain import Role
from nucleus_server.errors import InvalidInput, NotFound, Unauthenticated
from nucleus_server.services.access import Access, new_secret
from nucleus_server.storage import Store, WorkspaceStore
from tests.support.store_dump import dump

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'n.db'}", clock=clock)
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture
def access(store: Store, clock: Clock) -> Access:
    return Access(store, b"secret", clock)


@pytest.fixture
def ws(store: Store, access: Access) -> WorkspaceStore:
    actor = access.ensure_bootstrap("admin-key")
    return store.workspace(actor.workspace_id, actor)


def code_of(access: Access, key: str) -> str:
    """Why a key is refused."""
    with pytest.raises(Unauthenticated) as refusal:
        access.authenticate(key)
    return refusal.value.code


def test_bootstrap_twice_is_once(store: Store, access: Access, ws: WorkspaceStore) -> None:
    """Starting again with the same key changes nothing; another key is added to the same admin."""
    before = dump(store)
    assert access.ensure_bootstrap("admin-key") == ws.actor
    assert dump(store) == before
    assert access.ensure_bootstrap("second-key").user_id == ws.actor.user_id
    assert access.authenticate("second-key").role is Role.ADMIN
    assert access.operator().user_id == ws.actor.user_id


@pytest.mark.parametrize("key", ["", "short", " padded-key ", "with:colon-inside"])
def test_bad_bootstrap_keys(access: Access, key: str) -> None:
    """Keys that Basic authentication would mangle, or anyone could guess."""
    with pytest.raises(InvalidInput):
        access.ensure_bootstrap(key)


def test_key_lives_until_it_expires_or_is_revoked(access: Access, ws: WorkspaceStore, clock: Clock) -> None:
    """Each end has its own code; the secret itself is nowhere in the database."""
    ws.create_user("alice", Role.MEMBER)
    secret, key = access.create_key(ws, "ci", user_name="alice", expires_at=NOW + timedelta(days=1))
    actor = access.authenticate(secret)
    assert (actor.user_name, actor.role) == ("alice", Role.MEMBER)
    assert access.actor_of_session(key.id) == actor
    assert key.hint.rstrip("…") == secret[:6]
    clock.now += timedelta(days=1)
    assert code_of(access, secret) == "expired_key"
    assert access.actor_of_session(key.id) is None
    clock.now = NOW
    ws.revoke_key(key.id)
    assert code_of(access, secret) == "revoked_key"
    assert access.actor_of_session(key.id) is None
    assert code_of(access, "nv_unknown") == "unknown_key"
    assert access.actor_of_session("nobody") is None


def test_secrets_are_stored_as_keyed_hashes(store: Store, access: Access, ws: WorkspaceStore) -> None:
    """Neither the secret nor its plain hash is in the database, and another secret key opens nothing."""
    secret, _ = access.create_key(ws, "ci")
    assert secret not in repr(dump(store))
    assert code_of(Access(store, b"other secret"), secret) == "unknown_key"


def test_new_secrets_have_enough_bits() -> None:
    """192 bits in base64, and never the same."""
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100 and all(len(s) == 35 and s.startswith("nv_") for s in secrets)


def test_login_link_once_and_in_time(access: Access, ws: WorkspaceStore, clock: Clock) -> None:
    """A quarter of an hour, one use."""
    token = access.new_login_link(ws.actor.user_id)
    assert access.redeem_login_link(token).user_id == ws.actor.user_id
    with pytest.raises(Unauthenticated, match="used already"):
        access.redeem_login_link(token)
    late = access.new_login_link(ws.actor.user_id)
    clock.now += timedelta(minutes=15)
    with pytest.raises(Unauthenticated):
        access.redeem_login_link(late)


def test_operator_needs_a_workspace(access: Access) -> None:
    """Before the first start there is nobody to act as."""
    with pytest.raises(NotFound, match="nucleus serve"):
        access.operator()
