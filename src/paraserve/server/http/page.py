"""The page at `/` and its files, served as they lie in the package."""

from importlib.resources import files

from fastapi import APIRouter, Request, Response
from fastapi.staticfiles import StaticFiles

POLICY = {
    "default-src": "'self'",
    "media-src": "'self' blob:",  # recordings are played from the browser's own memory
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in POLICY.items()),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # asks each time whether there is a newer version; the page is a few kB
}


def page_router() -> APIRouter:
    """`/` and `/static/`; the page asks no other server for anything."""
    routes = APIRouter()
    web = str(files("paraserve") / "web")
    page, parts = StaticFiles(directory=web), StaticFiles(directory=f"{web}/static")

    @routes.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index(request: Request) -> Response:
        return await _answer(page, "index.html", request)

    @routes.api_route("/static/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def static(path: str, request: Request) -> Response:
        return await _answer(parts, path, request)

    return routes


async def _answer(folder: StaticFiles, path: str, request: Request) -> Response:
    response = await folder.get_response(path, request.scope)
    response.headers.update(HEADERS)
    return response
