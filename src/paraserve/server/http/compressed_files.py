"""Files of a folder over HTTP, the texts compressed with gzip for clients that can read it."""

import gzip
from pathlib import Path

import anyio.to_thread
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse
from starlette.types import Scope

TEXT_ENDINGS = (".html", ".js", ".css", ".svg", ".webmanifest", ".json", ".txt")
VARY = {"Vary": "Accept-Encoding"}


class CompressedFiles(StaticFiles):
    """Serves a folder. Each text is compressed when it is first asked for, and kept in memory until its file changes.

    A part (`Range`) is one of the file as it lies in the folder. The compressed form has an ETag of its own.
    """

    def __init__(self, directory: str) -> None:
        super().__init__(directory=directory)
        self._compressed: dict[str, tuple[str, bytes]] = {}
        """By path in the folder: the ETag of the file as it was, and its compressed form."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer a GET or HEAD. Raises HTTPException (404) for what is no file of the folder."""
        response = await super().get_response(path, scope)
        if not path.endswith(TEXT_ENDINGS):
            return response
        response.headers.update(VARY)
        asked = Headers(scope=scope)
        if not isinstance(response, FileResponse) or "range" in asked or not accepts_gzip(asked):
            return response
        return await self._as_gzip(path, response, asked)

    async def _as_gzip(self, path: str, whole: FileResponse, asked: Headers) -> Response:
        etag = whole.headers["etag"]
        headers = {
            **VARY,
            "ETag": etag.removesuffix('"') + '-gzip"',
            "Last-Modified": whole.headers["last-modified"],
            "Content-Encoding": "gzip",
        }
        if self.is_not_modified(Headers(headers), asked):
            return NotModifiedResponse(Headers(headers))
        known, data = self._compressed.get(path, ("", b""))
        if known != etag:
            data = await anyio.to_thread.run_sync(_compress, str(whole.path))
            self._compressed[path] = (etag, data)
        return Response(data, headers=headers, media_type=whole.media_type)


def accepts_gzip(asked: Headers) -> bool:
    """Whether the header `Accept-Encoding` names gzip, with a weight above 0."""
    for coding in ",".join(asked.getlist("accept-encoding")).lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


def _compress(path: str) -> bytes:
    return gzip.compress(Path(path).read_bytes(), mtime=0)
