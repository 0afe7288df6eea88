"""The `nucleus` command. All that it does over HTTP is a documented call of the SDK."""

from __future__ import annotations

from importlib.metadata import entry_points

from nucleus._cli.app import create_app


def main() -> None:
    """Run the command line, with the commands of whatever is installed beside the SDK."""
    create_app(entry_points(group="nucleus.cli"))()
