"""Users, keys, status."""

from __future__ import annotations

from nucleus_server import __version__
from nucleus_server.domain import Role
from tests.support.server import ADMIN_KEY
from tests.unit.cli.conftest import Cli


def test_users(cli: Cli) -> None:
    """Created, listed, promoted by name; the last admin stays."""
    made = cli.json("users", "create", "alice", "--role", "viewer")
    assert set(made) == {"id", "name", "role", "created_at", "deactivated_at"} and made["created_at"].endswith("Z")
    assert cli.json("users", "set-role", "alice", "admin") == {**made, "role": "admin"}
    assert cli.json("users", "set-role", made["id"], "member")["role"] == "member"
    assert "User bob (member)" in cli.text("users", "create", "bob")
    assert [user["name"] for user in cli.json("users", "list")] == ["nucleus", "admin", "alice", "bob"]
    assert "alice" in cli.text("users", "list")
    assert "Keep alice" in cli.run("users", "deactivate", "alice", code=3, answer="no\n").stderr
    assert cli.json("users", "deactivate", "alice", "--yes")["deactivated_at"]
    assert "(member, deactivated)" in cli.text("users", "deactivate", "alice", "--yes")
    assert cli.json("users", "activate", "alice")["deactivated_at"] is None
    assert "last admin" in cli.error("users", "set-role", "admin", "viewer")
    assert "exists already" in cli.error("users", "create", "alice")
    assert "no user has the id or name 'carol'; there is" in cli.error("users", "set-role", "carol", "viewer")
    cli.run("users", "set-role", "alice", "owner", code=3)
    member = cli.api.new_key("dave", Role.MEMBER)
    assert "only an admin" in cli.error("users", "create", "x", key=member)


def test_keys(cli: Cli) -> None:
    """The secret is printed once; expiry and last use are listed; revoking asks."""
    cli.run("users", "create", "alice")
    made = cli.json("keys", "create", "ci", "--user", "alice", "--role", "viewer", "--expires-days", 30)
    assert made["secret"].startswith(made["hint"].rstrip("…")) and made["expires_at"]
    assert cli.json("status", key=made["secret"])["user_name"] == "alice"
    listed = {key["name"]: key for key in cli.json("keys", "list")}
    assert listed["ci"]["last_used_at"] and listed["ci"]["revoked_at"] is None and "secret" not in listed["ci"]
    shown = cli.text("keys", "list")
    assert made["secret"] not in shown and made["hint"] in shown and "never" in shown
    lines = cli.text("keys", "create", "laptop").splitlines()
    assert len(lines) == 2 and lines[1].startswith("nv_")
    assert "for ever?" in cli.run("keys", "revoke", "ci", code=3, answer="no\n").stderr
    assert cli.json("keys", "revoke", made["id"], "--yes")["revoked_at"]
    assert "Revoked" in cli.text("keys", "revoke", "laptop", "--yes")
    assert "was revoked" in cli.error("status", key=made["secret"])
    assert "no key has the id or name" in cli.error("keys", "revoke", "nothing", "--yes")
    assert "no user named" in cli.error("keys", "create", "x", "--user", "nobody")
    assert "at most member" in cli.error("keys", "create", "x", "--user", "alice", "--role", "admin")


def test_status(cli: Cli) -> None:
    """Where, as whom, how much."""
    found = cli.json("status")
    assert found == {
        "endpoint": "http://testserver/v1/nucleus",
        "version": __version__,
        "workspace": "default",
        "user_name": "admin",
        "role": "admin",
        "key_id": found["key_id"],
        "key_name": "first admin key",
        "key_expires_at": None,
        "counts": dict.fromkeys(("datasets", "items", "slices", "models", "functions", "tests", "evaluations"), 0),
        "jobs_running": 0,
        "uploads_staging": 0,
    }
    shown = cli.text("status")
    assert "admin (admin)" in shown and __version__ in shown and ADMIN_KEY not in shown
