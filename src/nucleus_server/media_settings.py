"""What the operator says of media elsewhere: origins that pages may load from, and buckets with a credential for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomllib

from nucleus_server.errors import InvalidInput

DEFAULT_EXPIRES_S = 900
LONGEST_EXPIRES_S = 7 * 24 * 3600
"""What signature version 4 allows."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
# What a host of a Content-Security-Policy may be made of: no IPv6 address is.
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_REGION = re.compile(r"[a-z0-9-]{1,64}")
_ACCESS_KEY = re.compile(r"[\w.+=@:/-]{1,256}")
_KEYS = {
    "name",
    "endpoint",
    "region",
    "access_key_id",
    "access_key_id_env",
    "secret_access_key",
    "secret_access_key_env",
    "prefix",
    "style",
    "expires_s",
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket whose objects pages may show by presigned addresses.

    Attributes:
        name: The bucket's name, unique among those listed.
        endpoint: Origin of the service, such as https://s3.eu-central-1.amazonaws.com, without a path.
        region: The region that signatures name.
        access_key_id: Public part of the credential.
        secret_access_key: Secret part of the credential; in no repr.
        prefix: What the keys of objects that may be shown begin with; empty for all.
        is_virtual: Whether the bucket's name is part of the host instead of the path.
        expires_s: Seconds that an address works, 1 to 604,800.
    """

    name: str
    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    prefix: str = ""
    is_virtual: bool = False
    expires_s: int = DEFAULT_EXPIRES_S


def parse_origins(text: str) -> tuple[str, ...]:
    """Origins separated by blanks, in lower case and without default ports, in the order given.

    Raises:
        InvalidInput: One is no http or https origin.
    """
    return tuple(dict.fromkeys(map(_origin, text.split())))


def _origin(text: str) -> str:
    origin = normal_origin(text)
    if origin is None or text.lower().rstrip("/").count("/") > 2 or "?" in text or "#" in text or "@" in text:
        raise InvalidInput(
            "NUCLEUS_MEDIA_ORIGINS: expected origins such as https://images.example.com, http://10.0.0.5:9000 or "
            f"https://*.example.com, without a path and separated by blanks, got {text[:80]!r}",
            code="invalid_setting",
        )
    return origin


def normal_origin(url: str) -> str | None:
    """Scheme, host and port of an http or https address as browsers compare them; None for any other text."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (
            (parts.hostname or "").encode("idna").decode() if not (parts.hostname or "").isascii() else parts.hostname
        )
    except (ValueError, UnicodeError):
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host or _HOST.fullmatch(host) is None:
        return None
    shown_port = "" if port is None or port == _DEFAULT_PORTS[scheme] else f":{port}"
    return f"{scheme}://{host}{shown_port}"


def load_buckets(path: Path, env: Mapping[str, str]) -> tuple[Bucket, ...]:
    """The buckets of a TOML file, in its order.

    Raises:
        InvalidInput: The file cannot be read, or a bucket is not as expected; no message has a secret in it.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (
        OSError,
        ValueError,
    ) as error:  # what TOML says of a mistake has no text of the file in it but one character
        raise _wrong(path, f"expected a TOML file that can be read: {error}") from error
    tables = raw.pop("bucket", [])
    if raw or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _wrong(path, "expected tables that begin with [[bucket]] and nothing else")
    buckets = tuple(_bucket(path, number, table, env) for number, table in enumerate(tables, start=1))
    names = [bucket.name for bucket in buckets]
    if twice := {name for name in names if names.count(name) > 1}:
        raise _wrong(path, f"expected each bucket once, got {', '.join(sorted(twice))} twice")
    return buckets


def _bucket(path: Path, number: int, table: dict[str, Any], env: Mapping[str, str]) -> Bucket:
    def wrong(message: str) -> InvalidInput:
        return _wrong(path, f"bucket {number}: {message}")

    def text(key: str, default: str = "") -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise wrong(f"expected {key} to be a text in quotes")
        return value

    def credential(key: str) -> str:
        variable = text(f"{key}_env")
        if bool(variable) == (key in table):
            raise wrong(f"expected {key}, or {key}_env with the name of an environment variable that holds it")
        if variable and not env.get(variable):
            raise wrong(f"expected the environment variable {variable} to hold the {key}: it is not set")
        return env[variable] if variable else text(key)

    if unknown := sorted(set(table) - _KEYS):
        raise wrong(f"expected the keys {', '.join(sorted(_KEYS))}, got {', '.join(unknown)}")
    name, region = text("name"), text("region", "us-east-1")
    if _BUCKET.fullmatch(name) is None:
        raise wrong(f'expected the bucket\'s name, such as name = "drive-images", got {name[:80]!r}')
    if _REGION.fullmatch(region) is None:
        raise wrong(f"expected a region such as eu-central-1, got {region[:80]!r}")
    endpoint = normal_origin(text("endpoint", f"https://s3.{region}.amazonaws.com"))
    if endpoint is None or "*" in endpoint or text("endpoint").rstrip("/").count("/") > 2:
        raise wrong("expected an endpoint such as https://minio.example.com:9000, without a path")
    style = text("style", "path")
    if style not in ("path", "virtual"):
        raise wrong(f'expected style = "path" or "virtual", got {style[:80]!r}')
    if style == "virtual" and normal_origin(virtual_origin(endpoint, name)) != virtual_origin(endpoint, name):
        raise wrong(f'expected style = "path": {name!r} cannot be part of a host')
    expires_s = table.get("expires_s", DEFAULT_EXPIRES_S)
    if type(expires_s) is not int or not 1 <= expires_s <= LONGEST_EXPIRES_S:
        raise wrong(f"expected expires_s to be whole seconds from 1 to {LONGEST_EXPIRES_S}")
    access_key_id, secret = credential("access_key_id"), credential("secret_access_key")
    if _ACCESS_KEY.fullmatch(access_key_id) is None or not secret:
        raise wrong("expected an access_key_id and a secret_access_key that are not empty")
    return Bucket(name, endpoint, region, access_key_id, secret, text("prefix"), style == "virtual", expires_s)


def virtual_origin(endpoint: str, name: str) -> str:
    """The origin of a bucket whose name is part of the host."""
    scheme, _, host = endpoint.partition("://")
    return f"{scheme}://{name}.{host}"


def _wrong(path: Path, message: str) -> InvalidInput:
    return InvalidInput(f"media buckets in {path}: {message}", code="invalid_setting")
