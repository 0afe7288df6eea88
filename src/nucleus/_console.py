"""Whether somebody watches the output."""

from __future__ import annotations

from rich.console import Console


def is_watched() -> bool:
    """Whether progress bars have a terminal or a notebook to be drawn in; logs and pipes stay clean."""
    console = Console()
    return console.is_terminal or console.is_jupyter
