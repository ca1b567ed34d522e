"""Raw audio of live clients to samples. Messages may end anywhere, also inside a sample."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import soxr

from paraserve.errors import AudioError
from paraserve.inference.audio.channel_mix import ChannelMixer
from paraserve.inference.audio.recording import check_source
from paraserve.inference.audio.telephony import a_law_table, mu_law_table
from paraserve.inference.audio.wav.live_header import RIFF_BYTES, PcmKind, PcmLayout, may_be_wav, read_wav_header
from paraserve.inference.audio.wav.riff import OTHER_CHUNKS
from paraserve.options import AudioFormat, Encoding
from paraserve.types import SAMPLE_RATE, ChannelChoice, Samples

CHUNK_NAME_BYTES = 4
KINDS: Mapping[Encoding, tuple[PcmKind, int]] = MappingProxyType(
    {"int16": ("int", 2), "float32": ("float", 4), "alaw": ("alaw", 1), "mulaw": ("mulaw", 1)}
)
"""Kind and width in bytes of the samples of raw audio."""


class PcmReader:
    """Reader of the bytes of utterances, one after the other. Samples do not depend on the sizes of the messages.

    An utterance that begins like a wav (`RIFF....WAVE`) is read by its own header, whatever format the client stated.

    Args:
        audio: the format of audio without a header.
        channel: the channel to take; None mixes all, "split" gives samples of (n_samples, n_channels).

    Raises:
        AudioError: the number of channels or the sample rate is unusable, or there is no such channel.
    """

    def __init__(self, audio: AudioFormat, channel: ChannelChoice = None) -> None:
        kind, width_bytes = KINDS[audio.encoding]
        self._raw = PcmLayout(kind, width_bytes, audio.channels, audio.sample_rate)
        self._channel = channel
        self._utterance = _Utterance()

    @property
    def header(self) -> PcmLayout | None:
        """The layout that a WAV header at the beginning of the utterance states; None without one so far."""
        return self._utterance.header

    def push(self, data: bytes) -> Samples:
        """Return the samples that these bytes complete.

        Raises:
            AudioError: the utterance is a wav with a damaged header or of an unsupported kind. Its further bytes are
                ignored.
        """
        utterance = self._utterance
        try:
            return _no_samples() if utterance.is_refused else self._read(utterance, data)
        except AudioError:
            utterance.is_refused = True
            raise

    def flush(self) -> Samples:
        """Return the last samples of the utterance, without an incomplete frame. The next bytes begin another one.

        Raises:
            AudioError: the utterance ended inside the header of a wav.
        """
        utterance, self._utterance = self._utterance, _Utterance()
        if utterance.is_refused:
            return _no_samples()
        if utterance.stream is not None:
            return utterance.stream.flush()
        if len(utterance.head) >= RIFF_BYTES:
            raise AudioError("damaged wav: it ends inside its header")
        stream = PcmStream(self._raw, self._channel)
        return np.concatenate((stream.push(bytes(utterance.head)), stream.flush()))

    def _read(self, utterance: "_Utterance", data: bytes) -> Samples:
        if utterance.stream is not None:
            return utterance.stream.push(data)
        utterance.head += data
        if not may_be_wav(utterance.head):
            utterance.stream = PcmStream(self._raw, self._channel)
            return utterance.stream.push(bytes(utterance.head))
        header = read_wav_header(utterance.head) if len(utterance.head) >= RIFF_BYTES else None
        if header is None:
            return _no_samples()
        utterance.header = header.layout
        utterance.stream = PcmStream(header.layout, self._channel, header.data_bytes)
        return utterance.stream.push(bytes(utterance.head[header.data_at :]))


class PcmStream:
    """Converter of bytes in one layout to samples at 16 kHz, as `recording.py` does it with those of a file.

    Behind `n_bytes` (None: all are audio) other chunks of a wav may stand, which are ignored. Anything else is audio
    that the wav's header does not count.

    Raises:
        AudioError: there is no such channel, or there are too many to be kept apart.
    """

    def __init__(self, layout: PcmLayout, channel: ChannelChoice, n_bytes: int | None = None) -> None:
        check_source(layout.channels, layout.sample_rate, channel)
        self._layout = layout
        self._left_bytes = n_bytes
        self._padding_bytes = (n_bytes or 0) % 2
        self._behind = b""
        self._is_over = False
        self._rest = b""
        self._table = _table(layout)
        self._channel = channel
        self._mixer = None
        if channel is None and layout.channels > 1:
            self._mixer = ChannelMixer(layout.channels, layout.sample_rate)
        self._resampler = None
        if layout.sample_rate != SAMPLE_RATE:
            n_channels = layout.channels if channel == "split" else 1
            self._resampler = soxr.ResampleStream(layout.sample_rate, SAMPLE_RATE, n_channels, dtype="float32")

    def push(self, data: bytes) -> Samples:
        """Return the samples that these bytes complete; a resampler and a mixer delay some."""
        data = self._rest + self._audio(data)
        n_whole = len(data) // self._layout.frame_bytes * self._layout.frame_bytes
        self._rest = data[n_whole:]
        return self._resampled(self._chosen(self._floats(data[:n_whole])), is_last=False)

    def _chosen(self, values: Samples) -> Samples:
        """Return whole frames, interleaved, as one channel or as those that stay apart."""
        if self._layout.channels == 1 and self._channel != "split":
            return values
        frames = values.reshape(-1, self._layout.channels)
        if self._mixer is not None:
            return self._mixer.push(frames)
        return frames if self._channel == "split" else frames[:, self._channel or 0]

    def _resampled(self, samples: Samples, *, is_last: bool) -> Samples:
        if self._resampler is not None and (len(samples) or is_last):
            samples = self._resampler.resample_chunk(samples, last=is_last)
        return np.clip(samples, -1.0, 1.0)

    def _audio(self, data: bytes) -> bytes:
        """Return the audio among these bytes. The first five behind the stated end tell whether there is more."""
        if self._left_bytes is None or self._is_over:
            return b"" if self._is_over else data
        audio, self._behind = data[: self._left_bytes], self._behind + data[self._left_bytes :]
        self._left_bytes -= len(audio)
        if self._left_bytes or len(self._behind) <= CHUNK_NAME_BYTES:
            return audio
        name = self._behind[self._padding_bytes :][:CHUNK_NAME_BYTES]
        self._is_over, self._left_bytes = name in OTHER_CHUNKS, None
        more, self._behind = b"" if self._is_over else self._behind, b""
        return audio + more

    def _floats(self, data: bytes) -> Samples:
        if self._table is None:
            return _floats(data, self._layout)
        samples: Samples = self._table[np.frombuffer(data, np.uint8)]
        return samples

    def flush(self) -> Samples:
        """Return the samples that were delayed."""
        rest = self._chosen(_no_samples()) if self._mixer is None else self._mixer.flush()
        return self._resampled(rest, is_last=True)


@dataclass(slots=True)
class _Utterance:
    """State of an utterance: first bytes that may be a wav header, then the stream that converts the audio."""

    head: bytearray = field(default_factory=bytearray)
    stream: PcmStream | None = None
    header: PcmLayout | None = None
    is_refused: bool = False


def _no_samples() -> Samples:
    return np.zeros(0, np.float32)


def _table(layout: PcmLayout) -> Samples | None:
    """Return the samples of the 256 bytes of a telephony codec, None for other layouts."""
    if layout.kind == "alaw":
        return a_law_table()
    return mu_law_table() if layout.kind == "mulaw" else None


def _floats(data: bytes, layout: PcmLayout) -> Samples:
    """Return samples in [-1, 1], channels interleaved. NaN and infinities become silence."""
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
