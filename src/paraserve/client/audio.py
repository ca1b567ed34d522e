"""Audio of a live client: as bytes of the wire, and kept until a text covers it."""

import numpy as np

from paraserve.types import Samples

SAMPLE_BYTES = 2


class KeptAudio:
    """What was given to the client, from the first sample that may have to be sent (again).

    `has_lost` is true once sent audio that nothing covers had to make room.
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
        """Audio not sent over the present connection."""
        return (len(self._data) - self._n_sent) / self._bytes_per_s

    def append(self, data: bytes) -> None:
        """Add what was recorded next."""
        self._data += data

    def take(self, n_bytes: int) -> bytes:
        """The next bytes to send; what is too old is forgotten."""
        frame = bytes(self._data[self._n_sent : self._n_sent + n_bytes])
        self._n_sent += len(frame)
        if self._n_sent > self._keep_bytes:
            self.has_lost = True
            self._drop(self._n_sent - self._keep_bytes)
        return frame

    def rewind(self) -> int:
        """Send all again over a new connection; returns the number of its first sample."""
        self._n_sent = 0
        return self._first_byte // SAMPLE_BYTES

    def forget(self, n_samples: int) -> None:
        """Samples before this one need not be sent again."""
        self._drop(min(n_samples * SAMPLE_BYTES - self._first_byte, self._n_sent))

    def _drop(self, n_bytes: int) -> None:
        if n_bytes > 0:
            del self._data[:n_bytes]
            self._first_byte += n_bytes
            self._n_sent -= n_bytes


def pcm(samples: Samples) -> bytes:
    """Signed 16-bit little-endian; louder than full scale is clipped."""
    return np.clip(np.round(samples * np.float32(32_768)), -32_768, 32_767).astype("<i2").tobytes()
