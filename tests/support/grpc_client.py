"""A gRPC client of all our services, on the library's own channel."""

import contextlib
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import grpc

from paraserve.server.protocols.generated import paraserve_pb2 as own
from paraserve.server.protocols.generated import riva_asr_pb2 as riva

TRANSCRIBE = "/paraserve.v1.ASRService/Transcribe"
STREAM = "/paraserve.v1.Recognizer/Stream"
RECOGNIZE = "/nvidia.riva.asr.RivaSpeechRecognition/Recognize"
STREAMING_RECOGNIZE = "/nvidia.riva.asr.RivaSpeechRecognition/StreamingRecognize"
RIVA_CONFIG = "/nvidia.riva.asr.RivaSpeechRecognition/GetRivaSpeechRecognitionConfig"
TIMEOUT_S = 60


@dataclass(frozen=True)
class GrpcClient:
    """Calls over one channel. `metadata` comes with each."""

    channel: grpc.Channel
    metadata: Sequence[tuple[str, str]] = ()

    def transcribe(self, **fields) -> own.TranscribeResponse:
        return self.one(TRANSCRIBE, own.TranscribeRequest(**fields), own.TranscribeResponse)

    def recognize(self, audio: bytes, **config) -> riva.RecognizeResponse:
        request = riva.RecognizeRequest(audio=audio, config=riva.RecognitionConfig(**config))
        return self.one(RECOGNIZE, request, riva.RecognizeResponse)

    def models(self, name: str = "") -> riva.RivaSpeechRecognitionConfigResponse:
        request = riva.RivaSpeechRecognitionConfigRequest(model_name=name)
        return self.one(RIVA_CONFIG, request, riva.RivaSpeechRecognitionConfigResponse)

    def one(self, method, request, kind):
        return self.call(method, request, kind)[0]

    def call(self, method, request, kind):
        """The answer, and the call with its metadata."""
        call = self.channel.unary_unary(method, type(request).SerializeToString, kind.FromString)
        return call.with_call(request, timeout=TIMEOUT_S, metadata=self.metadata)

    def stream(self, requests: Iterable[own.StreamRequest], timeout_s: float = TIMEOUT_S):
        """The events, as they come."""
        call = self.channel.stream_stream(STREAM, own.StreamRequest.SerializeToString, own.StreamEvent.FromString)
        return call(iter(requests), timeout=timeout_s, metadata=self.metadata)

    def riva_stream(self, requests: Iterable[riva.StreamingRecognizeRequest], timeout_s: float = TIMEOUT_S):
        """The responses, as they come."""
        call = self.channel.stream_stream(
            STREAMING_RECOGNIZE,
            riva.StreamingRecognizeRequest.SerializeToString,
            riva.StreamingRecognizeResponse.FromString,
        )
        return call(iter(requests), timeout=timeout_s, metadata=self.metadata)

    def raw(self, method: str, messages: Iterable[bytes], timeout_s: float = TIMEOUT_S) -> list[bytes]:
        """The answers to messages of any bytes, on any method."""
        call = self.channel.stream_stream(method, None, None)
        return list(call(iter(messages), timeout=timeout_s, metadata=self.metadata))


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextlib.contextmanager
def grpc_client(port: int, *metadata: tuple[str, str], certificate: bytes | None = None) -> Iterator[GrpcClient]:
    """A client of a server on this machine, with the certificate that it trusts."""
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    address = f"127.0.0.1:{port}"
    if certificate is None:
        channel = grpc.insecure_channel(address, options)
    else:
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(certificate), options)
    with channel:
        yield GrpcClient(channel, metadata)


def metadata_of(call) -> dict[str, str]:
    """What came with the status of a call or of its error."""
    return {one.key: one.value for one in call.trailing_metadata() or ()}


def audio_requests(audio: bytes, frame_bytes: int = 3200) -> Iterator[own.StreamRequest]:
    """The audio in messages of our own stream."""
    for start in range(0, len(audio), frame_bytes):
        yield own.StreamRequest(audio=audio[start : start + frame_bytes])


def riva_requests(
    audio: bytes, frame_bytes: int = 3200, *, interim_results: bool = True, **config
) -> Iterator[riva.StreamingRecognizeRequest]:
    """The settings, then the audio, in messages of Riva's stream."""
    settings = riva.StreamingRecognitionConfig(
        config=riva.RecognitionConfig(**config), interim_results=interim_results
    )
    yield riva.StreamingRecognizeRequest(streaming_config=settings)
    for start in range(0, len(audio), frame_bytes):
        yield riva.StreamingRecognizeRequest(audio_content=audio[start : start + frame_bytes])
