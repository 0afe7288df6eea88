"""A bucket on this machine that checks signatures by its own reading of the algorithm, and counts who asks."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit


@dataclass
class LocalBucket:
    """A running service with one bucket, in the path.

    Attributes:
        origin: Its address.
        objects: Key → content.
        asked: What was asked for: (key, status).
    """

    name: str
    region: str
    access_key_id: str
    secret_access_key: str
    origin: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def answer(self, target: str, host: str) -> tuple[int, bytes]:
        """What a GET of this target gets."""
        parts = urlsplit(target)
        sent = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        signature = sent.pop("X-Amz-Signature", "")
        began = datetime.strptime(sent.get("X-Amz-Date", "19700101T000000Z"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        is_in_time = timedelta(0) <= datetime.now(UTC) - began <= timedelta(seconds=int(sent.get("X-Amz-Expires", "0")))
        expected = self._signature(parts.path, sent, host)
        prefix = f"/{self.name}/"
        if not (is_in_time and hmac.compare_digest(signature, expected) and parts.path.startswith(prefix)):
            return 403, b"SignatureDoesNotMatch"
        content = self.objects.get(unquote(parts.path).removeprefix(prefix))
        return (404, b"NoSuchKey") if content is None else (200, content)

    def _signature(self, path: str, sent: dict[str, str], host: str) -> str:
        def encoded(text: str) -> str:
            return quote(text, safe="-_.~")

        scope = f"{sent.get('X-Amz-Date', '')[:8]}/{self.region}/s3/aws4_request"
        if sent.get("X-Amz-Credential") != f"{self.access_key_id}/{scope}":
            return ""
        query = "&".join(sorted(f"{encoded(name)}={encoded(value)}" for name, value in sent.items()))
        canonical = "\n".join(["GET", path, query, f"host:{host}", "", "host", "UNSIGNED-PAYLOAD"])
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = "\n".join(["AWS4-HMAC-SHA256", sent["X-Amz-Date"], scope, digest])
        key = ("AWS4" + self.secret_access_key).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


@contextmanager
def running_bucket(bucket: LocalBucket) -> Iterator[LocalBucket]:
    """Serve it on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_GET(self) -> None:
            status, content = bucket.answer(self.path, self.headers["Host"])
            bucket.asked.append((unquote(urlsplit(self.path).path).removeprefix(f"/{bucket.name}/"), status))
            self.send_response(status)
            self.send_header("Content-Type", "image/png" if status == 200 else "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        bucket.origin = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield bucket
        server.shutdown()
        thread.join(timeout=10)
