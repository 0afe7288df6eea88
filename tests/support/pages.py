"""Pages of the documentation as programs: their code blocks run in order, and what the page says they print is compared.

```python                 runs here; the blocks of a page share their names
```shell                  runs in bash, from one folder; exports stay
```shell background       starts a server and goes on
```csv scores.csv         a file, of any language: it is written, not run
```text                   what the block above prints; "…" stands for what differs from run to run
```text in-any-order      the same, where the order of the lines differs too
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import tomllib
import uvicorn

from nucleus_server.app import create_app
from nucleus_server.services.worker import Worker
from tests.support.api import BASE, running_api
from tests.support.server import ADMIN_KEY, environment

_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PIP = re.compile(r"^pip install '?nucleus-validate(?:\[(\w+)\])?'?$", re.MULTILINE)
_READY = "login/"
_DEADLINE_S = 60.0


class Block(NamedTuple):
    """A code block.

    Attributes:
        argument: The second word of its first line: a file's name, or `background`.
        line: The line of the page that its text begins in.
        output: What the page says it prints; None if it says nothing.
        is_ordered: Whether it prints the lines in this order every time.
    """

    language: str
    argument: str
    text: str
    line: int
    output: str | None = None
    is_ordered: bool = True

    @property
    def is_file(self) -> bool:
        """Whether it is written instead of run."""
        return "." in self.argument


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, each with its output."""
    text = page.read_text()
    found: list[Block] = []
    end = 0
    for match in _BLOCK.finditer(text):
        language, argument, body = match[1], match[2] or "", match[3]
        line = text.count("\n", 0, match.start()) + 2
        if language == "text":
            assert found and not text[end : match.start()].strip(), f"{page.name}:{line}: the output of no block"
            found[-1] = found[-1]._replace(output=body, is_ordered=argument != "in-any-order")
        else:
            found.append(Block(language, argument, body, line))
        end = match.end()
    return found


@dataclass
class Runner:
    """Runs a page in the current folder, as its reader would.

    Attributes:
        port: Where `nucleus serve` is to listen, in place of 8000; 0 if the server runs already.
        before_the_end: Called with all that was printed while the server of the page still runs.
        printed: What each block printed.
    """

    page: Path
    port: int = 0
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    servers: list[subprocess.Popen[str]] = field(default_factory=list)
    before_the_end: Callable[[str], None] = lambda printed: None
    printed: list[str] = field(default_factory=list)

    def run(self) -> list[tuple[Block, str]]:
        """Run all blocks; each with what it really printed."""
        try:
            blocks = blocks_of(self.page)
            for block in blocks:
                self.printed.append(self._run(block))
            self.before_the_end("".join(self.printed))
            return list(zip(blocks, self.printed, strict=True))
        finally:
            for server in self.servers:
                server.send_signal(signal.SIGINT)
                server.wait(timeout=30)
                assert server.stdout is not None
                server.stdout.close()

    def _run(self, block: Block) -> str:
        if block.is_file:
            Path(block.argument).write_text(block.text)
            return ""
        if block.language == "python":
            return self._python(block)
        assert block.language == "shell", f"{self.page.name}:{block.line}: nobody runs {block.language!r}"
        return self._serve(block) if block.argument == "background" else self._shell(block)

    def _python(self, block: Block) -> str:
        code = compile("\n" * (block.line - 1) + block.text, str(self.page), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, self.names)
        return printed.getvalue()

    def _shell(self, block: Block) -> str:
        kept = Path(".environment")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{_without_pip(block.text)}\nenv -0 > {kept}"],
            env=dict(os.environ, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_DEADLINE_S,
        )
        assert done.returncode == 0, f"{self.page.name}:{block.line} ended with {done.returncode}:\n{done.stdout}"
        after = dict(entry.partition("=")[::2] for entry in kept.read_text().split("\0") if entry)
        os.environ.update({name: value for name, value in after.items() if name.startswith("NUCLEUS_")})
        return done.stdout

    def _serve(self, block: Block) -> str:
        assert block.text == "nucleus serve\n"
        server = subprocess.Popen(
            [str(Path(sys.executable).with_name("nucleus")), "serve", "--port", str(self.port)],
            env=environment(COLUMNS="200"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.servers.append(server)
        assert server.stdout is not None
        lines = []
        for line in server.stdout:
            lines.append(line.replace(str(self.port), "8000"))
            if _READY in line:
                break
        deadline = time.monotonic() + _DEADLINE_S
        while time.monotonic() < deadline and server.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                break
        return "".join(lines)


def differences(page: Path, ran: list[tuple[Block, str]]) -> str:
    """Where the page says something else than what came; empty if nowhere."""
    return "\n".join(
        f"{page.name}:{block.line}\n"
        + "\n".join(difflib.unified_diff(block.output.splitlines(), printed.splitlines(), "page", "real", lineterm=""))
        for block, printed in ran
        if block.output is not None and not _is_like(block, printed)
    )


def _is_like(block: Block, printed: str) -> bool:
    said = [line.rstrip() for line in (block.output or "").splitlines()]
    real = [line.rstrip() for line in printed.splitlines()]
    if not block.is_ordered:
        said, real = sorted(said), sorted(real)
    return len(said) == len(real) and all(
        re.fullmatch(".*".join(map(re.escape, re.split("… *", line))), got)
        for line, got in zip(said, real, strict=True)
    )


def _without_pip(text: str) -> str:
    """The commands without installing what is installed; extras must be there."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for extra in _PIP.findall(text):
        assert not extra or extra in extras, f"there is no extra {extra!r}"
    return _PIP.sub(":", text)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The application in a thread of this process, with a worker, on a real socket; its endpoint."""
    with running_api(f"sqlite:///{folder / 'nucleus.db'}", folder) as api, socket.create_server(("127.0.0.1", 0)) as at:
        config = uvicorn.Config(create_app(api.services), log_level="warning", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        stop = threading.Event()
        threads = [
            threading.Thread(target=server.run, kwargs={"sockets": [at]}),
            threading.Thread(target=Worker(api.services.store, api.services.media).run_forever, args=(stop,)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield f"http://127.0.0.1:{at.getsockname()[1]}{BASE}"
        finally:
            stop.set()
            server.should_exit = True
            for thread in threads:
                thread.join(timeout=30)


def settings_of_readers(endpoint: str) -> dict[str, str]:
    """The environment that pages begin with."""
    return {"NUCLEUS_ENDPOINT": endpoint, "NUCLEUS_API_KEY": ADMIN_KEY}
