"""Audio of a live client: held until a text covers it, sent over one connection after the other, as PCM bytes."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SAMPLE_BYTES = 2
MAX_UNSENT_S = 60
"""Audio that may wait to be sent before `put` waits: an outage of a minute does not hold up a microphone."""


class KeptAudio:
    """The client's audio from the first sample on that may have to be sent, or sent again.

    `has_lost` is true once sent audio that no text covers has been dropped to make room.
    """

    def __init__(self, sample_rate: int, keep_s: float) -> None:
        self._bytes_per_s = sample_rate * SAMPLE_BYTES
        self._keep_bytes = round(keep_s * sample_rate) * SAMPLE_BYTES
        self._data = bytearray()
        self._first_byte = 0
        self._n_sent = 0
        self.has_lost = False

    @property
    def unsent_s(self) -> float:
        """Seconds of audio not sent over the present connection."""
        return (len(self._data) - self._n_sent) / self._bytes_per_s

    def append(self, data: bytes) -> None:
        """Add the next audio."""
        self._data += data

    def take(self, n_bytes: int) -> bytes:
        """Return the next bytes to send, at most `n_bytes`, and drop sent audio that is too old."""
        frame = bytes(self._data[self._n_sent : self._n_sent + n_bytes])
        self._n_sent += len(frame)
        if self._n_sent > self._keep_bytes:
            self.has_lost = True
            self._drop(self._n_sent - self._keep_bytes)
        return frame

    def rewind(self) -> int:
        """Start again from the first byte held, for a new connection; return the number of its sample."""
        self._n_sent = 0
        return self.first_sample

    @property
    def first_sample(self) -> int:
        """Number of the first sample held."""
        return self._first_byte // SAMPLE_BYTES

    def go_on(self, at_byte: int) -> None:
        """Send on from this byte of the utterance, as far as it is held: a server has what comes before."""
        n_sent = at_byte - self._first_byte
        self.has_lost = self.has_lost or n_sent < 0
        self._n_sent = min(max(0, n_sent), len(self._data))

    def forget(self, n_samples: int) -> None:
        """Drop the audio before sample `n_samples`, which need not be sent again."""
        self._drop(min(n_samples * SAMPLE_BYTES - self._first_byte, self._n_sent))

    def _drop(self, n_bytes: int) -> None:
        if n_bytes > 0:
            del self._data[:n_bytes]
            self._first_byte += n_bytes
            self._n_sent -= n_bytes


class AudioQueue:
    """The audio between the caller, who puts it, and the connection, which takes it; bounded in what is unsent."""

    def __init__(self, kept: KeptAudio) -> None:
        self._kept = kept
        self._changed = asyncio.Condition()
        self._is_closed = False
        self.is_finished = False

    async def put(self, data: bytes) -> None:
        """Add audio; waits while more than `MAX_UNSENT_S` have not been sent, until the queue is closed."""
        async with self._changed:
            self._kept.append(data)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._kept.unsent_s <= MAX_UNSENT_S or self._is_closed)

    async def take(self, n_bytes: int) -> bytes:
        """Wait for audio and return at most `n_bytes` of it; empty when all has been sent and no more comes."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._kept.unsent_s > 0 or self.is_finished)
            frame = self._kept.take(n_bytes)
            self._changed.notify_all()
            return frame

    async def finish(self) -> None:
        """Mark the end of the audio."""
        async with self._changed:
            self.is_finished = True
            self._changed.notify_all()

    async def close(self) -> None:
        """Let `put` wait no longer: no connection will take audio any more."""
        async with self._changed:
            self._is_closed = True
            self._changed.notify_all()


def pcm(samples: "npt.NDArray[np.floating]") -> bytes:
    """Return signed 16-bit little-endian PCM; samples beyond full scale are clipped."""
    import numpy as np  # noqa: PLC0415 - who has an array has NumPy; who sends bytes need not

    return np.clip(np.round(samples * np.float32(32_768)), -32_768, 32_767).astype("<i2").tobytes()
