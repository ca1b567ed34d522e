"""The listener of gRPC clients, with all services on one port."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import grpc
import structlog
from fastapi import FastAPI
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from paraserve.errors import ParaserveError
from paraserve.server.access.client_addresses import ClientAddresses
from paraserve.server.grpc.calls import Calls
from paraserve.server.grpc.certificates import server_credentials
from paraserve.server.grpc.health import Health
from paraserve.server.grpc.recording_calls import list_models, recognize, transcribe
from paraserve.server.protocols.event_stream.event_stream import EventStreamProtocol
from paraserve.server.protocols.generated import paraserve_pb2, riva_asr_pb2
from paraserve.server.protocols.riva.live_protocol import RivaProtocol
from paraserve.settings import Settings

MAX_CALLS = 2_000
"""Calls at once, of all kinds. Those with a key have narrower limits of their own."""
MAX_CONNECTIONS = 1_000
"""Of all clients together."""
MAX_STREAMS = 200
"""Calls at once over one connection."""
IDLE_MS = 300_000
"""A connection without calls is closed after this long."""
MIN_PING_MS = 5_000
"""A client that pings more often is cut off. With gRPC's own limit, 5 min, many are that only keep a proxy awake."""
STOP_S = 3_600.0
"""Longer than anything that a stop waits for: `close` ends the wait."""
LAST_S = 0.2
"""Time for the last status of a call to reach its client."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

log = structlog.get_logger()


class GrpcListener:
    """An open listener; matches `Listener`."""

    def __init__(self, server: grpc.aio.Server, calls: Calls, health: Health) -> None:
        self._server = server
        self._calls = calls
        self._health = health
        self._stopping: asyncio.Task[None] | None = None

    async def stop_accepting(self) -> None:
        """Refuse new calls and connections: clients are told to go elsewhere. Calls in progress go on."""
        self._health.stop()
        self._stopping = asyncio.create_task(self._server.stop(STOP_S))
        await asyncio.sleep(0)

    async def close(self, grace_s: float) -> None:
        """Wait until the calls have ended, or for so many seconds; cancel those that have not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._calls.until_none_is_open()
        await self._server.stop(LAST_S)
        if self._stopping is not None:
            await self._stopping


async def open_grpc(app: FastAPI, settings: Settings) -> GrpcListener:
    """Listen for gRPC clients on the host of the settings.

    Raises:
        ParaserveError: the address is taken, or the certificate cannot be used.
    """
    server = grpc.aio.server(options=_options(settings), maximum_concurrent_rpcs=MAX_CALLS)
    metrics = app.state.readiness.metrics
    calls = Calls(app, ClientAddresses.of(settings.trusted_proxies), metrics, settings.max_frame_bytes)
    handlers = _handlers(calls)
    for service, methods in handlers.items():
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    health = Health(app.state.readiness, handlers)
    add_HealthServicer_to_server(health, server)
    described = (*handlers, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(described, server)
    _bind(server, settings)
    await server.start()
    return GrpcListener(server, calls, health)


def _handlers(calls: Calls) -> Mapping[str, dict[str, Handler]]:
    """Return the handlers of all methods by service and name. Messages come and go as bytes."""
    riva = riva_asr_pb2.DESCRIPTOR.services_by_name["RivaSpeechRecognition"].full_name
    recordings = paraserve_pb2.DESCRIPTOR.services_by_name["ASRService"].full_name
    live = paraserve_pb2.DESCRIPTOR.services_by_name["Recognizer"].full_name
    # A call with one request is a stream of one on the wire. As a stream, its request is read when we ask for it.
    one, stream = grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
    return {
        recordings: {"Transcribe": one(calls.answer(f"{recordings}/Transcribe", transcribe))},
        live: {"Stream": stream(calls.live(f"{live}/Stream", EventStreamProtocol))},
        riva: {
            "Recognize": one(calls.answer(f"{riva}/Recognize", recognize)),
            "StreamingRecognize": stream(calls.live(f"{riva}/StreamingRecognize", RivaProtocol)),
            "GetRivaSpeechRecognitionConfig": one(
                calls.answer(f"{riva}/GetRivaSpeechRecognitionConfig", list_models)
            ),
        },
    }


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        # Processes that follow one another, or stand beside each other, have the port together.
        ("grpc.so_reuseport", int(settings.is_supervised)),
        ("grpc.max_receive_message_length", settings.max_frame_bytes),
        ("grpc.max_allowed_incoming_connections", MAX_CONNECTIONS),
        ("grpc.max_concurrent_streams", MAX_STREAMS),
        ("grpc.server_handshake_timeout_ms", round(settings.head_timeout_s * 1000)),
        ("grpc.max_connection_idle_ms", IDLE_MS),
        ("grpc.keepalive_time_ms", round(settings.ping_interval_s * 1000)),
        ("grpc.keepalive_timeout_ms", round(settings.ping_timeout_s * 1000)),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", MIN_PING_MS),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def _bind(server: grpc.aio.Server, settings: Settings) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.grpc_port}"
    try:
        if settings.certfile:
            server.add_secure_port(address, server_credentials(settings))
        else:
            server.add_insecure_port(address)
    except (OSError, RuntimeError) as error:
        raise ParaserveError(f"cannot listen for gRPC on {address}: {error}") from None
    log.info("grpc listens", address=address, tls=bool(settings.certfile))
