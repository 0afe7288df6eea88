"""HTTP to one server: authentication, retries, and errors as exceptions."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import msgspec

from nucleus._exceptions import NucleusConnectionError, api_error

DEFAULT_ENDPOINT = "http://127.0.0.1:8000/v1/nucleus"
_TIMEOUT_S = 120.0
_RETRIED_STATUSES = (503, 504, 520, 524)
_PAUSES_S = (0.2, 1.0, 4.0)


class Connection:
    """Sends requests to one endpoint with one key. Safe to share between threads."""

    def __init__(
        self, key: str, endpoint: str, *, is_limited: bool = False, http_client: httpx2.Client | None = None
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._auth: dict[str, Any] = (
            {"headers": {"x-limited-access-key": key}} if is_limited else {"auth": httpx2.BasicAuth(key, "")}
        )
        self._owns_client = http_client is None
        self._http = http_client or httpx2.Client(timeout=_TIMEOUT_S, follow_redirects=True)

    def __repr__(self) -> str:
        return f"Connection(endpoint={self.endpoint!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Connection) and self.endpoint == other.endpoint and self._auth == other._auth

    __hash__ = None  # type: ignore[assignment]

    def close(self) -> None:
        """Close the connections, unless the caller brought them."""
        if self._owns_client:
            self._http.close()

    def get(self, route: str, params: Mapping[str, str] | None = None) -> Any:
        """GET; the answer as Python values."""
        return self._call("GET", route, params=params)

    def post(self, payload: object, route: str, params: Mapping[str, str] | None = None) -> Any:
        """POST a JSON body."""
        return self.post_bytes(msgspec.json.encode(payload), route, params=params)

    def post_bytes(self, body: bytes, route: str, params: Mapping[str, str] | None = None) -> Any:
        """POST a body that is JSON already."""
        return self._call("POST", route, content=body, params=params)

    def delete(self, route: str) -> Any:
        """DELETE."""
        return self._call("DELETE", route)

    def post_files(self, document: bytes, files: Sequence[tuple[str, bytes, str]], route: str) -> Any:
        """POST multipart: the JSON part `items`, then one `image` part for each (name, content, content type)."""
        parts: list[tuple[str, Any]] = [("items", (None, document, "application/json"))]
        parts += [("image", file) for file in files]
        return self._call("POST", route, files=parts, params={"async": "1"})

    def put_signed(self, url: str, body: bytes) -> None:
        """PUT a payload to a signed URL, which needs no key and must not get one."""
        self._send("PUT", url, {"content": body})

    def _call(self, method: str, route: str, **request: Any) -> Any:
        headers = dict(self._auth.get("headers", {}))
        if "files" not in request:
            headers["Content-Type"] = "application/json"
        if "auth" in self._auth:
            request["auth"] = self._auth["auth"]
        response = self._send(method, f"{self.endpoint}/{route}", {**request, "headers": headers})
        return msgspec.json.decode(response.content)

    def _send(self, method: str, url: str, request: dict[str, Any]) -> httpx2.Response:
        # Every write of the protocol tolerates a replay, so a request whose answer was lost may be sent again.
        for pause_s in (*_PAUSES_S, None):
            try:
                response = self._http.request(method, url, **request)
            except httpx2.TransportError as error:
                if pause_s is None:
                    raise NucleusConnectionError(
                        f"cannot reach {self.endpoint}: {error}. Is the server running (`nucleus serve`), and is "
                        "NUCLEUS_ENDPOINT its address with /v1/nucleus at the end?"
                    ) from error
            else:
                if response.is_success:
                    return response
                if pause_s is None or response.status_code not in _RETRIED_STATUSES:
                    raise api_error(method, url, response.status_code, response.reason_phrase, response.text)
            time.sleep(random.uniform(0.5, 1.0) * pause_s)
        raise AssertionError("unreachable")
