"""Spellings of paths, request ids, operations, settings, and the OpenAPI document."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import nucleus_server
from nucleus_server.config import SETTINGS, load_settings
from nucleus_server.errors import InvalidInput
from nucleus_server.services import Store
from tests.support.api import BASE, Api

SOURCE = Path(nucleus_server.__file__).parent
DOCS = Path(__file__).parents[3] / "docs"


def test_one_spelling_of_paths(sqlite_api: Api) -> None:
    """`//` after the base, a slash at the end; an encoded slash belongs to a reference id."""
    client = sqlite_api.client()
    dataset = client.create_dataset("d")
    refs = ["a/b", "a/b/", "/", "ü?#[]", "a b", "refloc/x"]
    sqlite_api.post(
        f"dataset/{dataset.id}/append", {"items": [{"reference_id": r, "text": r} for r in refs], "update": False}
    )
    for route in ("models", "models/", "/models", "/models/"):
        response = sqlite_api.http.get(f"http://testserver{BASE}/{route}", headers=sqlite_api.headers())
        assert response.status_code == 200, route
    for path in ("/v1/nucleus", "/v1/nucleus/", "/v1/nucleus//"):
        answer = sqlite_api.http.get(f"http://testserver{path}", headers=sqlite_api.headers())
        assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found")
    for ref in refs:
        assert dataset.refloc(ref)["item"].text == ref
    assert sqlite_api.get("slice/").json() == sqlite_api.get("slice").json() == []


def test_bodies_on_get_and_delete_are_ignored(sqlite_api: Api) -> None:
    """Some clients send `{}` with every request."""
    for body in (b"{}", b"", b"not json"):
        response = sqlite_api.http.request(
            "GET", f"{BASE}/validate/eval_fn", content=body, headers=sqlite_api.headers()
        )
        assert response.status_code == 200


@pytest.mark.parametrize(("sent", "is_kept"), [("abc-1.2_3", True), ("x" * 65, False), ("a b", False), ("<b>", False)])
def test_request_ids(sqlite_api: Api, sent: str, is_kept: bool) -> None:
    """A harmless id of the client's is kept, any other is replaced."""
    answer = sqlite_api.http.get("/healthz", headers={"x-request-id": sent})
    assert (answer.headers["x-request-id"] == sent) is is_kept
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", answer.headers["x-request-id"])


def test_health_and_readiness(sqlite_api: Api) -> None:
    """Ready only with this release's schema; metrics know routes, never ids."""
    assert sqlite_api.http.get("/healthz").json() == {"status": "ok"}
    assert sqlite_api.http.get("/readyz").json() == {"status": "ready"}
    dataset = sqlite_api.client().create_dataset("d")
    assert dataset.size == 0
    metrics = sqlite_api.http.get("/metrics").text
    assert 'route="/dataset/{dataset_id}/size"' in metrics or "/dataset/{dataset_id}/size" in metrics
    assert dataset.id not in metrics


def test_not_ready_without_schema(tmp_path: Path) -> None:
    """An empty database is named with the command that mends it."""
    store = Store(f"sqlite:///{tmp_path / 'n.db'}")
    with store.database.write():
        pass
    assert "nucleus db upgrade" in str(store.version_problem())
    assert len(store.check()) == 1
    store.upgrade()
    assert store.version_problem() is None
    store.close()


def test_answers_are_compressed_on_request(sqlite_api: Api) -> None:
    """The list of functions is long enough."""
    answer = sqlite_api.http.get(
        f"{BASE}/validate/eval_fn", headers=sqlite_api.headers() | {"Accept-Encoding": "gzip, deflate"}
    )
    assert answer.headers["content-encoding"] == "gzip" and len(answer.json()["eval_functions"]) == 23


@pytest.mark.parametrize("url", ["mysql://x", "sqlite://", "sqlite:///:memory:"])
def test_bad_database_urls(url: str) -> None:
    """Said before anything is opened."""
    with pytest.raises(InvalidInput, match="expected a"):
        Store(url)


