"""A folder of image files as items."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nucleus._dataset_item import DatasetItem

MANY_FILES = 500


def items_of_folder(folder: str | Path, file_types: Iterable[str], *, may_be_many: bool) -> list[DatasetItem]:
    """An item for every file of these types, also in folders of the folder; its path in the folder is the reference id.

    Raises:
        ValueError: There is no such folder, or more than 500 files are in it and nobody said that this is meant.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise ValueError(f"expected a folder, {str(folder)!r} is none")
    endings = {f".{ending.lower().lstrip('.')}" for ending in file_types}
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in endings and path.is_file())
    if len(paths) > MANY_FILES and not may_be_many:
        raise ValueError(
            f"expected at most {MANY_FILES} files in {str(folder)!r}, got {len(paths)}: if you mean all of them, say "
            "skip_size_warning=True"
        )
    return [DatasetItem(str(path), path.relative_to(root).as_posix()) for path in paths]
