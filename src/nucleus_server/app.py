"""The composition root: settings in, a running application out."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from nucleus_server import __version__, api
from nucleus_server.api import errors
from nucleus_server.api.http import Answer, documented_schemas
from nucleus_server.api.middleware import OneSpelling, RequestContext
from nucleus_server.api.operations import Metrics
from nucleus_server.config import Settings
from nucleus_server.dashboard import create_dashboard
from nucleus_server.services import Store
from nucleus_server.services.access import Access
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.images import ImageUrls
from nucleus_server.services.media import MediaStore
from nucleus_server.services.media_sources import MediaSources

_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error", "code", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "What was expected, what was got, what to do."},
        "code": {"type": "string", "description": "The stable name of the cause."},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}, "description": "The first 20 rows or fields."},
        "n_errors": {"type": "integer", "description": "How many there are in all."},
    },
}


def open_services(settings: Settings) -> AppServices:
    """The services on the database and folder that the settings name."""
    store = Store(settings.database_url)
    return AppServices(
        store=store,
        access=Access(store, settings.secret),
        media=MediaStore(settings.media_dir),
        images=ImageUrls(settings.secret),
        secret=settings.secret,
        public_url=settings.public_url,
        media_sources=MediaSources(settings.media_origins, settings.buckets),
    )


def create_app(services: AppServices) -> FastAPI:
    """The application: the API under /v1/nucleus, the dashboard under /."""
    app = FastAPI(
        title="Nucleus Validate",
        version=__version__,
        default_response_class=Answer,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.metrics = Metrics()
    errors.install(app)
    app.include_router(api.create_router())
    app.include_router(create_dashboard(app, services))  # last: it answers for every address that nobody else has
    # The last one added is the outermost.
    app.add_middleware(OneSpelling)
    app.add_middleware(GZipMiddleware, minimum_size=2048, compresslevel=1)
    app.add_middleware(RequestContext, metrics=app.state.metrics, explain=errors.unexpected_answer)
    _document(app)
    return app


def _document(app: FastAPI) -> None:
    """Complete the OpenAPI document: bodies are read by msgspec, which FastAPI does not see."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generated()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(documented_schemas())
            schemas["Error"] = _ERROR_SCHEMA
            failure = {
                "description": "Any failure.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            }
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
                    for answer in operation["responses"].values():  # JSON of a shape that FastAPI takes for a text
                        answer.get("content", {}).get("application/json", {}).pop("schema", None)
                    operation["responses"]["default"] = failure
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
