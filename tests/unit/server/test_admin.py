"""Routes of users, keys and status."""

from __future__ import annotations

from nucleus_server import __version__
from nucleus_server.domain import Role
from tests.support.api import BASE, Api, assert_error


def test_users(sqlite_api: Api) -> None:
    """Created, listed, promoted; names and roles are checked."""
    made = sqlite_api.post("admin/users", {"name": "alice", "role": "viewer"}).json()["user"]
    assert set(made) == {"id", "name", "role", "created_at", "deactivated_at"} and made["role"] == "viewer"
    assert sqlite_api.post(f"admin/users/{made['id']}", {"role": "member"}).json()["user"]["role"] == "member"
    users = {user["name"]: user for user in sqlite_api.get("admin/users").json()["users"]}
    assert users["alice"] == made | {"role": "member"}
    assert sqlite_api.post("admin/users", {"name": "bob"}).json()["user"]["role"] == "member"
    assert_error(sqlite_api.post("admin/users", {"name": "alice"}), 409, "user_exists")
    assert_error(sqlite_api.post("admin/users", {"name": " "}), 422, "invalid_name")
    assert_error(sqlite_api.post("admin/users", {"name": "x", "role": "owner"}), 422, "invalid_role")
    assert_error(sqlite_api.post("admin/users/usr_x", {"role": "member"}), 404, "user_not_found")
    assert_error(sqlite_api.post(f"admin/users/{users['admin']['id']}", {"role": "member"}), 409, "last_admin")


def test_members_administer_only_their_keys(sqlite_api: Api) -> None:
    """Users and other people's keys are for admins; a viewer changes nothing."""
    member, viewer = sqlite_api.new_key("alice", Role.MEMBER), sqlite_api.new_key("victor", Role.VIEWER)
    user_id = next(u["id"] for u in sqlite_api.get("admin/users").json()["users"] if u["name"] == "victor")
    assert_error(sqlite_api.post("admin/users", {"name": "x"}, key=member), 403, "permission_denied")
    assert_error(sqlite_api.post(f"admin/users/{user_id}", {"role": "admin"}, key=member), 403, "permission_denied")
    assert_error(
        sqlite_api.post("admin/keys", {"name": "x", "user_name": "victor"}, key=member), 403, "permission_denied"
    )
    assert_error(sqlite_api.post("admin/keys", {"name": "x"}, key=viewer), 403, "permission_denied")
    assert [k["user_name"] for k in sqlite_api.get("admin/keys", key=member).json()["keys"]] == ["alice"]
    assert {k["user_name"] for k in sqlite_api.get("admin/keys").json()["keys"]} == {"admin", "alice", "victor"}
    own = sqlite_api.post("admin/keys", {"name": "mine", "role": "viewer"}, key=member).json()["key"]
    assert (own["user_name"], own["role"]) == ("alice", "viewer")
    assert_error(sqlite_api.post("admin/keys", {"name": "x", "role": "admin"}, key=member), 422, "role_above_user")


def test_keys(sqlite_api: Api) -> None:
    """The secret is shown once and works until it is revoked; an end is a moment in the future."""
    sqlite_api.post("admin/users", {"name": "alice"})
    made = sqlite_api.post(
        "admin/keys", {"name": "ci", "user_name": "alice", "role": "viewer", "expires_at": "2100-01-31T12:00:00+01:00"}
    ).json()
    secret, key = made["secret"], made["key"]
    assert key["expires_at"] == "2100-01-31T11:00:00.000Z" and key["last_used_at"] is key["revoked_at"] is None
    assert sqlite_api.get("models", key=secret).status_code == 200
    listed = sqlite_api.get("admin/keys")
    assert secret not in listed.text
    assert next(k for k in listed.json()["keys"] if k["id"] == key["id"])["last_used_at"]
    revoked = sqlite_api.http.delete(f"{BASE}/admin/keys/{key['id']}", headers=sqlite_api.headers()).json()["key"]
    assert revoked["revoked_at"]
    assert_error(sqlite_api.get("models", key=secret), 401, "revoked_key")
    for expires_at, code in (
        ("soon", "invalid_date"),
        ("2020-01-01", "expiry_in_the_past"),
        ("9999-12-31T23:59:59-23:00", "invalid_date"),
    ):
        assert_error(sqlite_api.post("admin/keys", {"name": "x", "expires_at": expires_at}), 422, code)
    assert_error(sqlite_api.post("admin/keys", {"name": "x", "user_name": "nobody"}), 404, "user_not_found")
    assert_error(sqlite_api.http.delete(f"{BASE}/admin/keys/key_x", headers=sqlite_api.headers()), 404, "key_not_found")


def test_status(sqlite_api: Api) -> None:
    """Who asks, with which key, and how much there is."""
    sqlite_api.client().create_dataset("d")
    answer = sqlite_api.get("status", key=sqlite_api.new_key("victor", Role.VIEWER)).json()
    assert (answer["version"], answer["workspace"]) == (__version__, "default")
    assert (answer["user_name"], answer["role"]) == ("victor", "viewer")
    assert answer["key"]["name"] == "test" and answer["key"]["expires_at"] is None
    assert answer["counts"] == {
        "datasets": 1,
        "items": 0,
        "slices": 0,
        "models": 0,
        "functions": 0,
        "tests": 0,
        "evaluations": 0,
    }
    assert (answer["jobs_running"], answer["uploads_staging"]) == (0, 0)


def test_users_are_kept_out_and_the_workspace_is_renamed(sqlite_api: Api) -> None:
    """By admins, with the reason where it cannot be."""
    client = sqlite_api.client()
    key = sqlite_api.new_key("max", Role.MEMBER)
    (user,) = [user for user in client.users() if user.name == "max"]
    out = client.set_user_active(user.id, False)
    assert out.deactivated_at is not None and client.set_user_active(user.id, False) == out
    assert_error(sqlite_api.get("status", key=key), 401, "user_deactivated")
    assert_error(sqlite_api.post("admin/keys", {"name": "x", "user_name": "max"}), 409, "user_inactive")
    assert client.set_user_active(user.id, True).deactivated_at is None
    assert sqlite_api.get("status", key=key).status_code == 200
    (me,) = [user for user in client.users() if user.name == "admin"]
    assert_error(sqlite_api.post(f"admin/users/{me.id}/active", {"is_active": False}), 409, "last_admin")
    assert_error(
        sqlite_api.post(f"admin/users/{user.id}/active", {"is_active": True}, key=key), 403, "permission_denied"
    )
    sqlite_api.new_key("second", Role.ADMIN)
    assert_error(sqlite_api.post(f"admin/users/{me.id}/active", {"is_active": False}), 409, "own_user")
    client.rename_workspace("Perception")
    assert client.status().workspace == "Perception"
    assert_error(sqlite_api.post("admin/workspace", {"name": " "}), 422, "invalid_name")
    assert_error(sqlite_api.post("admin/workspace", {"name": "x"}, key=key), 403, "permission_denied")
    sqlite_api.services.store.create_workspace("other")
    assert_error(sqlite_api.post("admin/workspace", {"name": "other"}), 409, "workspace_exists")
