"""Public ids: a known prefix, an underscore and 20 lower-case letters and digits."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALPHABET = string.digits + string.ascii_lowercase
_LENGTH = 20
_ORDINAL_LENGTH = 7  # 36^7 = 78 billion items per dataset
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
    digits = []
    for _ in range(_ORDINAL_LENGTH):
        ordinal, digit = divmod(ordinal, 36)
        digits.append(_ALPHABET[digit])
    return f"di_{item_prefix}{''.join(reversed(digits))}"


def item_ids(item_prefix: str, ordinals: NDArray[np.int64]) -> NDArray[np.str_]:
    """`item_id` of each, without an object for each digit."""
    rest, letters = ordinals, np.empty((len(ordinals), _ORDINAL_LENGTH), dtype=np.uint32)
    for place in reversed(range(_ORDINAL_LENGTH)):
        rest, digit = np.divmod(rest, len(_ALPHABET))
        letters[:, place] = _CODES[digit]
    return np.strings.add(f"di_{item_prefix}", letters.view(f"<U{_ORDINAL_LENGTH}").ravel())


def parse_item_id(text: str) -> tuple[str, int] | None:
    """The dataset's prefix and the ordinal in an item id; None if the text is no item id."""
    body = text.removeprefix("di_")
    if len(text) - len(body) != 3 or len(body) != _LENGTH or not set(body) <= set(_ALPHABET):
        return None
    return body[:-_ORDINAL_LENGTH], int(body[-_ORDINAL_LENGTH:], 36)
