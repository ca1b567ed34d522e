"""Our own gRPC services and Riva's, as bytes on the library's own channel."""

import contextlib
import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import grpc

from paraserve.server.protocols.generated import paraserve_pb2 as own
from paraserve.server.protocols.generated import riva_asr_pb2 as riva
from support.grpc_client import RECOGNIZE, STREAM, STREAMING_RECOGNIZE, TRANSCRIBE, grpc_client, metadata_of
from support.protocols.said import TIMEOUT_S, Closed, End, Event, Final, Partial, Problem, Target, Told

RIVA_CONFIG = riva.RecognitionConfig(
    encoding=1, sample_rate_hertz=16_000, enable_word_time_offsets=True, enable_automatic_punctuation=True
)
CALL_TIMEOUT_S = 120
MAX_WAITING = 64
"""Requests that are not sent yet; a client that has more waits."""


@dataclass(frozen=True)
class StreamDialect:
    """One call of many requests and many answers: its first request, how audio is put, how an answer is read."""

    method: str
    audio: Callable[[bytes], bytes]
    events_of: Callable[[bytes], Iterable[Event]]
    first: Sequence[bytes] = ()
    last: Sequence[bytes] = ()
    ends_by_closing: bool = False


@dataclass
class StreamClient:
    """A live client of one of them."""

    dialect: StreamDialect
    call: grpc.Call
    requests: "queue.Queue[bytes | None]" = field(repr=False)

    def send(self, pcm: bytes) -> None:
        self.send_frame(self.dialect.audio(pcm))

    def send_frame(self, frame: str | bytes | None) -> None:
        while self.call.is_active():
            with contextlib.suppress(queue.Full):
                self.requests.put(frame.encode() if isinstance(frame, str) else frame, timeout=0.1)
                return

    def end(self) -> None:
        for frame in (*self.dialect.last, None):
            self.send_frame(frame)

    def events(self) -> Iterator[Event]:
        try:
            for answer in self.call:
                yield from self.dialect.events_of(answer)
            if self.dialect.ends_by_closing:
                yield End()
        except grpc.RpcError as error:
            if "error-code" in metadata_of(error):
                yield Problem(metadata_of(error)["error-code"])
        yield Closed(self.call.code().name)

    def leave(self) -> None:
        """The end of the requests is that of the call."""

    def vanish(self) -> None:
        self.call.cancel()


@contextlib.contextmanager
def grpc_stream(dialect: StreamDialect, target: Target, *, is_plain: bool = False) -> Iterator[StreamClient]:
    """A call that has sent what it sends first; `is_plain`: nothing yet."""
    requests: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING)
    with grpc_client(target.grpc_port) as client:
        method = client.channel.stream_stream(dialect.method, None, None)
        call = method(iter(requests.get, None), timeout=CALL_TIMEOUT_S, metadata=tuple(target.authorization.items()))
        stream = StreamClient(dialect, call, requests)
        for frame in () if is_plain else dialect.first:
            stream.send_frame(frame)
        try:
            yield stream
        finally:
            call.cancel()
            with contextlib.suppress(queue.Full):
                requests.put_nowait(None)


def own_events(answer: bytes) -> Iterator[Event]:
    """What an event of our own stream says."""
    event = own.StreamEvent.FromString(answer)
    match event.WhichOneof("event"):
        case "partial" if event.partial.text:
            yield Partial(event.partial.text)
        case "segment" if event.segment.text:
            yield own_final(event.segment)
        case "error":
            yield Problem(event.error.code)
        case "finished":
            yield End()


def own_final(message: own.SegmentText | own.TranscribeResponse) -> Final:
    """The text of our own messages."""
    tokens = [token for sentence in message.sentences for token in sentence.tokens]
    return Final(message.text, tuple((token.start_ms, token.end_ms) for token in tokens))


def riva_events(answer: bytes) -> Iterator[Event]:
    """What a response of Riva's stream says."""
    for result in riva.StreamingRecognizeResponse.FromString(answer).results:
        if result.is_final and result.alternatives[0].transcript:
            yield riva_final(result.alternatives[0])
        elif result.alternatives[0].transcript:
            yield Partial(result.alternatives[0].transcript)


def riva_final(alternative: riva.SpeechRecognitionAlternative) -> Final:
    """The text of an alternative."""
    return Final(alternative.transcript, tuple((word.start_time, word.end_time) for word in alternative.words))


OWN_STREAM = StreamDialect(
    method=STREAM,
    audio=lambda pcm: own.StreamRequest(audio=pcm).SerializeToString(),
    events_of=own_events,
)
OWN_EXAMPLES = [
    own.StreamRequest(
        settings=own.Settings(
            mode="2pass", wav_format="pcm", audio_fs=16_000, chunk_size=[5, 10, 5], hotwords=["a:3"]
        )
    ).SerializeToString(),
    own.StreamRequest(end_utterance=own.EndUtterance()).SerializeToString(),
    own.StreamRequest(commit=own.Commit()).SerializeToString(),
]
RIVA_FIRST = riva.StreamingRecognizeRequest(
    streaming_config=riva.StreamingRecognitionConfig(config=RIVA_CONFIG, interim_results=True)
).SerializeToString()
RIVA_STREAM = StreamDialect(
    method=STREAMING_RECOGNIZE,
    audio=lambda pcm: riva.StreamingRecognizeRequest(audio_content=pcm).SerializeToString(),
    events_of=riva_events,
    first=[RIVA_FIRST],
    ends_by_closing=True,
)


def one_call(method: str, request: bytes, target: Target, finals: Callable[[bytes], list[Final]]) -> Told:
    """A call with one answer."""
    told = Told()
    with grpc_client(target.grpc_port) as client:
        call = client.channel.unary_unary(method, None, None)
        try:
            answer = call(request, timeout=TIMEOUT_S, metadata=tuple(target.authorization.items()))
        except grpc.RpcError as error:
            if "error-code" in metadata_of(error):
                told.hear(Problem(metadata_of(error)["error-code"]))
            told.hear(Closed(error.code().name))
            return told
    for final in finals(answer):
        told.hear(final)
    told.hear(End())
    return told


def transcribe(target: Target, wav: bytes) -> Told:
    """Our own call about a recording."""
    request = own.TranscribeRequest(audio_data=wav).SerializeToString()
    return one_call(
        TRANSCRIBE, request, target, lambda answer: [own_final(own.TranscribeResponse.FromString(answer))]
    )


def recognize(target: Target, wav: bytes) -> Told:
    """Riva's call about a recording."""

    def finals(answer: bytes) -> list[Final]:
        return [riva_final(result.alternatives[0]) for result in riva.RecognizeResponse.FromString(answer).results]

    request = riva.RecognizeRequest(config=RIVA_CONFIG, audio=wav).SerializeToString()
    return one_call(RECOGNIZE, request, target, finals)
