"""GET routes with their descriptions. Each answers HEAD, too."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Response

from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import API_KEY, WITHOUT_KEY, Responses, error_answers, key_with
from paraserve.server.http.error_codes import ACCESS_CODES, HOST_CODES, SCOPE_CODES
from paraserve.server.protocols.json_encoding import Json


@dataclass(frozen=True, slots=True)
class GetRoute:
    """One GET route. The docstring of `endpoint` is its description, `name` the id of the operation.

    `responses` describes its answers by status, but for the refusals of clients without a key (`wants_key`) that has
    the scope `key_scope` (None: any key will do).
    `parameters` describes those of the path. `check` is a dependency that checks and describes the key otherwise.
    """

    path: str
    name: str
    tag: str
    summary: str
    endpoint: Callable[..., Coroutine[Any, Any, Response]]
    responses: Responses
    parameters: tuple[Json, ...] = ()
    wants_key: bool = False
    key_scope: KeyScope | None = None
    check: Any = None

    @property
    def description(self) -> Json:
        """Parts of the OpenAPI operation that FastAPI does not know."""
        parameters = {"parameters": list(self.parameters)} if self.parameters else {}
        return {**parameters, **(WITHOUT_KEY if self.wants_key else {})}

    @property
    def key(self) -> list[Any]:
        """Dependencies that check and describe the key."""
        if self.check is not None:
            return [self.check]
        if not self.wants_key:
            return []
        return [API_KEY if self.key_scope is None else key_with(self.key_scope)]

    @property
    def refusals(self) -> Responses:
        """Answers to clients without such a key, and to requests for another host."""
        key_codes = ACCESS_CODES if self.key_scope is None else SCOPE_CODES
        return error_answers([*HOST_CODES, *(key_codes if self.wants_key else ())])


def get_router(*table: GetRoute) -> APIRouter:
    """Make a router of these routes."""
    routes = APIRouter()
    for route in table:
        add = partial(
            routes.add_api_route,
            route.path,
            route.endpoint,
            dependencies=route.key,
            response_class=Response,
            response_model=None,
        )
        add(
            methods=["GET"],
            operation_id=route.name,
            tags=[route.tag],
            summary=route.summary,
            responses=route.refusals | route.responses,
            openapi_extra=route.description,
        )
        add(methods=["HEAD"], include_in_schema=False)
    return routes
