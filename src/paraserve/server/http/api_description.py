"""Descriptions of the API: `/asyncapi.json` for WebSocket, and what `/openapi.json` says of the whole."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from paraserve.server.http.api_docs import Responses, json_answer
from paraserve.server.http.get_routes import GetRoute, get_router

DESCRIPTION = """Speech recognition over HTTP. Live recognition is described in `/asyncapi.json`.

Failed requests have one body, `ErrorBody`. An unknown path is answered with 404 and the code `not_found`, a method
that a path does not take with 405 and `method_not_allowed`. All GET routes answer HEAD, too.

Send an `X-Request-Id` of your own (letters, digits and `._-`, at most 64) to find it in the answer and in the
server's log."""
TAGS = [
    {"name": "transcription", "description": "Recordings to text."},
    {"name": "live", "description": "Secrets for live connections from pages and apps."},
    {"name": "jobs", "description": "Recordings that are handed over, and transcribed whenever there is room."},
    {"name": "health", "description": "For operators and orchestrators."},
    {"name": "administration", "description": "For administrators: models that the server fetches and loads."},
    {"name": "page", "description": "The web page."},
    {"name": "description", "description": "Descriptions of the API."},
]


def description_router() -> APIRouter:
    """Make `/asyncapi.json`. FastAPI makes `/openapi.json` itself."""
    responses: Responses = {200: json_answer("The document.", dict[str, object])}
    return get_router(
        GetRoute("/asyncapi.json", "asyncapi", "description", "Description of the WebSocket API", asyncapi, responses)
    )


async def asyncapi() -> Response:
    """An AsyncAPI 3 document of all WebSocket protocols."""
    from paraserve.server.protocols.schemas.asyncapi import asyncapi_document  # noqa: PLC0415 - few ask for it

    return JSONResponse(asyncapi_document())
