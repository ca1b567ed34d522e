"""Plain data that travels between the parts. Times are int milliseconds from the start of the recording."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Hz of all `Samples`."""
FRAME_MS = 10
"""One fbank frame."""
FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000

Samples: TypeAlias = npt.NDArray[np.float32]
"""float32 (n_samples,), mono, 16 kHz, in [-1, 1]. Only the frontend rescales to the int16 range."""
Features: TypeAlias = npt.NDArray[np.float32]
"""float32 (n_frames, dim)."""
Int: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Segment:
    """A span of speech."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """What a file says of itself before it is decoded.

    `duration_ms` is None where the container gives no dependable length (raw mp3 and aac, streamed wav and webm).
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class SegmentAudio:
    """What a recogniser gets: the segment's samples, and its fbank if somebody already computed it.

    `features` is the plain 80-dimensional log-mel fbank (n_frames, 80), before LFR and CMVN. Segments start on
    multiples of 10 ms, so a slice of the recording's fbank equals the fbank of the segment.
    """

    samples: Samples
    features: Features | None = None


@dataclass(frozen=True, slots=True)
class VadEvent:
    """Speech starts or ends at `at_ms`."""

    kind: Literal["start", "end"]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Token:
    """One unit of text: a Chinese character, an English word, or (after ITN) what replaced several of them.

    Times are None where the model gives none. `score` is a probability in [0, 1].
    """

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a recogniser says of one segment. `score` is the mean of the tokens' probabilities."""

    tokens: tuple[Token, ...] = ()
    token_ids: tuple[int, ...] = ()
    text: str = ""
    score: float = 1.0
    language: str | None = None
    emotion: str | None = None
    events: tuple[str, ...] = ()
    is_punctuated: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """A punctuated span with the tokens that it is made of."""

    text: str
    start_ms: int | None
    end_ms: int | None
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Timing:
    """Where a request's time went, in milliseconds summed over its parts (parts overlap)."""

    queue_ms: int = 0
    decode_ms: int = 0
    inference_ms: int = 0


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole recording.

    `audio_received_ms` is what was decoded, `audio_processed_ms` what went through the pipeline: equal unless
    something was lost. `damaged_packets` counts packets of the file that could not be decoded.
    """

    text: str
    sentences: tuple[Sentence, ...]
    duration_ms: int
    language: str | None = None
    audio_received_ms: int = 0
    audio_processed_ms: int = 0
    damaged_packets: int = 0
    timing: Timing = field(default_factory=Timing)


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What a client may choose for one recording.

    `channel` selects one channel of the file (0-based), None mixes all down. `deterministic` runs every model on
    one item at a time, so that the text does not depend on what else the server is doing.
    """

    hotwords: tuple[str, ...] = ()
    itn: bool = True
    punctuate: bool = True
    language: str | None = None
    deterministic: bool = False
    prompt: str | None = None
    channel: int | None = None
