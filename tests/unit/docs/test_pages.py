"""The tutorial and the how-to pages do what they say, word by word, and their code is clean enough to copy."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.pages import Runner, blocks_of, differences, free_port, serving, settings_of_readers

DOCS = Path(__file__).parents[3] / "docs"
TUTORIAL = DOCS / "tutorial.md"
HOW_TO = sorted((DOCS / "how-to").glob("*.md"))
ALONE = [*HOW_TO, DOCS / "reference" / "http.md"]
"""Pages that begin with a server that runs already."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:8000(/(?:(?:tests|evaluations|uploads|functions)/\w+)?)$", re.MULTILINE)
_LINK = re.compile(r"/login/\S+")


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Somebody in an empty folder, with a server of their own."""
    server, here = tmp_path / "server", tmp_path / "here"
    server.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    with serving(server) as endpoint:
        for name, value in settings_of_readers(endpoint).items():
            monkeypatch.setenv(name, value)
        yield monkeypatch


@pytest.mark.parametrize("page", ALONE, ids=lambda page: page.stem)
def test_page(page: Path, reader: pytest.MonkeyPatch) -> None:
    """Its blocks run in order and print what it shows."""
    if page.stem == "large-uploads":  # its table is small, so that it can be tried: cut it into parts all the same
        reader.setattr("nucleus._score_parts.MAX_ROWS", 500)
    assert not (found := differences(page, Runner(page).run())), found


def test_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first start of the real program to the last line; the addresses that it prints are pages."""
    monkeypatch.chdir(tmp_path)
    port = free_port()
    monkeypatch.setenv("NUCLEUS_ENDPOINT", f"http://127.0.0.1:{port}/v1/nucleus")
    monkeypatch.setenv("NUCLEUS_API_KEY", "")  # the page sets it
    pages: dict[str, int] = {}

    def look(printed: str) -> None:
        link = _LINK.search(printed)
        assert link is not None
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as browser:
            browser.get(link[0])
            pages.update({path: browser.get(path).status_code for path in _ADDRESS.findall(printed)})

    runner = Runner(TUTORIAL, port=port, before_the_end=look)
    assert not (found := differences(TUTORIAL, runner.run())), found
    assert len(pages) == 5 and set(pages.values()) == {200}, pages


@pytest.mark.parametrize("page", [TUTORIAL, *ALONE], ids=lambda page: page.stem)
def test_code_is_clean(page: Path, tmp_path: Path) -> None:
    """The Python of a page, as one module, and its Python files satisfy ruff."""
    blocks = [block for block in blocks_of(page) if block.language == "python"]
    if not blocks:  # without files ruff would look at the current folder
        return
    (tmp_path / "page.py").write_text("\n\n".join(b.text for b in blocks if not b.is_file))
    for block in blocks:
        if block.is_file:
            (tmp_path / block.argument).write_text(block.text)
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    options = ["--isolated", "--line-length", "120", "--no-cache"]
    rules = ["--select", "E,F,I,B,PIE,UP,SIM", "--ignore", "E402,SIM115,B018"]
    checked = subprocess.run([*ruff, "check", *options, *rules], cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    for number, block in enumerate(blocks):
        (tmp_path / f"block_{number}.py").write_text(block.text)
    formatted = subprocess.run(
        [*ruff, "format", "--diff", *options, *map(str, tmp_path.glob("block_*.py"))], capture_output=True, text=True
    )
    assert formatted.returncode == 0, formatted.stdout
