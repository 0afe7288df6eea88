"""Users, keys and status by the client, against the server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

import nucleus
from tests.support.api import Api
from tests.unit.sdk.wire import Wire


def test_users(sqlite_api: Api) -> None:
    """Created, listed, promoted."""
    client = sqlite_api.client()
    alice = client.create_user("alice")
    assert (alice.name, alice.role, alice.created_at.tzinfo) == ("alice", "member", timezone.utc)
    assert client.set_user_role(alice.id, "viewer").role == "viewer"
    assert {user.name: user.role for user in client.users()}["alice"] == "viewer"
    admin = next(user for user in client.users() if user.name == "admin")
    with pytest.raises(nucleus.ConflictError) as caught:
        client.set_user_role(admin.id, "viewer")
    assert caught.value.code == "last_admin"


def test_keys(sqlite_api: Api) -> None:
    """The secret is on the answer of the creation only, and in no repr."""
    client = sqlite_api.client()
    client.create_user("alice")
    tomorrow = datetime.now() + timedelta(days=1)  # noqa: DTZ005 - local time, as users write it
    key = client.create_api_key("ci", user_name="alice", role="viewer", expires_at=tomorrow)
    assert key.secret is not None and key.secret not in repr(key)
    assert key.expires_at is not None and abs(key.expires_at - tomorrow.astimezone()) < timedelta(seconds=1)
    status = sqlite_api.client(key.secret).status()
    assert (status.user_name, status.role, status.key_id, status.key_name) == ("alice", "viewer", key.id, "ci")
    assert status.key_expires_at == key.expires_at
    listed = {k.id: k for k in client.api_keys()}[key.id]
    assert listed.secret is None and listed.last_used_at is not None
    assert client.revoke_api_key(key.id).revoked_at is not None
    with pytest.raises(nucleus.AuthenticationError):
        sqlite_api.client(key.secret).status()


def test_status(sqlite_api: Api) -> None:
    """What there is in numbers."""
    client = sqlite_api.client()
    client.create_model("m", "m")
    status = client.status()
    assert (status.workspace, status.user_name, status.role) == ("default", "admin", "admin")
    assert status.counts["models"] == 1 and sum(status.counts.values()) == 1
    assert (status.jobs_running, status.uploads_staging) == (0, 0)


def test_status_without_a_key(wire: Wire) -> None:
    """A server that knows the asking user by other means than a key says so."""
    wire.routes["GET", "status"] = {
        "version": "1",
        "workspace": "w",
        "user_name": "u",
        "role": "viewer",
        "key": None,
        "counts": {},
        "jobs_running": 1,
        "uploads_staging": 2,
    }
    status = wire.client().status()
    assert (status.key_id, status.key_name, status.key_expires_at) == (None, None, None)
