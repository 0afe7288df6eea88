"""Nucleus Validate: test models scenario by scenario, with your own metrics.

PYTEST_DONT_REWRITE: whoever imports this before pytest.main() would be warned of it, because our plugin is installed with it.
"""

from importlib.metadata import PackageNotFoundError as _PackageNotFoundError
from importlib.metadata import distribution as _distribution

try:
    _distribution("scale-nucleus")
except _PackageNotFoundError:
    pass
else:
    raise ImportError(
        "scale-nucleus and nucleus-validate both provide the module nucleus, and both are installed here: keep one, with "
        "`pip uninstall scale-nucleus && pip install --force-reinstall --no-deps nucleus-validate`"
    )

from nucleus import validate
from nucleus._admin import ApiKey, ServerStatus, User
from nucleus._async_job import AsyncJob
from nucleus._client import NucleusClient
from nucleus._dataset import Dataset, DatasetInfo
from nucleus._dataset_item import DatasetItem
from nucleus._exceptions import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    CreateScenarioTestError,
    DatasetItemRetrievalError,
    InvalidUpload,
    JobError,
    JobTimeoutError,
    ModelCreationError,
    NoAPIKey,
    NotAvailableError,
    NotFoundError,
    NucleusAPIError,
    NucleusConnectionError,
    NucleusError,
    ObjectNotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    ServerError,
    UploadRejectedError,
)
from nucleus._external_function import ExternalFunction, ScoringRun, external_function
from nucleus._model import Model
from nucleus._scoring import ItemError
from nucleus._slice import Slice
from nucleus._upload_report import UploadReport
from nucleus.validate.clusters import EACH_ITEM

__all__ = [
    "EACH_ITEM",
    "ApiKey",
    "AsyncJob",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "CreateScenarioTestError",
    "Dataset",
    "DatasetInfo",
    "DatasetItem",
    "DatasetItemRetrievalError",
    "ExternalFunction",
    "InvalidUpload",
    "ItemError",
    "JobError",
    "JobTimeoutError",
    "Model",
    "ModelCreationError",
    "NoAPIKey",
    "NotAvailableError",
    "NotFoundError",
    "NucleusAPIError",
    "NucleusClient",
    "NucleusConnectionError",
    "NucleusError",
    "ObjectNotFoundError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "ScoringRun",
    "ServerError",
    "ServerStatus",
    "Slice",
    "UploadRejectedError",
    "UploadReport",
    "User",
    "external_function",
    "validate",
]
