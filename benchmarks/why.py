"""Why a bar is missed, by what the bar measures; from profiles, for the document."""

from __future__ import annotations

WHY_MISSED: dict[str, str] = {}
