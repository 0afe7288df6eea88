"""HTTP to one server: authentication, retries, and errors as exceptions."""

from __future__ import annotations

import json
import random
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx2
import msgspec

from nucleus._exceptions import NucleusAPIError, NucleusConnectionError, UploadRejectedError, api_error

DEFAULT_ENDPOINT = "http://127.0.0.1:8000/v1/nucleus"
MSGPACK = "application/msgpack"
_TIMEOUT_S = 120.0
_PAUSES_S = (0.2, 1.0, 4.0)
_REFUSED = 503
"""The status of a request that the server turned away without doing anything."""
_UNANSWERED = (502, 504, 520, 524)
"""Statuses of proxies that cannot tell whether the server has done something."""

_LOST = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.ProxyError)
"""Errors after which the server may have done what it was asked to."""


def json_body(payload: object) -> bytes:
    """JSON text; raises ValueError for NaN and infinities, which some encoders would quietly turn into null."""
    try:
        return json.dumps(payload, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise ValueError("expected finite numbers, got NaN or an infinity, which JSON does not have") from error


class Connection:
    """Sends requests to one endpoint with one key. Safe to share between threads."""

    def __init__(
        self, key: str, endpoint: str, *, is_limited: bool = False, http_client: httpx2.Client | None = None
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._headers = {"x-limited-access-key": key} if is_limited else {}
        self._auth = None if is_limited else (key, "")
        self._http = http_client or httpx2.Client(timeout=_TIMEOUT_S)
        # Scripts rarely close a client; without a finaliser its sockets would warn when it is collected.
        self._close = None if http_client else weakref.finalize(self, self._http.close)

    def __repr__(self) -> str:
        return f"Connection(endpoint={self.endpoint!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Connection) and (self.endpoint, self._auth, self._headers) == (
            other.endpoint,
            other._auth,
            other._headers,
        )

    __hash__ = None  # type: ignore[assignment]

    def close(self) -> None:
        """Close the connections, unless the caller brought them."""
        if self._close is not None:
            self._close()

    def get(self, route: str, params: Mapping[str, str] | None = None) -> Any:
        """GET; the answer as Python values."""
        return self._call("GET", route, params=params)

    def post(
        self, payload: object, route: str, params: Mapping[str, str] | None = None, *, is_replay_safe: bool = False
    ) -> Any:
        """POST a JSON body; one that is safe to replay is sent again if the answer was lost."""
        return self.post_bytes(json_body(payload), route, params, is_replay_safe=is_replay_safe)

    def post_bytes(
        self, body: bytes, route: str, params: Mapping[str, str] | None = None, *, is_replay_safe: bool = False
    ) -> Any:
        """POST a body that is JSON already."""
        return self._call("POST", route, content=body, params=params, is_replay_safe=is_replay_safe)

    def post_msgpack(self, body: bytes, route: str) -> Any:
        """POST a msgpack body to a route that knows the same body when it sees it twice."""
        return self._call("POST", route, content=body, content_type=MSGPACK, is_replay_safe=True)

    def put_msgpack(self, body: bytes, route: str) -> Any:
        """PUT a msgpack body; it is sent again if the answer was lost."""
        return self._call("PUT", route, content=body, content_type=MSGPACK, is_replay_safe=True)

    def delete(self, route: str, payload: object = None, params: Mapping[str, str] | None = None) -> Any:
        """DELETE, with a JSON body where a route asks for one."""
        content = None if payload is None else json_body(payload)
        return self._call("DELETE", route, content=content, params=params)

    def download(self, route: str, write: Callable[[bytes], object]) -> None:
        """GET a file, piece by piece."""
        url = f"{self.endpoint}/{route}"
        try:
            with self._http.stream(
                "GET", url, headers=self._headers, auth=self._auth, follow_redirects=False
            ) as response:
                if not response.is_success:
                    response.read()
                    raise self._error("GET", url, response)
                for piece in response.iter_bytes():
                    write(piece)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _no_answer(url, str(error) or type(error).__name__) from error

    def post_files(
        self,
        document: bytes,
        files: Sequence[tuple[str, bytes, str]],
        route: str,
        *,
        names: tuple[str, str] = ("items", "image"),
        is_job: bool = True,
    ) -> Any:
        """POST multipart: the JSON part, then one for each (name, content, content type); `names` is what parts are called."""
        parts: list[tuple[str, Any]] = [(names[0], (None, document, "application/json"))]
        parts += [(names[1], file) for file in files]
        params = {"async": "1"} if is_job else None
        return self._call("POST", route, files=parts, params=params, is_replay_safe=True)

    def put_signed(self, url: str, body: bytes) -> None:
        """PUT a payload to a signed URL, which needs no key and must not get one."""
        self._send("PUT", url, {"content": body, "auth": None}, is_replay_safe=True)

    def error_of_job(self, message: str) -> NucleusAPIError:
        """The exception for a job that failed as a request would have: `message` is the error body's JSON."""
        return self._prepared(api_error("POST", f"{self.endpoint}/", 422, "the job failed", message))

    def _call(
        self,
        method: str,
        route: str,
        *,
        is_replay_safe: bool = False,
        content_type: str = "application/json",
        **request: Any,
    ) -> Any:
        headers = dict(self._headers)
        if "files" not in request:
            headers["Content-Type"] = content_type
        url = f"{self.endpoint}/{route}"
        request |= {"headers": headers, "auth": self._auth}
        response = self._send(method, url, request, is_replay_safe=is_replay_safe or method == "GET")
        try:
            return msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise NucleusConnectionError(
                f"expected JSON from {url}, got something else: is NUCLEUS_ENDPOINT the server's address with /v1/nucleus "
                "at the end?"
            ) from error

    def _send(self, method: str, url: str, request: dict[str, Any], *, is_replay_safe: bool) -> httpx2.Response:
        """Send a request, again after a pause if that can help and cannot do harm."""
        pauses = iter(_PAUSES_S)
        while True:
            try:
                # A redirect would carry the key to another server, and turn a POST into a GET.
                response = self._http.request(method, url, follow_redirects=False, **request)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                was_never_sent = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout))
                may_help = was_never_sent or (is_replay_safe and isinstance(error, _LOST))
                pause_s = next(pauses, None) if may_help else None
                if pause_s is None:
                    raise _no_answer(url, str(error) or type(error).__name__) from error
            else:
                if response.is_success:
                    return response
                if response.is_redirect:
                    raise _no_answer(url, f"it redirects to {response.headers.get('location', 'nowhere')}")
                status = response.status_code
                may_help = status == _REFUSED or (is_replay_safe and status in _UNANSWERED)
                pause_s = next(pauses, None) if may_help else None
                if pause_s is None:
                    raise self._error(method, url, response)
            time.sleep(random.uniform(0.5, 1.0) * pause_s)

    def _error(self, method: str, url: str, response: httpx2.Response) -> NucleusAPIError:
        return self._prepared(api_error(method, url, response.status_code, response.reason_phrase, response.text))

    def _prepared(self, error: NucleusAPIError) -> NucleusAPIError:
        if isinstance(error, UploadRejectedError):
            error.fetch_bad_rows = self.download
        return error


def _no_answer(url: str, why: str) -> NucleusConnectionError:
    server = "/".join(url.split("/", 3)[:3])
    return NucleusConnectionError(
        f"no answer from {server}: {why}. Is the server running (`nucleus serve`), and is NUCLEUS_ENDPOINT its address, "
        "with http:// or https:// in front and /v1/nucleus at the end?"
    )
