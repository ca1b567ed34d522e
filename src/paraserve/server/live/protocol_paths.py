"""The protocols of WebSockets by their path."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from fastapi import WebSocket

from paraserve.inference.abilities import ChoiceOf
from paraserve.server.access.credentials import KEY_PARAMETERS
from paraserve.server.protocols.funasr.live_messages import FunasrDialect
from paraserve.server.protocols.funasr.live_protocol import FunasrProtocol
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.openai_realtime.protocol import RealtimeProtocol
from paraserve.server.protocols.option_warnings import unknown_fields
from paraserve.server.protocols.vosk import VoskByFirstMessage, VoskProtocol
from paraserve.types import FieldWarning

VOSK_PATH = "/vosk"
REALTIME_PATH = "/v1/realtime"
REALTIME_BETA = "realtime=v1"
"""Value of the header `OpenAI-Beta` of clients that speak the shape before GA."""
REALTIME_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"


@dataclass(frozen=True, slots=True)
class NewClient:
    """A new connection, and what its protocol is made from."""

    socket: WebSocket
    request_id: str
    dialect: FunasrDialect
    choice_of: ChoiceOf

    @property
    def path(self) -> str:
        """Return the path that the client has asked for, without slashes at its end."""
        return str(self.socket.scope["path"]).rstrip("/")


ProtocolOf: TypeAlias = Callable[[NewClient], LiveProtocol]


def protocol_by_path(client: NewClient) -> LiveProtocol:
    """Return the protocol of a WebSocket. Where its path decides nothing, the first message does."""
    if client.path == VOSK_PATH:
        return vosk_protocol(client)
    return realtime_protocol(client) if client.path == REALTIME_PATH else funasr_protocol(client)


def vosk_protocol(client: NewClient) -> VoskProtocol:
    """Return the protocol of a vosk server."""
    return VoskProtocol(client.request_id, client.choice_of, _query_warnings(client))


def funasr_protocol(client: NewClient) -> LiveProtocol:
    """Return FunASR's protocol, which becomes vosk's where the first message is of that."""
    funasr = FunasrProtocol(client.dialect, client.request_id, client.choice_of, _query_warnings(client))
    return VoskByFirstMessage(funasr, vosk_protocol(client))


def realtime_protocol(client: NewClient) -> RealtimeProtocol:
    """Return the protocol of OpenAI's Realtime API."""
    socket = client.socket
    is_beta = REALTIME_BETA in socket.headers.get("openai-beta", "")
    is_beta = is_beta or REALTIME_BETA_SUBPROTOCOL in socket.scope.get("subprotocols", ())
    query = {name: value for name, value in socket.query_params.items() if name not in KEY_PARAMETERS}
    return RealtimeProtocol(client.request_id, client.choice_of, query, is_beta=is_beta)


def _query_warnings(client: NewClient) -> list[FieldWarning]:
    return unknown_fields(name for name in client.socket.query_params if name not in KEY_PARAMETERS)
