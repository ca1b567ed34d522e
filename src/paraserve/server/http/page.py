"""The page at `/` and its files, as they lie in the package."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from fastapi import APIRouter, Request, Response

from paraserve.server.http.api_docs import REQUEST_ID, Responses, error_answers, text_answer
from paraserve.server.http.compressed_files import CompressedFiles
from paraserve.server.http.get_routes import GetRoute, get_router

POLICY = {
    "default-src": "'self'",
    "media-src": "'self' blob:",  # recordings are played from the browser's own memory
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
}
DOCS_POLICY = POLICY | {"style-src": "'self' 'unsafe-inline'", "img-src": "'self' data:"}
"""Swagger UI has style attributes, and icons as data."""
HEADERS = {
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # asks each time whether there is a newer version; the page is a few kB
}
PAGE_TYPES = ("text/html",)
PART_TYPES = (
    "text/javascript",
    "application/javascript",
    "text/css",
    "image/svg+xml",
    "image/png",
    "application/manifest+json",
    "audio/flac",
)
BINARY_TYPES = ("audio/flac", "image/png")
BYTES = {"type": "string", "format": "binary"}
DOCS_TYPES = (*PAGE_TYPES, "text/javascript", "application/javascript", "text/css", "text/plain")
"""Licences are texts."""
PART_NAME = {
    "name": "path",
    "in": "path",
    "required": True,
    "description": "Name of the file.",
    "schema": {"type": "string"},
    "example": "page.js",
}


def page_router() -> APIRouter:
    """Make `/`, `/status`, `/docs` and their files. The pages ask no other server for anything."""
    web = str(files("paraserve") / "web")
    page, parts, docs = (CompressedFiles(folder) for folder in (web, f"{web}/static", f"{web}/docs"))

    async def index(request: Request) -> Response:
        """Live text from the microphone and from files, in the browser."""
        return await _file(page, "index.html", request)

    async def status(request: Request) -> Response:
        """The state of the server, for its operators. What it shows comes from routes of administration."""
        return await _file(page, "status.html", request)

    async def docs_index(request: Request) -> Response:
        """The description of the HTTP API, shown by Swagger UI."""
        return await _file(docs, "index.html", request, DOCS_POLICY)

    async def docs_part(request: Request) -> Response:
        """Scripts and styles of `/docs`."""
        return await _file(docs, request.path_params["path"], request, DOCS_POLICY)

    async def part(request: Request) -> Response:
        """Scripts, styles and icons of the page, and the manifest by which browsers install it."""
        return await _file(parts, request.path_params["path"], request)

    missing = error_answers(["not_found"])
    return get_router(
        GetRoute("/", "page", "page", "The web page", index, _file_answers(PAGE_TYPES)),
        GetRoute(
            "/static/{path:path}", "page_part", "page", "A file of the web page", part,
            missing | _file_answers(PART_TYPES), parameters=(PART_NAME,),
        ),
        GetRoute("/status", "status_page", "page", "The page for operators", status, _file_answers(PAGE_TYPES)),
        GetRoute("/docs", "docs", "description", "The API in the browser", docs_index, _file_answers(PAGE_TYPES)),
        GetRoute(
            "/docs/{path:path}", "docs_part", "description", "A file of the API's page", docs_part,
            missing | _file_answers(DOCS_TYPES), parameters=(PART_NAME | {"example": "docs.js"},),
        ),
    )  # fmt: skip


def _file_answers(media_types: tuple[str, ...]) -> Responses:
    whole = {name: {"schema": BYTES if name in BINARY_TYPES else {"type": "string"}} for name in media_types}
    pieces = {**whole, "multipart/byteranges": {"schema": {"type": "string"}}}
    unreadable = text_answer("The header `Range` cannot be read.", "text/plain", "Malformed range header.")
    refused = error_answers(())
    unreadable["content"] |= refused[400]["content"]
    return {
        **refused,
        200: {"description": "The file.", "headers": REQUEST_ID, "content": whole},
        206: {"description": "The part that the header `Range` asks for.", "headers": REQUEST_ID, "content": pieces},
        304: {"description": "The client's copy is up to date (`If-None-Match`).", "headers": REQUEST_ID},
        400: {**refused[400], "content": unreadable["content"]},
        416: text_answer("The file has no such part.", "text/plain", ""),
    }


async def _file(
    folder: CompressedFiles, path: str, request: Request, policy: Mapping[str, str] = MappingProxyType(POLICY)
) -> Response:
    response = await folder.get_response(path, request.scope)
    response.headers.update(HEADERS)
    if path.endswith(".flac"):
        response.headers["Content-Type"] = "audio/flac"  # machines without /etc/mime.types do not know it
    response.headers["Content-Security-Policy"] = "; ".join(f"{name} {sources}" for name, sources in policy.items())
    return response
