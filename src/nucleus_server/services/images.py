"""Where an item's picture is: the user's own URL, an uploaded file, or a card drawn from its text and metadata."""

from __future__ import annotations

import hashlib
import hmac
import textwrap
from base64 import urlsafe_b64encode
from xml.sax.saxutils import escape

from nucleus_server.domain import Item

# Large letters: the card is mostly seen as a thumbnail.
_LINE = 19
_MAX_LINES = 6
_MAX_TEXT = 500


class ImageUrls:
    """Paths that show a picture to whoever holds them: signed, stable, and useless for any other picture."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def path(self, item: Item, workspace_id: str) -> str:
        """The item's own URL, or a path on this server."""
        if item.location is not None:
            return item.location
        if item.media_digest is not None:
            name = f"{workspace_id}.{item.media_digest}"
            return f"/media/{name}.{self._seal(name)}"
        name = f"{workspace_id}.{item.id}"
        return f"/card/{name}.{self._seal(name)}.svg"

    def absolute(self, item: Item, workspace_id: str, base_url: str) -> str:
        """The same as a whole URL."""
        path = self.path(item, workspace_id)
        return f"{base_url}{path}" if path.startswith(("/media/", "/card/")) else path

    def opened(self, token: str) -> tuple[str, str] | None:
        """(workspace id, digest or item id) of a token that this server made; None for any other text."""
        name, _, seal = token.rpartition(".")
        workspace_id, _, what = name.partition(".")
        if not what or not hmac.compare_digest(seal.encode(), self._seal(name).encode()):
            return None
        return workspace_id, what

    def _seal(self, name: str) -> str:
        digest = hmac.new(self._secret, b"image:" + name.encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def card_svg(item: Item) -> str:
    """A picture of an item that has none: its reference id, and its text or its metadata."""
    if item.deleted_at is not None:
        body = "deleted"
    elif item.text:
        body = item.text
    else:
        body = "\n".join(f"{key}: {value}" for key, value in item.metadata.items())
    lines: list[str] = []
    for paragraph in _drawable(body[:_MAX_TEXT]).splitlines():
        lines += textwrap.wrap(paragraph, _LINE, break_long_words=True) or [""]
    if len(lines) > _MAX_LINES:
        lines = [*lines[: _MAX_LINES - 1], lines[_MAX_LINES - 1][: _LINE - 1] + "…"]
    title = _drawable(item.reference_id)
    title = title if len(title) <= _LINE else title[: _LINE - 1] + "…"
    texts = "".join(f'<text x="16" y="{88 + 28 * i}">{escape(line)}</text>' for i, line in enumerate(lines))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 240" width="320" height="240">'
        '<rect width="320" height="240" fill="#f6f7f9"/><rect width="320" height="50" fill="#e4e8ee"/>'
        '<g font-family="ui-sans-serif, system-ui, sans-serif" font-size="26" fill="#1f2933">'
        f'<text x="16" y="34" font-weight="600">{escape(title)}</text>{texts}</g></svg>'
    )


def _drawable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c if c in "\n\t" or c >= " " else " " for c in text if not 0xD800 <= ord(c) <= 0xDFFF)
