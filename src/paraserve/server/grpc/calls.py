"""What happens around each call: its client, its key, its place, its errors and its figures."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import structlog
from fastapi import FastAPI
from grpc.aio import ServicerContext
from starlette.requests import HTTPConnection

from paraserve.errors import OverloadedError, ParaserveError, ProtocolError, SlowUploadError
from paraserve.server.access.client_addresses import ClientAddresses
from paraserve.server.grpc.app_requests import AppRequest, http_scope
from paraserve.server.grpc.call_errors import CallError, call_error, warning_metadata
from paraserve.server.grpc.callers import REQUEST_ID, Caller, caller_of
from paraserve.server.grpc.live_calls import LiveCall, ProtocolOfCall, serve_live
from paraserve.server.grpc.recording_calls import UPLOADS, AnswerOf
from paraserve.server.http.uploads import UploadService
from paraserve.server.telemetry.metrics import Metrics

Context: TypeAlias = "ServicerContext[bytes, bytes]"
LiveHandler: TypeAlias = Callable[[AsyncIterator[bytes], Context], Awaitable[None]]
AnswerHandler: TypeAlias = Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]
Result = TypeVar("Result")
ABORT_S = 5.0
"""Time for the status of a failed call to be sent, which comes behind all messages that the client has not read."""

log = structlog.get_logger()


@dataclass(slots=True)
class Calls:
    """The calls of a listener. `max_message_bytes` is the size of the largest message that gRPC takes."""

    app: FastAPI
    addresses: ClientAddresses
    metrics: Metrics
    max_message_bytes: int
    _n_open: int = 0
    _n_recordings: int = 0
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def live(self, method: str, protocol_of: ProtocolOfCall) -> LiveHandler:
        """Return the handler of streams of live speech."""

        async def handle(requests: AsyncIterator[bytes], context: Context) -> None:
            async def work(caller: Caller) -> None:
                await serve_live(self.app, protocol_of, LiveCall(requests, context), caller)

            await self._serve(method, context, work)

        return handle

    def answer(self, method: str, answer_of: AnswerOf) -> AnswerHandler:
        """Return the handler of calls with one request and one answer."""

        async def handle(requests: AsyncIterator[bytes], context: Context) -> bytes:
            async def work(caller: Caller) -> bytes:
                # Before the request, which may be large, is read.
                self.app.state.access.check_key(HTTPConnection(http_scope(AppRequest("POST", UPLOADS), caller)))
                with self._place():
                    answer = await answer_of(self.app, await self._request(requests), caller)
                context.set_trailing_metadata(warning_metadata(answer.warnings))
                return answer.message.SerializeToString()

            return await self._serve(method, context, work)

        return handle

    async def until_none_is_open(self) -> None:
        """Wait for the end of all calls."""
        while self._n_open:
            self._ended.clear()
            await self._ended.wait()

    async def _serve(self, method: str, context: Context, work: Callable[[Caller], Awaitable[Result]]) -> Result:
        """Do the work of one call. An error becomes the call's status."""
        caller = caller_of(context, self.addresses)
        status = "CANCELLED"
        self._n_open += 1
        try:
            await context.send_initial_metadata(((REQUEST_ID, caller.request_id),))
            result = await _with_call_errors(work(caller), caller)
        except CallError as error:
            status = error.status.name
            await _abort(context, error)
            raise
        else:
            status = "OK"
            return result
        finally:
            self._n_open -= 1
            self._ended.set()
            self.metrics.grpc_calls.labels(method, status).inc()

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Take a place among the requests that are in memory.

        Raises:
            OverloadedError: as many are in progress as uploads may be.
        """
        uploads: UploadService | None = self.app.state.uploads
        if uploads is not None and self._n_recordings >= uploads.admission.limit:
            raise OverloadedError(f"{self._n_recordings} recordings are in progress already: try again later")
        self._n_recordings += 1
        try:
            yield
        finally:
            self._n_recordings -= 1

    async def _request(self, requests: AsyncIterator[bytes]) -> bytes:
        """Return the one request of a call. gRPC gives no parts of it, so its pace is that of the whole."""
        uploads: UploadService | None = self.app.state.uploads
        if uploads is None:
            raise OverloadedError("the server is starting or shutting down", code="not_ready")
        limits = uploads.upload_limits
        rate = limits.min_bytes_per_s
        patience_s = limits.idle_timeout_s + self.max_message_bytes / rate if rate else limits.timeout_s
        try:
            async with asyncio.timeout(min(patience_s, limits.timeout_s)):
                request = await anext(requests, None)
        except TimeoutError:
            raise SlowUploadError("the request did not come in time") from None
        if request is None:
            raise ProtocolError("the call has no request", code="invalid_message")
        return request


async def _abort(context: Context, error: CallError) -> None:
    """End a call with an error. Raises what ends it. A client that does not read its messages is cut off."""
    try:
        async with asyncio.timeout(ABORT_S):
            await context.abort(error.status, error.message, error.metadata)
    except TimeoutError:
        raise asyncio.CancelledError from None


async def _with_call_errors(work: Awaitable[Result], caller: Caller) -> Result:
    """Return what the work returns.

    Raises:
        CallError: it failed. What nobody foresaw is logged, and nothing of it told.
    """
    try:
        return await work
    except CallError:
        raise
    except ParaserveError as error:
        raise call_error(error) from error
    except Exception as error:
        log.exception("call failed", request_id=caller.request_id, error=repr(error))
        internal = ParaserveError("internal error; the server's log has the request id")
        raise call_error(internal) from error
