"""Errors, under the path that existing scripts import them from."""

from nucleus._exceptions import (
    DatasetItemRetrievalError,
    ModelCreationError,
    NoAPIKey,
    NotFoundError,
    NucleusAPIError,
)

__all__ = ["DatasetItemRetrievalError", "ModelCreationError", "NoAPIKey", "NotFoundError", "NucleusAPIError"]
