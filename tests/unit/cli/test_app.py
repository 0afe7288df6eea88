"""The `nucleus` command as a whole: its parts, its connection, how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, version
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from typer.testing import CliRunner, Result

import nucleus
from nucleus._cli import main, session
from nucleus._cli.app import create_app
from nucleus._cli.outcomes import EXIT_CODES
from nucleus._cli.session import Session
from tests.unit.cli.conftest import Cli, World


class Part:
    """An entry point of the group `nucleus.cli`."""

    def __init__(self, load: Callable[[], Callable[[typer.Typer], None]]) -> None:
        self.name = "server"
        self.load = load


def run_with(part: Part, *arguments: str) -> Result:
    """The command line with this part installed."""
    return CliRunner().invoke(create_app([cast(EntryPoint, part)]), arguments)


def test_version() -> None:
    """The distribution's."""
    result = CliRunner().invoke(create_app(), ["--version"])
    assert (result.exit_code, result.output) == (0, f"nucleus-validate {version('nucleus-validate')}\n")


def test_commands_of_an_installed_part() -> None:
    """The part registers them itself."""

    def register(app: typer.Typer) -> None:
        @app.command("hello")
        def hello() -> None:
            typer.echo("from the part")

    result = run_with(Part(lambda: register), "hello")
    assert (result.exit_code, result.output) == (0, "from the part\n")


def test_without_the_server_the_command_says_how_to_get_it() -> None:
    """Status 3, and the line to type."""

    def load() -> Callable[[typer.Typer], None]:
        raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")

    result = run_with(Part(load), "serve")
    assert result.exit_code == 3
    assert "fastapi is missing" in result.stderr
    assert "pip install 'nucleus-validate[server]'" in result.stderr


