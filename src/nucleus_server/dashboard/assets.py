"""Stylesheets, scripts and icons, at addresses that name what is in them: a browser keeps each for ever."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOLDER = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"


def asset_path(name: str) -> str:
    """The address of a file of the folder `static`; it changes with the file.

    Raises:
        FileNotFoundError: There is no such file.
    """
    return f"/static/{name}?v={_version(name)}"


class Assets(StaticFiles):
    """The files: under the address that names their content they are kept for ever, else asked for each time."""

    def __init__(self) -> None:
        super().__init__(directory=_FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or that the browser has it already."""
        answer = await super().get_response(path, scope)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("v", [])
        is_this = answer.status_code < 400 and asked == [_version(path)]
        answer.headers["cache-control"] = _FOR_EVER if is_this else "no-cache"
        return answer


def _version(name: str) -> str:
    file = _FOLDER / name
    return _digest(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _digest(file: Path, _changed_at: int) -> str:
    """Of the file as it was at this time; one that is edited while the server runs has another address at once."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
