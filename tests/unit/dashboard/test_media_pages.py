"""Images that are elsewhere, on pages: shown by the address that the operator allows, or with the reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from nucleus import DatasetItem
from nucleus_server.app import create_app, open_services
from nucleus_server.config import load_settings
from tests.support.api import Api
from tests.support.server import ADMIN_KEY
from tests.unit.dashboard.browsing import page, texts
from tests.unit.dashboard.test_session import log_in

BUCKET = """[[bucket]]
name = "drives"
endpoint = "http://127.0.0.1:9000"
access_key_id = "AK"
secret_access_key = "not to be seen"
"""
LOCATIONS = {
    "listed": "https://a.example/1.png",
    "other": "https://z.example/1.png",
    "another": "https://z.example/2.png",
    "object": "s3://drives/b c/1.png",
    "stranger": "s3://elsewhere/1.png",
    "scan": "https://a.example/1.tiff",
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A server with one origin and one bucket, logged in, and a dataset of six items by address."""
    (tmp_path / "media.toml").write_text(BUCKET)
    services = open_services(load_settings(data_dir=tmp_path, env={"NUCLEUS_MEDIA_ORIGINS": "https://a.example"}))
    services.store.upgrade()
    services.access.ensure_bootstrap(ADMIN_KEY)
    with TestClient(create_app(services), raise_server_exceptions=False) as http:
        api = Api(http, services)
        dataset = api.client().create_dataset("d")
        dataset.append([DatasetItem(image_location=url, reference_id=name) for name, url in LOCATIONS.items()])
        log_in(api)
        yield api
    services.store.close()


def test_pictures_say_why_they_are_not_shown(api: Api) -> None:
    """Beside those that are shown, whose addresses of a bucket are signed; clients get what they sent."""
    (dataset,) = api.client().datasets
    shown = page(api, f"/datasets/{dataset.id}")
    figures = {str(figure.select("figcaption a")[0].text): figure for figure in shown.select("#items figure")}
    assert [str(i["src"]) for i in figures["listed"].select("img")] == [LOCATIONS["listed"]]
    (signed,) = [str(i["src"]) for i in figures["object"].select("img")]
    assert signed.startswith("http://127.0.0.1:9000/drives/b%20c/1.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert {name: texts(figures[name].select("summary"))[0] for name in ("other", "stranger", "scan")} == {
        "other": "⊘ origin not listed",
        "stranger": "⊘ no credential",
        "scan": "⊘ TIFF, no image",
    }
    (link,) = figures["other"].select("details a")
    assert link["href"] == LOCATIONS["other"] and "noopener" in link["rel"]
    assert "adds https://z.example to NUCLEUS_MEDIA_ORIGINS" in figures["other"].text
    assert {item.reference_id: item.image_location for item in dataset.items} == LOCATIONS


def test_policy_lists_origins_and_buckets(api: Api) -> None:
    """Of the bucket its own path."""
    policy = api.http.get("/settings").headers["content-security-policy"]
    assert "img-src 'self' data: https://a.example http://127.0.0.1:9000/drives/;" in policy


def test_settings_say_what_is_listed_and_what_is_not(api: Api) -> None:
    """With how many items, one of them, and what to write; never a secret."""
    shown = page(api, "/settings").select("#media")[0]
    assert texts(shown.select("li")) == ["https://a.example"] and "http://127.0.0.1:9000" in shown.text
    rows = [texts(row.select("th, td")) for row in shown.select("table")[-1].select("tbody tr")]
    assert rows == [["⚠ https://z.example", "2", "item"], ["⚠ s3://elsewhere", "1", "item"]]
    assert api.http.get(str(shown.select("tbody a")[0]["href"])).status_code == 200
    (advice,) = [code.text for code in shown.select(".code code")]
    assert 'NUCLEUS_MEDIA_ORIGINS="https://a.example https://z.example"' in advice and 'name = "elsewhere"' in advice
    for path in ("/settings", "/", "/openapi.json"):
        assert "not to be seen" not in api.http.get(path).text
    assert json.loads(api.http.get("/openapi.json").text)
