"""gRPC's health service: what `/readyz` says, for whoever asks or watches. No key is wanted, as there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Container
from typing import Any

from grpc import StatusCode
from grpc.aio import ServicerContext
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer

from paraserve.server.readiness import Readiness

POLL_S = 1.0
"""Time between two checks for those who watch. A recognition that succeeded a moment ago is not repeated."""
MAX_WATCHERS = 100
"""They need no key, so they must not take the places of calls that do."""


class Health(HealthServicer):  # type: ignore[misc]  # generated without types
    """The state of the server, the same for all its `services`."""

    def __init__(self, readiness: Readiness, services: Container[str]) -> None:
        self._readiness = readiness
        self._services = services
        self._n_watchers = 0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Tell those who watch that the server stops, which is so already, and end their calls."""
        self._stopped.set()

    async def Check(  # noqa: N802 - as gRPC calls it
        self, request: HealthCheckRequest, context: "ServicerContext[Any, Any]"
    ) -> HealthCheckResponse:
        """Tell whether the server is ready. Takes at most 5 s."""
        if not self._is_known(request):
            await context.abort(StatusCode.NOT_FOUND, "there is no such service")
        return _response(is_ready=await self._is_ready())

    async def Watch(  # noqa: N802 - as gRPC calls it
        self, request: HealthCheckRequest, context: "ServicerContext[Any, Any]"
    ) -> AsyncIterator[HealthCheckResponse]:
        """Tell it now and whenever it changes, until the server stops."""
        if not self._is_known(request):
            yield HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
            return
        if self._n_watchers >= MAX_WATCHERS:
            await context.abort(StatusCode.RESOURCE_EXHAUSTED, f"{MAX_WATCHERS} clients watch already")
        self._n_watchers += 1
        try:
            async for is_ready in self._changes():
                yield _response(is_ready=is_ready)
        finally:
            self._n_watchers -= 1

    async def _changes(self) -> AsyncIterator[bool]:
        told: bool | None = None
        while True:
            is_ready = await self._is_ready()
            if is_ready != told:
                yield is_ready
                told = is_ready
            if self._stopped.is_set():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._stopped.wait()

    async def _is_ready(self) -> bool:
        return await self._readiness.problem() is None

    def _is_known(self, request: HealthCheckRequest) -> bool:
        return request.service == "" or request.service in self._services


def _response(*, is_ready: bool) -> HealthCheckResponse:
    return HealthCheckResponse(status=HealthCheckResponse.SERVING if is_ready else HealthCheckResponse.NOT_SERVING)
