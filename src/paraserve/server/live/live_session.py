"""A live client's utterances, one after the other: requests in, events out. Knows no socket and no message format.

An utterance begins with audio or an end. It has exactly one last text, or an error that ended it, then `Finished`.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import replace

import numpy as np

from paraserve.errors import OverloadedError, ParaserveError
from paraserve.inference.audio.file_signatures import HEAD_BYTES, file_format
from paraserve.runtime.channels.split_session import session_of
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.server.live.live_audio import LiveAudio
from paraserve.server.live.pace import Pace
from paraserve.server.live.queues import ArrivalTimes, CloseRequest, Inbox, Outbox
from paraserve.server.live.recorded_utterance import LiveContext, transcribe_bytes, transcribe_samples, with_header
from paraserve.server.live.session_cost import session_cost
from paraserve.server.protocols.events import (
    Acknowledged,
    Audio,
    AudioDamaged,
    AudioTold,
    BadMessage,
    Configure,
    Configured,
    EndUtterance,
    Failed,
    Finished,
    LiveProtocol,
    LiveSettings,
    PartialText,
    RecordingText,
    Request,
    SegmentText,
    text_event,
)
from paraserve.types import SAMPLE_RATE, Samples, Transcript, Update

MAX_GATHERED_FRAMES = 16
"""Frames of a client that sends faster than it speaks are recognized together, up to this many."""
MAX_GATHERED_SAMPLES = SAMPLE_RATE
"""A few bytes of compressed silence may be hours: it goes on in parts of at least this."""
SLICE_BYTES = 64 * 1024
"""Audio is read in pieces of at most this: one huge frame must not hold the event loop, nor grow when resampled."""
NORMAL_CLOSE = CloseRequest(1000, "")


class LiveSession:
    """All utterances of one connection."""

    def __init__(self, context: LiveContext, protocol: LiveProtocol, inbox: Inbox, outbox: Outbox) -> None:
        self.n_utterances = 0
        self.reader = RequestReader(protocol, inbox, outbox)
        self._context = context
        self._protocol = protocol
        self._outbox = outbox

    async def run(self) -> CloseRequest:
        """Recognize utterance after utterance, until the client or the inbox ends the session.

        Raises:
            ParaserveError: the connection has to be closed with its `close_code`. `Failed` has been put.
        """
        reader = self.reader
        while True:
            reader.begin()
            first = await reader.next_audio()
            if first is None and reader.stop is not None:
                return reader.stop
            self.n_utterances += 1
            end = await self._utterance(first)
            if reader.stop is not None:
                return reader.stop
            if end.closes_connection:
                return NORMAL_CLOSE
            # A client that does not read its results is not heard either.
            await self._outbox.drained()

    async def _utterance(self, first: Audio | None) -> EndUtterance:
        """Recognize an utterance from its first audio (None: it has none) to its end."""
        reader, received_before_ms = self.reader, self.reader.received_ms
        problem = ""
        try:
            await self._recognize(first)
        except ParaserveError as error:
            self._outbox.put(Failed(error, ends_utterance=True))
            if self._protocol.close_code(error) is not None:
                raise
            problem = error.message
            await reader.skip()
        finally:
            self._context.metrics.audio_seconds.inc((reader.received_ms - received_before_ms) / 1000)
        end = reader.end or EndUtterance()
        self._outbox.put(Finished(end.wants_reply, end.problem or problem))
        return end

    async def _recognize(self, first: Audio | None) -> None:
        settings = self.reader.settings
        if first is None:
            self._put_empty_text()
        elif settings.is_recording:
            self._outbox.put(RecordingText(await self._recording(first), self.reader.ended_s))
        else:
            await self._live(first)

    async def _live(self, first: Audio) -> None:
        reader, stream, redaction = self.reader, self.reader.settings.stream, self._context.redaction
        stream = replace(stream, options=redaction.with_client(stream.options))
        async with (
            self._context.engine.for_model(stream.options.model, stream.options.task) as engine,
            session_of(engine, stream, self._on_update) as session,
            contextlib.aclosing(reader.samples(first, self._context.pool)) as blocks,
        ):
            async for samples in blocks:
                session.options = redaction.with_client(reader.settings.stream.options)
                session.is_ahead = reader.pace.is_ahead
                await session.feed(samples)
            await session.finish()

    async def _recording(self, first: Audio) -> Transcript:
        reader, stream = self.reader, self.reader.settings.stream
        is_raw = reader.settings.file_format is None and file_format(first.data[:HEAD_BYTES]) is None
        if is_raw and stream.options.channel != "split":
            async with contextlib.aclosing(reader.samples(first, self._context.pool)) as blocks:
                return await transcribe_samples(self._context, blocks, stream.options)
        pieces = reader.file_bytes(first)
        if is_raw:
            pieces = with_header(pieces, stream.audio)
        transcript = await transcribe_bytes(self._context, pieces, lambda: reader.settings.stream.options)
        reader.received_ms += transcript.duration_ms
        return transcript

    def _put_empty_text(self) -> None:
        """Put the last text of an utterance without audio."""
        settings = self.reader.settings
        if settings.is_recording:
            self._outbox.put(RecordingText(Transcript("", (), 0)))
        else:
            kind = PartialText if settings.stream.mode == "online" else SegmentText
            self._outbox.put(kind("", is_last=True))

    def _on_update(self, update: Update) -> None:
        self._outbox.put(text_event(update, self.reader.arrivals.at(update.due_ms)))


class RequestReader:
    """Reads the client's requests, as long as the client reads its results, and keeps the state of its utterance.

    `settings` are what all requests so far came to, `received_ms` and `pace` the audio of all utterances. `charge` is
    called with the places that new settings cost, and may refuse them. Of the present utterance: `end` once it is
    there, `ended_s` when it arrived, `has_audio`, and `arrivals` of its audio. `stop` is set once nothing more will
    come.
    """

    def __init__(self, protocol: LiveProtocol, inbox: Inbox, outbox: Outbox) -> None:
        self.settings = protocol.settings
        self.charge: Callable[[int], None] = lambda _: None
        self.received_ms = 0.0
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
        self.has_audio = False
        self.arrivals = ArrivalTimes()
        self._n_channels: int | None = None  # those that the audio tells
        self._n_samples = 0

    async def next_audio(self) -> Audio | None:
        """Return the next audio of the utterance; None at its end, and from then on. Other requests are obeyed."""
        while self.end is None:
            match request := await self._next_request():
                case Audio():
                    self.has_audio = self.has_audio or bool(request.data)
                    return request
                case Configure():
                    self._configure(request.settings)
                case EndUtterance():
                    self._end(request)
                case BadMessage():
                    self._refuse(request.error)
        return None

    def _configure(self, settings: LiveSettings) -> None:
        try:
            self.charge(session_cost(settings, self._n_channels))
        except OverloadedError as error:
            self._refuse(error)
            return
        self.settings = settings
        self._outbox.put(Configured())

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
                if not self._inbox.has_audio or n_frames == MAX_GATHERED_FRAMES:
                    if gathered:
                        yield np.concatenate(gathered)
                    # Whoever takes the samples asks for more once it is done with them.
                    self._acknowledge(n_replies)
                    gathered, n_replies, n_frames = [], 0, 0
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
        self._n_samples += len(samples)
        self.arrivals.add(self._n_samples * 1000 / SAMPLE_RATE, self._received_s)
        self.received_ms += len(samples) * 1000 / SAMPLE_RATE
        self.pace.add(len(samples) / SAMPLE_RATE)

    async def _pieces(self, first: Audio) -> AsyncIterator[Audio]:
        audio: Audio | None = first
        while audio is not None:
            data = audio.data
            for start in range(0, len(data) or 1, SLICE_BYTES):
                await self._outbox.room()
                is_last_piece = start + SLICE_BYTES >= len(data)
                yield Audio(data[start : start + SLICE_BYTES], audio.wants_reply and is_last_piece)
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
            self._outbox.put(Acknowledged())

    def _refuse(self, error: ParaserveError) -> None:
        self._outbox.put(Failed(error))
        code = self._protocol.close_code(error)
        if code is not None:
            self.stop = CloseRequest(code, error.code)
            self._end(EndUtterance())

    def _end(self, end: EndUtterance) -> None:
        self.end, self.ended_s = end, self._received_s
        self.arrivals.add(float("inf"), self._received_s)
