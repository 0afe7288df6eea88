"""Requests over one kept-alive connection, as a page or a script without our SDK makes them."""

from __future__ import annotations

import base64
import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks import processes
from benchmarks.server import Serving
from tests.support.server import ADMIN_KEY


@dataclass(frozen=True)
class Exchange:
    """Requests and what they cost, summed.

    Attributes:
        status: Of the last answer.
        bodies: All answers.
        walls_s: Elapsed time of each.
        cpus_s: CPU of the server's side for each: of the server and, with PostgreSQL, the database.
        client_cpu_s: Of sending and receiving, without reading what came.
        server_cpu_s: Of the server, in hundredths.
        server_peak_bytes: Its largest resident memory meanwhile.
    """

    status: int
    bodies: list[bytes]
    walls_s: list[float]
    cpus_s: list[float]
    client_cpu_s: float
    server_cpu_s: float
    server_peak_bytes: int


class Requests:
    """A connection to a server, authenticated for the API, and for pages by the link that the server printed."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._connection = http.client.HTTPConnection(urlsplit(serving.live.address).netloc, timeout=600)
        token = base64.b64encode(f"{ADMIN_KEY}:".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def log_in(self) -> None:
        """Get the cookie that pages need."""
        self._connection.request("GET", urlsplit(self._serving.live.login_link).path)
        response = self._connection.getresponse()
        response.read()
        cookies = response.headers.get_all("set-cookie") or []
        self._headers["Cookie"] = "; ".join(cookie.partition(";")[0] for cookie in cookies)

    @property
    def cookies(self) -> dict[str, str]:
        """Name → value of the cookies that pages need."""
        return dict(pair.split("=", 1) for pair in self._headers.get("Cookie", "").split("; ") if pair)

    def api(self, route: str) -> Exchange:
        """GET a route of the API."""
        return self.get([f"/v1/nucleus/{route}"])

    def post(self, route: str, body: object) -> Exchange:
        """POST a body to a route of the API."""
        return self._exchange("POST", [f"/v1/nucleus/{route}"], json.dumps(body), {})

    def get(self, paths: list[str]) -> Exchange:
        """GET paths one after the other."""
        return self._exchange("GET", paths, None, {})

    def page(self, paths: list[str], part: str = "") -> Exchange:
        """GET pages one after the other, compressed as browsers ask for them, or the part with this id as htmx does."""
        headers = {"Accept-Encoding": "gzip"}
        if part:
            headers |= {"HX-Request": "true", "HX-Target": part}
        return self._exchange("GET", paths, None, headers)

    def _exchange(self, method: str, paths: list[str], body: str | None, headers: dict[str, str]) -> Exchange:
        pid, watched = self._serving.pid, self._serving.watched.values()
        processes.reset_peak(pid)
        server, client = processes.cpu_s(pid), time.process_time()
        bodies, walls_s, cpus_s = [], [], []
        for path in paths:
            used = sum(map(processes.running_s, watched))
            start = time.perf_counter()
            self._connection.request(method, path, body, headers=self._headers | headers)
            response = self._connection.getresponse()
            bodies.append(response.read())
            walls_s.append(time.perf_counter() - start)
            cpus_s.append(sum(map(processes.running_s, watched)) - used)
        client_cpu_s = time.process_time() - client
        return Exchange(
            response.status,
            bodies,
            walls_s,
            cpus_s,
            client_cpu_s,
            processes.cpu_s(pid) - server,
            processes.peak_bytes(pid),
        )
