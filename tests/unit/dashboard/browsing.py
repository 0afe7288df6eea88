"""Pages as a browser reads them, and forms as it sends them."""

from __future__ import annotations

import re

import httpx2
from bs4 import BeautifulSoup, Tag

from tests.support.api import Api


def page(api: Api, path: str) -> BeautifulSoup:
    """A page that is there."""
    answer = api.http.get(path)
    assert answer.status_code == 200, answer.text
    return BeautifulSoup(answer.text, "html.parser")


def send(api: Api, at: str, selector: str, *, button: str = "", **typed: str) -> httpx2.Response:
    """Fill in a form of a page and send it, as a browser does."""
    form = page(api, at).select_one(selector)
    assert form is not None, selector
    data = data_of(form)
    if button:
        (pressed,) = [b for b in form.select("button") if b.text == button]
        data[str(pressed["name"])] = str(pressed["value"])
    return api.http.post(str(form["action"]), data=data | typed, follow_redirects=False)


def data_of(form: Tag) -> dict[str, str]:
    """What a browser sends if nothing was touched."""
    data = {}
    for field in form.select("[name]"):
        if field.name == "select":
            option = field.select_one("option[selected]") or field.select_one("option")
            data[str(field["name"])] = str(option["value"]) if option else ""
        elif field.get("type") == "checkbox":
            data |= {str(field["name"]): "yes"} if field.has_attr("checked") else {}
        elif field.name != "button":
            data[str(field["name"])] = str(field.get("value", field.text.removeprefix("\n")))
    return data


def texts(found: list[Tag]) -> list[str]:
    """With single blanks."""
    return [re.sub(r"\s+", " ", each.text).strip() for each in found]
