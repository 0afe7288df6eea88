"""The `nucleus` command by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner

from nucleus import _cli


class Entry:
    """An entry point of the group `nucleus.cli`."""

    def __init__(self, load: Callable[[], Callable[[typer.Typer], None]]) -> None:
        self.name = "server"
        self.load = load


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], entry: Entry, *args: str
) -> tuple[int, str]:
    """Exit status and output of the command with this entry point installed."""
    asked: list[str] = []

    def entry_points(group: str) -> list[Entry]:
        asked.append(group)
        return [entry]

    root = typer.Typer(callback=_cli.root, no_args_is_help=True)
    monkeypatch.setattr(_cli, "app", root)
    monkeypatch.setattr(_cli, "entry_points", entry_points)
    monkeypatch.setattr("sys.argv", ["nucleus", *args])
    with pytest.raises(SystemExit) as caught:
        _cli.main()
    assert asked == ["nucleus.cli"]
    output = capsys.readouterr()
    return int(caught.value.code or 0), output.out + output.err


def test_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution's."""
    monkeypatch.setattr(_cli, "version", {"nucleus-validate": "1.2.3"}.__getitem__)
    result = CliRunner().invoke(_cli.app, ["--version"])
    assert (result.exit_code, result.output) == (0, "nucleus-validate 1.2.3\n")


def test_commands_of_an_installed_part(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The part registers them itself."""

    def register(app: typer.Typer) -> None:
        @app.command("hello")
        def hello() -> None:
            typer.echo("from the part")

    assert run(monkeypatch, capsys, Entry(lambda: register), "hello") == (0, "from the part\n")


def test_without_the_server_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 3, and the line to type."""

    def load() -> Callable[[typer.Typer], None]:
        raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")

    status, output = run(monkeypatch, capsys, Entry(load), "serve")
    assert status == 3
    assert "fastapi is missing" in output
    assert "pip install 'nucleus-validate[server]'" in output
