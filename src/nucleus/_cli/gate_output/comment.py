"""A report as a comment on the pull request that a CI job runs for: written once, then updated in place.

Tokens come from the environment that CI systems set, go nowhere but into a header, and are in no message.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

_TIMEOUT_S = 30.0
_PER_PAGE = 100
_MOST_PAGES = 100
_PULL_REF = re.compile(r"refs/pull/(\d+)/")


class CommentError(Exception):
    """The comment could not be written; the message says why, without any secret."""


class CodeHost(str, Enum):
    """Where the pull request, or the merge request, is."""

    GITHUB = "github"
    GITLAB = "gitlab"


class _Account(msgspec.Struct):
    """Who wrote a comment, or whom the token belongs to; GitLab names no type."""

    id: int
    type: str = "Bot"


class _Comment(msgspec.Struct):
    """A comment: its author is the `user` on GitHub, the `author` on GitLab, and nobody if the account is gone."""

    id: int
    body: str | None = None
    user: _Account | None = None
    author: _Account | None = None


@dataclass(frozen=True)
class _Thread:
    """The comments of one pull request.

    Attributes:
        host: The address of the host's API.
        comments: The address that lists them, and takes new ones.
        comment: The address of one of them; its id follows.
        update: The method that changes one.
        headers: What every request carries, with the token.
    """

    host: str
    comments: str
    comment: str
    update: str
    headers: Mapping[str, str]


def marker_of(suite: object) -> str:
    """The hidden first line of a comment, the same for every run of one suite; `suite` is anything that JSON can hold."""
    text = json.dumps(suite, sort_keys=True)
    return f"<!-- nucleus-gate:{hashlib.sha256(text.encode()).hexdigest()[:16]} -->"


def post_comment(host: CodeHost, markdown: str, marker: str, env: Mapping[str, str]) -> None:
    """Write the comment, or update the one with this marker that the same account wrote before.

    Args:
        env: The environment of the CI job.

    Raises:
        CommentError: A variable is missing, there is no pull request, or the host refused.
    """
    thread = _github(env) if host is CodeHost.GITHUB else _gitlab(env)
    body = {"body": f"{marker}\n{markdown}"}
    try:
        with httpx2.Client(timeout=_TIMEOUT_S, headers=dict(thread.headers)) as http:
            earlier = _earlier(http, thread, marker)
            if earlier is None:
                _call(http, "POST", thread.comments, json=body)
            else:
                _call(http, thread.update, f"{thread.comment}/{earlier}", json=body)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise CommentError(f"no answer from {thread.host}: {str(error) or type(error).__name__}") from error
    except msgspec.MsgspecError as error:
        raise CommentError(f"expected comments from {thread.host}, got something else: {error}") from error


def _github(env: Mapping[str, str]) -> _Thread:
    token = _required(env, "GITHUB_TOKEN", "pass it to the step: GITHUB_TOKEN: ${{ github.token }}")
    repository = _required(env, "GITHUB_REPOSITORY", "GitHub Actions sets it, to owner/name")
    number = _pull_request(env)
    host = env.get("GITHUB_API_URL") or "https://api.github.com"
    issues = f"{host}/repos/{quote(repository)}/issues"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    return _Thread(host, f"{issues}/{number}/comments", f"{issues}/comments", "PATCH", headers)


def _gitlab(env: Mapping[str, str]) -> _Thread:
    token = _required(env, "NUCLEUS_GITLAB_TOKEN", "a project access token with the scope api, as a masked variable")
    host = _required(env, "CI_API_V4_URL", "GitLab CI sets it")
    project = quote(_required(env, "CI_PROJECT_ID", "GitLab CI sets it"), safe="")
    number = _required(env, "CI_MERGE_REQUEST_IID", "GitLab CI sets it in merge request pipelines")
    notes = f"{host}/projects/{project}/merge_requests/{quote(number, safe='')}/notes"
    return _Thread(host, notes, notes, "PUT", {"PRIVATE-TOKEN": token})


def _required(env: Mapping[str, str], name: str, advice: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise CommentError(f"expected {name} in the environment, got none: {advice}")
    if not (value.isascii() and value.isprintable()):
        raise CommentError(f"expected {name} as printable ASCII, got other characters: look at how it is set")
    return value


def _pull_request(env: Mapping[str, str]) -> int:
    """The number of the pull request, from the event that started the job, else from the ref it runs on."""
    event: Any = {}
    if path := env.get("GITHUB_EVENT_PATH"):
        try:
            event = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommentError(f"cannot read the event that GITHUB_EVENT_PATH names: {error}") from error
    if isinstance(event, dict):
        for holder in (event.get("pull_request"), event, event.get("issue")):
            if isinstance(holder, dict) and isinstance(number := holder.get("number"), int):
                return number
    if found := _PULL_REF.match(env.get("GITHUB_REF", "")):
        return int(found[1])
    raise CommentError("this run belongs to no pull request: run it on the event pull_request, or without --comment")


def _earlier(http: httpx2.Client, thread: _Thread, marker: str) -> int | None:
    """The id of the comment with the marker that this account wrote; a marker that somebody else copied is not followed."""
    marked = [comment for comment in _comments(http, thread) if (comment.body or "").startswith(marker)]
    if not marked:
        return None
    answer = http.get(f"{thread.host}/user")
    # The token of a GitHub job is no user's and may not ask who it is; it writes as a bot.
    me = msgspec.json.decode(answer.content, type=_Account) if answer.is_success else None
    for comment in marked:
        author = comment.user or comment.author
        if author is not None and (author.id == me.id if me else author.type == "Bot"):
            return comment.id
    return None


def _comments(http: httpx2.Client, thread: _Thread) -> Iterator[_Comment]:
    for page in range(1, _MOST_PAGES + 1):
        # The page is counted here: the address in the answer's Link header could lead the token elsewhere.
        response = _call(http, "GET", thread.comments, params={"per_page": _PER_PAGE, "page": page})
        yield from msgspec.json.decode(response.content, type=list[_Comment])
        if "next" not in response.links:
            return


def _call(http: httpx2.Client, method: str, url: str, **request: Any) -> httpx2.Response:
    response = http.request(method, url, **request)
    if not response.is_success:
        raise CommentError(f"{method} {url} was answered by {response.status_code} {_reason(response)}")
    return response


def _reason(response: httpx2.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        return response.reason_phrase
    said = answer.get("message") if isinstance(answer, dict) else None
    return f"{response.reason_phrase}: {said}" if said else response.reason_phrase
