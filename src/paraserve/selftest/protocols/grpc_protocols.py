"""The calls of gRPC: our own and Riva's, for recordings and live speech. They need the extra `grpc`."""

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from paraserve.selftest import recording
from paraserve.selftest.own_server import TIMEOUT_S, Target
from paraserve.selftest.protocols.live_protocols import CHUNK_BYTES
from paraserve.selftest.verdicts import CheckFailedError, NotRunError

if TYPE_CHECKING:
    from grpc import Channel

    from paraserve.server.protocols.generated.riva_asr_pb2 import RecognitionConfig

RIVA = "/nvidia.riva.asr.RivaSpeechRecognition"


def is_installed() -> bool:
    """Return whether the extra `grpc` is installed."""
    return all(find_spec(name) is not None for name in ("grpc", "grpc_health", "grpc_reflection"))


def checked(call: "Callable[[Channel], str]") -> Callable[[Target], str]:
    """Return a check that makes a call."""

    def check(target: Target) -> str:
        if not is_installed():
            raise NotRunError("the extra grpc is not installed")
        if not target.grpc_port:
            raise NotRunError("the port of gRPC is not known")
        import grpc  # noqa: PLC0415 - of an extra

        options = [("grpc.enable_http_proxy", 0)]
        with grpc.insecure_channel(f"{target.address[0]}:{target.grpc_port}", options) as channel:
            try:
                return call(channel)
            except grpc.RpcError as error:
                raise CheckFailedError("an answer", f"{error.code()}: {error.details()}") from None

    return check


def transcribe(channel: "Channel") -> str:
    """Return the text of our own call about a recording."""
    from paraserve.server.protocols.generated import paraserve_pb2 as own  # noqa: PLC0415 - of an extra

    call = channel.unary_unary(
        "/paraserve.v1.ASRService/Transcribe",
        own.TranscribeRequest.SerializeToString,
        own.TranscribeResponse.FromString,
    )
    answer: own.TranscribeResponse = call(own.TranscribeRequest(audio_data=recording.encoded()), timeout=TIMEOUT_S)
    return answer.text


def stream(channel: "Channel") -> str:
    """Return the text of our own call of live speech."""
    from paraserve.server.protocols.generated import paraserve_pb2 as own  # noqa: PLC0415 - of an extra

    call = channel.stream_stream(
        "/paraserve.v1.Recognizer/Stream", own.StreamRequest.SerializeToString, own.StreamEvent.FromString
    )
    events = call((own.StreamRequest(audio=chunk) for chunk in _chunks()), timeout=TIMEOUT_S)
    return "".join(event.segment.text for event in events if event.WhichOneof("event") == "segment")


def riva_recognize(channel: "Channel") -> str:
    """Return the text of Riva's call about a recording."""
    from paraserve.server.protocols.generated import riva_asr_pb2 as riva  # noqa: PLC0415 - of an extra

    call = channel.unary_unary(
        f"{RIVA}/Recognize", riva.RecognizeRequest.SerializeToString, riva.RecognizeResponse.FromString
    )
    request = riva.RecognizeRequest(config=_riva_config(), audio=recording.encoded())
    return "".join(result.alternatives[0].transcript for result in call(request, timeout=TIMEOUT_S).results)


def riva_stream(channel: "Channel") -> str:
    """Return the text of Riva's call of live speech."""
    from paraserve.server.protocols.generated import riva_asr_pb2 as riva  # noqa: PLC0415 - of an extra

    def requests() -> Iterator[riva.StreamingRecognizeRequest]:
        yield riva.StreamingRecognizeRequest(
            streaming_config=riva.StreamingRecognitionConfig(config=_riva_config(), interim_results=False)
        )
        for chunk in _chunks():
            yield riva.StreamingRecognizeRequest(audio_content=chunk)

    call = channel.stream_stream(
        f"{RIVA}/StreamingRecognize",
        riva.StreamingRecognizeRequest.SerializeToString,
        riva.StreamingRecognizeResponse.FromString,
    )
    results = (result for answer in call(requests(), timeout=TIMEOUT_S) for result in answer.results)
    return "".join(result.alternatives[0].transcript for result in results if result.is_final)


def _riva_config() -> "RecognitionConfig":
    from paraserve.server.protocols.generated import riva_asr_pb2 as riva  # noqa: PLC0415 - of an extra

    return riva.RecognitionConfig(encoding="LINEAR_PCM", sample_rate_hertz=16_000, enable_automatic_punctuation=True)


def _chunks() -> Iterator[bytes]:
    pcm = recording.pcm()
    for start in range(0, len(pcm), CHUNK_BYTES):
        yield pcm[start : start + CHUNK_BYTES]


GRPC: Mapping[str, Callable[[Target], str]] = {
    "grpc": checked(transcribe),
    "grpc-stream": checked(stream),
    "riva": checked(riva_recognize),
    "riva-stream": checked(riva_stream),
}
"""Each returns the text of the recording."""
