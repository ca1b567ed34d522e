"""AsyncAPI 3 document of the WebSocket protocols (https://www.asyncapi.com/docs/reference/specification/v3.0.0)."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic.json_schema import models_json_schema

from paraserve import __version__
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas import (
    deepgram_messages,
    funasr_events,
    funasr_messages,
    realtime_messages,
    realtime_requests,
    realtime_turns,
    session_messages,
    vosk_messages,
)
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.live_errors import CLOSE_CODES

DESCRIPTION = (
    "Live speech recognition over WebSocket. Text frames hold one JSON object each, binary frames hold audio. "
    "The HTTP routes are described in `/openapi.json`."
)
AUDIO = "Audio"
SCHEMA_REF = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class LiveChannel:
    """One protocol: the paths on which it is spoken, and the JSON messages of both directions.

    `takes_binary`: audio comes in binary frames.
    """

    name: str
    address: str
    title: str
    description: str
    from_client: tuple[type[Documented], ...]
    from_server: tuple[type[Documented], ...]
    takes_binary: bool = True


FUNASR = LiveChannel(
    name="funasr",
    address="/{path}",
    title="FunASR's protocol",
    description="Spoken on every path that is not named otherwise, unless the first message is a "
    "`VoskConfiguration`. The client sends settings (all optional), audio, an end marker, then the next utterance.",
    from_client=(funasr_messages.FunasrRequest,),
    from_server=(
        funasr_messages.FunasrPartial,
        funasr_messages.FunasrSegmentResult,
        funasr_messages.FunasrRecordingResult,
        funasr_events.FunasrSpeechEvent,
        funasr_messages.FunasrErrorResult,
        funasr_messages.FunasrAcknowledgement,
        session_messages.FunasrSession,
    ),
)
VOSK = LiveChannel(
    name="vosk",
    address="/vosk",
    title="vosk-server's protocol",
    description="Spoken on `/vosk`, and on every other path whose first message is a `VoskConfiguration`. "
    "Each frame of audio has exactly one reply. The connection is closed after the reply to `eof` (with 1000) and "
    "after an error.",
    from_client=(vosk_messages.VoskConfiguration, vosk_messages.VoskEnd, vosk_messages.VoskReset),
    from_server=(
        vosk_messages.VoskPartial,
        vosk_messages.VoskResult,
        vosk_messages.VoskAlternatives,
        vosk_messages.VoskError,
    ),
)
REALTIME = LiveChannel(
    name="realtime",
    address="/v1/realtime",
    title="OpenAI's Realtime API",
    description="Transcription sessions, in GA's shape and, with the header `OpenAI-Beta: realtime=v1`, in the one "
    "before it. Audio comes in text frames. The query may name `model` and `intent=transcription`.",
    from_client=(
        realtime_requests.RealtimeSessionUpdate,
        realtime_requests.RealtimeBetaUpdate,
        realtime_requests.RealtimeAppend,
        realtime_requests.RealtimeCommit,
        realtime_requests.RealtimeClear,
    ),
    from_server=(
        realtime_messages.RealtimeSessionEvent,
        realtime_messages.RealtimeBetaSessionEvent,
        realtime_turns.RealtimeSpeechStarted,
        realtime_turns.RealtimeSpeechStopped,
        realtime_turns.RealtimeCommitted,
        realtime_messages.RealtimeCleared,
        realtime_turns.RealtimeItemAdded,
        realtime_turns.RealtimeDelta,
        realtime_turns.RealtimeCompleted,
        realtime_turns.RealtimeFailed,
        realtime_messages.RealtimeError,
    ),
    takes_binary=False,
)
DEEPGRAM = LiveChannel(
    name="deepgram",
    address="/v1/listen",
    title="Deepgram's live API",
    description="Spoken on `/v1/listen`, with the settings of the client in the query. A query that cannot be used "
    "is answered with a `DeepgramError`, and the connection is closed with 1008. A connection is one utterance.",
    from_client=(
        deepgram_messages.DeepgramKeepAlive,
        deepgram_messages.DeepgramFinalize,
        deepgram_messages.DeepgramCloseStream,
        deepgram_messages.DeepgramConfigure,
    ),
    from_server=(
        deepgram_messages.DeepgramResult,
        deepgram_messages.DeepgramSpeechStarted,
        deepgram_messages.DeepgramUtteranceEnd,
        deepgram_messages.DeepgramConfigured,
        deepgram_messages.DeepgramMetadata,
        deepgram_messages.DeepgramError,
    ),
)
CHANNELS = (FUNASR, VOSK, DEEPGRAM, REALTIME)


@functools.cache
def asyncapi_document() -> Json:
    """Make the document. Every server of a version has the same."""
    models = [model for channel in CHANNELS for model in (*channel.from_client, *channel.from_server)]
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=SCHEMA_REF)
    definitions = schemas["$defs"]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "paraserve", "version": __version__, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {name: operation for channel in CHANNELS for name, operation in _operations(channel)},
        "components": {
            "messages": {AUDIO: _audio()} | {model.__name__: _message(model, definitions) for model in models},
            "schemas": definitions,
        },
    }


def _channel(channel: LiveChannel) -> Json:
    names = [model.__name__ for model in (*channel.from_client, *channel.from_server)]
    names = [AUDIO, *names] if channel.takes_binary else names
    codes = "\n".join(f"- {code}: {meaning}" for code, meaning in CLOSE_CODES.items())
    about: Json = {
        "address": channel.address,
        "title": channel.title,
        "description": f"{channel.description}\n\nThe server closes connections with these codes:\n\n{codes}\n",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"ws": _handshake()},
        "x-close-codes": {str(code): meaning for code, meaning in CLOSE_CODES.items()},
    }
    if "{path}" in channel.address:
        about["parameters"] = {"path": {"description": "Any path that is not named otherwise."}}
    return about


def _handshake() -> Json:
    """Describe what the client may send with the WebSocket handshake."""
    token = {
        "type": "string",
        "description": "API key, for browsers, which cannot send headers. `api_key`, `api-key` and `access_token` "
        "are taken, too, and a key among the subprotocols: behind `token` or `bearer`, or as "
        "`openai-insecure-api-key.KEY`.",
    }
    key = {
        "type": "string",
        "description": "`Bearer KEY`, where the server wants an API key, with the scope `live`. `Token KEY`, `Basic` "
        "and the headers `X-API-Key`, `Api-Key` and `xi-api-key` are taken, too.",
    }
    request_id = {"type": "string", "description": "Id for errors and the log: letters, digits and `._-`."}
    return {
        "method": "GET",
        "query": {"type": "object", "properties": {"token": token}},
        "headers": {"type": "object", "properties": {"Authorization": key, "X-Request-Id": request_id}},
        "bindingVersion": "0.1.0",
    }


def _operations(channel: LiveChannel) -> Iterator[tuple[str, Json]]:
    """Describe what the server receives and what it sends."""
    received = [model.__name__ for model in channel.from_client] + ([AUDIO] if channel.takes_binary else [])
    sent = [model.__name__ for model in channel.from_server]
    for action, sender, names in (("receive", "client", received), ("send", "server", sent)):
        operation: Json = {
            "action": action,
            "summary": f"{channel.title}: messages of the {sender}",
            "channel": {"$ref": f"#/channels/{channel.name}"},
            "messages": [{"$ref": f"#/channels/{channel.name}/messages/{name}"} for name in names],
        }
        yield f"{channel.name}_{action}", operation


def _audio() -> Json:
    return {
        "name": AUDIO,
        "summary": "Raw audio: 16-bit little-endian mono. In FunASR's mode `offline` also a part of a file.",
        "contentType": "application/octet-stream",
        "payload": {"type": "string", "format": "binary"},
    }


def _message(model: type[Documented], definitions: Json) -> Json:
    schema = definitions[model.__name__]
    return {
        "name": model.__name__,
        "summary": schema["description"],
        "payload": {"$ref": SCHEMA_REF.format(model=model.__name__)},
        "examples": [{"payload": payload} for payload in schema.pop("examples")],
    }
