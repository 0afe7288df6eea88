"""Public ids: a known prefix, an underscore and 20 lower-case letters and digits."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALPHABET = string.digits + string.ascii_lowercase
_LENGTH = 20
_ORDINAL_LENGTH = 7  # 36^7 = 78 billion items per dataset
_SEQUENCE_LENGTH = 5  # 36^5 = 60 million, above what an item may have
_CODES = np.array([ord(letter) for letter in _ALPHABET], dtype=np.uint32)


def new_id(prefix: str) -> str:
    """A fresh id such as `ds_c8jwdhy4y4f0078hzceg` (103 random bits: never met twice)."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def new_item_prefix() -> str:
    """The random part that all item ids of one dataset share."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH - _ORDINAL_LENGTH))


def new_user_id() -> str:
    """24 hexadecimal digits, the form that existing clients expect of a user id."""
    return secrets.token_hex(12)


def item_id(item_prefix: str, ordinal: int) -> str:
    """The public id of the item at `ordinal` of the dataset with this prefix."""
    return f"di_{item_prefix}{_base36(ordinal, _ORDINAL_LENGTH)}"


def scene_id(item_prefix: str, ordinal: int) -> str:
    """The public id of the scene at `ordinal` of the dataset with this prefix."""
    return f"scn_{item_prefix}{_base36(ordinal, _ORDINAL_LENGTH)}"


def object_id(prefix: str, row_key: int, sequence: int) -> str:
    """The public id of an annotation (`ann`) or prediction (`pred`): its row, and its place among all that were ever there."""
    return f"{prefix}_{_base36(row_key, _LENGTH - _SEQUENCE_LENGTH)}{_base36(sequence, _SEQUENCE_LENGTH)}"


def object_ids(prefix: str, row_key: int, sequences: Iterable[int]) -> list[str]:
    """`object_id` of several objects of one row."""
    row = f"{prefix}_{_base36(row_key, _LENGTH - _SEQUENCE_LENGTH)}"
    return [f"{row}{_base36(sequence, _SEQUENCE_LENGTH)}" for sequence in sequences]


def parse_object_id(text: str) -> tuple[str, int, int] | None:
    """(prefix, row key, sequence) of an annotation's or a prediction's id; None if the text is neither."""
    prefix, _, body = text.partition("_")
    if prefix not in ("ann", "pred") or len(body) != _LENGTH or not set(body) <= set(_ALPHABET):
        return None
    return prefix, int(body[:-_SEQUENCE_LENGTH], 36), int(body[-_SEQUENCE_LENGTH:], 36)


def _base36(number: int, length: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _ALPHABET[digit] + text
    return text.rjust(length, "0")


def item_ids(item_prefix: str, ordinals: NDArray[np.int64]) -> NDArray[np.str_]:
    """`item_id` of each, without an object for each digit."""
    rest, letters = ordinals, np.empty((len(ordinals), _ORDINAL_LENGTH), dtype=np.uint32)
    for place in reversed(range(_ORDINAL_LENGTH)):
        rest, digit = np.divmod(rest, len(_ALPHABET))
        letters[:, place] = _CODES[digit]
    return np.strings.add(f"di_{item_prefix}", letters.view(f"<U{_ORDINAL_LENGTH}").ravel())


def parse_item_id(text: str) -> tuple[str, int] | None:
    """The dataset's prefix and the ordinal in an item id; None if the text is no item id."""
    return _parse_ordinal_id("di_", text)


def parse_scene_id(text: str) -> tuple[str, int] | None:
    """The dataset's prefix and the ordinal in a scene id; None if the text is no scene id."""
    return _parse_ordinal_id("scn_", text)


def _parse_ordinal_id(prefix: str, text: str) -> tuple[str, int] | None:
    body = text.removeprefix(prefix)
    if len(text) - len(body) != len(prefix) or len(body) != _LENGTH or not set(body) <= set(_ALPHABET):
        return None
    return body[:-_ORDINAL_LENGTH], int(body[-_ORDINAL_LENGTH:], 36)
