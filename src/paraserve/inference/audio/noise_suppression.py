"""Suppression of steady noise by WebRTC's audio processing, from the optional package webrtc-noise-gain."""

from importlib.util import find_spec

import numpy as np

from paraserve.types import FRAME_SAMPLES, Samples

MODULE, PACKAGE = "webrtc_noise_gain", "webrtc-noise-gain"
LEVEL = 2
"""Of 0 to 4. Level 4 cost the embedded bundle half a point of error at 10 dB and was no better at 3 dB."""
DELAY_SAMPLES = 96
"""What comes out is that much later than what goes in. It is taken back, so that times stay right."""
INT16 = 32_767


def is_installed() -> bool:
    """Return whether the package is there."""
    return find_spec(MODULE) is not None


class NoiseSuppressor:
    """Suppresses the noise in one stream of samples."""

    def __init__(self) -> None:
        from webrtc_noise_gain import AudioProcessor  # noqa: PLC0415 - an extra

        self._processor = AudioProcessor(0, LEVEL)  # without its automatic gain
        self._rest: Samples = np.zeros(0, np.float32)
        self._n_early = DELAY_SAMPLES  # samples still to be dropped
        self._n_owed = 0  # samples that came in and are not out yet

    def push(self, samples: Samples) -> Samples:
        """Return what is ready of all samples so far. Up to 16 ms of them wait for the next ones."""
        self._n_owed += len(samples)
        waiting = np.concatenate((self._rest, samples))
        n_whole = len(waiting) // FRAME_SAMPLES * FRAME_SAMPLES
        self._rest = waiting[n_whole:]
        data = (np.clip(waiting[:n_whole], -1, 1) * INT16).astype("<i2").tobytes()
        size = 2 * FRAME_SAMPLES
        done = b"".join(self._processor.Process10ms(data[at : at + size]).audio for at in range(0, len(data), size))
        ready: Samples = (np.frombuffer(done, "<i2") / INT16).astype(np.float32)
        n_dropped = min(self._n_early, len(ready))
        self._n_early -= n_dropped
        self._n_owed -= len(ready) - n_dropped
        return ready[n_dropped:]

    def flush(self) -> Samples:
        """Return the samples that still wait. Nothing may come after them."""
        n_owed = self._n_owed
        return self.push(np.zeros(DELAY_SAMPLES + FRAME_SAMPLES, np.float32))[:n_owed]
