"""What every route shares: who asks, the body within its limits, and compact answers."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import IO, Annotated, Any

import msgspec
from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import Response

from nucleus_server.api import codec
from nucleus_server.domain import Actor
from nucleus_server.errors import MalformedRequest, PayloadTooLarge, Unauthenticated, UnsupportedMedia
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices

MAX_JSON_BYTES = 256 << 20
MAX_UPLOAD_BYTES = 1 << 30
_SPOOL_FROM_BYTES = 8 << 20
_MAX_MULTIPART_FILES = 1000


class Answer(Response):
    """A compact JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body."""
        return codec.encode(content)


def services_of(request: Request) -> AppServices:
    """The services of this process."""
    services: AppServices = request.app.state.services
    return services


def actor_of(request: Request) -> Actor:
    """Who asks, by the API key in one of the two headers."""
    authorization = request.headers.get("authorization")
    limited = request.headers.get("x-limited-access-key")
    if authorization is not None and limited is not None:
        raise Unauthenticated(
            "expected either Authorization or x-limited-access-key, got both: send one of them", code="ambiguous_key"
        )
    if limited is not None:
        key = limited
    elif authorization is not None:
        key = _basic_user(authorization)
    else:
        raise Unauthenticated(
            "expected an API key as the user of HTTP Basic authentication, or in x-limited-access-key; got none: set "
            "NUCLEUS_API_KEY",
            code="missing_key",
        )
    return services_of(request).access.authenticate(key)


def _basic_user(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        user, colon, _ = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        if not colon or not user:
            raise ValueError
    except (ValueError, binascii.Error, UnicodeDecodeError) as error:
        raise Unauthenticated(
            "expected the header «Authorization: Basic base64(KEY:)», got another form", code="malformed_authorization"
        ) from error
    return user


def workspace_of(request: Request, actor: Annotated[Actor, Depends(actor_of)]) -> WorkspaceStore:
    """The asking actor's workspace."""
    return services_of(request).store.workspace(actor.workspace_id, actor)


Services = Annotated[AppServices, Depends(services_of)]
Workspace = Annotated[WorkspaceStore, Depends(workspace_of)]


async def _limited(request: Request, limit_bytes: int) -> AsyncGenerator[bytes, None]:
    too_large = PayloadTooLarge(
        f"expected a body of at most {limit_bytes >> 20} MiB, got a larger one: send it in several requests"
    )
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit_bytes:
        raise too_large
    n_bytes = 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
        if n_bytes > limit_bytes:
            raise too_large
        yield chunk


def content_type_of(request: Request) -> str:
    """The body's type without parameters, in lower case; encoded bodies are refused."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMedia("expected a body without content-encoding: send it uncompressed")
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def spooled(request: Request, limit_bytes: int) -> IO[bytes]:
    """The whole body, in memory or beyond 8 MB on disk; a client that vanishes leaves nothing."""
    file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_FROM_BYTES)  # noqa: SIM115 - the caller closes it
    try:
        async for chunk in _limited(request, limit_bytes):
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _json_body(request: Request, _: Annotated[Actor, Depends(actor_of)]) -> bytes:
    """The raw body of a JSON route; the key is checked before a byte of it is read."""
    if content_type_of(request) != "application/json":
        raise UnsupportedMedia(
            f"expected Content-Type application/json, got {request.headers.get('content-type', 'none')!r}"
        )
    with await spooled(request, MAX_JSON_BYTES) as file:
        return file.read()


JsonBody = Annotated[bytes, Depends(_json_body)]


class Form(msgspec.Struct):
    """A multipart body: its one JSON part, and its files in the order in which they came."""

    document: bytes
    files: list[UploadFile]


def json_or_form(document: str, files: str) -> Callable[[Request, Actor], AsyncGenerator[bytes | Form, None]]:
    """The body of a route that takes JSON, or multipart with a part of JSON named `document` and `files` parts."""

    async def body(request: Request, _: Annotated[Actor, Depends(actor_of)]) -> AsyncGenerator[bytes | Form, None]:
        content_type = content_type_of(request)
        if content_type == "application/json":
            with await spooled(request, MAX_JSON_BYTES) as file:
                raw = file.read()
            yield raw
            return
        if content_type != "multipart/form-data":
            raise UnsupportedMedia(
                "expected Content-Type application/json or multipart/form-data, got "
                f"{request.headers.get('content-type', 'none')!r}"
            )
        parser = MultiPartParser(
            request.headers,
            _limited(request, MAX_UPLOAD_BYTES),
            max_files=_MAX_MULTIPART_FILES,
            max_fields=8,
            max_part_size=MAX_JSON_BYTES,
        )
        try:
            form: FormData = await parser.parse()
        except (MultiPartException, KeyError) as error:
            raise MalformedRequest(
                f"expected a multipart body, got a broken one: {error}", code="malformed_multipart"
            ) from error
        try:
            part = form.get(document)
            if isinstance(part, UploadFile):
                part = (await part.read()).decode("utf-8", "replace")
            if part is None:
                raise MalformedRequest(
                    f"expected a multipart part named {document} with JSON, got none", code="malformed_multipart"
                )
            yield Form(part.encode(), [sent for sent in form.getlist(files) if isinstance(sent, UploadFile)])
        finally:
            await form.close()

    return body


ItemsBody = Annotated["bytes | Form", Depends(json_or_form("items", "image"))]
ObjectsBody = Annotated["bytes | Form", Depends(json_or_form("serialized_request", "mask"))]


def base_url(request: Request) -> str:
    """The address under which the asking client reaches this server."""
    return services_of(request).public_url or str(request.base_url).rstrip("/")


def iso(moment: datetime) -> str:
    """Milliseconds and a Z, which every client's parser reads."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


_documented: dict[str, type] = {}


def takes(body_type: type) -> dict[str, Any]:
    """`openapi_extra` of a route whose body is this Struct."""
    _documented[body_type.__name__] = body_type
    reference = {"$ref": f"#/components/schemas/{body_type.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": reference}}}}


def documented_schemas() -> dict[str, Any]:
    """The JSON schemas of all bodies that routes take."""
    _, schemas = msgspec.json.schema_components(_documented.values(), ref_template="#/components/schemas/{name}")
    return dict(schemas)