def test_settings(tmp_path: Path) -> None:
    """Arguments before the environment before defaults; the secret is made once, for its owner only."""
    first = load_settings(data_dir=tmp_path / "a", env={})
    assert first.database_url == f"sqlite:///{tmp_path / 'a' / 'nucleus.db'}"
    assert load_settings(data_dir=tmp_path / "a", env={}).secret == first.secret
    assert (tmp_path / "a" / "secret.key").stat().st_mode & 0o777 == 0o600
    env = {
        "NUCLEUS_DATA_DIR": str(tmp_path / "b"),
        "NUCLEUS_DATABASE_URL": "postgresql://x/y",
        "NUCLEUS_SECRET_KEY": "s",
        "NUCLEUS_PUBLIC_URL": "https://n.example.com/",
        "NUCLEUS_MEDIA_ORIGINS": "https://a.example https://b.example",
        "NUCLEUS_MEDIA_BUCKETS": str(tmp_path / "media.toml"),
        "NUCLEUS_BOOTSTRAP_KEY": "k",
    }
    assert set(env) == {setting.env for setting in SETTINGS}
    (tmp_path / "media.toml").write_text("")
    second = load_settings(env=env)
    assert (second.database_url, second.secret, second.bootstrap_key) == ("postgresql://x/y", b"s", "k")
    assert second.public_url == "https://n.example.com"
    assert second.media_origins == ("https://a.example", "https://b.example")
    assert load_settings(data_dir=tmp_path, database_url="sqlite:///z", env=env).database_url == "sqlite:///z"
    assert "secret" not in repr(second).lower()


def test_every_setting_is_documented() -> None:
    """By its variable and its help text."""
    text = (DOCS / "operating.md").read_text()
    for setting in SETTINGS:
        assert setting.env in text and setting.help.split(",")[0].rstrip(".") in text.replace("`", ""), setting.name


def error_codes() -> set[str]:
    """Every code that the source names, and those it makes of nouns."""
    codes: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                codes.add(str(node.value.value))
            if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "default_code" for t in node.targets):
                codes.add(ast.literal_eval(node.value))
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "default_code" and node.value:
                codes.add(ast.literal_eval(node.value))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                if node.func.attr == "_row_by_id" and texts:
                    codes.add(f"{texts[-1].replace(' ', '_')}_not_found")
                if node.func.attr == "_require_owner" and texts:
                    codes.add(f"not_{texts[0].replace(' ', '_')}_owner")
    return codes


def test_every_error_code_is_documented() -> None:
    """And the page names no code that does not exist."""
    documented = set(re.findall(r"^\| `([a-z0-9_]+)` \|", (DOCS / "errors.md").read_text(), re.MULTILINE))
    made_elsewhere = {
        *("missing_score", "non_finite_score", "invalid_score_type", "score_out_of_range", "unknown_reference_ids"),
        *("missing_weight", "non_finite_weight", "invalid_weight_type", "weight_out_of_range", "deleted_items"),
        *("items_outside_slice", "invalid_level", "invalid_direction", "invalid_comparison", "nul_character"),
        *("duplicate_reference_ids", "weight_for_unknown_result", "invalid_role", "invalid_mode", "invalid_cluster"),
        *("invalid_release_status",),
    }
    assert error_codes() - documented == set()
    assert documented - error_codes() - made_elsewhere == set()


def test_openapi_document(sqlite_api: Api) -> None:
    """Complete: every API route, its body's schema, and the one error."""
    document = sqlite_api.http.get("/openapi.json").json()
    json.dumps(document)
    schemas = document["components"]["schemas"]
    assert {"CreateScenarioTest", "AppendBody", "SetThreshold", "Error"} <= set(schemas)
    n_routes = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            n_routes += 1
            assert operation["responses"]["default"]["content"]["application/json"], (path, method)
            assert operation["summary"] and operation["description"]
            for reference in re.findall(r"#/components/schemas/(\w+)", json.dumps(operation)):
                assert reference in schemas
    assert n_routes > 45
