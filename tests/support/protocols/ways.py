"""All ways to get a text from a server, and what each promises. docs/compatibility.md is written from this."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

from hypothesis.strategies import SearchStrategy

from support.protocols.deepgram import LISTEN, listen
from support.protocols.funasr import VOSK, funasr
from support.protocols.grpc_calls import (
    OWN_EXAMPLES,
    OWN_STREAM,
    RIVA_FIRST,
    RIVA_STREAM,
    StreamDialect,
    grpc_stream,
    recognize,
    transcribe,
)
from support.protocols.hostile import bytes_frames, json_frames
from support.protocols.realtime import REALTIME
from support.protocols.said import LiveClient, Target, Told
from support.protocols.uploads import (
    OPENAI_FIELDS,
    OPENAI_PATH,
    WEBSERVICE_PATH,
    asr_final,
    events,
    funasr_final,
    job,
    openai_final,
    own_final,
    text_final,
    upload,
)
from support.protocols.websockets import Dialect, web_socket
from support.protocols.wyoming import EXAMPLES as WYOMING_EXAMPLES
from support.protocols.wyoming import wyoming


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a client is told in its protocol's own way: the status, and the code of the error where there is one.

    `of` names those whom it holds for. `wrong_key` is "" where a protocol has no keys.
    """

    of: str
    wrong_key: str
    overloaded: str
    too_large: str
    stopping: str


@dataclass(frozen=True, slots=True)
class LiveWay:
    """A protocol of live clients.

    `connect` opens a connection, with `is_plain` one that has said nothing yet. `hostile` are first messages that no
    honest client sends, None where another way has the same. Without `has_second_pass` the text is that of the
    partial texts.
    """

    name: str
    address: str
    page: str
    connect: Callable[..., AbstractContextManager[LiveClient]]
    refusals: Refusals
    hostile: SearchStrategy[str | bytes] | None
    has_partials: bool = True
    has_times: bool = True
    has_second_pass: bool = True

    @property
    def transport(self) -> str:
        """What carries its messages."""
        return self.address.partition(":")[0]


@dataclass(frozen=True, slots=True)
class FileWay:
    """A protocol of whole recordings."""

    name: str
    address: str
    page: str
    send: Callable[[Target, bytes], Told]
    refusals: Refusals
    has_partials: bool = False
    has_times: bool = True


IN_WEBSOCKETS = Refusals("WebSocket", "1008 invalid_api_key", "1013 overloaded", "1009", "1012 shutting_down")
IN_GRPC = Refusals(
    "gRPC, live speech",
    "UNAUTHENTICATED invalid_api_key",
    "RESOURCE_EXHAUSTED overloaded",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE shutting_down",
)
RECORDING_IN_GRPC = replace(IN_GRPC, of="gRPC, recordings", stopping="OK")
IN_WYOMING = Refusals("Wyoming", "", "overloaded", "message_too_large", "")
IN_HTTP = Refusals("HTTP", "401 invalid_api_key", "503 overloaded", "413 file_too_large", "200")


def on_web_sockets(name: str, page: str, dialect: Dialect, **promises: bool) -> LiveWay:
    """A protocol on WebSockets."""
    connect = partial(web_socket, dialect)
    hostile = json_frames(dialect.examples) if dialect.examples else None
    return LiveWay(
        name, f"ws://HOST:PORT{dialect.path.partition('?')[0]}", page, connect, IN_WEBSOCKETS, hostile, **promises
    )


def on_grpc(name: str, dialect: StreamDialect, examples: Sequence[bytes]) -> LiveWay:
    """A call of gRPC with many requests and answers."""
    connect = partial(grpc_stream, dialect)
    return LiveWay(name, "grpc://HOST:GRPC_PORT", "grpc.md", connect, IN_GRPC, bytes_frames(examples))


def on_http(name: str, page: str, path: str, send: Callable[[Target, bytes], Told], **promises: bool) -> FileWay:
    """A route of recordings."""
    return FileWay(name, f"http://HOST:PORT{path}", page, send, IN_HTTP, **promises)


LIVE = (
    on_web_sockets("FunASR, mode 2pass", "websocket.md", funasr("2pass")),
    on_web_sockets(
        "FunASR, mode online",
        "websocket.md",
        funasr("online"),
        has_partials=False,
        has_times=False,
        has_second_pass=False,
    ),
    on_web_sockets("FunASR, mode offline", "websocket.md", funasr("offline"), has_partials=False),
    on_web_sockets("vosk", "vosk.md", VOSK),
    on_web_sockets("OpenAI, Realtime", "realtime.md", REALTIME, has_times=False),
    on_web_sockets("Deepgram", "deepgram.md", LISTEN),
    on_grpc("our gRPC stream", OWN_STREAM, OWN_EXAMPLES),
    on_grpc("NVIDIA Riva", RIVA_STREAM, [RIVA_FIRST]),
    LiveWay(
        "Wyoming",
        "tcp://HOST:WYOMING_PORT",
        "wyoming.md",
        wyoming,
        IN_WYOMING,
        bytes_frames(WYOMING_EXAMPLES),
        has_times=False,
    ),
)

FILES = (
    on_http("our JSON", "http.md", "/transcribe", upload("/transcribe", own_final)),
    on_http("OpenAI, verbose JSON", "openai.md", OPENAI_PATH, upload(OPENAI_PATH, openai_final, **OPENAI_FIELDS)),
    on_http("OpenAI, events", "openai.md", OPENAI_PATH, events, has_partials=True),
    on_http("OpenAI, JSON", "openai.md", OPENAI_PATH, upload(OPENAI_PATH, text_final), has_times=False),
    on_http("FunASR's Python server", "http.md", "/recognition", upload("/recognition", text_final), has_times=False),
    on_http("funasr-server", "http.md", "/asr", upload("/asr", asr_final)),
    on_http("whisper-asr-webservice", "http.md", WEBSERVICE_PATH, upload(WEBSERVICE_PATH, asr_final, "audio_file")),
    on_http("FunASR's C++ server", "http.md", "/", upload("/", funasr_final)),
    on_http("Deepgram", "deepgram.md", "/v1/listen", listen),
    FileWay("our gRPC call", "grpc://HOST:GRPC_PORT", "grpc.md", transcribe, RECORDING_IN_GRPC),
    FileWay("NVIDIA Riva", "grpc://HOST:GRPC_PORT", "grpc.md", recognize, RECORDING_IN_GRPC),
    on_http("a job", "jobs.md", "/v1/jobs", job),
)
