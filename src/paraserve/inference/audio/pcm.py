"""Raw audio as a live client sends it, cut anywhere, to samples."""

from dataclasses import dataclass, field

import numpy as np
import soxr

from paraserve.errors import AudioError
from paraserve.inference.audio.wav_header import RIFF_BYTES, PcmLayout, may_be_wav, read_wav_header
from paraserve.types import SAMPLE_RATE, AudioFormat, Samples


class PcmReader:
    """Bytes of one utterance after another; keeps what is left of a sample, and the resampler, between two pieces.

    An utterance that begins as a wav (`RIFF....WAVE`) is read by its own header, whatever the client said of it. What
    comes out does not depend on how the bytes are cut.

    Raises:
        AudioError: the number of channels or the sample rate is absurd.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self._raw = PcmLayout("int", 2, audio.channels, audio.sample_rate)
        self._utterance = _Utterance()

    def push(self, data: bytes) -> Samples:
        """The samples that these bytes complete.

        Raises:
            AudioError: the utterance is a wav whose header is damaged, or of a kind that is not decoded. The rest of
                the utterance is ignored.
        """
        now = self._utterance
        try:
            return _no_samples() if now.is_refused else self._read(now, data)
        except AudioError:
            now.is_refused = True
            raise

    def flush(self) -> Samples:
        """The last samples of the utterance; part of a frame is left out. The next bytes begin another one.

        Raises:
            AudioError: the utterance ended inside the header of a wav.
        """
        now, self._utterance = self._utterance, _Utterance()
        if now.is_refused:
            return _no_samples()
        if now.stream is not None:
            return now.stream.flush()
        if len(now.head) >= RIFF_BYTES:
            raise AudioError("damaged wav: it ends inside its header")
        stream = PcmStream(self._raw)
        return np.concatenate((stream.push(bytes(now.head)), stream.flush()))

    def _read(self, now: "_Utterance", data: bytes) -> Samples:
        if now.stream is not None:
            return now.stream.push(data)
        now.head += data
        if not may_be_wav(now.head):
            now.stream = PcmStream(self._raw)
            return now.stream.push(bytes(now.head))
        header = read_wav_header(now.head) if len(now.head) >= RIFF_BYTES else None
        if header is None:
            return _no_samples()
        now.stream = PcmStream(header.layout, header.data_bytes)
        return now.stream.push(bytes(now.head[header.data_at :]))


class PcmStream:
    """Bytes of one layout to mono samples at 16 kHz; what follows the first `n_bytes` (None: no end) is ignored."""

    def __init__(self, layout: PcmLayout, n_bytes: int | None = None) -> None:
        self._layout = layout
        self._left_bytes = n_bytes
        self._rest = b""
        self._resampler = None
        if layout.sample_rate != SAMPLE_RATE:
            self._resampler = soxr.ResampleStream(layout.sample_rate, SAMPLE_RATE, 1, dtype="float32")

    def push(self, data: bytes) -> Samples:
        """The samples that these bytes complete; a resampler holds some back."""
        if self._left_bytes is not None:
            data = data[: self._left_bytes]
            self._left_bytes -= len(data)
        data = self._rest + data
        n_whole = len(data) // self._layout.frame_bytes * self._layout.frame_bytes
        self._rest = data[n_whole:]
        samples = _mono(data[:n_whole], self._layout)
        if self._resampler is not None and len(samples):
            samples = self._resampler.resample_chunk(samples)
        return np.clip(samples, -1.0, 1.0)

    def flush(self) -> Samples:
        """What the resampler held back."""
        if self._resampler is None:
            return _no_samples()
        tail: Samples = self._resampler.resample_chunk(_no_samples(), last=True)
        return np.clip(tail, -1.0, 1.0)


@dataclass(slots=True)
class _Utterance:
    """The first bytes, while they may be the header of a wav; then what reads the audio."""

    head: bytearray = field(default_factory=bytearray)
    stream: PcmStream | None = None
    is_refused: bool = False


def _no_samples() -> Samples:
    return np.zeros(0, np.float32)


def _mono(data: bytes, layout: PcmLayout) -> Samples:
    """Whole frames as float32 (n_frames,): the mean of the channels."""
    values = _floats(data, layout)
    if layout.channels == 1:
        return values
    mixed: Samples = values.reshape(-1, layout.channels).mean(axis=1)
    return mixed


def _floats(data: bytes, layout: PcmLayout) -> Samples:
    """Samples in [-1, 1], channels interleaved. Floats that are no numbers are silence."""
    if layout.kind == "float":
        floats: Samples = np.nan_to_num(np.frombuffer(data, np.dtype("<f4")), posinf=0, neginf=0)
        return floats
    if layout.width_bytes == 1:  # the only unsigned one
        unsigned: Samples = np.frombuffer(data, np.uint8).astype(np.float32)
        return (unsigned - np.float32(128)) / np.float32(128)
    if layout.width_bytes == 3:
        widened = np.zeros((len(data) // 3, 4), np.uint8)
        widened[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data, width_bytes = widened.tobytes(), 4
    else:
        width_bytes = layout.width_bytes
    integers = np.frombuffer(data, np.dtype(f"<i{width_bytes}")).astype(np.float32)
    return integers / np.float32(1 << (8 * width_bytes - 1))
