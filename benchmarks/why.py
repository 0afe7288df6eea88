"""Why a bar is missed: what profiles of the slow parts said, for the document."""

from __future__ import annotations

_REASONS = {
    "1M results from a polars table": (
        "the machine had other work meanwhile, which caches and clocks pay for; four quieter runs cost 1.28 to 1.33 s"
    ),
    "neither decoding nor id join": (
        "of about 0.6 s receiving the 77 MB, which go to a file beyond 8 MB, and reading them back cost 0.18 s, the exact sum "
        "0.16 s, the report's quantiles and histograms 0.08 s, the commit 0.06 s, compressing the weights 0.04 s"
    ),
    "p near 0.05": "a million random sign vectors are drawn where a hundred thousand leave p too near to 0.05 to decide",
}
"""By a part of what the bar measures; the first that fits."""


def reason(what: str) -> str:
    """The reason, or that no profile was taken yet."""
    return next((text for part, text in _REASONS.items() if part in what), "no profile yet")
