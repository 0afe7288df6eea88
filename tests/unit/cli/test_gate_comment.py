"""The comment of the gate on a pull request: one for each suite, updated in place, and never in the way of the verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus._cli.gate_output.comment import CodeHost as Kind
from nucleus._cli.gate_output.comment import CommentError, marker_of, post_comment
from tests.support.code_host import GITHUB_PATH, ME, TOKEN, CodeHost, running_code_host
from tests.unit.cli.gate_answers import URL, GateCli, entry, report

MARKER = marker_of({"tests": ["night"]})
OTHER = marker_of({"tests": ["day"]})


@pytest.fixture
def host() -> Iterator[CodeHost]:
    """A code host on a real socket."""
    with running_code_host() as running:
        yield running


@pytest.fixture(params=list(Kind), ids=lambda kind: kind.value)
def post(request: pytest.FixtureRequest, host: CodeHost) -> Any:
    """Write a comment, on GitHub and on GitLab."""

    def write(markdown: str, marker: str = MARKER) -> None:
        env = host.github() if request.param is Kind.GITHUB else host.gitlab()
        post_comment(request.param, markdown, marker, env)

    return write


def test_a_comment_is_written_once_and_then_updated(host: CodeHost, post: Any) -> None:
    """With a hidden marker first; other suites have comments of their own."""
    post("first")
    post("of another suite", OTHER)
    post("second")
    assert host.bodies == [f"{MARKER}\nsecond", f"{OTHER}\nof another suite"]


def test_it_is_found_on_a_later_page(host: CodeHost, post: Any) -> None:
    """However many people talked before; the address of the next page is not trusted with the token."""
    for n in range(7):
        host.add(f"comment {n}", author=5)
    post("first")
    for n in range(7):
        host.add(f"comment {n}", author=5)
    post("second")
    assert len(host.comments) == 15 and host.bodies[7] == f"{MARKER}\nsecond"


@pytest.mark.parametrize("is_known", [True, False])
def test_nobody_else_s_comment_is_touched(host: CodeHost, post: Any, is_known: bool) -> None:
    """Whoever copies the marker, or quotes it."""
    host.user = {"id": ME, "type": "User"} if is_known else None
    host.add(f"{MARKER}\nnot the gate's", author=5, kind="User")
    host.add(f"> {MARKER}\n\nlook", author=ME)
    post("first")
    post("second")
    assert host.bodies == [f"{MARKER}\nnot the gate's", f"> {MARKER}\n\nlook", f"{MARKER}\nsecond"]


def test_comments_of_nobody(host: CodeHost, post: Any) -> None:
    """Accounts that are gone, bodies that are empty."""
    host.add("")
    host.comments[0] |= {"body": None, "user": None, "author": None}
    host.add(MARKER)
    host.comments[1] |= {"user": None, "author": None}
    post("first")
    assert len(host.comments) == 3


def test_markers_are_of_the_suite() -> None:
    """The same at every run, whatever names hold."""
    assert marker_of({"tags": ["-->"], "mode": None}) == marker_of({"mode": None, "tags": ["-->"]}) != MARKER
    assert marker_of({"tags": ["-->"]}).count("-->") == 1


@pytest.mark.parametrize(
    "event",
    [
        {"number": 7, "pull_request": {"number": 7}},
        {"pull_request": {"number": 7}, "number": 8},
        {"issue": {"number": 7}},
    ],
)
def test_the_number_is_in_the_event(host: CodeHost, tmp_path: Path, event: object) -> None:
    """Before the ref, which of pull_request_target is another."""
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    post_comment(Kind.GITHUB, "text", MARKER, host.github(GITHUB_EVENT_PATH=str(file), GITHUB_REF="refs/heads/main"))
    assert host.requests[-1] == ("POST", f"{GITHUB_PATH}/7/comments")


def refusal(kind: Kind, env: dict[str, str]) -> str:
    """Why the comment could not be written; without the token."""
    with pytest.raises(CommentError) as caught:
        post_comment(kind, "text", MARKER, env)
    assert TOKEN not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_REF"])
def test_what_github_s_environment_lacks(host: CodeHost, name: str) -> None:
    """Is said, and nothing is sent."""
    message = refusal(Kind.GITHUB, host.github(**{name: ""}))
    assert ("no pull request" if name == "GITHUB_REF" else name) in message and host.requests == []


@pytest.mark.parametrize("name", ["NUCLEUS_GITLAB_TOKEN", "CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID"])
def test_what_gitlab_s_environment_lacks(host: CodeHost, name: str) -> None:
    """Likewise."""
    assert name in refusal(Kind.GITLAB, host.gitlab(**{name: ""})) and host.requests == []


def test_bad_environments(host: CodeHost, tmp_path: Path) -> None:
    """Events that cannot be read, tokens that are no header, addresses that are none."""
    broken = tmp_path / "event.json"
    for content in (b"{", b"\xff"):
        broken.write_bytes(content)
        assert "GITHUB_EVENT_PATH" in refusal(Kind.GITHUB, host.github(GITHUB_EVENT_PATH=str(broken)))
    broken.write_text("[]")
    assert "no pull request" in refusal(Kind.GITHUB, host.github(GITHUB_EVENT_PATH=str(broken), GITHUB_REF=""))
    assert "ASCII" in refusal(Kind.GITHUB, host.github(GITHUB_TOKEN=f"{TOKEN}\nx"))
    assert "no answer" in refusal(Kind.GITHUB, host.github(GITHUB_API_URL="nonsense"))
    assert "no answer" in refusal(Kind.GITLAB, host.gitlab(CI_API_V4_URL="http://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (403, '{"message": "Resource not accessible by integration"}', "403 Forbidden: Resource not accessible"),
        (404, "<html>", "404 Not Found"),
        (301, "", "301"),
        (500, "[]", "500"),
        (200, "<html>", "something else"),
        (200, '[{"body": 1}]', "something else"),
    ],
)
def test_refusals(host: CodeHost, post: Any, status: int, text: str, message: str) -> None:
    """The host's own words, if it has some."""
    host.refusal = (status, text)
    with pytest.raises(CommentError, match=message):
        post("text")


def test_the_gate_comments(host: CodeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """One comment for each selection of tests, with the Markdown, updated by the next run."""
    for name, value in host.github().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    gate = GateCli()
    gate.gate(report([entry("failed")]), "--tag", "a", "--tag", "b", "--comment", "github", code=1)
    gate.gate(report([entry("passed")]), "--comment", "github", code=0)
    assert "Detector 4 failed" in host.bodies[0] and URL in host.bodies[0]
    result = gate.gate(report([entry("inconclusive")]), "--tag", "b", "--tag", "a", "--comment", "github", code=2)
    assert len(host.comments) == 2 and "Detector 4 inconclusive" in host.bodies[0] and result.stderr == ""


@pytest.mark.parametrize(("outcome", "code"), [("passed", 0), ("failed", 1), ("inconclusive", 2)])
def test_a_comment_that_fails_is_a_warning(
    host: CodeHost, monkeypatch: pytest.MonkeyPatch, outcome: str, code: int
) -> None:
    """On stderr, without the token; the exit code is the verdict's."""
    host.refusal = (403, json.dumps({"message": f"no\x1b {TOKEN[:3]}"}))
    for name, value in host.gitlab().items():
        monkeypatch.setenv(name, value)
    result = GateCli().gate(report([entry(outcome)]), "--comment", "gitlab", code=code)
    assert result.stderr.startswith("Warning: no comment was written: GET http://127.0.0.1")
    assert TOKEN not in result.output and "\x1b" not in result.output
