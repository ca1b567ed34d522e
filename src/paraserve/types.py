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
ROW_MS = 60
"""One low-frame-rate row of a Paraformer."""

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
    """Speech starts or ends at `at_ms`.

    `decided_ms` is how much audio the decision took. It does not depend on the sizes of the steps either, so what
    follows from it comes out the same for any of them.
    """

    kind: Literal["start", "end"]
    at_ms: int
    decided_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class VadOverrides:
    """What a client may change of voice activity detection for one stream; None keeps the model's own.

    `speech_noise_threshold` is how much more probable than noise speech must be, in [-1, 1].
    """

    max_end_silence_ms: int | None = None
    max_segment_ms: int | None = None
    speech_noise_threshold: float | None = None


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
    """What a recogniser says of one segment. `score` is the mean of the tokens' probabilities.

    `language` is a code ("zh"), `emotion` and `events` are words of the model that heard them ("NEUTRAL", "Speech").
    `is_punctuated`: `text` is in its final form, with marks and written numbers; the tokens are its words, without
    marks. `itn` says whether the model was asked for written numbers; None where it knows no such choice.
    """

    tokens: tuple[Token, ...] = ()
    token_ids: tuple[int, ...] = ()
    text: str = ""
    score: float = 1.0
    language: str | None = None
    emotion: str | None = None
    events: tuple[str, ...] = ()
    is_punctuated: bool = False
    itn: bool | None = None


@dataclass(frozen=True, slots=True)
class Partial:
    """What one step of a streaming recogniser adds to its utterance.

    Texts of the steps joined are the text of the whole utterance: nothing is ever taken back. `tail` is text that may
    still change (the front of a word, letters that may become an abbreviation); it comes again, whole, in a later
    `text`. `tokens` are the words of `text`, their times relative to the utterance's start; `token_ids` the ids that
    this step decoded.
    """

    text: str = ""
    tail: str = ""
    tokens: tuple[Token, ...] = ()
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A punctuated span with the tokens that it is made of; language, emotion and events as in `Hypothesis`."""

    text: str
    start_ms: int | None
    end_ms: int | None
    tokens: tuple[Token, ...]
    language: str | None = None
    emotion: str | None = None
    events: tuple[str, ...] = ()


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
class RecognitionOptions:
    """What a client may choose for one recording.

    `channel` selects one channel of the file (0-based), None mixes all down. `deterministic` runs every model on
    one item at a time, so that the text does not depend on what else the server is doing. `language` None lets the
    model find out. `model_itn` False asks a model that writes numbers and marks itself to leave both. `word_times`
    False allows to save the work of finding them. A `draft` is a partial text, soon replaced: quick before good.
    """

    hotwords: tuple[str, ...] = ()
    itn: bool = True
    punctuate: bool = True
    language: str | None = None
    deterministic: bool = False
    prompt: str | None = None
    channel: int | None = None
    model_itn: bool = True
    word_times: bool = True
    draft: bool = False


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Raw audio as a client sends it: 16-bit little-endian integers, channels interleaved."""

    sample_rate: int = SAMPLE_RATE
    channels: int = 1


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """FunASR's `chunk_size` in rows of 60 ms: past context, what one step decodes, future context.

    Raises:
        ValueError: a negative size, or a step of nothing.
    """

    past: int = 5
    current: int = 10
    future: int = 5

    def __post_init__(self) -> None:
        if min(self.past, self.future) < 0 or self.current < 1:
            raise ValueError("chunk_size is [past >= 0, current >= 1, future >= 0]")

    @property
    def step_ms(self) -> int:
        """Audio that one step takes."""
        return self.current * ROW_MS


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """One live utterance: what the client asks for.

    `encoder_look_back` and `decoder_look_back` are chunks that a streaming model may look back at; None = the model's
    own. `realtime_punctuation` keeps back each segment's closing mark and puts it before the next segment's text.
    """

    mode: Literal["2pass", "online"] = "2pass"
    audio: AudioFormat = AudioFormat()
    chunk: ChunkSize = ChunkSize()
    encoder_look_back: int | None = None
    decoder_look_back: int | None = None
    vad: VadOverrides = VadOverrides()
    wav_name: str = ""
    session_id: str = ""
    options: RecognitionOptions = RecognitionOptions()
    realtime_punctuation: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """What a live utterance says next. Times are ms from the start of the utterance.

    An "online" update adds `text` to what was said of its segment; an "offline" one replaces all of it. `tail` is
    text that may still change and is not part of `text`. `tokens` are the words of an online update, `sentences`
    those of an offline one. `seq` counts the updates, `segment_index` the segments. `start_ms` and `end_ms` are the
    audio that it covers, `due_ms` the audio that had to arrive for it. Exactly one update of an utterance is the
    `last`. `timing` says where the time of an offline one went.
    """

    kind: Literal["online", "offline"]
    text: str
    tail: str = ""
    tokens: tuple[Token, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    seq: int = 0
    segment_index: int = 0
    start_ms: int = 0
    end_ms: int = 0
    due_ms: int = 0
    last: bool = False
    timing: Timing | None = field(default=None, compare=False)