def test_main_loads_installed_parts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The server's commands are there, because the server is installed here."""
    monkeypatch.setattr(sys, "argv", ["nucleus", "--help"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert "doctor" in shown and "upload" in shown


def test_exit_codes_are_in_the_help() -> None:
    """All of them, with their meaning."""
    shown = " ".join(CliRunner().invoke(create_app(), ["--help"]).output.split())
    assert all(f"{code}: {meaning}" in shown for code, meaning in EXIT_CODES.items())


def test_wrong_usage_is_3(cli: Cli) -> None:
    """Never 2, which is a gate's «could not tell»; also before any command."""
    usages = ([], ["nonsense"], ["models"], ["models", "list", "--nonsense"], ["models", "show"], ["upload"])
    for arguments in usages:
        cli.run(*arguments, code=3)
    assert "nonsense" in cli.run("--nonsense", "models", "list", code=3).stderr


def test_errors_of_the_server_are_one_message(cli: Cli) -> None:
    """What the server says, without its JSON; an unknown key is 3."""
    message = cli.error("models", "list", key="nv_unknown-key")
    assert message.startswith("Error: ") and "does not know" in message and "{" not in message


def test_no_connection_is_3() -> None:
    """With what to do."""

    def connect(endpoint: str | None, api_key: str | None) -> nucleus.NucleusClient:
        raise nucleus.NucleusConnectionError("no answer from there")

    result = CliRunner().invoke(create_app(), ["models", "list"], obj=Session(connect))
    assert (result.exit_code, result.stderr) == (3, "Error: no answer from there\n")


def test_no_key_is_3(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key and without the file of one."""
    result = CliRunner().invoke(create_app(), ["--endpoint", "https://n.example.com/v1/nucleus", "models", "list"])
    assert result.exit_code == 3 and "NUCLEUS_API_KEY" in result.stderr


def test_ctrl_c_is_130(cli: Cli) -> None:
    """Whatever was going on."""

    def connect(endpoint: str | None, api_key: str | None) -> nucleus.NucleusClient:
        raise KeyboardInterrupt

    assert CliRunner().invoke(create_app(), ["models", "list"], obj=Session(connect)).exit_code == 130


def test_questions_before_deletion(cli: Cli, world: World) -> None:
    """No and no answer delete nothing; yes and --yes do. With --json the question is not on stdout."""
    assert "Nothing was changed" in cli.error("models", "delete", "detector-v3", code=3, answer="n\n")
    assert "--yes" in cli.error("models", "delete", "detector-v3", code=3, answer="")
    assert [m.name for m in world.client.models] == ["Detector 3"]
    assert cli.json("models", "delete", "detector-v3", answer="y\n") == {"id": world.model.id, "deleted": True}
    world.client.create_model("again", "again")
    assert "Deleted model again" in cli.text("models", "delete", "again", "--yes")
    assert world.client.models == []


@pytest.mark.parametrize(
    ("endpoint", "is_here"),
    [
        ("http://127.0.0.1:8000/v1/nucleus", True),
        ("http://localhost:9/v1/nucleus", True),
        ("http://[::1]:8000/v1/nucleus", True),
        ("http://127.0.0.1.example.com/v1/nucleus", False),
        ("https://nucleus.example.com/v1/nucleus", False),
        ("http://10.0.0.1:8000/v1/nucleus", False),
        ("nonsense", False),
    ],
)
def test_the_key_in_the_data_folder_is_for_this_machine_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, is_here: bool
) -> None:
    """It is never sent anywhere else."""
    folder = tmp_path / "nucleus-data"
    folder.mkdir()
    (folder / "admin.key").write_text("nv_the-admin-key\n")
    monkeypatch.chdir(tmp_path)
    assert session.admin_key_for(endpoint) == ("nv_the-admin-key" if is_here else None)
    monkeypatch.setenv("NUCLEUS_DATA_DIR", str(tmp_path / "elsewhere"))
    assert session.admin_key_for(endpoint) is None


def test_keys_of_options_and_environment_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the file; the endpoint likewise."""
    (tmp_path / "nucleus-data").mkdir()
    (tmp_path / "nucleus-data" / "admin.key").write_text("nv_file")
    monkeypatch.chdir(tmp_path)

    def expected(key: str, endpoint: str = "http://127.0.0.1:8000/v1/nucleus") -> nucleus.NucleusClient:
        return nucleus.NucleusClient(key, endpoint=endpoint)

    assert session.connect(None, None) == expected("nv_file")
    monkeypatch.setenv("NUCLEUS_API_KEY", "nv_env")
    assert session.connect(None, None) == expected("nv_env")
    assert session.connect(None, "nv_option") == expected("nv_option")
    monkeypatch.setenv("NUCLEUS_ENDPOINT", "https://a.example.com/v1/nucleus")
    assert session.connect(None, None) == expected("nv_env", "https://a.example.com/v1/nucleus")
    elsewhere = "https://b.example.com/v1/nucleus"
    assert session.connect(elsewhere, None) == expected("nv_env", elsewhere)
    monkeypatch.delenv("NUCLEUS_API_KEY")
    with pytest.raises(nucleus.NoAPIKey):
        session.connect(elsewhere, None)


def test_global_options_reach_the_client(cli: Cli) -> None:
    """Before the command."""
    key = cli.json("keys", "create", "second")["secret"]
    assert cli.json("--api-key", key, "status")["key_name"] == "second"


def test_shell_completion() -> None:
    """The script for a shell, and what that script asks for."""
    command = str(Path(sys.executable).with_name("nucleus"))
    # As in a terminal: the shell is recognised by its process, which does more after it so that it stays there.
    typed = ["bash", "-c", f"'{command}' --show-completion && true"]
    shown = subprocess.run(typed, capture_output=True, text=True, check=True)
    assert "_NUCLEUS_COMPLETE=complete_bash" in shown.stdout
    asked = {**os.environ, "_NUCLEUS_COMPLETE": "complete_bash", "COMP_WORDS": "nucleus mod", "COMP_CWORD": "1"}
    completed = subprocess.run([command], env=asked, capture_output=True, text=True, check=True)
    assert completed.stdout.split() == ["models"]


def test_every_command_has_json_help_and_examples_where_it_takes_something() -> None:
    """Found by walking the tree of commands."""
    app = typer.main.get_command(create_app())
    todo: list[Any] = list(app.commands.values())  # type: ignore[attr-defined]
    seen = 0
    while todo:
        command = todo.pop()
        assert command.help, command.name
        if hasattr(command, "commands"):
            todo += command.commands.values()
            continue
        seen += 1
        assert any("--json" in parameter.opts for parameter in command.params), command.name
        assert all(getattr(parameter, "help", "x") for parameter in command.params), command.name
        if any(parameter.param_type_name == "argument" for parameter in command.params):
            assert command.epilog and "nucleus " in command.epilog, command.name
        if command.name in ("delete", "revoke"):
            assert any("--yes" in parameter.opts for parameter in command.params)
    assert seen > 30
