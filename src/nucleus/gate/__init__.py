"""Two models compared by files of scores, without a server. Needs numpy: `pip install 'nucleus-validate[gate]'`."""

try:
    import numpy  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "comparing needs numpy, which is not installed here: pip install 'nucleus-validate[gate]'", name="numpy"
    ) from error

from nucleus.gate.comparing import FileComparison, FileSide, ItemContribution, MissingItems, compare_files
from nucleus.gate.score_files import InvalidScoreFile

__all__ = ["FileComparison", "FileSide", "InvalidScoreFile", "ItemContribution", "MissingItems", "compare_files"]
