"""What all commands of one run share: where the server is, with which key, and the client that talks to it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import typer

from nucleus._client import NucleusClient
from nucleus._connection import DEFAULT_ENDPOINT

Connect = Callable[["str | None", "str | None"], NucleusClient]
"""Makes the client of an endpoint and a key; None stands for what was not given."""


@dataclass
class Session:
    """One run of the command line; tests bring a `connect` of their own."""

    connect: Connect
    endpoint: str | None = None
    api_key: str | None = None
    _client: NucleusClient | None = None

    @property
    def client(self) -> NucleusClient:
        """The client, made when a command first needs it."""
        if self._client is None:
            self._client = self.connect(self.endpoint, self.api_key)
        return self._client


def client_of(context: typer.Context) -> NucleusClient:
    """The client of this run."""
    session = context.find_object(Session)
    assert session is not None
    return session.client


def connect(endpoint: str | None, api_key: str | None) -> NucleusClient:
    """A client of the server that options and environment name.

    Without any key, a server on this machine is asked with the admin key in its data folder, if this user may read it: who
    may read that file owns the server anyway.
    """
    where = endpoint or os.environ.get("NUCLEUS_ENDPOINT") or DEFAULT_ENDPOINT
    has_key = api_key or os.environ.get("NUCLEUS_API_KEY") or os.environ.get("NUCLEUS_LIMITED_ACCESS_KEY")
    return NucleusClient(api_key if has_key else admin_key_for(where), endpoint=where)


def admin_key_for(endpoint: str) -> str | None:
    """The admin key of a server on this machine; None if the endpoint is elsewhere, or the key cannot be read."""
    if not _is_loopback(urlsplit(endpoint).hostname or ""):
        return None
    folder = Path(os.environ.get("NUCLEUS_DATA_DIR") or "nucleus-data")
    try:
        return (folder / "admin.key").read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
