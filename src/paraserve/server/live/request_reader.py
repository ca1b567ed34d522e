"""The requests of one live client: settings, ends and audio, and the state of its present utterance."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

import numpy as np

from paraserve.errors import OverloadedError, ParaserveError
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.server.live.final_deadline import FinalDeadline
from paraserve.server.live.live_audio import LiveAudio
from paraserve.server.live.pace import Pace
from paraserve.server.live.queues import ArrivalTimes, CloseRequest, Inbox, Outbox
from paraserve.server.live.session_cost import session_cost
from paraserve.server.protocols.events import (
    Acknowledged,
    AudioDamaged,
    AudioTold,
    Cleared,
    Configured,
    Failed,
    SessionKept,
)
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.requests import (
    Audio,
    BadMessage,
    Clear,
    Configure,
    EndUtterance,
    KeepSession,
    LiveSettings,
    Request,
)
from paraserve.types import SAMPLE_RATE, Samples

MAX_GATHERED_FRAMES = 16
"""Frames of a client that sends faster than it speaks are recognized together, up to this many."""
MAX_GATHERED_SAMPLES = SAMPLE_RATE
"""A few bytes of compressed silence may be hours: it goes on in parts of at least this."""
SLICE_BYTES = 64 * 1024
"""Audio is read in pieces of at most this: one huge frame must not hold the event loop, nor grow when resampled."""
NO_SAMPLES: Samples = np.zeros(0, np.float32)


class RequestReader:
    """Reads the client's requests, as long as the client reads its results, and keeps the state of its utterance.

    `settings` are what all requests so far came to, `received_ms` and `pace` the audio of all utterances. `charge` is
    called with the places that new settings cost, and may refuse them, `on_audio` with the milliseconds of audio that
    come. `keep` gives a client that asks the token to return with. Of the present utterance: `end` once it is there,
    `ended_s` when it arrived, `has_audio`, its `arrivals`, `has_commit` at a commit, `is_cleared` where the client
    has ended it to have no text. `audio_s` is when audio was taken last, on the clock of `time.monotonic()`. `stop`
    is set once nothing more will come.
    """

    def __init__(self, protocol: LiveProtocol, inbox: Inbox, outbox: Outbox) -> None:
        self.settings = protocol.settings
        self.charge: Callable[[int], None] = lambda _: None
        self.on_audio: Callable[[float], None] = lambda _: None
        self.deadline = FinalDeadline()
        self.keep: Callable[[], str] = lambda: ""
        self.received_ms = self.audio_s = 0.0
        self.pace = Pace()
        self.stop: CloseRequest | None = None
        self._protocol = protocol
        self._inbox = inbox
        self._outbox = outbox
        self._requests: Iterator[Request] = iter(())  # of the last frame
        self._received_s = 0.0
        self._compressed: str | None = None  # format of the last utterance
        self.begin()

    def begin(self) -> None:
        """Begin another utterance: its times start at 0."""
        self.end: EndUtterance | None = None
        self.ended_s: float | None = None
        self.has_audio = self.has_commit = self.is_cleared = False
        self._is_begun = False
        self.arrivals = ArrivalTimes()
        self._n_channels: int | None = None  # those that the audio tells
        self._n_samples = 0

    async def next_audio(self) -> Audio | None:
        """Return the next audio of the utterance; None at its end, and from then on. Other requests are obeyed."""
        while self.end is None:
            match request := await self._next_request():
                case Audio():
                    self._is_begun = True
                    if request.data:
                        self.has_audio, self.audio_s = True, self._received_s
                    return request
                case Configure():
                    self._configure(request.settings)
                case EndUtterance():
                    self._end(request)
                case Clear():
                    self._clear()
                case BadMessage():
                    self._refuse(request.error)
                case KeepSession():
                    self._outbox.put(SessionKept(self.keep()))
        return None

    def _configure(self, settings: LiveSettings) -> None:
        try:
            self.charge(session_cost(settings, self._n_channels))
        except OverloadedError as error:
            self._refuse(error)
            return
        self.settings = settings
        self._outbox.put(Configured())

    def _clear(self) -> None:
        """End the utterance without a text; where none has begun, there is nothing to drop."""
        if self._is_begun:
            self.is_cleared = True
            self._end(EndUtterance())
        else:
            self._outbox.put(Cleared())

    async def skip(self) -> None:
        """Drop the rest of the utterance."""
        while (audio := await self.next_audio()) is not None:
            self._acknowledge(int(audio.wants_reply))

    async def file_bytes(self, first: Audio) -> AsyncIterator[bytes]:
        """Yield the utterance's bytes, from its first audio on, in pieces."""
        async for piece in self._pieces(first):
            yield piece.data
            self._acknowledge(int(piece.wants_reply))

    async def samples(self, first: Audio, pool: DecodePool) -> AsyncGenerator[Samples, None]:
        """Yield the utterance's audio as soon as it arrives; what has already arrived, together.

        Raises what `LiveAudio` raises, and OverloadedError where its channels cost more places than are free.
        """
        stream, stated, before = self.settings.stream, self.settings.file_format, self._compressed
        n_replies = n_frames = 0
        gathered: list[Samples] = []
        async with LiveAudio(stream.audio, stream.options.channel, pool, stated=stated, before=before) as audio:
            async for piece in self._pieces(first):
                async for samples in audio.push(piece.data):
                    self._take(samples, audio)
                    gathered.append(samples)
                    if sum(map(len, gathered)) >= MAX_GATHERED_SAMPLES:
                        yield np.concatenate(gathered)
                        gathered = []
                n_replies, n_frames = n_replies + piece.wants_reply, n_frames + 1
                if piece.commits or not self._inbox.has_audio or n_frames == MAX_GATHERED_FRAMES:
                    self.has_commit = piece.commits
                    if gathered or piece.commits:
                        yield np.concatenate(gathered) if gathered else NO_SAMPLES
                    self.has_commit = False
                    # Whoever takes the samples asks for more once it is done with them.
                    self._acknowledge(n_replies)
                    gathered, n_replies, n_frames = [], 0, 0
            if self.is_cleared:
                gathered = []
            else:
                async for samples in audio.finish():
                    self._take(samples, audio)
                    yield np.concatenate([*gathered, samples])
                    gathered = []
            if gathered:
                yield np.concatenate(gathered)
            self._compressed = audio.name
            if audio.damaged_packets:
                self._outbox.put(AudioDamaged(audio.damaged_packets))
        self._acknowledge(n_replies)

    def _take(self, samples: Samples, audio: LiveAudio) -> None:
        """Count samples of the utterance, and look at what its audio tells of itself."""
        if self._n_channels is None and audio.header is not None:
            told = audio.header
            self._n_channels = told.channels
            self.charge(session_cost(self.settings, told.channels))
            self._outbox.put(AudioTold(told.name, told.sample_rate, told.channels))
        if len(samples):
            self.audio_s = time.monotonic()
        self._n_samples += len(samples)
        self.arrivals.add(self._n_samples * 1000 / SAMPLE_RATE, self._received_s)
        self.add_audio(len(samples) * 1000 / SAMPLE_RATE)
        self.pace.add(len(samples) / SAMPLE_RATE)

    def add_audio(self, ms: float) -> None:
        """Count audio of the client."""
        self.received_ms += ms
        self.on_audio(ms)

    async def _pieces(self, first: Audio) -> AsyncIterator[Audio]:
        audio: Audio | None = first
        while audio is not None:
            data = audio.data
            for start in range(0, len(data) or 1, SLICE_BYTES):
                await self._outbox.room()
                is_last_piece = start + SLICE_BYTES >= len(data)
                piece = data[start : start + SLICE_BYTES]
                yield Audio(piece, audio.wants_reply and is_last_piece, audio.commits and is_last_piece)
            audio = await self.next_audio()

    async def _next_request(self) -> Request:
        while (request := next(self._requests, None)) is None:
            await self._outbox.room()
            frame = await self._inbox.get()
            if isinstance(frame, CloseRequest):
                self.stop, self._received_s = frame, time.monotonic()
                return EndUtterance()
            self._received_s = frame.received_s
            self._requests = iter(self._protocol.read(frame.data))
        return request

    def _acknowledge(self, n_replies: int) -> None:
        for _ in range(n_replies):
            self._outbox.put(Acknowledged(self._n_samples * 1000 // SAMPLE_RATE))

    def _refuse(self, error: ParaserveError) -> None:
        self._outbox.put(Failed(error))
        if (code := self._protocol.close_code(error)) is not None:
            self.stop = CloseRequest(code, error.code)
            self._end(EndUtterance())

    def _end(self, end: EndUtterance) -> None:
        self.end, self.ended_s = end, self._received_s
        self.arrivals.add(float("inf"), self._received_s)
        self.deadline.begin()
