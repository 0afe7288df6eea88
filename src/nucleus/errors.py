"""Errors, under the path that existing scripts import them from."""

from nucleus._exceptions import (
    DatasetItemRetrievalError,
    DuplicateIDError,
    ModelCreationError,
    ModelRunCreationError,
    NoAPIKey,
    NotFoundError,
    NucleusAPIError,
)

__all__ = [
    "DatasetItemRetrievalError",
    "DuplicateIDError",
    "ModelCreationError",
    "ModelRunCreationError",
    "NoAPIKey",
    "NotFoundError",
    "NucleusAPIError",
]
