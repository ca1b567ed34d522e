"""The listening half of a live connection: frames in, the audio of one utterance after another out."""

import time
from collections.abc import AsyncIterator, Callable

import numpy as np

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.inference.audio.pcm import PcmReader
from paraserve.server.live.queues import ArrivalTimes, CloseRequest, Inbox, Outbox
from paraserve.server.protocols.funasr.requests import LiveRequest, apply_message, end_marker, read_message
from paraserve.types import SAMPLE_RATE, Samples

MAX_GATHERED = 16
"""Frames of a client that sends faster than it speaks are worked on together, up to so many."""
SLICE_BYTES = 64 * 1024
"""Audio is read in pieces of at most this: one huge frame must not hold the event loop, nor grow when resampled."""


class UtteranceReader:
    """What the client has asked for and where its utterance stands. It is heard only while it reads its results.

    `request` is all that the messages so far came to. `stop` is set once nothing more will come. Of the utterance:
    `wants_ack` and `problem`, the message of what went wrong with it; `arrivals`, when its audio came;
    `ended_s`, when its end did.
    """

    def __init__(self, inbox: Inbox, outbox: Outbox, on_error: Callable[[ParaserveError], None]) -> None:
        self.request = LiveRequest()
        self.stop: CloseRequest | None = None
        self.heard_ms = 0.0
        self._inbox = inbox
        self._outbox = outbox
        self._on_error = on_error
        self.begin()

    def begin(self) -> None:
        """Another utterance: its times start at 0."""
        self.wants_ack = False
        self.problem: str | None = None
        self.arrivals = ArrivalTimes()
        self.ended_s: float | None = None
        self._received_s = 0.0

    async def next_audio(self) -> bytes | None:
        """The next binary frame; None at the utterance's end, and from then on. Text frames are obeyed."""
        while self.ended_s is None:
            await self._outbox.room()
            item = await self._inbox.get()
            if isinstance(item, CloseRequest):
                self.stop = item
                self._end(time.monotonic())
            elif not isinstance(item.data, str):
                self._received_s = item.received_s
                return item.data
            elif self._obey(item.data):
                self._end(item.received_s)
        return None

    async def skip(self) -> None:
        """Drop the rest of the utterance."""
        while await self.next_audio() is not None:
            pass

    async def audio(self, first: bytes) -> AsyncIterator[bytes]:
        """The utterance's bytes, from its first frame on, in pieces."""
        data: bytes | None = first
        while data is not None:
            for start in range(0, len(data), SLICE_BYTES):
                await self._outbox.room()
                yield data[start : start + SLICE_BYTES]
            data = await self.next_audio()

    async def samples(self, first: bytes) -> AsyncIterator[Samples]:
        """The utterance's raw audio as samples, as soon as it comes; what has already come, together.

        Raises:
            AudioError: it begins with a WAV header that cannot be used.
        """
        reader = PcmReader(self.request.audio)
        n_samples = 0
        gathered: list[Samples] = []
        async for data in self.audio(first):
            samples = reader.push(data)
            n_samples += len(samples)
            self.arrivals.add(n_samples * 1000 / SAMPLE_RATE, self._received_s)
            self.heard_ms += len(samples) * 1000 / SAMPLE_RATE
            gathered.append(samples)
            if not self._inbox.has_audio or len(gathered) == MAX_GATHERED:
                yield np.concatenate(gathered)
                gathered = []
        yield np.concatenate([*gathered, reader.flush()])

    def _obey(self, text: str) -> bool:
        """Take a message in; whether it ends the utterance. One with a mistake elsewhere does, too."""
        ends = False
        try:
            message = read_message(text)
            marker = end_marker(message)
            ends, self.wants_ack = marker.ends, marker.wants_ack
            self.request = apply_message(self.request, message)
        except ProtocolError as error:
            if ends:
                self.problem = error.message
            self._on_error(error)
        return ends

    def _end(self, received_s: float) -> None:
        self.ended_s = received_s
        self.arrivals.add(float("inf"), received_s)
