"""The form of values that users make themselves."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
