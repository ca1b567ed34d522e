"""A live client's utterances, one after the other: requests in, events out. Knows no socket and no message format.

An utterance begins with audio or an end. It has exactly one last text, or an error that ended it, then `Finished`.
One that the client clears has none, and `Cleared` in its place.
"""

import contextlib
from dataclasses import replace

from paraserve.errors import ParaserveError
from paraserve.inference.audio.file_signatures import HEAD_BYTES, file_format
from paraserve.runtime.channels.split_session import session_of
from paraserve.server.live.queues import NORMAL_CLOSE, CloseRequest, Inbox, Outbox
from paraserve.server.live.recorded_utterance import LiveContext, transcribe_bytes, transcribe_samples, with_header
from paraserve.server.live.request_reader import RequestReader
from paraserve.server.protocols.events import (
    Cleared,
    Failed,
    Finished,
    PartialText,
    RecordingText,
    SegmentText,
    SpeechChanged,
    text_event,
)
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.requests import Audio, EndUtterance
from paraserve.speech_types import SpeechChange
from paraserve.types import Transcript, Update


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
        reader, limits, received_before_ms = self.reader, self._context.final_limits, self.reader.received_ms
        problem, has_failed = "", False
        try:
            async with reader.deadline.within(limits.seconds(is_recording=reader.settings.is_recording)):
                await self._recognize(first)
        except ParaserveError as error:
            self._outbox.put(Failed(error, ends_utterance=True))
            if self._protocol.close_code(error) is not None:
                raise
            problem, has_failed = error.message, True
            await reader.skip()
        finally:
            self._context.metrics.audio_seconds.inc((reader.received_ms - received_before_ms) / 1000)
            self._context.metrics.live_delivery(reader.arrivals.clock.delivery())
        end = reader.end or EndUtterance()
        if reader.is_cleared:
            self._outbox.put(Cleared(ends_utterance=not has_failed))
        else:
            self._outbox.put(Finished(end.wants_reply, end.problem or problem))
        return end

    async def _recognize(self, first: Audio | None) -> None:
        settings = self.reader.settings
        if first is None:
            self._put_empty_text()
        elif settings.is_recording:
            transcript = await self._recording(first)
            if not self.reader.is_cleared:
                self._outbox.put(RecordingText(transcript, self.reader.ended_s))
        else:
            await self._live(first)

    async def _live(self, first: Audio) -> None:
        reader, redaction = self.reader, self._context.redaction
        known_ms = reader.settings.stream.final_until_ms if self.n_utterances == 1 else 0  # over another connection
        stream = replace(self._context.with_operator(reader.settings.stream), final_until_ms=known_ms)
        on_speech = self._on_speech if reader.settings.speech_events else None
        async with (
            self._context.engine.for_model(stream.options.model, stream.options.task) as engine,
            session_of(engine, stream, self._on_update, self._context.metrics.live_load, on_speech) as session,
            contextlib.aclosing(reader.samples(first, self._context.pool)) as blocks,
        ):
            async for samples in blocks:
                session.options = redaction.with_client(reader.settings.stream.options)
                session.is_ahead = reader.pace.is_ahead
                await session.feed(samples)
                if reader.has_commit:
                    await session.commit()
            if reader.is_cleared:
                await session.settle()
            else:
                await session.finish()

    async def _recording(self, first: Audio) -> Transcript:
        reader, stream = self.reader, self.reader.settings.stream
        is_raw = reader.settings.file_format is None and file_format(first.data[:HEAD_BYTES]) is None
        if is_raw and stream.options.channel != "split":
            async with contextlib.aclosing(reader.samples(first, self._context.pool)) as blocks:
                transcript = await transcribe_samples(self._context, blocks, stream.options)
            return replace(transcript, quality=reader.arrivals.clock.with_delivery(transcript.quality))
        pieces = reader.file_bytes(first)
        if is_raw:
            pieces = with_header(pieces, stream.audio)
        transcript = await transcribe_bytes(self._context, pieces, lambda: reader.settings.stream.options)
        reader.add_audio(transcript.duration_ms)
        return transcript

    def _put_empty_text(self) -> None:
        """Put the last text of an utterance without audio."""
        if self.reader.settings.is_recording:
            self._outbox.put(RecordingText(Transcript("", (), 0)))
        else:
            kind = PartialText if self.reader.settings.stream.mode == "online" else SegmentText
            self._outbox.put(kind("", is_last=True))

    def _on_speech(self, change: SpeechChange) -> None:
        self._outbox.put(SpeechChanged(change))

    def _on_update(self, update: Update) -> None:
        arrivals = self.reader.arrivals
        update = replace(update, quality=arrivals.clock.with_delivery(update.quality))
        self._outbox.put(text_event(update, arrivals.at(update.due_ms)))
