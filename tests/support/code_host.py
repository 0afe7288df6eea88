"""A code host on a real socket: the comments of pull request 7, as GitHub and as GitLab serve them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

GITHUB_PATH = "/repos/team/models/issues"
GITLAB_PATH = "/projects/42/merge_requests/7/notes"
TOKEN = "a-secret-token"
ME = 1


@dataclass
class CodeHost:
    """What the host holds, and how it behaves.

    Attributes:
        comments: In order of time; each has `id`, `body`, `user` and `author`.
        page_size: The most comments in an answer, whatever is asked for.
        user: The answer to `GET user`; None refuses it, as for the token of a GitHub job.
        refusal: Status and text that everything is answered by; None while all is well.
        requests: Method and path of every request.
    """

    address: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 3
    user: dict[str, Any] | None = None
    refusal: tuple[int, str] | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)

    def add(self, body: str, author: int = ME, kind: str = "Bot") -> None:
        """Somebody comments."""
        account = {"id": author, "login": f"user-{author}", "type": kind}
        self.comments.append({"id": 100 + len(self.comments), "body": body, "user": account, "author": account})

    @property
    def bodies(self) -> list[str]:
        """All comments, oldest first."""
        return [comment["body"] for comment in self.comments]

    def github(self, **changes: str) -> dict[str, str]:
        """The environment of a job on GitHub."""
        return {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": "team/models",
            "GITHUB_API_URL": self.address,
            "GITHUB_REF": "refs/pull/7/merge",
            **changes,
        }

    def gitlab(self, **changes: str) -> dict[str, str]:
        """The environment of a job on GitLab."""
        return {
            "NUCLEUS_GITLAB_TOKEN": TOKEN,
            "CI_API_V4_URL": self.address,
            "CI_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_IID": "7",
            **changes,
        }


@contextmanager
def running_code_host() -> Iterator[CodeHost]:
    """Start it, stop it."""
    host = CodeHost()

    class Handler(BaseHTTPRequestHandler):
        """Knows the routes that comments need, and answers all others by 404."""

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

        def handle_request(self) -> None:
            """Answer one request."""
            path = urlsplit(self.path).path
            host.requests.append((self.command, path))
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if host.refusal is not None:
                status, text = host.refusal
                self.reply(status, text.encode())
            elif TOKEN not in (
                self.headers.get("PRIVATE-TOKEN"),
                self.headers.get("Authorization", "").partition(" ")[2],
            ):
                self.reply(401, b'{"message": "Bad credentials"}')
            elif path == "/user":
                self.reply(403 if host.user is None else 200, json.dumps(host.user or {"message": "no"}).encode())
            elif self.command == "GET" and path in (f"{GITHUB_PATH}/7/comments", GITLAB_PATH):
                self.list_comments()
            elif self.command == "POST" and path in (f"{GITHUB_PATH}/7/comments", GITLAB_PATH):
                host.add(json.loads(content)["body"])
                self.reply(201, json.dumps(host.comments[-1]).encode())
            else:
                self.change(path, content)

        def list_comments(self) -> None:
            """A page, and where the next one is."""
            page = int(parse_qs(urlsplit(self.path).query)["page"][0])
            start = (page - 1) * host.page_size
            more = len(host.comments) > start + host.page_size
            link = {"Link": f'<http://evil.example/?page={page + 1}>; rel="next"'} if more else {}
            self.reply(200, json.dumps(host.comments[start : start + host.page_size]).encode(), **link)

        def change(self, path: str, content: bytes) -> None:
            """A comment, by its id."""
            where = f"{GITHUB_PATH}/comments" if self.command == "PATCH" else GITLAB_PATH
            for comment in host.comments:
                if self.command in ("PATCH", "PUT") and path == f"{where}/{comment['id']}":
                    comment["body"] = json.loads(content)["body"]
                    return self.reply(200, json.dumps(comment).encode())
            return self.reply(404, b'{"message": "Not Found"}')

        def reply(self, status: int, content: bytes, **headers: str) -> None:
            """Send an answer."""
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = handle_request

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        host.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield host
        finally:
            server.shutdown()
            thread.join(timeout=30)
