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
from nucleus._annotations import (
    Annotation,
    BoxAnnotation,
    CuboidAnnotation,
    KeypointsAnnotation,
    LineAnnotation,
    PolygonAnnotation,
    Segment,
    SegmentationAnnotation,
)
from nucleus._async_job import AsyncJob
from nucleus._categories import CategoryAnnotation, MultiCategoryAnnotation, SceneCategoryAnnotation
from nucleus._client import NucleusClient
from nucleus._dataset import Dataset, DatasetInfo
from nucleus._dataset_item import DatasetItem, DatasetItemEmbeddingInfo
from nucleus._dataset_scenes import SceneInfo
from nucleus._exceptions import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    CreateScenarioTestError,
    DatasetItemRetrievalError,
    DuplicateIDError,
    InvalidUpload,
    JobError,
    JobTimeoutError,
    ModelCreationError,
    ModelRunCreationError,
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
from nucleus._geometry import CameraModels, CameraParams, Keypoint, LidarPoint, Point, Point3D, Quaternion
from nucleus._job_list import CustomerJobTypes
from nucleus._model import Model
from nucleus._model_run import ModelRun
from nucleus._predictions import (
    BoxPrediction,
    CategoryPrediction,
    CuboidPrediction,
    KeypointsPrediction,
    LinePrediction,
    PolygonPrediction,
    SceneCategoryPrediction,
    SegmentationPrediction,
)
from nucleus._scenes import Frame, LidarScene, Scene, VideoScene
from nucleus._scoring import ItemError
from nucleus._slice import Slice
from nucleus._slice_building import SliceBuilderFilterAutotag, SliceBuilderFilters, SliceBuilderMethods, SliceType
from nucleus._tracks import Track
from nucleus._upload_report import UploadReport
from nucleus.validate.clusters import EACH_ITEM

__all__ = [
    "EACH_ITEM",
    "Annotation",
    "ApiKey",
    "AsyncJob",
    "AuthenticationError",
    "BadRequestError",
    "BoxAnnotation",
    "BoxPrediction",
    "CameraModels",
    "CameraParams",
    "CategoryAnnotation",
    "CategoryPrediction",
    "ConflictError",
    "CreateScenarioTestError",
    "CuboidAnnotation",
    "CuboidPrediction",
    "CustomerJobTypes",
    "Dataset",
    "DatasetInfo",
    "DatasetItem",
    "DatasetItemEmbeddingInfo",
    "DatasetItemRetrievalError",
    "DuplicateIDError",
    "ExternalFunction",
    "Frame",
    "InvalidUpload",
    "ItemError",
    "JobError",
    "JobTimeoutError",
    "Keypoint",
    "KeypointsAnnotation",
    "KeypointsPrediction",
    "LidarPoint",
    "LidarScene",
    "LineAnnotation",
    "LinePrediction",
    "Model",
    "ModelCreationError",
    "ModelRun",
    "ModelRunCreationError",
    "MultiCategoryAnnotation",
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
    "Point",
    "Point3D",
    "PolygonAnnotation",
    "PolygonPrediction",
    "Quaternion",
    "Scene",
    "SceneCategoryAnnotation",
    "SceneCategoryPrediction",
    "SceneInfo",
    "ScoringRun",
    "Segment",
    "SegmentationAnnotation",
    "SegmentationPrediction",
    "ServerError",
    "ServerStatus",
    "Slice",
    "SliceBuilderFilterAutotag",
    "SliceBuilderFilters",
    "SliceBuilderMethods",
    "SliceType",
    "Track",
    "UploadRejectedError",
    "UploadReport",
    "User",
    "VideoScene",
    "external_function",
    "validate",
]
