"""The operator's commands."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from nucleus_server import cli
from nucleus_server.app import open_services
from nucleus_server.cli import register
from nucleus_server.config import load_settings
from nucleus_server.storage import Store

app = typer.Typer()
register(app)


def run(*arguments: str, code: int = 0) -> str:
    """Run a command; its whole output."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder as `serve` leaves it."""
    services = open_services(load_settings(data_dir=tmp_path, env={}))
    services.store.upgrade()
    services.access.ensure_bootstrap("first-admin-key")
    services.store.close()
    return tmp_path


def run_json(*arguments: str) -> Any:
    """Run a command with --json."""
    return json.loads(run(*arguments, "--json"))


def test_admin_key(folder: Path) -> None:
    """A way back in for who owns the database: a fresh key of the first admin, shown once."""
    at = ("--data-dir", str(folder))
    made = run_json("admin-key", *at)
    lines = run("admin-key", *at).splitlines()
    assert len(lines) == 2 and lines[1].startswith("nv_")
    services = open_services(load_settings(data_dir=folder, env={}))
    for secret in (made["secret"], lines[1]):
        actor = services.access.authenticate(secret)
        assert (actor.user_name, actor.role.value) == (made["user_name"], made["role"]) == ("admin", "admin")
    services.store.close()


def test_admin_key_needs_a_workspace(tmp_path: Path) -> None:
    """On an empty database there is nobody to make a key for."""
    run("db", "upgrade", "--data-dir", str(tmp_path))
    assert "nucleus serve" in run("admin-key", "--data-dir", str(tmp_path), code=3)


def test_commands_load_the_server_only_when_they_run() -> None:
    """So that every other command, and the completion of each word, does not wait for it."""
    program = (
        "import sys, typer, nucleus_server.cli; nucleus_server.cli.register(typer.Typer()); "
        "assert not {'fastapi', 'sqlalchemy', 'polars', 'altair'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_the_server_there_are_no_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, for `nucleus serve` to say what to install."""
    monkeypatch.setattr(cli, "find_spec", lambda module: None if module == "fastapi" else module)
    with pytest.raises(ModuleNotFoundError) as caught:
        register(typer.Typer())
    assert caught.value.name == "fastapi"


def test_login_link(folder: Path) -> None:
    """It works once."""
    link = run("login-link", "--data-dir", str(folder), "--address", "https://n.example.com/").strip()
    assert link.startswith("https://n.example.com/login/")
    services = open_services(load_settings(data_dir=folder, env={}))
    assert services.access.redeem_login_link(link.rpartition("/")[2]).user_name == "admin"
    services.store.close()


def test_database_commands(tmp_path: Path) -> None:
    """Upgrade makes the schema; check finds it in order, or says what is not."""
    at = ("--data-dir", str(tmp_path))
    assert "up to date" in run("db", "upgrade", *at)
    assert "in order" in run("db", "check", *at)
    store = Store(f"sqlite:///{tmp_path / 'nucleus.db'}")
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    store.close()
    assert "nucleus db upgrade" in run("db", "check", *at, code=1)


def test_doctor(folder: Path) -> None:
    """Green on a good folder; says what to do on a bad one."""
    checks = run_json("doctor", "--data-dir", str(folder))
    assert all(check["ok"] for check in checks)
    assert {"Python", "data folder", "free disk", "database", "secret.key", "port"} <= {c["check"] for c in checks}
    (folder / "secret.key").chmod(0o644)
    output = run("doctor", "--data-dir", str(folder), "--json", code=1)
    (bad,) = [check for check in json.loads(output) if not check["ok"]]
    assert bad["check"] == "secret.key" and "chmod 600" in bad["what_to_do"]


def test_doctor_and_serve_say_what_is_wrong_with_media(folder: Path) -> None:
    """The file and the bucket, whether the file is private, and never the secret."""
    media = folder / "media.toml"
    media.write_text(
        '[[bucket]]\nname = "pics"\naccess_key_id = "x"\nsecret_access_key = "not to be seen"\nstyle = "odd"\n'
    )
    media.chmod(0o600)
    output = run("doctor", "--data-dir", str(folder), "--json", code=1)
    (bad,) = [check for check in json.loads(output) if not check["ok"]]
    assert bad["check"] == "media settings" and "bucket 1: expected style" in bad["found"]
    served = run("serve", "--port", "0", "--data-dir", str(folder), code=3)
    assert "expected style" in served and "not to be seen" not in output + served
    media.write_text("")
    media.chmod(0o644)
    (bad,) = [c for c in json.loads(run("doctor", "--data-dir", str(folder), "--json", code=1)) if not c["ok"]]
    assert bad["check"] == "media.toml" and "chmod 600" in bad["what_to_do"]
    media.unlink()


def test_serve_says_what_is_wrong(tmp_path: Path) -> None:
    """A port in use, a database of no known kind, an unusable folder."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "--port" in run("serve", "--port", port, "--data-dir", str(tmp_path), code=3)
    output = run("serve", "--port", "0", "--data-dir", str(tmp_path), "--database-url", "mysql://x", code=3)
    assert "postgresql://" in output
    (tmp_path / "file").touch()
    assert "--data-dir" in run("serve", "--port", "0", "--data-dir", str(tmp_path / "file"), code=3)
