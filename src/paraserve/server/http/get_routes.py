"""GET routes with their descriptions. Each answers HEAD, too."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Response

from paraserve.server.http.api_docs import API_KEY, WITHOUT_KEY, Responses, error_answers
from paraserve.server.http.error_codes import ACCESS_CODES, HOST_CODES
from paraserve.server.protocols.json_encoding import Json


@dataclass(frozen=True, slots=True)
class GetRoute:
    """One GET route. The docstring of `endpoint` is its description, `name` the id of the operation.

    `responses` describes its answers by status, but for the refusals of clients without a key (`wants_key`).
    `parameters` describes those of the path.
    """

    path: str
    name: str
    tag: str
    summary: str
    endpoint: Callable[..., Coroutine[Any, Any, Response]]
    responses: Responses
    parameters: tuple[Json, ...] = ()
    wants_key: bool = False

    @property
    def description(self) -> Json:
        """Parts of the OpenAPI operation that FastAPI does not know."""
        parameters = {"parameters": list(self.parameters)} if self.parameters else {}
        return {**parameters, **(WITHOUT_KEY if self.wants_key else {})}


def get_router(*table: GetRoute) -> APIRouter:
    """Make a router of these routes."""
    routes = APIRouter()
    for route in table:
        add = partial(routes.add_api_route, route.path, route.endpoint, response_class=Response, response_model=None)
        add(
            methods=["GET"],
            operation_id=route.name,
            tags=[route.tag],
            summary=route.summary,
            responses=error_answers([*HOST_CODES, *(ACCESS_CODES if route.wants_key else ())]) | route.responses,
            dependencies=[API_KEY] if route.wants_key else [],
            openapi_extra=route.description,
        )
        add(methods=["HEAD"], include_in_schema=False)
    return routes
