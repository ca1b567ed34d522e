"""Streams of live speech: each call is a connection of the live service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias

import grpc
from fastapi import FastAPI, WebSocketDisconnect
from grpc.aio import ServicerContext

from paraserve.errors import ParaserveError
from paraserve.inference.abilities import ChoiceOf
from paraserve.server.grpc.call_errors import call_error, warning_metadata
from paraserve.server.grpc.callers import Caller
from paraserve.server.live.protocol_paths import NewClient
from paraserve.server.live.stream_socket import StreamSocket
from paraserve.server.protocols.call_messages import END_OF_REQUESTS
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.requests import Frame
from paraserve.types import FieldWarning

PATH = "/grpc"
NORMAL_CLOSE, BROKEN_CLOSE = 1000, 1006
"""Codes of WebSockets."""
LOST = (grpc.RpcError, grpc.aio.BaseError)
"""What gRPC raises in a call whose client is gone."""


class CallProtocol(LiveProtocol, Protocol):
    """A protocol whose errors and warnings are those of the call, where its messages have no place for them."""

    error: ParaserveError | None
    warnings: list[FieldWarning]


ProtocolOfCall: TypeAlias = Callable[[str, ChoiceOf], CallProtocol]
"""Makes the protocol of a call from the id of the request and the models that there are."""


@dataclass(frozen=True, slots=True)
class LiveCall:
    """The client's messages, and the way to answer."""

    requests: AsyncIterator[bytes]
    context: "ServicerContext[bytes, bytes]"


async def serve_live(app: FastAPI, protocol_of: ProtocolOfCall, call: LiveCall, caller: Caller) -> None:
    """Serve one stream until either side ends it. Where the call is cancelled, its session is, too.

    Raises:
        CallError: why it was ended.
    """
    made: list[CallProtocol] = []

    def protocol_for(client: NewClient) -> CallProtocol:
        made.append(protocol_of(client.request_id, client.choice_of))
        return made[0]

    socket = StreamSocket(app, PATH, caller.headers, caller.client, partial(_send, call.context))
    reading = asyncio.create_task(_read(call.requests, socket))
    try:
        with contextlib.suppress(WebSocketDisconnect):  # the client has gone while it was refused
            await socket.serve(caller.request_id, protocol_for)
    finally:
        reading.cancel()
        await asyncio.wait([reading])
    protocol = made[0]
    error = protocol.error or _cut_off(socket)
    if error is not None:
        raise call_error(error, protocol.warnings)
    call.context.set_trailing_metadata(warning_metadata(protocol.warnings))


def _cut_off(socket: StreamSocket) -> ParaserveError | None:
    """Return why the server has ended a stream that had all its texts, None where its client did."""
    if socket.close_code in (None, NORMAL_CLOSE):
        return None
    return ParaserveError(socket.close_reason.replace("_", " "), code=socket.close_reason)


async def _read(requests: AsyncIterator[bytes], socket: StreamSocket) -> None:
    """Give the server all messages of the client, then their end, or that the client is gone."""
    try:
        async for message in requests:
            await socket.put(message)
    except LOST:
        await socket.put_end(BROKEN_CLOSE)
    else:
        await socket.put(END_OF_REQUESTS)


async def _send(context: "ServicerContext[bytes, bytes]", frame: Frame) -> None:
    assert isinstance(frame, bytes)
    try:
        await context.write(frame)
    except LOST as error:
        raise OSError("the client has gone") from error
