"""A release report as JUnit XML, which CI systems show beside unit tests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

from nucleus._cli.gate_output.words import Entry, Report, cells, completed, name_of, waiver_text, why

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""
_PROPERTIES = ("delta", "p_value", "adjusted_p", "verdict", "minimum_detectable_effect", "n_clusters")


def gate_junit(report: Report, *, fail_inconclusive: bool) -> bytes:
    """An XML document in UTF-8: a suite for each scenario test, a case for each of its functions.

    A failed function is a failure, a missing evaluation an error; what is inconclusive, new or waived is skipped, with
    the reason. Numbers are properties of the suite, named `FUNCTION.NUMBER`: the schema knows none of a case.

    Args:
        fail_inconclusive: Whether what is inconclusive or new is a failure too.
    """
    suites: dict[str, list[Entry]] = {}
    for entry in report["entries"]:
        suites.setdefault(entry["scenario_test_id"], []).append(entry)
    root = ElementTree.Element("testsuites", name=_legal(f"nucleus gate {report['model']['name']}"), time="0")
    for entries in suites.values():
        root.append(_suite(entries, fail_inconclusive))
    for kind in ("tests", "failures", "errors"):
        root.set(kind, str(sum(int(suite.attrib[kind]) for suite in root)))
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _suite(entries: list[Entry], fail_inconclusive: bool) -> ElementTree.Element:
    name = _legal(entries[0]["scenario_test_name"])
    suite = ElementTree.Element("testsuite", name=name, time="0")
    counts = {"failure": 0, "error": 0, "skipped": 0}
    numbers = [(f"{entry['eval_function_name']}.{key}", value) for entry in entries for key, value in _numbers(entry)]
    if numbers:  # the schema knows no empty list of properties
        properties = ElementTree.SubElement(suite, "properties")
        for key, value in numbers:
            ElementTree.SubElement(properties, "property", name=_legal(key), value=_legal(str(value)))
    for entry in entries:
        case = ElementTree.SubElement(suite, "testcase", classname=name, name=_legal(entry["eval_function_name"]))
        case.set("time", "0")
        if (result := _result(entry, fail_inconclusive)) is not None:
            kind, message = result
            counts[kind] += 1
            found = ElementTree.SubElement(case, kind, type=entry["outcome"], message=_legal(message))
            found.text = _legal(f"{name_of(entry)}: {message}")
        ElementTree.SubElement(case, "system-out").text = _legal(
            "\n".join(["  ".join(cells(entry)[2:]), *entry["warnings"]])
        )
    suite.set("tests", str(len(entries)))
    for kind, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(counts[kind]))
    return suite


def _result(entry: Entry, fail_inconclusive: bool) -> tuple[str, str] | None:
    """The element that says how a case ended, and its message; None if it passed."""
    outcome = entry["outcome"]
    message = why(entry)
    if outcome == "passed":
        return None
    if outcome == "missing":
        return "error", message
    if entry["waiver"] is not None:
        return "skipped", f"waived: {waiver_text(entry['waiver'])}; {message}"
    is_failure = outcome == "failed" or fail_inconclusive
    return ("failure" if is_failure else "skipped"), message


def _numbers(entry: Entry) -> Iterable[tuple[str, Any]]:
    for side in ("candidate", "baseline"):
        if entry[side] is not None and entry[side]["result"] is not None:
            yield f"{side}_result", entry[side]["result"]
    comparison = completed(entry)
    if comparison is not None:
        yield from ((key, comparison[key]) for key in _PROPERTIES if comparison[key] is not None)
        low, high = comparison["interval"]
        yield "interval", f"{'-inf' if low is None else low} {'inf' if high is None else high}"


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
