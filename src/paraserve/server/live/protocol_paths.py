"""The protocols of WebSockets by their path."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from fastapi import WebSocket

from paraserve.errors import ProtocolError
from paraserve.inference.abilities import ChoiceOf
from paraserve.server.access.authentication import Access
from paraserve.server.access.credentials import KEY_PARAMETERS
from paraserve.server.protocols.deepgram.live_protocol import DeepgramProtocol
from paraserve.server.protocols.deepgram.live_query import LiveQuery, read_live_query
from paraserve.server.protocols.funasr.live_messages import FunasrDialect
from paraserve.server.protocols.funasr.live_protocol import FunasrProtocol
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.openai_realtime.protocol import RealtimeProtocol
from paraserve.server.protocols.option_warnings import unknown_fields
from paraserve.server.protocols.refused_client import RefusedClient
from paraserve.server.protocols.vosk import VoskByFirstMessage, VoskProtocol

VOSK_PATH = "/vosk"
REALTIME_PATH = "/v1/realtime"
REALTIME_BETA = "realtime=v1"
"""Value of the header `OpenAI-Beta` of clients that speak the shape before GA."""
REALTIME_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
LISTEN_PATH, FLUX_PATH = "/v1/listen", "/v2/listen"
NOT_SERVED = "not_served"


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

    @property
    def query(self) -> Mapping[str, list[str]]:
        """Return the values of each parameter of the address but those with API keys."""
        sent = self.socket.query_params
        return {name: sent.getlist(name) for name in sent if name not in KEY_PARAMETERS}


ProtocolOf: TypeAlias = Callable[[NewClient], LiveProtocol]


def protocol_by_path(client: NewClient) -> LiveProtocol:
    """Return the protocol of a WebSocket. Where its path decides nothing, the first message does."""
    return PROTOCOLS.get(client.path, funasr_protocol)(client)


def vosk_protocol(client: NewClient) -> VoskProtocol:
    """Return the protocol of a vosk server."""
    return VoskProtocol(client.request_id, client.choice_of, unknown_fields(client.query))


def funasr_protocol(client: NewClient) -> LiveProtocol:
    """Return FunASR's protocol, which becomes vosk's where the first message is of that."""
    funasr = FunasrProtocol(client.dialect, client.request_id, client.choice_of, unknown_fields(client.query))
    return VoskByFirstMessage(funasr, vosk_protocol(client))


def realtime_protocol(client: NewClient) -> RealtimeProtocol:
    """Return the protocol of OpenAI's Realtime API."""
    socket = client.socket
    is_beta = REALTIME_BETA in socket.headers.get("openai-beta", "")
    is_beta = is_beta or REALTIME_BETA_SUBPROTOCOL in socket.scope.get("subprotocols", ())
    query = {name: values[-1] for name, values in client.query.items()}
    access: Access = socket.app.state.access
    secret = access.client_secret(socket)
    session = None if secret is None else secret.session
    return RealtimeProtocol(client.request_id, client.choice_of, query, is_beta=is_beta, session=session)


def deepgram_protocol(client: NewClient) -> LiveProtocol:
    """Return Deepgram's protocol. Its settings are in the query, and the client is refused where they are wrong."""
    try:
        asked = read_live_query(client.query, client.request_id, client.choice_of)
    except ProtocolError as error:
        return RefusedClient(DeepgramProtocol(LiveQuery(), client.request_id), error)
    return DeepgramProtocol(asked, client.request_id, client.choice_of)


def flux_refusal(client: NewClient) -> RefusedClient:
    """Return the refusal of Deepgram's other protocol, whose clients wait for its first message."""
    error = ProtocolError("this protocol of Deepgram's is not served: connect to /v1/listen", code=NOT_SERVED)
    return RefusedClient(DeepgramProtocol(LiveQuery(), client.request_id), error)


PROTOCOLS: Mapping[str, ProtocolOf] = MappingProxyType(
    {
        VOSK_PATH: vosk_protocol,
        REALTIME_PATH: realtime_protocol,
        LISTEN_PATH: deepgram_protocol,
        FLUX_PATH: flux_refusal,
    }
)
"""The protocol of each path that has one of its own."""
