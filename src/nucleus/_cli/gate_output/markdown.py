"""A release report as Markdown, for pull requests: short, and inert whatever names and reasons say."""

from __future__ import annotations

import re

from nucleus._cli.gate_output.words import COLUMNS, Report, cells, five_lines, one_line, top_item_lines, warnings_of

MAX_CHARS = 60_000
"""Longer texts are cut: GitHub refuses a comment of more than 65,536 characters."""

_MOST_WARNINGS = 5
_BREAK = "&#8203;"
"""A space of no width: what follows is no mention, no reference to an issue and no address any more."""
_ESCAPED = {
    "\\": "\\\\",
    "*": "\\*",
    "[": "\\[",
    "~": "\\~",
    "`": "&#96;",
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "|": "&#124;",
    "$": "&#36;",
}
_SPECIAL = re.compile(
    r"""(?P<sigil>[@\#!%~&$](?=\w))      # @user, #1, and what GitLab knows beside them
      | (?P<scheme>:(?=//))              # https://…, which would become a link
      | (?P<link>\b(?:www|gh)(?=[.-]))   # www.… and GH-1 likewise
      | (?<![^\W_])_|_(?![^\W_])         # an underscore inside a word is no emphasis
      | [\\*\[~`<>&|$]""",
    re.VERBOSE | re.IGNORECASE,
)


def escaped(text: str) -> str:
    """A text as Markdown that shows it and does nothing else, in a table's cell too."""

    def replaced(match: re.Match[str]) -> str:
        found = match[0]
        is_broken = match["sigil"] or match["scheme"] or match["link"]
        return _ESCAPED.get(found, "\\_" if found == "_" else found) + (_BREAK if is_broken else "")

    return _SPECIAL.sub(replaced, one_line(text))


def gate_markdown(report: Report, url: str) -> str:
    """Five lines, the items that weigh most, one link, and the table folded away; at most `MAX_CHARS` characters."""
    model = report["model"]["name"]
    lines = [f"### Nucleus gate: {escaped(model)}", ""]
    for label, text in five_lines(report):
        lines += [f"**{label}:** {escaped(_shortened(text))}", ""]
    if items := top_item_lines(report):
        lines += ["Items that weigh most:", "", *(f"* {escaped(_shortened(item))}" for item in items), ""]
    lines += [f"[The whole report]({url})", ""]
    head = "\n".join(lines) + "\n"
    return head + _table(report, MAX_CHARS - len(head))


def _table(report: Report, n_chars: int) -> str:
    entries = report["entries"]
    begin = [
        f"<details><summary>Every result ({len(entries):,})</summary>",
        "",
        f"| {' | '.join(escaped(name) for name in COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
    ]
    rows = [f"| {' | '.join(escaped(text) or ' ' for text in cells(entry))} |" for entry in entries]
    warnings = [f"* ! {escaped(_shortened(warning))}" for warning in warnings_of(report)[:_MOST_WARNINGS]]
    end = ["", *([*warnings, ""] if warnings else ()), "</details>", ""]
    room = n_chars - sum(len(line) + 1 for line in [*begin, *end]) - 100  # for the line that says what was cut
    shown: list[str] = []
    for row in rows:
        room -= len(row) + 1
        if room < 0:
            end = ["", f"{len(rows) - len(shown):,} more are in the whole report.", *end]
            break
        shown.append(row)
    return "\n".join([*begin, *shown, *end])


def _shortened(text: str, n_chars: int = 2_000) -> str:
    return text if len(text) <= n_chars else f"{text[:n_chars]}…"
