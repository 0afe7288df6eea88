"""Media files, signed picture paths, and cards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus_server.domain import Item
from nucleus_server.errors import PayloadTooLarge, StorageUnavailable
from nucleus_server.services.images import ImageUrls, card_svg
from nucleus_server.services.media import MediaStore, image_type


def item(**changes: object) -> Item:
    """An item of text."""
    values: dict[str, object] = {
        "dataset_key": 1,
        "ordinal": 0,
        "id": "di_0000000000000" + "0000000",
        "reference_id": "ref",
        "metadata": {},
        "location": None,
        "pointcloud_location": None,
        "media_digest": None,
        "text": "t",
        "width": None,
        "height": None,
        "created_at": datetime.now(UTC),
        "deleted_at": None,
    }
    return Item(**(values | changes))  # type: ignore[arg-type]


def test_put_is_by_content(tmp_path: Path) -> None:
    """The same bytes are one file, readable under their digest, apart for each workspace."""
    media = MediaStore(tmp_path)
    stored = media.put("ws_a", [b"ab", b"c"])
    assert stored.digest == hashlib.sha256(b"abc").hexdigest() and stored.size_bytes == 3
    assert media.put("ws_a", [b"abc"]) == stored
    assert media.read("ws_a", stored.digest) == b"abc"
    with pytest.raises(StorageUnavailable):
        media.read("ws_b", stored.digest)
    media.delete("ws_a", stored.digest)
    media.delete("ws_a", stored.digest)
    assert not media.path("ws_a", stored.digest).exists()


def test_put_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A client that vanishes, and a body over the limit."""

    def vanishing() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    media = MediaStore(tmp_path)
    with pytest.raises(StorageUnavailable):  # ConnectionError is an OSError
        media.put("ws", vanishing())
    with pytest.raises(PayloadTooLarge):
        media.put("ws", [b"123", b"456"], limit_bytes=5)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "/x"])
def test_only_digests_name_files(tmp_path: Path, digest: str) -> None:
    """Nothing else becomes a path."""
    with pytest.raises(ValueError, match="64 hexadecimal"):
        MediaStore(tmp_path).path("ws", digest)


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"<svg xmlns=", None),
        (b"<!doctype html>", None),
        (b"", None),
    ],
)
def test_image_types(head: bytes, content_type: str | None) -> None:
    """By the first bytes; nothing that could hold a script."""
    assert image_type(head) == content_type


def test_paths_are_signed() -> None:
    """A path opens what it was made for; any other text opens nothing."""
    images = ImageUrls(b"secret")
    path = images.path(item(), "ws_a")
    token = path.removeprefix("/card/").removesuffix(".svg")
    assert images.opened(token) == ("ws_a", item().id)
    assert images.path(item(), "ws_a") == path
    assert ImageUrls(b"other").opened(token) is None
    for forged in (token[:-1], token + "A", token.replace("ws_a", "ws_b"), "", ".", "..", "a.b.c", "ü.b.c"):
        assert images.opened(forged) is None
    digest = "a" * 64
    media = images.path(item(media_digest=digest, text=None), "ws_a")
    assert images.opened(media.removeprefix("/media/")) == ("ws_a", digest)
    assert images.path(item(location="https://e.com/x.png"), "ws_a") == "https://e.com/x.png"
    assert images.absolute(item(), "ws_a", "http://host") == f"http://host{path}"


@given(
    st.text(max_size=60), st.text(min_size=1, max_size=60), st.dictionaries(st.text(max_size=9), st.text(max_size=9))
)
def test_cards_are_well_formed(text: str, reference_id: str, metadata: dict[str, str]) -> None:
    """Whatever the user's text is, the card is XML, and the text is never markup."""
    card = card_svg(item(text=text, reference_id=reference_id, metadata=metadata))
    root = ElementTree.fromstring(card.encode("utf-8"))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "rect", "g", "text"}


def test_cards_show_what_there_is() -> None:
    """The text; else the metadata; long ones are cut."""
    assert "What is 2 + 2?" in card_svg(item(text="What is 2 + 2?"))
    assert "lane: 3" in card_svg(item(text=None, metadata={"lane": 3}))
    long = card_svg(item(text="word " * 100_000, reference_id="r" * 300))
    assert len(long) < 2000 and "…" in long
    assert "deleted" in card_svg(item(deleted_at=datetime.now(UTC)))
