"""Stylesheets and scripts are kept for ever, at addresses that change with them."""

from __future__ import annotations

from bs4 import BeautifulSoup

from tests.support.api import Api


def test_kept_for_ever(sqlite_api: Api) -> None:
    """What a page loads names its content and is kept; under any other address it is asked for each time."""
    page = BeautifulSoup(sqlite_api.http.get("http://testserver/login").text, "html.parser")
    loaded = [str(each["src"]) for each in page.select("script[src]")]
    loaded += [str(each["href"]) for each in page.select("link[href]")]
    assert any("/static/app.css?v=" in path for path in loaded)
    for path in loaded:
        answer = sqlite_api.http.get(f"http://testserver{path}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        for other in (path.partition("?")[0], f"{path}0"):
            assert sqlite_api.http.get(f"http://testserver{other}").headers["cache-control"] == "no-cache"
    assert sqlite_api.http.get("http://testserver/static/none.css?v=1").status_code == 404
