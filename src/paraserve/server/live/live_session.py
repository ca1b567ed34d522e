"""A live client's utterances, one after the other: requests in, events out. Knows no socket and no message format.

An utterance begins with audio or an end. It has exactly one last text, or an error that ended it, then `Finished`.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import numpy as np

from paraserve.errors import OverloadedError, ParaserveError, UnsupportedFormatError
from paraserve.inference.audio.file_signatures import HEAD_BYTES, file_format
from paraserve.inference.audio.pcm import PcmReader
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.server.live.pace import Pace
from paraserve.server.live.queues import ArrivalTimes, CloseRequest, Inbox, Outbox
from paraserve.server.live.recorded_utterance import LiveContext, transcribe_bytes, transcribe_samples
from paraserve.server.live.session_cost import session_cost
from paraserve.server.protocols.events import (
    Acknowledged,
    Audio,
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
    WavHeader,
    text_event,
)
from paraserve.types import SAMPLE_RATE, Samples, Transcript, Update

MAX_GATHERED_FRAMES = 16
"""Frames of a client that sends faster than it speaks are recognized together, up to this many."""
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
            self._context.metrics.live_delivery(reader.arrivals.clock.delivery())
        end = reader.end or EndUtterance()
        self._outbox.put(Finished(end.wants_reply, end.problem or problem))
        return end

    async def _recognize(self, first: Audio | None) -> None:
        settings = self.reader.settings
        if first is None:
            self._put_empty_text()
        elif settings.is_recording:
            self._outbox.put(RecordingText(await self._recording(first), self.reader.ended_s))
        elif settings.file_format is not None:
            raise _not_raw(repr(settings.file_format))
        else:
            await self._live(first)

    async def _live(self, first: Audio) -> None:
        reader, stream, redaction = self.reader, self.reader.settings.stream, self._context.redaction
        stream = replace(stream, options=redaction.with_client(stream.options))
        async with (
            self._context.engine.for_model(stream.options.model, stream.options.task) as engine,
            TwoPassSession(engine, stream, self._on_update) as session,
        ):
            async for samples in reader.samples(first):
                session.options = redaction.with_client(reader.settings.stream.options)
                session.is_ahead = reader.pace.is_ahead
                await session.feed(samples)
            await session.finish()

    async def _recording(self, first: Audio) -> Transcript:
        reader = self.reader
        if reader.settings.file_format is None and file_format(first.data[:HEAD_BYTES]) is None:
            options = reader.settings.stream.options
            transcript = await transcribe_samples(self._context, reader.samples(first), options)
            return replace(transcript, quality=reader.arrivals.clock.with_delivery(transcript.quality))
        pieces = reader.file_bytes(first)
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
        arrivals = self.reader.arrivals
        update = replace(update, quality=arrivals.clock.with_delivery(update.quality))
        self._outbox.put(text_event(update, arrivals.at(update.due_ms)))


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
        self.begin()

    def begin(self) -> None:
        """Begin another utterance: its times start at 0."""
        self.end: EndUtterance | None = None
        self.ended_s: float | None = None
        self.has_audio = False
        self.arrivals = ArrivalTimes()

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
            self.charge(session_cost(settings))
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

    async def samples(self, first: Audio) -> AsyncIterator[Samples]:
        """Yield the utterance's raw audio as soon as it arrives; what has already arrived, together.

        Raises:
            AudioError: it begins with a WAV header that cannot be used.
            UnsupportedFormatError: it begins like a file of another kind.
        """
        pcm = PcmReader(self.settings.stream.audio)
        n_samples = n_replies = 0
        has_header = False
        gathered: list[Samples] = []
        head = bytearray()
        async for piece in self._pieces(first):
            _check_raw(head, piece.data)
            samples = pcm.push(piece.data)
            if pcm.header is not None and not has_header:
                has_header = True
                self._outbox.put(WavHeader(pcm.header.sample_rate))
            n_samples += len(samples)
            n_replies += piece.wants_reply
            self.arrivals.add(n_samples * 1000 / SAMPLE_RATE, self._received_s)
            self.received_ms += len(samples) * 1000 / SAMPLE_RATE
            self.pace.add(len(samples) / SAMPLE_RATE)
            gathered.append(samples)
            if not self._inbox.has_audio or len(gathered) == MAX_GATHERED_FRAMES:
                yield np.concatenate(gathered)
                # Whoever takes the samples asks for more once it is done with them.
                self._acknowledge(n_replies)
                gathered, n_replies = [], 0
        yield np.concatenate([*gathered, pcm.flush()])
        self._acknowledge(n_replies)

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


def _check_raw(head: bytearray, data: bytes) -> None:
    """Add the next bytes to the utterance's first ones.

    Raises:
        UnsupportedFormatError: these are the first bytes of a file.
    """
    n_missing = HEAD_BYTES - len(head)
    if n_missing <= 0:
        return
    head += data[:n_missing]
    name = file_format(head)
    if name is not None:
        raise _not_raw(name)


def _not_raw(name: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"live transcription takes raw 16-bit PCM, A-law, mu-law and WAV, not {name}: send raw audio, or the whole "
        "file in mode offline with its name in wav_format",
        param="wav_format",
    )
